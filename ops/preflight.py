"""What `make run` looks at before it starts anything: each refusal is a sentence that says what to do."""

import contextlib
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ops.postgres import Cluster
from ops.problem import Problem
from ops.supervisor import end_leftovers

NEEDED_BYTES = 300 * 1024 * 1024


def port_from(name: str, value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise Problem(
            f"{name}={value}: 포트 번호가 아닙니다. 1~65535 사이의 수를 지정하세요(예: {name}=8080 "
            "make run).",
            f"{name}={value} is no port: give a number from 1 to 65535, as in `{name}=8080 make run`.",
        )
    return int(value)


def check_home(home: Path) -> None:
    """The folder can be made and written, has room, and what lies in it can be opened."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Problem(
            f"KV_HOME({home})에 쓸 수 없습니다({error.strerror}). 폴더의 소유자·권한을 고치거나 "
            "`KV_HOME=다른폴더 make run`으로 실행하세요.",
            f"KV_HOME ({home}) is not writable ({error.strerror}): mend its owner or rights, or set "
            "KV_HOME to "
            "another folder.",
        ) from error
    if shutil.disk_usage(home).free < NEEDED_BYTES:
        raise Problem(
            f"{home}의 디스크에 빈 공간이 300MB도 없습니다. 공간을 비우거나 KV_HOME을 다른 디스크로 "
            "지정하세요.",
            f"Less than 300 MB are free at {home}: free some space, or set KV_HOME to another disk.",
        )


def check_data(home: Path) -> None:
    cluster = Cluster(home)
    if cluster.exists:
        cluster.check()


def check_port(name: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As gunicorn binds: connections of an earlier run that linger are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise Problem(
                f"{port}번 포트는 관리자만 쓸 수 있습니다. `{name}=8080 make run`처럼 1024 이상을 "
                "지정하세요.",
                f"Port {port} is for root only: choose one from 1024 up, as in `{name}=8080 make run`.",
            ) from error
        except OSError as error:
            raise Problem(
                f"{port}번 포트를 쓸 수 없습니다({error.strerror}). 그 포트를 쓰는 프로그램을 끝내거나 "
                f"`{name}={port + 100} make run`처럼 다른 포트를 지정하세요.",
                f"Port {port} cannot be used ({error.strerror}): end the program that uses it, or choose "
                "another "
                f"port, as in `{name}={port + 100} make run`.",
            ) from error


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Only one launcher per KV_HOME; what a killed one left behind is ended first."""
    with (home / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Problem(
                f"{home}에서 이미 실행 중입니다(pid {_content(lock)}). 그 창에서 Ctrl-C로 끝내거나 "
                "`PORT=8100 KV_HOME=다른폴더 make run`으로 하나 더 띄우세요.",
                f"Already running in {home} (pid {_content(lock)}): end it with Ctrl-C, or start a second "
                "one with "
                "`PORT=8100 KV_HOME=another-folder make run`.",
            ) from error
        if _content(lock):  # a clean end empties it
            end_leftovers(str(home.resolve()))
        _write(lock, str(os.getpid()))
        try:
            yield
        finally:
            _write(lock, "")


def _content(lock: TextIO) -> str:
    lock.seek(0)
    return lock.read().strip()


def _write(lock: TextIO, text: str) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(text)
    lock.flush()
