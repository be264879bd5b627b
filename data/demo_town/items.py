"""Catalogue of the made-up district: components and events with requirement, time limit and dates.

Item numbers, clauses and limits are invented; the names are words every city's catalogue has.
"""

from __future__ import annotations

import pandas as pd

CATALOGUE = "兴江区城市管理部件和事件目录（虚构）"
FIRST = "2024-04-01"

_UTILITY, _ROAD, _CLEAN, _GREEN = "公用设施", "道路交通设施", "市容环境设施", "园林绿化设施"
_LOOK, _SIGNS, _SITE, _SUDDEN, _ORDER = "市容环境", "宣传广告", "施工管理", "突发事件", "街面秩序"

Row = tuple[str, str, str, str, str, int, str, str]

COMPONENTS: list[Row] = [
    (
        "B0101",
        _UTILITY,
        "井盖",
        "窨井盖;下水道盖;检查井盖",
        "缺失、破损、移位的井盖先设围挡再修复",
        24,
        "hours",
        "井盖",
    ),
    ("B0102", _UTILITY, "雨水箅子", "雨箅子;水篦子", "补齐、清掏", 24, "hours", "雨水箅子"),
    ("B0103", _UTILITY, "路灯", "街灯;灯杆", "恢复照明", 3, "working_days", "路灯"),
    ("B0104", _UTILITY, "消火栓", "消防栓", "恢复供水、扶正", 24, "hours", "消火栓"),
    ("B0105", _UTILITY, "通信交接箱", "光交箱", "关闭箱门、修复", 3, "working_days", "交接箱"),
    ("B0106", _UTILITY, "电力设施", "变压器;电箱;配电箱", "设警示，专业单位处理", 12, "hours", "电力箱"),
    ("B0107", _UTILITY, "燃气调压箱", "调压箱", "专业单位处理", 4, "hours", "调压箱"),
    ("B0108", _UTILITY, "架空线缆", "电线;通信线;断线", "捆扎、剪除废线", 5, "working_days", ""),
    ("B0109", _UTILITY, "公用电话亭", "电话亭", "清洁、拆除", 7, "working_days", ""),
    ("B0201", _ROAD, "交通标志牌", "路牌;指示牌", "扶正、补设", 3, "working_days", ""),
    ("B0202", _ROAD, "护栏", "隔离栏;栏杆", "修复、复位", 3, "working_days", ""),
    ("B0203", _ROAD, "人行道板", "地砖;路面砖;人行道破损", "补齐、找平", 5, "working_days", ""),
    ("B0204", _ROAD, "道路坑洞", "路面破损;坑槽", "填补，塌陷先设围挡", 48, "hours", ""),
    ("B0205", _ROAD, "公交站亭", "候车亭", "修复、清洁", 5, "working_days", ""),
    ("B0206", _ROAD, "信号灯", "红绿灯", "恢复运行", 12, "hours", ""),
    ("B0207", _ROAD, "桥梁设施", "桥栏杆;伸缩缝", "限行并修复", 7, "days", ""),
    ("B0208", _ROAD, "停车设施", "车位线;地锁", "恢复、拆除", 5, "working_days", ""),
    ("B0301", _CLEAN, "果皮箱", "垃圾桶;废物箱", "更换、清洗", 2, "working_days", "果皮箱"),
    ("B0302", _CLEAN, "公共厕所", "公厕", "保洁、维修", 24, "hours", ""),
    ("B0303", _CLEAN, "垃圾投放点", "垃圾站;垃圾房", "清运、修复", 24, "hours", ""),
    ("B0304", _CLEAN, "信报箱", "报箱", "修复、拆除", 7, "working_days", ""),
    ("B0401", _GREEN, "行道树", "树木倒伏;枯树;树枝", "扶正、修剪、补植", 3, "working_days", "行道树"),
    ("B0402", _GREEN, "绿地", "草坪;花坛;绿化带", "补植、清理", 5, "working_days", ""),
    ("B0403", _GREEN, "护树设施", "树池;树箅子", "补齐", 5, "working_days", ""),
    ("B0404", _GREEN, "街头坐椅", "长椅;座椅", "修复", 5, "working_days", ""),
    ("B0405", _GREEN, "健身器材", "体育设施", "停用并修复", 5, "working_days", ""),
]
"""Item, class, name, aliases, requirement, limit, its unit, kind of component."""

EVENTS: list[Row] = [
    ("S0101", _LOOK, "暴露垃圾", "垃圾堆;乱扔垃圾", "清除并冲洗", 4, "working_hours", ""),
    ("S0102", _LOOK, "积存渣土", "渣土;建筑垃圾", "清运", 24, "hours", ""),
    ("S0103", _LOOK, "道路不洁", "路面脏;油污", "清扫", 4, "working_hours", ""),
    ("S0104", _LOOK, "水域不洁", "河面漂浮物", "打捞", 24, "hours", ""),
    ("S0105", _LOOK, "绿地脏乱", "绿化带垃圾", "清理", 8, "working_hours", ""),
    ("S0106", _LOOK, "乱堆物料", "占道堆物;乱堆放", "清除", 8, "working_hours", ""),
    ("S0107", _LOOK, "油烟扰民", "餐饮油烟", "检查净化设施，责令整改", 5, "working_days", ""),
    ("S0108", _LOOK, "噪声", "噪音;扰民;广场舞", "劝止、检查", 4, "hours", ""),
    ("S0109", _LOOK, "污水外溢", "污水冒溢;下水道堵", "疏通并冲洗", 12, "hours", ""),
    ("S0110", _LOOK, "焚烧垃圾", "烧垃圾;烧树叶", "熄灭、劝止", 2, "hours", ""),
    ("S0111", _LOOK, "动物尸体", "死猫;死狗", "清除并消毒", 2, "working_hours", ""),
    ("S0112", _LOOK, "饲养家禽", "养鸡;养鸭", "责令迁移", 5, "working_days", ""),
    ("S0113", _LOOK, "燃放烟花爆竹", "放鞭炮", "劝止", 2, "hours", ""),
    ("S0201", _SIGNS, "非法小广告", "小广告;牛皮癣", "清除", 8, "working_hours", ""),
    ("S0202", _SIGNS, "违规户外广告", "广告牌;灯箱", "责令拆除", 7, "working_days", ""),
    ("S0203", _SIGNS, "违规横幅", "条幅;标语", "拆除", 8, "working_hours", ""),
    ("S0204", _SIGNS, "店招破损", "招牌破损", "责令修复", 5, "working_days", ""),
    ("S0301", _SITE, "工地扬尘", "扬尘", "责令覆盖、喷淋", 24, "hours", ""),
    ("S0302", _SITE, "夜间施工", "施工噪声", "责令停工", 2, "hours", ""),
    ("S0303", _SITE, "占道施工", "违规挖掘", "核查许可", 2, "working_days", ""),
    ("S0304", _SITE, "车辆带泥上路", "撒漏;渣土车遗撒", "清扫、查处", 4, "hours", ""),
    ("S0305", _SITE, "违法建设", "违建;私搭乱建", "立案查处", 15, "working_days", ""),
    ("S0401", _SUDDEN, "路面积水", "积水;内涝", "抽排、设警示", 3, "hours", ""),
    ("S0402", _SUDDEN, "路面塌陷", "塌方;地陷", "封闭并抢修", 2, "hours", ""),
    ("S0403", _SUDDEN, "管线爆裂", "爆管;漏水", "关阀抢修", 4, "hours", ""),
    ("S0404", _SUDDEN, "积雪结冰", "道路结冰", "撒布、清除", 6, "hours", ""),
    ("S0501", _ORDER, "店外经营", "出店经营;占道经营", "劝导入店", 2, "working_hours", ""),
    ("S0502", _ORDER, "占道", "流动摊贩;无照经营游商;摆摊", "劝离", 2, "working_hours", ""),
    ("S0503", _ORDER, "违停", "机动车乱停放;违章停车", "劝离、抄告", 2, "hours", ""),
    ("S0504", _ORDER, "非机动车乱停放", "共享单车乱放;电动车乱停", "摆放整齐", 4, "working_hours", ""),
    ("S0505", _ORDER, "乱散发广告", "发传单", "劝止", 2, "working_hours", ""),
    ("S0506", _ORDER, "沿街晾挂", "乱晾晒", "劝导", 4, "working_hours", ""),
    ("S0507", _ORDER, "飞线充电", "电动车飞线;楼道充电", "劝止，消除隐患", 24, "hours", ""),
    ("S0508", _ORDER, "僵尸车", "废弃车辆", "核查、拖移", 10, "working_days", ""),
]  # fmt: skip

LEFT = {"B0109": "2025-12-31", "S0113": "2026-01-31"}
"""Items that left the list, with their last day."""

ENTERS = {"S0507": "2026-07-01"}
"""The item that enters after the last case."""

SHORTER = ("B0101", "2026-01-01", 12)
"""Item whose limit changes, the day, the new limit in the same unit."""


def make_items() -> pd.DataFrame:
    """The catalogue, a row for each item and each span of dates it has the same limit in."""
    rows = [_row(*row) for row in (*COMPONENTS, *EVENTS)]
    item, day, limit = SHORTER
    old = next(row for row in rows if row["item"] == item)
    new = {**old, "valid_from": day, "limit": limit, "admission": "2025年第2号修订"}
    old["valid_to"] = (pd.Timestamp(day) - pd.Timedelta(days=1)).date().isoformat()
    rows.insert(rows.index(old) + 1, new)
    return pd.DataFrame(rows)


def item_names() -> dict[str, str]:
    """Name of each item."""
    return {row[0]: row[2] for row in (*COMPONENTS, *EVENTS)}


def _row(
    item: str, class_: str, name: str, aliases: str, requirement: str, limit: int, unit: str, component_kind: str
) -> dict[str, object]:
    """One item; `valid_to` is its last day."""
    return {
        "item": item,
        "class": class_,
        "name": name,
        "aliases": aliases,
        "description": f"{class_}中的{name}问题",
        "requirement": requirement,
        "limit": limit,
        "limit_unit": unit,
        "valid_from": ENTERS.get(item, FIRST),
        "valid_to": LEFT.get(item),
        "admission": "2026年第1号增补" if item in ENTERS else "2024年首批",
        "exit": "2025年第3号移出" if item in LEFT else None,
        "clause": f"目录{item[0]}-{int(item[1:3])}.{int(item[3:])}",
        "component_kind": component_kind or None,
    }
