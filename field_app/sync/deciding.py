"""Conflicts: who put each value there, and a person's decision. Both are the server's to know, so both need a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from field_app.sync.talk import NotReached, SyncResult, Talk
from schemas.problems import Trouble
from schemas.wire import ConflictNow, DecisionRequest


class Deciding(Talk):
    def conflict(self, id: str) -> ConflictNow:
        """Both values of a conflict as they are today, and whose they are. Raises Trouble 2004, 2005, 5004 …"""
        return self._about(id, "GET", f"/api/v1/conflicts/{id}")

    def decide(self, id: str, choice: str, reason: str, value: Mapping[str, Any] | None = None) -> ConflictNow:
        """In the name of whose turn it is; asked twice it counts once. Raises Trouble 2003, 2004, 3001, 5004 …"""
        given: dict[str, Any] = {"choice": choice, "reason": reason, "value": dict(value) if value else None}
        body = DecisionRequest.model_validate(given).model_dump(exclude_none=True)
        return self._about(id, "POST", f"/api/v1/conflicts/{id}/decision", json=body)

    def _about(self, id: str, method: str, path: str, **request: Any) -> ConflictNow:
        who = self.store.keys.require()
        if who.locked:
            raise Trouble(2011)
        with self._turn, self._client(who.server_url) as http:
            self._stop.clear()
            self._http, self._who, self._result = http, who, SyncResult()
            try:
                return self._ask(method, path, ConflictNow, lambda told: told.id == id, **request)
            except NotReached as err:
                raise err.trouble from err
            except httpx.InvalidURL as err:
                raise NotReached().trouble from err
