"""What is to be exported, as a person asks for it and as it is kept with the job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.fields import Audience
from schemas.records import TYPES
from sync_server.export.columns import Style
from sync_server.export.grids import GEOGRAPHIC, grid_of
from sync_server.export.words import LANGS
from sync_server.store.lists import SEQ, Clause, Query

FORMATS = ("xlsx", "csv", "geojson", "gpkg", "photos")
HEADS = ("labels", "names")
# the whole project: what was recorded in it; people, devices and instruments are the organisation's
WHOLE = (Audience.FIELD, Audience.ENFORCEMENT, Audience.TRANSFER, Audience.SUBJECT)
_ROOMS = ("plan", "fieldwork", "samples")


class Wish(NamedTuple):
    """`types`: record types, or () for the whole project. `query`: of one type as a table shows it (what is voided follows it then).
    `voided`: whether voided records come too. `epsg`: 4490, or a Gauss-Krüger zone 4491 to 4554."""

    format: str
    types: tuple[str, ...] = ()
    heads: str = "labels"
    lang: str = "zh"
    epsg: int = GEOGRAPHIC
    voided: bool = False
    query: Query | None = None

    @property
    def style(self) -> Style:
        return Style("names" if self.heads == "names" else "labels", self.lang, grid_of(self.epsg))

    @property
    def chosen(self) -> tuple[str, ...]:
        """Types in the order of the work."""
        if self.format == "photos":
            return ("photo",)
        return self.types or tuple(sorted((t for t in TYPES if TYPES[t].about.audience in WHOLE), key=_rank))

    @property
    def several(self) -> bool:
        return len(self.chosen) > 1

    @property
    def ending(self) -> str:
        if self.format == "photos" or (self.several and self.format in ("csv", "geojson")):
            return "zip"
        return self.format

    def told(self) -> dict[str, Any]:
        """As JSON holds it."""
        query = [*self.query[:2], [list(c) for c in self.query.where], *self.query[3:6]] if self.query else None
        return {"format": self.format, "types": list(self.types), "heads": self.heads, "lang": self.lang, "epsg": self.epsg,
                "voided": self.voided, "query": query}  # fmt: skip

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Wish:
        """What `told` gave, maybe years ago: raises ValueError, KeyError or TypeError for what no longer makes sense."""
        q = told["query"]
        query = Query(q[0], q[1], tuple(Clause(*c) for c in q[2]), *q[3:6]) if q else None
        return cls(
            told["format"], tuple(told["types"]), told["heads"], told["lang"], told["epsg"], told["voided"], query
        ).checked()

    def checked(self) -> Wish:
        """Itself. Raises ValueError for what cannot be made."""
        grid_of(self.epsg)
        if (
            self.format not in FORMATS
            or self.heads not in HEADS
            or self.lang not in LANGS
            or not set(self.types) <= TYPES.keys()
        ):
            raise ValueError(f"{self.format} {self.heads} {self.lang} {self.types}")
        return self

    def queries(self, type: str, scopes: Mapping[str, str]) -> list[Query]:
        """What is to be read of a type, a query for each scope. `scopes`: scope → audience, of all that may be read; nothing is
        read of any other."""
        if self.query is not None and self.query.type == type:
            found = [self.query] if self.query.scope in scopes else []
        else:
            wanted = TYPES[type].about.audience
            here = [
                s
                for s, audience in scopes.items()
                if audience == wanted or (wanted is Audience.SUBJECT and audience != "organisation")
            ]
            where = () if self.voided else (Clause("deleted", "is", "false"),)
            found = [Query(type, scope, where, "", SEQ, False) for scope in here]
        return [q._replace(names_in=tuple(scopes)) for q in found]


def _rank(type: str) -> tuple[int, int]:
    about = TYPES[type].about
    return WHOLE.index(about.audience), _ROOMS.index(about.room) if about.room in _ROOMS else len(_ROOMS)
