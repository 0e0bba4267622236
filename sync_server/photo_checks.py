"""What `doctor` looks at in photos: records, rows and files compared, and every file read against the hash it is named by.

What is in question is noted inside the one view of the database; files are read after it has ended, because that may take hours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from sync_server.blobs.files import Files
from sync_server.blobs.shelf import Shelf
from sync_server.checks import Finding
from sync_server.photo_claims import untrue
from sync_server.store import ScopeRow, Store, Tx

AGAIN = (
    "用含照片的备份恢复；或在存有原照片的平板上写一份救援包（连同已交过的），再 jingtu bundle import",
    "restore a backup with photos; or write a rescue bundle, with what was acknowledged, on the tablet that has it, then jingtu bundle import",
)


class Photos(NamedTuple):
    """As the database has it: scope → hashes its photo records name, scope → hashes sent for it, all files there should be."""

    named: dict[str, set[str]]
    sent: dict[str, frozenset[str]]
    rows: frozenset[str]
    whole: bool  # of everything, not of one project
    untrue: dict[str, dict[str, list[str]]]  # scope → photo record → what its file says another of: time, place


def noted(tx: Tx, scopes: Collection[ScopeRow], whole: bool) -> Photos:
    ids = {s.id for s in scopes}
    named: dict[str, set[str]] = {}
    for scope, sha in tx.photos_named():
        if whole or scope in ids:
            named.setdefault(scope, set()).add(sha)
    sent = {s: tx.media_here(s) for s in sorted({*ids, *named})}
    rows = frozenset(tx.blob_hashes())
    if not whole:
        rows &= set().union(*named.values(), *sent.values())
    return Photos(named, sent, rows, whole, {s: dict(untrue(tx, s)) for s in sorted(named)})


def look_at_photos(photos: Photos, shelf: Shelf, store: Store, checked: Counter[str]) -> Iterator[Finding]:
    yield from _not_come(photos, checked)
    yield from _contradicted(photos)
    yield from _read_all(photos, shelf.files, checked)
    if photos.whole:
        yield from _left_over(photos, shelf, store)


def _not_come(photos: Photos, checked: Counter[str]) -> Iterator[Finding]:
    for scope, named in sorted(photos.named.items()):
        checked["photos named"] += len(named)
        if absent := named - photos.sent[scope]:
            yield _note(
                scope, f"照片未到 {len(absent)} 张（共 {len(named)} 张）", f"{len(absent)} of {len(named)} photos have not come",
                "在拍照的平板上同步；没有网络就写救援包", "sync the tablets that took them, or let them write a rescue bundle",
            )  # fmt: skip


def _contradicted(photos: Photos) -> Iterator[Finding]:
    for scope, found in sorted(photos.untrue.items()):
        for record, what in sorted(found.items()):
            zh = "和".join({"time": "时间", "place": "位置"}[w] for w in what)
            yield _finding(
                "note", scope, record, f"照片文件写的{zh}与记录不符", f"a photo's file says another {' and '.join(what)} than its record",
                "看原照片和记录；平板写的与文件不同，记录可能被改过", "look at the photo and its record: no tablet of ours writes them differently",
            )  # fmt: skip


def _read_all(photos: Photos, files: Files, checked: Counter[str]) -> Iterator[Finding]:
    for sha in sorted(photos.rows):
        checked["photo files"] += 1
        try:
            found = files.hash(sha)
        except FileNotFoundError:
            yield _error(sha, "照片文件不见了", "the file of a photo is gone")
        except OSError as err:
            yield _error(
                sha, f"照片文件读不出（{err.strerror}）", f"the file of a photo cannot be read ({err.strerror})"
            )
        else:
            if found != sha:
                yield _error(
                    sha,
                    "照片文件被改动或损坏：内容不是它名字里的哈希",
                    "the file of a photo is not what its name says: altered or damaged",
                )


def _left_over(photos: Photos, shelf: Shelf, store: Store) -> Iterator[Finding]:
    here, coming = set(shelf.files.all()), _uploads(shelf.uploads)
    with store.reading() as tx:  # as it is now: photos arrive while this goes on
        rows, uploads = set(tx.blob_hashes()), {u.id for u in tx.uploads()}
    if strays := here - rows:
        # nobody knows any more who sent them, so nobody could be shown them; sent again, they are taken as they are
        yield _note(
            "", f"{len(strays)} 个文件没有登记是谁传的（传到一半中断，或是备份之后传来的）", f"{len(strays)} files are not on record (cut off, or sent after the backup that was restored)",
            "无需操作：平板会再传一次，届时登记", "nothing to do: a tablet sends them again, and then they are on record",
        )  # fmt: skip
    if alone := photos.rows - set().union(*photos.named.values()):
        yield _note(
            "", f"{len(alone)} 个文件没有记录提到（记录还没到，或是草稿里的）", f"{len(alone)} files are named by no record (not come yet, or of drafts)",
            "无需操作：文件一直保留", "nothing to do: files are kept",
        )  # fmt: skip
    odd = _odd(shelf.files.folder) + sum(name.partition(".")[0] not in uploads for name in coming)
    if odd:
        yield _note(
            "", f"{odd} 个中断时留下的临时文件", f"{odd} temporary files left by what was cut off",
            "无需操作：重启服务器会清理上传的", "nothing to do: a restart clears those of uploads",
        )  # fmt: skip


def _odd(folder: Path) -> int:
    """Files that carry no hash as their name."""
    return sum(p.is_file() and not re.fullmatch(r"[0-9a-f]{64}", p.name) for p in folder.rglob("*"))


def _uploads(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir()] if folder.is_dir() else []


def _finding(severity: Literal["error", "note"], scope: str, about: str, *words: str) -> Finding:
    zh, en, remedy_zh, remedy_en = words
    return Finding("photo", severity, scope, about, zh, en, remedy_zh, remedy_en)


def _note(scope: str, *words: str) -> Finding:
    return _finding("note", scope, "", *words)


def _error(sha: str, zh: str, en: str) -> Finding:
    return _finding("error", "", sha, zh, en, *AGAIN)
