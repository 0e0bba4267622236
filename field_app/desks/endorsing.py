"""Signing the on-site record: its content is hashed before the first signature; when the last one is there, everything becomes records
in one transaction. A signature never stands under anything but what was on the screen."""

from __future__ import annotations

from field_app.desks.heading import Heading, Values
from field_app.words import both
from schemas.rules import onsite
from schemas.rules.lack import Lack
from schemas.rules.onsite import Signer


class Endorsing(Heading):
    _busy = False

    busy = property(lambda self: self._busy)

    @property
    def signatures(self) -> list[Values]:
        return self._rows("signatures")

    def signers(self) -> list[Signer]:
        """Who has to sign, then witnesses who did, or are asked to because somebody would not."""
        asked = onsite.signers(self.inspection)
        more = [
            Signer("witness", str(s["name"]))
            for s in self.signatures
            if s.get("role") == "witness" and not any((a.role, a.name) == ("witness", s["name"]) for a in asked)
        ]
        return [*asked, *more]

    def signature(self, signer: Signer) -> Values | None:
        return next((s for s in self.signatures if (s["role"], s["name"]) == (signer.role, signer.name)), None)

    def unsigned(self) -> list[Lack]:
        return onsite.unsigned(self.inspection)

    def wants_witness(self) -> bool:
        return any(x.code == "witness" for x in self.unsigned())

    def hash(self) -> str:
        """Of what is on the screen."""
        return onsite.content_hash(*self.sheet())

    def begin_signing(self) -> bool:
        """The check ends, and its content stands: its hash is kept with the draft. False while something is missing."""
        if self.lacks() or self._busy:
            return False
        check = self.check
        named = [p for p in self._rows("inspected") if p.get("name")]
        if named != self._rows("inspected"):  # a row that nobody filled in
            check.put(inspected=named or None)
        if not check.inspection.get("ended_at"):
            check.put(ended_at=self._host.now().isoformat(timespec="seconds"))
            check.set_ui(ended=True)
        if check.inspection.get("content_sha256") is None:
            check.put(content_sha256=self.hash())
        return True

    def settle(self) -> None:
        """Signatures under something that was changed since are taken off, and that is said."""
        check = self.check
        kept = check.inspection.get("content_sha256")
        if not check.id or kept is None or kept == self.hash():
            return
        had = bool(self.signatures)
        check.put(signatures=None, content_sha256=None, **({"ended_at": None} if check.ui("ended") else {}))
        check.set_ui(ended=None)
        if had:
            self._host.tell("warn", both("onsite.changed"), both("onsite.changed.why"))

    def ask(self, signer: Signer) -> None:
        """The pad for this signer."""
        self.settle()
        if self._busy or not self.begin_signing():
            return
        asked = self.check.inspection["content_sha256"]
        was = self.signature(signer) or {"role": signer.role, "name": signer.name}

        def done(value: Values | None) -> None:
            check = self.check
            if value is None or check.inspection.get("content_sha256") != asked:
                return
            taken = (value["role"], value["name"])
            others = [s for s in self.signatures if (s["role"], s["name"]) not in (taken, (was["role"], was["name"]))]
            check.put(signatures=[*others, value])
            self._changed()

        self._host.signing.ask(was, done)

    def ask_witness(self) -> None:
        self.ask(Signer("witness", ""))

    def drop_signature(self, signer: Signer) -> None:
        rest = [s for s in self.signatures if (s["role"], s["name"]) != (signer.role, signer.name)]
        self.check.put(signatures=rest or None)
        self._changed()

    async def file(self) -> None:
        """签字存档: inspection, answers, findings and photos become records together, or none does and the reason is told."""
        check, host = self.check, self._host
        await check.settled()
        self.settle()
        if self._busy or not check.id or self.lacks() or self.unsigned() or not self.signatures:
            return
        self._busy, id, code = True, check.id, str(check.inspection.get("code", ""))
        self._changed()
        try:
            edits = check.edits()
            # what is asked for was asked by `lacks`, in words that say where
            await host._do(self._store.finalize, edits, False)
            check.close()
            await host._do(host._drop_late, {edit.record for edit in edits})
        finally:
            self._busy = False
            self._changed()
        await host.load()
        await self.open(id)
        host.forget_pages(id)
        host.replace("onsite", id=id)
        host.tell("done", both("onsite.filed", code=code), both("onsite.filed.why", n=len(edits)))

    async def open(self, id: str) -> None:
        """The draft or the signed record of this id."""
        raise NotImplementedError
