"""A receipt through the jobs: claimed, drawn, written to disk and noted by real workers (R-DOC-1).

The rate is taken over 1,000 receipts: the workers take them by fifties, so that ten chunks each tell their
rate as well as a hundred would, and each of the six rounds ends within seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rq import Worker

from app.db import db
from app.documents import book, store
from app.jobs import queues, tasks
from app.jobs.schedule import EVERY_SECONDS
from bench.documents import KIND, receipt, result
from bench.harness import Result, in_turn, per_call, timed
from bench.world import World
from ops import valkey

ROOT = Path(__file__).parent.parent
RECEIPTS = 1_000
WORKERS = 2
PATIENCE_SECONDS = 600
LEFT = "SELECT count(*) FROM slip WHERE sha256 IS NULL"


def run(world: World) -> list[Result]:
    """From the first job to the last row kept."""
    with _workers(world):
        ours, theirs = in_turn(
            lambda: _drain(world) / RECEIPTS,
            lambda: per_call(lambda: book.draw_one(KIND, receipt())),
        )
    what = f"a receipt through {WORKERS} workers, of {RECEIPTS:,} that wait: claimed, drawn, kept"
    against = "drawn in one process, and kept nowhere"
    return [result("receipts-jobs", what, against, 2, ours, theirs, direction="at most")]


@contextmanager
def _workers(world: World) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="kvbench-") as folder:
        home = Path(folder)
        url = valkey.start(home)
        world.app.config.update(REDIS_URL=url, FILES=str(home / "files"), DEMO=False)
        store.configure(home / "files")
        environment = {
            **os.environ,
            "KV_ENV": "test",
            "KV_HOME": folder,
            "FILES": str(home / "files"),
            "DATABASE_URL": world.app.config["SQLALCHEMY_DATABASE_URI"],
            "REDIS_URL": url,
        }
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
        running = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(WORKERS)]
        try:
            queue = queues.queue(world.app, queues.WORK)
            _until(lambda: Worker.count(queue=queue) == WORKERS, running)
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(timeout=60)
            valkey.stop(home)


def _drain(world: World) -> float:
    """Seconds; what waits is new each time, so that no file is there already."""
    world.owner.execute("TRUNCATE slip CASCADE")
    rows = [receipt() for _ in range(RECEIPTS)]
    with world.owner.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO slip (programme_id, kind, number, code, data, issued_at)
               VALUES (%s, 'receipt', %s, %s, %s, now())""",
            [
                (world.programme_id, number, row["stamp"]["code"].replace("-", ""), json.dumps(row))
                for number, row in enumerate(rows, start=1)
            ],
        )
    world.owner.execute("VACUUM ANALYZE slip")
    return timed(lambda: _work(world))


def _work(world: World) -> None:
    """Woken again and again, as the schedule does: a job ends when its time is over, whatever is left."""
    woken = 0.0

    def is_done() -> bool:
        nonlocal woken
        if time.monotonic() - woken > EVERY_SECONDS["wake_slips"]:
            woken = time.monotonic()
            tasks.wake_slips()
            # An open snapshot of ours would keep the next round from emptying the table.
            db.session.remove()
        return world.ids(LEFT) == [0]

    _until(is_done)


def _until(holds: Callable[[], bool], running: list[subprocess.Popen[bytes]] | None = None) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if any(process.poll() is not None for process in running or []):
            raise RuntimeError("a worker ended at its start; what it said stands above")
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)
