"""`jingtu doctor`: is everything that the server holds still what it took in?

It looks at one consistent view while the server runs, and changes nothing; every photo is read against its hash. `mend`
recomputes what is derived from the journal and the rows (digests, heads, indexes of references and of what waits) and puts the
database's guards back; lines of the journal, values of rows, receipts and photos are evidence and are never touched.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from schemas.fields import Audience
from sync_server.checks import Finding, Looked, look_at
from sync_server.photo_checks import look_at_photos, noted
from sync_server.service import Service
from sync_server.store import ScopeRow, Tx, transfer
from sync_server.store.guards import GUARDED

MOST = 50  # findings of one kind in one scope that are told one by one


class Report(NamedTuple):
    checked: dict[str, int]  # what was looked at → how many
    findings: list[Finding]
    mended: list[Finding]
    seconds: float

    @property
    def open(self) -> list[Finding]:
        """What somebody has to do something about."""
        return [f for f in self.findings if f.severity != "note"]


class Doctor:
    def __init__(self, service: Service) -> None:
        self._service, self._store = service, service.store

    def look(self, owner: str | None = None) -> Report:
        """Of everything, or of one project (or organisation)."""
        started = time.monotonic()
        checked: Counter[str] = Counter()
        found: list[Finding] = []
        if owner is None:
            checked["database"] += 1
            found += [
                Finding(
                    "file",
                    "error",
                    "",
                    "",
                    f"数据库文件损坏：{f}",
                    f"the database file is damaged: {f}",
                    "停下服务器，用最近的备份恢复",
                    "stop the server and restore the latest backup",
                )
                for f in transfer.faults_of(self._store.engine)
            ]
        with self._store.reading() as tx:
            wanted = tx.scopes(owner)
            for scope in wanted:
                one = self._scope(tx, scope)
                checked.update(one.checked)
                found += _capped(one.findings)
            found += self._of_no_scope(tx, owner, checked)
            parked = [s.id for s in wanted if tx.has_parked(s.id)]
            photos = noted(tx, wanted, owner is None)
        found += self._could_go_in(parked)
        found += _capped(look_at_photos(photos, self._service.shelf, self._store, checked))
        checked["scopes"] = len(wanted)
        return Report(dict(checked), found, [], time.monotonic() - started)

    def mend(self, by: str, owner: str | None = None) -> Report:
        """Look, recompute what can be, look again. Each thing mended is in the audit log."""
        first = self.look(owner)
        mended: list[Finding] = []
        for scope_id in sorted({f.scope for f in first.findings if f.mend and f.scope}):
            with self._store.writing() as tx:
                scope = tx.scope(scope_id, lock=True)
                assert scope is not None
                mended += self._do(tx, by, self._scope(tx, scope).findings)
        if any(f.mend and not f.scope for f in first.findings):
            with self._store.writing() as tx:
                mended += self._do(tx, by, self._of_no_scope(tx, owner, Counter()))
        if not mended:  # no second reading of every photo for nothing
            return first
        again = self.look(owner)
        return again._replace(mended=mended, seconds=first.seconds + again.seconds)

    def _of_no_scope(self, tx: Tx, owner: str | None, checked: Counter[str]) -> Iterator[Finding]:
        if owner is None:
            yield from _guards(tx, checked)
            yield from _whole(tx, checked)
        yield from _numbers(tx, checked)

    def _do(self, tx: Tx, by: str, findings: Iterable[Finding]) -> list[Finding]:
        done = [f for f in findings if f.mend]  # all are looked for before any is mended
        for f in done:
            assert f.mend
            f.mend(tx)
            tx.note(self._service.now(), by, "mend", f.about or f.scope, check=f.check, scope=f.scope, zh=f.zh, en=f.en)
        return done

    def _scope(self, tx: Tx, scope: ScopeRow) -> Looked:
        keys = {k.enrolment: k for k in tx.device_keys()}
        return look_at(tx, scope, keys, self._service.server_key)

    def _could_go_in(self, scopes: Iterable[str]) -> Iterator[Finding]:
        for id in scopes:
            if moved := self._service.could_move(id):
                yield Finding(
                    "parked",
                    "warning",
                    id,
                    "",
                    f"{moved} 条待关联的变更已不缺什么，却没有入库",
                    f"{moved} parked changes lack nothing any more and are still out",
                    "重启服务器，启动时会再运行一遍",
                    "restart the server: it runs them again when it starts",
                )


def _capped(findings: Iterable[Finding]) -> Iterator[Finding]:
    told: Counter[str] = Counter()
    for f in findings:
        told[f.check] += f.severity != "note"
        if told[f.check] <= MOST or f.severity == "note":
            yield f
        last = f
    for check, n in told.items():
        if n > MOST:
            yield Finding(
                check,
                "error",
                last.scope,
                "",
                f"还有 {n - MOST} 处同类问题",
                f"{n - MOST} more of this kind",
                "同上",
                "as above",
            )


def _guards(tx: Tx, checked: Counter[str]) -> Iterator[Finding]:
    """Would the database itself refuse to change evidence?"""
    checked["guards"] += len(GUARDED)
    if without := tx.guards_missing():
        yield Finding(
            "guard",
            "error",
            "",
            ", ".join(without),
            f"数据库没有守住只增不改的表：{'、'.join(without)}",
            f"the database would let evidence be changed: {', '.join(without)}",
            "--repair 或重启服务器会装回；查明是谁拿掉的，用备份比对",
            "--repair or a restart puts its guards back; find out who took them away, compare with a backup",
            lambda tx: tx.put_guards(),
        )


def _whole(tx: Tx, checked: Counter[str]) -> Iterator[Finding]:
    """What belongs to no single scope."""
    scopes = tx.scopes()
    known = {s.id for s in scopes}
    for id in sorted(tx.row_scopes() - known):
        yield Finding(
            "scope",
            "error",
            id,
            "",
            f"有记录或变更属于不存在的数据范围 {id}",
            f"records or changes belong to a scope that does not exist: {id}",
            "与备份比对；不要手工改数据库",
            "compare with a backup; do not edit the database by hand",
        )
    owners = tx.types_of(s.owner for s in scopes)
    for s in scopes:
        want = "organisation" if s.audience == Audience.ORGANISATION else "project"
        if owners.get(s.owner, ("", ""))[0] != want:
            yield Finding(
                "scope",
                "error",
                s.id,
                s.owner,
                "数据范围没有对应的项目或单位",
                "a scope without its project or organisation",
                "与备份比对",
                "compare with a backup",
            )
    for project in tx.everywhere("project"):
        for audience in (Audience.FIELD, Audience.ENFORCEMENT, Audience.TRANSFER):
            if f"{project.id}.{audience.value}" not in known:
                yield Finding(
                    "scope",
                    "error",
                    f"{project.id}.{audience.value}",
                    project.id,
                    f"项目 {project.values.get('code')} 缺少数据范围",
                    f"project {project.values.get('code')} lacks a scope",
                    "与备份比对",
                    "compare with a backup",
                )
    checked["projects"] += len(tx.everywhere("project"))
    if (tx.setting("epoch") or "") not in tx.epochs():
        yield Finding(
            "epoch",
            "error",
            "",
            "",
            "数据纪元没有登记",
            "the data epoch is not on record",
            "用备份恢复一次会开始新的纪元",
            "a restore begins a new one",
        )


def _numbers(tx: Tx, checked: Counter[str]) -> Iterator[Finding]:
    """Numbers that tablets hold are given to nobody else."""
    blocks: dict[str, list[tuple[int, int, str]]] = {}
    for b in tx.everywhere("number_block"):
        blocks.setdefault(str(b.values["use"]), []).append((b.values["from_no"], b.values["to_no"], b.id))
    given = tx.numbers_given()
    for use, ranges in sorted(blocks.items()):
        checked["number blocks"] += len(ranges)
        ranges.sort()
        for (_, end, first), (start, _, second) in zip(ranges, ranges[1:], strict=False):
            if start <= end:
                yield Finding(
                    "numbers",
                    "error",
                    "",
                    second,
                    f"号段重叠（{use}，{start} 起）：{first}",
                    f"number blocks overlap ({use}, from {start}): {first}",
                    "核对用了这些编号的样品",
                    "check the samples that carry these numbers",
                )
        top = max(end for _, end, _ in ranges)
        if given.get(use, 1) <= top:
            yield Finding(
                "numbers",
                "error",
                "",
                use,
                f"{use} 的下一个编号 {given.get(use, 1)} 已发出过（到 {top}）",
                f"the next number of {use}, {given.get(use, 1)}, was handed out before (up to {top})",
                "--repair 会跳过它们",
                "--repair skips them",
                _skip(use, top + 1),
            )


def _skip(use: str, up_to: int) -> Callable[[Tx], None]:
    def mend(tx: Tx) -> None:
        given: Mapping[str, int] = tx.numbers_given()
        tx.raise_numbers(use, max(0, up_to - given.get(use, 1)))

    return mend
