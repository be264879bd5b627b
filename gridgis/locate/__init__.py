"""Points to grids: look-up in a coverage, borders and confidence."""

from gridgis.locate.locate import METHODS, Located, candidates, decided, doubted, hinted, locate, notes
from gridgis.locate.places import Places

__all__ = ["METHODS", "Located", "Places", "candidates", "decided", "doubted", "hinted", "locate", "notes"]
