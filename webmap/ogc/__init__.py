"""OGC API - Features: what is in force, for QGIS and other programs; for people who are signed in, in their area.

Source: OGC 17-069r4 (Core, GeoJSON, OpenAPI 3.0) and OGC 18-058r1 (Coordinate Reference Systems by Reference).
"""

from webmap.ogc.described import error
from webmap.ogc.views import pages
from webmap.standards import Standard

__all__ = ["STANDARD", "pages"]

STANDARD = Standard("/ogc", error, has_pages=True)
