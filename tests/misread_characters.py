"""Characters of the demo's names that people hear or read wrongly: pairs of right and wrong, by sound or by look."""

BY_SOUND = """
槐怀 柳流 荫阴 书舒 鼓股 楼搂 盐严 桥乔 竹烛 林琳 梧吾 桐铜 井景 沿延 园圆 永泳 安按 太泰 平坪 同铜 德得 和合 昌倡 桂贵
花华 东冬 升生 粮良 库裤 坊方 茶查 馆管 渡度 城成 墙强 艺义 红洪 旗棋 光广 明名 利力 建健 新心 春椿 晖辉 云芸 台抬 凤奉
泉全 溪西 映应 月越 桃逃 源元 杏幸 银寅 香乡 樟章 丁叮 荷河 塘糖 双霜 元员 福幅 枫疯 兰蓝 亭停 棠堂 玉遇 莲连 麦卖 果裹
砖专 湾弯 织职 机鸡 供工 销消 邮油 气汽 象像 先仙 锋峰 前钱 进近 振震 兴星 富付 定订 主住 复覆 尚上 义意 惠慧 迎赢 滨宾
河何 湖胡 白百 钟中 牌排 磨摩 油由 布步 鱼渔 柴才 锦景 翠脆 江姜 畔叛 雅亚 康糠 宁凝 嘉佳 碧壁 御玉 紫子 薇微 阳洋 名明
邸底 洲州 沙砂 芦炉 岸案 坝霸 村存
"""

BY_LOOK = """
鼓豉 石右 青清 沿沼 永水 太大 平乎 德徳 文交 昌冒 库厍 匠匝 染柒 茶荼 渡镀 城诚 塔搭 园团 红江 旗旌 团困 晖晕 凤风 龙尤
泉皇 溪漢 桃挑 杏查 银很 樟障 丁于 荷苛 双又 福副 枫树 兰三 海梅 棠裳 莲蓬 麦表 菜莱 砖转 瓦互 窑窖 湾弯 船般 纺访 织炽
印卯 床庆 供拱 销梢 邮由 电申 体休 育盲 年午 先失 锋蜂 前煎 振赈 富宫 民氏 复夏 崇祟 尚向 仁仕 迎仰 滨缤 望塑 白自 照煦
牌碑 坊妨 古占 老考 磨魔 油抽 鱼鲁 柴紫 马鸟 锦绵 绣锈 阳阴 岸崖 星皇 洲洒 坪呯 村材 西酉 北比 朝潮 工土
"""


def pairs() -> dict[str, str]:
    """Wrong characters of each right one."""
    found: dict[str, str] = {}
    for right, wrong in (*BY_SOUND.split(), *BY_LOOK.split()):
        found[right] = found.get(right, "") + wrong
    return found
