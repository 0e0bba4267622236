"""Records as a site makes them, seeded: ids, numbers and words at random, in realistic shares and sizes.

    for type, record, values in records(Places(...), seed=1, count=10_000): …

A tenth are points, half XRF and PID readings on them, a quarter samples, the rest boreholes and soil layers; parents come
before their children. On average a change of one has about 950 bytes. Everything that 完成 asks for is there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

Values = dict[str, Any]
CHINA = timezone(timedelta(hours=8))
ELEMENTS = ("Cd", "Pb", "Zn", "Cu", "Ni", "As", "Cr", "Hg", "Sb", "Co", "V")
GROUPS = ("metal", "hg", "as", "cr6", "voc", "svoc", "pah", "pcb", "ocp", "ph")
TEXTURES = ("misc_fill", "plain_fill", "silt", "silty_clay", "clay", "silty_sand", "fine_sand", "medium_sand", "gravel")
WINDS = ("东风", "东南风", "南风", "西南风", "西北风", "北风", "微风")
RIGS = ("Geoprobe 7822DT", "Geoprobe 6712DT", "AMS 9500", "QY-60L", "XY-100")
COLOURS = ("dark_brown", "dark_grey", "brown", "grey", "red_brown", "yellow_brown", "yellow", "blue_grey", "mottled")
WORDS = [
    "杂填土",
    "粉质黏土",
    "灰褐色",
    "稍湿",
    "可塑",
    "含砖渣",
    "有异味",
    "局部油渍",
    "植物根系",
    "地表积水",
    "靠近管廊",
    "混凝土已破除",
    "钻机移位",
    "雨后",
    "复测",
    "设备正常",
    "现场平行",
]
# one by one: what people type is no chain of stock phrases, and must not compress as if it were
CHARACTERS = (  # 256, some of them twice
    "点位东南西北侧约米处见管线井沟渠道路墙角厂房车间仓库罐区池槽堆料场地表水泥混凝土砖块碎石沙砾黏粉质填层厚"
    "薄湿干硬软松密色灰黑褐黄红绿白斑纹油膜味臭刺激性气体测值偏高低稳定波动仪器校准复核重新取样平行编号标签瓶"
    "袋箱封条冷藏温度时间上午下午雨后风大晴阴雾人员到齐交接签字照片补拍钻孔深度终见基岩初见潜水位回填膨润封套"
    "拔出断裂卡钻移偏离障碍物树根草皮积清理围挡警戒线安全帽手套口罩记录完成未另行通知业主监理同意变更方案依据"
    "说明原因待定检查合格退回深浅大小长宽内外前后左右上下早晚新旧清浊滑粗细匀碎裂缝孔隙铁锈铅锌铜镉铬"
)
BEGAN = datetime(2026, 11, 2, 8, tzinfo=CHINA)


class Places(NamedTuple):
    """What the records refer to and what must be there before them."""

    site: str
    instruments: tuple[str, ...]
    people: tuple[str, ...]


def uuid7(rng: random.Random, ms: int) -> str:
    """A UUID of version 7 for a time in milliseconds since 1970."""
    text = f"{ms:012x}7{rng.getrandbits(12):03x}{8 + rng.getrandbits(2):x}{rng.getrandbits(60):015x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Maker:
    def __init__(self, places: Places, seed: int, first: int = 0) -> None:
        self.rng, self.places = random.Random(seed), places
        self.at, self.n = BEGAN, first
        self.points: list[str] = []
        self.holes: list[str] = []

    def id(self) -> str:
        return uuid7(self.rng, int(self.at.timestamp() * 1000))

    def time(self) -> str:
        return self.at.isoformat(timespec="seconds")

    def number(self, low: float, high: float, places: int) -> str:
        return f"{self.rng.uniform(low, high):.{places}f}"

    def words(self, n: int) -> str:
        """`n` words, a quarter of them of a site's vocabulary, the others 2 to 5 characters at random."""
        rng, made = self.rng, []
        for _ in range(n):
            draw = rng.random()
            if draw < 0.25:
                made.append(WORDS[int(draw * 4 * len(WORDS))])
            else:
                made.append("".join([CHARACTERS[b] for b in rng.randbytes(int(2 + (draw - 0.25) * 16 / 3))]))
        return "，".join(made)

    def person(self) -> str:
        return self.rng.choice(self.places.people)

    def one(self) -> tuple[str, str, Values]:
        """The next record: (type, id, values)."""
        self.n += 1
        self.at += timedelta(seconds=self.rng.randint(5, 90))
        draw = self.rng.random()
        if draw < 0.10 or not self.points:
            return self.point()
        if draw < 0.14 or not self.holes:
            return self.borehole()
        if draw < 0.25:
            return self.layer()
        return self.sample() if draw < 0.50 else self.reading()

    def point(self) -> tuple[str, str, Values]:
        rng, record = self.rng, self.id()
        self.points.append(record)
        fix = {"lon": self.number(118.7, 118.9, 7), "lat": self.number(31.9, 32.1, 7), "h_acc_m": self.number(0.01, 2.5, 2),
               "elevation_m": self.number(4, 60, 2), "fix_kind": rng.choice(["rtk_fixed", "single"]), "at": self.time()}  # fmt: skip
        return "point", record, {
            "code": f"S{self.n:06d}", "site_id": self.places.site, "outcome": "done", "position": fix,
            "weather": rng.choice(["sunny", "cloudy", "overcast"]), "air_temp_c": self.number(-5, 38, 1), "wind": f"{rng.choice(WINDS)} {rng.randint(1, 5)} 级",
            "surface_kind": self.words(3), "samplers": rng.sample(self.places.people, 2), "started_at": self.time(),
            "ended_at": (self.at + timedelta(minutes=40)).isoformat(timespec="seconds"), "note": self.words(rng.randint(4, 12)),
        }  # fmt: skip

    def borehole(self) -> tuple[str, str, Values]:
        record, point = self.id(), self.rng.choice(self.points[-20:])
        self.holes.append(record)
        return "borehole", record, {
            "point_id": point, "code": f"K{self.n:06d}", "rig": self.rng.choice(RIGS), "method": "direct_push", "diameter_mm": "83",
            "casing": True, "opened_at": self.time(), "depth_m": self.number(3, 12, 2), "end_reason": "target",
            "water_met": True, "first_water_m": self.number(0.5, 3, 2), "lead_id": self.person(), "recorder_id": self.person(),
            "checker_id": self.person(), "backfill": self.rng.choice(["bentonite", "cement", "well"]),
            "ended_at": (self.at + timedelta(minutes=self.rng.randint(50, 190))).isoformat(timespec="seconds"),
            "note": self.words(self.rng.randint(4, 12)),
        }  # fmt: skip

    def layer(self) -> tuple[str, str, Values]:
        rng, top = self.rng, self.rng.uniform(0, 8)
        return "soil_layer", self.id(), {
            "texture": rng.choice(TEXTURES), "colour": rng.choice(COLOURS), "moisture": rng.choice(["damp", "moist", "saturated"]),
            "density": rng.choice(["loose", "medium_dense", "plastic"]), "signs": [rng.choice(["none", "stain", "slag", "organic"])],
            "borehole_id": self.rng.choice(self.holes[-20:]), "layer_no": self.rng.randint(1, 12), "top_m": f"{top:.2f}",
            "bottom_m": f"{top + self.rng.uniform(0.2, 2):.2f}", "odour": "none", "sign_text": self.words(3),
            "note": self.words(self.rng.randint(6, 18)),
        }  # fmt: skip

    def reading(self) -> tuple[str, str, Values]:
        rng, top = self.rng, self.rng.uniform(0, 8)
        values: Values = {
            "point_id": rng.choice(self.points[-30:]), "method": "xrf", "instrument_id": rng.choice(self.places.instruments),
            "parameter": rng.choice(ELEMENTS), "depth_top_m": f"{top:.2f}", "depth_bottom_m": f"{top + 0.2:.2f}",
            "unit": "mg_kg", "sigma_1s": self.number(0.1, 9, 4), "live_time_s": self.number(30, 120, 1), "repeat_no": 1,
            "moisture_pct": str(rng.randint(5, 40)), "at": self.time(), "entry_way": "file", "source_row": self.n,
            "raw_text": f"{rng.getrandbits(80):020x} {self.words(2)}", "note": self.words(rng.randint(4, 14)),
        }  # fmt: skip
        if rng.random() < 0.08:
            return "field_reading", self.id(), {**values, "qualifier": "nd", "lod": self.number(1, 9, 2)}
        return "field_reading", self.id(), {**values, "qualifier": "eq", "value": self.number(2, 900, 4)}

    def sample(self) -> tuple[str, str, Values]:
        rng, top = self.rng, self.rng.uniform(0, 8)
        return "sample", self.id(), {
            "code": f"HX-{self.n:07d}", "kind": "ordinary", "medium": "soil", "point_id": rng.choice(self.points[-30:]),
            "depth_top_m": f"{top:.2f}", "depth_bottom_m": f"{top + 0.5:.2f}", "pick_reason": "surface",
            "groups": rng.sample(GROUPS, rng.randint(2, 5)), "collected_at": self.time(), "collected_by": [self.person()],
            "recorder_id": self.person(), "batch": f"{self.at:%Y%m%d}-1", "soil_tool": "shovel_wood", "appearance": "normal",
            "label_checked": True, "note": self.words(rng.randint(6, 16)),
        }  # fmt: skip


def records(places: Places, seed: int, count: int, first: int = 0) -> Iterator[tuple[str, str, Values]]:
    """(type, id, values) of `count` records, the same for the same seed. `first`: codes are counted on from here, so that
    two series have none in common."""
    make = Maker(places, seed, first)
    for _ in range(count):
        yield make.one()
