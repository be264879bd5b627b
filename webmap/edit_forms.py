"""What a page, or a program, asks for when it edits a draft: one form an action, in the terms of JSON.

Lines and areas are coordinates in longitude and latitude, never text: no form can name a file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

MOST_POINTS = 10_000
MOST_CODES = 5_000
MOST_REDIVIDED = 100

Code = Annotated[str, Field(pattern=r"^[0-9]{12,20}$", description="Code of a grid or micro-grid")]
Zone = Annotated[str, Field(pattern=r"^[0-9]{12}$", description="Code of a zone")]
Atom = Annotated[str, Field(min_length=1, max_length=100, description="Id of an atom")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Points = list[tuple[Longitude, Latitude]]
Line = Annotated[
    Points, Field(min_length=2, max_length=MOST_POINTS, description="Longitude and latitude of each point")
]
Area = Annotated[Points, Field(min_length=3, max_length=MOST_POINTS, description="The outline; it need not be closed")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Codes = Annotated[list[Code], Field(min_length=1, max_length=MOST_CODES)]
Seen = Annotated[int | None, Field(ge=0, le=2**31, description="Number of the last edit that you saw")]


class Form(BaseModel):
    """What all forms have in common: a word that is none of theirs is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and not text.isprintable() for text in texts):
            raise ValueError("holds characters that cannot be printed")
        return value


class Give(Form):
    """Give atoms to another grid of their zone, or to a micro-grid."""

    atoms: Annotated[list[Atom], Field(min_length=1, max_length=MOST_CODES)]
    to: Code


class Split(Form):
    """Split a grid or micro-grid along a line, which snaps to streets."""

    code: Code
    line: Line


class SplitAtom(Form):
    """Split an atom along a line; its pieces stay in their grid."""

    atom: Atom
    line: Line


class Merge(Form):
    """Make grids of a zone, or micro-grids of a grid, one."""

    codes: Codes


class MoveBorder(Form):
    """Move the border of two neighbours to a line."""

    one: Code
    other: Code
    line: Line


class Carve(Form):
    """Cut an area out of all grids under it, as a dedicated zone or a street corridor."""

    area: Area
    kind: Literal["dedicated", "street"]
    name: Name
    zone_code: Zone | None = None
    host: Zone | None = None


class GiveBack(Form):
    """Dissolve a dedicated zone or street corridor into the grids around it."""

    zone_code: Zone
    to: Code | None = None


class Rename(Form):
    """Name a grid, or several by the rule of the profile."""

    codes: Codes
    name: Name | None = None


class Locking(Form):
    """Keep grids, and borders between two of them, as they are; or let them be changed again."""

    codes: Annotated[list[Code], Field(max_length=MOST_CODES)] = []
    borders: Annotated[list[tuple[Code, Code]], Field(max_length=MOST_CODES)] = []


class Asked(BaseModel):
    """What comes with every edit."""

    model_config = ConfigDict(extra="forbid")

    seen: Seen = None
    dry_run: Annotated[bool, Field(description="Only say what would come of it")] = False


class GiveEdit(Asked):
    """The action give."""

    action: Literal["give"]
    arguments: Give


class SplitEdit(Asked):
    """The action split."""

    action: Literal["split"]
    arguments: Split


class SplitAtomEdit(Asked):
    """The action split_atom."""

    action: Literal["split_atom"]
    arguments: SplitAtom


class MergeEdit(Asked):
    """The action merge."""

    action: Literal["merge"]
    arguments: Merge


class MoveBorderEdit(Asked):
    """The action move_border."""

    action: Literal["move_border"]
    arguments: MoveBorder


class CarveEdit(Asked):
    """The action carve."""

    action: Literal["carve"]
    arguments: Carve


class GiveBackEdit(Asked):
    """The action give_back."""

    action: Literal["give_back"]
    arguments: GiveBack


class RenameEdit(Asked):
    """The action rename."""

    action: Literal["rename"]
    arguments: Rename


class LockEdit(Asked):
    """The action lock or unlock."""

    action: Literal["lock", "unlock"]
    arguments: Locking


OneEdit = (
    GiveEdit | SplitEdit | SplitAtomEdit | MergeEdit | MoveBorderEdit | CarveEdit | GiveBackEdit | RenameEdit | LockEdit
)


class EditIn(RootModel[Annotated[OneEdit, Field(discriminator="action")]]):
    """An edit of a draft."""


class RedivideIn(Form):
    """Divide zones or some grids anew from what stands, moving few households; locks hold."""

    codes: Annotated[list[Code], Field(min_length=1, max_length=MOST_REDIVIDED, description="Of zones or grids")]
    microgrids: Annotated[bool, Field(description="Make micro-grids again, and leave the grids")] = False
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Of the search")] = 0
    effort: Annotated[int, Field(ge=1, le=10, description="Scales the steps of the search")] = 1
    seen: Seen = None


class DraftIn(Form):
    """A draft to be made of what is in force."""

    of: Annotated[int, Field(ge=1, le=2**31, description="Number of the version that is in force")]
    note: Annotated[str, Field(max_length=500)] = ""
