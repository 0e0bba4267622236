"""Reading a list's text key by key: what is not as expected says where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.reference import Label


class BadList(ValueError):
    """The text is no checklist. `where`: the item's code or number, and the key; `said` says what is wrong."""

    def __init__(self, where: str, zh: str, en: str) -> None:
        super().__init__(f"{where}: {zh} ‖ {en}" if where else f"{zh} ‖ {en}")
        self.where, self.said = where, Label(zh, en)


class Part:
    """One object of the text, read key by key; `where` says which one it is."""

    def __init__(self, doc: Mapping[str, Any], where: str) -> None:
        self.doc, self.where = doc, where

    def bad(self, key: str, zh: str, en: str) -> BadList:
        return BadList(f"{self.where}.{key}" if self.where else key, zh, en)

    def text(self, key: str, most: int) -> str:
        value = self.doc.get(key, "")
        if not isinstance(value, str) or len(value) > most:
            raise self.bad(key, f"应为不超过 {most} 个字的文本", f"a text of at most {most} characters is expected")
        return value

    def number(self, key: str, default: int) -> int:
        value = self.doc.get(key, default)
        if type(value) is not int or not 0 <= value <= 9999:
            raise self.bad(key, "应为 0 到 9999 的整数", "a whole number from 0 to 9999 is expected")
        return value

    def flag(self, key: str) -> bool:
        value = self.doc.get(key, False)
        if not isinstance(value, bool):
            raise self.bad(key, "应为 true 或 false", "true or false is expected")
        return value

    def part(self, key: str) -> Part:
        value = self.doc.get(key, {})
        if not isinstance(value, dict):
            raise self.bad(key, "应为一个对象", "one object is expected")
        return Part(value, f"{self.where}.{key}" if self.where else key)

    def label(self, key: str, most: int) -> Label:
        inner = self.part(key)
        return Label(inner.text("zh", most), inner.text("en", most))

    def _list(self, key: str, most: int) -> list[Any]:
        value = self.doc.get(key, [])
        if not isinstance(value, list) or len(value) > most:
            raise self.bad(key, f"应为不超过 {most} 项的列表", f"a list of at most {most} is expected")
        return value

    def texts(self, key: str, count: int, most: int) -> tuple[str, ...]:
        values = self._list(key, count)
        if any(not isinstance(v, str) or len(v) > most for v in values):
            raise self.bad(key, f"每项应为不超过 {most} 个字的文本", f"texts of at most {most} characters are expected")
        return tuple(values)

    def parts(self, key: str, count: int) -> list[Part]:
        values = self._list(key, count)
        if any(not isinstance(v, dict) for v in values):
            raise self.bad(key, "每项应为一个对象", "objects are expected")
        return [Part(v, f"{self.where}.{key}[{n}]" if self.where else f"{key}[{n}]") for n, v in enumerate(values, 1)]
