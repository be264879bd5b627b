"""Open311 GeoReport v2: both formats, every address, what is sent, who may look, and that nothing private goes out."""

from __future__ import annotations

import datetime
import json
from xml.etree import ElementTree as ET

import pytest
from city import client_of, signed_in
from test_resolve_api import division, inside, on_border, told

import webmap
from gridgis import jobs
from webmap.language import page_texts
from webmap.open311 import views
from webmap.open311.written import told as written

__all__ = ["division", "told"]

SAID = {
    "description": "a made-up hole before the made-up door",
    "first_name": "Madeup",
    "last_name": "Person",
    "email": "madeup@example.org",
    "phone": "13900002222",
    "device_id": "device-4711",
    "account_id": "account-4712",
    "media_url": "https://pictures.example/4713.jpg",
}
WORDS = page_texts("en")["open311"]


@pytest.fixture(scope="module")
def keys(told):
    return {name: jobs.make_token(told.store, name, label="open311") for name in ("dispatcher", "planner", "leader")}


@pytest.fixture(scope="module")
def client(app):
    """A program that has no cookie."""
    return client_of(app)


@pytest.fixture
def key(keys):
    return keys["dispatcher"]


def send(client, key, where, *, form="json", headers=None, **more):
    _, lon, lat = where
    data = {"api_key": key, "service_code": "hole", "lat": f"{lat:.7f}", "long": f"{lon:.7f}", **more}
    return client.post(f"/open311/v2/requests.{form}", data=data, headers=headers or {})


def listed(client, key, **asked):
    answer = client.get("/open311/v2/requests.json", query_string={"api_key": key, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json


def numbers(found):
    return [one["service_request_id"] for one in found]


def plain(element):
    """What an element of XML holds, as JSON of the standard has it: leaves as texts."""
    if not len(element):
        return element.text or ""
    plural = {"services", "service_requests", "attributes", "values", "endpoints", "formats", "errors"}
    if element.tag in plural:
        return [plain(one) for one in element]
    return {one.tag: plain(one) for one in element}


def as_texts(value):
    if isinstance(value, dict):
        return {name: as_texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [as_texts(one) for one in value]
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


# ---------------------------------------------------------------- both formats, every address
def test_every_address_tells_the_same_in_both_formats(client, key, division):
    number = send(client, key, inside(division, row=8)).json[0]["service_request_id"]
    for path, root in {
        "discovery": "discovery",
        "v2/services": "services",
        "v2/services/hole": "service_definition",
        "v2/requests": "service_requests",
        f"v2/requests/{number}": "service_requests",
        f"v2/tokens/{number}": "service_requests",
    }.items():
        xml, other = (client.get(f"/open311/{path}.{form}?api_key={key}") for form in ("xml", "json"))
        assert (xml.status_code, other.status_code) == (200, 200), path
        assert xml.content_type == "text/xml; charset=utf-8"
        assert other.content_type == "application/json"
        assert xml.text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
        found = ET.fromstring(xml.data)
        assert found.tag == root
        assert plain(found) == as_texts(other.json)


def test_discovery_names_the_interface_that_answers(client):
    told = client.get("/open311/discovery.json").json
    [endpoint] = told["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert client.get(f"{endpoint['url']}/services.xml").status_code == 200


def test_services_are_the_catalogue(client):
    [one] = client.get("/open311/v2/services.json?jurisdiction_id=anything").json
    assert (one["service_code"], one["service_name"], one["group"]) == ("hole", "a hole", "road")
    told = client.get("/open311/v2/services/hole.json").json
    assert [one["code"] for one in told["attributes"]] == ["severity", "component_id"]
    keys = [value["key"] for value in told["attributes"][0]["values"]]
    assert keys == ["general", "difficult", "major"]


def test_a_request_shows_up_with_its_grid_and_its_steps(app, client, key, division):
    code, lon, lat = where = inside(division, row=2)
    sent = send(client, key, where, form="xml", description="x")
    assert sent.status_code == 201
    number = ET.fromstring(sent.data).findtext("request/service_request_id")
    [one] = listed(client, key, service_request_id=number)
    assert (one["grid_code"], one["zone_code"], one["status"]) == (code, code[:12], "open")
    assert (one["lat"], one["long"]) == (round(lat, 7), round(lon, 7))
    assert (one["service_code"], one["service_name"], one["agency_responsible"]) == ("hole", "a hole", "Roads")
    assert datetime.datetime.fromisoformat(one["requested_datetime"]).tzinfo is not None
    worker = signed_in(app, "worker")
    assert worker.post(f"/api/cases/{number}/refuse", json={"reason": "the neighbour made it up"}).status_code == 200
    answer = client.get(f"/open311/v2/requests/{number}.json?api_key={key}")
    assert (answer.json[0]["status"], answer.json[0]["status_notes"]) == ("closed", WORDS["states"]["refused"])
    assert "neighbour" not in answer.text


def test_severity_is_an_attribute_that_the_rules_know(client, key, division):
    number = send(client, key, inside(division, row=2), **{"attribute[severity]": "major"}).json[0]
    [one] = listed(client, key, service_request_id=number["service_request_id"])
    assert one["agency_responsible"] == "City"


# ---------------------------------------------------------------- looking for requests
def test_requests_are_found_by_what_is_asked(client, key, division):
    code, lon, lat = where = inside(division, row=9)
    first = send(client, key, where, description="first").json[0]["service_request_id"]
    second = send(client, key, where, description="second").json[0]["service_request_id"]
    other = send(client, key, inside(division, row=10)).json[0]["service_request_id"]
    found = numbers(listed(client, key, grid_code=code))
    assert found[:2] == [second, first]
    assert other not in found
    near = f"{lon - 1e-6:.7f},{lat - 1e-6:.7f},{lon + 1e-6:.7f},{lat + 1e-6:.7f}"
    assert {first, second} <= set(numbers(listed(client, key, bbox=near)))
    assert other not in numbers(listed(client, key, bbox=near))
    assert numbers(listed(client, key, service_request_id=f"{first},{other}")) == [other, first]
    assert listed(client, key, service_request_id="1") == []
    assert first in numbers(listed(client, key, service_code="flood,hole"))
    assert listed(client, key, service_code="flood") == []
    assert first in numbers(listed(client, key, status="open"))
    assert first not in numbers(listed(client, key, status="closed"))
    assert listed(client, key, grid_code=code, page=2) == []


def test_requests_are_found_by_time(client, key, division):
    code, *_ = where = inside(division, row=11)
    number = send(client, key, where).json[0]["service_request_id"]
    now = datetime.datetime.now(datetime.UTC)
    hour, day = datetime.timedelta(hours=1), datetime.timedelta(days=1)
    for asked, there in (
        ({"start_date": now - hour}, True),
        ({"start_date": now + hour}, False),
        ({"end_date": now + hour}, True),
        ({"end_date": now - hour}, False),
        ({"start_date": now - 90 * day, "end_date": now}, True),
        ({"updated_after": now - hour}, True),
        ({"updated_after": now + hour}, False),
    ):
        told = {name: value.isoformat() for name, value in asked.items()}
        assert (number in numbers(listed(client, key, grid_code=code, **told))) is there, asked


def test_where_there_are_more_the_next_page_is_told_without_the_key(client, key, division, monkeypatch):
    code, *_ = where = inside(division, row=3)
    sent = [send(client, key, where, description=str(k)).json[0]["service_request_id"] for k in range(3)]
    monkeypatch.setattr(views, "PAGE", 2)
    asked = f"/open311/v2/requests.json?grid_code={code}&form=xml&endpoint=x&_scheme=javascript&_external="
    answer = client.get(f"{asked}&api_key={key}")
    assert numbers(answer.json) == [sent[2], sent[1]]
    assert answer.headers["Link"].endswith('page=2>; rel="next"')
    assert key not in answer.headers["Link"]
    assert "javascript" not in answer.headers["Link"]
    onward = answer.headers["Link"].split(">")[0].removeprefix("<")
    rest = client.get(onward, headers={"Authorization": f"Bearer {key}"})
    assert numbers(rest.json) == [sent[0]]
    assert "Link" not in rest.headers


@pytest.mark.parametrize(
    "asked",
    [
        {"status": "lost"},
        {"bbox": "1,2,3"},
        {"page": "0"},
        {"grid_code": "12'"},
        {"start_date": "2026-01-01"},
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"},
        {"start_date": "2026-02-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"},
        {"start_date": "9999-12-31T00:00:00Z"},
        {"end_date": "0001-01-01T00:00:00Z"},
        {"updated_after": "yesterday"},
    ],
)
def test_what_cannot_be_looked_for_is_refused(client, key, asked):
    answer = client.get("/open311/v2/requests.xml", query_string={"api_key": key, **asked})
    assert answer.status_code == 400
    [error] = ET.fromstring(answer.data)
    assert (error.tag, error.findtext("code")) == ("error", "400")
    assert next(iter(asked)) in error.findtext("description")


# ---------------------------------------------------------------- sending
def test_the_same_idempotency_key_gives_one_case(client, key, division):
    where = inside(division, row=4)
    headers = {"Idempotency-Key": "open311-one"}
    sent = [send(client, key, where, headers=headers, description=text) for text in ("a", "b")]
    assert [one.status_code for one in sent] == [201, 201]
    assert sent[0].json == sent[1].json
    assert send(client, key, where, headers={"Idempotency-Key": "k" * 201}).status_code == 400


def test_the_same_content_gives_one_case_for_some_minutes(client, key, division, monkeypatch):
    where = inside(division, row=5)
    first, again = (send(client, key, where, description="the same").json for _ in range(2))
    assert first == again
    assert send(client, key, where, description="another").json != first
    now = datetime.datetime.now().timestamp()
    monkeypatch.setattr("webmap.limits.time.time", lambda: now + views.SAME.seconds + 1)
    assert send(client, key, where, description="the same").json != first


def test_workers_share_which_content_was_sent(told, key, division):
    where = inside(division, row=5)
    first, second = (send(client_of(webmap.create_app(told)), key, where, description="twice") for _ in range(2))
    assert first.json == second.json


def test_a_place_that_is_not_sure_waits_for_a_person(client, key, division):
    both, lon, lat = on_border(division)
    sent = send(client, key, ("", lon, lat))
    assert sent.status_code == 201
    assert sent.json[0]["grid_code"] in both


def test_an_address_that_nobody_finds_waits_for_a_person(client, key):
    data = {"api_key": key, "service_code": "hole", "address_string": "behind the made-up mill"}
    sent = client.post("/open311/v2/requests.json", data=data)
    assert (sent.status_code, sent.json[0]["grid_code"]) == (201, "")
    answer = client.get(f"/open311/v2/requests/{sent.json[0]['service_request_id']}.xml?api_key={key}")
    assert answer.status_code == 200
    assert "mill" not in answer.text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"service_code": "flood"}, "service_code"),
        ({"service_code": ""}, "service_code"),
        ({"lat": "48.85", "long": "2.35"}, "lies in no grid"),
        ({"lat": "1e300"}, "lat"),
        ({"lat": "", "long": ""}, "where it is"),
        ({"long": ""}, "half a point"),
        ({"phone": "1" * 41}, "phone"),
        ({"description": "x" * 4_001}, "description"),
        ({"email": "x" * 101}, "email"),
        ({"media_url": "file:///etc/passwd"}, "media_url"),
    ],
)
def test_what_cannot_be_recorded_is_refused(client, key, division, change, named):
    answer = send(client, key, inside(division), **change)
    assert answer.status_code == 400
    [error] = answer.json
    assert error["code"] == 400
    assert named in error["description"]


def test_xml_is_not_read(client, key):
    bomb = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>'
    answer = client.post(f"/open311/v2/requests.xml?api_key={key}", data=bomb, content_type="text/xml")
    assert answer.status_code == 400
    assert "root:" not in answer.text


# ---------------------------------------------------------------- what is private
def test_nothing_that_a_caller_said_goes_out(told, client, key, division):
    sent = send(client, key, inside(division, row=6), **SAID, address_string="1 Made-up Street")
    number = sent.json[0]["service_request_id"]
    paths = ("requests", f"requests/{number}", f"tokens/{number}")
    asked = [f"/open311/v2/{path}.{form}?api_key={key}" for form in ("xml", "json") for path in paths]
    answers = [sent.text, *(client.get(one).text for one in asked)]
    for text in (*SAID.values(), "1 Made-up Street"):
        assert not any(text in answer for answer in answers), text
    assert number in answers[1]
    kept = jobs.read_caller(told.store, number, by="dispatcher", people_key=told.people_key)
    assert kept["description"] == f"{SAID['description']}\n{SAID['media_url']}"
    assert kept["caller"] == "Madeup Person <madeup@example.org>"
    assert kept["phone"] == SAID["phone"]
    assert not any(SAID[name] in json.dumps(kept) for name in ("device_id", "account_id"))


HOSTILE = '</name><!-- ]]> & <evil a="\'"/> \x00\x0b\x1b\ud800\ufffe \U0001f600 大事'


def test_hostile_text_stays_text_in_both_formats(app):
    with app.test_request_context("/open311/v2/services.xml"):
        xml = written("services", [{"service_name": HOSTILE}], "xml")
        other = written("services", [{"service_name": HOSTILE}], "json")
    [service] = ET.fromstring(xml.data)
    assert [one.tag for one in service] == ["service_name"]
    assert service.findtext("service_name") == other.json[0]["service_name"]
    assert service.findtext("service_name") == '</name><!-- ]]> & <evil a="\'"/> \ufffd\ufffd\ufffd\ufffd\ufffd 😀 大事'


@pytest.mark.parametrize("path", ["services/%3Cevil%3E%00%0B.xml", "requests/%3Cevil%3E%0B.xml", "%3Cevil%3E", ""])
def test_errors_with_hostile_text_are_well_formed(client, key, path):
    answer = client.get(f"/open311/v2/{path}?api_key={key}")
    assert answer.status_code == 404
    found = ET.fromstring(answer.data)
    assert [one.tag for one in found.iter()] == ["errors", "error", "code", "description"]


# ---------------------------------------------------------------- who may
def test_a_missing_or_wrong_key_is_refused_as_the_standard_says(client, division):
    for answer in (
        client.get("/open311/v2/requests.json"),
        client.get("/open311/v2/requests.json?api_key=gg_wrong"),
        send(client, "", inside(division)),
        send(client, "gg_wrong", inside(division)),
    ):
        assert answer.status_code == 403
        assert [set(one) for one in answer.json] == [{"code", "description"}]


def test_browsers_are_told_errors_in_the_same_shape(client):
    answer = client.get("/open311/v2/requests.xml", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (403, "text/xml")


@pytest.mark.parametrize("name", ["planner", "leader"])
def test_only_dispatchers_and_workers_send(client, keys, division, name):
    assert send(client, keys[name], inside(division)).status_code == 403
    read = client.get(f"/open311/v2/requests.xml?api_key={keys[name]}").status_code
    assert read == (200 if name == "leader" else 403)


def test_a_key_reaches_as_far_as_its_person(told, client, key, division):
    number = send(client, key, inside(division, row=7)).json[0]["service_request_id"]
    far = jobs.make_token(told.store, "other_dispatcher", label="far")
    assert listed(client, far) == []
    for path in ("requests", "tokens"):
        assert client.get(f"/open311/v2/{path}/{number}.json?api_key={far}").status_code == 404
    assert send(client, far, inside(division, row=7)).status_code == 400


def test_a_key_in_a_parameter_opens_nothing_else(client, key):
    assert client.get(f"/api/cases?api_key={key}").status_code == 401


def test_a_cookie_alone_sends_nothing(app, division):
    browser = signed_in(app, "dispatcher")
    assert send(browser, "", inside(division)).status_code == 201
    browser.environ_base.pop("HTTP_X_CSRF_TOKEN")
    assert send(browser, "", inside(division)).status_code == 403


def test_requests_are_the_public_s_where_the_setting_says_so(told, client, key, division):
    number = send(client, key, inside(division, row=8)).json[0]["service_request_id"]
    opened = client_of(webmap.create_app(webmap.Settings(**{**vars(told), "open311_public": True})))
    assert number in numbers(opened.get("/open311/v2/requests.json").json)
    assert opened.get(f"/open311/v2/requests/{number}.xml").status_code == 200
    assert send(opened, "", inside(division)).status_code == 403
    assert opened.get("/api/cases").status_code == 401


def test_who_asks_too_often_is_told_to_wait(told, monkeypatch):
    monkeypatch.setattr(views, "LOOKS", views.Limit(count=3, seconds=60))
    one, two = (client_of(webmap.create_app(told)) for _ in range(2))
    two.environ_base["REMOTE_ADDR"] = one.environ_base["REMOTE_ADDR"]
    statuses = [client.get("/open311/v2/services.xml").status_code for client in (one, two, one, two)]
    assert statuses == [200, 200, 200, 429]
    answer = one.get("/open311/v2/services.json")
    assert answer.json[0]["code"] == 429
    assert int(answer.headers["Retry-After"]) > 0
