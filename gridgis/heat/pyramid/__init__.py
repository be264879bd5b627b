"""Cases counted by place x day x item x source, in files beside the registry: any question becomes a lattice of counts.

A pyramid is a folder. `catalogue.db` (SQLite) says which segments there are, which batches came in and what items and
sources are called; each `segment-n.heat` holds cases, sorted, as plain arrays that are mapped and never changed.
"""

from gridgis.heat.pyramid.cases import Cases, cases_of
from gridgis.heat.pyramid.catalogue import Aside
from gridgis.heat.pyramid.query import Pyramid
from gridgis.heat.pyramid.question import Question
from gridgis.heat.pyramid.write import append, build, compact

__all__ = ["Aside", "Cases", "Pyramid", "Question", "append", "build", "cases_of", "compact"]
