"""Looking after people and what waits: what an administrator does, each thing in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from schemas.problems import Trouble
from sync_server.service.people import People
from sync_server.store import DeviceKey, Tx


class _Undone(Exception):
    """Leaves a transaction without a trace."""


class Care(People):
    def could_move(self, scope: str) -> int:
        """How many parked changes of a scope would go in (or be refused) if they were run now. Nothing is changed."""
        moved = 0
        try:
            with self.store.writing() as tx:
                work = self._applying(tx, scope)
                moved = work.run_parked(partial(self._author, tx, work.scope.owner, work.scope.audience))
                raise _Undone
        except _Undone:
            return moved

    def disable(self, person: str, disabled: bool, by: str, with_devices: bool = False) -> list[str]:
        """A disabled account can sign in nowhere, and what is signed in ends. Devices are enrolled apart from it: they go on
        unless they are revoked too. Returns the codes of the devices that still may read."""
        with self.store.writing() as tx:
            mine = self._disable_in(tx, person, disabled, by)
        return self._shut(mine, by) if disabled and with_devices else [k.device_code for k in mine]

    def _disable_in(self, tx: Tx, person: str, disabled: bool, by: str) -> list[DeviceKey]:
        """Returns the person's devices that still may read."""
        tx.set_account(person, disabled=disabled)
        if disabled:
            tx.end_sign_ins(person)
            tx.withdraw_invitations(self.now_ms(), person)
        tx.note(self.now(), by, "disable" if disabled else "enable", person)
        return [k for k in tx.device_keys() if k.person == person and k.state == "enrolled"]

    def _shut(self, keys: Sequence[DeviceKey], by: str) -> list[str]:
        for key in keys:
            self._set_state(key.enrolment, "revoked", by)
        return []

    def change_password(self, person: str, hashed: str, by: str) -> None:
        """Whoever knew the old one is signed out. Raises Trouble 2004 for a person without an account."""
        with self.store.writing() as tx:
            if tx.account_of(person) is None:
                raise Trouble(2004)
            self._set_password(tx, person, hashed)
            tx.note(self.now(), by, "password", person)

    def _set_password(self, tx: Tx, person: str, hashed: str) -> None:
        """Whoever may have known the old one is out: also who made a key for programs with it."""
        tx.set_account(person, password=hashed)
        tx.end_sign_ins(person)
        tx.revoke_api_keys(self.now_ms(), person)
        tx.withdraw_invitations(self.now_ms(), person)
