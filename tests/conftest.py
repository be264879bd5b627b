"""What all tests share: a home for caches, settings of hypothesis, a browser, the app of what a file is told."""

from __future__ import annotations

import browser
import pytest
from hypothesis import HealthCheck, settings

import webmap

settings.register_profile(
    "gridgis",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("gridgis")


@pytest.fixture(scope="module")
def window():
    """A browser for the tests of a file."""
    if browser.CHROMIUM is None:
        pytest.skip("no Chromium: install it by tests/system-packages")
    with browser.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def app(told):
    """The application of what the tests of a file are told."""
    return webmap.create_app(told)
