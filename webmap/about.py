"""What a folder of ours says of the file that lies in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "about.json"


def write(folder: Path, told: Mapping[str, Any]) -> None:
    """Say something of a folder, in place of what was said before: the one or the other is there, never a part."""
    draft = folder / f"{NAME}.part"
    draft.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    draft.replace(folder / NAME)


def read(folder: Path) -> dict[str, Any] | None:
    """What is said of a folder; None where nothing is, or it is gone."""
    try:
        told: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except OSError:
        return None
    return told
