"""Files that are written piece by piece and then kept: whole or absent (R-FILE-1, R-DOC-2)."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.documents import store


@pytest.fixture(autouse=True)
def root(tmp_path: Path) -> Iterator[Path]:
    earlier = store._root
    store.configure(tmp_path)
    yield tmp_path
    store._root = earlier


def left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / store.ASIDE).iterdir())


def test_what_is_taken_is_kept_by_its_hash(root: Path) -> None:
    content = bytes(range(256)) * 4_096
    with store.aside() as file:
        for at in range(0, len(content), 1_000):
            file.write(content[at : at + 1_000])
        assert store.take(file) == (hashlib.sha256(content).hexdigest(), len(content))
    assert store.read(hashlib.sha256(content).hexdigest()) == content and left(root) == []


def test_what_is_not_taken_is_gone(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt), store.aside() as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert left(root) == []


def test_the_same_content_is_kept_once_and_its_time_begins_anew() -> None:
    sha256 = store.put(b"the same")
    old = time.time() - 2 * store.IN_FLIGHT_SECONDS
    os.utime(store.path(sha256), (old, old))
    with store.aside() as file:
        file.write(b"the same")
        assert store.take(file) == (sha256, 8)
    assert not store.remove(sha256), "put lately"
    assert store.read(sha256) == b"the same"


def test_what_a_dead_process_left_is_swept_after_a_day(root: Path) -> None:
    assert store.sweep_aside() == 0
    (root / store.ASIDE).mkdir()
    for name, age in (("old", store.LEFT_SECONDS + 60), ("young", 60)):
        path = root / store.ASIDE / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age, time.time() - age))
    assert store.sweep_aside() == 1 and left(root) == ["young"]


def test_what_a_process_left_that_died_while_it_removed_is_swept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-FILE-1: what is to be gone goes, whoever dies."""
    sha256 = store.put(b"to be gone")
    old = time.time() - 2 * store.LEFT_SECONDS
    os.utime(store.path(sha256), (old, old))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.remove(sha256)
    assert not store.path(sha256).exists() and left(root) == [f"{sha256}.going"]
    assert store.sweep_aside() == 0, "it may be on its way just now"
    monkeypatch.setattr(store, "LEFT_SECONDS", -60)
    assert store.sweep_aside() == 1 and left(root) == []
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_what_awaits_a_decision_lies_aside_for_a_day(root: Path) -> None:
    name = store.lay_aside(b"sealed")
    assert name == store.lay_aside(b"sealed") and left(root) == [name]
    assert store.read_aside(name) == b"sealed" and not store.path(name).exists()
    assert store.sweep_aside() == 0
    old = time.time() - store.LEFT_SECONDS - 60
    os.utime(root / store.ASIDE / name, (old, old))
    assert store.sweep_aside() == 1
    with pytest.raises(FileNotFoundError):
        store.read_aside(name)
    store.drop_aside(store.lay_aside(b"decided"))
    assert left(root) == []
    with pytest.raises(ValueError, match="SHA-256"):
        store.read_aside("../secrets")
