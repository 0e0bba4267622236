"""What stands in the transfer ledgers, Chinese and English, beside labels of fields and words of documents."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "out_title": ("出场台账", "Loads out"),
    "in_title": ("进场台账", "Loads in"),
    "coming_title": ("未到场", "Not arrived"),
    "sums_title": ("合计", "Sums"),
    "open_title": ("未决问题", "Open questions"),
    "n": ("序号", "No."),
    "by_sender": ("移出经办人", "Sender"),
    "by_supervisor": ("监理签字人", "Supervisor"),
    "by_driver": ("起运签字人", "Departure signed by"),
    "by_taker": ("接收经办人", "Received by"),
    "ended_at": ("接收（拒收、退回）时间", "Received, rejected or returned at"),
    "out_ticket": ("出场过磅单号", "Ticket out"),
    "out_gross": ("出场毛重", "Gross out"),
    "out_tare": ("出场皮重", "Tare out"),
    "out_net": ("出场净重", "Net out"),
    "in_ticket": ("进场过磅单号", "Ticket in"),
    "in_gross": ("进场毛重", "Gross in"),
    "in_tare": ("进场皮重", "Tare in"),
    "in_net": ("进场净重", "Net in"),
    "judged": ("允差判断", "Against tolerance"),
    "within": ("允差内", "within"),
    "beyond": ("超允差", "beyond"),
    "not_comparable": ("不能比：一侧重量未知", "cannot say: one weight is not known"),
    "open": ("未决问题数", "Open questions"),
    "factor": ("碳因子", "Carbon factor"),
    "carbon": ("运输碳排放", "Carbon of haulage"),
    "sum_by": ("按", "By"),
    "by_total": ("全部", "all"),
    "by_plan": ("转运计划", "plan"),
    "by_lot": ("土方单元", "soil lot"),
    "by_receiver": ("接收单位", "receiver"),
    "by_vehicle": ("车辆", "vehicle"),
    "by_day": ("日期", "day"),
    "sum_name": ("名称", "Name"),
    "sum_loads": ("车次", "Loads"),
    "sum_out": ("出场", "Out"),
    "sum_came": ("接收", "Received"),
    "sum_back": ("退回", "Back"),
    "at_least": ("{what}至少", "{what}, at least"),
    "at_most": ("{what}至多", "{what}, at most"),
    "no_bound": ("不知道", "not known"),
    "sum_unknown": ("不知道的", "What is not known"),
    "question": ("问题", "Question"),
    "question_kind": ("性质", "Kind"),
    "question_code": ("代码", "Code"),
    "waits": ("等环节到齐", "waits for legs to come"),
    "asks": ("须查问", "somebody has to ask"),
    "unheard": ("未上传的设备", "Devices not heard"),
    "about_coming": ("{n} 车已出场、未见到场，另列一表", "{n} loads left and are not seen to arrive; they stand on a sheet of their own"),
    "about_open": ("{n} 条，逐条列出", "{n}, one a row"),
    "about_tolerance": ("进出净重之差不超过 {pct} % 或 {t} t（取大）为允差内；本项目设定", "net in and out may differ by {pct} % or {t} t, whichever is more; set for this project"),
    "about_sums": ("有重量未知或环节未到时为区间，至少与至多不等；作废的不计，拒收、退回的计入退回",
                   "intervals where a weight is not known or a leg has not come; voided loads do not count, rejected and returned ones count as back"),
    "about_unheard": ("{who}：可能还有联单没有上传", "{who}: may hold loads nobody here knows of"),
}  # fmt: skip

LANGS = ("zh", "en")


def say(lang: str, key: str, **parts: object) -> str:
    """A missing word raises KeyError: a test meets it, not a person."""
    text = WORDS[key][LANGS.index(lang)]
    return text.format(**parts) if parts else text
