"""What the suppliers reported of the paid services' use, month after month (R-SET-1a)."""

from __future__ import annotations

from datetime import date, timedelta

from app import clock
from app.demo.stage import Stage, business_day_after, instant
from app.policy import Actor
from app.workflows import usage_reads, usage_reports
from app.workflows.usage_reads import UsageRow

FORGOTTEN = 4
"""The first supplier, who has a log-in for visitors, leaves every so many-th report of the last month out."""
IDLE = (3, 11, 19)
"""Of twenty deals, those that nobody used although they were paid."""


def report_months(stage: Stage, *, until: date) -> None:
    """Each month on the third business day after it, as far as it had ended by `until`."""
    made = 0
    for supplier_id, seller in stage.suppliers.items():
        with clock.at(instant(until)):
            due = list(usage_reads.missing(actor=seller))
        for month in due:
            last = month == max(due) and supplier_id == min(stage.suppliers)
            made += _report(stage, seller, month, skips=FORGOTTEN if last else 0)
    stage.counts["이용실적"] = made


def _report(stage: Stage, seller: Actor, month: date, *, skips: int) -> int:
    ends = clock.add_months(month, 1) - timedelta(days=1)
    with clock.at(instant(business_day_after(ends, 3), 14)):
        rows = usage_reads.month_rows(actor=seller, month=month, only_missing=True, size=500)
        told = [row for place, row in enumerate(rows) if not skips or place % skips]
        for row in told:
            _tell(stage, seller, row, ends)
    return len(told)


def _tell(stage: Stage, seller: Actor, row: UsageRow, ends: date) -> None:
    random = stage.words.random
    first = max(row.month, row.period_from or row.month)
    idle = row.id % 20 in IDLE
    usage_reports.report(
        actor=seller,
        deal_id=row.id,
        month=row.month,
        logins=0 if idle else random.randint(4, 240),
        last_used_on=None if idle else first + timedelta(days=random.randint(0, (ends - first).days)),
    )
