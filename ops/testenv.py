"""PostgreSQL and Valkey for a run of the tests: throw-away, in memory where there is room."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from ops import postgres, valkey

PREFIX = "kvtest-"
MEMORY = Path("/dev/shm")  # noqa: S108
NEEDED_BYTES = 1024**3
# Set for the processes that a test run starts (xdist's workers): they share its servers.
INHERITED = "KV_TEST_SERVERS"


@contextlib.contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """Yields (database_url, redis_url); DATABASE_URL and REDIS_URL, when set, go before the embedded ones."""
    if inherited := os.environ.get(INHERITED):
        database_url, redis_url = json.loads(inherited)
        yield database_url, redis_url
        return
    given = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    with temporary_home() as home:
        try:
            database_url = given[0] or postgres.start(home, durable=False)
            redis_url = given[1] or valkey.start(home, durable=False)
            os.environ[INHERITED] = json.dumps([database_url, redis_url])
            yield database_url, redis_url
        finally:
            os.environ.pop(INHERITED, None)


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A KV_HOME that goes away, with the servers that were started in it."""
    base = _base()
    _clear_abandoned(base)
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))
    try:
        yield home
    finally:
        _end(home)


def _base() -> Path:
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > NEEDED_BYTES:
        return MEMORY
    return Path(tempfile.gettempdir())


def _clear_abandoned(base: Path) -> None:
    """End and remove what a killed test run of ours left."""
    for home in base.glob(f"{PREFIX}*"):
        pid = home.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)) and home.stat().st_uid == os.geteuid():
            _end(home)


def _end(home: Path) -> None:
    if (home / "valkey").exists():
        valkey.stop(home)
    if (home / "pg").exists():
        postgres.stop(home)
    shutil.rmtree(home, ignore_errors=True)
