"""How deadlines are usually ended: an ORM transaction for each deal, in a loop or in an RQ job of its own.

Both write what the sweep writes: the deal, its audit row with its chain's hash, two notices and two messages.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.record import AuditRow, Notice, OutboxMessage
from bench.harness import timed
from bench.world import World
from ops import valkey

Jobs = Callable[[list[int], datetime, str], float]


def one_by_one(keys: list[int], at: datetime, reason: str) -> None:
    """As it is usually written: load, check, change, add what tells of it, commit; for each deal."""
    with Session(db.engine) as session:
        for key in keys:
            _end(session, key, at, reason)


def end(key: int, at: str, reason: str) -> None:
    """The job of one deal."""
    with Session(db.engine) as session:
        _end(session, key, datetime.fromisoformat(at), reason)


@contextmanager
def jobs(world: World) -> Iterator[Jobs]:
    """A Valkey of its own; yields what enqueues a job for each deal, then times RQ's worker over them.

    The worker runs its jobs in this process: a fork for each job would cost more.
    """
    with tempfile.TemporaryDirectory(prefix="kvbench-") as folder:
        home = Path(folder)
        connection = Redis.from_url(valkey.start(home))
        queue = Queue("deadlines", connection=connection, serializer=JSONSerializer)

        def work(keys: list[int], at: datetime, reason: str) -> float:
            for key in keys:
                queue.enqueue(end, key, at.isoformat(), reason)
            worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
            worker.log_result_lifespan = False
            with world.app.app_context():
                took = timed(lambda: worker.work(burst=True, logging_level="WARNING"))
            assert not queue.failed_job_registry.get_job_ids(), "a job failed"
            with Session(db.engine) as session:
                ended = select(Deal.state).where(Deal.id.in_(keys)).distinct()
                assert list(session.scalars(ended)) == [DealState.LAPSED]
            return took

        try:
            yield work
        finally:
            connection.close()
            valkey.stop(home)


def _end(session: Session, key: int, at: datetime, reason: str) -> None:
    deal = session.get(Deal, key, with_for_update=True)
    if deal is None or deal.state is not DealState.CONSULTING:
        raise LookupError(key)
    deal.state, deal.reason, deal.closed_at = DealState.LAPSED, reason, deal.due_at
    audit = _audit(session, key, at, reason)
    session.add(audit)
    for side in ("company", "supplier"):
        told = f"deal:{key}:{audit.seq}:{side}"
        party = {f"{side}_id": getattr(deal, f"{side}_id")}
        session.add(Notice(key=told, text=reason, at=at, **party))
        session.add(_message(told, {"text": reason, **party}, at))
    session.commit()


def _audit(session: Session, key: int, at: datetime, reason: str) -> AuditRow:
    newest = (
        select(AuditRow)
        .where(AuditRow.entity == "deal", AuditRow.entity_id == key)
        .order_by(AuditRow.seq.desc())
        .limit(1)
    )
    last = session.scalars(newest).first()
    change = {"state": ["consulting", "lapsed"], "reason": [None, reason]}
    seq, before = (last.seq + 1, bytes(last.hash)) if last else (1, b"")
    digest = hashlib.sha256(before + json.dumps([key, seq, "lapse", change]).encode()).digest()
    return AuditRow(
        entity="deal",
        entity_id=key,
        seq=seq,
        action="lapse",
        actor_name="시스템",
        at=at,
        recorded_at=clock.real_now(),
        reason=reason,
        change=change,
        prev_hash=before or None,
        hash=digest,
    )


def _message(key: str, payload: dict[str, object], at: datetime) -> OutboxMessage:
    now = clock.real_now()
    return OutboxMessage(key=key, kind="sms", payload=payload, created_at=at, next_try_at=now, tries=0)
