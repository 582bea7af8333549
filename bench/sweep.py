"""The deadline sweep (R-TIME-6): 50,000 unanswered consultations among 1,000,000 open ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import event, text

from app import clock
from app.db import db
from app.models.deals import DealState
from app.workflows import deadlines
from app.workflows.deal_lifecycle import LAPSE_REASONS
from bench import sweep_peers
from bench.harness import Claim, Result, in_turn, per_call, timed
from bench.world import NOW, World, load_companies, load_offerings, load_suppliers

OPEN = 1_000_000
DUE = 50_000
SAMPLE = 500
STRIKES = datetime(2020, 11, 18, tzinfo=clock.KST)
REASON = LAPSE_REASONS[DealState.CONSULTING]
TOUCHED = "deal, audit_row, notice, outbox_message"

# What changes in the deals themselves, and nothing that tells of it.
BARE = text("""
UPDATE deal SET state = 'lapsed', reason = :reason, closed_at = due_at
 WHERE state = 'consulting' AND due_at <= :now
""")
LOOK = text("""
SELECT id FROM deal WHERE state IN ('consulting', 'billed') AND due_at <= :now ORDER BY due_at, id LIMIT 1
""")


def run(world: World) -> list[Result]:
    _load(world)
    sample = world.ids(f"SELECT id FROM deal WHERE due_at <= '{STRIKES}' ORDER BY id LIMIT {SAMPLE}")
    longest: list[float] = []

    def ours() -> float:
        with _statements() as took:
            swept = timed(_sweep)
        longest.append(max(took) / DUE)
        return swept / DUE

    with sweep_peers.jobs(world) as by_jobs:
        sides = [
            _reopened(world, side)
            for side in (
                ours,
                lambda: timed(_bare) / DUE,
                lambda: timed(lambda: _two_at_once(world)) / DUE,
                lambda: timed(lambda: sweep_peers.one_by_one(sample, STRIKES, REASON)) / SAMPLE,
                lambda: by_jobs(sample, STRIKES, REASON) / SAMPLE,
            )
        ]
        swept, bare, double, looped, worked = in_turn(*sides)
    _reopen(world)
    idle, look = in_turn(lambda: per_call(_idle, seconds=1), lambda: per_call(_look, seconds=1))
    return [
        *_compared(swept, bare, looped, worked),
        Result(claim=_LONGEST, ours=longest[1:], theirs=swept),
        Result(claim=_DOUBLE, ours=double, theirs=swept),
        Result(claim=_IDLE, ours=idle, theirs=look),
    ]


_WHAT = f"sweep of {DUE:,} due among {OPEN:,} open deals with audit, notices and outbox, per deal"
_LONGEST = Claim(
    name="sweep-longest",
    what="the longest statement of that sweep, which is as long as it holds its locks at most",
    against="the whole sweep",
    bar=0.15,
    direction="at most",
    binding=True,
)
_DOUBLE = Claim(
    name="sweep-double",
    what="the same by two sweepers at once, each deal taken once",
    against="one sweeper alone",
)
_IDLE = Claim(
    name="sweep-idle",
    what="a whole sweep that finds nothing: deals, vouchers, offers, reminders, and who waits for money",
    against="one bare look into the index of the deals",
    bar=10,
    direction="at most",
    binding=True,
)


def _compared(
    swept: list[float], bare: list[float], looped: list[float], worked: list[float]
) -> list[Result]:
    peers = (
        ("sweep", "one bare UPDATE of the same rows, which tells nobody", 5, bare),
        ("sweep-orm", f"an ORM transaction for each deal with the same rows, on {SAMPLE}", 40, looped),
        (
            "sweep-rq",
            f"an RQ job for each deal with the same rows, on {SAMPLE}, without what enqueueing them costs",
            100,
            worked,
        ),
    )
    return [
        Result(
            claim=Claim(
                name=name,
                what=_WHAT,
                against=against,
                bar=bar,
                direction="at most" if theirs is bare else "at least",
                binding=True,
            ),
            ours=swept,
            theirs=theirs,
        )
        for name, against, bar, theirs in peers
    ]


def _load(world: World) -> None:
    load_companies(world, 10_000)
    load_suppliers(world, 200)
    load_offerings(world)
    # A million rows that are right by construction: no look at what they refer to.
    with world.owner.transaction():
        world.owner.execute("SET LOCAL session_replication_role = replica")
        world.owner.execute(_DEALS, {"programme": world.programme_id, "strikes": STRIKES, **_sizes()})
        world.owner.execute(_BEGUN, {"now": NOW})
    world.settle()


def _sizes() -> dict[str, int]:
    return {"every": OPEN // DUE, "open": OPEN}


# None is due within a day of the rest: the first slice alone would remind of it (R-VOU-4).
_DEALS = """
INSERT INTO deal (programme_id, company_id, supplier_id, offering_id, version_id, state, memo, requested_at,
                  due_at, remind_at)
SELECT %(programme)s, c.first + abs(hashint4(n)) %% 10000, o.supplier_id, o.id, o.current_version_id,
       'consulting', '도입 상담을 부탁드립니다.', %(strikes)s - interval '3 days', d.due_at,
       d.due_at - interval '1 day'
  FROM generate_series(1, %(open)s) n
 CROSS JOIN (SELECT min(id) AS first FROM company) c
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM offering) o
    ON o.place = abs(hashint4(-n)) %% 200
 CROSS JOIN LATERAL (SELECT %(strikes)s + interval '1 day'
                            * CASE WHEN n %% %(every)s = 0 THEN 0 ELSE 2 + n %% 30 END AS due_at) d
 ORDER BY n
"""
_BEGUN = """
INSERT INTO audit_row (entity, entity_id, seq, action, actor_name, at, recorded_at, change, hash)
SELECT b.entity, d.id, 1, b.action, b.name, b.at, b.at, b.change,
       audit_digest(NULL, b.entity, d.id, 1, b.action, NULL, b.name, NULL, b.at, b.at, NULL, b.change)
  FROM deal d
 CROSS JOIN (SELECT 'deal' AS entity, 'request' AS action, '측정 준비' AS name, %(now)s::timestamptz AS at,
                    '{"state": [null, "consulting"]}'::jsonb AS change) b
 ORDER BY d.id
"""


def _reopened(world: World, side: Callable[[], float]) -> Callable[[], float]:
    def one_slice() -> float:
        _reopen(world)
        return side()

    return one_slice


def _reopen(world: World) -> None:
    """The same rows due again, without the dead rows of the last slice."""
    db.session.remove()
    world.owner.execute(
        "UPDATE deal SET state = 'consulting', reason = NULL, closed_at = NULL WHERE state = 'lapsed'"
    )
    world.owner.execute(f"VACUUM ANALYZE {TOUCHED}")
    world.owner.execute("CHECKPOINT")


@contextmanager
def _statements() -> Iterator[list[float]]:
    """The seconds that each statement takes."""
    took: list[float] = []

    def before(*_: Any) -> None:
        took.append(-time.perf_counter())

    def after(*_: Any) -> None:
        took[-1] += time.perf_counter()

    event.listen(db.engine, "before_cursor_execute", before)
    event.listen(db.engine, "after_cursor_execute", after)
    try:
        yield took
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
        event.remove(db.engine, "after_cursor_execute", after)


def _sweep() -> None:
    result = deadlines.sweep(at=STRIKES)
    assert result.consultations == DUE, result


def _bare() -> None:
    with db.engine.begin() as connection:
        updated = connection.execute(BARE, {"reason": REASON, "now": STRIKES})
        assert updated.rowcount == DUE, updated.rowcount


def _two_at_once(world: World) -> None:
    def one() -> int:
        with world.app.app_context(), clock.at(NOW):
            return deadlines.sweep(at=STRIKES).consultations

    written = "SELECT count(*) FROM audit_row WHERE entity = 'deal' AND action = 'lapse'"
    before = world.ids(written)[0]
    with ThreadPoolExecutor(2) as pool:
        counts = [future.result() for future in [pool.submit(one), pool.submit(one)]]
    assert sum(counts) == DUE, counts
    assert world.ids(written)[0] - before == DUE, "a deal was ended twice"


def _idle() -> None:
    result = deadlines.sweep()
    assert result.consultations == 0, result


def _look() -> None:
    with db.engine.begin() as connection:
        assert connection.execute(LOOK, {"now": NOW}).first() is None
