"""Imports point one way: from the rooms where jobs are put together down to those that know nothing of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    ("errors", "durable", "kept"),
    ("profile", "schema", "crs"),
    ("geometry",),
    ("codes", "lineage", "layers", "stretches", "coordinates"),
    ("border_labels", "uploads"),
    ("osm", "divide", "rules", "difference", "seams", "addresses", "duties", "cases"),
    ("locate", "adjust", "exchange"),
    ("resolve", "heat"),
    ("publish", "registry"),
    ("jobs",),
    ("cli",),
)
"""From the lowest to the highest; rooms of one row do not know each other."""
RANK = {room: rank for rank, row in enumerate(ROOMS) for room in row}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for top in ("gridgis", "webmap") for path in sorted((ROOT / top).rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """Modules of the project that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are written in full"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in FILES else node.module for name in names}
    return found & FILES.keys()


MODULES = {name: imports(path) for name, path in FILES.items()}
"""Every module with what it imports."""


def room(name: str) -> str:
    return name.split(".")[1] if name.count(".") else ""


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("gridgis.") and room(name) in RANK])
def test_a_room_knows_only_those_below_it(name):
    others = {room(other) for other in MODULES[name] if other.startswith("gridgis.")} - {room(name)}
    assert {other for other in others if other in RANK and RANK[other] >= RANK[room(name)]} == set()


def test_every_room_has_its_place():
    assert {room(name) for name in MODULES if name.startswith("gridgis.")} - {"profiles"} == set(RANK)


def test_only_the_command_line_knows_the_map_server():
    assert {
        name
        for name, others in MODULES.items()
        if not name.startswith("webmap") and any(one.startswith("webmap") for one in others)
    } == {"gridgis.cli.serve"}


def test_no_module_leads_back_to_itself():
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " > ".join((*way, name))
        if name not in done:
            for other in sorted(MODULES[name] & MODULES.keys() - {name}):
                walk(other, (*way, name))
            done.add(name)

    for name in MODULES:
        walk(name, ())
