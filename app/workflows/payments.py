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

from sqlalchemy import select, update

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Refusal
from app.gateways.errors import Refused, Unavailable, Unknown
from app.gateways.payments import Approval, Failed
from app.models.deals import Deal
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import Payment, PaymentState, SlipKind
from app.models.vouchers import Instrument, InstrumentState, Voucher, VoucherState
from app.policy import CLOCK, Actor, Permission
from app.workflows import deals, ledger, record, shares, slips, steps, vouchers
from app.workflows.lifecycle import Edge, Lifecycle, Tell, begin, fire

log = logging.getLogger(__name__)

# What succeeds is told by the deal, which moves with it: once for one event (R-MSG-1).
CANCEL_QUESTION = "이 결제를 취소하면 되돌릴 수 없습니다. 취소할까요?"

PAYMENT = Lifecycle(
    "payment",
    Payment,
    (PaymentState.PENDING,),
    (
        Edge(
            action="succeed",
            label="결제성공",
            source=PaymentState.PENDING,
            target=PaymentState.PAID,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="fail",
            label="결제실패",
            source=PaymentState.PENDING,
            target=PaymentState.FAILED,
            permission=Permission.CLOCKWORK,
            tell=(Tell(to="company", text="'{name}' 결제가 되지 않았습니다. 이유: {reason}"),),
        ),
        Edge(
            action="cancel_today",
            label="결제취소",
            source=PaymentState.PAID,
            target=PaymentState.CANCELLING,
            permission=Permission.PAYMENT_MAKE,
            needs_reason=True,
            confirm=CANCEL_QUESTION,
        ),
        Edge(
            action="cancel_late",
            label="결제취소(공급기업)",
            source=PaymentState.PAID,
            target=PaymentState.CANCELLING,
            permission=Permission.PAYMENT_CANCEL_LATE,
            needs_reason=True,
            confirm=CANCEL_QUESTION,
        ),
        Edge(
            action="cancelled",
            label="취소완료",
            source=PaymentState.CANCELLING,
            target=PaymentState.CANCELLED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="cancel_refused",
            label="취소거절",
            source=PaymentState.CANCELLING,
            target=PaymentState.PAID,
            permission=Permission.CLOCKWORK,
            tell=(
                Tell(to="company", text="'{name}' 결제취소가 되지 않았습니다. 이유: {reason}"),
                Tell(to="supplier", text="'{name}' 결제취소가 되지 않았습니다. 이유: {reason}"),
            ),
        ),
    ),
)

ASK_FIRST = timedelta(seconds=60)
"""How long the one who pressed has for the answer: longer than every time-out of the gateways."""
ASK_SOON = timedelta(seconds=5)


class GatewayDown(Refusal):
    """The gateway cannot be reached, and surely nothing was taken."""

    status = 503

    def __init__(self) -> None:
        super().__init__("payment.gateway_down", NOT_REACHED)


NOT_REACHED = "결제 기관에 연결하지 못했습니다. 돈은 나가지 않았으니 잠시 뒤 다시 결제해 주세요."


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a press would pay, locked and checked; amounts in won."""

    deal: Deal
    voucher: Voucher
    instrument: Instrument
    parts: shares.Parts
    tax: int

    @property
    def total(self) -> int:
        return self.parts.grant + self.parts.share + self.tax


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


def new_order_id() -> str:
    """6 to 64 letters and digits that no other order has."""
    return f"KV{clock.today():%Y%m%d}-{secrets.token_hex(10)}"


def check_bill(*, actor: Actor, deal_id: int, card: bool) -> Bill:
    """Lock deal, voucher and balances, in this order, and check that the bill can be paid (R-INS-4, R-PAY-5).

    For use inside a transaction. Raises a Refusal that says what is in the way.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    deal = deals.lock_billed(deal_id=deal_id, actor=actor)
    if live_payment_of(deal_id) is not None:
        raise Conflict(
            "payment.under_way",
            "이 청구의 결제 결과를 확인하고 있습니다. '서비스 결제 관리'에서 결과를 먼저 확인해 주세요.",
        )
    instrument = _instrument(deal.company_id, card=card)
    voucher = vouchers.usable_for(company_id=deal.company_id, lock=True)
    left = ledger.lock_balances((LedgerAccount.VOUCHER_GRANT, LedgerAccount.VOUCHER_SHARE), voucher.id)
    parts = shares.split(
        amount=deal.amount or 0,
        grant_left=left[LedgerAccount.VOUCHER_GRANT],
        share_left=left[LedgerAccount.VOUCHER_SHARE],
    )
    return Bill(deal=deal, voucher=voucher, instrument=instrument, parts=parts, tax=deal.tax or 0)


def live_payment_of(deal_id: int) -> Payment | None:
    """The deal's payment that is not failed and not cancelled; there is at most one."""
    over = (PaymentState.FAILED, PaymentState.CANCELLED)
    query = select(Payment).where(Payment.deal_id == deal_id, Payment.state.not_in(over))
    return db.session.execute(query).scalar_one_or_none()


def _instrument(company_id: int, *, card: bool) -> Instrument:
    query = select(Instrument).where(Instrument.company_id == company_id)
    instrument = db.session.execute(query).scalar_one_or_none()
    if instrument is None or instrument.state is not InstrumentState.ISSUED:
        raise Conflict(
            "payment.not_issued",
            "결제수단이 아직 발급되지 않았습니다. '바우처 신청'에서 발급 상태를 확인해 주세요.",
        )
    if instrument.kind.is_card is not card:
        raise Conflict(
            "payment.other_instrument",
            f"이 기업의 결제수단은 '{instrument.kind.label}'입니다. 그 결제수단으로 결제해 주세요.",
        )
    return instrument


def hold(*, actor: Actor, deal_id: int, idempotency_key: str, order_id: str, card: bool) -> Order:
    """Commit the attempt and hold its money (R-PAY-4). The same key again: the order of the same payment.

    All of it happens at the instant of the press (R-VOU-3), however long the locks are waited for.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    with clock.at(clock.now()), transaction():
        # The lock comes before the look: a second press of the same key waits here for the first.
        lock(Deal, deal_id)
        known = _pressed_before(actor, deal_id, idempotency_key)
        if known is not None:
            return order_of(known)
        bill = check_bill(actor=actor, deal_id=deal_id, card=card)
        payment = _new_payment(bill, idempotency_key=idempotency_key, order_id=order_id)
        begin(PAYMENT, payment, actor=actor)
        ledger.post(
            f"hold:payment:{payment.id}",
            JournalKind.HOLD,
            _legs_there(payment),
            programme_id=payment.programme_id,
            actor=actor,
        )
        return order_of(payment, is_new=True)


def _pressed_before(actor: Actor, deal_id: int, idempotency_key: str) -> Payment | None:
    query = select(Payment).where(Payment.idempotency_key == idempotency_key)
    payment = db.session.execute(query).scalar_one_or_none()
    if payment is None:
        return None
    policy.require_own(actor, payment)
    if payment.deal_id != deal_id:
        raise Conflict(
            "payment.key_of_another",
            "이미 다른 결제에 쓰인 요청입니다. 결제 화면을 새로 열고 다시 결제해 주세요.",
        )
    return payment


def _new_payment(bill: Bill, *, idempotency_key: str, order_id: str) -> Payment:
    return Payment(
        programme_id=bill.deal.programme_id,
        deal_id=bill.deal.id,
        voucher_id=bill.voucher.id,
        company_id=bill.deal.company_id,
        supplier_id=bill.deal.supplier_id,
        instrument_kind=bill.instrument.kind,
        state=PaymentState.PENDING,
        idempotency_key=idempotency_key,
        order_id=order_id,
        grant_part=bill.parts.grant,
        share_part=bill.parts.share,
        tax_part=bill.tax,
        pressed_at=clock.now(),
        ask_again_at=clock.real_now() + ASK_FIRST,
        asked=0,
    )


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


def conclude(order: Order, confirm: Callable[[], Approval], *, first: bool = True) -> Payment:
    """Have the gateway take the money, outside any transaction, and settle what it says.

    `first` is False where an earlier confirm of this order may be on its way or heard already: that this
    one did not get through then proves nothing.
    """
    steps.reached("payment.held")
    outcome: Approval | Failed
    try:
        outcome = confirm()
    except Refused as refused:
        outcome = Failed(refused.code, refused.korean)
    except (Unavailable, Unknown) as unknown:
        if first and isinstance(unknown, Unavailable):
            return settle(payment_id=order.payment_id, outcome=Failed("UNAVAILABLE", NOT_REACHED))
        log.warning("payment outcome unknown", extra={"payment_id": order.payment_id, "why": unknown.reason})
        return ask_soon(payment_id=order.payment_id)
    steps.reached("payment.answered")
    payment = settle(payment_id=order.payment_id, outcome=outcome)
    steps.reached("payment.settled")
    return payment


def ask_soon(*, payment_id: int) -> Payment:
    """Have an unknown outcome asked for in a moment (real time)."""
    with transaction() as session:
        undecided = Payment.state.in_((PaymentState.PENDING, PaymentState.CANCELLING))
        at = clock.real_now() + ASK_SOON
        statement = update(Payment).where(Payment.id == payment_id, undecided).values(ask_again_at=at)
        session.execute(statement)
        return session.get_one(Payment, payment_id, populate_existing=True)


def settle(*, payment_id: int, outcome: Approval | Failed) -> Payment:
    """Enter what the gateway said. Whoever comes second finds it entered and changes nothing (R-PAY-4)."""
    with transaction():
        payment = lock(Payment, payment_id)
        if isinstance(outcome, Failed):
            return _fail(payment, outcome) if payment.state is PaymentState.PENDING else payment
        if outcome.amount != payment.total or outcome.order_id != payment.order_id:
            log.error("approval does not fit its payment", extra={"payment_id": payment_id})
            return payment
        if payment.state is PaymentState.FAILED:
            _return_charge(payment, outcome)
        return _succeed(payment, outcome) if payment.state is PaymentState.PENDING else payment


def _return_charge(payment: Payment, approval: Approval) -> None:
    """The gateway took money for a payment that was given up: it goes back.

    Not where a later press of the same order lives: then the money is that payment's.
    """
    lives = select(Payment.id).where(
        Payment.order_id == payment.order_id, Payment.state != PaymentState.FAILED
    )
    if db.session.execute(lives).first() is not None:
        return
    log.error("approval of a failed payment", extra={"payment_id": payment.id})
    charge = {"payment_id": payment.id, "payment_key": approval.payment_key, "amount": approval.amount}
    record.put(f"payment:{payment.id}:return_charge", "return_charge", charge)


def _succeed(payment: Payment, approval: Approval) -> Payment:
    fire(
        PAYMENT,
        payment.id,
        "succeed",
        actor=CLOCK,
        changes={
            "paid_at": approval.approved_at,
            "payment_key": approval.payment_key,
            "approval_number": approval.approval_number,
            "card_last4": approval.last4 or None,
            "ask_again_at": None,
        },
    )
    ledger.post(
        f"payment:payment:{payment.id}",
        JournalKind.PAYMENT,
        ledger.move(
            (LedgerAccount.HOLD, payment.id), (LedgerAccount.PAYABLE, payment.supplier_id), payment.total
        ),
        programme_id=payment.programme_id,
        actor=CLOCK,
    )
    deals.mark_paid(deal_id=payment.deal_id, actor=CLOCK)
    vouchers.after_payment(lock(Voucher, payment.voucher_id))
    # Last, for their numbers have no gaps: the counter stays locked until the commit.
    slips.issue(SlipKind.RECEIPT, payment=payment)
    slips.issue(SlipKind.STATEMENT, payment=payment)
    return payment


def _fail(payment: Payment, failed: Failed) -> Payment:
    fire(
        PAYMENT,
        payment.id,
        "fail",
        actor=CLOCK,
        name=payment.deal.offering.name,
        reason=failed.korean,
        changes={"failure_code": failed.code, "failure_text": failed.korean, "ask_again_at": None},
    )
    give_back(payment, JournalKind.RELEASE, source=(LedgerAccount.HOLD, payment.id))
    return payment


def _legs_there(payment: Payment) -> list[ledger.Leg]:
    held = (LedgerAccount.HOLD, payment.id)
    return [
        *ledger.move((LedgerAccount.VOUCHER_GRANT, payment.voucher_id), held, payment.grant_part),
        *ledger.move((LedgerAccount.VOUCHER_SHARE, payment.voucher_id), held, payment.share_part),
        *ledger.move((LedgerAccount.COMPANY_TAX, payment.company_id), held, payment.tax_part),
    ]


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
