"""Accounts: one-time passwords, sessions that end, lock-out, keys of programs; nothing that is secret is kept."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis import jobs
from gridgis.errors import Denied, InputRefused
from gridgis.jobs.accounts import one_time_password, refuse_weak
from gridgis.jobs.registry import reading, writing
from gridgis.registry import accounts, tables

NEW = "Correct-horse-7"


@pytest.fixture
def store(tmp_path: Path) -> str:
    url = str(tmp_path / "city.db")
    jobs.init(url, administrator="chief")
    return url


@pytest.fixture
def planner(store: str) -> str:
    """One-time password of a planner."""
    return jobs.add_user(store, "draws", role="planner", area="310112", by="chief")


def test_the_first_administrator_gets_a_password_once(store):
    name, password = jobs.first_administrator(store)
    assert name == "chief"
    assert jobs.first_administrator(store) is None
    assert jobs.signed_in(store, jobs.sign_in(store, name, password)).must_change


def test_a_given_password_is_to_be_changed_and_ends_all_sessions(store, planner):
    first = jobs.sign_in(store, "draws", planner)
    second = jobs.change_password(store, "draws", planner, NEW)
    assert jobs.signed_in(store, first) is None
    assert jobs.signed_in(store, second) == jobs.Person("draws", "planner", "310112")
    jobs.sign_out(store, second)
    assert jobs.signed_in(store, second) is None
    with pytest.raises(Denied):
        jobs.sign_in(store, "draws", planner)


def test_wrong_names_and_wrong_passwords_are_told_in_the_same_words(store, planner):
    said = set()
    for name, password in (("draws", "no"), ("nobody", "no"), ("chief", planner), ("draws", "")):
        with pytest.raises(Denied) as refused:
            jobs.sign_in(store, name, password)
        said.add(str(refused.value))
    assert len(said) == 1


def test_failures_in_a_row_lock_for_a_while_and_are_an_event(store, planner):
    for _ in range(accounts.MOST_FAILURES):
        with pytest.raises(Denied, match="wrong"):
            jobs.sign_in(store, "draws", "no")
    with pytest.raises(Denied, match="Wait up to 15 minutes"):
        jobs.sign_in(store, "draws", planner)
    assert [one.kind for one in jobs.events(store)][-1] == "account.locked"
    again = jobs.reset_password(store, "draws", by="chief")
    assert jobs.signed_in(store, jobs.sign_in(store, "draws", again)).must_change


def test_failures_are_forgotten_where_somebody_signs_in(store, planner):
    for _ in range(3):
        for _ in range(accounts.MOST_FAILURES - 1):
            with pytest.raises(Denied, match="wrong"):
                jobs.sign_in(store, "draws", "no")
        jobs.sign_in(store, "draws", planner)


@pytest.mark.parametrize("gone", [accounts.IDLE, accounts.LONGEST])
def test_a_session_runs_out(store, planner, gone):
    secret = jobs.sign_in(store, "draws", planner)
    late = datetime.datetime.now(datetime.UTC) + gone + datetime.timedelta(seconds=1)
    with reading(store) as connection:
        assert accounts.session_of(connection, secret, at=late) is None
    with writing(store) as connection:
        accounts.seen(connection, secret, at=late + datetime.timedelta(days=1))
        assert connection.scalar(sa.select(sa.func.count()).select_from(tables.session)) == 0


def test_who_acts_no_more_is_signed_in_no_more(store, planner):
    secret, key = jobs.sign_in(store, "draws", planner), jobs.make_token(store, "draws", label="gis")
    jobs.end_actor(store, "draws", by="chief")
    assert jobs.signed_in(store, secret) is None
    assert jobs.holder(store, key) is None
    with pytest.raises(Denied):
        jobs.sign_in(store, "draws", planner)


@pytest.mark.usefixtures("planner")
def test_a_key_holds_until_it_is_ended(store):
    key = jobs.make_token(store, "draws", label="gis")
    assert jobs.holder(store, key) == jobs.Person("draws", "planner", "310112")
    [told] = jobs.tokens(store, "draws")
    with pytest.raises(InputRefused, match="none of yours"):
        jobs.end_token(store, told.id, by="chief")
    jobs.end_token(store, told.id, by="draws")
    assert jobs.holder(store, key) is None


@pytest.mark.usefixtures("planner")
def test_an_expired_key_holds_no_more(store):
    assert jobs.holder(store, jobs.make_token(store, "draws", label="gis", days=-1)) is None


@pytest.mark.usefixtures("planner")
def test_only_an_administrator_of_the_area_gives_passwords(store):
    jobs.add_user(store, "elsewhere", role="administrator", area="420103", by="chief")
    for by in ("elsewhere", "draws"):
        with pytest.raises(InputRefused):
            jobs.add_user(store, "another", role="planner", area="310112", by=by)
    with pytest.raises(InputRefused):
        jobs.reset_password(store, "draws", by="elsewhere")


@pytest.mark.usefixtures("planner")
def test_a_subject_signs_in_whom_it_is_bound_to(store):
    jobs.bind_user(store, "draws", "issuer|7", by="chief")
    assert jobs.signed_in(store, jobs.sign_in_subject(store, "issuer|7")).name == "draws"
    with pytest.raises(Denied, match="gridgis user bind"):
        jobs.sign_in_subject(store, "issuer|8")


def test_no_secret_stands_in_the_store(store, planner, tmp_path):
    secret, key = jobs.sign_in(store, "draws", planner), jobs.make_token(store, "draws", label="gis")
    jobs.backup(store, str(tmp_path / "copy.db"))
    content = (tmp_path / "copy.db").read_bytes()
    assert not [one for one in (planner, secret, key) if one.encode() in content]
    assert jobs.verify(store).faults == ()


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("Ab1-", "4 characters"),
        ("aaaaaaaaaaaaaaaa", "1 kinds"),
        ("Abcdefghijkl", "2 kinds"),
        ("Aa1Aa1Aa1Aa1", "few"),
        ("My-name-draws-1", "name"),
    ],
)
def test_a_weak_password_is_refused_with_the_rule(password, problem):
    with pytest.raises(InputRefused, match=problem):
        refuse_weak(password, name="draws")


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_taken_or_refused(password):
    with contextlib.suppress(InputRefused):
        refuse_weak(password, name="x")
        assert len(password) >= 10


def test_one_time_passwords_are_strong_and_differ():
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    for one in made:
        refuse_weak(one, name="someone")
