"""Reminders of deadlines: 30, 7 and 1 days before a voucher's, 24 hours before a deal's (R-VOU-4).

`remind_at` is kept by the database whenever a deadline is set. A sweep that runs late tells the reminder
that is still true, with the time that is really left; what the deadline has overtaken is told no more. The
key of a message names record, deadline and reminder, so that none is told twice (R-MSG-1). A deadline that
waits to be moved is reminded of when it has been (R-TIME-5a).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from app import clock
from app.db import db, transaction
from app.models.catalogue import Offering
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.vouchers import Voucher, VoucherState
from app.workflows import clock_runs, record
from app.workflows.deal_lifecycle import COMPANY_LINK, SUPPLIER_LINK

BATCH = 2000
DAYS = (30, 7, 1)
HOUR = timedelta(hours=9)
VOUCHER_LINK = "/voucher"
RUNNING = (DealState.CONSULTING, DealState.BILLED)

# As the database works it out when the deadline is set (migration 0005): here from the day that is now.
_NEXT = text("UPDATE voucher SET remind_at = public.voucher_reminder(due_at, :after) WHERE id = ANY(:ids)")
_DONE = text("UPDATE deal SET remind_at = NULL WHERE id = ANY(:ids)")


@dataclass(frozen=True, kw_only=True)
class Reminded:
    """How many records somebody was reminded of."""

    deals: int
    vouchers: int


def sweep(*, at: datetime) -> Reminded:
    """Remind of what is due soon at `at`. Any number may run at once, also for a moment in the past."""
    with clock.at(at):
        return Reminded(deals=_every(_remind_deals, at), vouchers=_every(_remind_vouchers, at))


def next_reminder(*, after: datetime) -> datetime | None:
    """The earliest reminder after an instant, if one waits."""
    found = [
        db.session.scalar(select(func.min(Deal.remind_at)).where(_running(), Deal.remind_at > after)),
        db.session.scalar(select(func.min(Voucher.remind_at)).where(_usable(), Voucher.remind_at > after)),
    ]
    return min((instant for instant in found if instant), default=None)


def _every(remind: Callable[[datetime], tuple[int, int]], at: datetime) -> int:
    told = 0
    while True:
        with transaction():
            seen, now_told = remind(at)
        told += now_told
        if seen < BATCH:
            return told


def _running() -> Any:
    return Deal.state.in_(RUNNING)


def _usable() -> Any:
    """Who asked to give the voucher up is reminded when that was declined."""
    return (Voucher.state == VoucherState.USABLE) & Voucher.waiver_requested_at.is_(None)


def _remind_vouchers(at: datetime) -> tuple[int, int]:
    rows = db.session.execute(
        select(Voucher.id, Voucher.company_id, Voucher.due_at, Voucher.first_payment_by)
        .where(_usable(), Voucher.remind_at <= at, ~clock_runs.held(Voucher))
        .order_by(Voucher.remind_at, Voucher.id)
        .limit(BATCH)
        .with_for_update(of=Voucher, key_share=True, skip_locked=True)
    ).all()
    if not rows:
        return 0, 0
    messages = [message for row in rows if row.due_at > at and (message := _voucher_message(row, at))]
    record.tell(messages)
    after = at + timedelta(microseconds=1)
    db.session.execute(_NEXT, {"ids": [row.id for row in rows], "after": after})
    return len(rows), len(messages)


def _voucher_message(row: Any, at: datetime) -> record.Message | None:
    """The last reminder whose moment has come; its words say what is left now."""
    last = clock.last_day(row.due_at)
    come = [days for days in DAYS if _moment(last, days) <= at]
    if not come:
        return None
    first = row.due_at == row.first_payment_by
    name = "첫 결제" if first else "사용"
    end = (
        "그때까지 첫 결제를 하지 않으면 바우처가 회수되어 예산으로 돌아갑니다. 서비스를 찾아 거래상담을 "
        "요청하고 결제요청을 받아 결제해 주세요."
        if first
        else "그 뒤에는 남은 금액이 만료되어 예산으로 돌아갑니다. 필요한 서비스가 있으면 기한 안에 "
        "결제해 주세요."
    )
    left = (last - clock.korean_day(at)).days
    when = f"{left}일 남았습니다" if left else "오늘입니다"
    return record.Message(
        key=f"voucher:{row.id}:remind:{_stamp(row.due_at)}:{come[-1]}d:company",
        text=f"바우처 {name} 기한이 {when}({clock.write_deadline(row.due_at)}). {end}",
        company_id=row.company_id,
        link=VOUCHER_LINK,
    )


def _moment(last: date, days: int) -> datetime:
    return clock.start_of(last - timedelta(days=days)) + HOUR


def _stamp(due_at: datetime) -> str:
    return f"{due_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _remind_deals(at: datetime) -> tuple[int, int]:
    """A bill under payment is reminded of only when that payment has failed."""
    paying = select(Payment.id).where(Payment.deal_id == Deal.id, Payment.state == PaymentState.PENDING)
    rows = db.session.execute(
        select(Deal.id, Deal.state, Deal.due_at, Deal.company_id, Deal.supplier_id, Deal.offering_id)
        .where(_running(), Deal.remind_at <= at, ~paying.exists(), ~clock_runs.held(Deal))
        .order_by(Deal.remind_at, Deal.id)
        .limit(BATCH)
        .with_for_update(of=Deal, key_share=True, skip_locked=True)
    ).all()
    if not rows:
        return 0, 0
    running = [row for row in rows if row.due_at > at]
    record.tell(_deal_messages(running, at))
    db.session.execute(_DONE, {"ids": [row.id for row in rows]})
    return len(rows), len(running)


def _deal_messages(rows: Sequence[Any], at: datetime) -> list[record.Message]:
    companies = _names(Company, {row.company_id for row in rows if row.state is DealState.CONSULTING})
    offerings = _names(Offering, {row.offering_id for row in rows})
    messages = []
    for row in rows:
        left = max(1, round((row.due_at - at) / timedelta(hours=1)))
        until = f"{left}시간 남았습니다({clock.write_deadline(row.due_at)})"
        key, what = f"deal:{row.id}:remind:{_stamp(row.due_at)}:24h", offerings[row.offering_id]
        if row.state is DealState.CONSULTING:
            words = (
                f"{companies[row.company_id]}의 '{what}' 거래상담에 답변할 시간이 {until}. 기한이 지나면 "
                "거래가 불가 처리됩니다. 거래수락이나 반려로 답변해 주세요."
            )
            to = {
                "key": f"{key}:supplier",
                "supplier_id": row.supplier_id,
                "link": SUPPLIER_LINK.format(id=row.id),
            }
        else:
            words = (
                f"'{what}' 결제요청의 결제 기한이 {until}. 기한이 지나면 거래가 불가 처리됩니다. "
                "그 전에 결제해 주세요."
            )
            to = {
                "key": f"{key}:company",
                "company_id": row.company_id,
                "link": COMPANY_LINK.format(id=row.id),
            }
        messages.append(record.Message(text=words, **to))
    return messages


def _names(model: Any, keys: set[int]) -> dict[int, str]:
    return dict(db.session.execute(select(model.id, model.name).where(model.id.in_(keys))).all())
