"""Binding a device and a person to a server, by a one-time code."""

from __future__ import annotations

from contextlib import suppress

import httpx

from field_app.keys import Identity
from field_app.sync.talk import NotReached, Talk, met_instead
from schemas import VERSION
from schemas.problems import Trouble
from schemas.rules import evidence, sealing
from schemas.wire import EnrolAnswer, EnrolRequest


class Enrolling(Talk):
    def enrol(
        self, server_url: str, code: str, label: str, app_version: str = VERSION, beside: bool = False,
        fingerprint: str = "",
    ) -> EnrolAnswer:  # fmt: skip
        """Bind this device and the person the code was made for. `beside`: a further person on this tablet, vouched for by
        whoever has it now; without it the tablet counts as a new device. `fingerprint`: of the server's key, as a scanned code
        says it (docs/sync-protocol.md §2); of a server with another key nothing is kept. Raises Trouble 2006, 2011, 2024, 5004."""
        old = self.store.identity if beside else None
        if old is not None and old.locked:
            raise Trouble(2011)
        try:
            private, salt_key, answer = self._ask_to_enrol(server_url, code, label, app_version, old)
        except Trouble as err:
            if err.problem.number != 2006 or not self.store.keys.drop_draft(code):
                raise
            private, salt_key, answer = self._ask_to_enrol(server_url, code, label, app_version, old)
        if fingerprint and sealing.fingerprint(answer.server_key) != fingerprint:
            self.store.keys.forget_draft()  # another server has seen it
            raise Trouble(2024, server=server_url)
        identity = Identity(answer.enrolment, answer.device, answer.device_code, answer.person, answer.person_name,
                            server_url, answer.server_key, private, salt_key)  # fmt: skip
        self.store.keys.save(identity)
        with suppress(Trouble):  # enrolled it is: what there is no room for now, the next start or sync does
            self.store.carry_over(identity)
            if (
                self.store.meta("epoch") is None
            ):  # a tablet that knows another one learns at its next sync what to offer
                self.store.set_meta("epoch", answer.epoch)
            self.store.grant(answer.scopes)
        return answer

    def _ask_to_enrol(
        self, server_url: str, code: str, label: str, app_version: str, old: Identity | None
    ) -> tuple[bytes, bytes, EnrolAnswer]:
        private, salt_key = self.store.keys.draft(code)  # kept until enrolled: a lost answer is asked for again
        public, salt = evidence.public_of(private), evidence.b64(salt_key)
        text = f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode()
        request = EnrolRequest(
            code=code, public_key=public, salt_key=salt, label=label, app_version=app_version,
            signature=evidence.sign(private, text), beside=old.enrolment if old else None,
            beside_signature=evidence.sign(old.private_key, text) if old else None,
        )  # fmt: skip
        try:
            with self._turn, self._client(server_url) as http:
                response = http.post("/api/v1/enrol", json=request.model_dump(exclude_none=True))
                return private, salt_key, self._read(response, EnrolAnswer)
        except NotReached as err:
            raise err.trouble from err
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise met_instead(err) or Trouble(5004) from err
