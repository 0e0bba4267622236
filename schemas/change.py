"""One edit, as it is made, signed, sent and kept: its bytes are made once and never re-encoded.

A line is JSON with the keys in this order, `before` and `after` canonical (sorted keys, no floats):

    {"id":…,"scope":…,"type":…,"record":…,"before":{…},"after":{…},"made_at":{…},"by":…,"device":…}

`before` is {} when the record is made, else what this device saw in the fields it changes (null = empty).
`after` has the same fields' new values. Only changed fields are in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict, cast

import msgspec

from schemas import canonical
from schemas.canonical import NotCanonical

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.ASCII)
MAX_BYTES = 4_000_000  # one change; a signature's strokes or a checklist are the largest things carried
KEYS = ("id", "scope", "type", "record", "before", "after", "made_at", "by", "device")


class MadeAt(TypedDict):
    """The device's own account of when. Evidence, never a tie-break."""

    wall: str  # device clock, RFC 3339 with offset
    mono_ms: int  # time since the device started; tells a clock that was turned
    server_offset_ms: int | None  # server minus device when last compared; None = never
    gnss: NotRequired[str | None]  # receiver time, where one was known


class Change(NamedTuple):
    """A parsed change. `line` are the exact bytes it came as."""

    id: str
    scope: str
    type: str
    record: str
    before: dict[str, Any]
    after: dict[str, Any]
    made_at: MadeAt
    by: str
    device: str
    line: bytes

    @property
    def creates(self) -> bool:
        return not self.before


def encode(
    *, id: str, scope: str, type: str, record: str, before: Mapping[str, Any], after: Mapping[str, Any],
    made_at: MadeAt, by: str, device: str,
) -> Change:  # fmt: skip
    """Make a change's bytes, once."""
    head = {"id": id, "scope": scope, "type": type, "record": record}
    parts = [json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1].encode()]
    parts.append(b',"before":' + canonical.dumps(before) + b',"after":' + canonical.dumps(after))
    parts.append(b',"made_at":' + canonical.dumps(made_at))
    parts.append(
        json.dumps({"by": by, "device": device}, ensure_ascii=False, separators=(",", ":"))
        .encode()
        .replace(b"{", b",", 1)
    )
    return Change(id, scope, type, record, dict(before), dict(after), made_at, by, device, b"".join(parts))


def change_id(line: bytes) -> str | None:
    """The id of a change without reading the rest: it stands first. None if it does not."""
    text = line[7:43].decode("ascii", "replace")
    return text if line.startswith(b'{"id":"') and ID.match(text) else None


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Made(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    mono_ms: _Whole  # in the order of canonical JSON
    server_offset_ms: _Whole | None
    wall: str
    gnss: str = ""  # left out where there is none


class Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A change as it came, in the very form that `encode` gives it; before and after are not looked into."""

    id: str  # in the order of KEYS
    scope: _Name
    type: _Name
    record: str
    before: msgspec.Raw
    after: msgspec.Raw
    made_at: _Made
    by: _Name
    device: _Name


_ENVELOPE = msgspec.json.Decoder(Envelope)
_ENVELOPES = msgspec.json.Decoder(list[Envelope])
_write = msgspec.json.Encoder().encode


def _is_written(e: Envelope, line: bytes) -> bool:
    return _write(e) == line and b"\\" not in line and len(line) <= MAX_BYTES


def _are_written(found: Sequence[Envelope], lines: Sequence[bytes], blob: bytes) -> bool:
    """The same of many: `blob` is all of them. Each is compared by itself: joined, half a line could borrow its end from the
    next one."""
    return b"\\" not in blob and max(map(len, lines)) <= MAX_BYTES and [*map(_write, found)] == [*lines]


def _open(line: bytes) -> Envelope | None:
    try:
        e = _ENVELOPE.decode(line)
    except (ValueError, RecursionError):
        return None
    return e if _is_written(e, line) and ID.match(e.id) and ID.match(e.record) else None


def open_many(lines: Sequence[bytes]) -> list[Envelope | None]:
    """The envelopes of many lines, None where one is in doubt: `decode` looks closer."""
    blob = b"[%s]" % b",".join(lines)
    try:
        found = _ENVELOPES.decode(blob)
        if found and _are_written(found, lines, blob):
            return [e if ID.match(e.id) and ID.match(e.record) else None for e in found]
    except (ValueError, RecursionError):
        pass
    return [_open(line) for line in lines]


def unfold_many(opened: Sequence[tuple[Envelope, bytes]]) -> list[Change | None]:
    """The change in each of these envelopes, beside which stands the line it was opened from; None where it is not sure."""
    texts = [bytes(x) for e, _ in opened for x in (e.before, e.after)]
    try:
        values = canonical.loads_many(texts)
    except NotCanonical:  # one of them; the others are fine
        return [None] if len(opened) == 1 else [unfold_many([one])[0] for one in opened]
    out: list[Change | None] = []
    for (e, line), before, after in zip(opened, values[::2], values[1::2], strict=True):
        made = cast(MadeAt, msgspec.to_builtins(e.made_at))
        sure = _unfit(before, after) is None
        out.append(Change(e.id, e.scope, e.type, e.record, before, after, made, e.by, e.device, line) if sure else None)
    return out


def _fit(before: Any, after: Any, made: Any) -> str | None:
    """What is wrong with these three."""
    if wrong := _unfit(before, after):
        return wrong
    if (
        not isinstance(made, dict)
        or not isinstance(made.get("wall"), str)
        or type(made.get("mono_ms")) is not int
        or type(made.get("server_offset_ms")) not in (int, type(None))
    ):
        return "made_at 须有 wall、mono_ms、server_offset_ms ‖ made_at needs wall, mono_ms, server_offset_ms"
    return None


def _unfit(before: Any, after: Any) -> str | None:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return "before 与 after 须是对象 ‖ before and after must be objects"
    if before and before.keys() != after.keys():
        return "before 与 after 的字段须相同 ‖ before and after must have the same fields"
    if not after:
        return "after 不能为空 ‖ after must not be empty"
    return None


def decode(line: bytes) -> Change:
    """Parse and check the envelope (not the record inside). Raises NotCanonical with what is wrong."""
    if (e := _open(line)) and (sure := unfold_many([(e, line)])[0]):
        return sure
    if len(line) > MAX_BYTES:
        raise NotCanonical(f"一条变更最多 {MAX_BYTES} 字节 ‖ a change has at most {MAX_BYTES} bytes")
    data = canonical.loads(line)
    if not isinstance(data, dict) or set(data) != set(KEYS):
        raise NotCanonical(
            f"变更须正好有这些键：{', '.join(KEYS)} ‖ a change has exactly these keys: {', '.join(KEYS)}"
        )
    for key in ("id", "record"):
        if not isinstance(data[key], str) or not ID.match(data[key]):
            raise NotCanonical(f"{key} 须是小写 UUID ‖ {key} must be a lower-case UUID")
    for key in ("scope", "type", "by", "device"):
        if not isinstance(data[key], str) or not 0 < len(data[key]) <= 100:
            raise NotCanonical(f"{key} 须是文本 ‖ {key} must be text")
    if wrong := _fit(data["before"], data["after"], data["made_at"]):
        raise NotCanonical(wrong)
    made_at = cast(MadeAt, data["made_at"])
    return Change(
        data["id"],
        data["scope"],
        data["type"],
        data["record"],
        data["before"],
        data["after"],
        made_at,
        data["by"],
        data["device"],
        line,
    )
