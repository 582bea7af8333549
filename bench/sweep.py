"""The deadline sweep (R-TIME-6): 5,000 unanswered consultations among 100,000 open ones."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.record import AuditRow, Notice, OutboxMessage
from app.workflows import deadlines, record
from app.workflows.deal_lifecycle import LAPSE_REASONS
from bench.harness import Claim, Result, in_turn, timed
from bench.world import PREPARER, World, load_companies, load_offerings, load_suppliers

OPEN = 100_000
DUE = 5_000
SAMPLE = 200
STRIKES = datetime(2020, 11, 18, tzinfo=clock.KST)
REASON = LAPSE_REASONS[DealState.CONSULTING]

# What changes in the deals themselves, and nothing that tells of it.
BARE = text("""
UPDATE deal SET state = 'lapsed', reason = :reason, closed_at = due_at
 WHERE state = 'consulting' AND due_at <= :now
""")


def run(world: World) -> list[Result]:
    _load(world)
    sample = world.ids(f"SELECT id FROM deal WHERE due_at <= '{STRIKES}' ORDER BY id LIMIT {SAMPLE}")

    def ours() -> float:
        _reopen(world)
        return timed(_sweep) / DUE

    def bare() -> float:
        _reopen(world)
        return timed(_bare) / DUE

    def one_by_one() -> float:
        _reopen(world)
        return timed(lambda: _one_by_one(sample)) / SAMPLE

    swept, updated, looped = in_turn(ours, bare, one_by_one)
    what = f"sweep of {DUE:,} due among {OPEN:,} open deals with audit, notices and outbox, per deal"
    return [
        Result(
            claim=Claim(
                name="sweep",
                what=what,
                against="one bare UPDATE of the same rows, which tells nobody",
                bar=5,
                direction="at most",
            ),
            ours=swept,
            theirs=updated,
        ),
        Result(
            claim=Claim(
                name="sweep-orm",
                what=what,
                against=f"an ORM transaction for each deal with the same rows, on a sample of {SAMPLE}",
                bar=40,
            ),
            ours=swept,
            theirs=looped,
        ),
    ]


def _load(world: World) -> None:
    load_companies(world, 1_000)
    load_suppliers(world, 200)
    load_offerings(world)
    # None is due within a day of the rest: the first slice alone would remind of it (R-VOU-4).
    world.owner.execute(
        """INSERT INTO deal (programme_id, company_id, supplier_id, offering_id, version_id, state, memo,
                             requested_at, due_at)
           SELECT %(programme)s, (SELECT min(id) FROM company) + n %% 1000, o.supplier_id, o.id,
                  o.current_version_id, 'consulting', '도입 상담을 부탁드립니다.',
                  %(strikes)s - interval '3 days',
                  %(strikes)s + interval '1 day' * CASE WHEN n %% %(every)s = 0 THEN 0 ELSE 2 + n %% 30 END
             FROM generate_series(1, %(open)s) n
             JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM offering) o
               ON o.place = n %% 200""",
        {"programme": world.programme_id, "strikes": STRIKES, "every": OPEN // DUE, "open": OPEN},
    )
    ids = world.ids("SELECT id FROM deal ORDER BY id")
    for start in range(0, len(ids), 10_000):
        begun = {key: {"state": (None, DealState.CONSULTING)} for key in ids[start : start + 10_000]}
        record.write_many("deal", begun, "begin", actor=PREPARER)
        db.session.commit()
    world.settle()


def _reopen(world: World) -> None:
    """The same rows due again, without the dead rows of the last slice."""
    db.session.remove()
    world.owner.execute(
        "UPDATE deal SET state = 'consulting', reason = NULL, closed_at = NULL WHERE state = 'lapsed'"
    )
    world.owner.execute("VACUUM ANALYZE deal, audit_row, notice, outbox_message")
    world.owner.execute("CHECKPOINT")


def _sweep() -> None:
    result = deadlines.sweep(at=STRIKES)
    assert result.consultations == DUE, result


def _bare() -> None:
    with db.engine.begin() as connection:
        updated = connection.execute(BARE, {"reason": REASON, "now": STRIKES})
        assert updated.rowcount == DUE, updated.rowcount


def _one_by_one(keys: list[int]) -> None:
    """As it is usually written: load, check, change, add what tells of it, commit; for each deal."""
    with Session(db.engine) as session:
        for key in keys:
            deal = session.get(Deal, key, with_for_update=True)
            if deal is None or deal.state is not DealState.CONSULTING:
                raise LookupError(key)
            deal.state, deal.reason, deal.closed_at = DealState.LAPSED, REASON, deal.due_at
            audit = _audit(session, key)
            session.add(audit)
            for side in ("company", "supplier"):
                told = f"deal:{key}:{audit.seq}:{side}"
                party = {f"{side}_id": getattr(deal, f"{side}_id")}
                session.add(Notice(key=told, text=REASON, at=STRIKES, **party))
                payload = {"text": REASON, **party}
                session.add(_message(told, payload))
            session.commit()


def _audit(session: Session, key: int) -> AuditRow:
    newest = (
        select(AuditRow)
        .where(AuditRow.entity == "deal", AuditRow.entity_id == key)
        .order_by(AuditRow.seq.desc())
        .limit(1)
    )
    last = session.scalars(newest).first()
    change = {"state": ["consulting", "lapsed"], "reason": [None, REASON]}
    seq, before = (last.seq + 1, bytes(last.hash)) if last else (1, b"")
    digest = hashlib.sha256(before + json.dumps([key, seq, "lapse", change]).encode()).digest()
    return AuditRow(
        entity="deal",
        entity_id=key,
        seq=seq,
        action="lapse",
        actor_name="시스템",
        at=STRIKES,
        recorded_at=clock.real_now(),
        reason=REASON,
        change=change,
        prev_hash=before or None,
        hash=digest,
    )


def _message(key: str, payload: dict[str, object]) -> OutboxMessage:
    now = clock.real_now()
    return OutboxMessage(key=key, kind="sms", payload=payload, created_at=STRIKES, next_try_at=now, tries=0)
