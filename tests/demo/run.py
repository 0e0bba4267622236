"""`python3 dev.py demo`: one day at three tablets, a bad network, one server, and what reconciling says of it.

--once    do the day, report, exit; --points FILE.csv other points; --json OUT.json the figures; --keep DIR the databases
else      do the day, then keep server, console and app up for a person until Ctrl-C; --port-base N, --data DIR
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from field_app.store import Store
from field_app.sync import Syncer, SyncResult
from schemas.problems import Trouble
from schemas.rules.manifest.alarms import alarms
from schemas.rules.manifest.balance import balance
from schemas.rules.manifest.mass import Range
from sync_server.facts import load_facts
from sync_server.main import build, create_app
from sync_server.settings import Settings
from tests.demo.day import HOURS, Row, Tablet, play, read_rows, start_of_day
from tests.demo.proxy import FaultyProxy
from tests.demo.seed import PARTIES, PASSWORD, PEOPLE, Demo, seed
from tests.hauling import Phone
from tests.sim.transport import AppTransport

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "assets" / "demo" / "plan.csv"
PIN = "246810"  # of every demo tablet
CARRIERS = ("zhoulan", "shenli", "wujian")  # tablets 1–3
HEARD = ("driver", "receiver")  # phones that come back into coverage; the one at the gate does not
ROUNDS = 60


def say(zh: str, en: str) -> None:
    print(f"{zh} · {en}", flush=True)


def need_free(ports: tuple[int, ...]) -> None:
    """Raises Trouble 4101: whoever listens there already would be taken for our own server."""
    for port in ports:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except (OSError, OverflowError) as err:
            why = {
                "zh": f"端口 {port} 用不了（{err}），换一个 --port-base",
                "en": f"port {port} cannot be used ({err}); give another --port-base",
            }
            raise Trouble(4101, why=why) from err


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def process(*args: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child that does not outlive us."""
    child = subprocess.Popen([sys.executable, *args], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for(url: str, child: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if child.poll() is not None:
            raise SystemExit(f"进程没有起来 · the process ended: {url}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.1)
    raise SystemExit(f"等不到 {url} · no answer from {url}")


class EarlyClock:
    """Of a device this morning."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def mono_ms(self) -> int:
        return 0


class Day:
    """Server process, proxy, three tablets and three phones in one folder."""

    def __init__(self, folder: Path, points: Path, server_port: int, proxy_port: int, rng_seed: int) -> None:
        self.folder, self.server_port, self.rng_seed = folder, server_port, rng_seed
        self.proxy_port = proxy_port
        self.data = points.read_bytes()
        (folder / "points.csv").write_bytes(self.data)
        self.now = datetime.now(UTC)
        start = start_of_day(self.now)
        early = start - timedelta(minutes=30)
        app = create_app(Settings(data=folder / "server"), clock=lambda: early.astimezone(UTC))
        parts = app.state.parts
        self.demo: Demo = seed(parts, points, start.date(), start)
        self.demo.save(folder / "demo.json")
        self.rows: list[Row] = read_rows(self.data)
        manager = self.demo.people["xujing"]
        self.codes = [
            parts.service.new_code(self.demo.people[name], manager, minutes=(HOURS + 3) * 60)
            for name in (*CARRIERS, "zhoulan")
        ]
        for device, (name, _, _) in PARTIES.items():
            self._enrol_early(
                app,
                f"phone-{device}",
                parts.service.new_code(self.demo.parties[device], manager),
                f"手机 {name}",
                early,
            )
        self._enrol_early(app, "tablet-2", self.codes[1], "平板 2 号", early)
        parts.service.store.close()

    def _enrol_early(self, app: FastAPI, name: str, code: str, label: str, at: datetime) -> None:
        """Who signs for trucks today has a device since this morning: a leg dated before its key would be none."""
        inner = AppTransport(app)
        store = Store(self.folder / name, EarlyClock(at))
        Syncer(store, transport=inner).enrol("http://morning", code, label)
        store.close()
        inner.shut()

    @classmethod
    def kept(cls, folder: Path) -> Day:
        """A day that was played before."""
        day = cls.__new__(cls)
        day.folder, day.demo = folder, Demo.load(folder / "demo.json")
        day.rows = read_rows((folder / "points.csv").read_bytes())
        told = json.loads((folder / "played").read_text() or "{}")
        day.bytes_up, day.bytes_down = told.get("bytes_up", 0), told.get("bytes_down", 0)
        day.faults, day.calls = told.get("faults", {}), told.get("calls", 0)
        return day

    def note(self) -> None:
        """What the databases do not hold: for `kept`."""
        told = {"bytes_up": self.bytes_up, "bytes_down": self.bytes_down, "faults": self.faults, "calls": self.calls}
        (self.folder / "played").write_text(json.dumps(told) + "\n")

    def reopen(self, server_url: str) -> list[tuple[Store, Syncer]]:
        """The tablets and phones as they were left; they fetch what somebody did in the app since."""
        tablets = []
        for name in (*(f"tablet-{n + 1}" for n in range(3)), *(f"phone-{d}" for d in HEARD)):
            repoint(self.folder / name, server_url)
            store = Store(self.folder / name)
            store.keys.unlock(store.keys.require().enrolment, PIN)
            tablets.append((store, Syncer(store)))
        self.results: list[SyncResult] = []
        self._sync(tablets)
        return tablets

    def play(self) -> list[tuple[Store, Syncer]]:
        """Enrol and take the plan along (through the bad network), record offline, sync until all is there. Returns the tablets, and
        the phones that were heard of again."""
        proxy = FaultyProxy(self.server_port, self.rng_seed, port=self.proxy_port)
        try:
            tablets = []
            url = f"http://127.0.0.1:{proxy.port}"

            def opened(name: str) -> tuple[Store, Syncer]:
                if (self.folder / name).exists():
                    repoint(self.folder / name, url)
                store = Store(self.folder / name)
                return store, Syncer(store, pause=lambda s: time.sleep(min(s, 0.02)))

            for n in range(3):
                store, syncer = opened(f"tablet-{n + 1}")
                if store.identity is None:
                    self._insist(lambda s=syncer, n=n: s.enrol(url, self.codes[n], f"平板 {n + 1} 号"))
                tablets.append((store, syncer))
            phones = {device: opened(f"phone-{device}") for device in PARTIES}
            self.results = []
            say("三台平板已登记，正在带走方案", "three tablets enrolled, taking the plan along")
            self._sync([*tablets, *phones.values()])
            say(
                "断网一天：记录点位、读数、样品、联单、检查",
                "a day offline: points, readings, samples, manifests, inspections",
            )
            play(
                [
                    Tablet(n + 1, store, self.demo, CARRIERS[n], start_of_day(self.now))
                    for n, (store, _) in enumerate(tablets)
                ],
                self.rows,
                {
                    d: Phone(store, f"{self.demo.project}.transfer", PARTIES[d][0], self.demo.firms[PARTIES[d][1]])
                    for d, (store, _) in phones.items()
                },
            )
            tablets += [phones[d] for d in HEARD]
            for store, _ in (phones[d] for d in phones if d not in HEARD):
                store.close()
            say("回到有信号处，经过坏网络同步", "back in coverage: syncing through the bad network")
            self._sync(tablets)
            self.faults, self.calls = dict(proxy.faults), proxy.calls
            self.bytes_up, self.bytes_down = (
                sum(getattr(r, b) for r in self.results) for b in ("bytes_up", "bytes_down")
            )
            return tablets
        finally:
            proxy.close()

    def _insist(self, action: Any) -> None:
        for attempt in range(ROUNDS):
            try:
                action()
                return
            except Trouble as err:
                if err.problem.number != 5004 or attempt == ROUNDS - 1:
                    raise

    def _sync(self, tablets: list[tuple[Store, Syncer]]) -> None:
        """Rounds, as people would press the button, until nothing waits and everyone holds the same."""
        for _ in range(ROUNDS):
            done = True
            for store, syncer in tablets:
                result = syncer.run()
                self.results.append(result)
                counts = store.counts()
                done &= result.digests_equal and not counts["pending"]
            if done and all(s.cursor(g.scope) == head for (s, _), heads in self._heads(tablets) for g, head in heads):
                return
        raise SystemExit("同步没有完成 · the sync did not finish")

    def _heads(self, tablets: list[tuple[Store, Syncer]]) -> list[tuple[tuple[Store, Syncer], list[tuple[Any, int]]]]:
        """The newest number of each scope, read from the server's database: what every tablet must have reached."""
        with contextlib.closing(sqlite3.connect(self.folder / "server" / "server.db")) as db:
            heads = dict(db.execute("SELECT id, seq FROM scope").fetchall())
        return [(t, [(g, heads[g.scope]) for g in t[0].scopes() if g.reads]) for t in tablets]

    def figures(self, tablets: list[tuple[Store, Syncer]]) -> dict[str, Any]:
        report = json.loads(
            subprocess.run(
                [sys.executable, "-m", "sync_server.cli", "reconcile", self.demo.project, "--json", "--data", str(self.folder / "server")],
                cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
            ).stdout
        )  # fmt: skip
        self.report = report
        made: Counter[str] = Counter(c.id for store, _ in tablets for _, _, c in store.changes())
        sends: dict[str, int] = {}
        equal = True
        with contextlib.closing(sqlite3.connect(self.folder / "server" / "server.db")) as db:
            kept = dict(db.execute("SELECT id, outcome FROM journal WHERE enrolment<>'console'").fetchall())
            lines = {
                i: bytes(line) for i, line in db.execute("SELECT id, line FROM journal WHERE enrolment<>'console'")
            }
            twice = Counter(lines.values())
            seqs = Counter(db.execute("SELECT scope, seq FROM journal WHERE seq IS NOT NULL").fetchall())
            digests = dict(db.execute("SELECT id, digest FROM scope").fetchall())
        lost = 0
        for store, _ in tablets:
            lost += sum(1 for _, _, c in store.changes() if lines.get(c.id) != c.line)
            for change_id, n in store.sends().items():
                sends[change_id] = sends.get(change_id, 0) + n
            equal &= all(
                store.recount_digest(g.scope) == store.digest(g.scope) == digests[g.scope]
                for g in store.scopes()
                if g.reads
            )
        outcomes = Counter(kept[i] for i in made if i in kept)
        totals = report["totals"]
        return {
            "plan": {"points": len(self.rows)},
            "field": {"finalized_records": sum(made.values())},
            "sync": {
                "acknowledged": outcomes["applied"] + outcomes["conflict"], "rejected": outcomes["rejected"], "parked": outcomes["parked"],
                "lost": lost, "applied_twice": sum(n - 1 for n in twice.values()) + sum(n - 1 for n in seqs.values()),
                "resent": sum(1 for n in sends.values() if n > 1),
                "bytes_up": self.bytes_up, "bytes_down": self.bytes_down,
            },
            "reconcile": {
                **{k: totals[k] for k in ("done", "missing", "shifted", "extra", "duplicates", "duplicate_share", "exceedances")},
                "manifests": {k: totals["manifests"][k] for k in ("sent", "received", "short", "not_received")},
                "findings_open": totals["findings_open"],
            },
            "transfer": self._transfer(),
            "digest_equal": equal,
        }  # fmt: skip

    def _transfer(self) -> dict[str, Any]:
        """The mass balance and the alarms, as the server's rules have them."""
        parts = build(Settings(data=self.folder / "server"))
        try:
            facts = load_facts(parts.service, self.demo.project, datetime.now(UTC))
            total = balance(facts).total
            codes_only = sum(m.id not in facts.records["manifest"] for m in facts.manifests())
            return {
                "out_t": _ends(total.out), "came_t": _ends(total.came), "unknown": total.unknown, "from_code_only": codes_only,
                "alarms": dict(sorted(Counter(a.code for a in alarms(facts, facts.now)).items())),
            }  # fmt: skip
        finally:
            parts.service.store.close()


def _ends(r: Range) -> list[str | None]:
    return [f"{r.low:.3f}", None if r.high is None else f"{r.high:.3f}"]


def _span(ends: list[str | None]) -> str:
    low, high = ends
    return f"{low} t" if low == high else f"{low}–{high or '?'} t"


def show(figures: dict[str, Any], day: Day, seconds: float) -> None:
    """The report a person reads."""
    s, r, m = figures["sync"], figures["reconcile"], figures["reconcile"]["manifests"]
    t = figures["transfer"]
    faults = "、".join(f"{k} {n}" for k, n in sorted(day.faults.items()))
    print(
        f"""
—— 净土外业 · 示范的一天 · a day's work ——
方案 plan              {figures["plan"]["points"]} 个点位 points
外业 field             {figures["field"]["finalized_records"]} 条记录 records
同步 sync              入库 acknowledged {s["acknowledged"]} · 退回 rejected {s["rejected"]} · 待关联 parked {s["parked"]}
                       丢失 lost {s["lost"]} · 重复 applied twice {s["applied_twice"]} · 重发 resent {s["resent"]}
                       上行 up {s["bytes_up"] / 1000:.0f} kB · 下行 down {s["bytes_down"] / 1000:.0f} kB
坏网络 bad network     {day.calls} 次请求 requests · {faults or "—"}
点位 points            完成 done {r["done"]} · 缺 missing {r["missing"]} · 移位 shifted {r["shifted"]} · 计划外 extra {r["extra"]}
平行样 duplicates      {r["duplicates"]} ({r["duplicate_share"]:.1%})
超筛选值 exceedances   {"、".join(f"{k} {v}" for k, v in sorted(r["exceedances"].items())) or "—"}
联单 manifests         发出 sent {m["sent"]} · 接收 received {m["received"]} · 短重 short {m["short"]} · 未到 not received {m["not_received"]}
转运平衡 balance       出场 out {_span(t["out_t"])} · 接收 came {_span(t["came_t"])} · 只见于交接码 by code only {t["from_code_only"]}
未定 not settled       {"；".join(t["unknown"]) or "—"}
告警 alarms            {"、".join(f"{k} {v}" for k, v in t["alarms"].items()) or "—"}
问题 findings          未销号 open {r["findings_open"]}
校验 digests           {"一致 equal" if figures["digest_equal"] else "不一致 DIFFERENT"}
用时 took              {seconds:.1f} s
""",
        flush=True,
    )
    checks = Counter((f["check"], f["severity"]) for f in day.report["findings"])
    print(
        "核对发现 findings by check: " + "  ".join(f"{c}({s}) {n}" for (c, s), n in sorted(checks.items())), flush=True
    )


def keep(folder: Path, into: Path) -> None:
    """Whole single-file databases, by SQLite's own backup."""
    into.mkdir(parents=True, exist_ok=True)
    for source, name in [
        (folder / "server" / "server.db", "server.db"),
        *((folder / f"tablet-{n}" / "tablet.db", f"tablet-{n}.db") for n in (1, 2, 3)),
    ]:
        target = into / name
        target.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(source)) as a, contextlib.closing(sqlite3.connect(target)) as b:
            a.backup(b)
            b.execute("PRAGMA journal_mode=DELETE")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="dev.py demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--points", type=Path, default=PLAN)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--port-base", type=int)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    ended = 130 if args.once else 0  # staying up ends by being asked to; a day that was to be played did not

    def stop(number: int, frame: object) -> None:
        """Asked to end: once is enough, or a second signal would leave children behind."""
        signal.signal(number, signal.SIG_IGN)
        sys.exit(ended)

    for asked in (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,):
        signal.signal(asked, stop)
    base = args.port_base
    server_port, app_port, proxy_port = (base, base + 1, base + 2) if base else (free_port(), free_port(), 0)
    folder = args.data or Path(tempfile.mkdtemp(prefix="jingtu-demo-"))
    try:
        if base:
            need_free((server_port, app_port, proxy_port))
        return run(args, folder, server_port, app_port, proxy_port)
    except Trouble as trouble:
        tell(trouble)
        return 1
    except KeyboardInterrupt:
        return ended
    finally:
        if args.data is None:
            shutil.rmtree(folder, ignore_errors=True)


def tell(trouble: Trouble) -> None:
    p = trouble.problem
    print(f"{p.number} {trouble.text('zh')}。{p.remedy_zh}\n     {trouble.text('en')}. {p.remedy_en}", file=sys.stderr)
    for f in trouble.extra.get("faults", []):
        if isinstance(f, dict) and "line" in f:
            print(
                f"  第 {f['line']} 行「{f['column']}」：{f['zh']}；{f['remedy_zh']} · line {f['line']}: {f['en']}; {f['remedy_en']}",
                file=sys.stderr,
            )


def run(args: argparse.Namespace, folder: Path, server_port: int, app_port: int, proxy_port: int) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / "demo.json"
    if not args.points.is_file():
        raise Trouble(4001, why={"zh": f"没有文件 {args.points}", "en": f"no file {args.points}"})
    begun = time.monotonic()
    played = marker.exists() and (folder / "played").exists()
    if not played and (folder / "server").exists():
        why = {
            "zh": f"{folder} 里有没演完的一天，删掉它或换一个 --data",
            "en": f"{folder} holds a day that was cut short: remove it or give another --data",
        }
        raise Trouble(4101, why=why)
    day = Day.kept(folder) if played else Day(folder, args.points, server_port, proxy_port, args.seed)
    server_url = f"http://127.0.0.1:{server_port}"
    with process(
        "-m", "sync_server.cli", "server", "--data", str(folder / "server"), "--port", str(server_port)
    ) as server:
        wait_for(f"{server_url}/openapi.json", server)
        if args.once or not played:
            tablets = day.reopen(server_url) if played else day.play()
            figures = day.figures(tablets)
            show(figures, day, time.monotonic() - begun)
            if args.json:
                args.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
            if not args.once:
                # a fourth tablet, for the person who looks
                spare = Store(folder / "tablet-app")
                syncer = Syncer(spare)
                syncer.enrol(server_url, day.codes[3], "平板 4 号")
                syncer.run()
                tablets.append((spare, syncer))
            for store, _ in tablets:
                who = store.keys.require().enrolment
                if not store.keys.has_pin(who):
                    store.keys.set_pin(who, PIN)
                store.close()
            if not played:
                day.note()
        if args.keep:
            keep(folder, args.keep)
        if args.once:
            return 0
        return stay(folder, server, server_url, app_port)


def stay(folder: Path, server: subprocess.Popen[bytes], server_url: str, app_port: int) -> int:
    """Server, console and app, until told to stop."""
    demo = Demo.load(folder / "demo.json")
    repoint(folder / "tablet-app", server_url)
    near = read_rows((folder / "points.csv").read_bytes())[:20][-1]  # beside a point that was never visited
    os.environ.setdefault("JINGTU_FAKE_POSITION", f"{near.lon},{near.lat},0.5")
    with process("-m", "field_app", "--data", str(folder / "tablet-app"), "--port", str(app_port)) as app:
        wait_for(f"http://127.0.0.1:{app_port}/", app)
        ready = {
            "urls": {"server": server_url, "console": f"{server_url}/console/", "app": f"http://127.0.0.1:{app_port}/"},
            "logins": [{"role": role, "username": u, "password": PASSWORD, "pin": PIN if u in CARRIERS else None}
                       for u, (_, roles, _) in PEOPLE.items() for role in roles],
            "scopes": {a: f"{demo.project}.{a}" for a in ("field", "enforcement", "transfer")},
        }  # fmt: skip
        print("ready " + json.dumps(ready, ensure_ascii=False), flush=True)
        while server.poll() is None and app.poll() is None:
            time.sleep(0.5)
    return 1


def repoint(folder: Path, server_url: str) -> None:
    """A tablet goes to where the server is this time."""
    store = Store(folder)
    identity = store.keys.require()
    if identity.server_url != server_url:
        store.keys.save(identity._replace(server_url=server_url))
    store.close()


if __name__ == "__main__":
    sys.exit(main())
