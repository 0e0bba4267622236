"""PIN: who is here, with what he or she alone knows. Digits live here only while they are typed."""

from __future__ import annotations

import asyncio
from typing import Any

import flet as ft

from field_app.pin import FREE, LENGTH, easy
from field_app.store import Store
from schemas.problems import Trouble

# open: the screen is locked · turn: another person takes the tablet · set: the first PIN · change: another PIN
ASKS_FOR_ONE = ("open", "turn")


@ft.observable
class Unlock:
    def __init__(self, host: Any, store: Store) -> None:
        self._host, self._store = host, store
        self._digits = self._first = ""
        self._said: tuple[str, int] = ("", 0)  # what is to be said: key of a word, number in it
        self._checking = self._ticking = False
        self.mode, self.step = "open", "pin"  # step: pin (the one there is), new, again
        self.forgot = False  # what to do about it is shown
        self.who = ""
        self.start()

    # --- what the page reads -------------------------------------------------------------------------------------

    typed = property(lambda self: len(self._digits))
    said = property(lambda self: self._said)
    checking = property(lambda self: self._checking)

    @property
    def name(self) -> str:
        return dict(self._store.people()).get(self.who, "")

    @property
    def wait_s(self) -> int:
        """Seconds until the next try; 0 = now."""
        return self._store.keys.tries.wait_s(self.who) if self.step == "pin" else 0

    def has_pin(self, enrolment: str) -> bool:
        return self._store.keys.has_pin(enrolment)

    # --- beginnings ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The screen is locked: whose turn it is, or has to set a first PIN."""
        identity = self._store.identity
        self._begin("open", identity.enrolment if identity else "")

    def ask(self, enrolment: str) -> None:
        self._begin("turn", enrolment)

    def change(self) -> None:
        identity = self._store.identity
        self._begin("change", identity.enrolment if identity else "")

    def _begin(self, mode: str, who: str) -> None:
        if mode in ASKS_FOR_ONE and who and not self.has_pin(who):
            mode = "set"
        self.mode, self.who, self.forgot = mode, who, False
        self.step = "new" if mode == "set" else "pin"
        self._digits, self._first, self._said = "", "", ("", 0)
        self._tick()
        self.notify()

    def choose(self, enrolment: str) -> None:
        """At the locked screen: somebody else of this tablet is here."""
        if not self._checking and enrolment != self.who:
            self._begin("turn" if self.mode == "turn" else "open", enrolment)

    def show_forgot(self, on: bool) -> None:
        self.forgot = on
        self.notify()

    # --- keys ----------------------------------------------------------------------------------------------------

    def back(self) -> None:
        if not self._checking:
            self._digits = self._digits[:-1]
            self.notify()

    async def key(self, digit: str) -> None:
        if self._checking or self.wait_s or len(self._digits) >= LENGTH:
            return
        self._said = ("", 0)
        self._digits += digit
        self.notify()
        if len(self._digits) == LENGTH:
            await self._whole()

    async def _whole(self) -> None:
        """Six digits are there. What they are compared with takes a moment: it is made slow on purpose."""
        pin, self._checking = self._digits, True
        self.notify()
        try:
            if self.step == "pin":
                await self._try(pin)
            elif self.step == "new":
                self._new(pin)
            else:
                await self._again(pin)
        finally:
            self._digits, self._checking = "", False
            self._tick()
            self.notify()

    async def _try(self, pin: str) -> None:
        try:
            right = await asyncio.to_thread(self._store.keys.unlock, self.who, pin)
        except Trouble as err:
            if err.problem.number != 2007:
                raise
            return  # has to wait, which the page shows
        if not right:
            left = FREE - self._store.keys.tries.wrong(self.who)
            self._said = ("pin.wrong", left) if left > 0 else ("pin.wrong.wait", 0)
            return
        if self.mode == "change":
            self.step = "new"
            return
        # from former enrolments of the person, what could not be made again in the new one while it was locked
        self._host._write(self._store.carry_over, self._store.keys.identities[self.who])
        await self._host.admit(self.who)

    def _new(self, pin: str) -> None:
        if easy(pin):
            self._said = ("pin.easy", 0)
            return
        self._first, self.step = pin, "again"

    async def _again(self, pin: str) -> None:
        first, self._first = self._first, ""
        if pin != first:
            self._said, self.step = ("pin.differ", 0), "new"
            return
        # behind what is being written, so that nobody else replaces the file meanwhile
        await self._host._do(self._store.keys.set_pin, self.who, pin)
        await self._host.admit(self.who, changed=self.mode == "change")

    # --- waiting -------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Counts down while one has to wait."""
        if self.wait_s and not self._ticking:
            self._ticking = True
            self._host._later(self._count_down())

    async def _count_down(self) -> None:
        try:
            while self.wait_s:
                await asyncio.sleep(1)
                self.notify()
        finally:
            self._ticking = False
            self.notify()
