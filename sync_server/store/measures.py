"""Numbers and times are kept as the text that came: here they become what both databases order and compare alike.

SQL of whole numbers only, so that no digit is rounded and neither database can differ from the other. Text that is no number
or no time becomes NULL on both; no cast is ever asked of it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, literal_column

from sync_server.store.engine import is_postgresql

SCALE = 10**12  # decimals travel with at most 18 digits before the point and 12 behind it (schemas/fields.py)

_D2, _D4 = "[0-9][0-9]", "[0-9][0-9][0-9][0-9]"
_TIME = (
    "'^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})$'"  # PostgreSQL
)


def _number(sql: str) -> ColumnElement[int]:
    return literal_column(sql, BigInteger())


def number_parts(conn: Connection, c: str) -> list[ColumnElement[int]]:
    """Of a column (as SQL) that holds decimals as text: what stands before the point, and the twelve digits behind it, both
    with the number's sign; NULL where it is no number. The pair orders as the numbers do."""
    if is_postgresql(conn):
        fits, n = f"{c} ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,12}})?$'", f"CAST({c} AS NUMERIC)"
        whole, rest = f"CAST(trunc({n}) AS BIGINT)", f"CAST(({n} - trunc({n})) * {SCALE} AS BIGINT)"
    else:
        bare, point = f"ltrim({c}, '-')", f"instr(ltrim({c}, '-') || '.', '.')"
        fits = (
            f"{bare} GLOB '[0-9]*' AND {bare} NOT GLOB '*[^0-9.]*' AND {bare} NOT GLOB '*.*.*' AND {bare} NOT GLOB '*.'"
            f" AND {c} NOT GLOB '--*' AND {point} <= 19 AND length({bare}) - {point} <= 12"
        )
        digits = f"CAST(substr(substr({bare}, {point} + 1) || '000000000000', 1, 12) AS BIGINT)"
        whole, rest = f"CAST({c} AS BIGINT)", f"CASE WHEN {c} GLOB '-*' THEN -{digits} ELSE {digits} END"
    return [_number(f"CASE WHEN {fits} THEN {part} END") for part in (whole, rest)]


def parts_of(value: str) -> list[int]:
    """The same two parts of a number of the reader's, written as records write them."""
    whole, _, rest = value.lstrip("-").partition(".")
    sign = -1 if value.startswith("-") else 1
    return [sign * int(whole), sign * int(rest.ljust(12, "0"))]


def instant(conn: Connection, c: str) -> ColumnElement[int]:
    """Of a column (as SQL) that holds times as text: microseconds since 1970 (further digits are cut off), NULL where it is no time.

    Days are counted by arithmetic (the civil calendar, years beginning in March), because asking a database for the time in
    "2026-02-30" fails on one and gives an answer on the other; here it is 2 March on both."""
    zone = f"CASE WHEN substr({c}, length({c})) = 'Z' THEN 1 ELSE 6 END"
    head = f"substr({c}, 1, length({c}) - {zone})"
    if is_postgresql(conn):
        fits = f"{c} ~ {_TIME}"
    else:
        middle = f"substr({head}, 17)"
        fits = (
            f"{c} GLOB '{_D4}-{_D2}-{_D2}[T ]{_D2}:{_D2}*' AND ({c} GLOB '*Z' OR {c} GLOB '*[+-]{_D2}:{_D2}') AND length({c}) > 16"
            f" AND ({middle} = '' OR ({middle} GLOB ':{_D2}*' AND (substr({middle}, 4) = '' OR"
            f" ({middle} GLOB ':{_D2}.[0-9]*' AND substr({middle}, 5) NOT GLOB '*[^0-9]*'))))"
        )

    def at(first: int, count: int) -> str:
        return f"CAST(substr({c}, {first}, {count}) AS BIGINT)"

    year = f"({at(1, 4)} - CASE WHEN {at(6, 2)} <= 2 THEN 1 ELSE 0 END)"
    month = f"({at(6, 2)} + CASE WHEN {at(6, 2)} > 2 THEN -3 ELSE 9 END)"
    days = f"(365 * {year} + {year} / 4 - {year} / 100 + {year} / 400 + (153 * {month} + 2) / 5 + {at(9, 2)} - 719469)"
    seconds = f"CASE WHEN length({head}) > 16 THEN {at(18, 2)} ELSE 0 END"
    shift = (
        f"CASE WHEN substr({c}, length({c})) = 'Z' THEN 0 ELSE"
        f" (CAST(substr({c}, length({c}) - 4, 2) AS BIGINT) * 60 + CAST(substr({c}, length({c}) - 1) AS BIGINT))"
        f" * CASE WHEN substr({c}, length({c}) - 5, 1) = '-' THEN -60 ELSE 60 END END"
    )
    micros = f"CAST(substr(substr({head}, 21) || '000000', 1, 6) AS BIGINT)"
    whole = f"({days} * 86400 + {at(12, 2)} * 3600 + {at(15, 2)} * 60 + ({seconds}) - ({shift})) * 1000000 + {micros}"
    return _number(f"CASE WHEN {fits} THEN {whole} END")


_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)


def micros_of(at: datetime) -> int:
    """The same number of a time of the reader's."""
    span = at - _BEGAN
    return (span.days * 86400 + span.seconds) * 1_000_000 + span.microseconds
