"""Duty table of the made-up district: who leads by item, owner, street, section, bridge, width, area, shift, severity.

Every clause is one of an invented table. No company or office here is a real one; where a name is also that of
a real office, that is because offices everywhere are called so.
"""

from __future__ import annotations

import pandas as pd

from demo_town.zones import COMMUNITIES, DEDICATED, DISTRICT, STREET_TOWNSHIP, TOWN_TOWNSHIP, VILLAGES

CLAUSES = "分工表"
"""Short name of the invented table (兴江区城市管理责任分工表) that every clause refers to."""

COLUMNS = [
    "rule_id", "item", "function", "area_code", "street", "street_from", "street_to", "bridge", "road_class",
    "width_min_m", "width_max_m", "owner", "severity", "shift", "valid_from", "valid_to", "lead", "co", "clause",
    "rank", "upward",
]  # fmt: skip

ENFORCE, ROADS, CLEAN, GREEN, WATER = (
    "区城市管理综合执法大队", "区市政设施养护中心", "区环境卫生服务中心", "区园林绿化中心", "区水务局",
)  # fmt: skip
CITY_ROADS, CITY_BRIDGES, CITY_LAMPS = "市市政设施管理处", "市桥梁管理所", "市路灯管理处"
POLICE, TRAFFIC = "兴江公安分局", "兴江交警大队"
HOUSING, MARKET, AIR, EMERGENCY = "区住房和城乡建设局", "区市场监督管理局", "区生态环境局", "区应急管理局"
STREET, TOWN, CENTRE = "望江街道办事处", "柳林镇人民政府", "区网格化管理中心"
SEWERS, PHONES, POWER, GAS, PIPES = "兴江排水公司", "兴江通信公司", "兴江供电公司", "兴江燃气公司", "兴江供水公司"
LEADER, CLEANERS, MENDERS = "role:grid_leader", "role:sanitation", "role:road_maintenance"

Rule = dict[str, object]


def make_rules() -> pd.DataFrame:
    """The duty table, a rule a row, numbered in the order of the chapters."""
    chapters = [
        _by_item(), _by_class(), _by_owner(), _by_road(), _by_named_road(), _by_bridge(), _by_township(), _by_zone(),
        _by_unit(), _by_time(), _by_severity(),
    ]  # fmt: skip
    rows = []
    for chapter, rules in enumerate(chapters, start=1):
        for k, rule in enumerate(rules, start=1):
            number = {"rule_id": f"G{chapter:02d}-{k:02d}", "clause": f"{CLAUSES}{chapter}.{k}"}
            rows.append({"valid_from": "2024-04-01", **number, **rule})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def make_designate() -> pd.DataFrame:
    """Who designates where no rule matches, and who secures the place meanwhile."""
    rows = [
        (DISTRICT, CENTRE, ENFORCE, f"{CLAUSES}12.1"),
        (STREET_TOWNSHIP, CENTRE, STREET, f"{CLAUSES}12.2"),
        (TOWN_TOWNSHIP, CENTRE, TOWN, f"{CLAUSES}12.3"),
        (DISTRICT[:4], "市城市管理局", CITY_ROADS, f"{CLAUSES}12.4"),
    ]
    return pd.DataFrame(rows, columns=["area_code", "designates", "secures", "clause"])


def _by_item() -> list[Rule]:
    """Chapter 1: the rule of each item, by function; four items have none anywhere, on purpose."""
    keep = {
        ROADS: "B0101 B0102 B0202 B0203 B0204 B0402", CITY_LAMPS: "B0103", PIPES: "B0104 S0403", PHONES: "B0105 B0108",
        POWER: "B0106", GAS: "B0107", TRAFFIC: "B0201 B0206", "区交通运输局": "B0205", CLEAN: "B0301 B0302 B0303 S0104",
        GREEN: "B0401 B0403 S0105", "区文化和旅游局": "B0405", CLEANERS: "S0101 S0103 S0111", WATER: "S0109 S0401",
        MENDERS: "S0402 S0404", LEADER: "S0106 S0112 S0506 S0504",
    }  # fmt: skip
    punish = {
        ENFORCE: "S0102 S0107 S0110 S0202 S0203 S0303 S0304 S0305 S0501 S0502 S0505", HOUSING: "S0301 S0302",
        TRAFFIC: "S0503 S0508", POLICE: "S0108 S0113", MARKET: "S0204", LEADER: "S0201",
    }  # fmt: skip
    helped = {"B0101": SEWERS, "S0401": ROADS, "S0402": f"{EMERGENCY};{ROADS}", "S0107": AIR, "S0502": MARKET,
              "S0301": AIR, "S0503": "role:enforcement_assistant", "S0201": CLEAN}  # fmt: skip
    rules: list[Rule] = []
    for function, told in (("maintenance", keep), ("enforcement", punish)):
        pairs = [(item, lead) for lead, items in told.items() for item in items.split()]
        rules += [{"item": i, "function": function, "lead": lead, "co": helped.get(i)} for i, lead in sorted(pairs)]
    rules.append({"item": "S0202", "function": "permission", "lead": "区行政审批局", "co": ENFORCE})
    rules.append({"item": "S0303", "function": "permission", "lead": "区行政审批局", "co": ROADS})
    rules.append({"item": "S0507", "function": "enforcement", "lead": "区消防救援大队", "co": LEADER,
                  "valid_from": "2026-07-01"})  # fmt: skip
    return rules


def _by_class() -> list[Rule]:
    """Chapter 2: what holds for a class where nothing finer does."""
    return [
        {"item": "街面秩序", "function": "enforcement", "lead": ENFORCE},
        {"item": "宣传广告", "function": "enforcement", "lead": ENFORCE},
        {"item": "施工管理", "function": "enforcement", "lead": HOUSING},
        {"item": "突发事件", "function": "maintenance", "lead": EMERGENCY, "co": LEADER},
    ]


def _by_owner() -> list[Rule]:
    """Chapter 3: the owner of a component mends it."""
    covers = {
        "排水": SEWERS,
        "电信": PHONES,
        "电力": POWER,
        "燃气": GAS,
        "供水": PIPES,
    }
    rules: list[Rule] = [
        {"item": "B0101", "function": "maintenance", "owner": owner, "lead": lead, "co": ROADS}
        for owner, lead in covers.items()
    ]
    rules += [
        {"item": "B0102", "function": "maintenance", "owner": "排水", "lead": SEWERS},
        {"item": "B0103", "function": "maintenance", "owner": "小区物业", "lead": HOUSING, "co": LEADER},
        {"item": "B0401", "function": "maintenance", "owner": "小区物业", "lead": HOUSING, "co": GREEN},
        {"item": "B0104", "function": "maintenance", "owner": "供水", "lead": PIPES, "co": "区消防救援大队"},
        {"item": "B0301", "function": "maintenance", "owner": "小区物业", "lead": LEADER},
    ]
    return rules


def _by_road() -> list[Rule]:
    """Chapter 4: road class and width; secondary roads under 20 m are the district's, wider ones the city's."""
    surface = ("B0203", "B0204", "B0202")
    rules: list[Rule] = []
    for item in surface:
        rules += [
            {"item": item, "road_class": "primary", "lead": CITY_ROADS, "upward": True},
            {"item": item, "road_class": "secondary", "width_min_m": 22, "lead": CITY_ROADS, "upward": True},
            {"item": item, "road_class": "secondary", "width_max_m": 22, "lead": ROADS},
            {"item": item, "road_class": "residential;living_street", "lead": MENDERS, "co": LEADER},
            {"item": item, "road_class": "service;footway", "lead": LEADER},
        ]
    rules += [
        {"item": "S0103", "road_class": "primary;secondary", "lead": CLEAN},
        {"item": "S0103", "road_class": "living_street;footway", "lead": LEADER, "co": CLEANERS},
        {"item": "S0501", "road_class": "living_street;residential", "lead": "role:enforcement_officer"},
        {"item": "B0401", "road_class": "primary", "lead": "市园林局", "upward": True},
        {"item": "B0103", "road_class": "living_street;footway", "lead": ROADS},
    ]
    return [{"function": "enforcement" if rule["item"] == "S0501" else "maintenance", **rule} for rule in rules]


def _by_named_road() -> list[Rule]:
    """Chapter 5: roads by name, and sections between two cross streets."""
    keep, punish = {"function": "maintenance"}, {"function": "enforcement"}
    city: Rule = {"lead": CITY_ROADS, "upward": True, **keep}
    office = "中山路商业街管理办公室"
    return [
        {"item": "*", "street": "兴江大道", **city, "co": ROADS},
        {"item": "道路交通设施", "street": "人民路", **city},
        {"item": "道路交通设施", "street": "人民路", "street_from": "中山路", "street_to": "文昌路",
         "lead": ROADS, **keep},
        {"item": "街面秩序", "street": "中山路", "lead": office, "co": ENFORCE, **punish},
        {"item": "S0501", "street": "中山路", "lead": office, **punish},
        {"item": "S0202", "street": "中山路", "lead": office, "co": "区行政审批局", "function": "permission"},
        {"item": "S0101", "street": "中山路", "lead": CLEAN, "co": office, **keep},
        {"item": "S0101", "street": "沿江路", "lead": "滨江景观管理所", **keep},
        {"item": "B0402", "street": "沿江路", "lead": "滨江景观管理所", **keep},
        {"item": "B0203", "street": "沿江路", "street_from": "建设南路", "street_to": "工人路",
         "lead": "滨江景观管理所", **keep},
        {"item": "S0503", "street": "建设路", "street_from": "中山路", "street_to": "兴江大道", "lead": TRAFFIC,
         "co": "role:enforcement_assistant", **punish},
        {"item": "B0204", "street": "园区路", "lead": "柳林工业园管理委员会", **keep},
        {"item": "S0502", "street": "站前路", "lead": "站前地区管理办公室", "co": TRAFFIC, **punish},
        {"item": "S0504", "street": "站前路", "lead": "站前地区管理办公室", **punish},
        {"item": "S0401", "street": "工人路", "street_from": "铁路南街", "street_to": "站前路", "lead": CITY_ROADS,
         "co": WATER, "upward": True, **keep},
        {"item": "S0401", "street": "建设路", "street_from": "铁路南街", "street_to": "站前路", "lead": CITY_ROADS,
         "co": WATER, "upward": True, **keep},
        {"item": "B0204", "street": "学府东路", "lead": ROADS, "valid_to": "2025-12-31", **keep},
        {"item": "B0204", "street": "学府东路", "lead": CITY_ROADS, "upward": True, "valid_from": "2026-01-01", **keep},
    ]  # fmt: skip


def _by_bridge() -> list[Rule]:
    """Chapter 6: bridges."""
    keep: Rule = {"function": "maintenance"}
    return [
        {"item": "*", "bridge": "人民大桥", "lead": CITY_BRIDGES, "upward": True, **keep},
        {"item": "B0207", "bridge": "人民路", "lead": CITY_BRIDGES, "upward": True, **keep},
        {"item": "B0207", "bridge": "东环路", "lead": ROADS, **keep},
    ]


def _by_township() -> list[Rule]:
    """Chapter 7: what a township does itself."""
    return [
        {"item": "S0102", "function": "maintenance", "area_code": STREET_TOWNSHIP, "lead": STREET},
        {"item": "S0102", "function": "maintenance", "area_code": TOWN_TOWNSHIP, "lead": TOWN},
        {"item": "S0305", "function": "enforcement", "area_code": STREET_TOWNSHIP, "lead": STREET, "co": ENFORCE},
        {"item": "S0305", "function": "enforcement", "area_code": TOWN_TOWNSHIP, "lead": TOWN, "co": ENFORCE},
        {"item": "S0112", "function": "enforcement", "area_code": TOWN_TOWNSHIP, "lead": TOWN},
        {"item": "B0302", "function": "maintenance", "area_code": TOWN_TOWNSHIP, "lead": TOWN},
    ]


def _by_zone() -> list[Rule]:
    """Chapter 8: dedicated zones look after themselves; villages and two communities have a rule of their own."""
    houses = {
        "hospital": "兴江区人民医院后勤保障部", "campus": "江东师范学院后勤处", "market": "东门批发市场管理公司",
        "industry": "柳林工业园管理委员会",
    }  # fmt: skip
    rules: list[Rule] = [
        {"item": "*", "function": "maintenance", "area_code": DEDICATED[use][0], "lead": lead, "co": LEADER}
        for use, lead in houses.items()
    ]
    rules += [
        {"item": "S0101", "function": "maintenance", "area_code": seat.code, "lead": f"{seat.name}村民委员会"}
        for seat in VILLAGES
    ]
    rules += [
        {"item": "S0106", "function": "maintenance", "area_code": COMMUNITIES[1].code, "lead": "鼓楼社区居民委员会"},
        {"item": "S0506", "function": "enforcement", "area_code": COMMUNITIES[5].code, "lead": "文庙社区居民委员会"},
    ]
    return rules


def _by_unit() -> list[Rule]:
    """Chapter 9: units of management."""
    return [
        {"item": "S0504", "function": "enforcement", "area_code": "U001-05", "lead": "role:information_supervisor"},
        {"item": "S0502", "function": "enforcement", "area_code": "U001-08", "lead": "role:enforcement_officer",
         "co": "role:enforcement_assistant"},
        {"item": "S0103", "function": "maintenance", "area_code": "U100-02", "lead": "role:sanitation"},
    ]  # fmt: skip


def _by_time() -> list[Rule]:
    """Chapter 10: shifts; one runs over midnight."""
    return [
        {"item": "S0108", "function": "enforcement", "shift": "22:00-06:00", "lead": POLICE, "co": LEADER},
        {"item": "S0302", "function": "enforcement", "shift": "22:00-06:00", "lead": AIR, "co": HOUSING},
        {"item": "S0502", "function": "enforcement", "shift": "05:00-09:00", "lead": MARKET, "co": ENFORCE},
        {"item": "S0101", "function": "maintenance", "shift": "20:00-05:00", "lead": CLEAN},
    ]


def _by_severity() -> list[Rule]:
    """Chapter 11: major matters go to the emergency bureau before all else."""
    return [
        {"item": "*", "severity": "重大", "lead": EMERGENCY, "co": LEADER, "rank": 1},
        {"item": "S0402", "severity": "重大", "lead": EMERGENCY, "co": CITY_ROADS, "upward": True, "rank": 0},
        {"item": "B0401", "severity": "疑难", "function": "maintenance", "lead": GREEN, "co": POWER},
    ]
