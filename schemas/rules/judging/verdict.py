"""The judge's answer: what is proved, what is only claimed, what nobody can know from the package."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.rules import sealing
from schemas.rules.judging.court import ChainFacts, Court
from schemas.rules.judging.reading import strict64
from schemas.rules.judging.words import Finding
from schemas.wire import CONSOLE


class Said(NamedTuple):
    """One sentence, by its code."""

    code: str
    zh: str
    en: str


class Verdict(NamedTuple):
    faults: list[Finding]
    told: list[Finding]
    more: int  # findings that are counted but not kept
    proved: list[Said]
    claimed: list[Said]
    unknown: list[Said]
    package: dict[str, Any]  # what package.json says of itself
    fingerprint: str  # of the server's key
    compared: bool  # it is the one that was given
    chains: list[dict[str, Any]]
    photos: list[dict[str, Any]]
    counts: dict[str, int]

    @property
    def whole(self) -> bool:
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        lists = {k: [x._asdict() for x in getattr(self, k)] for k in ("faults", "told", "proved", "claimed", "unknown")}
        return {"whole": self.whole, **self._asdict(), **lists}


CLAIMED = (
    Said("claimed.time", "设备上的时间（钟可以拨；变更里的 made_at、照片的拍摄时间）", "times of the device (a clock can be turned): made_at of changes, when a photo was taken"),
    Said("claimed.position", "位置（GPS 可以伪造）", "positions (a receiver can be fed)"),
    Said("claimed.exif", "照片文件自己写的（EXIF）", "what a photo's file says of itself (EXIF)"),
    Said("claimed.person", "密钥属于谁、哪台设备：服务器登记时的说法", "whose key it is, and of which device: the server's word, from enrolment"),
    Said("claimed.server", "序号、结果的理由、收到时间、项目经理的决定、包的说明：服务器的说法（回执签过的结果和时间除外）", "seqs, reasons of outcomes, times of arrival, decisions, the package's own description: the server's word, but for what receipts sign"),
    Said("claimed.index", "index.html 只供人看，不作判断；以记录和变更为准", "index.html is for reading and is not judged; records and changes count"),
)  # fmt: skip
UNKNOWN = (
    Said("unknown.staged", "照片是不是摆拍，样品是不是取自那里", "whether a photo was staged, or a sample came from where it says"),
    Said("unknown.pin", "是不是本人操作（PIN 或平板可以借给别人）", "whether the person worked the tablet, or lent it with its PIN"),
    Said("unknown.unrecorded", "从来没有记录的事", "what was never recorded"),
    Said("unknown.left_out", "服务器有没有整条链不给、只给到某一条、把同一记录的后续变更隐去、改了自己签的结果：与平板上的回执比对才知道", "whether the server left out a whole chain or its end, hid later changes of a record, or altered what it alone signs: only a tablet's own receipts tell"),
    Said("unknown.key", "设备的公钥是不是平板里的那一把：与平板比对才知道", "whether a device's public key is the one inside the tablet: only the tablet tells"),
)  # fmt: skip
NOT_COMPARED = Said(
    "unknown.server_key",
    "服务器密钥是不是真的：用 --server-key 给出平板“最近签收”里的指纹来比对",
    "whether the server's key is genuine: give the fingerprint a tablet shows under its receipts with --server-key",
)


def verdict_of(court: Court, compared: bool) -> Verdict:
    p = court.package
    faults = [f for f in court.found if f.severity == "fault"]
    told = [f for f in court.found if f.severity == "told"]
    return Verdict(
        faults=faults, told=told, more=court.more, proved=_proved(court, compared), claimed=list(CLAIMED),
        unknown=[*UNKNOWN, *([] if compared else [NOT_COMPARED])],
        package=p.model_dump(exclude={"files", "chains"}), fingerprint=fingerprint(p.server_key), compared=compared,
        chains=[_chain(court, facts) for facts in court.chains], photos=_photos(court), counts=dict(court.counts),
    )  # fmt: skip


def fingerprint(key: str) -> str:
    """Of a key that may be none: then it has no name, and `key.form` says so."""
    return sealing.fingerprint(key) if strict64(key, 32) else "?"


def _proved(court: Court, compared: bool) -> list[Said]:
    out: list[Said] = []
    fp = fingerprint(court.package.server_key)
    container = ("zip.", "seal.", "file.", "package.")
    if not any(code.startswith(container) for code in court.codes):
        out.append(Said("proved.sealed", f"从封存到现在一个字节也没有变（服务器密钥 {fp}）", f"not a byte has changed since the server sealed it (its key: {fp})"))  # fmt: skip
    if compared:
        out.append(Said("proved.server_key", "服务器密钥就是给定的那一把", "the server's key is the one given"))
    for facts in court.chains:
        if facts.sound and facts.signed and facts.enrolment in court.keys:
            out += _signed(court, facts)
    sound = not any(code.startswith(("record.", "chain.", "head.", "line.", "file.", "key.")) for code in court.codes)
    n = court.counts["records"]
    if sound and n and not court.codes["told.type"]:
        out.append(Said("proved.records", f"{n} 条记录正是各自的变更依次得出的结果", f"{n} records are exactly what their changes make, in order"))  # fmt: skip
    by_device = sum(1 for photo in _photos(court) if photo["here"] and photo["signed"])
    if court.present:
        out.append(Said(
            "proved.photos", f"{len(court.present)} 张照片的字节正是记录指名的，其中 {by_device} 张由设备签名的变更指名",
            f"{len(court.present)} photos are byte for byte those the records name, {by_device} of them by changes a device signed",
        ))  # fmt: skip
    return out


def _signed(court: Court, facts: ChainFacts) -> list[Said]:
    e = court.keys[facts.enrolment]
    key, n = sealing.fingerprint(e.public_key), len(facts.odd)
    who = f"{e.person_name} · {e.device_code}"
    but = (f"，其中 {n} 条的链已断，不能证明", f", but for {n} whose chain was broken") if n else ("", "")
    out = [Said(
        "proved.signed",
        f"{facts.file}：第 1 到 {facts.signed} 条的内容和次序由设备密钥 {key} 签名（{who}）{but[0]}；显示 {facts.shown} 条",
        f"{facts.file}: contents and order of positions 1 to {facts.signed} are signed by device key {key} ({who}){but[1]}; {facts.shown} shown",
    )]  # fmt: skip
    if facts.acknowledged:
        times = sorted(at for _, _, at, _ in facts.acknowledged)
        out.append(Said(
            "proved.acknowledged",
            f"{facts.file}：服务器签了 {len(times)} 份回执，按服务器的钟在 {times[0]} 到 {times[-1]}",
            f"{facts.file}: the server signed {len(times)} receipts, by its clock from {times[0]} to {times[-1]}",
        ))  # fmt: skip
    return out


def _chain(court: Court, facts: ChainFacts) -> dict[str, Any]:
    e = court.keys.get(facts.enrolment)
    whose = {} if e is None else {
        "person": e.person, "person_name": e.person_name, "device": e.device, "device_code": e.device_code,
        "key": e.public_key, "fingerprint": sealing.fingerprint(e.public_key) if strict64(e.public_key, 32) else None,
    }  # fmt: skip
    return {
        "scope": facts.scope, "enrolment": facts.enrolment, "file": facts.file, **whose,
        "made_on_server": facts.enrolment == CONSOLE, "sound": facts.sound, "positions": facts.positions,
        "shown": facts.shown, "hidden": facts.hidden, "unproven": len(facts.odd), "signed_up_to": facts.signed,
        "outcomes": dict(facts.outcomes),
        "acknowledged": [dict(zip(("first", "last", "at", "receipt"), a, strict=True)) for a in sorted(facts.acknowledged)],
    }  # fmt: skip


def _photos(court: Court) -> list[dict[str, Any]]:
    """Each photo: whether its bytes are here, which change of which chain named it, and whether a device's signature holds there."""
    out = []
    for sha in sorted({*court.photo_rows, *court.present, *court.absent}):
        named = [
            {"record": record, "file": court.chains[chain].file, "pos": pos, "signed": _holds(court.chains[chain], pos)}
            for record, chain, pos in court.photo_made.get(sha, [])
        ]
        signed = any(n["signed"] for n in named)
        out.append({"sha256": sha, "here": sha in court.present, "signed": signed, "named_by": named})
    return out


def _holds(facts: ChainFacts, pos: int) -> bool:
    return facts.sound and pos not in facts.odd and pos <= facts.signed
