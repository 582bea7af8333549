"""The whole system as real processes that a test may kill, and a supervisor that brings them back."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

from app import clock
from ops import postgres, valkey
from ops.paths import ROOT
from ops.system import answers, free_ports
from tests.faults.browser import Browser, outer_client
from tests.faults.proxy import Proxy
from tests.faults.watch import is_alive, kill, session_of, strike

NIGHTLY = os.environ.get("NIGHTLY") == "1"
PATIENCE = 120.0
"""Far more than anything takes: a busy machine is no fault."""
LONGEST_TEST = timedelta(minutes=2)
TIMEOUT = 4.0
LEASE = 3.0
ROUNDS = 40
AWAY = ("OperationalError", "ConnectionError", "BusyLoadingError")


def clear_of_midnight() -> None:
    """What is paid on one Korean day, its company cannot cancel on the next (R-PAY-6): no test that does both
    begins at the end of a day."""
    now = clock.real_now()
    left = clock.end_of(clock.korean_day(now)) - now
    if left < LONGEST_TEST:
        time.sleep(left.total_seconds() + 1)


class World:
    """One for the whole run: what a fault leaves behind must not harm the next."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for folder in ("armed", "pids", "log"):
            (home / folder).mkdir()
        web, sandbox, proxy = free_ports(3)
        self.web, self.sandbox = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{sandbox}"
        self.proxy = Proxy(self.sandbox, proxy)
        self.parts: dict[str, dict[str, Any]] = {}
        self.kills: Counter[tuple[str, str]] = Counter()
        self.stopping = threading.Event()
        self.held = threading.RLock()
        self.supervisor = threading.Thread(target=self._supervise, daemon=True)
        self.troubles: list[str] = []
        self.tuned: dict[str, Any] = {"timeout": TIMEOUT, "lease": LEASE}
        self.browsers: list[Browser] = []
        self.outer = outer_client()
        self.notes: list[str] = []

    # -- start and end -------------------------------------------------------------------------------------

    def start(self) -> None:
        database, queue = postgres.start(self.home), valkey.start(self.home)
        settings = Config(str(ROOT / "alembic.ini"))
        settings.attributes["url"] = database
        command.upgrade(settings, "head")
        port = self.web.rpartition(":")[2]
        self.environment = os.environ | {
            "KV_ENV": "test",
            "DEMO": "0",
            "KV_HOME": str(self.home),
            "DATABASE_URL": database,
            "REDIS_URL": queue,
            "PORT": port,
            "BASE_URL": self.web,
            "SANDBOX_PORT": self.sandbox.rpartition(":")[2],
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **{
                f"{name}_URL": f"{self.proxy.url}/{path}"
                for name, path in (("CARD", "card"), ("ZEROPAY", "zeropay"), ("SMS", "sms"))
            },
        }
        self.environment.pop("RATELIMIT_ENABLED", None)
        book = str(self.home / "sandbox.sqlite3")
        arguments = ["--quiet", "--port", self.sandbox.rpartition(":")[2], "--book", book]
        self.processes = [
            self._run(
                "sandbox", "-m", "sandbox", *arguments, "--callback", self.web, "--public-url", self.sandbox
            ),
            self._run("stem", "-m", "tests.faults.stem"),
        ]
        self._until(lambda: (self.home / "stem.sock").exists(), "the stem")
        self.put("web", address=self.web.removeprefix("http://"))
        self.put("worker")
        self.put("scheduler")
        self.supervisor.start()
        self.until_up()

    def _run(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.home / "log" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        self.stopping.set()
        if self.supervisor.is_alive():
            self.supervisor.join(10)
        for name in list(self.parts):
            self.take_away(name)
        for process in getattr(self, "processes", []):
            kill(session_of(process.pid))
            process.wait()
        self.proxy.stop()
        self.outer.close()

    # -- processes -----------------------------------------------------------------------------------------

    def put(self, name: str, *, role: str = "", **options: Any) -> int:
        """Have a process, and from now on bring it back when it falls."""
        with self.held:
            order = {"role": role or name, "name": name, "address": "", **self.tuned} | options
            self.parts[name] = order
            return self._fork(name)

    def _fork(self, name: str) -> int:
        pid = int(self._tell(self.parts[name]))
        (self.home / "pids" / name).write_text(str(pid))
        self.parts[name] = self.parts[name] | {"pid": pid}
        return pid

    def take_away(self, name: str) -> None:
        with self.held:
            part = self.parts.pop(name)
            kill(session_of(part["pid"]))

    def retune(self, **tuned: Any) -> None:
        """Other waits for all processes, which begin anew with them; without any, those of the beginning."""
        self.tuned = {"timeout": TIMEOUT, "lease": LEASE} | tuned
        with self.held:
            for name, part in list(self.parts.items()):
                self.take_away(name)
                self.put(name, role=part["role"], address=part["address"])
        self.until_up()

    def pid(self, name: str) -> int:
        return int(self.parts[name]["pid"])

    def _supervise(self) -> None:
        """As ops.supervisor and a second `make run` do it: each that fell is brought back."""
        while not self.stopping.wait(0.05):
            try:
                self._mend()
            except Exception as error:  # a fault in the middle of mending: the next look finds it again
                self.troubles.append(repr(error))

    def _mend(self) -> None:
        with self.held:
            if not postgres.alive(self.home):
                postgres.start(self.home)
            if not valkey.alive(self.home):
                valkey.start(self.home)
            for name, part in self.parts.items():
                if not is_alive(part["pid"]) and not self.stopping.is_set():
                    kill([pid for pid in session_of(part["pid"]) if pid != part["pid"]])
                    self._fork(name)

    @contextmanager
    def held_down(self) -> Iterator[None]:
        """Nobody brings anything back meanwhile."""
        with self.held:
            yield

    def until_up(self) -> None:
        host, port = self.web.removeprefix("http://").split(":")
        self._until(lambda: postgres.alive(self.home) and valkey.alive(self.home), "the servers")
        self._until(lambda: all(is_alive(part["pid"]) for part in self.parts.values()), "the processes")
        self._until(lambda: answers(host, int(port)), "the web")

    def _until(self, holds: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> None:
        end = time.monotonic() + patience
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come up: {self.last_words()}")
            time.sleep(0.02)

    def last_words(self) -> str:
        """The end of each log: its folder is gone when a person would look."""
        logs = sorted((self.home / "log").glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs)

    # -- what runs in a process of its own -----------------------------------------------------------------

    def _tell(self, order: dict[str, Any]) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(120)
            connection.connect(str(self.home / "stem.sock"))
            connection.sendall(json.dumps(order).encode() + b"\n")
            with connection.makefile() as file:
                return file.readline()

    def call(self, function: str, **given: Any) -> Any:
        """A function of scene.py or books.py; once more while the servers are away."""
        end = time.monotonic() + PATIENCE
        while True:
            answer = json.loads(self._tell({"call": function, "given": given, **self.tuned}))
            if "error" not in answer:
                return answer["answer"]
            if not answer["error"].startswith(AWAY) or time.monotonic() > end:
                raise RuntimeError(answer["trace"])
            time.sleep(0.1)

    def payer(self, bills: int, **fields: Any) -> dict[str, Any]:
        clear_of_midnight()
        found: dict[str, Any] = self.call("scene.make_payer", sandbox=self.sandbox, bills=bills, **fields)
        return found

    def browser(self, payer: dict[str, Any], *, seller: bool = False) -> Browser:
        opened = Browser(self.web, self.sandbox, payer, seller=seller)
        self.browsers.append(opened)
        return opened

    # -- faults --------------------------------------------------------------------------------------------

    def arm(self, step: str, *, role: str, victim: str, passes: int = 0) -> None:
        """Let `victim` be killed when a process of `role` next reaches `step` (after so many passes)."""
        order = self.home / "armed" / f"{role}@{step}"
        fresh = order.with_suffix(".new")
        fresh.write_text(f"{victim} {passes}")
        fresh.rename(order)

    def struck(self, step: str, *, role: str) -> bool:
        return (self.home / "armed" / f"struck:{role}@{step}").exists()

    def clear_blow(self, step: str, *, role: str) -> None:
        (self.home / "armed" / f"struck:{role}@{step}").unlink()

    def forget(self) -> None:
        """No fault and no browser of a test outlives it."""
        self.proxy.armed.clear()
        shutil.rmtree(self.home / "armed")
        (self.home / "armed").mkdir()
        while self.browsers:
            self.browsers.pop().close()

    def strike(self, victim: str, *, flow: str) -> None:
        """Kill it now."""
        strike(victim, home=self.home)
        self.kills[victim, flow] += 1

    # -- what must hold ------------------------------------------------------------------------------------

    def let_time_pass(self, *, orphaned: bool = False) -> None:
        """Until all is known and done that the system knows and does by itself.

        Minutes of asking go by in a second here. What still hangs on its way to a gateway would in life have
        arrived long before they are over: the first turn may meet it, and the others wait for it.
        """
        self.until_up()
        if self.proxy.under_way:
            self.call("books.turns", rounds=1, orphaned=orphaned)
        self._until(lambda: not self.proxy.under_way, "the answers on their way")
        left = self.call("books.turns", rounds=ROUNDS, orphaned=orphaned)
        assert not any(left.values()), left

    def settle_down(self, *, orphaned: bool = False) -> None:
        """Let time pass, and check the books."""
        self.let_time_pass(orphaned=orphaned)
        problems = self.call("books.problems", sandbox=self.sandbox)
        assert not problems, problems

    def arrived(self, phone: str, mark: str) -> list[str]:
        """The keys of scene.put_messages that reached a phone."""
        answer = self.outer.get(f"{self.sandbox}/messages.json", params={"to": phone})
        texts = (message["text"] for message in answer.json())
        return sorted(key for text in texts for key in re.findall(rf"<(fault:{mark}:\d+)>", text))

    def ledger(self) -> list[dict[str, Any]]:
        """The gateways' book."""
        return list(self.outer.get(f"{self.sandbox}/__ledger").json())
