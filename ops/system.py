"""The whole running system of one KV_HOME: servers, sandbox, web, worker and scheduler.

`make run` and the browser tests start the same thing with the same code.
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from ops import keys, postgres, valkey
from ops.paths import ROOT, VENV
from ops.problem import Problem
from ops.supervisor import MARK, Part, Sink, Supervisor

FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
# Each ends what depends on the next: nobody loses the ground under a request or a job.
STOP_ORDER = ["web", "worker", "scheduler", "sandbox"]
READY_SECONDS = 60.0
WRITTEN_DOWN = "environment.json"
SPOKEN_OF = ("KV_ENV", "DEMO", "KV_HOME", "PORT", "SANDBOX_PORT", "DATABASE_URL", "REDIS_URL")


@dataclass(frozen=True)
class Settings:
    """What distinguishes one running system from another."""

    home: Path
    port: int
    sandbox_port: int
    host: str = "127.0.0.1"
    # False only for the tests' throw-away data.
    durable: bool = True
    # None: the embedded server.
    database_url: str | None = None
    redis_url: str | None = None
    # Set over the environment of every part.
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def reachable_host(self) -> str:
        return "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound

    @property
    def web_url(self) -> str:
        return f"http://{self.reachable_host}:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"


class System:
    """Use as: `start()`, then `check()` every moment, and `stop()` in any case."""

    def __init__(self, settings: Settings, sink: Sink) -> None:
        self.settings = settings
        self.supervisor = Supervisor(sink)
        self.sink = sink
        self.environment: dict[str, str] = {}
        # The demonstration's log-ins, [{"role", "login", "password", "name"}]; empty without DEMO.
        self.accounts: list[dict[str, Any]] = []

    def start(self) -> None:
        """Returns when the web answers; raises Problem when something does not come up."""
        settings = self.settings
        self.environment = self._environment()
        self.supervisor.start(self._sandbox(), self.environment)
        with ThreadPoolExecutor(2) as pool:
            database = pool.submit(self._start_postgres)
            queue = pool.submit(self._start_valkey)
            self.environment |= {"DATABASE_URL": database.result(), "REDIS_URL": queue.result()}
        self._write_down()
        if not is_migrated(self.environment["DATABASE_URL"]):
            self._do("migrate", [sys.executable, "-m", "alembic", "upgrade", "head"])
        is_demo = self.environment["DEMO"] == "1"
        web, *others = self._parts()
        # The web comes up while the demonstration is filled; until that is done it answers "not yet".
        self.supervisor.start(web, self.environment)
        if is_demo:
            self._fill_demo_once()
        with ThreadPoolExecutor(1) as pool:
            accounts = pool.submit(self._read_accounts) if is_demo else None
            self._wait_for("sandbox", "127.0.0.1", settings.sandbox_port)
            self._wait_for("web", settings.reachable_host, settings.port)
        # Only now, so that they do not take the processors from the first answer.
        for part in others:
            self.supervisor.start(part, self.environment)
        self.accounts = accounts.result() if accounts else []

    def check(self) -> None:
        """Raises Problem when the system cannot go on."""
        self.supervisor.check()
        for name, is_ours, server in (
            ("PostgreSQL", self.settings.database_url is None, postgres),
            ("Valkey", self.settings.redis_url is None, valkey),
        ):
            if is_ours and not server.alive(self.settings.home):
                raise Problem(
                    f"{name} 서버가 멈췄습니다. 다시 실행하면 저장된 데이터로 이어집니다.",
                    f"{name} ended: run again, it goes on with its data.",
                )

    def stop(self) -> None:
        self.supervisor.stop_all(STOP_ORDER)
        if self.settings.redis_url is None:
            valkey.stop(self.settings.home)
        if self.settings.database_url is None:
            postgres.stop(self.settings.home)

    def _fill_demo_once(self) -> None:
        """The command itself finds nothing to do the second time; a mark saves even asking it.

        The mark names the cluster that was filled, so that it is void when the data folder was replaced.
        """
        mark = self.settings.home / "demo-filled"
        cluster = postgres.Cluster(self.settings.home).identity if self.settings.database_url is None else ""
        if cluster and mark.exists() and mark.read_text() == cluster:
            return
        self._do("demo", [*FLASK, "demo", "fill"])
        mark.write_text(cluster)

    def _read_accounts(self) -> list[dict[str, Any]]:
        done = subprocess.run(
            [*FLASK, "demo", "accounts", "--json"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            self.sink("demo", done.stderr.decode(errors="replace").strip())
            return []
        return list(json.loads(done.stdout))

    def _start_postgres(self) -> str:
        return self.settings.database_url or postgres.start(self.settings.home, durable=self.settings.durable)

    def _start_valkey(self) -> str:
        return self.settings.redis_url or valkey.start(self.settings.home, durable=self.settings.durable)

    def _environment(self) -> dict[str, str]:
        home = str(self.settings.home.resolve())
        return {
            "DEMO": "1",
            "KV_ENV": "development",
            **os.environ,
            **keys.load(self.settings.home),
            "KV_HOME": home,
            "PORT": str(self.settings.port),
            "SANDBOX_PORT": str(self.settings.sandbox_port),
            "TZ": timezone(),
            "PYTHONUNBUFFERED": "1",
            "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            MARK: home,
            **self.settings.extra,
        }

    def _write_down(self) -> None:
        """For `flask …` in a plain shell: config.py reads it where DATABASE_URL is not set."""
        written = self.settings.home / WRITTEN_DOWN
        names = [*SPOKEN_OF, *keys.load(self.settings.home)]
        kept = {name: self.environment[name] for name in names if name in self.environment}
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(kept, file)

    def _sandbox(self) -> Part:
        settings = self.settings
        # Its book lies beside our data: after a restart both still agree on what was paid.
        book = settings.home / "sandbox.sqlite3"
        command = [sys.executable, "-m", "sandbox", "--quiet", "--port", str(settings.sandbox_port)]
        command += ["--book", str(book), "--callback", settings.web_url, "--public-url", settings.sandbox_url]
        return Part("sandbox", command)

    def _parts(self) -> list[Part]:
        gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"{self.settings.host}:{self.settings.port}"]
        gunicorn += [
            "--worker-class",
            "gthread",
            "--workers",
            "2",
            "--threads",
            "8",
            "--graceful-timeout",
            "10",
        ]
        # gunicorn's control socket would lie in the user's home and fails where that is not writable.
        gunicorn += ["--no-control-socket", "--log-level", "warning", "wsgi:app"]
        return [
            Part("web", gunicorn, restarts=True),
            Part("worker", [*FLASK, "worker"], restarts=True),
            Part("scheduler", [*FLASK, "scheduler"], restarts=True),
        ]

    def _do(self, name: str, command: list[str]) -> None:
        code = self.supervisor.run(name, command, self.environment)
        if code:
            raise Problem(
                f"`{' '.join(command[1:])}` 명령이 실패했습니다(exit {code}). 위의 출력을 확인하세요.",
                f"`{' '.join(command[1:])}` failed with exit code {code}: see its lines above.",
            )

    def _wait_for(self, name: str, host: str, port: int) -> None:
        """Until the part answers HTTP with anything but a server error (it may be restarted meanwhile)."""
        end = time.monotonic() + READY_SECONDS
        while not answers(host, port):
            self.supervisor.check()
            if time.monotonic() > end:
                raise Problem(
                    f"{READY_SECONDS:.0f}초 안에 {name} 쪽이 응답하지 않았습니다. 위의 `{name}` 출력을 "
                    "확인하세요.",
                    f"{name} did not answer within {READY_SECONDS:.0f} s: see its lines above.",
                )
            time.sleep(0.05)


def is_migrated(database_url: str) -> bool:
    """Whether the database stands at the newest migration: two seconds that a later start need not spend."""
    newest = max(file.name.partition("_")[0] for file in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    with psycopg.connect(database_url.replace("postgresql+psycopg:", "postgresql:", 1)) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return False
        return connection.execute("SELECT version_num FROM alembic_version").fetchone() == (newest,)


def answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def timezone() -> str:
    """Korean time for every process; spelled out where the machine has no zone files (it would mean UTC)."""
    return "Asia/Seoul" if Path("/usr/share/zoneinfo/Asia/Seoul").exists() else "KST-9"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running_system(
    home: Path,
    *,
    durable: bool = False,
    database_url: str | None = None,
    redis_url: str | None = None,
    extra: dict[str, str] | None = None,
) -> Iterator[System]:
    """The whole system on free ports, its output in `home/log`; for the browser tests.

    The yielded system's `settings.web_url`, `settings.sandbox_url`, `environment` and `accounts` are what a
    test needs.
    """
    home.mkdir(parents=True, exist_ok=True)
    port, sandbox_port = free_ports(2)
    settings = Settings(home, port, sandbox_port, "127.0.0.1", durable, database_url, redis_url, extra or {})
    system = System(settings, file_sink(home / "log"))
    try:
        system.start()
        yield system
    finally:
        system.stop()


def file_sink(folder: Path) -> Sink:
    """One file per part."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, line: str) -> None:
        with (folder / f"{name}.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    return write
