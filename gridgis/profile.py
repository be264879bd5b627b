"""Numbers of policy: read from TOML, each with its unit and the clause it comes from.

A profile is data. A file may name another one that it `extends` (`default` where it names none),
map kinds of zone to profiles in `[kinds]`, and set any number itself; what it does not set it
inherits. `[rules.every]` holds for every kind, `[rules.community]` and the like for one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from gridgis.errors import Fault, InputRefused, refuse

Kind = Literal["community", "village", "dedicated", "street"]
KINDS: tuple[Kind, ...] = ("community", "village", "dedicated", "street")
SHIPPED = ("default", "urban", "rural", "dedicated", "street", "cjt349")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quantity(_Data):
    """One number with its unit and clause."""

    value: NonNegativeFloat
    unit: str
    clause: str


class Range(_Data):
    """A range of sizes with its unit and clause; `min <= max`."""

    min: NonNegativeFloat
    max: PositiveFloat
    unit: str
    clause: str

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    @property
    def target(self) -> float:
        """The middle of the range."""
        return (self.min + self.max) / 2

    def feasible(self, total: float) -> bool:
        """Whether some number of parts can share `total` with every part in range."""
        if total <= 0:
            return False
        return -(-total // self.max) <= (total // self.min if self.min else total)


class Rules(_Data):
    """Ranges of a grid for one kind of zone; the first that its zone has numbers for applies."""

    households: Range | None = None
    persons: Range | None = None
    workers: Range | None = None
    area_m2: Range | None = None
    length_m: Range | None = None
    micro_households: Range | None = None
    target_area_m2: Quantity


class Weights(_Data):
    """Weights of the objective (see :mod:`gridgis.divide.objective`)."""

    clause: str
    out_of_range: NonNegativeFloat
    off_target: NonNegativeFloat
    compactness: NonNegativeFloat
    border_m: NonNegativeFloat
    kept_m: NonNegativeFloat
    moved_household: NonNegativeFloat


class Line(_Data):
    """A class of road or barrier: cost a metre of cutting along it and of keeping it inside, width."""

    cut_cost: NonNegativeFloat
    keep_cost: NonNegativeFloat
    width_m: NonNegativeFloat
    border: bool = True


class OffStreet(_Data):
    """Cost a metre of a border that follows no line on the ground."""

    clause: str
    cut_cost: NonNegativeFloat
    compound_cut_cost: NonNegativeFloat


def _shipped_draw_m() -> Quantity:
    return Quantity.model_validate(_shipped("default")["tolerances"]["draw_m"])


class Tolerances(_Data):
    """Distances and areas below which two things count as one; each with unit and clause.

    `draw_m` is that of the default profile where a division was made before there was one.
    """

    snap_m: Quantity
    gap_width_m: Quantity
    overlap_m: Quantity
    sliver_m: Quantity
    align_m: Quantity
    align_area_m2: Quantity
    contact_m: Quantity
    neck_m: Quantity
    extend_m: Quantity
    dual_m: Quantity
    parallel_m: Quantity
    shift_m: Quantity
    match_m: Quantity
    draw_m: Quantity = Field(default_factory=_shipped_draw_m)


class HouseholdRules(_Data):
    """How households are reckoned where only persons are known."""

    persons_per_household: Quantity


class CodeLayout(_Data):
    """Digits of the codes and the sequence range of each kind."""

    name: str
    clause: str
    zone_digits: PositiveInt
    sequence_digits: PositiveInt
    micro_digits: PositiveInt
    sequence: dict[Kind, tuple[PositiveInt, PositiveInt]]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for kind, (low, high) in self.sequence.items():
            if not low <= high < 10**self.sequence_digits:
                raise ValueError(f"sequence.{kind} [{low}, {high}] is no range of {self.sequence_digits}-digit numbers")
        return self


class Naming(_Data):
    """How a grid is called that has no name of its own.

    Attributes
    ----------
    grid : text with `{zone}` (name of its zone), `{number}` (of the code, with its zeros) and `{code}`
    """

    clause: str
    grid: str

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            told = self.grid.format(zone="", number="1", code="2")
        except (KeyError, IndexError, ValueError, AttributeError):
            raise ValueError(f"grid {self.grid!r} has more in braces than {{zone}}, {{number}}, {{code}}") from None
        if "1" not in told and "2" not in told:
            raise ValueError(f"grid {self.grid!r} gives all grids of a zone one name: put in {{number}}")
        return self

    def grid_name(self, zone: object, code: str, *, digits: int) -> str:
        """The name of a grid by its zone and code, of which the last `digits` are its number."""
        name = zone if isinstance(zone, str) else ""
        return self.grid.format(zone=name, number=code[-digits:], code=code).strip()


class CaseRules(_Data):
    """When two cases are probably the same one; each with unit and clause."""

    duplicate_m: Quantity
    duplicate_street_m: Quantity = Field(default_factory=lambda: _shipped_cases().duplicate_street_m)
    duplicate_hours: Quantity


class Step(_Data):
    """One step of a review: a decision that may return what was submitted, or a filing that only takes note of it.

    Attributes
    ----------
    role : of those who may take it
    area_digits : their right covers no less than the places whose codes begin alike in so many digits
    """

    name: str
    kind: Literal["review", "filing"]
    role: Literal["reviewer", "filer"]
    area_digits: NonNegativeInt


class Review(_Data):
    """The steps from submission to force; a change of micro-grids alone ends at an earlier one."""

    clause: str
    steps: tuple[Step, ...] = Field(min_length=1)
    microgrids_end_at: PositiveInt

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.microgrids_end_at > len(self.steps):
            raise ValueError(f"microgrids_end_at {self.microgrids_end_at} is beyond the {len(self.steps)} steps")
        return self


def _shipped_named_asset_m() -> Quantity:
    return Quantity.model_validate(_shipped("default")["locating"]["named_asset_m"])


class Locating(_Data):
    """Distances and confidence by which a case is given to a grid.

    `named_asset_m` is that of the default profile where a division was made before there was one.
    """

    accuracy_m: Quantity
    nearest_m: Quantity
    street_m: Quantity
    asset_m: Quantity
    named_asset_m: Quantity = Field(default_factory=_shipped_named_asset_m)
    confidence: Quantity


AreaLevel = Literal["city", "county", "township", "zone", "grid", "microgrid", "unit"]


class RoleOfPosts(_Data):
    """One role that people may have.

    Attributes
    ----------
    letter : in the code of a post, between the code of its area and two digits
    on : levels of the areas of its posts
    most_grids : that one person may serve in it at a time, a post on a larger area counts as one
    """

    letter: str = Field(pattern="^[A-Z]$")
    on: tuple[AreaLevel, ...] = Field(min_length=1)
    most_grids: Quantity | None = None


class Staff(_Data):
    """Roles that each grid and each micro-grid of a kind of zone must have somebody in."""

    clause: str
    grid: tuple[str, ...]
    microgrid: tuple[str, ...]


class People(_Data):
    """Posts: their roles, and which of them must be filled by kind of zone."""

    roles: dict[str, RoleOfPosts]
    staff: dict[Kind, Staff]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        letters = [role.letter for role in self.roles.values()]
        if len(set(letters)) < len(letters):
            raise ValueError("two roles have the same letter")
        asked = {role for staff in self.staff.values() for role in (*staff.grid, *staff.microgrid)}
        if asked - self.roles.keys():
            raise ValueError(f"staff of role {sorted(asked - self.roles.keys())[0]}, which is none")
        return self


def _shipped_people() -> People:
    return People.model_validate(_shipped("default")["people"])


def _shipped_review() -> Review:
    return Review.model_validate(_shipped("default")["review"])


def _shipped_locating() -> Locating:
    return Locating.model_validate(_shipped("default")["locating"])


def _shipped_naming() -> Naming:
    return Naming.model_validate(_shipped("default")["naming"])


def _shipped_cases() -> CaseRules:
    return CaseRules.model_validate(_shipped("default")["cases"])


class Profile(_Data):
    """All numbers of policy of a division, with units and clauses.

    Attributes
    ----------
    rules : dict
        Ranges by kind of zone; every kind is there.
    roads, barriers : dict
        Classes of line with their costs a metre; a class that is not there is never a border.
    review : Review
        That of the default profile where a division was made before there was one, as with the next.
    locating : Locating
    people : People
    cases : CaseRules
    """

    name: str
    rules: dict[Kind, Rules]
    households: HouseholdRules
    weights: Weights
    road_clause: str
    roads: dict[str, Line]
    barrier_clause: str
    barriers: dict[str, Line]
    off_street: OffStreet
    tolerances: Tolerances
    codes: CodeLayout
    naming: Naming = Field(default_factory=_shipped_naming)
    review: Review = Field(default_factory=_shipped_review)
    locating: Locating = Field(default_factory=_shipped_locating)
    people: People = Field(default_factory=_shipped_people)
    cases: CaseRules = Field(default_factory=_shipped_cases)

    def to_toml(self) -> str:
        """The whole profile as TOML, as it is stored with each division."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))


def load_profile(source: str | Path | Profile = "default") -> Profile:
    """Read a profile by its shipped name, from a TOML file, or from text that `to_toml` wrote.

    Raises
    ------
    InputRefused
        For an unknown key or an impossible number, each by its name.
    """
    if isinstance(source, Profile):
        return source
    return _build(*_read(source))


def profile_from_toml(text: str) -> Profile:
    """The profile that `Profile.to_toml` wrote.

    Raises
    ------
    InputRefused
        Where it is none.
    """
    try:
        return _validate("profile", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputRefused([Fault("profile", "", f"not TOML: {error}", "Divide again, or correct it")]) from None


def _read(source: str | Path) -> tuple[str, Mapping[str, Any]]:
    if str(source) in SHIPPED:
        return str(source), _shipped(str(source))
    path = Path(source)
    try:
        return str(source), tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        cure = f"Name a TOML file or one of {', '.join(SHIPPED)}"
        raise InputRefused([Fault("profile", str(source), "no such profile", cure)]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputRefused([Fault("profile", str(source), f"not TOML: {error}", "Correct the file")]) from None


@cache
def _shipped(name: str) -> Mapping[str, Any]:
    text = resources.files("gridgis.profiles").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _build(where: str, data: Mapping[str, Any]) -> Profile:
    flat = _flat(where, data, ())
    unknown = {kind: name for kind, name in flat.get("kinds", {}).items() if name not in SHIPPED}
    refuse(
        Fault("profile", where, f"kinds.{kind}: no shipped profile {name}", f"Name one of {', '.join(SHIPPED)}")
        for kind, name in unknown.items()
    )
    return _validate(where, _resolve(flat))


def _flat(where: str, data: Mapping[str, Any], below: tuple[str, ...]) -> Mapping[str, Any]:
    """The data of a profile merged over everything it extends, kinds not yet looked up."""
    if where == "default":
        return data
    parent = str(data.get("extends", "default"))
    if parent in (where, *below):
        raise InputRefused([Fault("profile", where, f"extends itself by way of {parent}", "Extend another profile")])
    try:
        read = _read(parent)
    except InputRefused as error:
        raise InputRefused([replace(fault, row=f"{where}, extends {parent}") for fault in error.faults]) from None
    return _merge(_flat(*read, (where, *below)), data)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _merge(out[key], value) if both else value
    return out


def _resolve(data: Mapping[str, Any]) -> dict[str, Any]:
    """Rules by kind looked up, so that the profile stands on its own."""
    out = {key: value for key, value in data.items() if key not in ("kinds", "extends")}
    given = dict(out.get("rules", {}))
    every = given.pop("every", None)
    mapped = {} if every else data.get("kinds", {})
    rules: dict[str, Any] = {
        kind: every or _shipped(mapped[kind])["rules"]["every"]
        for kind in KINDS
        if every or mapped.get(kind) in SHIPPED
    }
    out["rules"] = _merge(rules, given)
    for section, clause in (("roads", "road_clause"), ("barriers", "barrier_clause")):
        lines = dict(out.get(section, {}))
        if "clause" in lines:
            out[clause] = lines.pop("clause")
        out[section] = lines
    return out


def _validate(where: str, data: Mapping[str, Any]) -> Profile:
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        raise InputRefused([_fault(where, item) for item in error.errors()]) from None


def _fault(where: str, item: Any) -> Fault:
    key = ".".join(str(part) for part in item["loc"]) or "profile"
    if item["type"] == "extra_forbidden":
        return Fault("profile", where, f"unknown key {key}", "Remove it or correct its spelling")
    return Fault("profile", where, f"{key}: {item['msg']}", "Give a number that is possible")
