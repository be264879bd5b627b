"""Addresses: a gazetteer built from a city's layers, and the search for what people write.

The gazetteer is one file that can be built again at any time; it is not the registry's store.
"""

from gridgis.addresses.answer import Answer, Candidate, Side
from gridgis.addresses.build import SOURCES, Counts, build
from gridgis.addresses.gazetteer import Gazetteer, remembered
from gridgis.addresses.suggest import Suggestion

__all__ = ["SOURCES", "Answer", "Candidate", "Counts", "Gazetteer", "Side", "Suggestion", "build", "remembered"]
