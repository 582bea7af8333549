"""What a question before a batch's next step says of it: which, how many, how much (R-SET-2)."""

from __future__ import annotations

from sqlalchemy import func, select

from app import policy
from app.db import db
from app.models.settlements import SettlementLine
from app.policy import Actor, Permission
from app.workflows.settlement_reads import BatchRow


def of_batch(row: BatchRow) -> str:
    """The whole batch, as it is approved or closed."""
    return (
        f"정산 {row.batch.number}: 공급기업 {row.lines:,}곳, 결제 {row.payments:,}건, 지급액 {row.sent:,}원"
    )


def of_transfers(*, actor: Actor, row: BatchRow) -> str:
    """What its bank is asked to pay: without what is held (R-SET-4). Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    to_send = SettlementLine.net > SettlementLine.withheld
    statement = select(func.count()).where(SettlementLine.batch_id == row.batch.id, to_send)
    count = db.session.scalar(statement) or 0
    without = f" (지급보류 {row.withheld:,}원 제외)" if row.withheld else ""
    return f"정산 {row.batch.number}: 이체 {count:,}건, 합계 {row.sent:,}원{without}"
