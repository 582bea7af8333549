"""A payment from the press to its outcome (R-PAY-3, R-PAY-4, R-MONEY-2).

Three steps: the attempt is committed and its money held; the gateway is asked outside any transaction; the
outcome is settled. What is not known stays 결제대기, and payment_resolution.py asks until it is known.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app import clock, policy
from app.db import db, lock, run_plain, transaction
from app.errors import Conflict, NotFound, Refusal
from app.gateways.errors import Refused, Unavailable, Unknown
from app.gateways.payments import Approval, Failed
from app.models.deals import DealState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import NOT_FAILED, UNDECIDED, Payment, PaymentState, SlipKind
from app.models.vouchers import InstrumentKind, InstrumentState, Voucher, VoucherState
from app.policy import CLOCK, Actor, Permission
from app.workflows import deals, ledger, payments_sql, record, shares, slips, steps, together, vouchers
from app.workflows.lifecycle import fire
from app.workflows.payment_checks import check_bill
from app.workflows.payment_lifecycle import PAYMENT
from app.workflows.together import Entry

log = logging.getLogger(__name__)

ASK_FIRST = timedelta(seconds=30)
"""How long the one who pressed has for the answer: longer than every time-out of the gateways."""
ASK_SOON = timedelta(seconds=5)


MISTYPED = "INVALID_AUTH_CODE"
"""The code of the SMS was wrong: the order lives on, and may be pressed again."""


class KeyOfAnother(Conflict):
    """The key of the press was used for another bill."""

    def __init__(self) -> None:
        text = "이미 다른 결제에 쓰인 요청입니다. 결제 화면을 새로 열고 다시 결제해 주세요."
        super().__init__("payment.key_of_another", text)


class OrderOver(Conflict):
    """An earlier press of the order was given up, and may be charged yet: that is no later one's money."""

    def __init__(self) -> None:
        text = "이 인증으로 누른 결제가 이미 끝났습니다. 카드번호 입력부터 다시 진행해 주세요."
        super().__init__("payment.order_over", text)


class GatewayDown(Refusal):
    """The gateway cannot be reached, and surely nothing was taken."""

    status = 503

    def __init__(self) -> None:
        super().__init__("payment.gateway_down", NOT_REACHED)


NOT_REACHED = "결제 기관에 연결하지 못했습니다. 돈은 나가지 않았으니 잠시 뒤 다시 결제해 주세요."


@dataclass(frozen=True, kw_only=True)
class Order:
    """A payment as the gateway is told of it. Plain values: reading a row would open a transaction."""

    payment_id: int
    order_id: str
    name: str
    total: int
    own: int
    """The company's share and tax, won, of the total."""
    pressed_at: datetime
    is_new: bool

    @property
    def key(self) -> str:
        """The gateway's idempotency key: one for each press."""
        return f"{self.order_id}:{self.payment_id}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a payment. Plain values: whoever pressed needs no more, and waits for no more."""

    id: int
    state: PaymentState
    failure_code: str | None = None
    failure_text: str | None = None


def outcome_of(payment_id: int) -> Outcome:
    about = (Payment.id, Payment.state, Payment.failure_code, Payment.failure_text)
    row = db.session.execute(select(*about).where(Payment.id == payment_id)).one()
    return Outcome(**row._mapping)


def new_order_id() -> str:
    """6 to 64 letters and digits that no other order has."""
    return f"KV{clock.today():%Y%m%d}-{secrets.token_hex(10)}"


def hold(*, actor: Actor, deal_id: int, idempotency_key: str, order_id: str, card: bool) -> Order:
    """Commit the attempt and hold its money (R-PAY-4). The same key again: the order of the same payment.

    All of it happens at the instant of the press (R-VOU-3), however long the locks are waited for. Raises
    Conflict for a key that was used for another bill, and what `payment_checks.check_bill` raises.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    with clock.at(clock.now()), transaction() as session:
        # Core statements do not flush, and expire_all() below would drop what is pending.
        session.flush()
        # The lock comes before the look: a second press of the same key waits here for the first.
        about = {"deal_id": deal_id, "idempotency_key": idempotency_key, "order_id": order_id}
        locked = run_plain(payments_sql.LOCK_BILL, about).first()
        if locked is None:
            # No deal, no voucher or no instrument: this says which.
            check_bill(actor=actor, deal_id=deal_id, card=card)
            raise LookupError(f"deal {deal_id} can be paid and cannot be read")
        steps.reached("payment.hold.locked")
        if locked.pressed_before is not None:
            return _pressed_before(actor, deal_id, locked.pressed_before)
        if locked.given_up is not None:
            policy.require_own(actor, locked)
            raise OrderOver()
        parts = _plain_split(actor, locked, card=card)
        if parts is None:
            parts = check_bill(actor=actor, deal_id=deal_id, card=card).parts
        order = Order(
            payment_id=locked.next_id,
            order_id=order_id,
            name=locked.name,
            total=parts.grant + parts.share + (locked.tax or 0),
            own=parts.share + (locked.tax or 0),
            pressed_at=clock.now(),
            is_new=True,
        )
        _write_hold(actor, locked, order, parts, idempotency_key)
        steps.reached("payment.hold.written")
        session.expire_all()
        return order


def _plain_split(actor: Actor, locked: Any, *, card: bool) -> shares.Parts | None:
    """How a bill in which nothing is unusual splits; of any other the checks themselves say what it is."""
    now = clock.now()
    plain = (
        policy.owns(actor, locked)
        and locked.live is None
        and locked.state == DealState.BILLED.value
        and (locked.due_at is None or now < locked.due_at)
        and locked.instrument_state == InstrumentState.ISSUED.value
        and InstrumentKind(locked.instrument_kind).is_card is card
        and locked.voucher_state == VoucherState.USABLE.value
        and (locked.voucher_due_at is None or now < locked.voucher_due_at)
        and locked.waiver_requested_at is None
        and locked.amount is not None
    )
    if not plain:
        return None
    return shares.split(amount=locked.amount, grant_left=locked.grant_left, share_left=locked.share_left)


def _pressed_before(actor: Actor, deal_id: int, payment_id: int) -> Order:
    payment = db.session.get_one(Payment, payment_id, populate_existing=True)
    policy.require_own(actor, payment)
    if payment.deal_id != deal_id:
        raise KeyOfAnother()
    return order_of(payment)


def _write_hold(actor: Actor, locked: Any, order: Order, parts: shares.Parts, idempotency_key: str) -> None:
    held, tax = (LedgerAccount.HOLD, order.payment_id), locked.tax or 0
    change = {"state": (None, PaymentState.PENDING)}
    entry = Entry(entity=PAYMENT.entity, entity_id=order.payment_id, action="begin", change=change)
    written = together.parameters(
        [entry],
        actor=actor,
        event_key=f"hold:payment:{order.payment_id}",
        kind=JournalKind.HOLD,
        programme_id=locked.programme_id,
        legs=[
            *ledger.move((LedgerAccount.VOUCHER_GRANT, locked.voucher_id), held, parts.grant),
            *ledger.move((LedgerAccount.VOUCHER_SHARE, locked.voucher_id), held, parts.share),
            *ledger.move((LedgerAccount.COMPANY_TAX, locked.company_id), held, tax),
        ],
    )
    written |= {
        "payment_id": order.payment_id,
        "deal_id": locked.id,
        "voucher_id": locked.voucher_id,
        "company_id": locked.company_id,
        "supplier_id": locked.supplier_id,
        "instrument_kind": locked.instrument_kind,
        "idempotency_key": idempotency_key,
        "order_id": order.order_id,
        "grant_part": parts.grant,
        "share_part": parts.share,
        "tax_part": tax,
        "ask_again_at": clock.real_now() + ASK_FIRST,
    }
    try:
        ledger.run(payments_sql.HOLD, written)
    except IntegrityError as error:
        # The same key for another bill at the same moment: their locks are not the same.
        if "uq_payment_idempotency_key" in str(error.orig):
            raise KeyOfAnother() from None
        raise


def order_of(payment: Payment, *, is_new: bool = False) -> Order:
    return Order(
        payment_id=payment.id,
        order_id=payment.order_id,
        name=payment.deal.offering.name,
        total=payment.total,
        own=payment.share_part + payment.tax_part,
        pressed_at=payment.pressed_at,
        is_new=is_new,
    )


def conclude(order: Order, confirm: Callable[[], Approval], *, first: bool = True) -> Outcome:
    """Have the gateway take the money, outside any transaction, and settle what it says.

    `first` is False where an earlier confirm of this order may be on its way or heard already: that this
    one did not get through then proves nothing.
    """
    steps.reached("payment.held")
    said: Approval | Failed
    try:
        said = confirm()
    except Refused as refused:
        said = Failed(refused.code, refused.korean)
    except (Unavailable, Unknown) as unknown:
        if first and isinstance(unknown, Unavailable):
            return settle(payment_id=order.payment_id, outcome=Failed("UNAVAILABLE", NOT_REACHED))
        log.warning("payment outcome unknown", extra={"payment_id": order.payment_id, "why": unknown.reason})
        ask_soon(payment_id=order.payment_id)
        return outcome_of(order.payment_id)
    steps.reached("payment.answered")
    outcome = settle(payment_id=order.payment_id, outcome=said)
    steps.reached("payment.settled")
    return outcome


def ask_soon(*, payment_id: int) -> Payment:
    """Have an unknown outcome asked for in a moment (real time)."""
    with transaction() as session:
        at = clock.real_now() + ASK_SOON
        undecided = Payment.state.in_(UNDECIDED)
        statement = update(Payment).where(Payment.id == payment_id, undecided).values(ask_again_at=at)
        session.execute(statement)
        return session.get_one(Payment, payment_id, populate_existing=True)


def settle(*, payment_id: int, outcome: Approval | Failed) -> Outcome:
    """Enter what the gateway said. Whoever comes second finds it entered and changes nothing (R-PAY-4)."""
    with transaction() as session:
        if isinstance(outcome, Failed):
            payment = lock(Payment, payment_id)
            if payment.state is PaymentState.PENDING:
                _fail(payment, outcome)
            return outcome_of(payment_id)
        session.flush()
        locked = run_plain(payments_sql.LOCK_PAYMENT, {"payment_id": payment_id}).first()
        if locked is None:
            raise NotFound()
        if outcome.amount != locked.total or outcome.order_id != locked.order_id:
            log.error("approval does not fit its payment", extra={"payment_id": payment_id})
        elif locked.state == PaymentState.FAILED.value:
            _return_charge(session.get_one(Payment, payment_id), outcome)
        elif locked.state == PaymentState.PENDING.value:
            _succeed(locked, outcome)
            session.expire_all()
            return Outcome(id=payment_id, state=PaymentState.PAID)
        return outcome_of(payment_id)


def _return_charge(payment: Payment, approval: Approval) -> None:
    """The gateway took money for a payment that was given up: it goes back.

    Not where a later press of the same order lives: then the money is that payment's.
    """
    lives = select(Payment.id).where(Payment.order_id == payment.order_id, NOT_FAILED)
    if db.session.execute(lives).first() is not None:
        return
    log.error("approval of a failed payment", extra={"payment_id": payment.id})
    # The resolver follows it as well, even where the outbox gives up.
    payment.ask_again_at = clock.real_now()
    charge = {"payment_id": payment.id, "payment_key": approval.payment_key, "amount": approval.amount}
    record.put(f"payment:{payment.id}:return_charge", "return_charge", charge)


def _succeed(locked: Any, approval: Approval) -> None:
    """All that a payment does, with one statement. Its slips are numbered and drawn by a job: their numbers
    have no gaps, and every payment of a programme would wait for every other's commit."""
    steps.reached("payment.settle.locked")
    paid_at, last4 = approval.approved_at, approval.last4 or None
    written = together.parameters(
        [_paid_entry(locked, approval), deals.paid_entry(locked)],
        actor=CLOCK,
        event_key=f"payment:payment:{locked.id}",
        kind=JournalKind.PAYMENT,
        programme_id=locked.programme_id,
        legs=ledger.move(
            (LedgerAccount.HOLD, locked.id), (LedgerAccount.PAYABLE, locked.supplier_id), locked.total
        ),
    )
    written |= {
        "payment_id": locked.id,
        "deal_id": locked.deal_id,
        "voucher_id": locked.voucher_id,
        "paid_at": paid_at,
        "payment_key": approval.payment_key,
        "approval_number": approval.approval_number,
        "card_last4": last4,
        **slips.asked_for(locked.id, SlipKind.RECEIPT, SlipKind.STATEMENT),
    }
    empty: bool = ledger.run(payments_sql.SUCCEED, written).scalar_one()
    if empty:
        db.session.expire_all()
        vouchers.after_payment(lock(Voucher, locked.voucher_id))
    steps.reached("payment.settle.written")


def _paid_entry(locked: Any, approval: Approval) -> Entry:
    edge = PAYMENT.pick("succeed", PaymentState(locked.state))
    asked = locked.ask_again_at
    change = {
        "state": (edge.source, edge.target),
        "paid_at": (None, approval.approved_at.astimezone(clock.KST)),
        "payment_key": (None, approval.payment_key),
        "approval_number": (None, approval.approval_number),
        "card_last4": (None, approval.last4 or None),
        "ask_again_at": (asked and asked.astimezone(clock.KST), None),
    }
    differs = {field: pair for field, pair in change.items() if pair[0] != pair[1]}
    return Entry(entity=PAYMENT.entity, entity_id=locked.id, action=edge.action, change=differs)


def _fail(payment: Payment, failed: Failed) -> None:
    fire(
        PAYMENT,
        payment.id,
        "mistype" if failed.code == MISTYPED else "fail",
        actor=CLOCK,
        name=payment.deal.offering.name,
        reason=failed.korean,
        changes={"failure_code": failed.code, "failure_text": failed.korean, "ask_again_at": None},
    )
    payment.unknown_why = None
    give_back(payment, JournalKind.RELEASE, source=(LedgerAccount.HOLD, payment.id))


def give_back(payment: Payment, kind: JournalKind, *, source: tuple[LedgerAccount, int]) -> None:
    """Return each part to where it came from, or to the budget when the voucher has ended (R-PAY-6)."""
    voucher = lock(Voucher, payment.voucher_id)
    if voucher.state in (VoucherState.USABLE, VoucherState.SPENT):
        grant, share = (LedgerAccount.VOUCHER_GRANT, voucher.id), (LedgerAccount.VOUCHER_SHARE, voucher.id)
    else:
        grant = (LedgerAccount.AGENCY_BUDGET, voucher.agency_budget_id)
        share = (LedgerAccount.PLEDGE, voucher.company_id)
    legs = [
        *ledger.move(source, grant, payment.grant_part),
        *ledger.move(source, share, payment.share_part),
        *ledger.move(source, (LedgerAccount.COMPANY_TAX, payment.company_id), payment.tax_part),
    ]
    ledger.post(
        f"{kind.value}:payment:{payment.id}", kind, legs, programme_id=payment.programme_id, actor=CLOCK
    )
    vouchers.after_cancellation(voucher)
