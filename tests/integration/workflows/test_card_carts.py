"""R-DEAL-3, R-PAY-1, R-PAY-4, R-PAY-5: several bills by one card and one code."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import InvalidInput
from app.models.payments import CardAuthentication, Payment, PaymentState
from app.workflows import card_payments, ledger, payments
from sandbox import behaviours
from tests import money

pytestmark = pytest.mark.usefixtures("tx")


def test_several_bills_each_stand_or_fall_alone(sandbox: str) -> None:
    """R-PAY-5: and together never more than the voucher."""
    payer = money.make_payer(sandbox, cap=1_000_000)
    deals = [money.make_bill(payer, amount) for amount in (400_000, 700_000, 500_000)]
    late = money.make_bill(payer, 100_000, due_at=clock.now())
    started = card_payments.start_cards(
        actor=payer.actor,
        deal_ids=[late.id, *(deal.id for deal in deals), deals[0].id],
        card_number=money.CARD,
        expiry="0927",
    )
    assert [each.deal_id for each in started] == [late.id, *(deal.id for deal in deals)]
    assert [each.refusal and each.refusal.code for each in started] == [
        "deal.late",
        None,
        "payment.not_enough",
        None,
    ]
    tokens = money.tokens_of(started)
    assert len({each.authentication.auth_key for each in started if each.authentication}) == 1
    assert len(money.code_texts(payer)) == 1 and "900,000원(2건)" in money.code_texts(payer)[0]
    # Money that goes another way meanwhile is missing at the press, to that bill alone.
    money.pay(payer, money.make_bill(payer, 200_000), behaviour="52")
    code = money.code_of(money.code_texts(payer)[1])
    results = card_payments.pay_cards(actor=payer.actor, tokens=tokens, code=code, idempotency_key="cart")
    assert [r.payment.state if r.payment else None for r in results] == [PaymentState.PAID, None]
    assert results[1].refusal is not None and results[1].refusal.code == "payment.not_enough"
    again = card_payments.pay_cards(actor=payer.actor, tokens=tokens[:1], code=code, idempotency_key="cart")
    assert [r.payment.id for r in again if r.payment] == [r.payment.id for r in results if r.payment]
    assert ledger.verify() == []


def start_two(payer: money.Payer, *, behaviour: str = "") -> list[str]:
    number = behaviours.card_number(behaviour) if behaviour else money.CARD
    deals = [money.make_bill(payer, amount) for amount in (400_000, 300_000)]
    started = card_payments.start_cards(
        actor=payer.actor, deal_ids=[deal.id for deal in deals], card_number=number, expiry="0927"
    )
    return money.tokens_of(started)


def states(results: list[card_payments.Result]) -> list[PaymentState | None]:
    return [result.payment.state if result.payment else None for result in results]


def test_one_code_pays_all_bills_each_on_its_own(sandbox: str) -> None:
    """R-PAY-4, R-PAY-5: and the same press again changes nothing."""
    payer = money.make_payer(sandbox)
    tokens, code = start_two(payer), money.code_for(payer)
    presses = [
        card_payments.pay_cards(actor=payer.actor, tokens=tokens, code=code, idempotency_key="twice")
        for _ in range(2)
    ]
    assert states(presses[0]) == states(presses[1]) == [PaymentState.PAID] * 2
    paid = [db.session.get_one(Payment, result.payment.id) for result in presses[0] if result.payment]
    assert [p.id for p in paid] == [result.payment.id for result in presses[1] if result.payment]
    assert [money.book(sandbox, payment.order_id) for payment in paid] == [
        [("charge", 400_000)],
        [("charge", 300_000)],
    ]
    assert ledger.verify() == []


def test_a_wrong_code_is_tried_once_and_may_be_typed_again(sandbox: str) -> None:
    """R-PAY-5: no bill is lost by it, and the card is not typed again."""
    payer = money.make_payer(sandbox)
    tokens, code = start_two(payer), money.code_for(payer)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    results = card_payments.pay_cards(actor=payer.actor, tokens=tokens, code=wrong, idempotency_key="1")
    assert states(results) == [PaymentState.FAILED, None]
    assert results[0].payment and card_payments.may_type_again(results[0].payment)
    assert results[1].refusal and results[1].refusal.code == "payment.code_wrong"
    assert payer.left() == (3_600_000, 400_000)
    results = card_payments.pay_cards(actor=payer.actor, tokens=tokens, code=code, idempotency_key="2")
    assert states(results) == [PaymentState.PAID] * 2
    assert ledger.verify() == []


def test_five_wrong_codes_end_all_bills_of_the_code(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    tokens, code = start_two(payer), money.code_for(payer)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for press in range(5):
        [first, _] = card_payments.pay_cards(
            actor=payer.actor, tokens=tokens, code=wrong, idempotency_key=f"wrong-{press}"
        )
    assert first.payment and first.payment.failure_code == "EXCEED_MAX_AUTH_COUNT"
    assert not card_payments.may_type_again(first.payment)
    results = card_payments.pay_cards(actor=payer.actor, tokens=tokens, code=code, idempotency_key="right")
    assert states(results) == [None, PaymentState.FAILED]
    assert results[0].refusal and results[0].refusal.code == "payment.order_over"
    assert payer.left() == (3_600_000, 400_000) and ledger.verify() == []


def test_a_slow_gateway_does_not_keep_the_press_for_every_bill(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_payments, "PATIENCE", timedelta(0))
    payer = money.make_payer(sandbox)
    tokens = start_two(payer, behaviour="52")
    results = card_payments.pay_cards(
        actor=payer.actor, tokens=tokens, code=money.code_for(payer), idempotency_key="slow"
    )
    assert states(results) == [PaymentState.PENDING, None]
    assert results[1].refusal and results[1].refusal.code == "payment.slow"
    assert ledger.verify() == []


def test_a_card_that_is_wrong_stops_all_and_says_where(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    for behaviour, field in (("20", "card_number"), ("21", "expiry"), ("22", "")):
        with pytest.raises(InvalidInput) as refused:
            start_two(payer, behaviour=behaviour)
        assert list(refused.value.fields) == ([field] if field else [])


@pytest.mark.parametrize("behaviour", ["32", "36", "39"])
def test_a_code_that_was_not_heard_of_takes_nothing(sandbox: str, behaviour: str) -> None:
    payer = money.make_payer(sandbox)
    with pytest.raises(payments.GatewayDown):
        start_two(payer, behaviour=behaviour)
    assert db.session.scalar(select(CardAuthentication.id)) is None
    assert (
        states(
            card_payments.pay_cards(
                actor=payer.actor, tokens=start_two(payer), code=money.code_for(payer), idempotency_key="then"
            )
        )
        == [PaymentState.PAID] * 2
    )


def test_no_more_bills_than_one_code_serves(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deals = [money.make_bill(payer, 100_000).id for _ in range(card_payments.MOST_BILLS + 1)]
    started = card_payments.start_cards(
        actor=payer.actor, deal_ids=deals, card_number=money.CARD, expiry="0927"
    )
    assert len(money.tokens_of(started)) == card_payments.MOST_BILLS
    assert started[-1].refusal and started[-1].refusal.code == "payment.too_many"
