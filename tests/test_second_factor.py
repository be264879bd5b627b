"""The second factor: codes as the standard has them, taken once; asked for by role; recovery; no secret in plain."""

from __future__ import annotations

import base64
import datetime
import re
import stat
from dataclasses import replace

import pytest
import sqlalchemy as sa
from city import PASSWORD, client_of, make_city, signed_in
from click.testing import CliRunner

import webmap
from gridgis import jobs
from gridgis.cli import main
from gridgis.errors import Denied, InputRefused
from gridgis.jobs.registry import reading, writing
from gridgis.registry import second_factor, tables
from gridgis.registry.accounts import account_of
from gridgis.registry.sealing import load_key
from gridgis.registry.store import store_id

NOW = datetime.datetime(2026, 5, 1, 12, 0, 10, tzinfo=datetime.UTC)
LEADERS = ("leader", "other_leader", "city_leader")


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds, code):
    assert second_factor.code_at(b"12345678901234567890", seconds // 30, digits=8) == code


def test_a_code_is_right_near_its_time_and_after_the_last_alone():
    secret, step = b"x" * 20, int(NOW.timestamp()) // 30
    for off, right in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = second_factor.code_at(secret, step + off)
        assert (second_factor.step_of(secret, code, at=NOW) == step + off) is right, off
    code = second_factor.code_at(secret, step)
    assert second_factor.step_of(secret, code, at=NOW, after=step) is None
    assert second_factor.step_of(secret, code, at=NOW, after=step - 1) == step
    for wrong in ("", "12345", "1234567", "٣٣٣٣٣٣", "abcdef", "\ud800"[:0]):
        assert second_factor.step_of(secret, wrong, at=NOW) is None


@pytest.fixture
def told(tmp_path):
    return make_city(tmp_path)


@pytest.fixture
def app(told):
    return webmap.create_app(told)


def secret_of(told, name):
    """The secret on somebody's telephone."""
    with reading(told.store) as connection:
        seal = load_key(told.accounts_key, store=store_id(connection))
        sealed = account_of(connection, name).totp
    return bytes.fromhex(seal.opened(f"account {name}", bytes(sealed))["totp"])


def code_of(told, name, *, off=0):
    step = int(datetime.datetime.now(datetime.UTC).timestamp()) // 30
    return second_factor.code_at(secret_of(told, name), step + off)


def forget_step(told, name):
    """Let the code of this moment be one that was not given yet."""
    with writing(told.store) as connection:
        connection.execute(sa.update(tables.account).where(tables.account.c.actor == name).values(totp_step=0))


def set_up(told, app, name):
    """Somebody signed in who has a second factor, and his recovery codes."""
    client = signed_in(app, name)
    assert client.post("/account/second-factor/begin").status_code == 302
    page = client.post("/account/second-factor", data={"code": code_of(told, name)})
    assert page.status_code == 200, page.text
    assert page.headers["Cache-Control"] == "no-store"
    codes = re.findall(r"<code>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</code>", page.text)
    assert len(set(codes)) == second_factor.RECOVERY
    return client, codes


def half_way(app, name, onward="/account"):
    """Somebody who gave his password and has still to give a code."""
    client = client_of(app)
    answer = client.post("/sign-in", data={"name": name, "password": PASSWORD, "next": onward})
    assert answer.headers["Location"].startswith("/sign-in/code")
    return client


@pytest.mark.usefixtures("app")
def test_the_key_of_the_server_is_for_its_eyes_alone(told):
    assert stat.S_IMODE(told.accounts_key.stat().st_mode) == 0o600
    before = told.accounts_key.read_bytes()
    webmap.create_app(told)
    assert told.accounts_key.read_bytes() == before


def test_it_is_set_up_asked_for_and_a_code_is_taken_once(told, app):
    owner, codes = set_up(told, app, "leader")
    assert codes[0] not in owner.get("/account").text
    client = half_way(app, "leader", "/account")
    assert client.get("/api/division", headers={"Accept": "application/json"}).status_code == 401
    assert client.get("/account").status_code == 401
    held = client.get_cookie("gridgis").value
    assert client.post("/sign-in/code", data={"code": code_of(told, "leader")}).status_code == 401  # that of setting up
    forget_step(told, "leader")
    code = code_of(told, "leader")
    answer = client.post("/sign-in/code", data={"code": f"{code[:3]} {code[3:]}", "next": "/account"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account")
    assert client.get_cookie("gridgis").value != held
    assert client.get("/account").status_code == 200
    assert half_way(app, "leader").post("/sign-in/code", data={"code": code}).status_code == 401


def test_what_was_given_before_the_code_signs_nobody_in(told, app):
    set_up(told, app, "leader")
    client = half_way(app, "leader")
    held = client.get_cookie("gridgis").value
    assert jobs.signed_in(told.store, held) is None
    with writing(told.store) as connection:
        connection.execute(sa.update(tables.session).values(created_at="2020-01-01T00:00:00.000000+00:00"))
    forget_step(told, "leader")
    with pytest.raises(Denied, match="too long"):
        jobs.give_code(told.store, held, code_of(told, "leader"), key=told.accounts_key)


def test_wrong_codes_lock_whatever_the_password(told, app):
    set_up(told, app, "leader")
    for _ in range(5):  # the right password between them forgives none
        assert half_way(app, "leader").post("/sign-in/code", data={"code": "000000"}).status_code == 401
    answer = client_of(app).post("/sign-in", data={"name": "leader", "password": PASSWORD})
    assert answer.status_code == 401
    assert "Too many failures" in answer.text


def test_recovery_codes_are_taken_once_each(told, app):
    _, codes = set_up(told, app, "leader")
    client = half_way(app, "leader")
    assert client.post("/sign-in/code", data={"code": codes[3].upper()}).status_code == 302
    assert half_way(app, "leader").post("/sign-in/code", data={"code": codes[3]}).status_code == 401
    assert half_way(app, "leader").post("/sign-in/code", data={"code": codes[4].replace("-", "")}).status_code == 302
    assert jobs.recovery_codes_left(told.store, "leader") == second_factor.RECOVERY - 2
    with reading(told.store) as connection:
        row = connection.execute(sa.select(tables.account).where(tables.account.c.actor == "leader")).one()
        events = " ".join(connection.scalars(sa.select(tables.event.c.body)))
    secret = secret_of(told, "leader")
    for plain in (*codes, secret.hex(), base64.b32encode(secret).decode()):
        assert plain not in f"{row.recovery}{events}"
        assert plain.encode() not in bytes(row.totp)
    assert secret not in bytes(row.totp)


def test_setting_up_ends_all_other_sessions(told, app):
    other = signed_in(app, "leader")
    set_up(told, app, "leader")
    assert other.get("/account").status_code == 401


def test_a_role_that_must_have_it_does_nothing_before(told):
    app = webmap.create_app(replace(told, second_factor=("leader",)))
    client = signed_in(app, "leader")
    assert client.get("/api/division", headers={"Accept": "application/json"}).status_code == 403
    assert client.get("/review", headers={"Accept": "text/html"}).headers["Location"] == "/account"
    assert client.post("/account/keys", data={"label": "x", "days": "3"}).status_code == 403
    assert signed_in(app, "worker").get("/api/division").status_code == 200
    client, _ = set_up(told, app, "leader")
    assert client.get("/api/division").status_code == 200
    with app.test_request_context(headers={"Cookie": f"gridgis={client.get_cookie('gridgis').value}"}):
        from webmap import access

        access._recognise()
        client.environ_base["HTTP_X_CSRF_TOKEN"] = access.csrf()
    forget_step(told, "leader")
    refused = client.post("/account/second-factor/end", data={"code": code_of(told, "leader")})
    assert refused.status_code == 422
    assert "must have" in refused.text


def test_it_is_given_up_by_a_code_or_by_an_administrator_of_the_area(told, app):
    set_up(told, app, "leader")
    with pytest.raises(Denied):
        jobs.give_up_second_factor(told.store, "leader", "000000", key=told.accounts_key)
    forget_step(told, "leader")
    jobs.give_up_second_factor(told.store, "leader", code_of(told, "leader"), key=told.accounts_key)
    assert jobs.signed_in(told.store, jobs.sign_in(told.store, "leader", PASSWORD))
    set_up(told, app, "leader")
    with pytest.raises(InputRefused, match="may act in"):
        jobs.drop_second_factor(told.store, "leader", by="other_administrator")
    assert (
        signed_in(app, "administrator")
        .post("/api/admin/users/second-factor/end", json={"name": "leader"})
        .json["user"]["second_factor_since"]
        is None
    )
    assert jobs.signed_in(told.store, jobs.sign_in(told.store, "leader", PASSWORD))


@pytest.mark.usefixtures("app")
def test_a_secret_is_no_other_s(told):
    for name in ("leader", "worker"):
        jobs.begin_second_factor(told.store, name, key=told.accounts_key)
    with writing(told.store) as connection:
        taken = connection.scalar(sa.select(tables.account.c.totp).where(tables.account.c.actor == "worker"))
        connection.execute(sa.update(tables.account).where(tables.account.c.actor == "leader").values(totp=taken))
    with pytest.raises(InputRefused, match="does not open"):
        jobs.second_factor_begun(told.store, "leader", key=told.accounts_key)


def test_the_picture_is_there_while_it_is_set_up(told, app):
    client = signed_in(app, "leader")
    assert client.get("/account/second-factor/code.svg").status_code == 404
    client.post("/account/second-factor/begin")
    picture = client.get("/account/second-factor/code.svg")
    assert picture.mimetype == "image/svg+xml"
    assert picture.headers["Cache-Control"] == "no-store"
    text, address = jobs.second_factor_begun(told.store, "leader", key=told.accounts_key)
    assert address.startswith("otpauth://totp/gridgis%3Aleader?secret=" + text)
    assert base64.b32decode(text) == secret_of(told, "leader")
    set_up_again = client.post("/account/second-factor", data={"code": "000000"})
    assert set_up_again.status_code == 422
    assert jobs.signed_in(told.store, jobs.sign_in(told.store, "leader", PASSWORD)), "a wrong code asks for none"


def test_a_backup_names_the_keys_that_are_in_no_copy(tmp_path):
    told = make_city(tmp_path)

    def backed_up(name):
        return CliRunner().invoke(main, ["backup", "--store", told.store, "-o", str(tmp_path / name)])

    assert "back up as well" not in backed_up("before.db").output
    jobs.have_accounts_key(told.accounts_key)
    jobs.begin_second_factor(told.store, "leader", key=told.accounts_key)
    said = backed_up("after.db")
    assert said.exit_code == 0, said.output
    assert "accounts.key" in said.output
    assert "key of the people" not in said.output
