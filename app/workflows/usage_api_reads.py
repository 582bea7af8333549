"""What a supplier's system may read: its paid deals with what is lacking, and a month of them (R-SET-1a)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from app import clock, policy
from app.db import db
from app.policy import Actor, Permission
from app.workflows import usage_reads
from app.workflows.usage_reads import UsageRow

_DEALS = text(f"""{usage_reads.PAID}
SELECT a.id, a.company, a.offering, a.paid_at, a.period_from, a.period_to,
       ARRAY(SELECT to_char(m.month, 'YYYY-MM')
               FROM generate_series(CAST(a.due_from AS timestamp), CAST(a.due_to AS timestamp),
                                    interval '1 month') AS m (month)
              WHERE NOT EXISTS (SELECT 1 FROM usage_report u
                                 WHERE u.deal_id = a.id AND u.month = CAST(m.month AS date))
              ORDER BY m.month) AS missing
  FROM paid a
 WHERE CAST(:before AS bigint) IS NULL OR a.id < :before
 ORDER BY a.id DESC LIMIT :size
""")  # noqa: S608


def deals(*, actor: Actor, before: int | None, size: int) -> list[dict[str, Any]]:
    """The supplier's paid deals, the newest first, each with the months that are due and not reported."""
    policy.require(actor, Permission.SUPPLIER_VIEW)
    about = {"supplier_id": actor.supplier_id, "present": usage_reads.present_month()}
    rows = db.session.execute(_DEALS, about | {"before": before, "size": size})
    return [_deal(row) | {"missing": list(row.missing)} for row in rows]


def month(*, actor: Actor, month: date, before: int | None, size: int) -> list[dict[str, Any]]:
    """The supplier's paid deals in a month, with what was reported of each."""
    rows = usage_reads.month_rows(actor=actor, month=month, before=before, size=size)
    return [_deal(row) | _said(row) for row in rows]


def _deal(row: Any) -> dict[str, Any]:
    return {
        "dealId": row.id,
        "company": row.company,
        "service": row.offering,
        "paidAt": _iso(row.paid_at),
        "periodFrom": _iso(row.period_from),
        "periodTo": _iso(row.period_to),
    }


def _said(row: UsageRow) -> dict[str, Any]:
    return {
        "month": f"{row.month:%Y-%m}",
        "state": row.state.value,
        "logins": row.logins,
        "lastUsedOn": _iso(row.last_used_on),
        "reportedAt": _iso(row.reported_at),
        "source": row.source.value if row.source else None,
    }


def _iso(value: date | datetime | None) -> str | None:
    """An instant in Korean time."""
    if isinstance(value, datetime):
        return value.astimezone(clock.KST).isoformat(timespec="seconds")
    return value.isoformat() if value else None
