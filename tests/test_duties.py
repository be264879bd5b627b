"""Duty rules: one answer whatever the order of rows, a trace that names each rule once, batches as single answers."""

from __future__ import annotations

import datetime
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.duties import Case, Desk, Duties, Place, Section, answers, owners
from gridgis.duties.check import check
from gridgis.duties.columns import TABLES, conformed
from gridgis.duties.items import item_faults

GRID, OTHER = "310101001001001", "310101001001002"
NOON = datetime.datetime(2026, 5, 1, 4, tzinfo=datetime.UTC)
"""12 o'clock in Shanghai."""


def made(**tables) -> Duties:
    """Duties of rows, which may lack columns."""
    return Duties(**{name: conformed(name, pd.DataFrame(rows)) for name, rows in tables.items() if rows})


def told(duties: Duties, item: str | None = "hole", *, place: Place | None = None, **case):
    return Desk(duties).answer(Case(item, **{"reported_at": NOON, **case}), place or Place(GRID, f"{GRID}01"))


def item(code: str = "hole", **more) -> dict[str, object]:
    return {"item": code, "class": "road", "name": f"a {code}", **more}


def rule(rule_id: str, lead: str = "Roads", **more) -> dict[str, object]:
    return {"rule_id": rule_id, "item": "hole", "lead": lead, "clause": f"clause {rule_id}", **more}


POSTS = [
    {"post_code": f"{GRID}Z01", "person_id": "a", "role": "grid_leader", "area_code": GRID},
    {"post_code": f"{GRID}Q01", "person_id": "b", "role": "full_time", "area_code": GRID},
    {"post_code": f"{GRID}01W01", "person_id": "b", "role": "microgrid_leader", "area_code": f"{GRID}01"},
    {"post_code": "U1E01", "person_id": "c", "role": "enforcement_officer", "area_code": "U1"},
    {"post_code": "310101001G01", "person_id": "d", "role": "officer", "area_code": "310101001", "department": "Roads"},
    {"post_code": "310101G01", "person_id": "e", "role": "officer", "area_code": "310101"},
]
PEOPLE = [{"person_id": name, "name": f"made-up {name}", "public_phone": f"000-{name}"} for name in "abcde"]
UNITS = [{"unit_code": "U1", "name": "unit", "grid_codes": f"{GRID};{OTHER}"}]


# ---------------------------------------------------------------- one case
@pytest.mark.parametrize(
    ("looks", "place", "case"),
    [
        ({"area_code": "310101"}, {}, {}),
        ({"area_code": f"{GRID}01"}, {}, {}),
        ({"area_code": "U1"}, {}, {}),
        ({"street": "解放 路"}, {"street": "解放路"}, {}),
        (
            {"street": "A", "street_from": "B", "street_to": "C"},
            {"street": "A", "street_from": "C", "street_to": "B"},
            {},
        ),
        ({"bridge": "North"}, {"bridge": "north"}, {}),
        ({"road_class": "primary;trunk"}, {"road_class": "trunk"}, {}),
        ({"width_max_m": 25.0}, {"width_m": 24.9}, {}),
        ({"owner": "Water Co"}, {}, {"owner": "Water Co"}),
        ({"severity": "major"}, {}, {"severity": "major"}),
        ({"shift": "07:00-19:00"}, {}, {}),
        ({"valid_from": "2026-05-01T04:00:00.000000+00:00"}, {}, {}),
        ({"function": "permission"}, {}, {"function": "permission"}),
        ({"item": "road"}, {}, {}),
    ],
)
def test_a_rule_that_asks_for_more_goes_before_one_for_everything(looks, place, case):
    duties = made(items=[item()], rules=[rule("a", "General", item="*"), rule("b", **looks)], units=UNITS)
    found = told(duties, place=Place(GRID, f"{GRID}01", **place), **case)
    assert (found.rule, found.lead, found.clause) == ("b", "Roads", "clause b")
    assert [(one.rule_id, one.failed) for one in found.trace] == [("b", ""), ("a", "")]


@pytest.mark.parametrize(
    ("looks", "place", "case", "why"),
    [
        ({"area_code": "310102"}, {}, {}, "area"),
        ({"street": "A"}, {"street": "B"}, {}, "street"),
        ({"street": "A"}, {}, {}, "street not known"),
        ({"street": "A", "street_from": "B", "street_to": "C"}, {"street": "A"}, {}, "section not known"),
        ({"width_max_m": 25.0}, {"width_m": 25.0}, {}, "width"),
        ({"width_min_m": 25.0}, {}, {}, "width not known"),
        ({"shift": "19:00-07:00"}, {}, {}, "shift"),
        ({"valid_to": "2026-05-01T04:00:00.000000+00:00"}, {}, {}, "date"),
        ({"function": "permission"}, {}, {"function": "enforcement"}, "function"),
        ({"severity": "major"}, {}, {"severity": "minor"}, "severity"),
    ],
)
def test_the_trace_tells_which_condition_failed(looks, place, case, why):
    found = told(made(items=[item()], rules=[rule("b", **looks)]), place=Place(GRID, **place), **case)
    assert [(one.rule_id, one.failed, one.clause) for one in found.trace] == [("b", why, "clause b")]
    assert (found.rule, found.lead) == ("", "")


def test_a_rule_on_permission_decides_only_where_a_permission_is_asked():
    rules = [rule("p", "Permits", function="permission", street="A"), rule("e", function="enforcement"), rule("n")]
    duties = made(items=[item()], rules=[rules[0], rules[1]])
    here = Place(GRID, street="A")
    assert told(duties, place=here).rule == "e"
    assert ("p", "function", "clause p") in told(duties, place=here).trace
    assert told(duties, place=here, function="enforcement").rule == "e"
    assert told(duties, place=here, function="permission").rule == "p"
    assert told(duties, place=here, function="maintenance").rule == ""
    assert told(made(items=[item()], rules=rules[::2]), place=here).rule == "n"
    alone = told(made(items=[item()], rules=rules[:1]), place=here)
    assert (alone.rule, alone.lead) == ("", "")


def test_a_smaller_rank_goes_before_what_is_more_specific():
    rules = [rule("a", street="A"), rule("b", "City", item="*", rank=1, upward=True)]
    found = told(made(items=[item()], rules=rules), place=Place(GRID, street="A"))
    assert (found.rule, found.upward) == ("b", "the case goes up to the city: rule b says so (SH 19)")


def test_parties_are_those_nearest_and_officers_of_all_levels():
    items, rules = [item(limit=3, limit_unit="days", clock="from dispatch")], [rule("a", co="role:full_time;Parks")]
    duties = made(items=items, rules=rules, people=PEOPLE, posts=POSTS, units=UNITS)
    found = told(duties)
    codes = {role: [party.post_code for party in parties] for role, parties in found.parties.items()}
    assert codes == {
        "lead": ["310101001G01"],
        "grid_leader": [f"{GRID}Z01"],
        "full_time": [f"{GRID}Q01"],
        "microgrid_leader": [f"{GRID}01W01"],
        "enforcement_officer": ["U1E01"],
        "officer": ["310101001G01", "310101G01"],
    }
    assert (found.lead, found.co) == ("Roads", f"{GRID}Q01;Parks")
    assert found.parties["grid_leader"][0].public_phone == "000-a"
    assert tuple(found.limit) == (3, "days", "from dispatch")
    assert "grid_leader" not in told(duties, place=Place(OTHER)).parties


def test_who_is_in_post_is_asked_for_the_time_of_the_case():
    turns = [
        {**POSTS[0], "valid_to": "2026-05-01T00:00:00.000000+00:00"},
        {**POSTS[0], "post_code": f"{GRID}Z02", "person_id": "b", "valid_from": "2026-05-01T00:00:00.000000+00:00"},
    ]
    duties = made(items=[item()], rules=[rule("a", "role:grid_leader")], people=PEOPLE, posts=turns)
    assert told(duties).lead == f"{GRID}Z02"
    assert told(duties, reported_at=NOON - datetime.timedelta(days=1)).lead == f"{GRID}Z01"
    gone = told(replace(duties, posts=duties.posts.iloc[:1]))
    assert (gone.lead, gone.warnings) == ("", ("nobody is grid_leader here",))


def test_where_no_rule_matches_somebody_designates_and_secures_the_place():
    named = [
        {"designates": "Centre", "secures": "Patrol", "clause": "SH 19"},
        {"area_code": "310101", "designates": "District", "secures": "Station"},
    ]
    duties = made(items=[item()], rules=[rule("a", area_code="310999")], designate=named)
    found = told(duties)
    assert (found.designates, found.secures) == ("District", "Station")
    assert found.warnings == ("no rule matches: District designates, Station secures the place meanwhile",)
    elsewhere = told(duties, place=Place("320101001001001"))
    assert (elsewhere.designates, elsewhere.clause) == ("Centre", "SH 19")


def test_items_off_the_list_may_be_refused_with_the_clause():
    items = [item(aliases="坑;坑洞"), item("old", valid_to="2026-01-01T00:00:00.000000+00:00")]
    duties = made(items=items, rules=[rule("a"), rule("b", "Centre", item="*")])
    assert told(duties, "坑").item == "hole"
    assert not told(duties, "坑洞").refusable
    new, old = told(duties, "cloud"), told(duties, "old")
    assert (new.refusable, new.rule) == (True, "b")
    assert new.warnings == ("item cloud is not in the catalogue: it may be refused (CX 13)",)
    assert old.warnings == ("item old is not in the catalogue at the time: it may be refused (CX 13)",)
    assert not told(replace(duties, items=duties.items.iloc[:0]), "cloud").refusable


def test_a_case_that_several_districts_may_have_goes_up():
    duties = made(items=[item()], rules=[rule("a")])
    assert told(duties, place=Place(GRID, candidates=(GRID, OTHER))).upward == ""
    assert "several districts" in told(duties, place=Place(GRID, candidates=(GRID, "310102001001001"))).upward


def test_the_owner_of_a_component_decides():
    kinds = pd.DataFrame({"component_id": ["7"], "kind": ["lamp"], "owner": ["Light Co"]})
    duties = replace(made(items=[item()], rules=[rule("a"), rule("b", "Light Co", owner="Light Co")]), components=kinds)
    assert told(duties, component_id="7").rule == "b"
    assert told(duties, component_id="8").rule == "a"


def test_the_nearest_component_of_the_kind_is_found_within_the_distance():
    points = np.array([shapely.Point(0, 0), shapely.Point(50, 0), None], dtype=object)
    where = [shapely.Point(3, 0), shapely.Point(-3, 0), shapely.Point(1, 0)]
    frame = {"component_id": ["b", "a", "c"], "kind": ["lamp", "lamp", "bin"], "owner": ["B", None, "C"]}
    found = owners(points, ["lamp", "lamp", "lamp"], gpd.GeoDataFrame(frame, geometry=where), within_m=10)
    assert found["component_id"].tolist() == ["a", None, None]
    assert found["owner"].tolist() == [None, None, None]
    assert found["distance_m"].iloc[0] == 3
    assert np.isnan(found["distance_m"].iloc[1])


def test_the_nearest_of_another_owner_is_told_within_the_slack():
    where = [shapely.Point(3, 0), shapely.Point(-4, 0), shapely.Point(0, 5), shapely.Point(0, 9)]
    frame = {"component_id": list("abcd"), "kind": ["lamp"] * 4, "owner": ["A", "A", "C", None]}
    components = gpd.GeoDataFrame(frame, geometry=where)
    points = np.array([shapely.Point(0, 0)] * 4, dtype=object)
    found = owners(points, ["lamp"] * 4, components, within_m=10, slack_m=np.array([0, 1.9, 2.1, 50]))
    assert found["component_id"].tolist() == ["a"] * 4
    assert found["other_id"].tolist() == [None, None, "c", "c"]
    assert found["other_owner"].tolist() == [None, None, "C", "C"]
    assert found["other_m"].tolist()[2:] == [5, 5]
    near = owners(points[:1], ["lamp"], components.iloc[[0, 3]], within_m=8, slack_m=50)
    assert near["other_id"].tolist() == [None]


# ---------------------------------------------------------------- what always holds
ITEMS = [
    item(),
    item("lamp"),
    item("noise", **{"class": "event"}),
    item("old", valid_to="2026-03-01T00:00:00.000000+00:00"),
]
AREAS = ["310101", "310101001", GRID, OTHER, f"{GRID}01", "U1", "310102"]
TIMES = ["2026-02-01T00:00:00.000000+00:00", "2026-03-01T00:00:00.000000+00:00", "2026-06-01T00:00:00.000000+00:00"]
LOOKS = {
    "item": ["hole", "lamp", "road", "event", "*"],
    "function": [None, "maintenance", "enforcement", "permission"],
    "area_code": [None, *AREAS],
    "street": [None, "A", "B"],
    "street_from": [None, "B"],
    "street_to": [None, "C"],
    "bridge": [None, "N"],
    "road_class": [None, "primary", "primary;trunk"],
    "width_min_m": [None, 10.0],
    "width_max_m": [None, 25.0],
    "owner": [None, "W"],
    "severity": [None, "major", "major;minor"],
    "shift": [None, "07:00-19:00", "19:00-07:00"],
    "valid_from": [None, *TIMES],
    "valid_to": [None, *TIMES],
    "lead": ["Roads", "Parks", "role:grid_leader", "role:microgrid_leader"],
    "co": [None, "Police", "role:full_time;Police"],
    "rank": [None, None, 1.0, 2.0],
    "upward": [False, True],
}
DATED = [{**post, "valid_to": TIMES[1]} if post["role"] == "grid_leader" else post for post in POSTS]


@st.composite
def rule_books(draw) -> Duties:
    rows = draw(
        st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in LOOKS.items()}), max_size=9)
    )
    rules = [{**row, "rule_id": f"r{number}", "clause": "c"} for number, row in enumerate(rows)]
    named = draw(
        st.sampled_from(
            [
                [],
                [
                    {"designates": "Centre", "secures": "Patrol"},
                    {"area_code": "310101", "designates": "D", "secures": "S"},
                ],
            ]
        )
    )
    return made(
        items=draw(st.sampled_from([ITEMS, []])), rules=rules, designate=named, people=PEOPLE, posts=DATED, units=UNITS
    )


SECTIONS = [Section(tuple(zip("BCD", metres, strict=True))) for metres in ((-9.0, 2.0, 5.0), (-9.0, -2.0, 5.0))]
CASES = st.fixed_dictionaries(
    {
        "item": st.sampled_from([None, "hole", "a lamp", "noise", "old", "cloud"]),
        "severity": st.sampled_from([None, "major", "minor"]),
        "reported_at": st.sampled_from(
            [None, *(f"2026-0{month}-01T{hour}:30+08:00" for month in (1, 2, 4, 7) for hour in ("03", "12"))]
        ),
        "grid_code": st.sampled_from([None, GRID, OTHER, "310102001001001"]),
        "microgrid_code": st.sampled_from([None, f"{GRID}01", f"{GRID}02"]),
        "street": st.sampled_from([None, "A", "B", "C"]),
        "street_from": st.sampled_from([None, "B", "C"]),
        "street_to": st.sampled_from([None, "B", "C", "D"]),
        "section": st.sampled_from([None, *SECTIONS]),
        "bridge": st.sampled_from([None, "N"]),
        "road_class": st.sampled_from([None, "primary", "trunk", "service"]),
        "width_m": st.sampled_from([None, 5.0, 10.0, 24.9, 25.0]),
        "owner": st.sampled_from([None, "W", "X"]),
        "function": st.sampled_from([None, "maintenance", "enforcement", "permission"]),
        "component_id": st.sampled_from([None, "1", "2"]),
        "candidates": st.sampled_from([None, f"{GRID},310102001001001", GRID]),
    }
)
COMPONENTS = pd.DataFrame({"component_id": ["1"], "kind": ["k"], "owner": ["W"]})


def asked(row) -> tuple[Case, Place]:
    time = row["reported_at"]
    case = {name: row[name] for name in ("item", "severity", "owner", "component_id", "function")}
    place = {name: row[name] for name in ("grid_code", "microgrid_code", "street", "bridge", "road_class", "width_m")}
    place |= {name: row[name] for name in ("street_from", "street_to", "section")}
    candidates = tuple((row["candidates"] or "").split(",")) if row["candidates"] else ()
    moment = None if time is None else datetime.datetime.fromisoformat(time)
    return Case(reported_at=moment, **case), Place(**place, candidates=candidates)


@given(rule_books(), st.lists(CASES, min_size=1, max_size=12), st.booleans())
@settings(max_examples=40)
def test_a_batch_gives_what_single_answers_give(duties, cases, categorical):
    desk = Desk(replace(duties, components=COMPONENTS))
    frame = pd.DataFrame(cases, columns=list(cases[0]))
    frame["reported_at"] = pd.to_datetime(frame["reported_at"], format="ISO8601", utc=True).astype(
        "datetime64[us, UTC]"
    )
    frame["width_m"] = frame["width_m"].astype("float64")
    texts = [name for name in frame if name not in ("reported_at", "width_m", "section")]
    codes = [SECTIONS.index(one) if one is not None else -1 for one in frame["section"]]
    frame["section"] = pd.Categorical.from_codes(codes, pd.Index(SECTIONS, dtype=object))
    frame = frame.astype(dict.fromkeys(texts, "category" if categorical else "str"))
    frame.index = range(5, 5 + len(frame))
    found = answers(frame, desk)
    singles = [desk.answer(*asked(case)) for case in cases]
    due = [(one.lead, one.co, one.rule, "; ".join(one.warnings)) for one in singles]
    assert list(found.itertuples(index=False, name=None)) == due
    assert found.index.equals(frame.index)


@given(rule_books(), CASES, st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_rows_does_not_matter_and_the_trace_names_each_rule_once(duties, case, random):
    order = {name: random.sample(range(len(table)), len(table)) for name, table in duties.tables.items()}
    other = replace(
        duties, **{name: table.iloc[order[name]].reset_index(drop=True) for name, table in duties.tables.items()}
    )
    one, two = Desk(duties).answer(*asked(case)), Desk(other).answer(*asked(case))
    assert one == two
    entry = (
        {"hole": "road", "a lamp": "road", "noise": "event", "old": "road"}.get(case["item"])
        if len(duties.items)
        else None
    )
    code = {"a lamp": "lamp"}.get(case["item"], case["item"]) if len(duties.items) else case["item"]
    mine = duties.rules[duties.rules["item"].isin(["*", code, entry])]
    assert sorted(looked.rule_id for looked in one.trace) == sorted(mine["rule_id"])
    assert one.rule == next((looked.rule_id for looked in one.trace if not looked.failed), "")


# ---------------------------------------------------------------- rules against each other
def test_check_finds_rules_that_never_decide_and_rules_that_tie():
    rules = [
        rule("a", rank=1, area_code="310101"),
        rule("b", area_code=GRID, street="A"),
        rule("c", "Parks", item="lamp", street="A"),
        rule("d", "Roads", item="lamp", street="A", severity=None),
        rule("e", item="gone"),
        rule("f", item="lamp", width_min_m=9.0, width_max_m=9.0),
        rule("g", item="old", valid_from="2026-06-01T00:00:00.000000+00:00"),
        rule("h", item="noise", shift="07:00-19:00"),
        rule("i", item="noise", shift="18:00-20:00"),
    ]
    found = check(made(items=ITEMS, rules=rules, designate=[{"designates": "Centre", "secures": "Patrol"}]))
    assert list(found[["rule", "severity", "code"]].itertuples(index=False, name=None)) == [
        ("never_decides", "hard", "b"),
        ("never_decides", "hard", "e"),
        ("never_decides", "hard", "f"),
        ("never_decides", "hard", "g"),
        ("tie", "hard", "c,d"),
        ("tie", "finding", "h,i"),
    ]


def test_a_rule_of_a_class_is_not_behind_one_of_a_single_item():
    found = check(made(items=ITEMS, rules=[rule("a"), rule("b", item="road")]))
    assert found["rule"].tolist() == ["nobody_designates"]


def test_a_rule_of_a_class_all_items_of_which_have_their_own_is_a_finding():
    found = check(
        made(
            items=ITEMS[:1], rules=[rule("a"), rule("b", item="road")], designate=[{"designates": "C", "secures": "P"}]
        )
    )
    assert found[["rule", "severity", "code"]].to_numpy().tolist() == [["never_decides", "finding", "b"]]


def test_one_rule_goes_first_and_several_go_first():
    rules = [rule("a"), rule("b", item="lamp"), rule("c", item="old"), rule("z", item="road")]
    named = [{"designates": "C", "secures": "P"}]
    several = check(made(items=ITEMS, rules=rules, designate=named))
    assert several["detail"].tolist() == ["a, b and c go first and together take every case of it"]
    alone = check(made(items=ITEMS[:1], rules=[rules[0], rules[3]], designate=named))
    assert alone["detail"].tolist() == ["a goes first and takes every case of it"]


@given(rule_books(), st.lists(CASES, min_size=1, max_size=20))
@settings(max_examples=20)
def test_what_check_says_never_decides_does_not_and_ties_are_all_found(duties, cases):
    found = check(duties)
    never = set(found.loc[found["rule"] == "never_decides", "code"])
    ties = set(found.loc[found["rule"] == "tie", "code"])
    desk = Desk(duties)
    for case in cases:
        answered = desk.answer(*asked(case))
        assert answered.rule not in never
        for warning in answered.warnings:
            if " tie: " in warning:
                one, two, *_ = warning.removeprefix("rules ").partition(" tie: ")[0].split(", ")
                assert f"{one},{two}" in ties


def test_faults_of_rules_are_told_together():
    rows = [
        rule("a", item="gone"),
        rule("a", shift="25:00-26:00"),
        rule("c", area_code="nowhere", width_min_m=3.0, width_max_m=2.0),
        rule("d", street_from="B", lead="role:king"),
        rule("e", valid_from=TIMES[1], valid_to=TIMES[0]),
    ]
    problems = [fault.problem for fault in item_faults(made(items=[item(), item(), item("x", limit=3.0)], rules=rows))]
    assert problems == [
        "item hole holds twice at a time",
        "limit 3 has no unit",
        "rule_id a holds twice at a time",
        "valid_to lies before valid_from",
        "item gone is not in the catalogue",
        "area nowhere does not exist",
        "'25:00-26:00' is no shift",
        "no width lies from 3 and below 2 m",
        "a section needs its street and both its ends",
        "role:king names no role",
    ]


def test_every_table_has_a_required_column_and_no_name_means_two():
    for columns in TABLES.values():
        names = [name for column in columns.values() for name in column.names]
        assert len(names) == len(set(names))
        assert any(column.required for column in columns.values())
