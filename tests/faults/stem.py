"""`python -m tests.faults.stem`: the application, loaded once, from which each process is forked.

Whoever falls is back in a moment, and runs what `make run` runs: gunicorn, the worker, the scheduler. It is
told what to do over a socket, a JSON line at a time; a call of a function is a process of its own as well.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import itertools
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication
from sqlalchemy.orm import configure_mappers

from app import create_app, gateways
from app.documents import fonts
from app.gateways.http import Endpoint
from app.jobs import outbox, schedule, worker
from app.workflows import bulk, paper_exports_work, slips_drawing, steps
from tests import factories, money
from tests.faults import books, scene  # noqa: F401 - called by name, and loaded before the forks
from tests.faults.watch import Watch

SERIALS = 2_000
WARM = ("components/", "portal/auth", "portal/base", "portal/payments/")


class Web(BaseApplication):
    """Gunicorn as the launcher starts it, over the application that is loaded already."""

    def __init__(self, app: Flask, address: str) -> None:
        self.flask, self.address = app, address
        super().__init__()

    def load_config(self) -> None:
        chosen = {
            "bind": self.address,
            "worker_class": "gthread",
            "workers": 2,
            "threads": 8,
            "graceful_timeout": 10,
            "loglevel": "warning",
            "preload_app": True,
            "control_socket_disable": True,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.flask


class Stem:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.app = create_app()
        self.calls = itertools.count(1)
        self.warm_up()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(home / "stem.sock"))
        self.listener.listen(64)

    def warm_up(self) -> None:
        """What each fork would do anew: mappers, fonts, and the templates of the pages that are opened."""
        configure_mappers()
        fonts.register()
        for name in self.app.jinja_env.list_templates():
            if name.startswith(WARM):
                self.app.jinja_env.get_template(name)
        # What is loaded stays as it is: the collector of a fork need not copy its pages.
        gc.freeze()

    def serve(self) -> NoReturn:
        while True:
            ready, _, _ = select.select([self.listener], [], [], 0.02)
            if ready:
                connection, _ = self.listener.accept()
                with connection:
                    self.answer(connection)
            self.reap()

    def reap(self) -> None:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return

    def answer(self, connection: socket.socket) -> None:
        with connection.makefile() as file:
            order: dict[str, Any] = json.loads(file.readline())
        number = next(self.calls)
        pid = os.fork()
        if pid:
            if "role" in order:
                connection.sendall(json.dumps(pid).encode() + b"\n")
            return
        try:
            self.listener.close()
            os.setsid()
            if "role" in order:
                connection.close()
                self.become(order)
            else:
                self.call(order, connection, number)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def become(self, order: dict[str, Any]) -> None:
        role, name = order["role"], order["name"]
        log = os.open(self.home / "log" / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        steps.watchers[:] = [Watch(self.home, role)]
        self.tune(**order)
        if role == "web":
            sys.argv = ["gunicorn"]
            Web(self.app, order["address"]).run()
        with self.app.app_context():
            if role == "worker":
                worker.run(self.app)
            else:
                schedule.Scheduler(self.app).run()

    def tune(self, *, timeout: float, lease: float | None, chunk: int = 0, tries: int = 0, **_: Any) -> None:
        """Shorter waits than in life, so that a hang costs as little as the test needs; smaller chunks."""
        chosen = gateways.settings_from(self.app.config)
        waits = {"timeout": timeout, "connect_timeout": timeout}
        short = {
            name: dataclasses.replace(endpoint, **waits)
            for name, endpoint in vars(chosen).items()
            if isinstance(endpoint, Endpoint)
        }
        gateways.configure(dataclasses.replace(chosen, **short))
        outbox.LEASE = timedelta(seconds=lease) if lease else outbox.LEASE
        outbox.MAX_TRIES = tries or outbox.MAX_TRIES
        slips_drawing.LEASE = timedelta(seconds=lease) if lease else slips_drawing.LEASE
        paper_exports_work.LEASE = timedelta(seconds=lease) if lease else paper_exports_work.LEASE
        bulk.CHUNK = chunk or bulk.CHUNK
        outbox.HANDLERS["fault_deadly"] = lambda payload, key: os.kill(os.getpid(), signal.SIGKILL)
        bulk._chunk = _watched(bulk._chunk, "bulk.chunk")
        paper_exports_work.PDF_PART = paper_exports_work.ZIP_PART = chunk or paper_exports_work.PDF_PART
        paper_exports_work._make_next = _watched(paper_exports_work._make_next, "export.part")
        paper_exports_work._keep = _watched(paper_exports_work._keep, "export.made")

    def call(self, order: dict[str, Any], connection: socket.socket, number: int) -> None:
        """Rows of one call and of the next never bear the same number."""
        factories._serial = itertools.count(number * SERIALS)
        money._phones = itertools.count(30_000_001 + number * SERIALS)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.tune(**order)
        module, _, function = order["call"].rpartition(".")
        try:
            with self.app.app_context():
                found = getattr(importlib.import_module(f"tests.faults.{module}"), function)(**order["given"])
            answer = {"answer": found}
        except BaseException as error:
            answer = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _watched(work: Callable[..., bool], step: str) -> Callable[..., bool]:
    """What is no crossing of the outer world, and yet a place to be killed at."""

    def work_on(*given: Any) -> bool:
        for watch in steps.watchers:
            watch(step)
        return work(*given)

    return work_on


if __name__ == "__main__":
    Stem(Path(os.environ["KV_HOME"])).serve()
