"""Between the platform and the gateways: passes on what it gets, but for the faults that a test asked for."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KINDS = (
    "hang",
    "late",
    "lost_answer",
    "lost_request",
    "doubled_request",
    "doubled_answer",
    "error_after",
    "garbage",
)
"""A hang swallows the request; a late one is carried out when its caller waits no longer."""
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass
class Fault:
    """Strikes the next call whose method and path fit, once."""

    kind: str
    method: str
    part: str
    """Of the path."""
    struck: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, *_: object) -> None:
        """Whoever called was killed meanwhile: that is what this is for."""


class Proxy:
    def __init__(self, target: str, port: int) -> None:
        self.target = target.removeprefix("http://")
        self.armed: list[Fault] = []
        self.guard = threading.Lock()
        self.under_way = 0
        """Requests that came and are not answered yet, whether or not their callers still wait."""
        self.hang_seconds = 2.0
        self.server = _Server(("127.0.0.1", port), _Handler)
        self.server.proxy = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def arm(self, kind: str, method: str, part: str) -> Fault:
        fault = Fault(kind, method, part)
        with self.guard:
            self.armed.append(fault)
        return fault

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.guard:
            self.under_way += 1
        try:
            yield
        finally:
            with self.guard:
                self.under_way -= 1

    def fault_for(self, method: str, path: str) -> str:
        with self.guard:
            for fault in self.armed:
                if fault.method == method and fault.part in path:
                    self.armed.remove(fault)
                    fault.struck.set()
                    return fault.kind
        return ""

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(self.target, timeout=40)
        try:
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def proxy(self) -> Proxy:
        server: _Server = self.server  # type: ignore[assignment]
        return server.proxy

    def relay(self) -> None:
        with self.proxy.counted():
            self.pass_on()

    def pass_on(self) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault_for(self.command, self.path)
        if fault in ("hang", "late"):
            time.sleep(self.proxy.hang_seconds)
        if fault in ("hang", "lost_request"):
            self.hang_up()
            return
        try:
            answer = self.proxy.forward(self.command, self.path, headers, body)
            if fault == "doubled_request":
                answer = self.proxy.forward(self.command, self.path, headers, body)
        except (OSError, http.client.HTTPException):
            self.hang_up()
            return
        self.give(answer, fault)

    def give(self, answer: tuple[int, str, bytes], fault: str) -> None:
        if fault in ("lost_answer", "late"):
            self.hang_up()
        elif fault == "error_after":
            self.say(500, "application/json", b'{"code": "UNKNOWN_PAYMENT_ERROR"}')
        elif fault == "garbage":
            self.say(200, "application/json", b"<html>502 Bad Gateway\x00")
        else:
            self.say(*answer, times=2 if fault == "doubled_answer" else 1)

    def say(self, status: int, kind: str, content: bytes, *, times: int = 1) -> None:
        """In one piece, so that two answers arrive together."""
        head = f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
        self.wfile.write((head.encode() + content) * times)

    def hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Nothing: a path may hold an order."""

    do_GET = do_POST = do_PUT = relay
