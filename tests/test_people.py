"""People at the door: tables in any usual form, all faults told at once; codes of posts; rules by kind. All made up."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.duties import Duties, read_duties
from gridgis.duties.columns import ROLES, conformed
from gridgis.duties.people import people_faults, staff_offenders, with_post_codes
from gridgis.errors import InputRefused
from gridgis.profile import load_profile

GRID = "310101001001001"
PROFILE = load_profile()
HEADS = ["人员编号", "角色", "网格编码", "生效日期", "失效日期"]


def made(**tables) -> Duties:
    return Duties(**{name: conformed(name, pd.DataFrame(rows)) for name, rows in tables.items() if rows})


def posts(*rows: dict[str, object]) -> pd.DataFrame:
    return conformed("posts", pd.DataFrame(rows))


def problems(path) -> list[str]:
    with pytest.raises(InputRefused) as refused:
        read_duties(path)
    return [str(fault) for fault in refused.value.faults]


# ---------------------------------------------------------------- reading
def folder_of(tmp_path, encoding="utf-8", separator=","):
    tables = {
        "人员": [["人员编号", "姓名"], ["p1", "虚构甲"]],
        "posts": [HEADS, ["p1", "网格长", GRID, "2026/1/1", "2026年1月31日"]],
    }
    for name, rows in tables.items():
        text = "".join(separator.join(row) + "\n" for row in rows)
        (tmp_path / f"{name}.csv").write_text(text, encoding=encoding)
    return tmp_path


def workbook_of(tmp_path, *rows, head=("person_id", "role", "area_code", "valid_from", "valid_to")):
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "人员"
    for row in (["工号", "姓名"], ["p1", "虚构甲"]):
        book.active.append(row)
    sheet = book.create_sheet("岗位")
    for row in (head, *rows):
        sheet.append(list(row))
    book.save(tmp_path / "staff.xlsx")
    return tmp_path / "staff.xlsx"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_folder_of_csv_with_chinese_headers_is_read(tmp_path, encoding, separator):
    found = read_duties(folder_of(tmp_path, encoding, separator))
    assert found.people[["person_id", "name"]].to_numpy().tolist() == [["p1", "虚构甲"]]
    row = found.posts.iloc[0]
    assert (row["role"], row["post_code"]) == ("grid_leader", f"{GRID}Z01")
    assert (row["valid_from"], row["valid_to"]) == (
        "2025-12-31T16:00:00.000000+00:00",
        "2026-01-31T16:00:00.000000+00:00",
    )


def test_a_workbook_and_a_toml_file_say_the_same_as_csv(tmp_path):
    import datetime

    day = datetime.datetime(2026, 1, 1)
    book = read_duties(workbook_of(tmp_path, ("p1", "grid_leader", GRID, day, day.replace(day=31))))
    (tmp_path / "staff.toml").write_text(
        '[[people]]\nperson_id = "p1"\nname = "虚构甲"\n[[posts]]\nperson_id = "p1"\nrole = "grid_leader"\n'
        f"area_code = {GRID}\nvalid_from = 2026-01-01\nvalid_to = 2026-01-31\n",
        encoding="utf-8",
    )
    toml, csv = read_duties(tmp_path / "staff.toml"), read_duties(folder_of(tmp_path))
    for name in ("people", "posts"):
        pd.testing.assert_frame_equal(book.tables[name], csv.tables[name])
        pd.testing.assert_frame_equal(toml.tables[name], csv.tables[name])


def test_all_faults_of_a_workbook_are_told_together(tmp_path):
    told = problems(
        workbook_of(
            tmp_path,
            ("p1", "grid_leader", "=A1", None, None),
            ("p1", "king", GRID, None, None),
            ("p1", "grid_leader", 31010100100100101, None, None),
            ("p1", "grid_leader", GRID, "soon", None),
            ("p1", "full_time", GRID, "2026-02-02", "2026-02-01"),
            ("p9", "full_time", GRID, None, None),
            (None, "full_time", GRID, None, None),
        )
    )
    assert told == [
        "posts, row 3: role 'king' is not known. Take one of " + ", ".join(ROLES),
        "posts, row 2: area_code is a formula. Write the value itself",
        "posts, row 4: area_code is a number that the spreadsheet has rounded. Format the column as text",
        "posts, row 5: valid_from 'soon' is no date. Write it as 2026-12-01, or 2026-12-01T08:00+08:00",
        "posts, row 8: person_id is empty. Fill it in",
        "posts, row 6: valid_to lies before valid_from. Exchange or correct the dates",
        "posts, row 7: person p9 is not known. Add the person, or correct the number",
    ]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("none.csv", None, "no such file"),
        ("a.xlsx", b"PK\x03\x04 cut", "cannot be read"),
        ("a.csv", b"PK\x03\x04", "spreadsheet, not text"),
        ("a.toml", b"[[people]\n", "not TOML"),
        ("a.toml", b"people = 3\n", "no array of tables"),
        ("a.csv", b"x,y\n1,2\n", "none of the tables"),
        ("people.csv", b"person_id,person_id,x\na,b,c\n", "is there twice"),
        ("people.csv", b"x\na\n", "column name is missing"),
        ("a.pdf", b"%PDF", "no workbook"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, name, content, why):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert any(why in problem for problem in problems(tmp_path / name))


@given(st.binary(max_size=200), st.sampled_from(["people.csv", "a.toml", "a.xlsx"]))
@settings(max_examples=60)
def test_no_bytes_end_in_another_error(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(content)
    with suppress(InputRefused):
        read_duties(path)


# ---------------------------------------------------------------- posts
def test_posts_without_a_code_get_the_next_that_was_never_given():
    rows = posts(
        {"person_id": "b", "role": "full_time", "area_code": GRID},
        {"person_id": "a", "role": "full_time", "area_code": GRID},
        {"person_id": "c", "role": "full_time", "area_code": GRID, "post_code": f"{GRID}Q04"},
        {"person_id": "d", "role": "microgrid_leader", "area_code": f"{GRID}01"},
    )
    found = with_post_codes(rows, profile=PROFILE, taken=[f"{GRID}Q07"])
    assert found["post_code"].tolist() == [f"{GRID}Q09", f"{GRID}Q08", f"{GRID}Q04", f"{GRID}01W01"]
    with pytest.raises(InputRefused, match="no number left"):
        with_post_codes(rows, profile=PROFILE, taken=[f"{GRID}Q98"])


@given(st.permutations(range(6)))
@settings(max_examples=20)
def test_codes_of_posts_do_not_depend_on_the_order_of_rows(order):
    rows = [{"person_id": f"p{k}", "role": "sanitation", "area_code": GRID[: 9 + 3 * (k % 2)]} for k in range(6)]
    found = with_post_codes(posts(*(rows[k] for k in order)), profile=PROFILE)
    codes = dict(zip(found["person_id"], found["post_code"], strict=True))
    assert codes == {"p0": "310101001S01", "p2": "310101001S02", "p4": "310101001S03",
                     "p1": "310101001001S01", "p3": "310101001001S02", "p5": "310101001001S03"}  # fmt: skip


def officer(area: str, begin: str | None = None, end: str | None = None) -> dict[str, object]:
    return {"person_id": "a", "role": "enforcement_officer", "area_code": area, "valid_from": begin, "valid_to": end}


def test_a_person_over_the_limit_is_told_with_the_clause_and_a_unit_counts_as_its_grids():
    grids = [f"{GRID[:-1]}{number}" for number in range(1, 6)]
    units = [{"unit_code": "U1", "name": "unit", "grid_codes": ";".join(grids[:3])}]
    people = [{"person_id": "a", "name": "made-up"}]

    def told(*rows):
        faults = people_faults(made(people=people, posts=list(rows), units=units), profile=PROFILE)
        return [(fault.row, fault.problem.partition(" would")[2]) for fault in faults]

    assert told(officer("U1")) == []
    assert told(officer("U1"), officer(grids[3])) == [("1", " serve 4, the limit is 3 grids a person")]
    early, late = "2026-01-01T00:00:00.000000+00:00", "2026-02-01T00:00:00.000000+00:00"
    assert told(officer("U1", None, early), officer(grids[3], early)) == []
    assert told(officer("U1", None, late), officer(grids[3], early)) == [
        ("1", " serve 4, the limit is 3 grids a person")
    ]
    found = people_faults(made(people=people, posts=[officer("U1"), officer(grids[3])], units=units), profile=PROFILE)
    assert "ZZ 8" in found[0].cure


def test_a_person_may_hold_posts_of_several_roles_and_a_post_may_change_hands():
    people = [{"person_id": name, "name": f"made-up {name}"} for name in "ab"]
    day = "2026-01-01T00:00:00.000000+00:00"
    rows = [
        {"post_code": f"{GRID}J01", "person_id": "a", "role": "part_time", "area_code": GRID},
        {"person_id": "a", "role": "microgrid_leader", "area_code": f"{GRID}01"},
        {"post_code": f"{GRID}Z01", "person_id": "a", "role": "grid_leader", "area_code": GRID, "valid_to": day},
        {"post_code": f"{GRID}Z01", "person_id": "b", "role": "grid_leader", "area_code": GRID, "valid_from": day},
    ]
    assert people_faults(made(people=people, posts=rows), profile=PROFILE) == []
    rows[2]["valid_to"] = None
    found = people_faults(made(people=people, posts=rows), profile=PROFILE)
    assert [fault.problem for fault in found] == [f"post_code {GRID}Z01 holds twice at a time"]


def test_wrong_codes_and_identity_numbers_are_refused():
    people = [{"person_id": "110101190001010000", "name": "made-up"}]
    rows = [{"post_code": f"{GRID}Q01", "person_id": "110101190001010000", "role": "grid_leader", "area_code": GRID}]
    units = [{"unit_code": "310101", "name": "unit", "grid_codes": "1;2"}]
    found = people_faults(made(people=people, posts=rows, units=units), profile=PROFILE)
    assert [fault.problem for fault in found] == [
        "person_id is an identity number",
        "unit_code 310101 could be another area's",
        "1 is no code of a grid",
        "2 is no code of a grid",
        f"post_code {GRID}Q01 is not {GRID}Z and 2 digits",
    ]


@pytest.mark.parametrize(
    "number",
    ["110101190001010000", "11010119000101000X", "110101000101000", "13800000000", "+86 138-0000-0000", "027-00000000"],
)
def test_no_refusal_prints_an_identity_or_telephone_number(number):
    people = [{"person_id": number, "name": "made-up"}] * 2
    post = {"person_id": number, "role": "grid_leader", "area_code": GRID}
    others = [{**post, "role": "full_time", "area_code": f"{GRID[:-1]}{k}"} for k in range(1, 4)]
    for known in (people, []):
        found = people_faults(made(people=known, posts=[post, post, *others]), profile=PROFILE)
        assert found
        for fault in found:
            assert number not in str(fault)
            assert fault.row
        said = "; ".join(fault.problem for fault in found)
        assert f"{number[:3]}… ({len(number)} signs)" in said
        assert ("is there twice" if known else "is not known") in said
        assert "holds twice at a time" in said
        assert "would serve" in said
    plain = people_faults(made(people=[{"person_id": "p1", "name": "made-up"}] * 2), profile=PROFILE)
    assert [fault.problem for fault in plain] == ["person_id p1 is there twice"]


# ---------------------------------------------------------------- rules by kind
def test_every_kind_of_grid_is_asked_for_its_own_staff():
    places = pd.DataFrame(
        [
            (GRID, "community"),
            (f"{GRID}01", "community"),
            ("310101001001701", "dedicated"),
            ("310101001001002", "village"),
        ],
        columns=["code", "kind"],
    )
    rows = [
        {"post_code": f"{GRID}Z01", "person_id": "a", "role": "grid_leader", "area_code": GRID},
        {"post_code": "310101001001999Z01", "person_id": "a", "role": "grid_leader", "area_code": "310101001001999"},
    ]
    found = staff_offenders(made(posts=rows), places, at="2026-01-01", profile=PROFILE)
    assert found[["rule", "severity", "code"]].to_numpy().tolist() == [
        ["post_on_retired", "hard", "310101001001999Z01"],
        ["no_full_time", "finding", "310101001001001"],
        ["no_full_time", "finding", "310101001001002"],
        ["no_grid_leader", "finding", "310101001001002"],
        ["no_grid_leader", "finding", "310101001001701"],
        ["no_microgrid_leader", "finding", f"{GRID}01"],
    ]
    assert found["clause"].str.len().gt(0).all()
