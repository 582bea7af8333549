"""Paying from Python: processes of some threads each, every thread with its own connection.

The processes stay for all slices, warm, as a server's do; a slice begins in all of them at one instant.
"""

from __future__ import annotations

import multiprocessing
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from flask import Flask

import config
from app import clock, create_core
from app.db import db
from app.gateways.payments import Approval
from app.workflows import payments
from bench import payment_peers
from bench.payment_world import payer
from bench.world import World

Pay = Callable[[int, Sequence[str]], None]
"""Pays a bill; the second are the jobs that it asks of the outbox, where it is a peer."""


def ours(deal_id: int, _jobs: Sequence[str] = ()) -> None:
    order = payments.hold(
        actor=payer(deal_id),
        deal_id=deal_id,
        idempotency_key=secrets.token_hex(16),
        order_id=payments.new_order_id(),
        card=True,
    )
    payments.settle(payment_id=order.payment_id, outcome=_approval(order.order_id, order.total))


def orm(deal_id: int, jobs: Sequence[str] = ()) -> None:
    order_id = payments.new_order_id()
    payment_id, total = payment_peers.hold(
        actor=payer(deal_id), deal_id=deal_id, idempotency_key=secrets.token_hex(16), order_id=order_id
    )
    payment_peers.settle(payment_id=payment_id, approval=_approval(order_id, total), jobs=jobs)


def _approval(order_id: str, total: int) -> Approval:
    return Approval(secrets.token_hex(8), order_id, total, "12345678", clock.now(), "0007")


SIDES: dict[str, Pay] = {"ours": ours, "orm": orm}


@dataclass(frozen=True)
class Slice:
    side: str
    jobs: Sequence[str]
    first: int
    """The bill of the first client; each takes every `step`th from its own."""
    step: int
    begin: float
    """On the clock that all processes of a machine share."""
    seconds: float


@dataclass
class Clients:
    """`run` works for one slice and answers the seconds for one payment, by all clients together."""

    connections: list[Connection]
    threads: int

    def run(self, side: str, *, first: int, seconds: float, jobs: Sequence[str] = ()) -> float:
        step = len(self.connections) * self.threads
        begin = time.monotonic() + 0.05
        for place, connection in enumerate(self.connections):
            at = first + place * self.threads
            connection.send(Slice(side, jobs, at, step, begin, seconds))
        answers = [connection.recv() for connection in self.connections]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise RuntimeError("a client failed") from answer
        # Each works a little longer than the slice, until its last payment is done: its own rate counts.
        rate: float = sum(number / passed for answer in answers for number, passed in answer)
        return 1 / rate


@contextmanager
def clients(world: World, *, processes: int, threads: int) -> Iterator[Clients]:
    spawn = multiprocessing.get_context("spawn")
    settings = {"KV_ENV": "test", "KV_HOME": world.app.config["KV_HOME"]}
    settings["DATABASE_URL"] = world.app.config["SQLALCHEMY_DATABASE_URI"]
    started = []
    try:
        for _ in range(processes):
            here, there = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(there, settings, threads), daemon=True)
            process.start()
            there.close()
            started.append((process, here))
        yield Clients([connection for _, connection in started], threads)
    finally:
        for process, connection in started:
            connection.close()
            process.join(20)
            if process.is_alive():
                process.kill()


def _serve(connection: Connection, settings: dict[str, str], threads: int) -> None:
    app = create_core(config.load(settings))
    while True:
        try:
            wanted: Slice = connection.recv()
        except EOFError:
            break
        results: list[Any] = [None] * threads
        workers = [threading.Thread(target=_work, args=(app, wanted, n, results)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        failed = [result for result in results if isinstance(result, BaseException)]
        connection.send(RuntimeError(repr(failed[0])) if failed else results)
    with app.app_context():
        db.engine.dispose()


def _work(app: Flask, wanted: Slice, place: int, results: list[Any]) -> None:
    pay, deal_id, number = SIDES[wanted.side], wanted.first + place, 0
    try:
        with app.app_context():
            time.sleep(max(wanted.begin - time.monotonic(), 0))
            began = time.monotonic()
            while (passed := time.monotonic() - began) < wanted.seconds:
                pay(deal_id, wanted.jobs)
                # As at the end of a request.
                db.session.remove()
                deal_id, number = deal_id + wanted.step, number + 1
        results[place] = (number, passed)
    except BaseException as error:
        results[place] = error
