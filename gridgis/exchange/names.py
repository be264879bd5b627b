"""Names that columns and layers have in other tools: English, Chinese, pinyin initials, cut to what a .dbf holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gridgis.cases.columns import plain_name
from gridgis.errors import Fault
from gridgis.exchange.shapefile import SHORT
from gridgis.layers.columns import listed

_GRID = (
    "grid_code", "网格编码", "网格编号", "网格代码", "网格标识码", "单元网格编码", "单元网格标识码", "基础网格编码",
    "综合网格编码", "网格编", "wgbm", "wgbh", "wgdm", "wgbsm", "wg_code", "bgcode", "grid_id", "gridid", "gridno",
)  # fmt: skip
_MICRO = (
    "microgrid_code", "micro_code", "微网格编码", "微网格编号", "微网格代码", "微网格编", "微网格", "wwgbm", "wwgbh",
    "wwgdm", "micro_id",
)  # fmt: skip
_ZONE = (
    "zone_code", "社区编码", "社区代码", "社区编号", "村社区代码", "村社区编码", "村居编码", "村居代码", "村代码",
    "社区编", "所属社区编码", "所属社区代码", "统计用区划代码", "区划代码", "sqbm", "sqdm", "sqbh", "cjdm", "zone_id",
)  # fmt: skip
_CODE = ("code", "编码", "编号", "代码", "标识码", "bm", "bh", "dm", "bsm")
_HOUSEHOLDS = ("households", "户数", "总户数", "住户数", "居民户数", "hs", "zhs", "hushu")
_KIND = ("kind", "网格类型", "网格类别", "类型", "类别", "wglx", "lx", "grid_type", "type")
_NAME = ("name", "名称", "mc")

USUAL: dict[str, dict[str, tuple[str, ...]]] = {
    "grids": {
        "grid_code": (*_GRID, *_CODE),
        "zone_code": _ZONE,
        "name": ("网格名称", "网格名", "wgmc", "grid_name", *_NAME),
        "kind": _KIND,
        "households": _HOUSEHOLDS,
        "households_from": ("households_from",),
        "border_on_road": ("border_on_road",),
        "flags": ("flags",),
        "zone_name": ("zone_name", "社区名称", "所属社区名称", "所属社区", "村居名称", "社区名", "sqmc", "cjmc"),
    },
    "microgrids": {
        "microgrid_code": (*_MICRO, *_CODE),
        "grid_code": _GRID,
        "households": _HOUSEHOLDS,
        "flags": ("flags",),
    },
    "atoms": {
        "atom_id": ("atom_id",),
        "microgrid_code": _MICRO,
        "grid_code": _GRID,
        "zone_code": _ZONE,
        "households": _HOUSEHOLDS,
    },
    "zones": {
        "zone_code": (*_ZONE, *_CODE),
        "name": ("社区名称", "社区名", "村居名称", "村社区名称", "sqmc", "cjmc", "zone_name", *_NAME),
        "kind": ("kind", "社区类型", "类型", "lx", "type"),
        "households": _HOUSEHOLDS,
    },
    "table": {
        "atom_id": ("atom_id", "atom", "原子编号", "地块编号", "地块编码"),
        "building_id": (
            "building_id", "building", "楼栋编号", "楼栋编码", "楼栋号", "建筑编号", "建筑编码", "建筑物编号", "楼编号",
            "ldbh", "ldbm", "jzbh", "bldg_id",
        ),
        "grid_code": (*_GRID, "网格", "所属网格", "所属网格编码", "grid", *_CODE),
    },
}  # fmt: skip
"""Column of a layer to its usual names, the more usual first; blanks, underscores, brackets and case do not count."""

LAYERS = {
    "zones": ("zones", "zone", "社区", "村居", "社区边界"),
    "grids": ("grids", "grid", "网格", "基础网格", "综合网格", "单元网格"),
    "microgrids": ("microgrids", "microgrid", "微网格"),
    "atoms": ("atoms",),
}
"""Layer to its usual names in a file of several layers."""


def recognised(role: str, header: Sequence[str], *, rename: Mapping[str, str] | None = None) -> dict[str, str]:
    """Which column of a file is which column of a layer.

    Parameters
    ----------
    header : names as they stand in the file
    rename : column of the layer to the name in the file; it goes before all usual names
    """
    asked = dict(rename or {})
    plain = {plain_name(name): name for name in reversed(header)}
    found: dict[str, str] = {}
    for column, usual in USUAL[role].items():
        names = (*usual, *([SHORT[column]] if column in SHORT else []))
        here = asked.get(column) or next((plain[p] for p in map(plain_name, names) if p in plain), None)
        if here in header and (column in asked or here not in found.values()):
            found[column] = str(here)
    return found


def wrong_names(role: str, header: Sequence[str], rename: Mapping[str, str]) -> list[Fault]:
    """Columns of `--map` that a layer or a file has not."""
    out = []
    for column, name in rename.items():
        asked = f"--map {role}.{column}={name}"
        if column not in USUAL[role]:
            out.append(Fault(role, "", f"{asked}: {role} have no column {column}", f"There are: {listed(USUAL[role])}"))
        elif name not in header:
            out.append(Fault(role, "", f"{asked}: the file has no column {name}", f"There are: {listed(header)}"))
    return out


def layer_named(role: str, names: Sequence[str]) -> str | None:
    """The layer of a file that is called as a role is; None where none is."""
    plain = {plain_name(name): name for name in reversed(names)}
    return next((plain[plain_name(usual)] for usual in LAYERS[role] if plain_name(usual) in plain), None)
