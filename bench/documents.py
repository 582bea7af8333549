"""The documents (R-DOC-1, R-DOC-2): one receipt against WeasyPrint and fpdf2, a thousand receipts in one file
against putting ready files together, and memory over ten thousand."""

from __future__ import annotations

import gc
import itertools
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil

from app.documents import book
from app.models.payments import SlipKind
from bench import document_peers
from bench.document_peers import Absent, Draw
from bench.harness import ROUNDS, Claim, Result, in_turn, per_call, timed
from bench.world import World
from tests import papers

IN_ONE_FILE = 1_000
FIRST, LAST = 1_000, 10_000
"""After how many receipts the memory is looked at."""
KIND = SlipKind.RECEIPT

_numbers = itertools.count(1)


def run(world: World) -> list[Result]:
    return [
        *_one(document_peers.weasyprint, "receipt-weasyprint", "WeasyPrint", 5),
        *_one(document_peers.fpdf2, "receipt-fpdf2", "fpdf2", 15),
        *_in_one_file(),
    ]


def run_memory(world: World) -> list[Result]:
    """An entry of its own: ten thousand receipts take a minute or two."""
    return [_memory()]


def receipt() -> dict[str, Any]:
    """As it is kept; no two alike."""
    paper = papers.numbered(next(_numbers))
    return json.loads(json.dumps(paper.dump()))  # type: ignore[no-any-return]


def _one(peer: Draw, name: str, against: str, bar: float) -> Iterator[Result]:
    """How long one receipt takes in one process; where the peer is not there, that is said, and fails."""
    what = "one receipt in a file of its own, in one process"
    try:
        peer(book.outline(KIND, receipt()))
    except Absent as absent:
        print(f"{name}: NOT MEASURED. {absent}", file=sys.stderr, flush=True)
        yield result(name, f"{what}; NOT MEASURED: {absent}", against, bar, [1.0], [0.0])
        return
    ours, theirs = in_turn(
        lambda: per_call(lambda: book.draw_one(KIND, receipt())),
        lambda: per_call(lambda: peer(book.outline(KIND, receipt()))),
    )
    yield result(name, what, f"{against}, the same words, fonts and QR code", bar, ours, theirs)


def result(
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
        result("receipts-book", f"{what}, drawn from their data", against, 0.6, drawn, merged, **most),
        result("receipts-book-bytes", f"{what}, its size", against, round(1 / 15, 4), megabytes["ours"],
                megabytes["theirs"], unit="megabytes", **most),
    ]  # fmt: skip


def _memory() -> Result:
    """Drawn one by one, as a worker does."""
    process, at = psutil.Process(), {}
    began = time.monotonic()
    for count in range(1, LAST + 1):
        book.draw_one(KIND, receipt())
        if count in (FIRST, LAST):
            gc.collect()
            at[count] = process.memory_info().rss / 1e6
        if count % FIRST == 0:
            print(
                f"  {count:,} of {LAST:,} after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
            )
    what, against = f"memory of the process after {LAST:,} receipts", f"after {FIRST:,}"
    more: dict[str, Any] = {"direction": "at most", "unit": "megabytes"}
    return result("receipts-memory", what, against, 1.1, [at[LAST]], [at[FIRST]], **more)
