"""Manifest numbers: 14 digits, 4 of the year, 2 of the province, 2 of the city, 6 of a serial number of the origin's city.

危险废物转移管理办法（部令第23号）第15条 [C] gives this form for hazardous waste; it is used here for soil by analogy [D].
"""

from __future__ import annotations

LAST = 999_999  # serial numbers of one city in one year


def number(year: int, division: str, serial: int) -> str:
    """`division`: code of the origin's division (GB/T 2260), of which the first four digits, province and city, are used. Raises
    ValueError for what does not fit into 14 digits."""
    place = division[:4]
    if len(place) != 4 or not (place.isascii() and place.isdecimal()):
        raise ValueError(f"行政区划代码至少 4 位数字：{division} ‖ a division code has at least 4 digits: {division}")
    if not 2000 <= year <= 9999 or not 1 <= serial <= LAST:
        raise ValueError(f"年份或流水号超出范围：{year}，{serial} ‖ year or serial out of range: {year}, {serial}")
    return f"{year:04d}{place}{serial:06d}"


def shown(number: str) -> str:
    """In groups, as people read it out: "2026 3211 000418". What has not 14 digits stays as it is."""
    if len(number) != 14 or not (number.isascii() and number.isdecimal()):
        return number
    return f"{number[:4]} {number[4:8]} {number[8:]}"


def serial(number: str) -> int | None:
    """The last six digits; None for what is no number of this form."""
    return int(number[8:]) if len(number) == 14 and number.isascii() and number.isdecimal() else None
