"""Which documents an export holds, and who works on it (R-DOC-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text

from app import clock
from app.models.payments import SlipKind

# Over s (slip). A statement of settlement is of no agency, so a filter by agency leaves it out; a list of
# billed payments is of the agency that gave its company the voucher.
_WANTED = """
  FROM slip s
 WHERE s.programme_id = :programme_id
   AND (CAST(:since AS timestamptz) IS NULL OR s.issued_at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR s.issued_at < :until)
   AND (CAST(:supplier_id AS bigint) IS NULL OR s.supplier_id = :supplier_id)
   AND (CAST(:agency_id AS bigint) IS NULL
        OR s.payment_id IS NOT NULL
           AND EXISTS (SELECT 1 FROM payment p JOIN voucher w ON w.id = p.voucher_id
                        WHERE p.id = s.payment_id AND w.agency_id = :agency_id)
        OR s.kind = 'billing'
           AND EXISTS (SELECT 1 FROM voucher w
                        WHERE w.company_id = s.company_id AND w.programme_id = s.programme_id
                          AND w.agency_id = :agency_id))
"""

# What a cancellation says counts below zero, as it stands on its paper.
COUNT = text(f"""
SELECT s.kind, count(*) AS documents,
       CAST(coalesce(sum(CAST(s.data ->> 'total' AS bigint)), 0) AS bigint)
       * CASE s.kind WHEN 'cancellation' THEN -1 ELSE 1 END AS amount,
       CAST(coalesce(sum(s.size), 0) AS bigint) AS bytes, count(s.size) AS drawn
  {_WANTED} AND s.kind = ANY(:kinds) AND s.number <= CAST(CAST(:upto AS jsonb) ->> s.kind AS bigint)
 GROUP BY s.kind
""")

# By the index of the numbers. Of a receipt, whether it was cancelled counts as it stood at the start.
PAGE = text(f"""
SELECT s.id, s.kind, s.number, s.data, s.sha256,
       (SELECT c.data -> 'stamp' ->> 'number' FROM slip c
         WHERE s.kind IN ('receipt', 'statement') AND c.payment_id = s.payment_id
           AND c.kind = 'cancellation'
           AND c.number <= CAST(CAST(:upto AS jsonb) ->> 'cancellation' AS bigint)) AS cancelled_by
  {_WANTED} AND s.kind = :kind AND s.number > :after
   AND s.number <= CAST(CAST(:upto AS jsonb) ->> :kind AS bigint)
 ORDER BY s.number LIMIT :size
""")  # noqa: S608 - no input in it

UPTO = text("SELECT kind, last FROM slip_number WHERE programme_id = :programme_id")

CLAIM = text("""
UPDATE paper_export SET leased_until = :until
 WHERE id IN (SELECT id FROM paper_export
               WHERE state = 'running' AND (leased_until IS NULL OR leased_until < :now)
               ORDER BY id FOR UPDATE SKIP LOCKED)
RETURNING id, tries
""")
# Not where somebody stopped it, or another worker has finished this part meanwhile.
MOVE_ON = text("""
UPDATE paper_export SET ahead = :ahead, leased_until = :until
 WHERE id = :export_id AND state = 'running' AND parts = :parts
RETURNING id
""")

# Files whose export is at its end; not those that another export, by the same content, still hands out.
FORGETTABLE = text("""
SELECT t.export_id, t.number, t.sha256
  FROM paper_export_part t JOIN paper_export e ON e.id = t.export_id
 WHERE t.forgotten_at IS NULL AND e.state IN ('cancelled', 'expired')
   AND NOT EXISTS (SELECT 1 FROM paper_export_part o JOIN paper_export k ON k.id = o.export_id
                    WHERE o.sha256 = t.sha256 AND o.forgotten_at IS NULL
                      AND k.state IN ('running', 'stopped', 'done'))
 ORDER BY t.export_id, t.number
""")
FORGOTTEN = text("""
UPDATE paper_export_part SET forgotten_at = :at
 WHERE export_id = :export_id AND number = :number AND forgotten_at IS NULL
""")
LAPSED = text("""
SELECT id FROM paper_export
 WHERE state = 'done' AND expires_at <= :now OR state = 'stopped' AND created_at <= :stale
 ORDER BY id
""")


def wanted(
    *,
    programme_id: int,
    since: date | None,
    until: date | None,
    agency_id: int | None,
    supplier_id: int | None,
) -> dict[str, Any]:
    """The filter as the statements take it; both days are within."""
    return {
        "programme_id": programme_id,
        "since": clock.start_of(since) if since else None,
        "until": clock.end_of(until) if until else None,
        "agency_id": agency_id,
        "supplier_id": supplier_id,
    }


def in_order(kinds: Sequence[SlipKind]) -> list[str]:
    """Each once, in the order of the enumeration: the order in which documents stand."""
    return [kind.value for kind in SlipKind if kind in kinds]
