"""Each audit row is sealed exactly once, though ids commit out of order (R-AUD-1)."""

import random
import threading
import time

from sqlalchemy import text

from app.db import db, transaction
from app.policy import CLOCK
from app.workflows import record

WRITERS, ACTS = 4, 25


def write(writer):
    """Rows of its own records, in transactions of uneven length, so that ids and commits cross."""
    dice = random.Random(writer)
    for act in range(ACTS):
        with transaction():
            record.write("toy", writer * 1000 + act % 3, "act", actor=CLOCK)
            time.sleep(dice.random() * 0.01)
            record.write("toy", writer * 1000 + act % 3, "act", actor=CLOCK)


def test_rows_that_commit_out_of_order_are_each_sealed_once(together):
    writing = threading.Barrier(WRITERS, timeout=60)
    done = threading.Event()

    def writer(number):
        def run():
            write(number)
            if writing.wait() == 0:
                done.set()

        return run

    def sealer():
        sealed = 0
        while not done.is_set():
            sealed += record.seal()
            time.sleep(0.002)
        return sealed

    results = together(*[writer(n) for n in range(WRITERS)], sealer, sealer)
    assert results[:WRITERS] == [None] * WRITERS
    sealed = results[-2] + results[-1] + record.seal()
    assert sealed == WRITERS * ACTS * 2
    assert record.seal() == 0
    anchors = db.session.execute(text("SELECT * FROM audit_anchor ORDER BY id")).all()
    assert len(anchors) > 2, "the sealers ran between the writers"
    assert sum(anchor.rows for anchor in anchors) == sealed
    assert all(a.to_xid == b.from_xid for a, b in zip(anchors, anchors[1:], strict=False))
    assert record.verify() == []


def test_ids_did_commit_out_of_order(together):
    """What the watermark is for: by row id the later one would be sealed first, and the earlier one never."""
    first_written, second_committed = threading.Event(), threading.Event()

    def slow():
        with transaction():
            record.write("toy", 1, "act", actor=CLOCK)
            first_written.set()
            assert second_committed.wait(20)

    def quick():
        assert first_written.wait(20)
        with transaction():
            record.write("toy", 2, "act", actor=CLOCK)
        sealed = record.seal()
        second_committed.set()
        return sealed

    assert together(slow, quick) == [None, 0]
    ids = db.session.execute(text("SELECT entity_id FROM audit_row ORDER BY id")).scalars().all()
    assert ids == [1, 2]
    assert record.seal() == 2
    assert record.verify() == []
