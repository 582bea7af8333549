"""Matching a daily file of 200,000 lines with as many payments (R-SET-3), one line in a hundred astray."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.models.statements import StatementFile
from app.workflows import matching, matching_sql
from bench.harness import Claim, Result, in_turn, timed
from bench.payment_world import AMOUNT, PAID
from bench.world import World

LINES = PAID
ONE = timedelta(days=1)
ASTRAY = 400
"""One in so many lines is missing, one wrong by 100 won, one doubled, one of nobody: one in 100 in all."""

# Nobody can do without it to know which lines have a payment.
BARE = text(f"SELECT count(*) {matching_sql.JOINED}")
WRITTEN = text("SELECT bucket, count(*) FROM recon_item GROUP BY bucket")


def run(world: World) -> list[Result]:
    file_id = _load(world)
    _on_one_core(world)

    def ours() -> float:
        _forget(world)
        return timed(lambda: matching.match(file_id=file_id)) / LINES

    def bare() -> float:
        return timed(lambda: _bare(file_id)) / LINES

    matched, joined = in_turn(ours, bare)
    _check(file_id)
    nexts = [_next(world) for _ in matched]
    wholes = [each * LINES for each in matched]
    return [
        Result(claim=_CLAIM, ours=matched, theirs=joined),
        Result(claim=_NEXT, ours=nexts, theirs=wholes),
    ]


_CLAIM = Claim(
    name="matching",
    what=f"a daily file of {LINES:,} lines matched with {PAID:,} payments, its matches and differences"
    " written with their audit rows, per line",
    against="the bare join by approval number, amount and day, which only counts",
    bar=5,
    direction="at most",
    binding=True,
)


_NEXT = Claim(
    name="matching-next",
    what="the file of the next day, which has no transactions, after all those",
    against=f"the file of {LINES:,} lines",
    bar=0.1,
    direction="at most",
)


def _on_one_core(world: World) -> None:
    """What writes is never planned on several, so that a count that was would show cores and not work."""
    name = world.owner.info.dbname
    world.owner.execute(f'ALTER DATABASE "{name}" SET max_parallel_workers_per_gather = 0')
    db.session.remove()
    db.engine.dispose()


def _bare(file_id: int) -> None:
    with transaction() as session:
        day = session.get_one(StatementFile, file_id).day
        since, until = clock.start_of(day - ONE), clock.end_of(day + ONE)
        sought = {"file_id": file_id, "is_zeropay": False, "since": since, "until": until}
        assert session.scalar(BARE, sought)


def _load(world: World) -> int:
    """The file of the payments' day, and the empty one of the day after: so that what is missing shows."""
    with world.owner.transaction():
        world.owner.execute("SET LOCAL session_replication_role = replica")
        world.owner.execute("UPDATE payment SET approval_number = lpad(id::text, 8, '0')")
    [day] = world.owner.execute(
        "SELECT max(CAST(paid_at AT TIME ZONE 'Asia/Seoul' AS date)) FROM payment"
    ).fetchone() or [None]
    about = {"astray": ASTRAY, "amount": AMOUNT, "name": "card.csv"}
    values: dict[str, Any] = {"day": day, "now": clock.now(), **about}
    found = world.owner.execute(_FILE, values | {"state": "taken", "rows": LINES}).fetchone()
    assert found and day
    world.owner.execute(_LINES, values | {"file_id": found[0]})
    world.owner.execute(_FILE, values | {"day": day + ONE, "state": "matched", "rows": 0})
    world.settle()
    return int(found[0])


_FILE = """
INSERT INTO statement_file (system, day, state, file_name, sha256, rows, charged, cancelled, fee, errors,
                            taken_at, matched_at)
VALUES ('card', %(day)s::date, %(state)s::text, %(name)s, md5(%(day)s::date::text), %(rows)s, 0, 0, 0,
        '[]', %(now)s, CASE WHEN %(state)s::text = 'matched' THEN %(now)s::timestamptz END)
RETURNING id
"""
_LINES = """
INSERT INTO statement_line (file_id, "row", copy, is_cancel, approval_number, amount, day, at, card,
                            order_id, fee, deposit)
SELECT %(file_id)s::bigint, 2 + row_number() OVER (ORDER BY p.id, k.n), k.n - 1, false,
       CASE WHEN p.id %% %(astray)s = 3 THEN 'X' || p.approval_number ELSE p.approval_number END,
       CASE WHEN p.id %% %(astray)s = 1 THEN %(amount)s + 100 ELSE %(amount)s END,
       %(day)s::date, p.paid_at, '****-****-****-0007',
       CASE WHEN p.id %% %(astray)s <> 3 THEN p.order_id END, 440, %(amount)s - 440
  FROM payment p
 CROSS JOIN LATERAL generate_series(1, CASE p.id %% %(astray)s WHEN 0 THEN 0 WHEN 2 THEN 2 ELSE 1 END) k (n)
 WHERE p.state = 'paid'
"""


def _next(world: World) -> float:
    """Seconds for the day after the empty one, taken anew each time."""
    values = {"state": "taken", "rows": 0, "now": clock.now()}
    with world.owner.transaction():
        world.owner.execute("SET LOCAL session_replication_role = replica")
        world.owner.execute("DELETE FROM statement_file WHERE rows = 0 AND file_name = 'next'")
    [day] = world.owner.execute("SELECT max(day) FROM statement_file").fetchone() or [None]
    found = world.owner.execute(_FILE, values | {"day": day + ONE, "name": "next"}).fetchone()
    assert found
    took = timed(lambda: matching.match(file_id=found[0]))
    db.session.remove()
    return took


def _forget(world: World) -> None:
    """As if the file had just been taken."""
    with world.owner.transaction():
        world.owner.execute("SET LOCAL session_replication_role = replica")
        world.owner.execute("TRUNCATE statement_match, recon_act, recon_item, statement_wait")
        world.owner.execute(
            "UPDATE statement_file SET state = 'taken', matched_at = NULL WHERE rows > 0 RETURNING id"
        )


def _check(file_id: int) -> None:
    """Every planted difference was found, and nothing else."""
    each = LINES // ASTRAY
    # A line of nobody leaves its payment without one: it counts on both sides.
    found = {bucket: count for bucket, count in db.session.execute(WRITTEN)}
    assert found == {"amount": each, "doubled": each, "only_theirs": each, "only_ours": 2 * each}, found
    db.session.rollback()
    matched = matching.match(file_id=file_id).lines
    assert matched == LINES - 3 * each, matched
