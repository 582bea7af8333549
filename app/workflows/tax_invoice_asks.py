"""Suppliers are asked for the tax invoices that their payments want, each once (R-SET-1, R-MSG-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from app.db import transaction
from app.workflows import record

AT_ONCE = 500

# Each is looked at once when it was paid and once when it was cancelled: what it wants is decided then
# (`ix_payment_unasked`).
_UNSEEN = text("""
SELECT p.id, p.supplier_id, o.name, w.key, w.negative,
       EXISTS (SELECT 1 FROM tax_invoice t WHERE t.payment_id = p.id AND t.state <> 'voided'
                  AND t.modify_code IS NULL) = w.negative
   AND NOT EXISTS (SELECT 1 FROM tax_invoice t WHERE t.payment_id = p.id AND t.state <> 'voided'
                      AND t.modify_code IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.key = w.key) AS wanting
  FROM payment p
  JOIN deal d ON d.id = p.deal_id
  JOIN offering o ON o.id = d.offering_id
 CROSS JOIN LATERAL (
   SELECT p.state = 'cancelled' AS negative,
          CASE p.state WHEN 'cancelled' THEN 'tax_invoice:taken_back:' ELSE 'tax_invoice:wanted:' END || p.id
            AS key) w
 WHERE p.instrument_kind = 'zeropay' AND p.state IN ('paid', 'cancelled')
   AND p.invoice_state IS DISTINCT FROM p.state
 ORDER BY p.id LIMIT :size FOR NO KEY UPDATE OF p SKIP LOCKED
""")
_SEEN = text("UPDATE payment SET invoice_state = state WHERE id = ANY(CAST(:ids AS bigint[]))")
_WANTED = (
    "제로페이로 결제된 '{name}'의 전자세금계산서를 발행하고 승인번호를 등록해 주세요. 등록되어야 정산됩니다."
)
_TAKEN_BACK = "취소된 '{name}' 결제의 수정세금계산서(계약의 해제)를 발행하고 승인번호를 등록해 주세요."


def ask() -> int:
    """Tell each supplier once of each; asked again it tells nobody. Returns how many were told."""
    told = 0
    while True:
        with transaction() as session:
            rows = session.execute(_UNSEEN, {"size": AT_ONCE}).all()
            wanting = [row for row in rows if row.wanting]
            record.tell(_messages(wanting))
            session.execute(_SEEN, {"ids": [row.id for row in rows]})
        told += len(wanting)
        if len(rows) < AT_ONCE:
            return told


def _messages(rows: Sequence[Any]) -> list[record.Message]:
    """A message's key names the payment: what was told stands there, whoever asks again."""
    return [
        record.Message(
            key=row.key,
            text=(_TAKEN_BACK if row.negative else _WANTED).format(name=row.name),
            supplier_id=row.supplier_id,
            link=f"/supply/sales/{row.id}/invoice",
        )
        for row in rows
    ]
