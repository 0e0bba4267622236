"""index.html of an evidence package: what was chosen, what is proved, which keys and receipts there are. What proves anything are
the other files: the page says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from schemas.rules.package import Chain, Keys, Package
from schemas.rules.sealing import fingerprint
from schemas.wire import CONSOLE
from sync_server.proof.cards import OUTCOMES, PROOFS, tag
from sync_server.proof.course import Part, section
from sync_server.proof.page import PER_PAGE, Pages, document
from sync_server.proof.text import both, own, plain, type_words, when

CHAINS = 500  # chains the table lists


class Said(NamedTuple):
    """What the overview tells."""

    package: Package
    keys: Keys
    outcomes: Counter[str]
    proofs: Counter[str]
    spans: Mapping[str, tuple[int, str, str]]  # file of receipts → how many, when the first and the last were given
    course: Sequence[Part] = ()  # of an inspection


def overview(said: Said, pages: Pages, cards: Sequence[str]) -> Iterator[str]:
    p = said.package
    head, foot = document(f"{p.selection.label} · {p.project.name}")
    yield from (
        head,
        _head(said),
        _whole(said),
        section(said.course, bool(cards)),
        _proof(),
        _contents(pages, bool(cards)),
    )
    yield from cards
    yield from (_keys(said), _chains(said), _check(p), foot)


KINDS = {
    "project": ("整个项目", "whole project"),
    "point": ("点位", "point"),
    "inspection": ("检查", "inspection"),
}


def _head(said: Said) -> str:
    p = said.package
    zh, en = KINDS[p.selection.kind]
    rows: list[tuple[tuple[str, str], str]] = [
        (("项目", "Project"), own(p.project.name)),
        (("所选范围", "Selection"), f"{both(zh, en)} · {own(p.selection.label)}"),
        (("单位", "Organisation"), own(p.organisation.name)),
        (("导出时间", "Made at"), when(p.made_at)),
        (("导出人", "Made by"), own(p.made_by.name)),
        (("服务器密钥的指纹", "Server key's fingerprint"), f"<code>{fingerprint(p.server_key)}</code>"),
    ]
    body = "".join(f"<tr><th>{both(*label)}</th><td>{value}</td></tr>" for label, value in rows)
    return f'<header><p class="mark">净土外业 · Jingtu</p><h1>{both("证据包", "Evidence package")}</h1><table class="values">{body}</table></header>'


def _whole(said: Said) -> str:
    c, kind = said.package.counts, said.package.selection.kind
    figures = (
        ("记录", "records", c["records"]), ("变更", "changes", c["changes"]), ("隐去的变更", "hidden changes", c["hidden"]),
        ("照片", "photos", c["photos"]), ("没送到的照片", "photos not received", c["photos_missing"]),
        ("回执", "receipts", c["receipts"]),
    )  # fmt: skip
    boxes = "".join(f"<div><b>{n}</b>{both(zh, en)}</div>" for zh, en, n in figures)
    scope = {
        "project": ("项目内的全部内容，以及它用到的人员、设备、仪器等。隐去的只有本单位与本项目无关的变更。",
                    "Everything of the project, and the people, devices and instruments it uses. Hidden is only what the organisation has beside it."),
        "point": ("这个点位，以及附属于它的一切（钻孔、土层、读数、样品、照片、批注、检查等），也包括曾经属于它的；并有它们用到的方案、仪器、校准、人员。"
                  "同一条链上其他点位的变更只留哈希：看得出位置和顺序，看不出内容。",
                  "This point and all that hangs on it, or ever did; and the plan, instruments, calibrations and people these refer to. "
                  "Of other changes in the same chains only a hash is here: it shows place and order, not contents."),
        "inspection": ("这次检查，以及附属于它的一切（检查项、问题、整改、复查、照片、签字、批注等），它更正的和更正它的检查，它来自的任务；并有它们用到的地块、点位、单位、人员。其他变更只留哈希。",
                       "This inspection and all that hangs on it, those it amends or is amended by, and the task it came from; and the site, point, organisations and people these refer to. Of other changes only a hash is here."),
    }[kind]  # fmt: skip
    outcomes = "".join(f"<li>{tag(OUTCOMES, w)} {n}</li>" for w, n in sorted(said.outcomes.items()))
    proofs = "".join(f"<li>{tag(PROOFS, w)} {n}</li>" for w, n in sorted(said.proofs.items()))
    return (
        f'<section><h2>{both("里面有什么", "What is in it")}</h2><p>{both(*scope)}</p><div class="figures">{boxes}</div>'
        f'<ul class="plain">{outcomes}</ul><ul class="plain">{proofs}</ul></section>'
    )


def _proof() -> str:
    proved = (
        ("哪台设备的密钥签了哪些变更，按什么次序；服务器何时签收、结果是什么。",
         "Which device's key signed which changes, in which order; when the server acknowledged them, and what became of them."),
        ("照片的每个字节与记录里的哈希一致。", "Every byte of a photo fits the hash in its record."),
    )  # fmt: skip
    claimed = (
        ("设备时间、位置、照片里的拍摄时间：设备的说法。", "Device time, position, the time inside a photo: the device's own word."),
        ("密钥属于谁、哪个结果、在服务器上做的变更：服务器的说法。",
         "Whose key it is, the outcomes, and changes made on the server: the server's word."),
    )  # fmt: skip
    unknown = (
        ("照片是不是摆拍，是谁拿着设备、输的 PIN，没有录入的事。",
         "Whether a photo was staged, who held the device and typed the PIN, what nobody recorded."),
    )  # fmt: skip
    groups = (
        (("●", "能证明", "Proved", "good"), proved),
        (("▲", "只是声明", "Claimed", "warn"), claimed),
        (("○", "无法知道", "Cannot be known", "dim"), unknown),
    )
    parts = "".join(
        f'<div><h3><span class="tag {kind}">{shape} {both(zh, en)}</span></h3><ul>'
        f"{''.join(f'<li>{both(*line)}</li>' for line in lines)}</ul></div>"
        for (shape, zh, en, kind), lines in groups
    )
    note = both(
        "本页只供阅读，本身不是证明。证明在包里其他文件中，用 jingtu verify 核验。",
        "This page is for reading and proves nothing itself. The proof is in the other files of the package: check it with jingtu verify.",
    )
    return f'<section><h2>{both("证明了什么", "What is proved")}</h2><p class="note">{note}</p><div class="three">{parts}</div></section>'


def _contents(pages: Pages, here: bool) -> str:
    items = []
    for type, (n, page) in pages.groups.items():
        zh, en = type_words(type) if type else ("没有进入记录的变更", "Changes that are in no record")
        href = f"#t-{escape(type) or 'none'}" if here else f"pages/{page}.html#t-{escape(type) or 'none'}"
        items.append(f'<li><a href="{href}">{both(zh, en)}</a> {n}</li>')
    more = ""
    if pages.pages:
        numbers = " ".join(f'<a href="pages/{n}.html">{n}</a>' for n in range(1, min(pages.pages, 1000) + 1))
        said = both(
            f"记录较多，分在 {pages.pages} 页里，每页 {PER_PAGE} 条。",
            f"The records stand on {pages.pages} further pages, up to {PER_PAGE} on each.",
        )
        more = f"<p>{said}</p><p>{numbers}{' …' if pages.pages > 1000 else ''}</p>"
    return f'<section><h2>{both("记录", "Records")}</h2>{more}<ul class="plain">{"".join(items)}</ul></section>'


def _keys(said: Said) -> str:
    rows = "".join(
        f"<tr><td>{own(k.device_code)}</td><td>{own(k.person_name)}</td><td>{both(*STATES.get(k.state, (k.state, '')))}</td><td><code>{fingerprint(k.public_key)}</code><br><code class=id>{plain(k.public_key)}</code></td></tr>"
        for k in said.keys.enrolments
    )
    head = "".join(
        f"<th>{both(*h)}</th>"
        for h in (
            ("设备", "Device"),
            ("人员", "Person"),
            ("状态", "State"),
            ("指纹与公钥", "Fingerprint and public key"),
        )
    )
    return f'<section><h2>{both("设备与密钥", "Devices and keys")}</h2><div class="wide"><table class="grid"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>'


def _chains(said: Said) -> str:
    people = {k.enrolment: f"{k.device_code} · {k.person_name}" for k in said.keys.enrolments}
    rows = "".join(_chain(c, people, said) for c in said.package.chains[:CHAINS])
    more = len(said.package.chains) - CHAINS
    head = "".join(
        f"<th>{both(*h)}</th>"
        for h in (("链", "Chain"), ("谁的", "Whose"), ("范围", "Scope"), ("到第几条", "Up to"), ("回执", "Receipts"))
    )
    rest = f"<p>… +{more}（package.json）</p>" if more > 0 else ""
    return f'<section><h2>{both("链与回执", "Chains and receipts")}</h2><div class="wide"><table class="grid"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{rest}</section>'


STATES = {"enrolled": ("在用", "enrolled"), "revoked": ("已停用", "revoked")}
AUDIENCES = {
    "field": ("外业", "field"), "enforcement": ("执法检查", "inspections"), "transfer": ("转运", "transfer"),
    "organisation": ("单位", "organisation"),
}  # fmt: skip


def _chain(c: Chain, people: Mapping[str, str], said: Said) -> str:
    whose = both("服务器", "the server") if c.enrolment == CONSOLE else own(people.get(c.enrolment, c.enrolment))
    audience = c.scope.rpartition(".")[2]
    cloned = (
        f'<br><span class="tag bad">■ {both("设备被复制过", "cloned device")}</span> {plain(c.forks)}'
        if c.forks
        else ""
    )
    n, first, last = said.spans.get(c.receipts or "", (0, "", ""))
    got = f"{n}<br><small>{when(first)}<br>{when(last)}</small>" if n else "—"
    return (
        f"<tr><td>{plain(c.file)}{cloned}</td><td>{whose}</td><td>{both(*AUDIENCES.get(audience, (audience, audience)))}</td>"
        f"<td>{c.last}</td><td>{got}</td></tr>"
    )


def _check(p: Package) -> str:
    said = both(
        "在装有净土外业的电脑上运行（不需要服务器）：", "On any computer with Jingtu installed, without a server:"
    )
    more = both(
        "服务器密钥的指纹须从别处核对（单位公布的，或平板上显示的）。",
        "Compare the server key with one you had from elsewhere: as the organisation published it, or as a tablet shows it.",
    )
    return f'<footer><h2>{both("怎样核验", "How to check it")}</h2><p>{said}</p><pre>jingtu verify FILE.zip</pre><p>{more}</p><p class="id">epoch {plain(p.epoch)} · format {p.format} · {plain(p.app)}</p></footer>'
