"""Names of the columns of a file of cases, in the words that cities use for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from gridgis.errors import Fault

TEXTS = ("item", "source", "address", "description", "component_id", "severity", "function")
"""Columns of words, in the order in which a chunk has them."""

COLUMNS = ("case_id", "x", "y", "geometry", "reported_at", *TEXTS, "accuracy_m", "weight", "caller")
"""What is read of a file; all else stays where it is."""

OUT_COLUMNS = (
    "case_id", "grid_code", "microgrid_code", "zone_code", "method", "distance_m", "on_border",
    "candidates", "confidence", "lead", "co", "rule", "problem", "warnings",
)  # fmt: skip
"""Columns of a result, in the order in which they are written."""

USUAL = {
    "case_id": (
        "case_id", "caseid", "id", "case_no", "case_number", "case_enquiry_id", "service_request_id", "unique_key",
        "ticket", "案件编号", "案件号", "案件id", "案卷编号", "案卷号", "事件编号", "事件号", "工单编号", "工单号",
        "任务号", "任务编号", "问题编号", "受理编号", "编号", "序号",
    ),
    "x": (
        "lon", "lng", "long", "longitude", "x", "lon_wgs84", "lng_wgs84", "point_x", "coord_x", "easting",
        "经度", "东经", "经度坐标", "x坐标", "坐标x", "横坐标", "案件经度", "事件经度", "上报经度",
    ),
    "y": (
        "lat", "latitude", "y", "lat_wgs84", "point_y", "coord_y", "northing",
        "纬度", "北纬", "纬度坐标", "y坐标", "坐标y", "纵坐标", "案件纬度", "事件纬度", "上报纬度",
    ),
    "geometry": ("geometry", "geom", "the_geom", "wkb_geometry", "shape"),
    "reported_at": (
        "reported_at", "reported", "report_time", "reported_time", "time", "datetime", "timestamp", "created_at",
        "open_dt", "open_date", "created_date", "requested_datetime", "上报时间", "上报日期", "报告时间", "受理时间",
        "立案时间", "登记时间", "发现时间", "来电时间", "创建时间", "案发时间", "事件时间", "时间", "日期",
    ),
    "item": (
        "item", "item_code", "type", "case_title", "case_type", "category", "service_name", "complaint_type",
        "问题类型", "案件类型", "案件小类", "小类", "小类名称", "小类代码", "事件类型", "事项", "事项名称", "类型",
        "类别", "案由",
    ),
    "source": (
        "source", "channel", "origin", "method_received", "来源", "案件来源", "问题来源", "事件来源", "信息来源",
        "受理渠道", "渠道", "来源渠道",
    ),
    "address": (
        "address", "location", "street_address", "incident_address", "location_street_name", "地址", "案发地址",
        "事发地址", "事发地点", "发生地址", "发生地点", "案件地址", "详细地址", "位置描述", "地点", "位置",
    ),
    "description": (
        "description", "descriptor", "details", "detail", "remark", "描述", "问题描述", "案件描述", "事件描述",
        "情况描述", "详情", "内容", "诉求内容", "备注",
    ),
    "component_id": (
        "component_id", "componentid", "asset_id", "部件编号", "部件编码", "部件标识码", "部件代码", "部件id",
        "设施编号",
    ),
    "severity": ("severity", "priority", "urgency", "严重程度", "严重等级", "紧急程度", "等级", "优先级"),
    "function": ("function", "duty_function", "职能", "职责类型"),
    "accuracy_m": (
        "accuracy_m", "accuracy", "gps_accuracy", "horizontal_accuracy", "精度", "定位精度", "定位误差", "精度m",
        "精度米",
    ),
    "weight": ("weight", "case_weight", "权重", "案件权重"),
    "caller": (
        "caller", "caller_id", "reporter", "reporter_id", "complainant", "来电号码", "来电人", "来电人编号", "投诉人",
        "举报人", "诉求人", "反映人", "报案人", "联系电话",
    ),
}  # fmt: skip
"""Column to its usual names, the more usual first; blanks, underscores, brackets and case do not count."""

TABLED = {"lon": "x", "lat": "y"}
"""Names of the contract that a chunk calls otherwise."""


def recognised(
    header: Sequence[str], *, rename: Mapping[str, str] | None = None, geometry: str | None = None
) -> dict[str, str]:
    """Find which column of a file is which, in the order of :data:`COLUMNS`.

    Parameters
    ----------
    header : names as they stand in the file
    rename : column of the contract to the name in the file; it goes before all usual names
    geometry : name of the column that the format itself calls the geometry; where there is one, coordinates in
        other columns count only where `rename` names them
    """
    asked = {TABLED.get(column, column): name for column, name in (rename or {}).items()}
    plain = {plain_name(name): name for name in reversed(header)}
    found = {column: _usual(column, plain) for column in COLUMNS if column != "geometry" and column not in asked}
    found |= {"geometry": geometry} | {column: name for column, name in asked.items() if name in header}
    if geometry is not None and not asked.keys() & {"x", "y"}:
        found["x"] = found["y"] = None
    elif found.get("x") and found.get("y"):
        found["geometry"] = None
    taken = {column: found.get(column) for column in COLUMNS}
    return {column: name for column, name in taken.items() if name is not None}


def header_faults(
    path: str, header: Sequence[str], found: Mapping[str, str], *, rename: Mapping[str, str] | None = None
) -> Iterable[Fault]:
    """Reasons to refuse a file for what its header lacks."""
    shown = _shown(header)
    for column, name in (rename or {}).items():
        asked = f"--map cases.{column}={name}"
        if TABLED.get(column, column) not in COLUMNS:
            yield Fault("cases", path, f"{asked}: cases have no column {column}", f"There are: {', '.join(COLUMNS)}")
        elif name not in header:
            yield Fault("cases", path, f"{asked}: the file has no column {name}", f"There are: {shown}")
    if not found:
        cure = "Put names of columns in the first row, or name them with --map cases.case_id=COLUMN and so on"
        yield Fault("cases", path, f"no column is known by its name; the first row is: {shown}", cure)
    elif not ({"x", "y"} <= found.keys() or {"geometry", "address"} & found.keys()):
        cure = f"Name them with --map cases.lon=COLUMN and --map cases.lat=COLUMN; the columns are: {shown}"
        yield Fault("cases", path, "there are neither coordinates nor geometry nor an address", cure)


def header_notices(
    header: Sequence[str], found: Mapping[str, str], *, rename: Mapping[str, str] | None = None
) -> Iterable[str]:
    """What was chosen among columns of one meaning; where `rename` names one, nothing was."""
    asked = {TABLED.get(column, column) for column in rename or {}}
    for column, name in found.items():
        if list(header).count(name) > 1:
            yield f"column {name} is there {list(header).count(name)} times: the first is taken"
        usual = {plain_name(one) for one in USUAL[column]}
        others = dict.fromkeys(one for one in header if one != name and plain_name(one) in usual)
        if others and column not in asked:
            told = next((tabled for tabled, own in TABLED.items() if own == column), column)
            yield f"{told} is taken from column {name}, not from {_shown(list(others))}: --map cases.{told}=COLUMN"


def _usual(column: str, plain: Mapping[str, str]) -> str | None:
    return next((plain[plain_name(name)] for name in USUAL[column] if plain_name(name) in plain), None)


def plain_name(name: str) -> str:
    """A name without what people write in different ways: blanks, underscores, brackets, case, full width."""
    return re.sub(r"[\s_\-.()\[\]]+", "", unicodedata.normalize("NFKC", name)).casefold()


def _shown(header: Sequence[str]) -> str:
    texts = [name[:40] for name in header if name.strip()]
    more = f" and {len(texts) - 30} more" if len(texts) > 30 else ""
    return (", ".join(texts[:30]) or "none") + more
