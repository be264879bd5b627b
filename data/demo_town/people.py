"""Made-up people and their posts: every grid has its own, and the upper levels have theirs.

Names are put together from common characters, telephone numbers begin with 000 (no number in China does), and
identity numbers, where there are any, are zeros with a wrong check digit: nobody here is a real person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from demo_town.zones import DISTRICT, STREET_TOWNSHIP, TOWN_TOWNSHIP

WITHOUT_WORKER = (STREET_TOWNSHIP + "007003", TOWN_TOWNSHIP + "203001")
"""Grids that have no full-time worker, on purpose."""

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国文辉云鹏波斌宇浩凯健俊帆雪梅琳红春燕玲海山林峰"
    "晓志永东新亮成康星光宁安贵福生春秋冬雨晨思佳欣怡悦子涵梓轩"
)
NOTE = "虚构人员"
OWN_HOURS = {"enforcement_officer": "08:30-17:30", "sanitation": "05:00-13:00", "road_maintenance": "08:00-18:00"}
TEAMS = {
    "enforcement_officer": ("兴江区城市管理综合执法大队", "执法中队", 1),
    "enforcement_assistant": ("兴江区城市管理综合执法大队", "协管队", 2),
    "road_maintenance": ("兴江区市政设施养护中心", "养护班", 1),
    "sanitation": ("兴江区环境卫生服务中心", "保洁班", 2),
    "information_supervisor": ("兴江区网格化管理中心", "信息采集队", 1),
}
"""Organisation, department and number of people in each unit, for each of the five teams."""

OFFICERS = [
    (STREET_TOWNSHIP, "望江街道办事处", ["城市管理办公室", "综治办公室", "应急办公室", "社区建设办公室"], 2),
    (TOWN_TOWNSHIP, "柳林镇人民政府", ["城乡建设办公室", "综治办公室", "应急办公室", "农业农村办公室"], 2),
    (DISTRICT, "兴江区人民政府", [
        "城市管理局", "住房和城乡建设局", "市场监督管理局", "生态环境局", "水务局", "园林绿化中心", "网格化管理中心",
        "应急管理局",
    ], 2),
    (DISTRICT[:4], "市人民政府", ["市政设施管理处", "城市管理局", "交通运输局", "路灯管理处", "园林局"], 1),
]  # fmt: skip
"""Area, organisation, departments, people in each department."""


@dataclass
class Staff:
    """People and posts while they are being made; a person is made when a post needs somebody new."""

    rng: np.random.Generator
    people: list[dict[str, object]] = field(default_factory=list)
    posts: list[dict[str, object]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def somebody(self) -> str:
        """A new person; give the number."""
        number = len(self.people) + 1
        person = f"R{number:05d}"
        self.people.append({"person_id": person, "name": self._name(), **_reached(number), **_private(number)})
        return person

    def _name(self) -> str:
        while True:
            surname, one, two = (str(self.rng.choice(list(part))) for part in (SURNAMES, GIVEN, GIVEN))
            name = surname + one + two
            if one != two and name not in self.names:
                self.names.add(name)
                return name

    def give(self, person: str, role: str, area: str, **told: object) -> None:
        """One more post of a person."""
        self.posts.append({"person_id": person, "role": role, "area_code": area, **told})


def _reached(number: int) -> dict[str, object]:
    return {"public_phone": f"000-8{number:07d}" if number % 3 else None, "public_hours": "08:30-17:30"}


def _private(number: int) -> dict[str, object]:
    """Private columns; every fortieth person has an identity number that no check digit agrees with."""
    zeros = f"{number:017d}"
    home = f"兴江区望江街道虚构里{number}号" if number % 10 == 0 else None
    return {
        "phone": f"000{number:08d}",
        "identity_number": zeros + wrong_check(zeros) if number % 40 == 0 else None,
        "home_address": home,
        "note": NOTE,
    }


def wrong_check(digits: str) -> str:
    """A digit that is not the check digit of GB 11643 for the first 17."""
    total = sum(int(d) * 2 ** (17 - i) for i, d in enumerate(digits))
    check = "10X98765432"[total % 11]
    return "0" if check != "0" else "5"


def make_people(
    grids: pd.DataFrame, units: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """People and posts.

    Parameters
    ----------
    grids : DataFrame
        As `demo/grids.csv`.
    units : DataFrame
        `unit_code` of the units the five teams serve.
    """
    staff = Staff(rng)
    for row in grids.itertuples(index=False):
        _grid(staff, row.grid_code, int(row.microgrid_count))
    for zone in sorted(set(grids["zone_code"])):
        staff.give(staff.somebody(), "instructor", zone, organisation="兴江区网格化管理中心", department="指导科")
    for unit in units["unit_code"]:
        _teams(staff, unit)
    for area, organisation, departments, count in OFFICERS:
        for department in departments:
            for _ in range(count):
                staff.give(staff.somebody(), "officer", area, organisation=organisation, department=department)
    return pd.DataFrame(staff.people), _posts(staff)


def _grid(staff: Staff, grid: str, microgrids: int) -> None:
    """Leader, full-time worker, part-time workers, a leader for each micro-grid: half of them part-time workers."""
    _held(staff, "grid_leader", grid)
    if grid not in WITHOUT_WORKER:
        _held(staff, "full_time", grid)
    part_time = [staff.somebody() for _ in range(int(staff.rng.integers(1, 5)))]
    for person in part_time:
        staff.give(person, "part_time", grid)
    for k in range(microgrids):
        person = part_time[k] if k < len(part_time) and staff.rng.random() < 0.75 else staff.somebody()
        staff.give(person, "microgrid_leader", f"{grid}{k + 1:02d}")


def _held(staff: Staff, role: str, grid: str) -> None:
    """A post of one person, or in one of eight cases of two, one after the other."""
    if staff.rng.random() >= 1 / 8:
        staff.give(staff.somebody(), role, grid)
        return
    change = f"{staff.rng.choice(['2025-07-01', '2025-10-01', '2026-03-01'])}"
    last = (pd.Timestamp(change) - pd.Timedelta(days=1)).date().isoformat()
    staff.give(staff.somebody(), role, grid, valid_from="2024-04-01", valid_to=last)
    staff.give(staff.somebody(), role, grid, valid_from=change)


def _teams(staff: Staff, unit: str) -> None:
    for role, (organisation, department, count) in TEAMS.items():
        for _ in range(count):
            told = {"organisation": organisation, "department": department, "hours": OWN_HOURS.get(role)}
            staff.give(staff.somebody(), role, unit, **told)


def _posts(staff: Staff) -> pd.DataFrame:
    """Posts by area and role; those with a letter and no dates bear a code, the rest get theirs from the program."""
    letters = {"grid_leader": "Z", "full_time": "Q", "part_time": "J", "microgrid_leader": "W"}
    columns = ["post_code", "person_id", "role", "area_code", "organisation", "department", "valid_from", "valid_to",
               "hours"]  # fmt: skip
    posts = pd.DataFrame(staff.posts).reindex(columns=columns)
    letter = posts["role"].map(letters).where(posts["valid_from"].isna() & posts["valid_to"].isna())
    turn = posts.groupby(["area_code", "role"]).cumcount() + 1
    posts["post_code"] = (posts["area_code"] + letter + turn.astype(str).str.zfill(2)).where(letter.notna())
    return posts
