"""Judges an evidence package (format: `rules.package`, in words: docs/evidence.md): what is proved, what is only claimed, what
cannot be known, and every fault, named. Pure: whoever opens the file hands it over as names and bytes (`Source`).

The order: seal, files, keys, chains with their receipts and second chains, records, photos, decisions, counts. Nothing raises but
`Unreadable`, for what is no package at all.
"""

from __future__ import annotations

from schemas import canonical
from schemas.rules.judging.chains import judge_chains
from schemas.rules.judging.court import Court, Source, Unreadable, hashed
from schemas.rules.judging.photos import judge_decisions, judge_photos
from schemas.rules.judging.reading import signed_by, strict64
from schemas.rules.judging.records import judge_records
from schemas.rules.judging.verdict import Verdict, fingerprint, verdict_of
from schemas.rules.judging.words import FAULTS, TOLD, Finding, finding
from schemas.rules.package import (
    COUNTS,
    DECISIONS,
    FORMAT,
    INDEX,
    KEYS,
    KIND,
    NAMES,
    PACKAGE,
    PHOTOS,
    RECORDS,
    SEAL,
    Keys,
    Package,
    seal_message,
)

__all__ = ["FAULTS", "TOLD", "Finding", "Source", "Unreadable", "Verdict", "judge"]


def judge(source: Source, server_key: str | None = None) -> Verdict:
    """`server_key`: the fingerprint the server's key must have (as the tablet and `jingtu` show it), or the key itself.

    Raises Unreadable where there is no package to judge."""
    court = Court(source)
    for code, file, byte, parts in source.faults:
        court.say(code, file, byte, None, **parts)
    try:
        court.package = _package(court)
    except Unreadable as err:
        raise Unreadable(court.found[0] if source.faults else err.found) from None  # the container's fault comes first
    compared = _seal(court, server_key)
    _files(court)
    _keys(court)
    judge_chains(court)
    judge_records(court)
    judge_photos(court)
    judge_decisions(court)
    _counts(court)
    return verdict_of(court, compared)


def _package(court: Court) -> Package:
    if court.source.size(PACKAGE) is None:
        raise Unreadable(finding("file.missing", PACKAGE))
    data = court.whole(PACKAGE)
    if data is None:
        raise Unreadable(court.found[-1])
    value = court.json(data, PACKAGE, 1)
    if value is None:
        raise Unreadable(court.found[-1])
    if value.get("kind") != KIND or value.get("format") != FORMAT:
        found, wanted = f"{value.get('kind')} {value.get('format')}", f"{KIND} {FORMAT}"
        raise Unreadable(finding("package.version", PACKAGE, found=found, wanted=wanted))
    package = court.formed(value, Package, PACKAGE, 1)
    if package is None:
        raise Unreadable(court.found[-1])
    if canonical.dumps(value) != data:
        court.say("file.form", PACKAGE, 1, line=1, what=("不是规范的 JSON", "not canonical JSON"))
    return package


def _seal(court: Court, wanted: str | None) -> bool:
    """Is every byte before the comment what the server sealed? Returns whether the key was compared, and is the one given."""
    p, parts = court.package, court.source.comment.decode("ascii", "replace").split(" ")
    court.key_is_written_right(p.server_key, PACKAGE)
    if len(parts) != 3 or parts[0] != SEAL or not strict64(parts[1], 32) or not strict64(parts[2], 64):
        court.say("seal.missing", "")
    elif parts[1] != p.server_key:
        court.say("seal.key", "")
    elif not signed_by(p.server_key, seal_message(court.source.whole), parts[2]):
        court.say("seal.signature", "")
    if wanted is None:
        return False
    plain = "".join(c for c in wanted if c not in " :-\t").lower()
    found = fingerprint(p.server_key)
    if wanted.strip() == p.server_key or plain == found:
        return True
    court.say("server_key.other", PACKAGE, found=found, wanted=wanted.strip())
    return False


def _files(court: Court) -> None:
    """Every file is named, and is what package.json says it is; what nothing refers to is not there."""
    p, source = court.package, court.source
    names = list(source.names())
    if not names or names[-1] != PACKAGE:
        court.say("file.order", PACKAGE)
    used = {KEYS, RECORDS, DECISIONS, PHOTOS, INDEX}
    for chain in p.chains:
        for folder, named in (("chains/", chain.file), ("receipts/", chain.receipts), ("forks/", chain.forks)):
            if named is not None:
                if named in used or not named.startswith(folder):
                    court.say("file.name", named)
                used.add(named)
    for name in {*names, *p.files, *used} - {PACKAGE}:
        if not NAMES.fullmatch(name):
            court.say("file.name", name)
        if name not in p.files or (name not in used and not name.startswith(("photos/", "pages/"))):
            court.say("file.unexpected", name)
    for name in sorted({*p.files, *used} - set(names)):
        court.say("file.missing", name)
    for name, said in p.files.items():
        size = source.size(name)
        if size is None:
            continue
        if size != said.size:
            court.say("file.size", name, found=size, wanted=said.size)
        court.hashes[name] = hashed(source, name)
        if court.hashes[name] != said.sha256:
            court.say("file.hash", name)


def _keys(court: Court) -> None:
    data = court.whole(KEYS)
    value = None if data is None else court.json(data, KEYS, 1)
    keys = None if value is None else court.formed(value, Keys, KEYS, 1)
    if keys is None:
        return
    if canonical.dumps(value) != data:
        court.say("file.form", KEYS, 1, line=1, what=("不是规范的 JSON", "not canonical JSON"))
    if keys.server_key != court.package.server_key:
        court.say("key.server", KEYS)
    seen: set[str] = set()
    for n, e in enumerate(keys.enrolments, 1):
        if e.enrolment in court.keys or e.public_key in seen:
            court.say("key.twice", KEYS, n, e.enrolment)
        if not strict64(e.public_key, 32):
            court.say("key.form", KEYS, n, e.enrolment)
        seen.add(e.public_key)
        court.keys[e.enrolment] = e
        if e.state != "enrolled":
            court.say("told.revoked", KEYS, n, e.enrolment)


def _counts(court: Court) -> None:
    """Photos that nothing on the list is about are too many; the numbers are those that were counted."""
    for name in court.source.names():
        if name.startswith("photos/") and name not in court.used:
            court.say("file.unexpected", name)
    court.counts["chains"] = len(court.package.chains)
    said = court.package.counts
    for name in sorted({*COUNTS, *said}):
        if name not in COUNTS or said.get(name) != court.counts[name]:
            court.say("package.counts", PACKAGE, name=name, wanted=said.get(name, "-"), found=court.counts[name])
