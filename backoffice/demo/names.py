"""Chinese names, nicknames and phone numbers that belong to nobody."""

from __future__ import annotations

from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# The hundred most common surnames, most common first; weights follow the census only roughly.
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
SURNAME_WEIGHTS = [
    *(717, 700, 674, 510, 461, 322, 245, 235, 200, 190),
    *(max(12, 175 - 2 * place) for place in range(len(SURNAMES) - 10)),
]
COMPOUND_SURNAMES = (
    "欧阳", "上官", "司马", "诸葛", "皇甫", "尉迟", "慕容", "令狐", "夏侯", "东方", "司徒", "公孙",
)  # fmt: skip
COMPOUND_SHARE = 0.004

# Given names follow the fashion of the years: (born before, women, men).
GIVEN_NAMES: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        1970,
        _words("秀英 桂英 玉兰 秀兰 桂芳 淑珍 玉华 凤英 素珍 淑华 丽华 春梅 秀珍 月英 爱华 文英 红梅 慧芳 兰 芳"),
        _words("建国 建华 国强 志明 永强 德明 保国 卫东 建军 志强 文华 国华 振华 永明 世杰 红军 明 军 强 平"),
    ),
    (
        1985,
        _words("丽 敏 静 艳 娟 霞 燕 玲 红 丽娟 海燕 晓燕 丽萍 雪梅 晓红 春燕 秀丽 丽丽 慧敏 亚萍 小红 文静 冬梅"),
        _words("伟 勇 军 磊 涛 斌 杰 波 刚 辉 海涛 志刚 建平 晓东 文斌 立军 永刚 俊杰 志伟 国栋 海波 向东 少华"),
    ),
    (
        1995,
        _words("婷 雪 莹 倩 婷婷 佳 璐 丹丹 思思 晓雯 雅琴 梦洁 佳琪 文婷 雨薇 晨曦 梦瑶 晓彤 嘉怡 诗雅 静怡 欣"),
        _words("超 鹏 浩 凯 鑫 亮 宇 旭 浩宇 文博 俊峰 志远 晓峰 嘉伟 子健 天宇 博文 明轩 家豪 泽宇 一鸣 宏伟"),
    ),
    (
        9999,
        _words("梓涵 雨桐 欣怡 可馨 诗涵 语嫣 子萱 若曦 一诺 梦琪 依诺 思涵 雨欣 佳怡 紫涵 艺涵 沐晴 予安 知夏"),
        _words("浩然 梓豪 子轩 宇轩 浩轩 子墨 俊熙 奕辰 宇航 博涵 雨泽 皓轩 天佑 沐阳 瑾瑜 星河 知远 予怀 承泽"),
    ),
)

# Characters outside the old two-byte sets; GB18030 writes them with four bytes.
RARE_GIVEN_NAMES = ("㐀", "𠀀", "䶮", "㛃怡", "𬱖", "𣲗", "䴖", "𫖯", "文𬍛", "䶮明")
RARE_EVERY = 151
"""One customer in so many has a rare character in the given name."""

NICKNAME_HEADS = _words("小雨 阿杰 大白 柠檬 南风 星星 奶茶 老王 云朵 橘子 青柠 海盐 山楂 芒果 年糕 豆包 团子 鹿鸣 晚风 初夏")
NICKNAME_TAILS = ("妈妈", "不吃辣", "听黑胶", "在路上", "的猫", "爱买碟", "2000", "_official", "🌸", "同学", "呀")
# What people really type: separators, quotes and signs that spreadsheets take for formulas.
ODD_NICKNAMES = ("{0},{1}", '"{0}"{1}', "@{0}", "-{0}-", "+{0}", "{0} {1}", "{0}'s {1}")

_PHONE_SPACE = 10**8
_PHONE_STEP = 48_271_003
_PHONE_START = 20_260_101


def make_phone(number: int) -> str:
    """The ``number``-th fictitious phone, different for every number below 100 million.

    154 is the one prefix between 150 and 159 that was given to no operator, so the number looks
    right, passes every check, and can never ring.
    """
    # The step has no factor in common with the space: the walk meets every number once.
    return f"154{(number * _PHONE_STEP + _PHONE_START) % _PHONE_SPACE:08d}"


def make_name(rng: Random, *, female: bool, birth_year: int, rare: bool) -> str:
    """A full name in Chinese order, in the fashion of the birth year."""
    compound = rng.random() < COMPOUND_SHARE
    surname = rng.choice(COMPOUND_SURNAMES) if compound else rng.choices(SURNAMES, SURNAME_WEIGHTS)[0]
    if rare:
        return surname + rng.choice(RARE_GIVEN_NAMES)
    for born_before, women, men in GIVEN_NAMES:
        if birth_year < born_before:
            return surname + rng.choice(women if female else men)
    raise ValueError(f"no given names for people born in {birth_year}")


def make_nickname(rng: Random, name: str) -> str:
    """What the shop has on file for a person: mostly the name, sometimes something else."""
    dice = rng.random()
    if dice < 0.82:
        return name
    head, tail = rng.choice(NICKNAME_HEADS), rng.choice(NICKNAME_TAILS)
    if dice < 0.98:
        return head + tail
    return rng.choice(ODD_NICKNAMES).format(head, tail)
