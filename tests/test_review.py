"""Review: who may decide what, in which order, with what kept beside it; comments; what is erased by law."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from test_change_sets import decided, handed_in, hard, one_micro, redivided, whole
from test_registry import DAY, approved, decision, drafted, merge, server, store, town, url

from gridgis import jobs
from gridgis.cli import main
from gridgis.errors import InputRefused
from gridgis.layers import write_division
from gridgis.profile import Step, load_profile
from gridgis.registry import tables
from gridgis.registry.actors import add_actor, end_actor
from gridgis.registry.attachments import LARGEST, attach, attached
from gridgis.registry.audit import verify
from gridgis.registry.comments import answer, comment, comments
from gridgis.registry.erasure import erase
from gridgis.registry.events import events
from gridgis.registry.review import approve, findings, give_back, revoke, steps, submit, take_on_file, withdraw
from gridgis.registry.store import Conflict
from gridgis.registry.versions import draft, get, in_force

__all__ = ["server", "store", "url"]

THREE = (
    Step(name="township", kind="filing", role="filer", area_digits=9),
    Step(name="district", kind="review", role="reviewer", area_digits=6),
    Step(name="city", kind="review", role="reviewer", area_digits=4),
)


def with_steps(division, taken=THREE, **more):
    """A division whose profile asks for other steps."""
    profile = load_profile()
    asked = profile.model_copy(update={"review": profile.review.model_copy(update={"steps": taken, **more})})
    return replace(division, info={**division.info, "profile_toml": asked.to_toml()})


def states(store, version) -> list[str]:
    with store.read() as connection:
        return [one.state for one in steps(connection, version)]


def refused(store, said: str, act) -> None:
    with pytest.raises(InputRefused, match=said), store.write() as connection:
        act(connection)


# ---------------------------------------------------------------- steps
def test_steps_are_taken_in_their_order_by_those_who_may(store):
    with store.write() as connection:
        for name, role, area in (
            ("district", "reviewer", "420106"),
            ("elsewhere", "reviewer", "310112"),
            ("township", "filer", "420106002"),
        ):
            add_actor(connection, name, role=role, area=area, by="first", at=DAY[0])
    made = handed_in(store, with_steps(town()), day=1)
    assert states(store, made) == ["open"] * 3
    refused(store, "may act in 310112", lambda c: approve(c, made, decision(DAY[2], actor="elsewhere")))
    refused(store, "is filer, not reviewer", lambda c: approve(c, made, decision(DAY[2], actor="files")))
    refused(store, "others follow", lambda c: approve(c, made, decision(DAY[2], DAY[3], actor="district")))
    with store.write() as connection:
        assert approve(connection, made, decision(DAY[2], actor="district")).state == "submitted"
    assert states(store, made) == ["open", "approved", "open"]
    refused(store, "4 digits or fewer", lambda c: approve(c, made, decision(DAY[2], DAY[3], actor="district")))
    refused(store, "in force from no time", lambda c: approve(c, made, decision(DAY[2])))
    refused(
        store,
        "may act in 420106002, not in 420106001",
        lambda c: take_on_file(c, made, decision(DAY[2], actor="township")),
    )
    with store.write() as connection:
        done = approve(connection, made, decision(DAY[2], DAY[3]))
    assert (done.state, states(store, made)) == ("approved", ["open", "approved", "approved"])
    refused(store, "is approved", lambda c: approve(c, made, decision(DAY[4], DAY[4])))
    with store.write() as connection:
        assert take_on_file(connection, made, decision(DAY[4], actor="files")).state == "approved"
    assert states(store, made) == ["filed", "approved", "approved"]
    with store.read() as connection:
        assert [one.kind for one in events(connection)][-4:] == [
            "version.submitted",
            "version.reviewed",
            "version.approved",
            "version.filed",
        ]
        assert verify(connection).faults == ()


def test_a_filing_that_is_the_last_step_waits_for_the_reviews(store):
    made = handed_in(store, with_steps(town(), (THREE[2], THREE[0])), day=1)
    act = decision(DAY[2], DAY[2], actor="files")
    refused(store, "step 1, city, is open", lambda c: take_on_file(c, made, act))
    with store.write() as connection:
        approve(connection, made, decision(DAY[2]))
        assert take_on_file(connection, made, act).state == "approved"


def test_nobody_chooses_the_review_of_what_he_hands_in(store):
    approved(store, town(), day=1)
    alone = with_steps(merge(town(), *town().grids["grid_code"][:2]), (THREE[0],), microgrids_end_at=1)
    assert states(store, handed_in(store, alone, day=2)) == ["open", "open"]


def test_a_filing_holds_nothing_up_and_cannot_return(store):
    made = handed_in(store, town(), day=1)
    with store.write() as connection:
        taken = take_on_file(connection, made, decision(DAY[1], actor="files"))
    assert (taken.state, states(store, made)) == ("submitted", ["filed", "open"])
    refused(store, "without a receipt", lambda c: take_on_file(c, made, replace(decision(DAY[1]), document=" ")))
    refused(store, "no filing that is open", lambda c: take_on_file(c, made, decision(DAY[1], actor="files")))
    refused(store, "is filer", lambda c: give_back(c, made, decision(DAY[1], actor="files"), reason="no"))


def test_a_change_of_micro_grids_alone_ends_where_the_profile_says(store):
    base = town()
    approved(store, base, day=1)
    mine = base.microgrids["microgrid_code"][:2].tolist()
    joined = one_micro(base, *mine)
    made = handed_in(store, joined, day=2)
    assert states(store, made) == ["open"]
    refused(store, "no review that is open", lambda c: approve(c, made, decision(DAY[2], DAY[3])))
    refused(store, "in force from no time", lambda c: take_on_file(c, made, decision(DAY[2], actor="files")))
    with store.write() as connection:
        assert take_on_file(connection, made, decision(DAY[2], DAY[3], actor="files")).state == "approved"
    assert hard(whole(store, made)) == []
    assert states(store, handed_in(store, with_steps(base, microgrids_end_at=3), day=4)) == ["open"]
    grids = handed_in(store, merge(joined, *base.grids["grid_code"][:2]), day=5)
    assert states(store, grids) == ["open", "open"]


def test_what_was_returned_is_handed_in_again_and_reviewed_anew(store):
    made = handed_in(store, town(), day=1)
    with store.write() as connection:
        back = give_back(connection, made, decision(DAY[2]), reason="the border at the school")
        assert back.state == "returned"
    assert states(store, made) == ["open", "returned"]
    with store.write() as connection:
        submit(connection, back, actor="draws", at=DAY[3])
    assert states(store, made) == ["open", "open"]
    with store.read() as connection:
        kept = connection.execute(sa.select(tables.step.c.round, tables.step.c.state)).all()
        assert sorted(map(tuple, kept)) == [(1, "open"), (1, "returned"), (2, "open"), (2, "open")]
        assert "school" not in "".join(one.body for one in events(connection))


def test_nobody_decides_on_what_is_his_own(store):
    made = drafted(store, town())
    with store.write() as connection:
        add_actor(connection, "hands-in", role="submitter", by="first", at=DAY[0])
        submit(connection, made, actor="hands-in", at=DAY[1])
        for name in ("draws", "hands-in"):
            connection.execute(sa.update(tables.actor).where(tables.actor.c.name == name).values(role="reviewer"))
    for name in ("draws", "hands-in"):
        refused(store, "his own", lambda c, name=name: approve(c, made, decision(DAY[2], DAY[2], actor=name)))
        refused(store, "his own", lambda c, name=name: give_back(c, made, decision(DAY[2], actor=name), reason="x"))


def test_another_s_version_is_withdrawn_by_the_district_alone(store):
    """Source: CX 7, the district divides with the township."""
    base = town()
    zone = base.zones["zone_code"][0]
    with store.write() as connection:
        for name, area in (("one", "420106001"), ("two", "420106001"), ("district", "420106")):
            add_actor(connection, name, role="submitter", area=area, by="first", at=DAY[0])
    approved(store, base, day=1)

    def of_one():
        with store.write() as connection:
            return draft(connection, redivided(base, zone, 1), author="one", at=DAY[2], zones=[zone])

    made = of_one()
    refused(store, "may act in 420106001, not in 420106", lambda c: withdraw(c, made, actor="two", at=DAY[3]))
    refused(store, "is reviewer, not submitter", lambda c: withdraw(c, made, actor="decides", at=DAY[3]))
    for version, name in ((made, "one"), (of_one(), "district")):
        with store.write() as connection:
            assert withdraw(connection, version, actor=name, at=DAY[3]).state == "withdrawn"
    made = of_one()
    with store.write() as connection:
        submit(connection, made, actor="two", at=DAY[3])
        assert withdraw(connection, made, actor="two", at=DAY[3]).state == "withdrawn"


def test_a_right_ends_and_what_was_done_stays(store, url):
    made = drafted(store, town())
    with store.write() as connection:
        for name, area in (("chief", ""), ("chief-here", "420106")):
            add_actor(connection, name, role="administrator", area=area, by="first", at=DAY[0])
    for name, by, said in (
        ("nobody", "chief", "not known"),
        ("draws", "decides", "is reviewer, not administrator"),
        ("draws", "chief-here", "may act in 420106, not in "),
        ("chief", "chief", "last administrator of everything"),
    ):
        refused(store, said, lambda c, name=name, by=by: end_actor(c, name, by=by, at=DAY[2]))
    env = {"GRIDGIS_STORE": url}
    assert CliRunner().invoke(main, ["actor", "end", "draws", "--by", "chief"], env=env).exit_code == 0
    refused(store, "may not act since", lambda c: submit(c, made, actor="draws", at=DAY[3]))
    refused(store, "may not act since", lambda c: draft(c, town(), author="draws", at=DAY[3]))
    refused(store, "draws: ended", lambda c: end_actor(c, "draws", by="chief", at=DAY[3]))
    refused(store, "is there already", lambda c: add_actor(c, "draws", role="filer", by="chief", at=DAY[3]))
    lines = CliRunner().invoke(main, ["actor", "list"], env=env).output.splitlines()
    assert [line.split()[:3] for line in lines if "until" in line] == [["draws", "submitter", "everywhere"]]
    assert len(lines) == 6
    with store.write() as connection:
        assert verify(connection).faults == ()
        assert get(connection, made.id).author == "draws"
        connection.execute(sa.update(tables.actor).where(tables.actor.c.name == "draws").values(ended_at=None))
        assert verify(connection).faults == ("actor draws is submitter of everywhere, which no event says",)


def test_an_approval_is_revoked_before_it_is_in_force(store, url):
    zones = town().zones["zone_code"].tolist()
    base = redivided(town(), zones[1], 1)
    first = approved(store, base, day=1)
    made, on_it = (handed_in(store, division, day=2) for division in (redivided(base, zones[0], 1), town()))
    with store.write() as connection:
        approve(connection, made, decision(DAY[2], DAY[300]))
        last = approve(connection, on_it, decision(DAY[2], DAY[301]))
        fresh = set(connection.scalars(sa.select(tables.code.c.code).where(tables.code.c.version_id == last.id)))
    built = handed_in(store, redivided(whole(store, last), zones[2], 3), day=3)
    waits = drafted(store, redivided(whole(store, last), zones[3], 3), day=3)
    assert (built.parent_id, len(fresh) > 0) == (last.id, True)
    for version, actor, at, reason, said in (
        (first, "decides", DAY[3], "x", "is in force since"),
        (made, "decides", DAY[3], "x", f"is followed by {last.name}.* Revoke that one first"),
        (built, "decides", DAY[3], "x", "is submitted"),
        (last, "draws", DAY[3], "x", "is submitter, not reviewer"),
        (last, "files", DAY[3], "x", "is filer, not reviewer"),
        (last, "decides", DAY[3], " ", "without a reason"),
        (last, "decides", DAY[301], "x", "is in force since"),
    ):
        act = {"actor": actor, "at": at, "reason": reason}
        refused(store, said, lambda c, version=version, act=act: revoke(c, version, **act))
    with store.write() as connection:
        gone = revoke(connection, last, actor="decides", at=DAY[3], reason="the wrong map")
        assert (gone.state, gone.effective_from) == ("withdrawn", None)
        assert in_force(connection, first.district, at=DAY[350]).id == made.id
        assert verify(connection).faults == ()
        assert "wrong map" not in "".join(one.body for one in events(connection))
    for late in (lambda: decided(store, built, day=310), lambda: jobs.submit(url, waits.id, actor="draws")):
        with pytest.raises(Conflict, match=f"goes on from {last.name}, which was revoked: draft it again"):
            late()
    again = approved(store, town(), day=302)
    assert set(whole(store, again).grids["grid_code"]) & fresh == set()
    assert jobs.explain_code(url, min(fresh)).begins is None
    told = CliRunner().invoke(main, ["codes", "explain", min(fresh)], env={"GRIDGIS_STORE": url}).output
    assert "never in force, its version was revoked" in told
    result = CliRunner().invoke(
        main, ["revoke", str(again.id), "--by", "decides", "--reason", "late"], env={"GRIDGIS_STORE": url}
    )
    assert (result.exit_code, "is in force since" in result.output) == (2, True)
    assert jobs.verify(url).faults == ()


def test_rows_of_a_version_that_was_revoked_are_held_against_its_approval(store):
    made = handed_in(store, town(), day=1)
    with store.write() as connection:
        approve(connection, made, decision(DAY[1], DAY[300]))
        revoke(connection, made, actor="decides", at=DAY[2], reason="x")
        assert verify(connection).faults == ()
        row = {"network": "general", "code": "9" * 15, "version_id": made.id}
        connection.execute(sa.insert(tables.code).values(row))
        assert verify(connection).faults == (f"the rows of code of version {made.id} are not as the events say",)


# ---------------------------------------------------------------- findings and files
def test_findings_are_handed_in_with_a_reason_for_each_rule(store):
    made = drafted(store, town())
    rows = {"rule": ["out_of_range", "neck", "neck"], "code": ["1", "2", "3"], "detail": "so"}
    found = pd.DataFrame(rows)
    refused(
        store,
        r"neck: 2 findings without a reason(.|\n)*out_of_range",
        lambda c: submit(c, made, actor="draws", at=DAY[1], findings=found),
    )
    reasons = {"neck": "the river", "out_of_range": " "}
    refused(
        store,
        "out_of_range: 1 findings",
        lambda c: submit(c, made, actor="draws", at=DAY[1], findings=found, reasons=reasons),
    )
    wrong = {"": "so", "nosuchrule": "why not", "neck": "so"}
    refused(
        store,
        "nosuchrule: is no rule with findings here. Those that have some: neck, out_of_range",
        lambda c: submit(c, made, actor="draws", at=DAY[1], findings=found, reasons=wrong),
    )
    with store.write() as connection:
        submit(
            connection, made, actor="draws", at=DAY[1], findings=found, reasons=reasons | {"out_of_range": "a tower"}
        )
        told = findings(connection, made)
    assert [(row["rule"], row["reason"]) for row in told] == [
        ("out_of_range", "a tower"),
        ("neck", "the river"),
        ("neck", "the river"),
    ]


def test_a_sealed_file_is_kept_once_and_comes_back(store):
    content = b"%PDF a stamp" * 1000
    made = handed_in(store, town(), day=1)
    with store.write() as connection:
        first, again = attach(connection, "decision.pdf", content), attach(connection, "copy.pdf", content)
        approve(connection, made, decision(DAY[2], DAY[2], attachment=first))
    assert first == again == hashlib.sha256(content).digest()
    with store.read() as connection:
        assert attached(connection, first) == ("decision.pdf", content)
        assert first.hex() in list(events(connection))[-1].body
    refused(store, "has 0 bytes", lambda c: attach(c, "empty.pdf", b""))
    refused(store, f"has {LARGEST + 1} bytes", lambda c: attach(c, "huge.pdf", bytes(LARGEST + 1)))
    refused(store, "not in the store", lambda c: attached(c, bytes(32)))
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), store.write() as connection:
        connection.execute(sa.update(tables.attachment).values(bytes=b"other"))


# ---------------------------------------------------------------- comments
def test_comments_are_answered_before_approval(store):
    division = town()
    made = handed_in(store, division, day=1)
    grids = division.grids["grid_code"].tolist()
    ask = {"actor": "decides", "at": DAY[2]}
    with store.write() as connection:
        one = comment(connection, made, "too large", code=grids[0], other_code=None, **ask)
        two = comment(connection, made, "why not along the road?", code=grids[0], other_code=grids[1], **ask)
        comment(connection, made, "fine", code=division.zones["zone_code"][0], other_code=None, **ask)
    refused(
        store,
        rf"comment, 1: on {grids[0]}(.|\n)*border of {grids[0]} and {grids[1]}",
        lambda c: approve(c, made, decision(DAY[3], DAY[3])),
    )
    with store.write() as connection:
        for number in (one.id, two.id, 3):
            answer(connection, made, number, "mended", actor="draws", at=DAY[3])
        approve(connection, made, decision(DAY[4], DAY[4]))
        told = comments(connection, made.id)
    assert [(c.place, c.text, c.answered_by, c.answer) for c in told][1] == (
        f"the border of {grids[0]} and {grids[1]}", "why not along the road?", "draws", "mended"
    )  # fmt: skip


def test_a_comment_that_cannot_be_is_refused(store):
    division = town()
    made = drafted(store, division)
    grids = division.grids["grid_code"].tolist()
    ask = {"actor": "decides", "at": DAY[2]}
    away = grids[-1]
    cases = {
        "is no code of version": ("999999999999999", None, "x"),
        "has no border with": (grids[0], away, "x"),
        "says nothing": (grids[0], None, " "),
    }
    for said, (code, other, text) in cases.items():
        refused(store, said, lambda c, a=code, b=other, t=text: comment(c, made, t, code=a, other_code=b, **ask))
    refused(
        store, "not known", lambda c: comment(c, made, "x", code=grids[0], other_code=None, actor="nobody", at=DAY[2])
    )
    refused(store, "is not there on version", lambda c: answer(c, made, 7, "x", actor="draws", at=DAY[2]))
    with store.write() as connection:
        number = comment(connection, made, "x", code=grids[0], other_code=None, **ask).id
        answer(connection, made, number, "y", actor="draws", at=DAY[2])
    refused(store, "answered already", lambda c: answer(c, made, number, "z", actor="draws", at=DAY[2]))


# ---------------------------------------------------------------- what people wrote
def test_what_was_written_is_erased_and_the_chain_holds(store):
    made = drafted(store, town(), note="by telephone from Mrs Made-Up")
    with store.read() as connection:
        assert "Made-Up" not in "".join(one.body for one in events(connection))
        seq = next(one.seq for one in events(connection) if one.kind == "version.drafted")
    with store.write() as connection:
        erase(connection, seq, "note", actor="first", at=DAY[2])
    refused(store, "no note that could be erased", lambda c: erase(c, seq, "note", actor="first", at=DAY[2]))
    with store.read() as connection:
        assert get(connection, made.id).note == ""
        assert connection.scalar(sa.select(tables.remark.c.text)) is None
        assert verify(connection).faults == ()


def test_the_commands_of_a_review(store, url, tmp_path):
    division = town()
    zones = division.zones["zone_code"].tolist()
    approved(store, division, day=1)
    write_division(redivided(redivided(division, zones[0], 1), zones[1], 2), tmp_path / "made.gpkg")
    sealed = str(tmp_path / "seal.pdf")
    (tmp_path / "seal.pdf").write_bytes(b"%PDF stamp")
    with store.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
    assert len(jobs.in_force(url, zones[0][:6]).grids) == len(division.grids)
    reasons = [
        f"--reason={rule}=so-be-it"
        for rule in jobs.check(whole(store, drafted(store, redivided(division, zones[0], 1), day=2)))["rule"].unique()
    ]
    way = [
        (["draft", str(tmp_path / "made.gpkg"), "--by", "draws"], "draft"),
        (["submit", "3", "--by", "draws", "--zones", zones[0], *reasons], "submitted"),
        (["take-on-file", "4", "--by", "files", "--receipt", "F-1"], "submitted"),
        (["comment", "4", "look\nhere", "--on", zones[0], "--by", "decides"], "comment 1"),
        (["answer", "4", "1", "done", "--by", "draws"], ""),
        (["approve", "4", "--by", "decides", "--from", "2027-01-01T00:00+08:00", "--file", sealed], "approved"),
        (["steps", "4"], f"file {hashlib.sha256(b'%PDF stamp').hexdigest()}"),
        (["comments", "4"], "look here - draws: done"),
        (["audit", "events", "--version", "4"], "version.approved"),
        (["attachment", hashlib.sha256(b"%PDF stamp").hexdigest(), "-o", str(tmp_path / "back.pdf")], "seal.pdf"),
        (["audit", "verify"], "consistent"),
    ]  # fmt: skip
    for command, said in way:
        result = CliRunner().invoke(main, command, env={"GRIDGIS_STORE": url})
        assert (result.exit_code in (0, 3), said in result.output) == (True, True), (command, result.output)
    assert (tmp_path / "back.pdf").read_bytes() == b"%PDF stamp"
    assert jobs.changed_zones(url, 4) == [zones[0]]
