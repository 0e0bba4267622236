"""Behind a proxy that does TLS: whom the server believes, and what it says where nothing is encrypted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import ValidationError
from typer.testing import CliRunner

from sync_server.cli import app as cli
from sync_server.cli.commands import to_mind
from sync_server.main import create_app
from sync_server.settings import Settings
from tests.ui.console_seed import NOW, PASSWORD, seed

SAID = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "198.51.100.7",
    "Host": "jingtu.example",
    "Sec-Fetch-Site": "same-origin",
}


@contextmanager
def served(folder: Path, believed: str) -> Iterator[tuple[str, Settings]]:
    """The server as `jingtu server` configures it, and a client that is its proxy (on 127.0.0.1)."""
    settings = Settings(data=folder, forwarded_allow_ips=believed)
    app = create_app(settings, clock=lambda: NOW)
    seed(app.state.parts.service, app.state.parts.auth, points=1)
    door = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="critical", lifespan="off", proxy_headers=True, forwarded_allow_ips=settings.forwarded_allow_ips
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{door.getsockname()[1]}", settings
    server.should_exit = True
    thread.join(10)
    app.state.parts.service.store.close()


@pytest.mark.parametrize(
    ("believed", "secure"), [("127.0.0.1,::1", True), ("127.0.0.0/8", True), ("*", True), ("10.9.9.9", False)]
)
def test_who_may_say_https(tmp_path: Path, believed: str, secure: bool) -> None:
    with served(tmp_path, believed) as (base, settings):
        answer = httpx.post(
            f"{base}/console/login",
            data={"username": "xujing", "password": PASSWORD},
            headers=SAID,
            follow_redirects=False,
        )
        cookie = answer.headers["set-cookie"]
        assert (
            answer.status_code == 303
            and cookie.startswith("__Host-jingtu_session=") == secure
            and ("Secure" in cookie) == secure
        )
        page = httpx.get(f"{base}/console/login", headers=SAID).text
        assert ("没有加密" in page) != secure
        link = httpx.get(f"{base}/console/me", headers={**SAID, "Cookie": cookie.partition(";")[0]})
        place = "198.51.100.7" if secure else "127.0.0.1"
        assert place in link.text and f"{'https' if secure else 'http'}://jingtu.example/ogc" in link.text
        # a post that says only its origin: believed when the proxy kept Host and said https
        origin = {k: v for k, v in SAID.items() if k != "Sec-Fetch-Site"} | {"Origin": "https://jingtu.example"}
        assert httpx.post(f"{base}/console/logout", headers=origin).status_code == (303 if secure else 403)


def test_what_is_said_at_the_start() -> None:
    assert to_mind(Settings()) == [] and to_mind(Settings(host="localhost")) == []
    for host in ("0.0.0.0", "192.168.1.5", "::", "jingtu.example"):
        ((zh, en),) = to_mind(Settings(host=host))
        assert host in zh and "没有加密" in zh and "TLS" in zh and "not encrypted" in en and "TLS" in en
    ((zh, en),) = to_mind(Settings(forwarded_allow_ips="*"))
    assert "任何能连上的人" in zh and "whoever can connect" in en


@pytest.mark.parametrize("wrong", ["proxy.example", "10.0.0.1, 300.1.1.1", "10.0.0.1/99", "10.0.0.1/8"])
def test_a_proxy_that_is_no_address_is_told(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        Settings(forwarded_allow_ips=wrong)
    monkeypatch.setenv("JINGTU_FORWARDED_ALLOW_IPS", wrong)
    done = CliRunner().invoke(cli, ["server", "--data", str(tmp_path)])
    assert (
        done.exit_code == 1
        and "4101" in done.stderr
        and "forwarded_allow_ips" in done.stderr
        and "Traceback" not in done.stderr
    )
    assert Settings(forwarded_allow_ips=" 10.0.0.1 ,10.0.0.0/8,").forwarded_allow_ips == "10.0.0.1,10.0.0.0/8"
