"""Cases to their grid and to those who answer for it: where, by which rule, how sure."""

from gridgis.resolve.batch import resolved, unanswered
from gridgis.resolve.office import Office
from gridgis.resolve.one import Resolution, resolution

__all__ = ["Office", "Resolution", "resolution", "resolved", "unanswered"]
