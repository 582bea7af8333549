"""The real sandbox as a process on a free port, and our clients: patient ones, and ones that soon give up."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.gateways import Gateways, GatewaySettings
from app.gateways.http import Endpoint

ROOT = Path(__file__).parents[3]
SYSTEMS = {
    "identity": "identity",
    "tax_office": "tax",
    "card": "card",
    "zeropay": "zeropay",
    "sms": "sms",
    "bank": "bank",
    "mail": "mail",
}
PATIENT_SECONDS = 20.0  # the machine may be busy: only a hanging answer may time out
IMPATIENT_SECONDS = 0.6
WEB = httpx.Client(trust_env=False)  # the person at the browser; one client, for making one is slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Inbox:
    """A stand-in for the platform's call-back address: keeps what arrives, as it arrived."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server asks for
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.received.append((self.path, dict(self.headers.items()), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def about(self, order_id: str) -> list[tuple[str, dict[str, str], bytes]]:
        return [item for item in list(self.received) if order_id.encode() in item[2]]

    def wait_for(
        self, order_id: str, *, count: int, seconds: float = 5
    ) -> list[tuple[str, dict[str, str], bytes]]:
        end = time.monotonic() + seconds
        while len(self.about(order_id)) < count and time.monotonic() < end:
            time.sleep(0.05)
        return self.about(order_id)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Sandbox:
    """`python -m sandbox` on its port; `stop` and `start` again keep the book."""

    def __init__(self, *, book: Path, callback: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = book.with_suffix(".log")
        self._command = [sys.executable, "-m", "sandbox", "--port", str(self.port), "--book", str(book)]
        self._command += ["--callback", callback]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_SECRET"))}
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=clean, stdout=out, stderr=out)
        for _ in range(100):
            try:
                WEB.get(f"{self.url}/__health").raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        pytest.fail(f"the sandbox did not start: {self.log.read_text()}")

    def stop(self) -> int:
        if self._process is None:
            return 0
        self._process.terminate()
        return self._process.wait(timeout=10)

    def get(self, path: str, **params: str) -> Any:
        return WEB.get(f"{self.url}{path}", params=params).raise_for_status().json()

    def last_code(self, phone: str) -> str:
        """The code in the newest message to a phone: what a person reads on the page of messages."""
        return str(self.get("/messages.json", to=phone)[0]["code"])

    def ledger(self, order_id: str) -> list[tuple[str, int]]:
        lines = self.get("/__ledger")
        return [(line["entry"], line["amount"]) for line in lines if line["orderId"] == order_id]

    def wait_for_ledger(self, order_id: str, *, count: int) -> list[tuple[str, int]]:
        """The lines of an order, once there are `count`: our time-out may strike before the money moves."""
        end = time.monotonic() + 5
        while len(self.ledger(order_id)) < count and time.monotonic() < end:
            time.sleep(0.05)
        return self.ledger(order_id)


def settings_for(url: str, *, timeout: float = PATIENT_SECONDS) -> GatewaySettings:
    def endpoint(name: str) -> Endpoint:
        key, secret = f"sandbox-{name}-key", f"sandbox-{name}-secret"
        return Endpoint(f"{url}/{SYSTEMS[name]}", key, secret, timeout, 5.0)

    return GatewaySettings(**{name: endpoint(name) for name in SYSTEMS})


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture(scope="session")
def sandbox(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(book=tmp_path_factory.mktemp("sandbox") / "book.sqlite", callback=inbox.url)
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def gateways(sandbox: Sandbox) -> Gateways:
    return Gateways.build(settings_for(sandbox.url))


@pytest.fixture(scope="session")
def impatient(sandbox: Sandbox) -> Gateways:
    """Clients whose time-out strikes while the sandbox hangs."""
    return Gateways.build(settings_for(sandbox.url, timeout=IMPATIENT_SECONDS))


@pytest.fixture
def new_order() -> Callable[[], str]:
    return lambda: f"order-{os.urandom(8).hex()}"
