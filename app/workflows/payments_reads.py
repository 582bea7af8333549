"""What 서비스 결제 관리, 청구내역, the supplier's sales and the console read (R-PAY-7, R-PAY-8).

Periods are Korean days, both inclusive, of the instant that the lists show as 결제일시: the gateway's
approval, or the press where there is none. Lists are newest first, by keyset (`before` is a payment's id),
the supplier's by the day paid; with a constant number of queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select, text, tuple_
from sqlalchemy.orm import aliased, joinedload

from app import clock, policy
from app.db import db
from app.errors import Denied, NotFound
from app.models.deals import Deal
from app.models.ledger import LedgerAccount
from app.models.payments import STILL_PAID, CardAuthentication, Payment, PaymentState
from app.models.programme import Programme
from app.models.types import Labelled
from app.policy import Actor, Permission, Role
from app.workflows import payment_checks, payments_search, shares

EAGER = (
    joinedload(Payment.deal).options(
        joinedload(Deal.offering), joinedload(Deal.supplier), joinedload(Deal.company)
    ),
)


class Tab(Labelled):
    ALL = "all", "총 내역"
    PAID = "paid", "결제성공"
    FAILED = "failed", "결제실패"
    CANCELLED = "cancelled", "결제취소"


STATES: dict[Tab, tuple[PaymentState, ...]] = {
    Tab.ALL: tuple(PaymentState),
    Tab.PAID: STILL_PAID,
    Tab.FAILED: (PaymentState.FAILED,),
    Tab.CANCELLED: (PaymentState.CANCELLED,),
}
BILLED = (*STATES[Tab.PAID], *STATES[Tab.CANCELLED])
"""What 청구내역 lists: paid and cancelled together (R-PAY-8)."""
SALES_TABS = (Tab.ALL, Tab.PAID, Tab.CANCELLED)
"""The supplier's: an attempt that failed is not its business."""


@dataclass(frozen=True)
class Sum:
    """Won."""

    count: int = 0
    amount: int = 0
    """The tax on top included."""
    grant: int = 0
    share: int = 0
    tax: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def sum_of(payment: Payment) -> Sum:
    return Sum(1, payment.total, payment.grant_part, payment.share_part, payment.tax_part)


@dataclass(frozen=True)
class StatementSums:
    """청구내역 in won: everything that was paid, what was cancelled of it, and what remains."""

    all: Sum
    back: Sum

    @property
    def count(self) -> int:
        return self.all.count

    @property
    def paid(self) -> int:
        return self.all.amount

    @property
    def cancelled(self) -> int:
        return self.back.amount

    @property
    def net(self) -> int:
        return self.paid - self.cancelled


def _scope(actor: Actor) -> list[ColumnElement[bool]]:
    """The company's own, the supplier's own, or, for the lead agency's staff, all."""
    if actor.role is Role.DEMAND:
        return [Payment.company_id == (actor.company_id or 0)]
    if actor.role is Role.SUPPLIER:
        return [Payment.supplier_id == (actor.supplier_id or 0), Payment.state != PaymentState.FAILED]
    if not actor.may(Permission.DEAL_VIEW):
        raise Denied()
    return []


_SHOWN_AT = func.coalesce(Payment.paid_at, Payment.pressed_at)


def _wanted(actor: Actor, since: date | None, until: date | None, q: str) -> list[ColumnElement[bool]]:
    """Whose they are, the period, and the words that are searched for."""
    wanted = [*_scope(actor), *payments_search.matching(q, actor=actor)]
    if since is not None:
        wanted.append(_SHOWN_AT >= clock.start_of(since))
    if until is not None:
        wanted.append(_SHOWN_AT < clock.end_of(until))
    return wanted


_PARTS = (Payment.grant_part, Payment.share_part, Payment.tax_part)


def _by_state(conditions: Sequence[ColumnElement[bool]]) -> dict[PaymentState, Sum]:
    sums = (func.sum(part) for part in _PARTS)
    query = select(Payment.state, func.count(), *sums).where(*conditions).group_by(Payment.state)
    return {
        state: Sum(count, int(sum(parts)), *map(int, parts))
        for state, count, *parts in db.session.execute(query)
    }


def _sum(found: Mapping[PaymentState, Sum], states: Sequence[PaymentState]) -> Sum:
    return sum((found.get(state, Sum()) for state in states), Sum())


def _states(actor: Actor, tab: Tab) -> tuple[PaymentState, ...]:
    return BILLED if tab is Tab.ALL and actor.role is Role.SUPPLIER else STATES[tab]


def tabs(
    *, actor: Actor, since: date | None = None, until: date | None = None, q: str = ""
) -> dict[Tab, Sum]:
    """How many lie under each tab, and their sum."""
    found = _by_state(_wanted(actor, since, until, q))
    return {tab: _sum(found, _states(actor, tab)) for tab in Tab}


def _page(conditions: Sequence[ColumnElement[bool]], before: int | None, size: int) -> list[Payment]:
    query = select(Payment).options(*EAGER).where(*conditions).order_by(Payment.id.desc()).limit(size)
    if before is not None:
        query = query.where(Payment.id < before)
    return list(db.session.execute(query).scalars())


def listing(
    *,
    actor: Actor,
    tab: Tab,
    since: date | None = None,
    until: date | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[Payment]:
    """One tab of 서비스 결제 관리; the deal's offering, supplier and company are loaded."""
    wanted = _wanted(actor, since, until, q)
    return _page([*wanted, Payment.state.in_(_states(actor, tab))], before, size)


def statement(
    *,
    actor: Actor,
    since: date | None = None,
    until: date | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[Payment]:
    """청구내역: paid and cancelled together."""
    return _page([*_wanted(actor, since, until, q), Payment.state.in_(BILLED)], before, size)


def statement_sums(
    *, actor: Actor, since: date | None = None, until: date | None = None, q: str = ""
) -> StatementSums:
    found = _by_state([*_wanted(actor, since, until, q), Payment.state.in_(BILLED)])
    return StatementSums(_sum(found, BILLED), found.get(PaymentState.CANCELLED, Sum()))


def sales(
    *,
    actor: Actor,
    tab: Tab = Tab.ALL,
    since: date | None = None,
    until: date | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[Payment]:
    """One tab of what a supplier sold: paid and cancelled, by the instant of payment and the id.

    Who pressed first is not always paid first: an unknown outcome may be known days later (R-PAY-4).
    """
    policy.require(actor, Permission.SUPPLIER_VIEW)
    wanted = [*_wanted(actor, since, until, q), Payment.state.in_(_states(actor, tab))]
    query = select(Payment).options(*EAGER).where(*wanted)
    if before is not None:
        last = aliased(Payment)
        paid_at = select(last.paid_at).where(last.id == before).scalar_subquery()
        query = query.where(tuple_(Payment.paid_at, Payment.id) < tuple_(paid_at, before))
    query = query.order_by(Payment.paid_at.desc(), Payment.id.desc()).limit(size)
    return list(db.session.execute(query).scalars())


def get(*, actor: Actor, payment_id: int) -> Payment:
    """One payment with its deal. Raises NotFound for another's."""
    query = select(Payment).options(*EAGER).where(Payment.id == payment_id, *_scope(actor))
    payment = db.session.execute(query).scalar_one_or_none()
    if payment is None:
        raise NotFound()
    return payment


def several(*, actor: Actor, payment_ids: Sequence[int]) -> list[Payment]:
    """In the order asked for, each with its deal. Raises NotFound where one is another's."""
    query = select(Payment).options(*EAGER).where(Payment.id.in_(payment_ids), *_scope(actor))
    found = {payment.id: payment for payment in db.session.execute(query).scalars()}
    if found.keys() != set(payment_ids):
        raise NotFound()
    return [found[payment_id] for payment_id in dict.fromkeys(payment_ids)]


def live_payment(*, actor: Actor, deal_id: int) -> Payment | None:
    """The deal's payment that is neither failed nor cancelled."""
    payment = payment_checks.live_payment_of(deal_id)
    return payment if payment is not None and policy.owns(actor, payment) else None


def under_way(*, actor: Actor) -> list[Payment]:
    """What holds the company's bills back from another press, the most urgent first (R-PAY-4)."""
    policy.require(actor, Permission.PAYMENT_MAKE)
    query = select(Payment).join(Payment.deal).options(*EAGER).order_by(Deal.due_at, Payment.id).limit(100)
    pressed = (Payment.company_id == (actor.company_id or 0), Payment.state == PaymentState.PENDING)
    return list(db.session.execute(query.where(*pressed)).scalars())


_LEFT_BEFORE = text("""
SELECT p.account, CAST(sum(p.amount) AS bigint) AS amount FROM posting p
 WHERE p.account IN ('voucher_grant', 'voucher_share') AND p.owner_id = :voucher_id
   AND p.journal_id < (SELECT id FROM journal WHERE event_key = :event_key)
 GROUP BY p.account
""")


def working(*, actor: Actor, payment_id: int) -> list[shares.Working]:
    """How a payment's amounts were worked out, from what the voucher held before it (R-MONEY-2b)."""
    payment = get(actor=actor, payment_id=payment_id)
    parameters: dict[str, Any] = {
        "voucher_id": payment.voucher_id,
        "event_key": f"hold:payment:{payment.id}",
    }
    left = {row.account: row.amount for row in db.session.execute(_LEFT_BEFORE, parameters)}
    return shares.explain(
        programme=db.session.get_one(Programme, payment.programme_id),
        amount=payment.amount,
        tax=payment.tax_part,
        parts=shares.Parts(payment.grant_part, payment.share_part),
        grant_left=left.get(LedgerAccount.VOUCHER_GRANT.value, 0),
        share_left=left.get(LedgerAccount.VOUCHER_SHARE.value, 0),
    )


def authentication(*, actor: Actor, token: str) -> CardAuthentication:
    """The card company's answer to a request for a code, to the company that asked. Raises NotFound."""
    policy.require(actor, Permission.PAYMENT_MAKE)
    query = select(CardAuthentication).where(CardAuthentication.token == token)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound()
    policy.require_own(actor, found)
    return found
