"""Files by the hash of their content, outside the web root (R-FILE-1): whole or absent, never changed."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_root: Path | None = None
_NAME = re.compile(r"[0-9a-f]{64}")
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


def remove(sha256: str) -> bool:
    """Take the file out; not where it was put within the last hour, by the same content once more.

    Moved aside before it is looked at: whoever puts it meanwhile writes it anew.
    """
    target = path(sha256)
    aside = target.with_suffix(".going")
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
