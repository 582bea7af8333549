"""Drains the outbox: each message once for its key, retried with back-off, given up loudly (R-MSG-1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.workflows import (
    cancellations,
    mails,
    matching,
    messages,
    password_reset,
    slips,
    steps,
    usage_watch,
)

log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any], str], Any]
"""Takes the payload and the key, which a gateway gets as its idempotency key. No transaction is open."""

HANDLERS: dict[str, Handler] = {
    "sms": messages.send_sms,
    "password_code": password_reset.send_code,
    "return_charge": cancellations.return_charge,
    "cancel_idle": usage_watch.cancel,
    "issue_slips": slips.issue_asked,
    "mail_statement": mails.send,
    "match_statement": lambda payload, _: matching.match(file_id=payload["file_id"]),
    "render_slip": lambda payload, _: slips.render(payload["slip_id"]),
}

BATCH = 50
# A message that a dead worker had claimed is taken up again after this long. Longer than any handler takes:
# return_charge at worst, with 8 s for the cancellation and twice 3 s for a connection and 8 s for the answer.
LEASE = timedelta(seconds=25)
MAX_TRIES = 10
LONGEST_WAIT = timedelta(hours=1)

# Taken by a WITH, which is run once: as `id IN (...)` a nested loop runs it for each row and takes more.
_CLAIM = text("""
WITH taken AS MATERIALIZED (
  SELECT id FROM outbox_message
   WHERE done_at IS NULL AND gave_up_at IS NULL AND next_try_at <= :now
   ORDER BY next_try_at, id LIMIT :batch FOR UPDATE SKIP LOCKED)
UPDATE outbox_message m SET next_try_at = :lease_until FROM taken WHERE m.id = taken.id
RETURNING m.id, m.key, m.kind, m.payload, m.tries, m.next_try_at
""")
# Of those who hold a message, or think so, one finds its lease as it was left. Only here it counts as tried:
# what lay beside a message that kills its worker is not to blame.
_HOLD = text("""
UPDATE outbox_message SET tries = tries + 1, next_try_at = :lease_until
 WHERE id = :id AND next_try_at = :held AND done_at IS NULL AND gave_up_at IS NULL
RETURNING id, key, kind, payload, tries
""")


@dataclass
class Drained:
    done: int = 0
    failed: int = 0
    gave_up: int = 0


def drain() -> Drained:
    """Do everything that is due. Two drains at once take each message once."""
    result = Drained()
    while rows := _claim():
        steps.reached("outbox.claimed")
        for row in rows:
            held = _hold(row)
            if held is not None:
                _handle(held, result)
    return result


def _claim() -> list[Any]:
    now = clock.real_now()
    with transaction() as session:
        rows = session.execute(_CLAIM, {"now": now, "lease_until": now + LEASE, "batch": BATCH}).all()
    # Whatever killed its worker before goes last: those beside it must not die with it again.
    return sorted(rows, key=lambda row: (row.tries, row.id))


def _hold(row: Any) -> Any | None:
    """The message with a whole lease from now on, if it is still in our hands.

    What waited behind slow ones until its lease was over may be in another drain's hands by now.
    """
    until = {"id": row.id, "held": row.next_try_at, "lease_until": clock.real_now() + LEASE}
    with transaction() as session:
        return session.execute(_HOLD, until).first()


class WorkerDied(Exception):
    """Claimed again and again, and none of those who claimed it lived to say how it went."""


def _handle(row: Any, result: Drained) -> None:
    if row.tries > MAX_TRIES:
        log.error("outbox message killed its workers", extra={"message_id": row.id, "kind": row.kind})
        _put_back(row, WorkerDied(), result)
        return
    try:
        HANDLERS[row.kind](row.payload, row.key)
    except Exception as error:
        # One bad message must not stop those behind it; it is kept with its error and shown in the console.
        db.session.rollback()
        log.exception("outbox message failed", extra={"message_id": row.id, "kind": row.kind})
        _put_back(row, error, result)
    else:
        steps.reached("outbox.handled")
        with transaction() as session:
            session.execute(
                text("UPDATE outbox_message SET done_at = :now, error = NULL WHERE id = :id"),
                {"now": clock.real_now(), "id": row.id},
            )
        result.done += 1


def _put_back(row: Any, error: Exception, result: Drained) -> None:
    now = clock.real_now()
    final = row.tries >= MAX_TRIES
    wait = min(timedelta(seconds=2**row.tries), LONGEST_WAIT)
    with transaction() as session:
        session.execute(
            text("""UPDATE outbox_message SET error = :error, next_try_at = :next,
                           gave_up_at = CASE WHEN :final THEN CAST(:now AS timestamptz) END
                     WHERE id = :id AND done_at IS NULL"""),
            {"error": type(error).__name__, "next": now + wait, "final": final, "now": now, "id": row.id},
        )
    if final:
        result.gave_up += 1
    else:
        result.failed += 1
