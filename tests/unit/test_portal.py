"""A network that answers in the server's place: sign-in pages, proxies, other people's servers. Real sockets, the shipped
syncer, and behind the portal the shipped server. Whatever comes back, nothing counts as sent, and everything is sent later."""

from __future__ import annotations

import datetime
import re
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from field_app.store import Store
from field_app.sync import Syncer
from schemas.problems import Trouble
from tests.api.test_shared_tablet import Site

PAGE = "<!doctype html><title>欢迎使用酒店网络</title><form>手机号</form>".encode()
HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}
NOT_REACHED, SIGN_IN, CERTIFICATE = 5004, 5020, 5021


class Says(NamedTuple):
    """What the portal answers. cut: it promises more bytes than it sends."""

    status: int
    headers: dict[str, str]
    body: bytes
    told: int = SIGN_IN  # the problem a person reads
    cut: bool = False


ANSWERS = {
    "a page with 200": Says(200, HTML, PAGE),
    "a redirect to the page": Says(302, {**HTML, "Location": "http://login.hotel.example/?from=1"}, b""),
    "a redirect to nowhere": Says(307, {"Location": "http://[broken"}, b""),
    "sign-in needed": Says(511, HTML, PAGE),
    "somebody else's JSON": Says(200, JSON, b'{"status":"ok","access_token":null,"data":[]}'),
    "somebody else's list": Says(200, JSON, b"[1,2,3]"),
    "somebody else's word": Says(200, JSON, b'"ok"'),
    "somebody else's problem": Says(400, {"Content-Type": "application/problem+json"}, b'{"number":"x","zh":"?"}'),
    "an unknown problem with odd words": Says(
        503, {"Content-Type": "application/problem+json"}, b'{"number":77777,"zh":"x","en":[]}', 5005
    ),
    "nothing with 200": Says(200, {}, b""),
    "nothing with 204": Says(204, {}, b""),
    "another kind of content": Says(200, {"Content-Type": "application/x-ndjson"}, b"ok\n"),
    "half of what was promised": Says(200, HTML, PAGE, NOT_REACHED, cut=True),
    "damaged packing": Says(200, {**JSON, "Content-Encoding": "zstd"}, b"not zstd at all", NOT_REACHED),
    "forbidden": Says(403, HTML, PAGE),
    "a gateway that fails": Says(502, HTML, b"<h1>Bad Gateway</h1>", NOT_REACHED),
}  # fmt: skip


class Net:
    """A server on this machine: what `held` matches, the portal answers; the rest reaches Jingtu's server."""

    def __init__(self, behind: httpx.BaseTransport | None) -> None:
        self.held, self.says = re.compile("nothing"), ANSWERS["a page with 200"]
        self.answered = 0
        net, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    if net.held.search(self.path) or behind is None:
                        net.answered += 1
                        return self.reply(net.says)
                    request = httpx.Request(
                        self.command, f"http://sim{self.path}", headers=dict(self.headers), content=body
                    )
                    answer = behind.handle_request(request)
                    kept = {k: v for k, v in answer.headers.items() if k not in ("content-encoding", "content-length")}
                    self.reply(Says(answer.status_code, kept, answer.content))

            do_POST = do_GET

            def reply(self, says: Says) -> None:
                self.send_response(says.status)
                for name, value in says.headers.items():
                    self.send_header(name, value)
                if says.status != 204:
                    self.send_header("Content-Length", str(len(says.body) + (50 if says.cut else 0)))
                self.end_headers()
                self.wfile.write(says.body)
                self.close_connection = self.close_connection or says.cut

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def hold(self, path: str, says: Says) -> None:
        self.held, self.says, self.answered = re.compile(path), says, 0

    def free(self) -> None:
        self.held = re.compile("nothing")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("portal"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_net(site: Site) -> Iterator[Net]:
    made = Net(site.net)
    yield made
    made.close()


@pytest.fixture
def net(shared_net: Net) -> Net:
    shared_net.free()
    return shared_net


@pytest.fixture
def tablet(site: Site, net: Net, tmp_path: Path) -> Iterator[tuple[Store, Syncer]]:
    """Enrolled and synced over the real network, with two records to send."""
    store = Store(tmp_path / "tablet")
    syncer = Syncer(store, pause=lambda _: None)
    syncer.enrol(net.url, site.code(site.li), "平板")
    assert syncer.run().problems == []
    two(site, store)
    yield store, syncer
    store.close()


def two(site: Site, store: Store) -> None:
    site.note(store, "一")
    site.note(store, "二")


def recorded(site: Site) -> int:
    return len(site.service.records("comment", site.field))


@pytest.mark.parametrize("path", ["/api/v1", "/auth/token", "/me", "/push", "/pull"])
def test_no_answer_of_a_portal_counts(site: Site, net: Net, tablet: tuple[Store, Syncer], path: str) -> None:
    store, syncer = tablet
    for what, says in ANSWERS.items():
        before, cursor, epoch = recorded(site), store.cursor(site.field), store.meta("epoch")
        # one that has no token yet asks for it first
        one = Syncer(store, pause=lambda _: None) if path == "/auth/token" else syncer
        net.hold(path, says)
        result = one.run()
        assert net.answered, "the portal was never asked"
        assert {p.problem.number for p in result.problems} == {says.told}, what
        assert not result.digests_equal and result.reached is (path in ("/push", "/pull")), what
        if path == "/pull":
            assert store.counts()["pending"] == 0, what  # sent before, with a receipt that was checked
        else:
            assert store.counts()["pending"] == 2 and recorded(site) == before and result.acknowledged == 0, what
        assert (store.cursor(site.field), store.meta("epoch")) == (cursor, epoch), what
        net.free()
        result = syncer.run()
        assert result.problems == [] and result.digests_equal, what
        assert store.counts()["pending"] == 0 and recorded(site) == before + 2, what
        two(site, store)


def test_no_portal_enrols_a_tablet(site: Site, net: Net, tmp_path: Path) -> None:
    store, code = Store(tmp_path / "new"), site.code(site.li)
    syncer = Syncer(store, pause=lambda _: None)
    for what, says in ANSWERS.items():
        net.hold("/enrol", says)
        with pytest.raises(Trouble) as told:
            syncer.enrol(net.url, code, "平板")
        assert told.value.problem.number == says.told, what
        assert store.identity is None and store.scopes() == [], what
    net.free()
    syncer.enrol(net.url, code, "平板")  # the code is still good
    assert syncer.run().problems == []
    store.close()


def test_no_portal_gives_numbers(site: Site, net: Net, tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    syncer = Syncer(store, pause=lambda _: None)
    syncer.enrol(net.url, site.code(site.li), "平板")
    for what, says in ANSWERS.items():
        net.hold("/blocks", says)
        result = syncer.run()
        assert net.answered and {p.problem.number for p in result.problems} == {says.told}, what
        assert store.numbers_left("sample") == 0, what
    net.free()
    assert syncer.run().problems == [] and store.numbers_left("sample") >= 100
    store.close()


def test_a_portal_is_not_taken_for_the_server_within_reach(net: Net, tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    syncer = Syncer(store)
    assert syncer.reachable(net.url)
    for what, says in ANSWERS.items():
        net.hold("/", says)
        assert not syncer.reachable(net.url), what
    assert not any(syncer.reachable(url) for url in ("http://127.0.0.1:9", "没有这样的地址", ""))
    store.close()


def test_a_conflict_is_not_decided_by_a_portal(site: Site, net: Net, tablet: tuple[Store, Syncer]) -> None:
    _, syncer = tablet
    for says in ANSWERS.values():
        net.hold("/conflicts/", says)
        with pytest.raises(Trouble) as told:
            syncer.decide("01900000-0000-7000-8000-000000000001", "keep_now", "看过")
        assert told.value.problem.number == says.told
    net.free()
    with pytest.raises(Trouble) as told:  # the server itself
        syncer.decide("01900000-0000-7000-8000-000000000001", "keep_now", "看过")
    assert told.value.problem.number == 2004


def test_what_the_server_itself_says_is_told_in_its_words(site: Site, net: Net, tablet: tuple[Store, Syncer]) -> None:
    """Full or busy is not "not reached", though it is tried again all the same."""
    store, syncer = tablet
    for number in (1102, 1103, 1101):
        body = httpx.Response(200, json=Trouble(number).body()).content
        spoken = {"Content-Type": "application/problem+json", "Jingtu-Protocol": "1"}
        net.hold("/push", Says(507, spoken, body))
        result = syncer.run()
        assert [p.problem.number for p in result.problems] == [number] and net.answered == 4
        assert store.counts()["pending"] == 2
    before = recorded(site)
    net.free()
    assert syncer.run().problems == [] and recorded(site) == before + 2


def test_a_person_stops_a_sync_and_it_goes_on_later(site: Site, net: Net, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    before = recorded(site)
    result = syncer.run(lambda _: syncer.stop())  # told after the batch that is on its way
    assert result.stopped and result.problems == [] and not result.digests_equal
    assert store.counts()["pending"] == 0 and recorded(site) == before + 2  # what was on its way arrived, and is noted
    result = syncer.run()
    assert not result.stopped and result.problems == [] and result.digests_equal and result.pulled == 2


def test_somebody_elses_certificate(site: Site, net: Net, tmp_path: Path) -> None:
    """A portal that answers in the server's name over TLS: nothing is sent, and the words say what is likely."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hotel.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = (
        made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    )
    kept = tmp_path / "portal.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kept.write_bytes(plain + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(kept)
    portal = Net(None)
    portal.server.socket = context.wrap_socket(portal.server.socket, server_side=True)
    url = portal.url.replace("http:", "https:")
    store = Store(tmp_path / "tls")
    syncer = Syncer(store, pause=lambda _: None)
    with pytest.raises(Trouble) as told:
        syncer.enrol(url, site.code(site.li), "平板")
    assert told.value.problem.number == CERTIFICATE
    syncer.enrol(net.url, site.code(site.li), "平板")
    identity = store.keys.require()
    store.keys.save(identity._replace(server_url=url))
    result = syncer.run()
    assert [p.problem.number for p in result.problems] == [CERTIFICATE] and not result.reached
    assert portal.answered == 0 and not syncer.reachable(url)
    portal.close()
    store.close()
