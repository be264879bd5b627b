"""What people take away of a division and of hot spots: stand-alone maps, pictures, layers, and what they are made of.

:mod:`~gridgis.publish.standing` says where grids stand in their range, :mod:`~gridgis.publish.light`
makes geometry light enough for a page, :mod:`~gridgis.publish.texts` puts it in words. :mod:`~gridgis.publish.page`
is the page and :mod:`~gridgis.publish.sheet` the paper of both; colours of hot spots are in
:mod:`~gridgis.publish.heat_scale`, their words in :mod:`~gridgis.publish.heat_words`.
"""
