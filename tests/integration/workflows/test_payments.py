"""R-PAY-1 to R-PAY-5, R-MONEY-2, R-VOU-3: payment by card, against the played card company."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app import clock, gateways
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.gateways.card import Card
from app.gateways.errors import korean_for
from app.gateways.payments import Approval, Failed
from app.jobs import outbox
from app.models.deals import Deal, DealState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import Payment, PaymentState, Slip, SlipKind
from app.models.programme import VatMode
from app.models.vouchers import InstrumentKind, Voucher, VoucherState
from app.policy import CLOCK, Denied
from app.workflows import (
    cancellations,
    card_payments,
    deadlines,
    ledger,
    lifecycle,
    payment_resolution,
    payments,
    steps,
    vouchers,
)
from app.workflows.payment_lifecycle import PAYMENT
from tests import money

pytestmark = pytest.mark.usefixtures("tx")


def deal_state(deal: Deal) -> DealState:
    return db.session.get_one(Deal, deal.id, populate_existing=True).state


def test_card_payment_pays_splits_marks_and_issues_slips(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 1_100_000)
    payment = money.pay(payer, deal)

    assert payment.state is PaymentState.PAID
    assert (payment.grant_part, payment.share_part, payment.tax_part) == (990_000, 110_000, 0)
    assert payment.card_last4 == money.CARD[-4:] and payment.approval_number and payment.payment_key
    assert payment.ask_again_at is None
    assert deal_state(deal) is DealState.PAID
    assert payer.left() == (2_610_000, 290_000)
    assert ledger.balance(LedgerAccount.PAYABLE, deal.supplier_id) == 1_100_000
    outbox.drain()
    kinds = db.session.scalars(select(Slip.kind).where(Slip.payment_id == payment.id)).all()
    assert set(kinds) == {SlipKind.RECEIPT, SlipKind.STATEMENT}
    assert money.book(sandbox, payment.order_id) == [("charge", 1_100_000)]
    assert ledger.verify() == []


def test_tax_on_top_is_paid_by_the_company(sandbox: str) -> None:
    """R-MONEY-2a: 1,980,000 with tax = 1,260,000 + 540,000 + 180,000."""
    payer = money.make_payer(sandbox, company_share_percent=30, vat_mode=VatMode.BORNE)
    deal = money.make_bill(payer, 1_800_000)
    payment = money.pay(payer, deal)
    assert (payment.grant_part, payment.share_part, payment.tax_part) == (1_260_000, 540_000, 180_000)
    assert payment.total == 1_980_000
    assert ledger.balance(LedgerAccount.COMPANY_TAX, payer.company.id) == -180_000
    assert ledger.balance(LedgerAccount.PAYABLE, deal.supplier_id) == 1_980_000
    assert money.book(sandbox, payment.order_id) == [("charge", 1_980_000)]
    assert ledger.verify() == []


def test_spent_to_the_last_won_the_shares_meet_the_ratio(sandbox: str) -> None:
    """R-MONEY-2"""
    payer = money.make_payer(sandbox, cap=1_000_003)
    parts = [money.pay(payer, money.make_bill(payer, amount)) for amount in (333_337, 333_331, 333_335)]
    assert sum(p.grant_part for p in parts) == payer.voucher.granted_grant
    assert sum(p.share_part for p in parts) == payer.voucher.granted_share
    voucher = db.session.get_one(Voucher, payer.voucher.id, populate_existing=True)
    assert voucher.state is VoucherState.SPENT
    assert ledger.verify() == []


def test_declined_card_fails_with_its_reason_and_leaves_the_bill(sandbox: str) -> None:
    """R-PAY-3"""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 500_000)
    payment = money.pay(payer, deal, behaviour="09")
    assert payment.state is PaymentState.FAILED
    assert payment.failure_code == "REJECT_CARD_PAYMENT"
    assert payment.failure_text == korean_for("REJECT_CARD_PAYMENT")
    assert payment.failure_text.startswith("한도 초과 또는 잔액 부족으로 결제되지 않았습니다.")
    assert deal_state(deal) is DealState.BILLED
    assert payer.left() == (3_600_000, 400_000)
    assert money.pay(payer, deal).state is PaymentState.PAID
    assert ledger.verify() == []


def test_wrong_code_may_be_typed_again(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 500_000)
    token = money.start(payer, deal).token
    code = money.code_for(payer)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    first = card_payments.pay_card(actor=payer.actor, token=token, code=wrong, idempotency_key="first")
    assert (first.state, first.failure_code) == (PaymentState.FAILED, "INVALID_AUTH_CODE")
    second = card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key="second")
    assert second.state is PaymentState.PAID
    orders = select(Payment.order_id).where(Payment.id.in_([first.id, second.id]))
    assert len(set(db.session.scalars(orders))) == 1
    assert ledger.verify() == []


def test_same_press_again_is_the_same_payment(sandbox: str) -> None:
    """R-PAY-4"""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 500_000)
    token, code = money.start(payer, deal).token, money.code_for(payer)
    presses = [
        card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key="press")
        for _ in range(3)
    ]
    assert len({payment.id for payment in presses}) == 1
    order_id = db.session.get_one(Payment, presses[0].id).order_id
    assert money.book(sandbox, order_id) == [("charge", 500_000)]
    other = money.make_bill(payer, 100_000)
    with pytest.raises(Conflict) as refused:
        money.pay(payer, other, key="press")
    assert refused.value.code == "payment.key_of_another"


@pytest.mark.parametrize("behaviour", ["52", "59", "60"])
def test_unknown_outcome_stays_pending_with_the_money_held(sandbox: str, behaviour: str) -> None:
    """R-PAY-3, R-PAY-4: never shown as failed; a second press is refused meanwhile."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 500_000)
    payment = money.pay(payer, deal, behaviour=behaviour)
    assert payment.state is PaymentState.PENDING
    assert payment.ask_again_at is not None
    assert payment.ask_again_at <= clock.real_now() + timedelta(seconds=5)
    assert ledger.balance(LedgerAccount.HOLD, payment.id) == 500_000
    assert payer.left() == (3_150_000, 350_000)
    with pytest.raises(Conflict) as refused:
        money.start(payer, deal)
    assert refused.value.code == "payment.under_way"
    assert ledger.verify() == []


def test_bill_under_payment_does_not_lapse(sandbox: str) -> None:
    """R-VOU-3: the press counts, not when the gateway answered."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 500_000)
    money.pay(payer, deal, behaviour="52")
    deadlines.sweep(at=clock.now() + timedelta(days=3))
    assert deal_state(deal) is DealState.BILLED


def test_press_at_the_deadline_is_late(sandbox: str) -> None:
    """R-TIME-1"""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 500_000)
    token, code = money.start(payer, deal).token, money.code_for(payer)
    assert deal.due_at is not None
    with clock.at(deal.due_at), pytest.raises(Conflict):
        card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key="late")
    assert db.session.scalar(select(Payment.id)) is None
    with clock.at(deal.due_at - timedelta(milliseconds=1)):
        paid = card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key="in time")
    assert paid.state is PaymentState.PAID


def test_more_than_the_voucher_is_refused_before_any_code(sandbox: str) -> None:
    payer = money.make_payer(sandbox, cap=1_000_000)
    deal = money.make_bill(payer, 1_000_001)
    with pytest.raises(Refusal) as refused:
        money.start(payer, deal)
    assert refused.value.code == "payment.not_enough"


def test_instrument_must_be_issued_and_a_card(sandbox: str) -> None:
    """R-INS-4"""
    for payer, code in (
        (money.make_payer(sandbox, issued=False), "payment.not_issued"),
        (money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY), "payment.other_instrument"),
    ):
        with pytest.raises(Conflict) as refused:
            money.start(payer, money.make_bill(payer, 100_000))
        assert refused.value.code == code


def test_another_company_neither_pays_nor_sees(sandbox: str) -> None:
    payer, other = money.make_payer(sandbox), money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    with pytest.raises(NotFound):
        money.start(other, deal)
    token = money.start(payer, deal).token
    with pytest.raises(NotFound):
        card_payments.pay_card(actor=other.actor, token=token, code="000000", idempotency_key="x")
    with pytest.raises(Denied):
        card_payments.start_card(
            actor=money.supplier_of(deal), deal_id=deal.id, card_number=money.CARD, expiry="0927"
        )


@pytest.mark.parametrize(
    ("number", "expiry", "field"),
    [
        ("4518", "0927", "card_number"),
        (money.CARD, "1327", "expiry"),
        ("4518420000000008", "0927", "card_number"),
    ],
)
def test_what_is_wrong_with_the_card_is_said_at_its_field(
    sandbox: str, number: str, expiry: str, field: str
) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    with pytest.raises(InvalidInput) as refused:
        card_payments.start_card(actor=payer.actor, deal_id=deal.id, card_number=number, expiry=expiry)
    assert field in refused.value.fields
    assert number not in str(refused.value) + refused.value.text


def test_code_must_be_six_digits_and_in_time(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    authentication = money.start(payer, money.make_bill(payer, 100_000))
    with pytest.raises(InvalidInput):
        card_payments.pay_card(
            actor=payer.actor, token=authentication.token, code="12345", idempotency_key="x"
        )
    with transaction():
        authentication.expires_at = clock.real_now()
    with pytest.raises(Conflict) as refused:
        card_payments.pay_card(
            actor=payer.actor, token=authentication.token, code="123456", idempotency_key="x"
        )
    assert refused.value.code == "payment.code_expired"


def test_an_expired_code_still_answers_a_known_press(sandbox: str) -> None:
    """R-PAY-4"""
    payer = money.make_payer(sandbox)
    authentication = money.start(payer, money.make_bill(payer, 100_000))
    code = money.code_for(payer)

    def press(key: str) -> Payment:
        return card_payments.pay_card(
            actor=payer.actor, token=authentication.token, code=code, idempotency_key=key
        )

    paid = press("once")
    with transaction():
        authentication.expires_at = clock.real_now()
    assert press("once").id == paid.id
    with pytest.raises(Conflict):
        press("again")


def test_the_press_reads_its_code_in_one_query(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hot path: beside the hold and what follows, the code is read once and nothing else."""
    payer = money.make_payer(sandbox)
    token = money.start(payer, money.make_bill(payer, 100_000)).token

    class Held(Exception):
        pass

    def held(**_: object) -> None:
        raise Held

    def press() -> None:
        with pytest.raises(Held):
            card_payments.pay_card(actor=payer.actor, token=token, code="123456", idempotency_key="hot")

    monkeypatch.setattr(payments, "hold", held)
    assert money.reads_of(press) == 1


def test_nobody_but_the_clock_decides_an_outcome(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    for action in ("succeed", "fail", "mistype"):
        with pytest.raises(Denied):
            lifecycle.fire(PAYMENT, payment.id, action, actor=payer.actor)
    assert PAYMENT.open_to(payer.actor, payment) == []
    assert {edge.action for edge in PAYMENT.open_to(CLOCK, payment)} == {"succeed", "fail", "mistype"}


def test_approval_of_another_amount_decides_nothing(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    wrong = Approval("key", payment.order_id, 99_999, "1", clock.now(), "0007")
    assert payments.settle(payment_id=payment.id, outcome=wrong).state is PaymentState.PENDING


def test_money_of_an_ended_voucher_returns_to_the_budget(sandbox: str) -> None:
    """R-PAY-6, R-VOU-1: a payment that fails after its voucher ended."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 400_000), behaviour="52")
    with transaction():
        lifecycle.fire(vouchers.VOUCHER, payer.voucher.id, "expire", actor=CLOCK)
        vouchers.give_back([payer.voucher.id], JournalKind.EXPIRY, actor=CLOCK)
    payments.settle(payment_id=payment.id, outcome=Failed("EXPIRED", "시간이 지났습니다."))
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, payer.voucher.agency_budget_id) == 3_600_000
    assert ledger.balance(LedgerAccount.PLEDGE, payer.company.id) == 0
    assert ledger.balance(LedgerAccount.HOLD, payment.id) == 0
    assert ledger.verify() == []


def test_gateway_out_of_reach_takes_nothing(
    sandbox: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    token, code = money.start(payer, deal).token, money.code_for(payer)
    monkeypatch.setitem(app.config, "CARD_URL", "http://127.0.0.1:9/card")
    monkeypatch.setattr(
        gateways, "_configured", [gateways.Gateways.build(gateways.settings_from(app.config))]
    )
    payment = card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key="down")
    assert (payment.state, payment.failure_code) == (PaymentState.FAILED, "UNAVAILABLE")
    with pytest.raises(payments.GatewayDown):
        money.start(payer, deal)
    assert payer.left() == (3_600_000, 400_000)


def test_no_connection_is_kept_while_the_gateway_is_asked(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow gateway must not use up the connections to the database."""
    payer = money.make_payer(sandbox)
    asked = []
    for name in ("authenticate", "confirm", "find", "cancel"):
        real = getattr(Card, name)

        def watched(self: Card, *, _real: Any = real, _name: str = name, **arguments: Any) -> Any:
            asked.append((_name, db.session().in_transaction()))
            return _real(self, **arguments)

        monkeypatch.setattr(Card, name, watched)
    lost = [money.pay(payer, money.make_bill(payer, 100_000), behaviour="52").id for _ in range(2)]
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="82")
    cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="변경")
    with transaction() as session:
        session.execute(text("UPDATE payment SET ask_again_at = now() - interval '1 hour'"))
    assert payment_resolution.resolve().asked == len(lost) + 1
    assert {name for name, _ in asked} == {"authenticate", "confirm", "find", "cancel"}
    assert [name for name, is_open in asked if is_open] == []


def test_a_payment_passes_its_steps_in_their_order(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The crash tests stop at each of them."""
    seen: list[str] = []
    monkeypatch.setattr(steps, "watchers", [seen.append])
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 100_000))
    between = [each for each in seen if each in steps.BETWEEN and each.startswith("payment.")]
    assert between == ["payment.authenticated", "payment.held", "payment.answered", "payment.settled"]


def test_every_step_lies_outside_a_transaction(sandbox: str) -> None:
    """R-PAY-4: an intent that is not committed before the gateway is asked would be lost with the process."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    token, code = money.start(payer, deal).token, money.code_for(payer)
    with pytest.raises(RuntimeError, match=r"payment\.held"), transaction():
        card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key="inside")
    assert db.session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 0
