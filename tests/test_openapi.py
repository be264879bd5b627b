"""The interface's own description: whole, and what the server does holds to it."""

from __future__ import annotations

import pytest
import schemathesis
from city import SMALL, make_city
from hypothesis import HealthCheck, given, settings

from gridgis import jobs
from gridgis.registry.tables import ROLES

APART = ("/ogc", "/open311", "/tiles")
"""Addresses that have a description of their own standard, or none."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"), plan=SMALL, roles=ROLES)


@pytest.fixture(scope="module")
def keys(told):
    """A key for each of the roles that work with the interface."""
    roles = ("planner", "submitter", "city_reviewer", "dispatcher", "leader", "administrator")
    return {role: jobs.make_token(told.store, role, label="test", days=1) for role in roles}


def test_the_description_is_of_3_1_and_names_every_address_of_the_interface(app):
    told = app.test_client().get("/openapi.json").json
    assert told["openapi"].startswith("3.1")
    known = {path.split("{")[0].rstrip("/") for path in told["paths"]}
    bare = {
        rule.rule.split("<")[0].rstrip("/")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not rule.rule.startswith(APART)
    }
    assert {path for path in bare - known if not path.startswith("/api/division")} == set()


def operations(app):
    """Every operation of the description."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("examples", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_nothing_that_is_asked_makes_the_server_fail(app, keys, examples):
    asked = operations(app)
    assert len(asked) > 40
    for operation in asked:
        hold(operation, keys, examples=examples)


def hold(operation, keys, *, examples):
    """Ask for an operation what its description allows, and what it does not, as several roles."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case):
        for key in keys.values():
            answer = case.call(headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code < 500, (case.method, case.path, answer.text)

    ask()
