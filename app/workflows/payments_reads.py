"""What 서비스 결제 관리, 청구내역, the supplier's sales and the console read (R-PAY-7, R-PAY-8).

Periods are Korean days of the press, both inclusive. Lists are newest first, by keyset (`before` is a
payment's id), with a constant number of queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.errors import Denied, NotFound, Refusal
from app.models.deals import Deal
from app.models.ledger import LedgerAccount
from app.models.payments import CardAuthentication, Payment, PaymentState
from app.models.programme import Programme
from app.models.types import Labelled
from app.models.vouchers import Voucher
from app.policy import Actor, Permission, Role
from app.workflows import ledger, payment_checks, shares, vouchers

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
    # 취소중 is still paid: the cancellation is not known to have happened.
    Tab.PAID: (PaymentState.PAID, PaymentState.CANCELLING),
    Tab.FAILED: (PaymentState.FAILED,),
    Tab.CANCELLED: (PaymentState.CANCELLED,),
}
BILLED = (*STATES[Tab.PAID], *STATES[Tab.CANCELLED])
"""What 청구내역 lists: paid and cancelled together (R-PAY-8)."""


@dataclass(frozen=True)
class Sum:
    count: int = 0
    amount: int = 0
    """Won, the tax on top included."""


@dataclass(frozen=True)
class StatementSums:
    """청구내역 in won: everything that was paid, what was cancelled of it, and what remains."""

    count: int
    paid: int
    cancelled: int

    @property
    def net(self) -> int:
        return self.paid - self.cancelled


@dataclass(frozen=True)
class Preview:
    """What the ticked bills would take from the voucher, won (R-PAY-5)."""

    total: int
    tax: int
    left: int

    @property
    def enough(self) -> bool:
        return self.total <= self.left


@dataclass(frozen=True, kw_only=True)
class BillSplit:
    """What paying a bill would take, from what the voucher holds now; won."""

    amount: int
    tax: int
    left: int
    parts: shares.Parts | None
    """None where the voucher does not hold enough; `refusal` says so."""
    refusal: Refusal | None
    lines: list[shares.Working]

    @property
    def total(self) -> int:
        return self.amount + self.tax


def _scope(actor: Actor) -> list[ColumnElement[bool]]:
    """The company's own, the supplier's own, or, for the lead agency's staff, all."""
    if actor.role is Role.DEMAND:
        return [Payment.company_id == (actor.company_id or 0)]
    if actor.role is Role.SUPPLIER:
        return [Payment.supplier_id == (actor.supplier_id or 0)]
    if not actor.may(Permission.DEAL_VIEW):
        raise Denied()
    return []


def _period(since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if since is not None:
        bounds.append(Payment.pressed_at >= clock.start_of(since))
    if until is not None:
        bounds.append(Payment.pressed_at < clock.end_of(until))
    return bounds


_TOTAL = Payment.grant_part + Payment.share_part + Payment.tax_part


def _by_state(conditions: Sequence[ColumnElement[bool]]) -> dict[PaymentState, Sum]:
    query = select(Payment.state, func.count(), func.sum(_TOTAL)).where(*conditions).group_by(Payment.state)
    return {state: Sum(count, int(amount)) for state, count, amount in db.session.execute(query)}


def tabs(*, actor: Actor, since: date | None = None, until: date | None = None) -> dict[Tab, Sum]:
    """How many lie under each tab, and their sum."""
    found = _by_state([*_scope(actor), *_period(since, until)])
    return {
        tab: Sum(
            sum(found.get(state, Sum()).count for state in states),
            sum(found.get(state, Sum()).amount for state in states),
        )
        for tab, states in STATES.items()
    }


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
    before: int | None = None,
    size: int = 20,
) -> list[Payment]:
    """One tab of 서비스 결제 관리; the deal's offering, supplier and company are loaded."""
    return _page([*_scope(actor), *_period(since, until), Payment.state.in_(STATES[tab])], before, size)


def statement(
    *,
    actor: Actor,
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    size: int = 20,
) -> list[Payment]:
    """청구내역: paid and cancelled together."""
    return _page([*_scope(actor), *_period(since, until), Payment.state.in_(BILLED)], before, size)


def statement_sums(*, actor: Actor, since: date | None = None, until: date | None = None) -> StatementSums:
    found = _by_state([*_scope(actor), *_period(since, until), Payment.state.in_(BILLED)])
    cancelled = found.get(PaymentState.CANCELLED, Sum()).amount
    paid = sum(part.amount for part in found.values())
    return StatementSums(sum(part.count for part in found.values()), paid, cancelled)


def sales(
    *,
    actor: Actor,
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    size: int = 20,
) -> list[Payment]:
    """What a supplier sold: paid and cancelled."""
    policy.require(actor, Permission.SUPPLIER_VIEW)
    return statement(actor=actor, since=since, until=until, before=before, size=size)


def get(*, actor: Actor, payment_id: int) -> Payment:
    """One payment with its deal. Raises NotFound for another's."""
    query = select(Payment).options(*EAGER).where(Payment.id == payment_id, *_scope(actor))
    payment = db.session.execute(query).scalar_one_or_none()
    if payment is None:
        raise NotFound()
    return payment


def live_payment(*, actor: Actor, deal_id: int) -> Payment | None:
    """The deal's payment that is neither failed nor cancelled."""
    payment = payment_checks.live_payment_of(deal_id)
    return payment if payment is not None and policy.owns(actor, payment) else None


def unknowns(*, actor: Actor, size: int = 100) -> list[Payment]:
    """The console's list of unknown outcomes, the oldest first."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    undecided = Payment.state.in_((PaymentState.PENDING, PaymentState.CANCELLING))
    query = select(Payment).options(*EAGER).where(undecided)
    return list(db.session.execute(query.order_by(Payment.pressed_at, Payment.id).limit(size)).scalars())


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


def balance_preview(*, actor: Actor, deal_ids: Sequence[int]) -> Preview:
    """What the company's ticked bills come to, beside what its voucher holds."""
    policy.require(actor, Permission.PAYMENT_MAKE)
    own = (Deal.id.in_(deal_ids), Deal.company_id == actor.company_id)
    query = select(func.coalesce(func.sum(Deal.amount), 0), func.coalesce(func.sum(Deal.tax), 0)).where(*own)
    total, tax = db.session.execute(query).one()
    voucher = select(Voucher.id).where(Voucher.company_id == actor.company_id)
    voucher_id = db.session.execute(voucher).scalar_one_or_none()
    left = 0
    if voucher_id is not None:
        left = ledger.balance(LedgerAccount.VOUCHER_GRANT, voucher_id)
        left += ledger.balance(LedgerAccount.VOUCHER_SHARE, voucher_id)
    return Preview(int(total or 0), int(tax or 0), left)


def bill_split(*, actor: Actor, deal_id: int) -> BillSplit | None:
    """How a bill would split now (R-MONEY-2b), to its company; None where nothing is billed.

    Raises NotFound for another's.
    """
    policy.require(actor, Permission.DEMAND_VIEW)
    deal = db.session.get(Deal, deal_id)
    if deal is None:
        raise NotFound()
    policy.require_own(actor, deal)
    if deal.amount is None:
        return None
    voucher = vouchers.of_company(deal.company_id)
    left = vouchers.left(voucher) if voucher else shares.Parts(0, 0)
    amount, tax = deal.amount, deal.tax or 0
    try:
        parts = shares.split(amount=amount, grant_left=left[0], share_left=left[1])
    except Refusal as refusal:
        return BillSplit(amount=amount, tax=tax, left=sum(left), parts=None, refusal=refusal, lines=[])
    lines = shares.explain(
        programme=db.session.get_one(Programme, deal.programme_id),
        amount=amount,
        tax=tax,
        parts=parts,
        grant_left=left[0],
        share_left=left[1],
    )
    return BillSplit(amount=amount, tax=tax, left=sum(left), parts=parts, refusal=None, lines=lines)


def authentication(*, actor: Actor, token: str) -> CardAuthentication:
    """The card company's answer to a request for a code, to the company that asked. Raises NotFound."""
    policy.require(actor, Permission.PAYMENT_MAKE)
    query = select(CardAuthentication).where(CardAuthentication.token == token)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound()
    policy.require_own(actor, found)
    return found
