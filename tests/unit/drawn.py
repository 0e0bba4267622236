"""The app drawn without a client: a connection that swallows what is sent, and hands that touch what is drawn.

Stands on Flet's insides (Session, Component._b, Control._i), which is why it is all in this one file.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flet as ft
import msgpack
from flet.components.component import Component
from flet.controls.base_control import BaseControl
from flet.controls.context import _context_page, context
from flet.messaging.connection import Connection
from flet.messaging.protocol import MessageAction, configure_encode_object_for_msgpack
from flet.messaging.session import Session
from flet.pubsub.pubsub_hub import PubSubHub

from field_app.capture.position import FakeLocator
from field_app.pages.root import App
from field_app.state import State
from field_app.store import Store
from field_app.sync import Syncer

_SKIPPED = ("data", "ref", "parent", "page")


def _packed(value: Any) -> None:
    """Packing is what arms Flet's change tracking."""
    msgpack.packb(value, default=configure_encode_object_for_msgpack(BaseControl))


class _Deaf(Connection):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.executor = ThreadPoolExecutor(1)
        self.pubsubhub = PubSubHub(loop=self.loop, executor=self.executor)
        self.page_url, self.page_name = "http://tablet/", ""
        self.session: Session | None = None

    def send_message(self, message: Any) -> None:
        _packed([message.action, message.body])
        if message.action == MessageAction.INVOKE_METHOD and self.session is not None:
            call, session = message.body, self.session
            self.loop.call_soon(session.handle_invoke_method_results, call.control_id, call.call_id, None, None)


class Screen:
    """One window on a store. Names are those a screen reader says: labels and texts."""

    def __init__(self, store: Store, position: str, width: float = 390, height: float = 844) -> None:
        self.state = State(store, Syncer(store), FakeLocator(position))
        self._link = _Deaf()
        self._session = Session(self._link)
        self._link.session = self._session
        page = self._session.page
        self._session.apply_page_patch({"width": width, "height": height, "route": "/", "platform": "android"})
        self.state.width, self.state.height = width, height
        _context_page.set(page)
        _packed(self._session.get_page_patch())
        context.reset_auto_update()
        self._page = page

    async def open(self) -> Screen:
        self._page.render_views(App, (self.state,))
        await self._session.after_event(self._page)
        await self.settle()
        self._watch = asyncio.ensure_future(self.state.watch())
        return self

    def close(self) -> None:
        self._watch.cancel()
        self._session.close()
        self._link.executor.shutdown(wait=False)
        self.state.close()

    async def settle(self, rounds: int = 60) -> None:
        for _ in range(rounds):
            await asyncio.sleep(0.005)

    def walk(self, node: Any = ...) -> Iterator[Any]:
        node = self._page.views if node is ... else node
        if isinstance(node, (list, tuple)):
            for each in node:
                yield from self.walk(each)
        elif isinstance(node, Component):
            yield from self.walk(node._b)
        elif isinstance(node, BaseControl):
            yield node
            for name in node.__dataclass_fields__:
                if name not in _SKIPPED and not name.startswith("_"):
                    value = getattr(node, name, None)
                    if isinstance(value, (list, tuple, BaseControl)):
                        yield from self.walk(value)

    def texts(self) -> str:
        said = [c.value or "" for c in self.walk() if isinstance(c, ft.Text)]
        return "\n".join([*said, *(c.label or "" for c in self.walk() if isinstance(c, ft.TextField))])

    def _name(self, control: Any) -> str:
        words = [c.label for c in self.walk(control) if isinstance(c, ft.Semantics) and c.label]
        return words[0] if words else "".join(c.value or "" for c in self.walk(control) if isinstance(c, ft.Text))

    async def tap(self, pattern: str) -> None:
        for c in self.walk():
            if isinstance(c, (ft.Button, ft.Container)) and c.on_click and re.search(pattern, self._name(c)):
                await self._session.dispatch_event(c._i, "click", None)
                await self.settle()
                return
        raise AssertionError(f"nothing to tap is called {pattern}:\n{self.texts()}")

    async def type(self, pattern: str, text: str) -> None:
        for c in self.walk():
            if isinstance(c, ft.TextField) and re.search(pattern, c.label or ""):
                self._session.apply_patch(c._i, {"value": text})  # what the client does before its event
                await self._session.dispatch_event(c._i, "change", text)
                await self.settle()
                return
        raise AssertionError(f"no box is called {pattern}:\n{self.texts()}")

    def see(self, pattern: str) -> None:
        assert re.search(pattern, self.texts(), re.M), f"{pattern} is not there:\n{self.texts()}"
