"""Signing in by an OpenID provider: who is bound, with a token that holds; every lie of a provider is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from city import client_of, make_city

import webmap
from gridgis import jobs
from gridgis.errors import InputRefused

issuer_module = pytest.importorskip("issuer", exc_type=ImportError)
pytest.importorskip("authlib")
BACK = "/sign-in/oidc/back"


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    made = make_city(tmp_path_factory.mktemp("city"))
    jobs.bind_user(made.store, "leader", "sub-7", by="chief")
    return made


@pytest.fixture(scope="module")
def listening():
    with issuer_module.issuing() as made:
        yield made


@pytest.fixture
def issuer(listening):
    """The provider, honest."""
    listening.subject, listening.lie, listening.discovery, listening.use_foreign = "sub-7", {}, {}, False
    listening.header = {"alg": "RS256", "kid": "one"}
    listening.asked.clear()
    return listening


@pytest.fixture(scope="module")
def told(city, listening, tmp_path_factory):
    secret = tmp_path_factory.mktemp("secret") / "client"
    secret.write_text(f"{issuer_module.SECRET}\n")
    secret.chmod(0o600)
    return replace(city, oidc_issuer=listening.url, oidc_client=issuer_module.CLIENT, oidc_secret_file=str(secret))


def left(app, onward="/account"):
    """A browser that left for the provider, and the address there."""
    client = client_of(app)
    answer = client.get("/sign-in/oidc", query_string={"next": onward})
    assert answer.status_code == 302, answer.text
    return client, answer.headers["Location"]


def came_back(app, issuer):
    client, there = left(app)
    return client, client.get(issuer.consent(there))


@pytest.mark.parametrize("header", [{"alg": "RS256", "kid": "one"}, {"alg": "ES256", "kid": "two"}])
def test_who_is_bound_signs_in(app, issuer, header):
    issuer.header = header
    client, answer = came_back(app, issuer)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account")
    page = client.get("/account")
    assert page.status_code == 200
    assert "<h1>leader</h1>" in page.text
    assert client.get_cookie("gridgis_away") is None


def test_nobody_is_made_by_himself(app, told, issuer):
    issuer.subject = "stranger"
    before = [one.name for one in jobs.actors(told.store)]
    client, answer = came_back(app, issuer)
    assert answer.status_code == 401
    assert "stranger" in answer.text
    assert client.get_cookie("gridgis") is None
    assert [one.name for one in jobs.actors(told.store)] == before


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": ["another client", "third"]},
        {"aud": [issuer_module.CLIENT, "another client"], "azp": "another client"},
        {"aud": None},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"exp": int(time.time()) - 3_600},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nbf": int(time.time()) + 3_600},
        {"at_hash": "wrong"},
    ],
)
def test_a_token_that_does_not_hold_signs_nobody_in(app, issuer, lie):
    issuer.lie = lie
    client, answer = came_back(app, issuer)
    assert answer.status_code == 401
    assert client.get_cookie("gridgis") is None


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "none", "kid": "one"}, {"alg": "HS256"}, {"alg": "HS256", "kid": "one"}]
)
def test_a_token_that_is_not_signed_by_the_key_of_the_provider_signs_nobody_in(app, issuer, header):
    issuer.header = header
    assert came_back(app, issuer)[1].status_code == 401


def test_a_token_of_another_key_signs_nobody_in(app, issuer):
    issuer.use_foreign = True
    assert came_back(app, issuer)[1].status_code == 401


def test_who_did_not_leave_does_not_come_back(app, issuer):
    _, there = left(app)
    back = issuer.consent(there)
    assert client_of(app).get(back).status_code == 401  # another browser
    other, _ = left(app)
    assert other.get(back).status_code == 401  # with the state of another
    client, there = left(app)
    path = issuer.consent(there)
    assert client.get(path.replace("state=", "state=x")).status_code == 401
    client.set_cookie("gridgis_away", "AAAA" * 20)
    assert client.get(path).status_code == 401
    assert "/token" not in issuer.asked


def test_a_code_is_taken_once_and_with_its_verifier(app, issuer):
    client, there = left(app)
    path = issuer.consent(there)
    held = client.get_cookie("gridgis_away").value
    assert client.get(path).status_code == 302
    client.set_cookie("gridgis_away", held)
    assert client.get(path).status_code == 401
    client, there = left(app)
    path = issuer.consent(there)
    [asked] = [one for one in issuer.codes.values() if one["state"] == parse_qs(urlsplit(there).query)["state"][0]]
    asked["code_challenge"] = "another"
    assert client.get(path).status_code == 401


@pytest.mark.usefixtures("issuer")
@pytest.mark.parametrize("sent", ["", "error=access_denied", "iss=http://evil.example&code=1"])
def test_what_the_provider_refuses_signs_nobody_in(app, sent):
    client, there = left(app)
    state = parse_qs(urlsplit(there).query)["state"][0]
    assert client.get(f"{BACK}?state={state}&{sent}").status_code == 401


@pytest.mark.parametrize(
    "discovery",
    [
        {"token_endpoint": "http://127.0.0.1:1/token"},
        {"jwks_uri": "http://169.254.169.254/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"issuer": "http://evil.example"},
        {"jwks_uri": None},
    ],
)
def test_no_other_host_is_asked(app, issuer, discovery):
    issuer.discovery = discovery
    assert client_of(app).get("/sign-in/oidc").status_code == 401


def test_it_goes_on_to_our_own_pages_alone(app, issuer):
    client, there = left(app, "https://evil.example/")
    assert client.get(issuer.consent(there)).headers["Location"] == "/home"


def test_the_page_of_signing_in_names_the_provider_where_there_is_one(app, city):
    assert "/sign-in/oidc" in client_of(app).get("/sign-in").text
    without = webmap.create_app(city)
    assert "/sign-in/oidc" not in client_of(without).get("/sign-in").text
    assert client_of(without).get("/sign-in/oidc").status_code == 404


def test_a_second_factor_is_asked_for_after_the_provider(app, told, issuer):
    from test_second_factor import code_of, forget_step

    jobs.bind_user(told.store, "worker", "sub-8", by="chief")
    jobs.begin_second_factor(told.store, "worker", key=told.accounts_key)
    jobs.confirm_second_factor(told.store, "worker", code_of(told, "worker"), key=told.accounts_key)
    forget_step(told, "worker")
    issuer.subject = "sub-8"
    client, answer = came_back(app, issuer)
    assert answer.headers["Location"].startswith("/sign-in/code")
    assert client.get("/account").status_code == 401
    assert client.post("/sign-in/code", data={"code": code_of(told, "worker")}).status_code == 302


def test_a_subject_is_bound_to_one(told):
    with pytest.raises(InputRefused, match="bound to somebody"):
        jobs.bind_user(told.store, "planner", "sub-7", by="chief")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"oidc_issuer": "http://id.example.gov.cn"}, "https"),
        ({"oidc_client": ""}, "oidc_client"),
        ({"oidc_secret_file": "/nowhere"}, "oidc_secret_file"),
    ],
)
def test_a_provider_that_is_not_told_well_is_refused_at_start(told, change, says):
    with pytest.raises(InputRefused, match=says):
        webmap.create_app(replace(told, **change))


def test_a_secret_that_others_may_read_is_refused(told, tmp_path):
    path = tmp_path / "open"
    path.write_text("x")
    path.chmod(0o644)
    with pytest.raises(InputRefused, match="read by others"):
        webmap.create_app(replace(told, oidc_secret_file=str(path)))
