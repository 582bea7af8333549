"""A load generator of its own process: prepared requests over connections that are kept alive.

A visit is one browser's: its own address (the limits count by it), one connection, its requests one after
the other. As many visits at once as there are connections. No parsing beyond status and length.
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Visit:
    address: str
    """Of 127.0.0.0/8, all of which is this machine."""
    requests: Sequence[bytes]


@dataclass
class Load:
    """What one slice saw."""

    latencies: list[float] = field(default_factory=list)
    passed: float = 0.0
    visits: int = 0
    """How many were begun; what is left of the last of them is lost."""
    unexpected: bytes = b""
    """The first answer that was not as it should be."""

    @property
    def each(self) -> float:
        """Seconds for one request, by all connections together."""
        return self.passed / len(self.latencies)


@dataclass(frozen=True)
class _Order:
    visits: Sequence[Visit]
    connections: int
    seconds: float
    expected: bytes


@dataclass
class Client:
    connection: Connection

    def run(self, visits: Sequence[Visit], *, connections: int, seconds: float, expected: bytes) -> Load:
        """Each answer begins with `expected` and has one Location at most; anything else is an error."""
        self.connection.send(_Order(visits, connections, seconds, expected))
        load: Load | BaseException = self.connection.recv()
        if isinstance(load, BaseException):
            raise RuntimeError("the load generator failed") from load
        if load.unexpected:
            raise RuntimeError(f"an unexpected answer: {load.unexpected[:2000]!r}")
        return load


@contextmanager
def client(port: int) -> Iterator[Client]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(there, port), daemon=True)
    process.start()
    there.close()
    try:
        yield Client(here)
    finally:
        here.close()
        process.join(20)
        if process.is_alive():
            process.kill()


def _serve(connection: Connection, port: int) -> None:
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        try:
            connection.send(_Run(port, order).go())
        except Exception as error:
            connection.send(RuntimeError(repr(error)))


@dataclass
class _Browser:
    """One connection, and what it still has to ask."""

    socket: socket.socket
    waiting: Iterator[bytes]
    answer: bytes = b""
    sent: float = 0.0


class _Run:
    def __init__(self, port: int, order: _Order) -> None:
        self.port = port
        self.order = order
        self.visits = iter(order.visits)
        self.load = Load()
        self.end = 0.0

    def go(self) -> Load:
        began = time.perf_counter()
        self.end = began + self.order.seconds
        with selectors.DefaultSelector() as selector:
            for _ in range(self.order.connections):
                self._arrive(selector)
            while selector.get_map() and not self.load.unexpected:
                for key, _ in selector.select():
                    self._read(selector, key.data)
        self.load.passed = time.perf_counter() - began
        return self.load

    def _arrive(self, selector: selectors.BaseSelector) -> None:
        visit = next(self.visits, None)
        if visit is None:
            raise RuntimeError("the visits ran out")
        self.load.visits += 1
        address = (HOST, self.port)
        connected = socket.create_connection(address, timeout=30, source_address=(visit.address, 0))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        browser = _Browser(connected, iter(visit.requests))
        selector.register(connected, selectors.EVENT_READ, browser)
        self._ask(browser, next(browser.waiting))

    def _ask(self, browser: _Browser, request: bytes) -> None:
        browser.answer, browser.sent = b"", time.perf_counter()
        browser.socket.sendall(request)

    def _read(self, selector: selectors.BaseSelector, browser: _Browser) -> None:
        part = browser.socket.recv(65536)
        browser.answer += part
        if part and not _is_whole(browser.answer):
            return
        now = time.perf_counter()
        self.load.latencies.append(now - browser.sent)
        if not browser.answer.startswith(self.order.expected):
            self.load.unexpected = browser.answer or b"closed"
        following = next(browser.waiting, None)
        if now < self.end and following is not None:
            self._ask(browser, following)
            return
        selector.unregister(browser.socket)
        browser.socket.close()
        if now < self.end:
            self._arrive(selector)


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    _, named, length = head.lower().partition(b"\r\ncontent-length:")
    return len(body) >= (int(length.split(b"\r\n", 1)[0]) if named else 0)
