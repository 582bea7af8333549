"""What the settlement of a payment waits for (R-SET-1): one text for the drafts and for every screen.

Its conditions speak of a payment `p`, its programme `g` and its supplier `v`, as of the instant `:until`:
the end of the cut-off day of a draft, on screens that of today.
"""

from __future__ import annotations

from app.models.types import Labelled
from app.workflows.holds_sql import OPEN
from app.workflows.tax_invoices import ON_FILE


class Wait(Labelled):
    """Each keeps a payment out of the drafts by itself."""

    USE = "use", "이용확인", "neutral"
    INVOICE = "invoice", "세금계산서", "warning"
    HOLD = "hold", "지급보류", "danger"
    CANCELLING = "cancelling", "취소 확인", "warning"
    ACCOUNT = "account", "정산 계좌", "warning"


_UNTIL = "CAST(:until AS timestamptz)"
AGED = f"p.paid_at < {_UNTIL} - make_interval(days => g.settlement_use_days)"
"""SQL: so many whole days have passed since the day of the payment."""
EVALUATED = f"EXISTS (SELECT 1 FROM evaluation e WHERE e.deal_id = p.deal_id AND e.at < {_UNTIL})"  # noqa: S608
REPORTED = f"""EXISTS (SELECT 1 FROM usage_report u WHERE u.deal_id = p.deal_id AND u.logins > 0
                          AND u.reported_at < {_UNTIL})"""  # noqa: S608
"""A month without log-ins is a report, and no use."""

WAITS = {
    Wait.USE: f"""NOT (g.settle_by_days AND {AGED} OR g.settle_by_evaluation AND {EVALUATED}
                       OR g.settle_by_usage AND {REPORTED})""",
    Wait.INVOICE: f"p.instrument_kind = 'zeropay' AND NOT {ON_FILE}",
    Wait.HOLD: OPEN,
    Wait.CANCELLING: "p.state = 'cancelling'",
    Wait.ACCOUNT: """(v.account_verified_at IS NULL OR v.bank_code IS NULL OR v.account_number IS NULL
                      OR v.account_holder IS NULL)""",
}
"""SQL: whether a payment waits for it."""

RIPE = " AND ".join(f"NOT ({WAITS[wait]})" for wait in (Wait.USE, Wait.INVOICE, Wait.HOLD))
"""SQL: a paid payment waits for nothing but, it may be, its supplier's account."""

UNSETTLED = """p.state IN ('paid', 'cancelling')
     AND NOT EXISTS (SELECT 1 FROM settlement_item i WHERE i.payment_id = p.id)"""
"""SQL: paid, and in no line."""

FACTS = f"""p.paid_at, p.instrument_kind, g.settlement_use_days AS use_days,
       g.settle_by_days, g.settle_by_evaluation, g.settle_by_usage,
       {EVALUATED} AS evaluated, {REPORTED} AS reported, {AGED} AS aged,
       (SELECT t.state FROM tax_invoice t WHERE t.payment_id = p.id AND t.modify_code IS NULL
           AND t.state <> 'voided') AS invoice_state,
       ARRAY(SELECT h.source FROM settlement_hold h WHERE h.payment_id = p.id AND h.released_at IS NULL
              ORDER BY h.id) AS hold_sources,
       {", ".join(f"{condition} AS waits_{wait.value}" for wait, condition in WAITS.items())}"""  # noqa: S608
"""SQL: the columns that `settlement_waits.checks` puts into words."""
