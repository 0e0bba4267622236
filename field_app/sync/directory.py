"""The signed directories: fetched when the server names another one than lies here, and believed only under its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from field_app.keys import Identity
from field_app.sync.talk import NotReached, Stopped, Talk
from schemas.problems import Trouble
from schemas.rules.handover.directory import Directory
from schemas.wire import DirectoryAnswer, Me


class Directories(Talk):
    def _fetch_directories(self, people: Sequence[Identity], news: Mapping[str, Me | None]) -> None:
        """What each of these people may have. `news`: enrolment → what the server said at the beginning, None = all is as it was.
        One that cannot be had leaves the one before in its place, is told among the problems, and is asked for again."""
        tried: set[str] = set()
        for self._who in people:
            try:
                self._stand(news[self._who.enrolment], tried)
            except NotReached as err:
                if isinstance(err, Stopped):
                    self._result.stopped = True
                    return
                self._result.problems.append(err.trouble)
            except Trouble as err:
                self._result.problems.append(err)

    def _stand(self, me: Me | None, tried: set[str]) -> None:
        here = self.store.directory_hashes()
        if me is None:  # nothing is new, and of what is told that way the directories are a part
            said = {s.scope: here[s.scope] for s in self.store.scopes(self._who) if s.scope in here}
        else:
            said = me.directories or {}
        at = self.store.clock.now()
        self.store.confirm_directories([scope for scope, hash in said.items() if here.get(scope) == hash], at)
        for scope, hash in said.items():
            if here.get(scope) != hash and scope not in tried:
                tried.add(scope)
                self._fetch_directory(scope)

    def _fetch_directory(self, scope: str) -> None:
        """Raises Trouble 6101 for one that this tablet's server did not sign, or that is of another scope."""
        answer = self._ask("GET", f"/api/v1/scopes/{scope}/directory", DirectoryAnswer)
        try:
            directory = Directory.signed(answer.directory, answer.signature, self._who.server_key)
        except (ValueError, KeyError, TypeError):
            directory = None
        if directory is None or directory.said.get("scope") != scope:
            raise Trouble(6101)
        self.store.keep_directory(scope, answer.directory, answer.signature, self.store.clock.now())
