"""How often each item is reported, where, when and by whom: the made-up habits behind the cases."""

from __future__ import annotations

from dataclasses import dataclass

Spot = str
"""Kind of place a case is at: `street`, `lane`, `shop`, `home`, `tower`, `school`, `works`, `park`, `river`, `tunnel`
or a kind of component."""


@dataclass(frozen=True)
class Habit:
    """Share of all cases, places with their weights, months and hours, share that the hotline brings, severity.

    Attributes
    ----------
    season : name in `SEASONS`
    hours : name in `HOURS`
    hotline : share of hotline and app; patrol has the rest
    hard : share of 疑难; a tenth of it is 重大
    words : what the description says of it
    """

    share: float
    at: dict[Spot, float]
    season: str
    hours: str
    hotline: float
    hard: float
    words: tuple[str, ...]


SEASONS = {
    "even": (1,) * 12,
    "summer": (0.5, 0.5, 0.7, 1.0, 1.4, 1.9, 2.2, 2.1, 1.5, 1.0, 0.7, 0.5),
    "rain": (0.3, 0.4, 0.8, 1.3, 1.8, 3.0, 3.2, 2.2, 1.0, 0.5, 0.3, 0.2),
    "autumn": (0.8, 0.6, 0.8, 0.9, 0.8, 0.8, 0.8, 0.9, 1.3, 1.9, 1.9, 1.2),
    "winter": (2.2, 1.9, 1.0, 0.6, 0.4, 0.3, 0.3, 0.3, 0.5, 0.8, 1.4, 2.0),
    "frost": (5.0, 3.5, 0.3, 0, 0, 0, 0, 0, 0, 0, 0.4, 3.0),
    "new_year": (4.0, 4.5, 0.6, 0.3, 0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.2, 0.8),
}
"""Weight of each month."""

HOURS = {
    "day": (0.2, 0.1, 0.1, 0.1, 0.2, 0.5, 1.2, 2.5, 4, 5, 5, 4, 2.5, 3, 4.5, 5, 4, 3.2, 2.2, 1.6, 1.2, 0.8, 0.5, 0.3),
    "evening": (0.6, 0.2, 0.1, 0.1, 0.1, 0.4, 0.8, 1.4, 1.5, 1.4, 1.6, 2, 2, 1.4, 1.4, 2, 3, 4, 5.5, 6, 5.5, 4, 2, 1),
    "night": (4, 3, 2, 1.2, 0.9, 0.9, 0.6, 0.5, 0.5, 0.5, 0.5, 0.6, 0.9, 0.7, 0.5, 0.5, 0.6, 0.9, 1.6, 3, 4.5, 6, 6, 5),
    "rush": (0.1, 0.1, 0.1, 0.1, 0.1, 0.6, 2.5, 6, 6, 3, 2, 2.5, 2.5, 2, 2, 2.5, 5, 6, 4, 2, 1.2, 0.8, 0.4, 0.2),
    "morning": (0.2, 0.2, 0.2, 0.4, 1.5, 4, 6, 6, 5, 4, 3, 2.2, 1.6, 1.4, 1.6, 1.8, 2, 1.8, 1.4, 1, 0.8, 0.5, 0.3, 0.2),
}  # fmt: skip
"""Weight of each hour of the day."""

HABITS: dict[str, Habit] = {
    "B0101": Habit(2.6, {"井盖": 1}, "rain", "day", 0.35, 0.08, ("井盖破损", "井盖缺失", "井盖松动有异响", "井盖下沉")),
    "B0102": Habit(0.9, {"雨水箅子": 1}, "rain", "day", 0.3, 0.03, ("雨水箅子堵塞", "雨水箅子缺失")),
    "B0103": Habit(2.4, {"路灯": 1}, "winter", "night", 0.6, 0.02, ("路灯不亮", "路灯损坏", "灯杆倾斜")),
    "B0104": Habit(0.4, {"消火栓": 1}, "even", "day", 0.2, 0.05, ("消火栓漏水", "消火栓倾斜")),
    "B0105": Habit(0.4, {"交接箱": 1}, "even", "day", 0.15, 0.0, ("交接箱门未关", "交接箱破损")),
    "B0106": Habit(0.3, {"电力箱": 1}, "even", "day", 0.3, 0.1, ("电箱门打开", "电箱破损")),
    "B0107": Habit(0.1, {"调压箱": 1}, "even", "day", 0.5, 0.3, ("调压箱有异味", "调压箱护栏损坏")),
    "B0108": Habit(1.5, {"lane": 3, "street": 1}, "even", "day", 0.45, 0.06, ("线缆脱落", "线缆低垂", "废线未清理")),
    "B0109": Habit(0.15, {"street": 1}, "even", "day", 0.1, 0.0, ("电话亭破损", "电话亭脏污")),
    "B0201": Habit(0.7, {"street": 1}, "even", "day", 0.2, 0.0, ("标志牌倾斜", "标志牌被遮挡")),
    "B0202": Habit(0.9, {"street": 1}, "even", "day", 0.2, 0.01, ("护栏缺失", "护栏倒伏")),
    "B0203": Habit(3.2, {"street": 3, "shop": 1}, "even", "day", 0.3, 0.01, ("人行道板松动", "地砖缺失")),
    "B0204": Habit(2.2, {"street": 2, "lane": 1}, "rain", "day", 0.45, 0.05, ("路面坑洞", "路面破损")),
    "B0205": Habit(0.3, {"street": 1}, "even", "day", 0.2, 0.0, ("候车亭玻璃破损", "站牌脏污")),
    "B0206": Habit(0.3, {"street": 1}, "even", "rush", 0.6, 0.1, ("信号灯不亮", "信号灯时间异常")),
    "B0207": Habit(0.05, {"tunnel": 1}, "even", "day", 0.3, 0.2, ("桥栏杆损坏", "伸缩缝破损")),
    "B0208": Habit(0.5, {"street": 1, "home": 1}, "even", "day", 0.6, 0.0, ("私装地锁", "车位线不清")),
    "B0301": Habit(1.1, {"果皮箱": 1}, "summer", "day", 0.15, 0.0, ("果皮箱满溢", "果皮箱破损")),
    "B0302": Habit(0.4, {"park": 1, "street": 1}, "summer", "day", 0.4, 0.0, ("公厕脏", "公厕设施损坏")),
    "B0303": Habit(2.2, {"home": 2, "tower": 2}, "summer", "morning", 0.5, 0.0, ("垃圾桶满溢", "垃圾未清运")),
    "B0304": Habit(0.1, {"home": 1}, "even", "day", 0.3, 0.0, ("信报箱损坏",)),
    "B0401": Habit(1.7, {"行道树": 1}, "summer", "day", 0.35, 0.05, ("树枝遮挡", "树木枯死", "树木倒伏")),
    "B0402": Habit(1.0, {"park": 2, "street": 1}, "summer", "day", 0.2, 0.0, ("绿地裸露", "绿地被踩踏")),
    "B0405": Habit(0.3, {"park": 1, "home": 1}, "even", "day", 0.4, 0.0, ("健身器材损坏",)),
    "S0101": Habit(14.0, {"lane": 4, "street": 2, "shop": 2, "home": 1}, "summer", "morning", 0.18, 0.0,
                   ("有暴露垃圾", "垃圾堆积有异味", "垃圾乱扔")),
    "S0102": Habit(2.6, {"lane": 1, "home": 2, "tower": 2, "works": 1}, "even", "day", 0.35, 0.03,
                   ("装修垃圾堆放", "有积存渣土")),
    "S0103": Habit(3.6, {"street": 1}, "even", "morning", 0.1, 0.0, ("路面不洁", "路面有油污", "路面有积泥")),
    "S0104": Habit(0.4, {"river": 1}, "summer", "day", 0.3, 0.0, ("水面有漂浮物",)),
    "S0105": Habit(2.0, {"park": 1, "street": 1}, "even", "day", 0.1, 0.0, ("绿化带内有垃圾",)),
    "S0106": Habit(5.0, {"lane": 3, "shop": 1, "home": 1}, "even", "day", 0.22, 0.01, ("乱堆物料", "占道堆放杂物")),
    "S0107": Habit(1.7, {"shop": 1}, "summer", "evening", 0.85, 0.08, ("餐饮油烟扰民", "油烟直排")),
    "S0108": Habit(5.2, {"home": 2, "tower": 3, "shop": 1}, "summer", "night", 0.96, 0.04,
                   ("噪声扰民", "广场舞噪声", "夜间音响声大", "空调外机噪声")),
    "S0109": Habit(1.3, {"home": 1, "lane": 2}, "rain", "day", 0.6, 0.06, ("污水外溢", "下水道堵塞")),
    "S0110": Habit(0.6, {"lane": 1, "works": 1}, "autumn", "day", 0.4, 0.0, ("焚烧垃圾", "焚烧树叶")),
    "S0111": Habit(0.4, {"street": 1}, "summer", "morning", 0.3, 0.0, ("有动物尸体",)),
    "S0112": Habit(0.3, {"lane": 1}, "even", "morning", 0.8, 0.02, ("饲养家禽扰民",)),
    "S0113": Habit(0.4, {"home": 1, "street": 1}, "new_year", "night", 0.8, 0.0, ("燃放烟花爆竹",)),
    "S0201": Habit(5.6, {"shop": 1, "lane": 2, "street": 1}, "even", "day", 0.06, 0.0, ("墙面小广告", "灯杆小广告")),
    "S0202": Habit(0.8, {"shop": 1}, "even", "day", 0.25, 0.04, ("违规设置灯箱", "违规户外广告")),
    "S0203": Habit(0.7, {"street": 1, "shop": 1}, "even", "day", 0.1, 0.0, ("违规悬挂横幅",)),
    "S0204": Habit(0.6, {"shop": 1}, "even", "day", 0.15, 0.02, ("店招破损",)),
    "S0301": Habit(0.8, {"works": 1}, "autumn", "day", 0.5, 0.03, ("工地扬尘", "裸土未覆盖")),
    "S0302": Habit(1.5, {"tower": 2, "works": 1}, "autumn", "night", 0.95, 0.05, ("夜间施工扰民",)),
    "S0303": Habit(0.7, {"street": 1}, "autumn", "day", 0.3, 0.03, ("占道施工", "路面开挖未围挡")),
    "S0304": Habit(0.7, {"street": 1}, "autumn", "night", 0.3, 0.0, ("渣土车遗撒", "车辆带泥上路")),
    "S0305": Habit(1.0, {"home": 1, "tower": 1, "lane": 2}, "even", "day", 0.75, 0.3, ("楼顶违建", "私搭乱建")),
    "S0401": Habit(0.9, {"street": 3, "lane": 1, "tunnel": 1}, "rain", "day", 0.6, 0.1, ("路面积水", "积水过深")),
    "S0402": Habit(0.1, {"street": 1}, "rain", "day", 0.5, 0.7, ("路面塌陷",)),
    "S0403": Habit(0.3, {"street": 1, "lane": 1}, "winter", "day", 0.7, 0.3, ("水管爆裂", "自来水漏水")),
    "S0404": Habit(0.3, {"street": 1}, "frost", "morning", 0.4, 0.1, ("路面结冰", "积雪未清")),
    "S0501": Habit(8.0, {"shop": 1}, "summer", "evening", 0.12, 0.0, ("店外经营", "店外堆放商品")),
    "S0502": Habit(5.6, {"street": 2, "shop": 2, "school": 1}, "summer", "evening", 0.25, 0.0,
                   ("流动摊贩占道", "摆摊占道")),
    "S0503": Habit(7.2, {"street": 3, "lane": 1, "school": 1}, "even", "rush", 0.4, 0.0,
                   ("机动车违停", "车辆占用盲道", "车辆堵住出入口")),
    "S0504": Habit(5.2, {"street": 2, "shop": 2}, "even", "rush", 0.14, 0.0, ("非机动车乱停放", "共享单车堆积")),
    "S0505": Habit(0.5, {"shop": 1}, "even", "day", 0.05, 0.0, ("散发广告",)),
    "S0506": Habit(1.2, {"lane": 1, "street": 1}, "even", "day", 0.08, 0.0, ("沿街晾挂",)),
    "S0508": Habit(0.6, {"street": 1, "home": 1}, "even", "day", 0.5, 0.05, ("僵尸车长期占位",)),
}  # fmt: skip
