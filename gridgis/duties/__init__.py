"""People and duties: posts and who holds them, the item catalogue, duty rules, and the parties that answer for a case.

Frames in, frames out; no file but for :mod:`gridgis.duties.read`, no store.
"""

from gridgis.duties.answer import Answer, Desk, answer
from gridgis.duties.batch import answers
from gridgis.duties.columns import TABLES, Case, Duties, Place, Section
from gridgis.duties.owners import Standing, owners
from gridgis.duties.read import read_duties

__all__ = [
    "TABLES",
    "Answer",
    "Case",
    "Desk",
    "Duties",
    "Place",
    "Section",
    "Standing",
    "answer",
    "answers",
    "owners",
    "read_duties",
]
