"""GCJ-02, the shifted coordinates of Chinese maps, by the formula that is generally known (forward only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
A, EE = 6378245.0, 0.00669342162296594323


def to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Shifted longitudes and latitudes in degrees; only for places in mainland China."""
    x, y = lon - 105.0, lat - 35.0
    waves = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + waves
    north += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + waves
    east += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    phi = np.radians(lat)
    root = np.sqrt(1 - EE * np.sin(phi) ** 2)
    north = np.degrees(north / ((A * (1 - EE)) / root**3))
    return lon + np.degrees(east / (A / root * np.cos(phi))), lat + north
