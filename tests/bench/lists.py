"""What opening a list costs among few and among many records: on the tablet, and at the console."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from field_app.keys import Identity
from field_app.store import PAGE, Edit, Store
from schemas.rules import evidence
from schemas.wire import PullHead, ScopeGrant
from sync_server.console.tables.table import PAGE as ROWS
from sync_server.main import build
from sync_server.settings import Settings
from tests.bench import ground as g
from tests.bench.figures import Figures, figure, median
from tests.bench.fill import filled, million_in
from tests.bench.generate import Places, records

SHOWN = "field_reading"  # half of the records are of this type
FEW, MANY = 1_000, 100_000
TEN_K, MILLION = 10_000, 1_000_000
MIDDLE = {TEN_K: 5_000, MILLION: 500_000}  # seq of the page there
PART = 1_000  # rows of one pull
UNSENT = 20
PASSWORD = "correct horse battery"
Tell = Callable[[str], None]


class Taken:
    """Seconds of one and the same thing in several places."""

    def __init__(self, places: dict[int, Any]) -> None:
        self.places: dict[int, Any] = places
        self.of: dict[int, list[float]] = {count: [] for count in places}

    def take(self, work: Callable[[int, Any], Any], times: int) -> None:
        """One repetition: the places in turn, so many times, after once that is not counted; the median of each."""
        took: dict[int, list[float]] = {count: [] for count in self.places}
        gc.collect()
        for n in range(times + 1):
            for count, place in self.places.items():
                began = time.perf_counter()
                work(count, place)
                if n:
                    took[count].append(time.perf_counter() - began)
        for count, seconds in took.items():
            self.of[count].append(median(seconds))

    def ratio(self, count: int, limit: int) -> float:
        return median([s / at for s, at in zip(self.of[count], self.of[limit], strict=True)])


# --- the tablet ------------------------------------------------------------------------------------------------------


def tablet_lists(folder: Path, repeat: int, tell: Tell) -> Figures:
    """tablet_list_1k and tablet_list_100k: the first page of the list of field readings, opened as the app does
    (`Store.page`: rights looked up, base and overlay together, PAGE records), on a tablet that pulled as many records of
    a project (`apply_pull`, a thousand a time) and edited the first 20 readings without having sent that. Both stores
    are open at once. `repeat` times, at least seven, each is asked 20 times, in turn; seconds are the median of the 20.
    The limit of the 100k is the 1k of the same repetition.

    Extra keys: page_ms; middle_ms, middle_ratio: the same for the page in the middle; count_ms: `Store.count`."""
    tell(f"平板：准备 {FEW} 和 {MANY} 条 / tablet: making {FEW} and {MANY} records")
    with ExitStack() as stack:
        stores = {count: _tablet(folder / f"tablet{count}", count) for count in (FEW, MANY)}
        for store in stores.values():
            stack.callback(store.close)
        middle = {count: _middle(store) for count, store in stores.items()}
        first, inside, counted = Taken(stores), Taken(stores), Taken(stores)
        for _ in range(max(repeat, 7)):
            first.take(lambda _, store: store.page(SHOWN), 20)
            inside.take(lambda count, store: store.page(SHOWN, middle[count]), 20)
            counted.take(lambda _, store: store.count(SHOWN), 3)
    out = {
        name: figure(
            first.of[count], first.of[FEW], count, page_ms=1000 * median(first.of[count]),
            middle_ms=1000 * median(inside.of[count]), middle_ratio=inside.ratio(count, FEW),
            count_ms=1000 * median(counted.of[count]),
        )
        for name, count in (("tablet_list_1k", FEW), ("tablet_list_100k", MANY))
    }  # fmt: skip
    tell(f"tablet_list_100k: {out['tablet_list_100k']['ratio']:.2f} × 1k")
    return out


def _tablet(folder: Path, count: int) -> Store:
    store = Store(folder)
    ids = [store.new_id() for _ in range(12)]
    key = evidence.new_key()
    store.keys.save(Identity(ids[0], ids[1], "A1", ids[2], "李", "http://s", evidence.public_of(key), key, bytes(32)))
    scope = f"{ids[3]}.field"
    store.grant([ScopeGrant(scope=scope, audience="field", owner=ids[3], name="P", roles=["sampler"], writes=[SHOWN])])
    made = enumerate(records(Places(ids[4], tuple(ids[5:8]), tuple(ids[8:])), 3, count), start=1)
    seq = 0
    while part := [evidence.row_line(type, id, n, values) for n, (type, id, values) in islice(made, PART)]:
        seq += len(part)
        head = PullHead(epoch="e", cursor=seq, head=count, count=len(part), more=seq < count, digest=None)
        store.apply_pull(scope, head, part)
    found = store.page(SHOWN, limit=UNSENT).rows
    store.finalize([Edit(SHOWN, s.id, scope, {**s.values, "note": f"改 {s.id[-6:]}"}) for s in found], complete=False)
    if store.count(SHOWN) < count // 3 or len(store.page(SHOWN).rows) != PAGE:
        raise RuntimeError("the list is not as long as it should be")
    return store


def _middle(store: Store) -> str:
    """What the page in the middle of the list is asked for with."""
    left, after = store.count(SHOWN) // 2, ""
    while left > 0:
        page = store.page(SHOWN, after, min(left, 1000))
        left, after = left - len(page.rows), page.next or ""
    return after


# --- the console -----------------------------------------------------------------------------------------------------


class Visitor:
    """Somebody signed in at the console, on one kept connection."""

    def __init__(self, http: httpx.Client, project: str) -> None:
        self.http, self.path = http, f"/console/projects/{project}/records/{SHOWN}"

    def page(self, after: int | None = None) -> int:
        """Fetch one page, full and right; its bytes on the wire without heads. Raises RuntimeError."""
        answer = self.http.get(self.path, params={} if after is None else {"after": after})
        if answer.status_code != 200 or answer.text.count('<tr id="r-') != ROWS:
            raise RuntimeError(f"not a full page: {answer.status_code} {answer.text[:200]}")
        return answer.num_bytes_downloaded


def console_pages(folder: Path, repeat: int, tell: Tell) -> Figures:
    """console_page_10k and console_page_1m: the first page of the table of field readings (50 rows) of a project that
    holds as many records, fetched whole from the real server process over loopback by a person who signed in with name
    and password. The rows are of one generator and were put in by the store's own statements; the million is the one that
    the suite makes once. Both servers run at once. `repeat` times, at least seven, each is asked nine times, in turn;
    seconds are the median of the nine. The limit of the million is the 10k of the same repetition.

    Extra keys: page_ms; middle_ms, middle_ratio: the same for the page in the middle."""
    few = g.found(folder / "few")
    filled(few, TEN_K, tell)
    grounds = {TEN_K: few, MILLION: million_in(folder, tell, MILLION)}
    with ExitStack() as stack:
        visitors = {count: stack.enter_context(_signed_in(ground)) for count, ground in grounds.items()}
        first, inside = Taken(visitors), Taken(visitors)
        for _ in range(max(repeat, 7)):
            first.take(lambda _, visitor: visitor.page(), 9)
            inside.take(lambda count, visitor: visitor.page(MIDDLE[count]), 9)
        wire = {count: visitor.page() for count, visitor in visitors.items()}
    out = {
        name: figure(
            first.of[count], first.of[TEN_K], count, wire[count], page_ms=1000 * median(first.of[count]),
            middle_ms=1000 * median(inside.of[count]), middle_ratio=inside.ratio(count, TEN_K),
        )
        for name, count in (("console_page_10k", TEN_K), ("console_page_1m", MILLION))
    }  # fmt: skip
    tell(f"console_page_1m: {out['console_page_1m']['ratio']:.2f} × 10k")
    return out


@contextmanager
def _signed_in(ground: g.Ground) -> Iterator[Visitor]:
    parts = build(Settings(data=ground.server))
    parts.auth.add_account(ground.people[0], "bench", PASSWORD)
    parts.service.store.close()
    with g.served(ground.server) as (address, _), httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        form = {"username": "bench", "password": PASSWORD}
        answer = http.post("/console/login", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        if answer.status_code != 303:
            raise RuntimeError(f"signing in failed: {answer.status_code}")
        yield Visitor(http, ground.project)
