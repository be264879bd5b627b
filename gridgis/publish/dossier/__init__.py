"""What a district hands in: tables, code ledger, totals, statement of changes, maps, Shapefile, list of SHA-256.

Begin with `write.py`; what a dossier is of is a :class:`~gridgis.publish.dossier.subject.Subject`.
"""
