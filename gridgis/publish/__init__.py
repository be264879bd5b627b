"""What people take away of a division: the stand-alone map and the picture, and what both are made of.

:mod:`~gridgis.publish.standing` says where grids stand in their range, :mod:`~gridgis.publish.light`
makes geometry light enough for a page, :mod:`~gridgis.publish.texts` puts it in words.
"""
