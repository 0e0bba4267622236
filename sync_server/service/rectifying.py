"""What a party reports about its own findings (service/owned.py says which they are): records in the person's name, with photos.

They are written through the scope's console chain, as every edit on a page; the role itself reads and writes nothing there (access.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple

from schemas import change
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import check
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.photo import Photo
from schemas.rules import rectify
from sync_server.service.base import Caller, Write
from sync_server.service.owned import ACTION, AFTER, PHOTO, Held, Own, Owned
from sync_server.service.planning import refused
from sync_server.service.uploads import OTHER, safe_name
from sync_server.store import Tx, Values

MOST_PHOTOS = 6  # of one report
MOST_BYTES = 40_000_000  # of one photo
AHEAD = timedelta(minutes=5)  # clocks of people run fast
PIECE = 1 << 20
_WRITES = frozenset({ACTION, PHOTO})


class Given(NamedTuple):
    """A photo that was handed in. `live`: taken in the page by the browser's camera, else a file; `at`, `position`, `bearing`: as the page
    told them; `ghost`: the photo before that it was taken over."""

    file: BinaryIO
    name: str
    live: bool = False
    at: datetime | None = None
    position: Values | None = None
    bearing: str = ""
    ghost: str = ""


class Rectifying(Owned):
    # --- what a party reports ----------------------------------------------------------------------------------------

    def report_rectified(
        self, person: str, project: str, finding: str, id: str, said: Mapping[str, Any], given: Sequence[Given] = ()
    ) -> bool:
        """What was done about a finding, with photos after. `id`: of the new record, so that a report sent twice is one; `said`: `at`,
        `measure_taken`, `done`, perhaps `cost_yuan`. False: this very report was in already.

        Raises Trouble 2004; 3001 with the faults; 6450 (closed or sent on); 6451, 1301, 1307 (photos); 1102."""
        with self.store.reading() as tx:
            here = self._party_in(tx, person, project)
            own = self._party_one(tx, here, finding)
            if self._party_reported(tx, here, finding, id):
                return False
        values = {**said, "finding_id": finding, "reported_by": str(here.person.values.get("name") or "—")}
        self._party_fit(own, values, given)
        photos = self._party_taken_in(Caller(person), here.scope, own, id, given)
        with self.store.writing() as tx:
            tx.scope(here.scope, lock=True)
            here = self._party_in(tx, person, project)  # rights and state as they are now
            own = self._party_one(tx, here, finding)
            if self._party_reported(tx, here, finding, id):
                return False
            if not own.may_report:
                raise Trouble(6450, code=own.code)
            writes = [
                Write(ACTION, id, here.scope, values),
                *(Write(PHOTO, self.new_id(), here.scope, v) for v in photos),
            ]
            self._write_in(tx, person, here.scope, writes, _WRITES)
            tx.note(
                self.now(), person, "party_report", id, owner=project, record=finding, done=values["done"], photos=len(photos),
            )  # fmt: skip
        return True

    def _party_fit(self, own: Own, values: Values, given: Sequence[Given]) -> None:
        """Raises Trouble 6450, 3001, 6451."""
        if not own.may_report:
            raise Trouble(6450, code=own.code)
        faults = check(CorrectiveAction, values)
        if not faults and not str(values["measure_taken"]).strip():
            faults = [Fault("measure_taken", "写明做了什么", "Say what was done")]
        if not any(f.field == "at" for f in faults):
            at = datetime.fromisoformat(str(values["at"]))
            if at > self._clock() + AHEAD:
                faults.append(Fault("at", "整改时间晚于现在，核对日期", "This time is still to come: check the date"))
            elif rectify.day(at) < own.issued:
                faults.append(Fault("at", f"整改时间早于问题下达日 {own.issued}，核对日期",
                                    f"This is before the finding was issued ({own.issued}): check the date"))  # fmt: skip
        if faults:
            raise refused(faults)
        if len(given) > MOST_PHOTOS:
            raise Trouble(6451, limit=MOST_PHOTOS)

    def _party_taken_in(self, who: Caller, scope: str, own: Own, action: str, given: Sequence[Given]) -> list[Values]:
        """Files become blobs, each by the checks of every upload; the values of their photo records. Raises Trouble 1301, 1307, 1102."""
        before = {shot.id for shot in own.before}
        out: dict[str, Values] = {}
        for one in given:
            sha, size = self._party_upload(who, scope, one)
            said = self._party_said(sha)
            taken = one.at if one.live and one.at else _moment(said.get("taken_at"), self._clock()) or self._clock()
            values = {
                "sha256": sha, "step": AFTER, "subject_kind": ACTION, "subject_id": action, "bytes": size,
                "taken_at": taken.isoformat(timespec="seconds"), "position": one.position if one.live else None,
                "bearing_deg": (one.bearing or None) if one.live else None, "ghost_of": one.ghost if one.ghost in before else None,
                "source": "app_camera" if one.live else "file_import",
                "source_reason": "责任单位在网页上用浏览器拍摄" if one.live else "责任单位在网页上传", **_of_file(said),
            }  # fmt: skip
            values = {k: v for k, v in values.items() if v is not None}
            if faults := check(Photo, values):
                raise refused(faults)
            out.setdefault(sha, values)  # the same picture twice is one
        return list(out.values())

    def _party_upload(self, who: Caller, scope: str, one: Given) -> tuple[str, int]:
        """The hash and size of what was sent, once it is a blob sent for this scope by this person."""
        sum, size = sha256(), 0
        one.file.seek(0)
        while piece := one.file.read(PIECE):
            sum.update(piece)
            size += len(piece)
        if size > MOST_BYTES:
            raise Trouble(1301, size=size, limit=MOST_BYTES)
        name = safe_name(one.name) or "photo.jpg"
        row = self.begin_upload(who, sum.hexdigest(), size, name, scope)
        with closing(self.append_to(who, row.id, 0, size, None)) as work:
            one.file.seek(0)
            while piece := one.file.read(PIECE):
                self.write_upload(work, piece)
            try:
                if (
                    self._kind(work.path, name) == OTHER
                ):  # what poses as a picture and is none is refused by the check itself
                    zh, en = "不是 JPEG、PNG 或 WebP 照片", "it is no JPEG, PNG or WebP photo"
                    raise Trouble(1307, why={"zh": zh, "en": en})
            except Trouble:
                self._drop(row, work.path)
                raise
            self.end_upload(work, b"", False)
        return sum.hexdigest(), size

    def _party_said(self, sha: str) -> Mapping[str, Any]:
        try:
            return self.shelf.pictures.facts(self.shelf.files.path(sha))
        except Exception:  # the worker cannot be asked just now: nothing is known of what the file says
            return {}

    def _party_reported(self, tx: Tx, here: Held, finding: str, id: str) -> bool:
        """Is this very report in? Raises Trouble 2004 where the id is another record's."""
        known = tx.types_of([id]).get(id) if change.ID.match(id) else ("", "")
        if known is None:
            return False
        if known == (ACTION, here.scope):
            (row,) = tx.load(ACTION, [id])
            if row.values.get("finding_id") == finding and self._party_made_by(tx, id) == here.person.id:
                return True
        raise Trouble(2004)


def _moment(text: Any, now: datetime) -> datetime | None:
    """What a file says of when it was taken, as far as that can be: none from the future."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None and at <= now + AHEAD else None


def _of_file(said: Mapping[str, Any]) -> Values:
    """What the file itself says, as fields of its record."""
    out: Values = {}
    if said.get("taken_at"):
        out["file_taken_at"] = datetime.fromisoformat(said["taken_at"]).isoformat(timespec="seconds")
    if said.get("longitude") is not None and said.get("latitude") is not None:
        out["file_position"] = {"lon": f"{said['longitude']:.7f}", "lat": f"{said['latitude']:.7f}"}
        if said.get("accuracy_m") is not None:
            out["file_position"]["h_acc_m"] = f"{said['accuracy_m']:.2f}"
        if said.get("gps_at"):
            out["file_position"]["at"] = datetime.fromisoformat(said["gps_at"]).isoformat(timespec="seconds")
    return out
