"""Photos as they were stored, in a zip without compression, and a list of all of them: also of those that have not come.

Every file is compared with its hash before it goes in; one the disk has damaged is listed as such and left out.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES
from sync_server.blobs.files import PIECE, Files
from sync_server.export.cells import Unique, file_name, is_number, local, moment, text_of
from sync_server.export.columns import Style
from sync_server.export.csv_file import cell, line, quoted
from sync_server.export.layers import About
from sync_server.export.parts import BOM, WHEN, as_text
from sync_server.export.words import say
from sync_server.photo_claims import differs
from sync_server.store import BlobRow, SourceRow, Stored

HASH_SHOWN = 8  # characters of the hash in a file's name
LIST = ("p_file", "p_state", "p_point", "p_subject", "p_step", "p_taken", "p_lon", "p_lat", "p_source", "p_against", "p_file_taken",
        "p_file_lon", "p_file_lat", "p_who", "p_received", "p_bytes", "p_sha", "p_caption", "deleted", "id")  # fmt: skip
NUMBERS = frozenset({"p_lon", "p_lat", "p_file_lon", "p_file_lat", "p_bytes"})


class Shot(NamedTuple):
    """A photo record with what is known of its file. `blob` and `source` None: it has not come, for this record's scope. `point`: code of
    the point it belongs to; `subject`, `who`: names."""

    stored: Stored
    blob: BlobRow | None
    source: SourceRow | None
    point: str
    subject: str
    who: str


class PhotosWriter:
    def __init__(self, path: Path, style: Style, files: Files, temp: Path) -> None:
        """`temp`: a folder for the list while it grows."""
        self.path, self.style, self.cut = path, style, 0
        self.inside = self.missing = self.damaged = 0
        self._files, self._names, self._in = files, Unique(), dict[str, str]()
        self._list_path = temp / "list"
        self._file: IO[bytes] = path.open("wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self._list: IO[bytes] = self._list_path.open("wb")
        self._list.write(BOM + line([quoted(say(style.lang, name)) for name in LIST]))

    def write(self, shots: Sequence[Shot]) -> None:
        for shot in shots:
            state, name = self._take(shot)
            told = self._told(shot) | {"p_state": say(self.style.lang, state), "p_file": name}
            self._list.write(line([cell("number" if k in NUMBERS else "text", told.get(k)) for k in LIST]))

    def _take(self, shot: Shot) -> tuple[str, str]:
        """What became of it, and the name it has in the zip ("" where it is not there)."""
        if shot.blob is None or shot.source is None:
            self.missing += 1
            return "p_missing", ""
        sha = shot.blob.sha256
        if sha in self._in:  # two records of one file
            return "p_here", self._in[sha]
        if self._files.size(sha) != shot.blob.size or self._files.hash(sha) != sha:
            self.damaged += 1
            return "p_damaged", ""
        name = self._names(self._name(shot)) + f".{_ending(shot.blob)}"
        taken = moment(str(shot.stored.values.get("taken_at")))
        info = zipfile.ZipInfo(name, taken.timetuple()[:6] if taken and 1980 <= taken.year <= 2107 else WHEN)
        info.create_system, info.external_attr = 3, 0o100644 << 16
        with self._files.open(sha) as source, self._zip.open(info, "w") as into:
            while piece := source.read(PIECE):
                into.write(piece)
        self._in[sha] = name
        self.inside += 1
        return "p_here", name

    def _name(self, shot: Shot) -> str:
        """Point, step, time, the hash's beginning: 'S09 岩芯 20261121-184500 1f3c9a02'."""
        values, lang = shot.stored.values, self.style.lang
        point = file_name(shot.point or say(lang, "no_point"), 60)
        step = file_name(text_of(fields_of(TYPES["photo"])["step"], values.get("step"), {}, lang), 40)
        taken = moment(str(values.get("taken_at")))
        when = taken.strftime("%Y%m%d-%H%M%S") if taken else "00000000-000000"
        return f"{point} {step} {when} {str(values.get('sha256'))[:HASH_SHOWN]}"

    def _told(self, shot: Shot) -> dict[str, Any]:
        values, lang, fields = shot.stored.values, self.style.lang, fields_of(TYPES["photo"])
        said = _said(shot.blob)
        at = values.get("position")
        at = at if isinstance(at, dict) else {}
        words = [say(lang, f"p_{what}") for what in _against(values, said)]
        return {
            "p_point": shot.point, "p_subject": shot.subject, "p_step": text_of(fields["step"], values.get("step"), {}, lang),
            "p_taken": local(str(values.get("taken_at", ""))), "p_lon": at.get("lon"), "p_lat": at.get("lat"),
            "p_source": text_of(fields["source"], values.get("source"), {}, lang), "p_against": say(lang, "join").join(words),
            "p_file_taken": local(str(said.get("taken_at") or "")), "p_file_lon": _degrees(said.get("longitude")),
            "p_file_lat": _degrees(said.get("latitude")), "p_who": shot.who,
            "p_received": local(shot.source.received_at) if shot.source else "",
            "p_bytes": shot.blob.size if shot.blob else values.get("bytes"), "p_sha": values.get("sha256"),
            "p_caption": values.get("caption"), "deleted": say(lang, "yes") if values.get("deleted") else "", "id": shot.stored.id,
        }  # fmt: skip

    def close(self, about: About) -> None:
        self._list.close()
        lang = self.style.lang
        info = zipfile.ZipInfo(f"{self._names(file_name(say(lang, 'photo_list')))}.csv", WHEN)
        info.create_system, info.external_attr = 3, 0o100644 << 16
        with self._list_path.open("rb") as source, self._zip.open(info, "w", force_zip64=True) as into:
            while piece := source.read(PIECE):
                into.write(piece)
        info = zipfile.ZipInfo(f"{self._names(file_name(say(lang, 'about')))}.txt", WHEN)
        info.create_system, info.external_attr = 3, 0o100644 << 16
        self._zip.writestr(info, BOM + as_text(about).encode("utf-8", "replace"))
        self._zip.close()
        self._file.close()

    def abandon(self) -> None:
        for part in (self._list, self._zip, self._file):
            with suppress(Exception):
                part.close()


def _ending(blob: BlobRow) -> str:
    return blob.kind if blob.kind in ("jpg", "png", "webp") else "bin"


def _said(blob: BlobRow | None) -> dict[str, Any]:
    try:
        said = json.loads(blob.exif) if blob is not None and blob.exif else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _against(values: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    try:
        return differs(values, said)
    except (ValueError, TypeError, KeyError):  # what cannot be compared disagrees with nothing
        return []


def _degrees(value: Any) -> str:
    text = f"{value:.7f}" if isinstance(value, float) else str(value) if value is not None else ""
    return text if is_number(text) else ""
