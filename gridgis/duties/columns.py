"""The contract of the tables of people and duties: their columns, the names these usually have, and what a case is.

Invariant: every frame of :class:`Duties` has all columns of its table in their order. Text is `object`, None where
empty; several values in a cell are joined by ";"; times are text in UTC, so that they compare as they read:
`valid_from` is the first moment, `valid_to` the first moment after the end.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

Type = Literal["text", "code", "list", "number", "flag", "begin", "end"]


@dataclass(frozen=True)
class Column:
    """One column: its type, whether each row has a value, the names by which it is known, who may read it."""

    type: Type = "text"
    required: bool = False
    names: tuple[str, ...] = ()
    private: bool = False


def _dated() -> dict[str, Column]:
    return {
        "valid_from": Column("begin", names=("生效日期", "开始日期", "起始日期", "任职日期", "启用日期")),
        "valid_to": Column("end", names=("失效日期", "结束日期", "截止日期", "离任日期", "停用日期")),
    }


_AREA = ("区域编码", "区域代码", "网格编码", "网格代码", "范围编码")
_ITEM = ("事项", "事项编码", "事项代码", "案件类别", "事件部件")
_CLAUSE = ("依据", "条款", "法规依据")

TABLES: dict[str, dict[str, Column]] = {
    "people": {
        "person_id": Column("code", required=True, names=("人员编号", "人员编码", "工号")),
        "name": Column(required=True, names=("姓名", "人员姓名")),
        "public_phone": Column("code", names=("公开电话", "服务电话", "联系电话")),
        "public_hours": Column(names=("公开时间", "服务时间", "接待时间")),
        "photo": Column(names=("照片", "头像")),
        "phone": Column("code", names=("手机", "手机号", "私人电话"), private=True),
        "identity_number": Column("code", names=("身份证号", "身份证", "证件号码"), private=True),
        "home_address": Column(names=("家庭住址", "住址"), private=True),
        "note": Column(names=("备注",), private=True),
    },
    "posts": {
        "post_code": Column("code", names=("岗位编码", "岗位代码", "人员代码")),
        "person_id": Column("code", required=True, names=("人员编号", "人员编码", "工号")),
        "role": Column(required=True, names=("角色", "岗位", "职务")),
        "area_code": Column("code", required=True, names=_AREA),
        "organisation": Column(names=("单位", "所属单位")),
        "department": Column(names=("部门", "所属部门")),
        **_dated(),
        "hours": Column(names=("工作时间", "值班时间")),
    },
    "units": {
        "unit_code": Column("code", required=True, names=("管理单元编码", "单元编码")),
        "name": Column(required=True, names=("管理单元名称", "单元名称", "名称")),
        "grid_codes": Column("list", required=True, names=("网格编码", "所含网格", "网格代码")),
        "kind": Column(names=("类型", "类别")),
    },
    "items": {
        "item": Column("code", required=True, names=("事项编码", "事项代码", "编码", "代码")),
        "class": Column("text", required=True, names=("大类", "类别", "类型")),
        "name": Column(required=True, names=("事项名称", "名称", "小类")),
        "aliases": Column("list", names=("别名", "俗称")),
        "description": Column(names=("说明", "描述", "定义")),
        "requirement": Column(names=("处置要求", "要求", "结案标准")),
        "limit": Column("number", names=("处置时限", "时限")),
        "limit_unit": Column(names=("时限单位",)),
        "clock": Column(names=("计时", "计时起点")),
        **_dated(),
        "admission": Column(names=("准入", "准入程序")),
        "exit": Column(names=("退出", "退出程序")),
        "clause": Column(names=_CLAUSE),
        "component_kind": Column(names=("部件类型",)),
    },
    "rules": {
        "rule_id": Column("code", required=True, names=("规则编号", "规则编码", "编号")),
        "item": Column("code", required=True, names=_ITEM),
        "function": Column(names=("职能", "职责类型")),
        "area_code": Column("code", names=_AREA),
        "street": Column(names=("道路", "道路名称", "街道名称")),
        "street_from": Column(names=("起点", "路段起点")),
        "street_to": Column(names=("终点", "路段终点")),
        "bridge": Column(names=("桥梁", "桥梁名称")),
        "road_class": Column("list", names=("道路等级", "道路类型")),
        "width_min_m": Column("number", names=("最小红线宽度", "最小宽度")),
        "width_max_m": Column("number", names=("最大红线宽度", "最大宽度")),
        "owner": Column(names=("权属单位", "权属", "产权单位")),
        "severity": Column("list", names=("严重程度", "等级", "案件等级")),
        "shift": Column(names=("班次", "时段")),
        **_dated(),
        "lead": Column(required=True, names=("牵头单位", "主责单位", "责任单位", "主办单位")),
        "co": Column("list", names=("协办单位", "配合单位")),
        "clause": Column(names=_CLAUSE),
        "rank": Column("number", names=("优先级", "顺序")),
        "upward": Column("flag", names=("上报", "上报市级")),
    },
    "designate": {
        "area_code": Column("code", names=_AREA),
        "designates": Column(required=True, names=("指定单位", "指派单位")),
        "secures": Column(required=True, names=("先行处置单位", "应急处置单位")),
        "clause": Column(names=_CLAUSE),
    },
}
"""Columns of each table, in the order in which they are told of; an empty `area_code` means everywhere."""

SHEETS: dict[str, tuple[str, ...]] = {
    "people": ("人员", "人员名单"),
    "posts": ("岗位", "任职"),
    "units": ("管理单元", "单元"),
    "items": ("事项", "事项清单", "部件事件"),
    "rules": ("规则", "职责规则", "权责清单"),
    "designate": ("指定", "指派"),
}
"""Usual names of sheets and files of each table."""

PRIVATE = tuple(name for name, column in TABLES["people"].items() if column.private)
"""Fields of a person that are encrypted at rest."""

ROLES: dict[str, tuple[str, ...]] = {
    "grid_leader": ("网格长",),
    "full_time": ("专职网格员", "网格员"),
    "part_time": ("兼职网格员",),
    "instructor": ("网格指导员", "指导员"),
    "microgrid_leader": ("微网格长",),
    "enforcement_officer": ("执法队员", "城管执法队员", "执法人员"),
    "enforcement_assistant": ("协管员", "执法协管员"),
    "road_maintenance": ("市政养护", "道路养护", "市政养护员"),
    "sanitation": ("环卫", "环卫工人", "环卫保洁"),
    "information_supervisor": ("信息监督员", "信息采集员", "监督员"),
    "officer": ("分管领导", "联系领导", "负责人", "联系人"),
}
"""Roles of posts with their usual names (CX 8, ZZ 4)."""

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "maintenance": ("养护", "维护", "管养"),
    "enforcement": ("执法", "处罚"),
    "permission": ("许可", "审批"),
}
"""Functions of a duty, in the order in which they go where a case names none (ZZ 4)."""

UNASKED = ("maintenance", "enforcement")
"""What a case asks for that names no function: something is to be mended, or stopped. Who permits a thing does not
answer for a complaint about it (ZZ 4 tells permission from enforcement): a rule on permission decides only where a
permission is asked for."""

LIMIT_UNITS: dict[str, tuple[str, ...]] = {
    "hours": ("小时", "时"),
    "working_hours": ("工作小时", "工作时"),
    "days": ("天", "日", "自然日"),
    "working_days": ("工作日",),
}

WORDS = {("posts", "role"): ROLES, ("rules", "function"): FUNCTIONS, ("items", "limit_unit"): LIMIT_UNITS}
"""Columns that take one of some words."""


def function_of(text: str) -> str | None:
    """The function of a duty by any of its names; None where it is none."""
    plain = text.strip().casefold()
    return next((word for word, names in FUNCTIONS.items() if plain == word or plain in names), None)


def blank(table: str) -> pd.DataFrame:
    """A table of the contract without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype_of(column)) for name, column in TABLES[table].items()})


def conformed(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with all columns of a table in their order and type; what is missing or empty is None, nan or False."""
    out = {}
    for name, column in TABLES[table].items():
        given = frame[name].astype(object) if name in frame else pd.Series(None, index=frame.index, dtype=object)
        empty = (given.isna() | (given == "")).to_numpy(dtype=bool)
        instead = {"number": np.nan, "flag": False}.get(column.type)
        values = [instead if blank else value for value, blank in zip(given, empty, strict=True)]
        out[name] = pd.Series(values, index=frame.index, dtype=dtype_of(column))
    return pd.DataFrame(out, index=frame.index)


def dtype_of(column: Column) -> str:
    """The type of a column in a frame."""
    return {"number": "float64", "flag": "bool"}.get(column.type, "object")


@dataclass(frozen=True)
class Duties:
    """All that tells who answers for a case.

    Attributes
    ----------
    people, posts, units, items, rules, designate : DataFrame
        As in :data:`TABLES`.
    components : DataFrame or None
        `component_id`, `kind`, `owner`, `name`; with geometry where owners are to be found by place.
    timezone : str
        In which dates and shifts are meant.
    """

    people: pd.DataFrame = field(default_factory=partial(blank, "people"))
    posts: pd.DataFrame = field(default_factory=partial(blank, "posts"))
    units: pd.DataFrame = field(default_factory=partial(blank, "units"))
    items: pd.DataFrame = field(default_factory=partial(blank, "items"))
    rules: pd.DataFrame = field(default_factory=partial(blank, "rules"))
    designate: pd.DataFrame = field(default_factory=partial(blank, "designate"))
    components: pd.DataFrame | None = None
    timezone: str = "Asia/Shanghai"

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of the contract by their names."""
        return {name.name: getattr(self, name.name) for name in fields(self) if name.name in TABLES}


@dataclass(frozen=True)
class Case:
    """What is asked of the duty rules about a case; None where it is not known.

    Attributes
    ----------
    item : code, name or alias in the catalogue
    reported_at : with an offset
    function : of the duty that is asked for; where None any of :data:`UNASKED`
    """

    item: str | None
    reported_at: datetime.datetime | None = None
    severity: str | None = None
    component_id: str | None = None
    owner: str | None = None
    function: str | None = None


@dataclass(frozen=True)
class Section:
    """Where a place of a street lies among its cross streets.

    Attributes
    ----------
    crossings : name of each and the metres to it along the street, negative behind the place, in this order; on a
        ring each stands twice, as it is met either way
    """

    crossings: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Place:
    """Where a case lies; None where it is not known.

    Attributes
    ----------
    grid_code, microgrid_code : township, county and so on are beginnings of them
    street, bridge : names
    street_from, street_to : names of the cross streets between which it lies, where `section` is not known
    side : of the street
    candidates : codes of all grids that may be meant, to see whether they are of several districts
    section : among which cross streets it lies
    """

    grid_code: str | None = None
    microgrid_code: str | None = None
    street: str | None = None
    street_from: str | None = None
    street_to: str | None = None
    bridge: str | None = None
    road_class: str | None = None
    width_m: float | None = None
    side: str | None = None
    candidates: tuple[str, ...] = ()
    section: Section | None = None

    @property
    def among(self) -> Section | None:
        """The section, else what is told of its ends."""
        if self.section is not None or self.street_from is None or self.street_to is None:
            return self.section
        return Section(((self.street_from, -1.0), (self.street_to, 1.0)))
