"""Rules of form: layers, columns, types, coordinates, geometry, codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import name_of
from gridgis.geometry.noding import Bools
from gridgis.profile import KINDS
from gridgis.rules.rule import Offender, Rule
from gridgis.rules.subject import Layer, Subject, Texts, among
from gridgis.schema import COUNTS, DIVISION_LAYERS, DIVISION_ROW, KEYS, MEASURES, OWN_LAYERS, PARENT

NUMBERS = COUNTS | MEASURES
NO_TEXT = NUMBERS | {"geometry"}
FORM = "CX 9: one system of codes; DB11 unit grids, cl. 5 and 6: attributes"
TOPOLOGY = "DB11 unit grids, cl. 5 and 6: closed polygons with topology"
CODES = "CX 9; DB11 unit grids, cl. 5 and 6: 6 county + 3 township + 3 community + 3 sequence"


def missing_layers(subject: Subject) -> Iterator[Offender]:
    """Layers that are not there, and such of land without a row."""
    for name in DIVISION_LAYERS:
        frame = subject.frames.get(name)
        if frame is None:
            if name not in OWN_LAYERS:
                yield Offender("", f"layer {name} is missing")
        elif name in KEYS and not len(frame):
            yield Offender("", f"layer {name} is empty")
        elif name in KEYS and name not in subject.layers:
            yield Offender("", f"layer {name} has no geometry")
    if not any(subject.info.get(c) for c in DIVISION_ROW):
        yield Offender("", "layer division is missing or has no row")


def missing_columns(subject: Subject) -> Iterator[Offender]:
    """Columns of the contract that a layer has not."""
    for name, frame in subject.frames.items():
        yield from (Offender("", f"{name}.{c} is missing") for c in DIVISION_LAYERS[name] if c not in frame.columns)
    if any(subject.info.get(c) for c in DIVISION_ROW):
        missing = [c for c in DIVISION_ROW if subject.info.get(c) is None]
        yield from (Offender("", f"division.{c} is missing or unreadable") for c in missing)


def wrong_types(subject: Subject) -> Iterator[Offender]:
    """Text columns that hold numbers, and numbers that are text."""
    for name, frame in subject.frames.items():
        for column in (c for c in DIVISION_LAYERS[name] if c in frame.columns):
            values = frame[column].dropna()
            if column in NUMBERS and pd.to_numeric(values, errors="coerce").isna().any():
                yield Offender("", f"{name}.{column} holds text, not numbers")
            elif column not in NO_TEXT and not _all_text(values):
                yield Offender("", f"{name}.{column} is stored as numbers, not text: codes lose their zeros")


def _all_text(values: pd.Series[Any]) -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty")


def wrong_values(subject: Subject) -> Iterator[Offender]:
    """Kinds that are none, households below zero or in fractions, shares outside 0..1."""
    for layer in subject.layers.values():
        kind, households, share = layer.text("kind"), layer.number("households"), layer.number("border_on_road")
        if "kind" in layer.frame.columns:
            yield from _rows(layer, ~among(kind, KINDS), kind, "kind {!r} is none of " + ", ".join(KINDS))
        bad = np.isfinite(households) & ((households < 0) | (households % 1 != 0))
        yield from _rows(layer, bad, households, "{:g} households: not a whole number from 0")
        yield from _rows(layer, (share < 0) | (share > 1), share, "border_on_road {:g} is no share of 1")


def _rows(layer: Layer, bad: Bools, value: Iterable[Any], detail: str) -> Iterator[Offender]:
    value = np.asarray(value)
    for k in np.flatnonzero(bad):
        yield Offender(layer.code[k], f"{layer.name}: {detail.format(value[k])}", layer.raw[k])


def several_crs(subject: Subject) -> Iterator[Offender]:
    """Layers without a CRS, or in another one than the grids."""
    for name, frame in subject.frames.items():
        if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
            continue
        if frame.crs is None and len(frame):
            yield Offender("", f"layer {name} has no CRS; {name_of(subject.crs)} was assumed")
        elif frame.crs is not None and frame.crs != subject.crs:
            yield Offender("", f"layer {name} is in {name_of(frame.crs)}, the grids in {name_of(subject.crs)}")


def wrong_geometry(subject: Subject) -> Iterator[Offender]:
    """Rows without a polygon; MultiPolygons of one part where a Polygon is promised."""
    for layer in subject.layers.values():
        kind, parts = shapely.get_type_id(layer.raw), shapely.get_num_geometries(layer.raw)
        nothing = shapely.is_missing(layer.raw) | shapely.is_empty(layer.raw)
        yield from _rows(layer, nothing, layer.code, "geometry is empty")
        yield from _rows(
            layer, ~nothing & ~np.isin(kind, (3, 6)), _type_names(layer), "geometry is a {}, not a Polygon"
        )
        if layer.name != "zones":
            yield from _rows(
                layer, ~nothing & (kind == 6) & (parts == 1), layer.code, "a MultiPolygon of one part, not a Polygon"
            )


def _type_names(layer: Layer) -> Texts:
    return np.array([getattr(shape, "geom_type", "") for shape in layer.raw], dtype=object)


def invalid_geometry(subject: Subject) -> Iterator[Offender]:
    """Polygons that cross or touch themselves."""
    for layer in (layer for layer in subject.layers.values() if not layer.valid):
        rows = np.flatnonzero(~shapely.is_valid(layer.raw) & ~shapely.is_missing(layer.raw))
        reasons = shapely.is_valid_reason(layer.raw[rows])
        for k, reason in zip(rows, reasons, strict=True):
            yield Offender(layer.code[k], f"{layer.name}: {reason}", layer.raw[k])


def code_columns(subject: Subject) -> Iterator[tuple[Layer, str, Texts, str]]:
    """Every column of codes: its layer, name, values, and the pattern they must match."""
    layout = subject.profile.codes
    zone = f"[0-9]{{{layout.zone_digits}}}"
    grid = f"{zone}[0-9]{{{layout.sequence_digits}}}"
    micro = f"{grid}(?!0{{{layout.micro_digits}}})[0-9]{{{layout.micro_digits}}}"
    for layer in subject.layers.values():
        for column, pattern in (("zone_code", zone), ("grid_code", grid), ("microgrid_code", micro)):
            if column in layer.frame.columns:
                yield layer, column, layer.text(column), pattern


def malformed_codes(subject: Subject) -> Iterator[Offender]:
    """Codes with other than their number of ASCII digits, micro-grids 00."""
    for layer, column, code, pattern in code_columns(subject):
        number, once = pd.factorize(code)
        match = re.compile(pattern).fullmatch
        good = np.array([match(value) is not None for value in once], dtype=bool)[number]
        yield from _rows(
            layer, ~good, code, f"{column} {{!r}} is not digits of the layout {subject.profile.codes.name}"
        )


def duplicate_codes(subject: Subject) -> Iterator[Offender]:
    """Rows that carry the code of an earlier row."""
    for layer in subject.layers.values():
        number, _ = pd.factorize(layer.code)
        times = np.bincount(number)[number]
        again = pd.Series(number).duplicated().to_numpy()
        yield from _rows(layer, again, times, f"{KEYS[layer.name]} occurs {{}} times")


def wrong_prefixes(subject: Subject) -> Iterator[Offender]:
    """Codes that do not begin with that of the row above them."""
    pairs = {"grids": ("zone_code",), "microgrids": ("grid_code", "zone_code"), "atoms": ("grid_code", "zone_code")}
    for name, columns in pairs.items():
        layer = subject.layers.get(name)
        if layer is None:
            continue
        code = layer.text("microgrid_code") if name == "atoms" else layer.code
        for column in (c for c in columns if c in layer.frame.columns):
            above = layer.text(column)
            bad = np.array([not c.startswith(p) for c, p in zip(code, above, strict=True)], dtype=bool)
            yield from _rows(layer, bad, above, f"code does not begin with its {column} {{}}")


def wrong_parents(subject: Subject) -> Iterator[Offender]:
    """Rows whose parent has no row, and grids and micro-grids without a child."""
    for name, above in PARENT.items():
        child, parent = subject.layers.get(name), subject.layers.get(above)
        if child is None or parent is None:
            continue
        yield from _rows(
            child, ~among(child.parent, parent.code), child.parent, f"{KEYS[above]} {{}} has no row in {above}"
        )
        if above != "zones":
            yield from _rows(parent, ~among(parent.code, child.parent), parent.code, f"no row of {name} belongs to it")


def lost_zones(subject: Subject) -> Iterator[Offender]:
    """Zones without a grid."""
    zones, grids = subject.layers["zones"], subject.layers["grids"]
    yield from _rows(zones, ~among(zones.code, grids.parent), zones.code, "no grid belongs to zone {}")


def wrong_sequences(subject: Subject) -> Iterator[Offender]:
    """Grids whose number is outside the range of their kind."""
    grids, layout = subject.layers["grids"], subject.profile.codes
    number = pd.to_numeric(pd.Series([c[layout.zone_digits :] for c in grids.code]), errors="coerce").to_numpy(float)
    kind = grids.text("kind")
    for name, (low, high) in layout.sequence.items():
        bad = (kind == name) & ((number < low) | (number > high))
        yield from _rows(grids, bad, number, f"sequence {{:.0f}} is outside {low}-{high} of kind {name}")


def other_kinds(subject: Subject) -> Iterator[Offender]:
    """Grids of another kind than their zone."""
    grids, zones, of = subject.layers["grids"], subject.layers["zones"], subject.index_of_parent("grids")
    kind, zone_kind = grids.text("kind"), zones.text("kind")[of]
    yield from _rows(
        grids,
        (of >= 0) & (kind != zone_kind),
        [*zip(kind, zone_kind, strict=True)],
        "kind {0[0]}, its zone's is {0[1]}",
    )


RULES = (
    Rule("missing_layer", "hard", FORM, missing_layers),
    Rule("missing_column", "hard", FORM, missing_columns),
    Rule("wrong_type", "hard", FORM, wrong_types),
    Rule("wrong_value", "hard", FORM, wrong_values),
    Rule("wrong_crs", "hard", TOPOLOGY, several_crs),
    Rule("wrong_geometry", "hard", TOPOLOGY, wrong_geometry),
    Rule("invalid_geometry", "hard", TOPOLOGY, invalid_geometry),
    Rule("code_malformed", "hard", CODES, malformed_codes),
    Rule("code_duplicate", "hard", CODES, duplicate_codes),
    Rule("code_prefix", "hard", CODES, wrong_prefixes),
    Rule("code_parent", "hard", CODES, wrong_parents),
    Rule("code_sequence", "hard", CODES, wrong_sequences, ("grids.grid_code", "grids.kind")),
    Rule(
        "zone_lost",
        "hard",
        "MH 4: seamless; CX 6: every community and village has grids",
        lost_zones,
        ("zones", "grids"),
    ),
    Rule("kind_differs", "finding", "CX 6: three kinds of grid", other_kinds, ("grids.kind", "zones.kind")),
)
"""Rules of form, in the order in which they are judged."""
