"""Files by the hash of their content, outside the web root (R-FILE-1): whole or absent, never changed."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_root: Path | None = None
_NAME = re.compile(r"[0-9a-f]{64}")
ASIDE = "aside"
GOING = ".going"
LEFT_SECONDS = 86_400
IN_FLIGHT_SECONDS = 3600
"""A file put so lately may have its row still to come: whoever puts checks, uploads and commits within it."""


def configure(root: str | Path) -> None:
    """Set the folder that holds the files."""
    global _root
    _root = Path(root)


def path(sha256: str) -> Path:
    """Where a file lies. Raises ValueError for what is no hash."""
    if _root is None:
        raise RuntimeError("store.configure() was not called")
    if not _NAME.fullmatch(sha256):
        raise ValueError("not a SHA-256 in hexadecimal")
    return _root / sha256[:2] / sha256


def put(content: bytes) -> str:
    """Keep the content and return its hash; the same content is kept once. Written aside, then renamed."""
    sha256 = hashlib.sha256(content).hexdigest()
    target = path(sha256)
    with suppress(FileNotFoundError):
        os.utime(target)
        return sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, target)
    return sha256


@contextmanager
def aside() -> Iterator[IO[bytes]]:
    """A file to be written piece by piece, for `take`; what is not taken is gone afterwards."""
    if _root is None:
        raise RuntimeError("store.configure() was not called")
    folder = _root / ASIDE
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        try:
            yield file
        finally:
            with suppress(FileNotFoundError):
                os.unlink(file.name)


def take(file: IO[bytes]) -> tuple[str, int]:
    """Keep what was written aside; returns its hash and its size. Never held in memory as a whole."""
    file.flush()
    os.fsync(file.fileno())
    with open(file.name, "rb") as read:
        sha256 = hashlib.file_digest(read, "sha256").hexdigest()
        size = read.tell()
    target = path(sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    # In the place of the same content, where it was kept already: its time begins anew.
    os.replace(file.name, target)
    return sha256, size


def lay_aside(content: bytes) -> str:
    """Keep for a day what awaits a decision, and return its name; `sweep_aside` takes it away."""
    with aside() as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        name = hashlib.sha256(content).hexdigest()
        os.replace(file.name, _aside_path(name))
    return name


def read_aside(name: str) -> bytes:
    """Raises FileNotFoundError where it was dropped, or swept."""
    return _aside_path(name).read_bytes()


def drop_aside(name: str) -> None:
    """The decision is made."""
    _aside_path(name).unlink(missing_ok=True)


def _aside_path(name: str) -> Path:
    return path(name).parents[1] / ASIDE / name


def sweep_aside() -> int:
    """Delete what dead processes left aside more than a day ago; returns how many files."""
    if _root is None:
        raise RuntimeError("store.configure() was not called")
    old, swept = time.time() - LEFT_SECONDS, 0
    for one in (_root / ASIDE).glob("*"):
        with suppress(FileNotFoundError):
            about = one.stat()
            # What goes keeps the time at which it was written: when it was put here is the other one.
            if (about.st_ctime if one.suffix == GOING else about.st_mtime) < old:
                one.unlink()
                swept += 1
    return swept


def remove(sha256: str) -> bool:
    """Take the file out; not where it was put within the last hour, by the same content once more.

    Moved aside before it is looked at: whoever puts it meanwhile writes it anew. It lies where `sweep_aside`
    finds it, should this process die here.
    """
    target = path(sha256)
    aside = target.parents[1] / ASIDE / f"{sha256}{GOING}"
    aside.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(target, aside)
    except FileNotFoundError:
        return False
    if time.time() - aside.stat().st_mtime < IN_FLIGHT_SECONDS:
        os.replace(aside, target)
        return False
    aside.unlink()
    return True


def read(sha256: str) -> bytes:
    """The content. Raises FileNotFoundError where it is not kept."""
    return path(sha256).read_bytes()
