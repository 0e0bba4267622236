"""One record of a package for people: what it says, its photo, and how it came to be so, change by change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from schemas import change
from schemas.canonical import NotCanonical
from schemas.change import Change
from schemas.fields import fields_of
from schemas.problems import PROBLEMS
from schemas.records import TYPES
from schemas.rows import refs_of
from schemas.shown import fields_in_order
from schemas.wire import CONSOLE
from sync_server.proof.text import both, label_of, own, plain, size_of, title_of, type_words, value_of, when
from sync_server.store import DeviceKey, Journaled, Stored

PICTURES = ("jpg", "png", "webp")
SECOND = "fork"  # what stands for an outcome where there is none: a line of a cloned device's other chain
# a shape, and words: colour alone tells nothing on paper
OUTCOMES = {
    "applied": ("●", "已采用", "applied", "good"),
    "conflict": ("◆", "有冲突", "met a conflict", "clash"),
    "parked": ("▲", "在等待", "waits", "warn"),
    "rejected": ("■", "被拒绝", "rejected", "bad"),
    "again": ("○", "重复送来", "came again", "dim"),
    SECOND: ("■", "在另一条链上，没有采用", "on a second chain, never applied", "bad"),
}
PROOFS = {
    "proven": ("●", "设备签名", "signed by the device", "good"),
    "unproven": ("▲", "未证明", "unproven", "warn"),
    "server": ("○", "服务器所记", "by the server's word", "dim"),
}
SAID = {  # schemas.rules.exif.Facts
    "taken_at": ("拍摄时间", "taken at"), "gps_at": ("卫星时间", "time of the fix"), "longitude": ("经度 °", "longitude °"),
    "latitude": ("纬度 °", "latitude °"), "altitude_m": ("海拔 m", "altitude m"), "accuracy_m": ("精度 m", "accuracy m"),
    "bearing_deg": ("方位角 °", "bearing °"), "orientation": ("旋转标记", "orientation"), "camera": ("相机", "camera"),
    "software": ("软件", "software"), "width": ("宽 px", "width px"), "height": ("高 px", "height px"),
    "device": ("设备", "device"), "project": ("项目", "project"), "point": ("点位", "point"),
}  # fmt: skip
ROOT = (
    "\x00"  # stands for the way to the package's root, until it is known on which page a card stands; no text holds it
)
STEPS = 100  # changes of one record that are shown


class Bytes(NamedTuple):
    """What is known of a photo's file. `file`: its name in the package, None where the bytes are not here."""

    file: str | None
    size: int | None
    kind: str | None
    received_at: str | None
    by: str | None  # the enrolment that sent it, or the person
    exif: Mapping[str, Any]
    damaged: bool


class Drawing:
    """What every card needs to know. `numbers`: (scope, enrolment) → number of the chain's files."""

    def __init__(
        self,
        keys: Mapping[str, DeviceKey],
        numbers: Mapping[tuple[str, str], int],
        decisions: Mapping[str, Mapping[str, Any]],
        links: bool,
    ) -> None:
        self.keys, self.numbers, self.decisions, self.links = keys, numbers, decisions, links
        self.names: dict[str, str] = {}  # of what the cards at hand refer to

    def card(self, row: Stored, history: Sequence[Journaled], photo: Bytes | None, around: bool) -> str:
        """`around`: it is here only because what was chosen refers to it."""
        zh, en = type_words(row.type)
        title = title_of(row.type, row.values, self.names)
        void = f' <span class="tag bad">■ {both("已作废", "voided")}</span>' if row.values.get("deleted") else ""
        void += f' <span class="tag dim">○ {both("被引用", "referred to")}</span>' if around else ""
        picture = self._picture(photo) if photo else ""
        return (
            f'<article class="card" id="r-{escape(row.id)}"><h3><small>{both(zh, en)}</small> {own(title)}{void}</h3>'
            f"{picture}{self._table(row.type, row.values)}"
            f'<p class="id"><code>{escape(row.id)}</code> · seq {row.seq}</p>{self.history(row.type, history, row.values)}</article>'
        )

    def lone(self, type: str, record: str, history: Sequence[Journaled]) -> str:
        """Changes that are in no record: refused, or still waiting."""
        zh, en = type_words(type) if type else ("读不懂的内容", "contents that cannot be read")
        return (
            f'<article class="card"><h3><small>{both(zh, en)}</small> {both("没有进入记录", "in no record")}</h3>'
            f'<p class="id"><code>{plain(record or "—")}</code></p>{self.history(type, history, None)}</article>'
        )

    def _table(self, type: str, values: Mapping[str, Any]) -> str:
        fields = {f.name: f for f in fields_in_order(type)} if type in TYPES else {}
        order = [*(n for n in fields if n in values), *(n for n in values if n not in fields and n != "deleted")]
        rows = "".join(
            f"<tr><th>{label_of(fields.get(n), n)}</th><td>{value_of(fields.get(n), values[n], self.names, self.links)}</td></tr>"
            for n in order
        )
        return f"<table class=values>{rows}</table>"

    # --- photos ------------------------------------------------------------------------------------------------------

    def _picture(self, p: Bytes) -> str:
        if p.file is None:
            zh, en = (
                ("服务器上的文件已损坏，没有放进来", "the file on the server is damaged and was left out")
                if p.damaged
                else ("照片还没有送到服务器", "the photo had not reached the server")
            )
            return f'<p class="lack">▲ {both(zh, en)}</p>'
        href = escape(ROOT + p.file)
        received = f"{both('送到', 'received')} {when(p.received_at)}" if p.received_at else ""
        facts = " · ".join(x for x in (p.kind, size_of(p.size or 0), received) if x)
        rows = "".join(
            f"<dt>{both(*SAID[k]) if k in SAID else own(k)}</dt><dd>{own(_short(v))}</dd>" for k, v in p.exif.items()
        )
        said = (
            f'<div class="exif">{both("文件自己说", "what the file says of itself")}<dl>{rows}</dl></div>'
            if rows
            else ""
        )
        if p.kind not in PICTURES:
            return f'<p><a href="{href}" download>{both("附件", "attachment")}</a> {facts}</p>{said}'
        return (
            f'<figure><a href="{href}"><img src="{href}" decoding="async" alt="照片 · photo"></a>'
            f"<figcaption>{facts}</figcaption></figure>{said}"
        )

    # --- how it came to be so ----------------------------------------------------------------------------------------

    def history(self, type: str, lines: Sequence[Journaled], now: Mapping[str, Any] | None) -> str:
        steps = "".join(self._step(j, now) for j in lines[:STEPS])
        rest = f"<li>… +{len(lines) - STEPS}（chains/）</li>" if len(lines) > STEPS else ""
        return f'<ol class="steps">{steps}{rest}</ol>'

    def _step(self, j: Journaled, now: Mapping[str, Any] | None) -> str:
        c = read_line(j.line)
        verb = both("读不懂", "cannot be read") if c is None else _verb(c)
        tags = tag(OUTCOMES, j.outcome) + tag(PROOFS, j.proof)
        place = f"{'forks' if j.outcome == SECOND else 'chains'}/{self.numbers.get((j.scope, j.enrolment), '?')}.ndjson #{j.pos}"
        seq = f" · seq {j.seq}" if j.seq is not None else ""
        told = _told(j)
        return (
            f"<li><p><b>{verb}</b> {tags}</p><p>{self._who(j, c)}</p>"
            f'<p class="id">{both("送到服务器", "received")} {when(j.received_at)}{seq} · {plain(place)}</p>'
            f"{told}{self._decision(j)}{self._moved(c, j, now) if c else _raw(j.line)}</li>"
        )

    def _decision(self, j: Journaled) -> str:
        """What a person decided about a change that had to wait."""
        d = self.decisions.get(j.id)
        if d is None or j.outcome == SECOND:
            return ""
        what = both("采纳", "accepted") if d["accepted"] else both("不采纳", "declined")
        who = own(self.names.get(str(d["by"]), str(d["by"])[:8]))
        return f"<p>{both('决定', 'decided')}: {who} {what} · {when(d['at'])} · {own(d['reason'])}</p>"

    def _who(self, j: Journaled, c: Change | None) -> str:
        by = self.names.get(c.by, "") if c else ""
        if j.enrolment == CONSOLE:
            who = f"{own(by)} · " if by else ""
            return who + both("在服务器上", "on the server")
        key = self.keys.get(j.enrolment)
        name = self.names.get(key.person, "") if key else ""
        other = f" ({own(by or c.by)})" if c and key and c.by != key.person else ""
        at = f" · {both('设备时间', 'device time')} {plain(c.made_at['wall'])}{_drift(c)}" if c else ""
        return f"{own(name or '?')}{other} · {both('设备', 'device')} {own(key.device_code if key else '?')}{at}"

    def _moved(self, c: Change, j: Journaled, now: Mapping[str, Any] | None) -> str:
        fields = fields_of(TYPES[c.type]) if c.type in TYPES else {}
        names = [*(n for n in fields if n in c.after), *(n for n in c.after if n not in fields)]
        links = self.links and now is not None
        if c.creates:
            same = now is not None and all(now.get(n) == v for n, v in c.after.items())
            if same:
                return f'<p class="id">{both(f"{len(names)} 项，即上表所列", f"{len(names)} values, as in the table above")}</p>'
            rows = "".join(
                f"<tr><th>{label_of(fields.get(n), n)}</th><td>{value_of(fields.get(n), c.after[n], self.names, links)}</td></tr>"
                for n in names
            )
            return f'<table class="moved">{rows}</table>'
        rows = "".join(
            f"<tr><th>{label_of(fields.get(n), n)}</th><td><del>{value_of(fields.get(n), c.before.get(n), self.names, links)}</del>"
            f' <span aria-hidden="true">→</span> <ins>{value_of(fields.get(n), c.after[n], self.names, links)}</ins></td></tr>'
            for n in names
        )
        return f'<table class="moved">{rows}</table>'


def wanted(rows: Iterable[Stored], lines: Iterable[Journaled]) -> set[str]:
    """Ids whose names the cards of these want."""
    out = {id for r in rows for _, id in refs_of(r.type, r.values)}
    for j in lines:
        if (c := read_line(j.line)) is not None:
            out.add(c.by)
            if c.type in TYPES:
                out |= {id for part in (c.before, c.after) for _, id in refs_of(c.type, part)}
    return out


def tag(of: Mapping[str, tuple[str, str, str, str]], word: str) -> str:
    shape, zh, en, kind = of.get(word, ("?", word, word, "dim"))
    return f'<span class="tag {kind}">{shape} {both(zh, en)}</span> '


def read_line(line: bytes) -> Change | None:
    try:
        return change.decode(line)
    except NotCanonical:
        return None


def _verb(c: Change) -> str:
    if c.after.get("deleted") is True:
        return both("作废", "voided")
    return both("新建", "made") if c.creates else both("修改", "edited")


def _drift(c: Change) -> str:
    off = c.made_at.get("server_offset_ms")
    return f" ({both('钟差', 'clock off by')} {off / 1000:+.1f} s)" if off is not None and abs(off) >= 1000 else ""


def _told(j: Journaled) -> str:
    """Why it was not simply applied."""
    if not j.detail:
        return ""
    detail = json.loads(j.detail)
    parts = [p for p in (detail.get("zh"), detail.get("en")) if p]
    number = f"{j.problem} " if j.problem in PROBLEMS else ""
    return f'<p class="why">{number}{"<br>".join(own(p) for p in parts)}</p>' if parts else ""


def _raw(line: bytes) -> str:
    return f'<p class="why"><code>{plain(line[:300].decode("utf-8", "replace"))}</code> ({len(line)} bytes)</p>'


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
