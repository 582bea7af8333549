"""Slips are drawn by jobs, a chunk at a time: claimed, drawn, kept (R-DOC-1).

What has no file is what is to be drawn; no message tells of it. Whoever claims a chunk has it for a while,
and when they die it is claimed again. A slip that was tried before is claimed alone, so that one which cannot
be drawn, or which kills its worker, never stops another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select, text

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import book, store
from app.documents.book import EDITION
from app.errors import Conflict
from app.models.payments import Slip, SlipKind
from app.policy import Actor, Permission
from app.workflows import record, steps

log = logging.getLogger(__name__)

CHUNK = 50
"""Half a second of work."""
LEASE = timedelta(seconds=25)
"""Much longer than a chunk takes. Who comes back later finds the slip drawn by another, to the byte."""
MAX_TRIES = 10
LONGEST_WAIT = timedelta(hours=1)
HANDS = tuple(f"slips-{number}" for number in range(4))
"""The jobs that may draw at the same time, by their ids."""
PATIENCE_SECONDS = 10.0
"""Then a job ends, and what people wait for has its turn: a lone worker sends a code no later than this."""

_OPEN = "sha256 IS NULL AND (leased_until IS NULL OR leased_until <= :now)"
# It counts as tried when it is claimed: of one that kills its worker nobody would say so afterwards.
# Taken by a WITH, which is run once: as `id IN (...)` a nested loop runs it for each row and takes more.
_CLAIM = """
WITH taken AS MATERIALIZED (
  SELECT id FROM slip WHERE {open} AND {which} ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED)
UPDATE slip s SET leased_until = :until, tries = tries + 1 FROM taken WHERE s.id = taken.id
RETURNING s.id, s.kind, s.data
"""
_FRESH = text(_CLAIM.format(open=_OPEN, which="tries = 0"))
_TRIED = text(_CLAIM.format(open=_OPEN, which=f"tries BETWEEN 1 AND {MAX_TRIES - 1}"))
_WAITING = text("""
SELECT count(*) FROM (
  SELECT 1 FROM slip
   WHERE sha256 IS NULL AND (leased_until IS NULL OR leased_until <= :now) AND tries < :tries LIMIT :most) w
""")
_KEEP = text("""
UPDATE slip s SET sha256 = d.sha256, size = d.size, edition = :edition, leased_until = NULL, error = NULL
  FROM unnest(CAST(:ids AS bigint[]), CAST(:hashes AS text[]), CAST(:sizes AS integer[]))
       AS d(id, sha256, size)
 WHERE s.id = d.id AND s.sha256 IS NULL
""")
_PUT_BACK = text("""
UPDATE slip s SET error = :error, leased_until = CAST(:now AS timestamptz)
         + least(CAST(:longest AS interval), interval '1 second' * power(2, s.tries))
 WHERE s.id = :id AND s.sha256 IS NULL
RETURNING s.tries
""")


@dataclass
class Drawn:
    """The files of one chunk, kept in the store, and what could not be drawn."""

    files: dict[int, tuple[str, int]] = field(default_factory=dict)
    """SHA-256 and size by slip."""
    failed: dict[int, str] = field(default_factory=dict)
    """The kind of error by slip."""


def claim(size: int = CHUNK) -> Sequence[Row[Any]]:
    """What is drawn next, for one lease. Two claims at once take each slip once."""
    now = clock.real_now()
    with transaction() as session:
        leased = {"now": now, "until": now + LEASE}
        rows = session.execute(_FRESH, leased | {"size": size}).all()
        return rows or session.execute(_TRIED, leased | {"size": 1}).all()


def draw(rows: Sequence[Row[Any]]) -> Drawn:
    """Draw and store the files; no transaction is open."""
    done = Drawn()
    for row in rows:
        try:
            content = book.draw_one(SlipKind(row.kind), row.data)
            done.files[row.id] = store.put(content), len(content)
        except Exception as error:
            # One that cannot be drawn must not stop those behind it; the console shows it with its error.
            log.exception("slip could not be drawn", extra={"slip_id": row.id})
            done.failed[row.id] = type(error).__name__
    return done


def keep(done: Drawn) -> None:
    """Note the files, all at once; what failed is tried again later, each time after a longer while."""
    ids = sorted(done.files)
    with transaction() as session:
        kept = {
            "ids": ids,
            "hashes": [done.files[key][0] for key in ids],
            "sizes": [done.files[key][1] for key in ids],
            "edition": EDITION,
        }
        session.execute(_KEEP, kept)
        for key, error in done.failed.items():
            wait = {"id": key, "error": error, "now": clock.real_now(), "longest": LONGEST_WAIT}
            session.execute(_PUT_BACK, wait)


def work(*, seconds: float = PATIENCE_SECONDS) -> int:
    """Draw what waits, chunk by chunk, until nothing does or time is over; returns how many were drawn."""
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds and (rows := claim()):
        steps.reached("slips.claimed")
        done = draw(rows)
        steps.reached("slips.drawn")
        keep(done)
        count += len(done.files)
    return count


def hands() -> int:
    """How many jobs are worth waking."""
    found = {"now": clock.real_now(), "most": CHUNK * len(HANDS), "tries": MAX_TRIES}
    waiting: int = db.session.execute(_WAITING, found).scalar_one()
    return -(-waiting // CHUNK)


def stuck(*, actor: Actor, before: int | None = None, size: int = 20) -> list[Slip]:
    """Slips that could not be drawn so far, newest first. Raises Denied."""
    policy.require(actor, Permission.OPERATIONS_VIEW)
    query = select(Slip).where(Slip.sha256.is_(None), Slip.error.is_not(None) | (Slip.tries >= MAX_TRIES))
    if before is not None:
        query = query.where(Slip.id < before)
    return list(db.session.scalars(query.order_by(Slip.id.desc()).limit(size)))


def draw_again(*, actor: Actor, slip_id: int) -> Slip:
    """Let a slip be drawn anew from the first try on. Raises Denied, NotFound, Conflict."""
    policy.require(actor, Permission.OPERATIONS_MANAGE)
    with transaction():
        slip = lock(Slip, slip_id)
        if slip.sha256 is not None or not slip.tries:
            raise Conflict("slip.drawn", "이미 만들어졌거나 만들고 있는 문서입니다. 화면을 새로 고쳐 주세요.")
        record.write("slip", slip.id, "draw_again", actor=actor, change={"tries": (slip.tries, 0)})
        slip.tries, slip.leased_until, slip.error = 0, None, None
        return slip
