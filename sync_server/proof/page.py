"""The records of an evidence package on pages for people: they open offline from the unpacked zip, need no script, ask for nothing.

Few records stand in index.html (`overview`); many are parted into pages/1.html and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import groupby, islice

from schemas.rules.package import INDEX
from sync_server.proof.archive import Archive
from sync_server.proof.cards import ROOT, SECOND, Bytes, Drawing, read_line, wanted
from sync_server.proof.choosing import Chosen, some_of
from sync_server.proof.style import STYLE
from sync_server.proof.text import both, plain, title_of, type_words
from sync_server.store import Journaled, Stored, Tx

PER_PAGE = 200  # records
AT_ONCE = 100  # records read together
POLICY = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Pages:
    """Fills pages with cards and writes each when it is full; the first is held back, for it may be the only one."""

    def __init__(self, archive: Archive, tx: Tx, chosen: Chosen, drawing: Drawing, photos: Mapping[str, Bytes]) -> None:
        self._archive, self._tx, self._chosen, self._drawing, self._photos = archive, tx, chosen, drawing, photos
        self._cards: list[str] = []
        self._held: list[str] | None = None
        self.pages = 0
        people = {key.person for key in drawing.keys.values()} | {str(d["by"]) for d in drawing.decisions.values()}
        self._people = self._titles(people)  # asked for by nearly every card
        self._here = 0  # cards on the page at hand
        # type ("" = in no record) → how many, on which page the first stands
        self.groups: dict[str, tuple[int, int]] = {}
        self._on_page: str | None = None

    def fill(self, rows: Iterable[Stored], tell: Callable[[int], None]) -> None:
        done = 0
        for of_type, group in groupby(rows, key=lambda r: r.type):
            while some := list(islice(group, AT_ONCE)):
                self._some(of_type, some)
                done += len(some)
                tell(done)
        self._lone()

    def _some(self, type: str, rows: Sequence[Stored]) -> None:
        shows, found = self._chosen.shows, self._tx.histories([r.id for r in rows])
        histories = {id: [j for j in lines if shows(j.scope, id)] for id, lines in found.items()}
        lines = [j for r in rows for j in histories.get(r.id, [])]
        self._name(wanted(rows, lines))
        for r in rows:
            photo = self._photos.get(str(r.values.get("sha256"))) if r.type == "photo" else None
            around = not self._chosen.whole and r.id in self._chosen.above
            self._add(type, self._drawing.card(r, histories.get(r.id, []), photo, around))

    def _lone(self) -> None:
        """Changes that made no record, and lines that cannot be read."""
        for scope in self._chosen.scopes:
            lines = (j for j in self._tx.unsettled(scope) if self._chosen.shows(scope, j.record))
            waiting: list[Journaled] = []
            for j in lines:
                waiting.append(j)
                if len(waiting) == AT_ONCE:
                    self._lone_of(waiting)
                    waiting = []
            self._lone_of(waiting)
            self._second(scope)

    def _second(self, scope: str) -> None:
        """What a cloned device's other chain says."""
        lines = []
        for f in self._tx.fork_lines(scope):
            c = read_line(f.line)
            if self._chosen.shows(scope, c.record if c else ""):
                proof = "proven" if f.claim else "unproven"
                lines.append(Journaled(scope, f.enrolment, f.pos, f.id, c.type if c else "", c.record if c else "", f.line, b"", proof,
                                       SECOND, None, None, None, f.received_at))  # fmt: skip
        for start in range(0, len(lines), AT_ONCE):
            some = lines[start : start + AT_ONCE]
            self._name(wanted([], some))
            for j in some:
                self._add("", self._drawing.lone(j.type, j.record, [j]))

    def _lone_of(self, lines: Sequence[Journaled]) -> None:
        there = self._tx.types_of([j.record for j in lines])
        left = [j for j in lines if j.record not in there]
        self._name(wanted([], left))
        for j in left:
            self._add("", self._drawing.lone(j.type, j.record, [j]))

    def _name(self, ids: set[str]) -> None:
        """Titles of what the next cards refer to, as far as it is in the package."""
        self._drawing.names = self._people | self._titles(ids - self._people.keys())

    def _titles(self, ids: set[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for some in some_of(ids):
            by_type: dict[str, list[str]] = {}
            for id, (type, scope) in self._tx.types_of(some).items():
                if self._chosen.shows(scope, id):
                    by_type.setdefault(type, []).append(id)
            for type, of in by_type.items():
                for row in self._tx.load(type, of):
                    names[row.id] = title_of(type, row.values, {}) or type_words(type)[0]
        return names

    def _add(self, type: str, card: str) -> None:
        if self._here >= PER_PAGE:
            self._turn()
        self._here += 1
        n, page = self.groups.get(type, (0, self.pages + 1))
        self.groups[type] = n + 1, page
        if type != self._on_page:
            zh, en = type_words(type) if type else ("没有进入记录的变更", "Changes that are in no record")
            self._cards.append(f'<h2 id="t-{escape(type) or "none"}">{both(zh, en)}</h2>')
            self._on_page = type
        self._cards.append(card)

    def _turn(self) -> None:
        self.pages += 1
        if self.pages == 1:
            self._held = self._cards
        else:
            self._flush()
        self._cards, self._here, self._on_page = [], 0, None

    def _flush(self) -> None:
        if self._held is not None:
            self._write(1, self._held, True)
            self._held = None
        self._write(self.pages, self._cards, True)

    def _write(self, n: int, cards: Sequence[str], further: bool) -> None:
        title = f"{self._chosen.selection.label} · {n}"
        before = f'<a href="{n - 1}.html">← {n - 1}</a>' if n > 1 else ""
        after = f'<a href="{n + 1}.html">{n + 1} →</a>' if further else ""
        nav = f'<nav><a href="../{INDEX}">{both("总览", "overview")}</a> {before} {after}</nav>'
        mark = f'<p class="mark">{plain(title)}</p>'  # on paper, too, where no link is
        with self._archive.entry(f"pages/{n}.html") as write:
            head, foot = document(title)
            for part in (head, mark, nav, *(c.replace(ROOT, "../") for c in cards), nav, foot):
                write(part.encode())

    def rest(self) -> list[str]:
        """The cards for the overview itself, where one page holds all; else the last page is written, and there are none."""
        if not self.pages:
            return [c.replace(ROOT, "") for c in self._cards]
        if self._cards:
            self.pages += 1
            if self._held is not None:
                self._write(1, self._held, True)
            self._write(self.pages, self._cards, False)
        return []


def document(title: str) -> tuple[str, str]:
    """What stands before and behind the contents of a page."""
    return (
        f'<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{plain(title)}</title><style>{STYLE}</style></head><body><main>",
        "</main></body></html>\n",
    )
