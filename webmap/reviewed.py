"""A version under review as the page is told of it: in the queue, and by itself with its steps and who takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flask import current_app, request

from gridgis import jobs
from webmap.access import person, store
from webmap.changes import Changes, Comparisons
from webmap.judged import findings, to_explain
from webmap.language import page_texts, wanted
from webmap.versions import in_force

if TYPE_CHECKING:
    from gridgis.jobs import Person
    from gridgis.registry.review import Step
    from gridgis.registry.versions import Version

DECISIONS = {"review": ["approve", "return"], "filing": ["file"]}
"""What may be done at a step, by its kind: a filing holds no review up."""
DECIDED_ON = {"submitted": tuple(DECISIONS), "approved": ("filing",)}
"""Kinds of steps that can be taken, by the state of a version: a filing also once it is approved."""

DECIDED = ("approved", "withdrawn")
"""What a version is on which nobody comments any more."""


def lines(some: Sequence[Version]) -> list[dict[str, Any]]:
    """Versions in the queue: what each is, and in numbers what it changes where somebody is to decide on it."""
    networks = {one.network for one in jobs.versions(store())}
    stand = {one.id for one in in_force()}
    return [_line(one, called=_called(one, networks), stands=one.id in stand) for one in some]


def detail(one: Version) -> dict[str, Any]:
    """A version by itself: what it changes, what is found and said of it, its steps, and what you may do."""
    found, found_by_rules = changes_of(one), findings(one)
    steps = jobs.steps(store(), one.id)
    asked = jobs.comments(store(), one.id)
    return {
        **lines([one])[0],
        "against": found.against,
        "counts": found.counts,
        "moved_households": found.moved_households,
        "steps": [_step(step, one) for step in steps if step.state != "open" or _can_be_taken(step, one)],
        "findings": found_by_rules,
        "to_explain": to_explain(found_by_rules) if one.is_open else [],
        "comments": [{name: getattr(c, name) for name in c.__dataclass_fields__} for c in asked],
        "may": _may(person(), one, steps),
        "last": _last(one, steps),
    }


def changes_of(one: Version) -> Changes:
    """What a version changes of the one in force; of one that was in force itself, of its parent."""
    comparisons: Comparisons = current_app.extensions["comparisons"]
    stands = next((other for other in in_force() if other.district == one.district), None)
    if one.state == "approved":
        stands = jobs.find_version(store(), one.parent_id) if one.parent_id else None
    return comparisons.of(one, stands if stands and stands.id != one.id else None)


def _line(one: Version, *, called: str, stands: bool) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in ("id", "name", "state", "author", "note", "created_at")}
    told |= {"called": called, "in_force": stands, "effective_from": one.effective_from}
    if one.state == "submitted":
        found = changes_of(one)
        told |= {"counts": found.counts, "moved_households": found.moved_households}
    return told


def _called(one: Version, networks: set[str]) -> str:
    """What people call a version; its network is told where the store has several."""
    texts = page_texts(wanted(request))["review"]
    sentence = texts["called_of_network"] if len(networks) > 1 else texts["called"]
    return str(sentence.format(district=one.district, network=one.network, n=one.number))


def _step(step: Step, one: Version) -> dict[str, Any]:
    told = {name: getattr(step, name) for name in ("name", "kind", "role", "state", "actor", "at", "document")}
    if step.state == "open" and one.state == "approved":
        told["state"] = "late"
    return told | {"attachment": step.attachment.hex() if step.attachment else None}


def _can_be_taken(step: Step, one: Version) -> bool:
    """Whether a step that is open still waits for somebody: of one that is approved, whether there is who can take it.

    A step of one that is not decided waits also for who is still to be named.
    """
    if step.kind not in DECIDED_ON.get(one.state, ()):
        return False
    return one.state != "approved" or any(
        actor.ended_at is None
        and actor.role == step.role
        and len(actor.area) <= step.area_digits
        and one.district.startswith(actor.area[:6])
        for actor in jobs.actors(store())
    )


def _last(one: Version, steps: list[Step]) -> dict[str, Any] | None:
    """The decision that brings a version into force, where it is the next of its kind, and how many reviews precede it.

    By no other decision a time may be given.
    """
    still = [step for step in steps if step.state == "open"]
    if one.state != "submitted" or not still or still[-1] is not steps[-1]:
        return None
    *before, end = still
    if any(step.kind == end.kind for step in before):
        return None
    return {"decision": DECISIONS[end.kind][0], "reviews_before": sum(step.kind == "review" for step in before)}


def _may(who: Person, one: Version, steps: list[Step]) -> list[str]:
    """What somebody may do, by what the next step asks; the store has the last word."""
    found = []
    if one.is_open and who.role == "submitter":
        found += ["submit", "withdraw"]
    for kind in DECIDED_ON.get(one.state, ()):
        step = next((step for step in steps if step.state == "open" and step.kind == kind), None)
        if step and step.role == who.role and len(who.area) <= step.area_digits:
            found += DECISIONS[kind]
    if one.state == "submitted" and who.role == "submitter":
        found.append("withdraw")
    return found if one.state in DECIDED else [*found, "comment"]
