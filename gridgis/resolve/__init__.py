"""Cases to their grid and to those who answer for it: where, by which rule, how sure; and what lies in an area."""

from gridgis.resolve.area import Affected, affected, circle
from gridgis.resolve.batch import resolved, spots, unanswered
from gridgis.resolve.office import Office
from gridgis.resolve.one import Option, Resolution, given, resolution

__all__ = [
    "Affected",
    "Office",
    "Option",
    "Resolution",
    "affected",
    "circle",
    "given",
    "resolution",
    "resolved",
    "spots",
    "unanswered",
]
