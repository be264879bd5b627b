"""Coordinates as they are handed in: in which system, exchanged, shifted as a whole, or pasted as a link."""

from gridgis.coordinates.batch import Shift, beyond, shift, swapped
from gridgis.coordinates.pasted import pasted
from gridgis.coordinates.systems import SHIFTED, in_mainland, system, to_crs

__all__ = ["SHIFTED", "Shift", "beyond", "in_mainland", "pasted", "shift", "swapped", "system", "to_crs"]
