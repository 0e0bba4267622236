"""The photos: are their bytes those that the records name, and are all that are named on the list?"""

from __future__ import annotations

from schemas.rules.judging.court import Court, hashed
from schemas.rules.package import DECISIONS, PHOTOS, Decision, Photo


def judge_photos(court: Court) -> None:
    listed: set[str] = set()
    for n, photo in enumerate(court.listed(PHOTOS, Photo), 1):
        court.counts["photos"] += 1
        if photo.sha256 in listed:
            court.say("photo.twice", PHOTOS, n, photo.sha256)
        listed.add(photo.sha256)
        _bytes(court, n, photo)
        naming = sorted(court.photo_rows.get(photo.sha256, []))
        if not naming:
            court.say("photo.unnamed", PHOTOS, n, photo.sha256)
        elif sorted(photo.records) != naming:
            court.say("photo.records", PHOTOS, n, photo.sha256)
    for sha in sorted(court.photo_rows.keys() - listed):
        court.say("photo.unlisted", PHOTOS, None, sha)


def _bytes(court: Court, n: int, photo: Photo) -> None:
    name = photo.file or f"photos/{photo.sha256}.{photo.kind}"
    size = court.source.size(name)
    if not photo.there:
        court.counts["photos_missing"] += 1
        court.absent.append(photo.sha256)
        if size is not None:
            court.say("photo.there", PHOTOS, n, photo.sha256)
        court.say("told.photo", PHOTOS, n, photo.sha256)
        return
    court.used.add(name)
    if size is None or photo.file is None:
        court.say("photo.gone", PHOTOS, n, photo.sha256)
        return
    if photo.size is not None and photo.size != size:
        court.say("photo.size", PHOTOS, n, photo.sha256)
    made = court.hashes.get(name) or hashed(court.source, name)
    if made != photo.sha256 or name != f"photos/{photo.sha256}.{photo.kind}":
        court.say("photo.swapped", name, None, photo.sha256)
    else:
        court.present.add(photo.sha256)


def judge_decisions(court: Court) -> None:
    for n, decision in enumerate(court.listed(DECISIONS, Decision), 1):
        try:
            known = bytes.fromhex(decision.id.replace("-", "")) in court.ids
        except ValueError:
            known = False
        if not known:
            court.say("decision.unknown", DECISIONS, n, decision.id)
