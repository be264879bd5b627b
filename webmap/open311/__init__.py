"""Open311 GeoReport v2: services, service definitions, requests and tokens as XML and JSON, for programs of others.

Invariant: what a caller said and left of himself comes in and never goes out. Added to the standard: `grid_code` and
`zone_code` of each request, and `grid_code`, `bbox`, `updated_after` and `page` to look for them.
Source: GeoReport v2 (https://wiki.open311.org/GeoReport_v2).
"""

from webmap.open311.catalogue import Catalogue
from webmap.open311.views import pages
from webmap.open311.written import error
from webmap.standards import Standard

__all__ = ["STANDARD", "Catalogue", "pages"]

STANDARD = Standard("/open311", error, has_pages=False)
