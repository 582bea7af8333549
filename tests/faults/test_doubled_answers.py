"""An answer that comes twice is not taken for the answer to the next call (R-PAY-4)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.gateways import http
from app.gateways.http import Endpoint, Transport


class Twice(BaseHTTPRequestHandler):
    """Says which path was asked for, twice in one piece, and keeps the connection open."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = json.dumps({"path": self.path}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        self.wfile.write((head + content) * 2)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def doubling() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Twice)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_each_call_gets_its_own_answer(doubling: str) -> None:
    transport = Transport("card", Endpoint(doubling, "key"))
    told = [transport.get(f"/{n}").text("path") for n in range(5)]
    http._client().close()
    http._process.client = None
    assert told == [f"/{n}" for n in range(5)]
