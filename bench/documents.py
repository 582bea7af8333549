"""The documents (R-DOC-1, R-DOC-2): one receipt against WeasyPrint and fpdf2, through the jobs against this
process alone, memory over ten thousand, and a thousand receipts in one file against putting ready files
together."""

from __future__ import annotations

import gc
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rq import Worker

from app.db import db
from app.documents import book, store
from app.documents.slip_data import Party, PaymentPaper, Stamp
from app.jobs import queues, tasks
from app.models.payments import SlipKind
from bench import document_peers
from bench.document_peers import Absent, Draw
from bench.harness import ROUNDS, Claim, Result, in_turn, per_call, timed
from bench.world import World
from ops import valkey

ROOT = Path(__file__).parent.parent
IN_ONE_FILE = 1_000
THROUGH_JOBS = 1_000
FIRST, LAST = 1_000, 10_000
"""After how many receipts the memory is looked at."""
WORKERS = 2
KIND = SlipKind.RECEIPT

_numbers = itertools.count(1)


def run(world: World) -> list[Result]:
    results = [
        *_one(document_peers.weasyprint, "receipt-weasyprint", "WeasyPrint", 5),
        *_one(document_peers.fpdf2, "receipt-fpdf2", "fpdf2", 15),
        *_in_one_file(),
        _memory(),
        _through_jobs(world),
    ]
    return results


def receipt() -> dict[str, Any]:
    """No two alike."""
    number = next(_numbers)
    code = f"{number:016}"
    paper = PaymentPaper(
        stamp=Stamp(
            number=f"2020-R-{number:06}",
            issued_on="2020.11.16.(월)",
            code="-".join(code[at : at + 4] for at in range(0, 16, 4)),
            url=f"https://voucher.example.kr/slips/check/{code}",
            programme="2020년 비대면 서비스 바우처 사업",
            issuer="K-비대면바우처 플랫폼",
            demonstration=True,
        ),
        supplier=Party(
            business_number="220-81-62517",
            name="㈜한빛화상회의",
            representative="金한빛",
            address="서울특별시 강남구 테헤란로 123, 한빛타워 7층 701호 (역삼동)",
        ),
        buyer=Party(
            business_number="124-81-00998",
            name=f"주식회사 {_name(number)}상사",
            representative=f"홍{_name(number * 7)}",
            address=f"경기도 수원시 영통구 광교로 {number}",
        ),
        paid_at="2020.11.16.(월) 10:24",
        instrument="신한법인체크카드",
        card=f"****-****-****-{number % 10_000:04}",
        approval_number=f"{number:08}",
        order_id=f"KV20-{number:010}-1",
        item="한빛 화상회의 프로",
        plan="기업형 50인 · 12개월",
        period="2020.11.17.(화) ~ 2021.11.16.(화)",
        quantity=2,
        unit_price=990_000,
        supply=1_800_000,
        tax=180_000,
        total=1_980_000,
        grant=1_782_000,
        share=198_000,
        extra_tax=0,
        tax_inside=True,
    )
    return json.loads(json.dumps(paper.dump()))  # type: ignore[no-any-return]


def _name(number: int) -> str:
    """Two of some hundred syllables, as names have them."""
    return chr(0xAC00 + number % 300 * 28) + chr(0xB77C + number % 211 * 4)


def _one(peer: Draw, name: str, against: str, bar: float) -> Iterator[Result]:
    """How long one receipt takes in one process; where the peer is not there, that is said, and fails."""
    what = "one receipt in a file of its own, in one process"
    try:
        peer(book.outline(KIND, receipt()))
    except Absent as absent:
        print(f"{name}: NOT MEASURED. {absent}", file=sys.stderr, flush=True)
        yield _result(name, f"{what}; NOT MEASURED: {absent}", against, bar, [1.0], [0.0])
        return
    ours, theirs = in_turn(
        lambda: per_call(lambda: book.draw_one(KIND, receipt())),
        lambda: per_call(lambda: peer(book.outline(KIND, receipt()))),
    )
    yield _result(name, what, f"{against}, the same words, fonts and QR code", bar, ours, theirs)


def _result(
    name: str, what: str, against: str, bar: float, ours: list[float], theirs: list[float], **more: Any
) -> Result:
    claim = Claim(name=name, what=what, against=against, bar=bar, binding=True, **more)
    return Result(claim=claim, ours=ours, theirs=theirs)


def _in_one_file() -> list[Result]:
    """Drawn again from their data, against pikepdf over files that are ready; the first run of both is
    thrown away."""
    data = [receipt() for _ in range(IN_ONE_FILE)]
    files = [book.draw_one(KIND, each) for each in data]
    sizes: dict[str, int] = {}

    def ours() -> None:
        sizes["ours"] = len(book.draw((KIND, each) for each in data))

    def theirs() -> None:
        sizes["theirs"] = len(document_peers.merged(files))

    drawn, merged = in_turn(lambda: timed(ours), lambda: timed(theirs))
    what, against = f"{IN_ONE_FILE:,} receipts in one PDF", "pikepdf, which puts the ready files together"
    megabytes = {side: [size / 1e6] * ROUNDS for side, size in sizes.items()}
    most: dict[str, Any] = {"direction": "at most"}
    return [
        _result("receipts-book", f"{what}, drawn from their data", against, 0.6, drawn, merged, **most),
        _result("receipts-book-bytes", f"{what}, its size", against, round(1 / 15, 4), megabytes["ours"],
                megabytes["theirs"], unit="megabytes", **most),
    ]  # fmt: skip


def _memory() -> Result:
    """Drawn one by one, as a worker does."""
    process, at = psutil.Process(), {}
    for count in range(1, LAST + 1):
        book.draw_one(KIND, receipt())
        if count in (FIRST, LAST):
            gc.collect()
            at[count] = process.memory_info().rss / 1e6
    what, against = f"memory of the process after {LAST:,} receipts", f"after {FIRST:,}"
    more: dict[str, Any] = {"direction": "at most", "unit": "megabytes"}
    return _result("receipts-memory", what, against, 1.1, [at[LAST]], [at[FIRST]], **more)


def _through_jobs(world: World) -> Result:
    """From the first job to the last row kept: claimed, drawn, written to disk and noted."""
    with _workers(world):
        ours, theirs = in_turn(
            lambda: _drain(world) / THROUGH_JOBS,
            lambda: per_call(lambda: book.draw_one(KIND, receipt())),
        )
    what = f"a receipt through {WORKERS} workers, of {THROUGH_JOBS:,} that wait: claimed, drawn, kept"
    against = "drawn in one process, and kept nowhere"
    return _result("receipts-jobs", what, against, 2, ours, theirs, direction="at most")


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
            _until(lambda: Worker.count(queue=queue) == WORKERS)
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
    rows = [receipt() for _ in range(THROUGH_JOBS)]
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
    left = "SELECT count(*) FROM slip WHERE sha256 IS NULL"

    def work() -> None:
        tasks.wake_slips()
        # An open snapshot of ours would keep the next round from emptying the table.
        db.session.remove()
        _until(lambda: world.ids(left) == [0])

    return timed(work)


def _until(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)
