"""What hangs in a community: the notice sheet of each grid, and the responsibility map of the community.

Begin with `notice.py` and `responsibility.py`; both are drawn with the maps of the dossier.
"""
