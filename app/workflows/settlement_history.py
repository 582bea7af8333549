"""The way of one payment's money from the payment to the supplier's account, step by step (R-SET-2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app import clock
from app.db import db
from app.workflows.payment_history import Entry
from app.workflows.settlement_chain import chain

# No step tells who held a payment, or why: the supplier reads this too (R-SET-4).
# A line that went on without the payment tells of it no more.
_STEPS = text(f"""
{chain("CAST(:payment_id AS bigint)")},
passed AS (
  SELECT l.id, l.batch_id, l.result_text, c.withheld_id, w.from_transfer
    FROM chain c JOIN settlement_line l ON l.id = c.id
    LEFT JOIN settlement_withheld w ON w.id = c.withheld_id),
acts AS (
  SELECT a.at, a.action, b.number, NULL AS note, a.id
    FROM passed c JOIN settlement_batch b ON b.id = c.batch_id
    JOIN audit_row a ON a.entity = 'settlement_batch' AND a.entity_id = b.id
     AND (a.action IN ('begin', 'approve') OR a.action = 'export' AND c.from_transfer IS NOT TRUE)
  UNION ALL
  SELECT a.at, a.action, b.number, CASE a.action WHEN 'fail' THEN c.result_text END, a.id
    FROM passed c JOIN settlement_batch b ON b.id = c.batch_id
    JOIN audit_row a ON a.entity = 'settlement_line' AND a.entity_id = c.id
     AND (a.action = 'pay' AND c.withheld_id IS NULL OR a.action = 'fail' AND c.from_transfer IS NOT TRUE)
  UNION ALL
  SELECT a.at, 'take_back', b.number, NULL, a.id
    FROM clawback_item k JOIN settlement_line l ON l.id = k.line_id
    JOIN settlement_batch b ON b.id = l.batch_id
    JOIN audit_row a ON a.entity = 'settlement_batch' AND a.entity_id = b.id AND a.action = 'approve'
   WHERE k.payment_id = :payment_id)
SELECT at, action, number, note
  FROM (SELECT * FROM acts
        UNION ALL SELECT p.paid_at, 'paid', NULL, NULL, 0 FROM payment p WHERE p.id = :payment_id
        UNION ALL SELECT p.cancelled_at, 'cancelled', NULL, NULL, 0 FROM payment p WHERE p.id = :payment_id
        UNION ALL SELECT e.at, 'evaluated', NULL, NULL, 0
                    FROM payment p JOIN programme g ON g.id = p.programme_id AND g.settle_by_evaluation
                    JOIN evaluation e ON e.deal_id = p.deal_id WHERE p.id = :payment_id
        UNION ALL SELECT min(u.reported_at), 'reported', NULL, NULL, 0
                    FROM payment p JOIN programme g ON g.id = p.programme_id AND g.settle_by_usage
                    JOIN usage_report u ON u.deal_id = p.deal_id AND u.logins > 0
                   WHERE p.id = :payment_id
        UNION ALL SELECT least((date_trunc('day', p.paid_at AT TIME ZONE 'Asia/Seoul')
                                + make_interval(days => g.settlement_use_days + 1)) AT TIME ZONE 'Asia/Seoul',
                               (SELECT min(at) FROM acts WHERE action = 'begin')),
                         'aged', NULL, NULL, 0
                    FROM payment p JOIN programme g ON g.id = p.programme_id AND g.settle_by_days
                   WHERE p.id = :payment_id
        UNION ALL SELECT coalesce(t.decided_at, t.entered_at), 'invoice', NULL, NULL, 0 FROM tax_invoice t
                   WHERE t.payment_id = :payment_id AND t.modify_code IS NULL
                     AND t.state IN ('matched', 'accepted')
        UNION ALL SELECT h.placed_at, 'held', NULL, NULL, 0 FROM settlement_hold h
                   WHERE h.payment_id = :payment_id
        UNION ALL SELECT h.released_at, 'released', NULL, NULL, 0 FROM settlement_hold h
                   WHERE h.payment_id = :payment_id) steps
 WHERE at <= :now ORDER BY at, id
""")  # noqa: S608 - no input in it

_SAID = {
    "paid": ("결제", "수요기업", "success"),
    "evaluated": ("이용확인(평가)", "수요기업", "info"),
    "reported": ("이용확인(이용실적)", "공급기업", "info"),
    "aged": ("이용확인(기간 경과)", "플랫폼", "info"),
    "invoice": ("세금계산서 확인", "공급기업", "info"),
    "held": ("지급 전 확인 시작", "전문기관", "warning"),
    "released": ("지급 전 확인 끝", "전문기관", "info"),
    "begin": ("정산에 담김", "전문기관", "info"),
    "approve": ("정산 승인", "전문기관", "info"),
    "export": ("은행에 이체 요청", "전문기관", "info"),
    "pay": ("지급완료", "은행", "success"),
    "fail": ("이체실패", "은행", "danger"),
    "cancelled": ("결제취소", "결제 기관", "warning"),
    "take_back": ("환수", "전문기관", "neutral"),
}


_USED = {"evaluated", "reported", "aged"}


def steps(payment_id: int) -> list[Entry]:
    """The oldest first; of what confirms the use, the first counts. The caller has checked whose it is."""
    rows = db.session.execute(_STEPS, {"payment_id": payment_id, "now": clock.now()}).all()
    first = next((row for row in rows if row.action in _USED), None)
    return [_entry(row) for row in rows if row.action not in _USED or row is first]


def _entry(row: Any) -> Entry:
    title, who, tone = _SAID[row.action]
    if row.number:
        who = f"{who} · 정산 {row.number}"
    return Entry(at=row.at.astimezone(clock.KST), title=title, who=who, note=row.note or "", tone=tone)
