"""(잔여)예산포기 as both sides see it: what waits, what was decided, what stands in the way (R-VOU-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.orm import selectinload

from app import clock, policy
from app.db import db
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.ledger import Journal, LedgerAccount, Posting
from app.models.numbers import digits
from app.models.payments import UNDECIDED, Payment
from app.models.record import AuditRow
from app.models.types import Labelled
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import programmes
from app.workflows.vouchers_reads import Parts

NOTHING = Parts(0, 0)


class WaiverEvent(Labelled):
    """The acts of the audit trail that make up a request's way."""

    REQUESTED = "request_waiver", "예산포기 신청", "warning"
    DECLINED = "decline_waiver", "반려", "danger"
    WAIVED = "waive", "승인", "success"


_DECISIONS = (WaiverEvent.DECLINED.value, WaiverEvent.WAIVED.value)


def waiting(
    *, actor: Actor, search: str = "", agency_id: int | None = None, after: int | None = None, size: int = 50
) -> list[Voucher]:
    """Requests to decide, the oldest request first, with their companies; `after` is a voucher's id.

    Raises Denied.
    """
    policy.require(actor, Permission.BUDGET_VIEW)
    place = tuple_(Voucher.waiver_requested_at, Voucher.id)
    statement = (
        select(Voucher)
        .join(Voucher.company)
        .where(Voucher.waiver_requested_at.is_not(None), Voucher.state == VoucherState.USABLE)
        .order_by(Voucher.waiver_requested_at, Voucher.id)
        .limit(size)
        .options(selectinload(Voucher.company).selectinload(Company.agency))
    )
    if search:
        statement = statement.where(_named(search))
    if agency_id is not None:
        statement = statement.where(Voucher.agency_id == agency_id)
    last = db.session.get(Voucher, after) if after is not None else None
    if last is not None and last.waiver_requested_at is not None:
        statement = statement.where(place > (last.waiver_requested_at, last.id))
    return list(db.session.scalars(statement))


def _named(words: str) -> ColumnElement[bool]:
    return or_(Company.name.icontains(words, autoescape=True), Company.business_number == digits(words))


def ages(vouchers: Sequence[Voucher]) -> dict[int, int]:
    """For how many business days each request waits."""
    closed = {p: programmes.closing_days(programme_id=p) for p in {v.programme_id for v in vouchers}}
    return {
        v.id: clock.business_days_between(v.waiver_requested_at, clock.now(), closed=closed[v.programme_id])
        for v in vouchers
        if v.waiver_requested_at is not None
    }


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One decision. Its request is told by the record, for a declined one is no longer on the voucher."""

    id: int
    at: datetime
    event: WaiverEvent
    who: str
    reason: str | None
    voucher: Voucher
    returned: Parts
    """The grant to the agency's budget, the share to the company; nothing where it was declined."""


def decided(
    *, actor: Actor, search: str = "", agency_id: int | None = None, before: int | None = None, size: int = 50
) -> list[Decided]:
    """Decisions, newest first; `before` is the id of the last one seen. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    statement = (
        select(AuditRow, Voucher)
        .join(Voucher, Voucher.id == AuditRow.entity_id)
        .join(Voucher.company)
        .where(AuditRow.entity == "voucher", AuditRow.action.in_(_DECISIONS))
        .order_by(AuditRow.id.desc())
        .limit(size)
        .options(selectinload(Voucher.company).selectinload(Company.agency))
    )
    if search:
        statement = statement.where(_named(search))
    if agency_id is not None:
        statement = statement.where(Voucher.agency_id == agency_id)
    if before is not None:
        statement = statement.where(AuditRow.id < before)
    rows = [(row, voucher) for row, voucher in db.session.execute(statement)]
    given_back = _returned([voucher.id for _, voucher in rows])
    return [_decided(row, voucher, given_back) for row, voucher in rows]


def _decided(row: AuditRow, voucher: Voucher, given_back: dict[int, Parts]) -> Decided:
    event = WaiverEvent(row.action)
    return Decided(
        id=row.id,
        at=row.at,
        event=event,
        who=row.actor_name,
        reason=row.reason if event is WaiverEvent.DECLINED else voucher.waiver_reason,
        voucher=voucher,
        returned=given_back.get(voucher.id, NOTHING) if event is WaiverEvent.WAIVED else NOTHING,
    )


def _returned(voucher_ids: Sequence[int]) -> dict[int, Parts]:
    """What each waiver's journal took from its voucher."""
    keys = {f"waiver:voucher:{key}": key for key in voucher_ids}
    statement = (
        select(Journal.event_key, Posting.account, -Posting.amount)
        .join(Posting, Posting.journal_id == Journal.id)
        .where(Journal.event_key.in_(keys))
        .where(Posting.account.in_((LedgerAccount.VOUCHER_GRANT, LedgerAccount.VOUCHER_SHARE)))
    )
    found: dict[int, dict[LedgerAccount, int]] = {}
    for event_key, account, amount in db.session.execute(statement):
        found.setdefault(keys[event_key], {})[account] = amount
    return {
        key: Parts(of.get(LedgerAccount.VOUCHER_GRANT, 0), of.get(LedgerAccount.VOUCHER_SHARE, 0))
        for key, of in found.items()
    }


@dataclass(frozen=True)
class WaiverStep:
    """One act of a voucher's requests, as its company sees it."""

    at: datetime
    event: WaiverEvent
    who: str
    reason: str | None


def history(*, actor: Actor, voucher: Voucher) -> list[WaiverStep]:
    """The requests of one voucher with what became of them, newest first. Raises NotFound."""
    policy.require_own(actor, voucher)
    rows = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == "voucher", AuditRow.entity_id == voucher.id)
        .where(AuditRow.action.in_([event.value for event in WaiverEvent]))
        .order_by(AuditRow.seq.desc())
    )
    # Which office decided, not which person.
    return [
        WaiverStep(
            row.at,
            WaiverEvent(row.action),
            row.actor_name if row.action == WaiverEvent.REQUESTED.value else "전문기관",
            row.reason,
        )
        for row in rows
    ]


@dataclass(frozen=True)
class InTheWay:
    """What must end before the rest of a voucher can be given back."""

    payments: list[Payment]
    bills: list[Deal]

    def __bool__(self) -> bool:
        return bool(self.payments or self.bills)


def in_the_way(*, actor: Actor, voucher: Voucher) -> InTheWay:
    """Payments under way and open bills, oldest first. Raises NotFound."""
    policy.require_own(actor, voucher)
    payments = db.session.scalars(
        select(Payment)
        .where(Payment.voucher_id == voucher.id, Payment.state.in_(UNDECIDED))
        .order_by(Payment.id)
        .options(selectinload(Payment.deal).selectinload(Deal.offering))
    )
    bills = db.session.scalars(
        select(Deal)
        .where(Deal.company_id == voucher.company_id, Deal.state == DealState.BILLED)
        .order_by(Deal.id)
        .options(selectinload(Deal.offering))
    )
    return InTheWay(list(payments), list(bills))
