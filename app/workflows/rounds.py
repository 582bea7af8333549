"""Rounds of screening: each stay in the queue from arrival to decision, for honest waiting (R-SCR-5).

Set-based, inside the caller's transaction, which holds the applications' locks.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from app import clock
from app.db import db
from app.policy import Actor
from app.workflows import programmes

_ENTER = text("""
INSERT INTO screening_round (application_id, agency_id, programme_id, number, entered_at)
SELECT a.id, a.agency_id, a.programme_id,
       1 + (SELECT count(*) FROM screening_round r WHERE r.application_id = a.id), :at
  FROM application a
 WHERE a.id = ANY(:ids)
ON CONFLICT (application_id) WHERE decided_at IS NULL DO NOTHING
""")
_OPEN_DAYS = text("""
SELECT DISTINCT programme_id, (entered_at AT TIME ZONE 'Asia/Seoul')::date AS day
  FROM screening_round WHERE application_id = ANY(:ids) AND decided_at IS NULL
""")
_LEAVE = text("""
UPDATE screening_round r
   SET decided_at = :at, decided_by_id = :actor_id, decision = :decision, reason_codes = :codes,
       waited_days = w.waited
  FROM unnest(CAST(:programmes AS bigint[]), CAST(:days AS date[]), CAST(:waited AS integer[]))
    AS w (programme_id, day, waited)
 WHERE r.application_id = ANY(:ids) AND r.decided_at IS NULL
   AND r.programme_id = w.programme_id AND (r.entered_at AT TIME ZONE 'Asia/Seoul')::date = w.day
""")


def enter(application_ids: Sequence[int]) -> None:
    """These have come into their agency's queue at this moment."""
    db.session.flush()
    db.session.execute(_ENTER, {"ids": list(application_ids), "at": clock.now()})


def leave(
    application_ids: Sequence[int], decision: str, *, actor: Actor, reason_codes: Sequence[str] = ()
) -> None:
    """A decision has ended their stay: hold, screen or reject. What stood in no queue is passed over."""
    ids = list(application_ids)
    days = db.session.execute(_OPEN_DAYS, {"ids": ids}).all()
    if not days:
        return
    closed = {key: programmes.closing_days(programme_id=key) for key in {row.programme_id for row in days}}
    now = clock.now()
    waited = [
        clock.business_days_between(clock.start_of(row.day), now, closed=closed[row.programme_id])
        for row in days
    ]
    parameters = {"ids": ids, "at": now, "actor_id": actor.id, "decision": decision}
    parameters |= {"codes": list(reason_codes), "waited": waited}
    parameters |= {"programmes": [row.programme_id for row in days], "days": [row.day for row in days]}
    db.session.execute(_LEAVE, parameters)
