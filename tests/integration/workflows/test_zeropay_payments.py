"""R-PAY-1, R-INS-4: payment in ZeroPay's own window; walking away pays nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.db import transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.gateways.errors import Unavailable
from app.gateways.zeropay import ZeroPay
from app.models.ledger import LedgerAccount
from app.models.payments import PaymentState
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations, ledger, payment_resolution, zeropay_payments
from tests import money

pytestmark = pytest.mark.usefixtures("tx")
BACK = "http://platform.example/payments/zeropay/return"


def make_payer(sandbox: str, *, bought: int = 400_000) -> money.Payer:
    payer = money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY)
    if bought:
        money.deposit(payer, bought)
    return payer


def open_window(payer: money.Payer, amount: int, *, key: str = "window") -> zeropay_payments.Checkout:
    return zeropay_payments.start_zeropay(
        actor=payer.actor,
        deal_id=money.make_bill(payer, amount).id,
        idempotency_key=key,
        return_url=BACK,
    )


def test_certificate_payment_goes_through_the_window(sandbox: str) -> None:
    payer = make_payer(sandbox)
    checkout = open_window(payer, 1_000_000)
    assert checkout.url is not None and checkout.payment.state is PaymentState.PENDING
    assert ledger.balance(LedgerAccount.HOLD, checkout.payment.id) == 1_000_000
    params = money.press_in_window(checkout.url)
    paid = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert paid.state is PaymentState.PAID and paid.card_last4 is None
    assert money.book(sandbox, paid.order_id) == [("charge", 1_000_000)]
    again = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert again.id == paid.id and money.book(sandbox, paid.order_id) == [("charge", 1_000_000)]
    done = cancellations.cancel_today(actor=payer.actor, payment_id=paid.id, reason="잘못 결제")
    assert done.state is PaymentState.CANCELLED
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []


def test_same_press_gives_the_same_window(sandbox: str) -> None:
    """R-PAY-4"""
    payer = make_payer(sandbox)
    deal = money.make_bill(payer, 1_000_000)
    windows = [
        zeropay_payments.start_zeropay(
            actor=payer.actor, deal_id=deal.id, idempotency_key="twice", return_url=BACK
        )
        for _ in range(2)
    ]
    assert windows[0].url == windows[1].url and windows[0].payment.id == windows[1].payment.id
    with pytest.raises(Conflict):
        zeropay_payments.start_zeropay(
            actor=payer.actor, deal_id=deal.id, idempotency_key="other", return_url=BACK
        )


def test_cancelled_in_the_window_fails_with_the_reason(sandbox: str) -> None:
    payer = make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "", button="cancel")
    failed = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert (failed.state, failed.failure_code) == (PaymentState.FAILED, "PAY_PROCESS_CANCELED")
    assert payer.left() == (3_600_000, 400_000)
    over = zeropay_payments.start_zeropay(
        actor=payer.actor, deal_id=failed.deal_id, idempotency_key="window", return_url=BACK
    )
    assert over.url is None and over.payment.id == failed.id
    assert ledger.verify() == []


def test_too_few_certificates(sandbox: str) -> None:
    """R-INS-4: the company buys its own share first."""
    payer = make_payer(sandbox, bought=0)
    checkout = open_window(payer, 500_000)
    failed = zeropay_payments.finish_zeropay(
        actor=payer.actor, params=money.press_in_window(checkout.url or "")
    )
    assert (failed.state, failed.failure_code) == (PaymentState.FAILED, "NOT_ENOUGH_BALANCE")
    assert ledger.verify() == []


def test_lost_answer_is_found_by_asking(sandbox: str) -> None:
    payer = make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "", password="990052")
    assert zeropay_payments.finish_zeropay(actor=payer.actor, params=params).state is PaymentState.PENDING
    found = payment_resolution.resolve_one(payment_id=checkout.payment.id)
    assert found.state is PaymentState.PAID
    assert ledger.verify() == []


def test_a_return_taken_up_again_while_the_gateway_is_down_stays_unknown(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-PAY-4: an earlier confirm may have been heard; that this one was not proves nothing."""

    def unreachable(*_: object, **__: object) -> None:
        raise Unavailable("zeropay: ConnectError")

    payer = make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "", password="990052")
    assert zeropay_payments.finish_zeropay(actor=payer.actor, params=params).state is PaymentState.PENDING
    with monkeypatch.context() as down:
        down.setattr(ZeroPay, "confirm", unreachable)
        again = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert again.state is PaymentState.PENDING
    assert ledger.balance(LedgerAccount.HOLD, checkout.payment.id) == 500_000
    assert payment_resolution.resolve_one(payment_id=checkout.payment.id).state is PaymentState.PAID
    assert ledger.verify() == []


def test_walking_away_is_found_out_by_asking(sandbox: str) -> None:
    payer = make_payer(sandbox)
    payment = open_window(payer, 500_000).payment
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.PENDING
    with transaction():
        # An order that ZeroPay does not know any more stands for one whose time is over.
        payment.order_id = "KV-gone-and-forgotten"
        payment.not_there = payment_resolution.ASKED_ENOUGH
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.FAILED
    assert ledger.verify() == []


def test_forged_or_foreign_return_pays_nothing(sandbox: str) -> None:
    payer, other = make_payer(sandbox), make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "")
    with pytest.raises(InvalidInput):
        zeropay_payments.finish_zeropay(actor=payer.actor, params=params | {"amounts": "1"})
    with pytest.raises(NotFound):
        zeropay_payments.finish_zeropay(actor=other.actor, params=params)
    assert money.book(sandbox, checkout.payment.order_id) == []


def open_cart(
    payer: money.Payer, *amounts: int, key: str = "cart", deal_ids: list[int] | None = None
) -> zeropay_payments.Checkouts:
    return zeropay_payments.start_zeropays(
        actor=payer.actor,
        deal_ids=deal_ids or [money.make_bill(payer, amount).id for amount in amounts],
        idempotency_key=key,
        return_url=BACK,
    )


def test_one_window_pays_several_bills_each_on_its_own(sandbox: str) -> None:
    """R-DEAL-3, R-PAY-5, R-PAY-4: the window lists them; a return opened again changes nothing."""
    payer = make_payer(sandbox, bought=100_000)
    cart = open_cart(payer, 600_000, 400_000)
    assert cart.url is not None and cart.refusals == {}
    assert sum(ledger.balance(LedgerAccount.HOLD, each.id) for each in cart.payments) == 1_000_000
    window = money.WEB.get(cart.url).text
    assert "600,000원" in window and "400,000원" in window and "1,000,000원" in window
    params = money.press_in_window(cart.url)
    for _ in range(2):
        paid = zeropay_payments.finish_zeropays(actor=payer.actor, params=params)
        assert [each.state for each in paid] == [PaymentState.PAID] * 2
    assert [each.id for each in paid] == [each.id for each in cart.payments]
    books = [money.book(sandbox, each.order_id) for each in paid]
    assert books == [[("charge", 600_000)], [("charge", 400_000)]]
    assert payer.left() == (2_700_000, 300_000) and ledger.verify() == []


def test_certificates_for_the_first_bill_alone_pay_the_first_alone(sandbox: str) -> None:
    """R-PAY-5, R-INS-4"""
    payer = make_payer(sandbox, bought=70_000)
    cart = open_cart(payer, 600_000, 400_000)
    paid = zeropay_payments.finish_zeropays(actor=payer.actor, params=money.press_in_window(cart.url or ""))
    assert [(each.state, each.failure_code) for each in paid] == [
        (PaymentState.PAID, None),
        (PaymentState.FAILED, "NOT_ENOUGH_BALANCE"),
    ]
    assert payer.left() == (3_060_000, 340_000) and ledger.verify() == []


def test_bills_that_cannot_be_paid_do_not_stop_the_others(sandbox: str) -> None:
    """R-PAY-5: together never more than the voucher."""
    payer = make_payer(sandbox)
    late = money.make_bill(payer, 100_000, due_at=clock.now()).id
    good, big = money.make_bill(payer, 3_000_000).id, money.make_bill(payer, 1_000_001).id
    cart = open_cart(payer, deal_ids=[late, good, big, good])
    assert {deal_id: each.code for deal_id, each in cart.refusals.items()} == {
        late: "deal.late",
        big: "payment.not_enough",
    }
    assert [each.deal_id for each in cart.payments] == [good] and cart.url is not None
    nothing = open_cart(payer, deal_ids=[late], key="other")
    assert (nothing.url, nothing.payments) == (None, [])


def test_the_same_press_of_several_bills_gives_the_same_window(sandbox: str) -> None:
    """R-PAY-4"""
    payer = make_payer(sandbox)
    deal_ids = [money.make_bill(payer, amount).id for amount in (100_000, 200_000)]
    first, again = (open_cart(payer, deal_ids=deal_ids) for _ in range(2))
    assert first.url == again.url is not None
    assert [each.id for each in first.payments] == [each.id for each in again.payments]
    # One bill of them, taken up again from its own page, has a window of its own.
    alone = zeropay_payments.start_zeropay(
        actor=payer.actor,
        deal_id=deal_ids[0],
        idempotency_key=first.payments[0].idempotency_key,
        return_url=BACK,
    )
    assert alone.url not in (None, first.url)
    for url, deal_id in ((alone.url, deal_ids[0]), (first.url, deal_ids[1])):
        [paid] = zeropay_payments.finish_zeropays(actor=payer.actor, params=money.press_in_window(url or ""))
        assert (paid.deal_id, paid.state) == (deal_id, PaymentState.PAID)
    assert ledger.verify() == []


def test_leaving_the_window_fails_every_bill_of_it(sandbox: str) -> None:
    payer = make_payer(sandbox)
    params = money.press_in_window(open_cart(payer, 100_000, 200_000).url or "", button="cancel")
    failed = zeropay_payments.finish_zeropays(actor=payer.actor, params=params)
    assert [each.failure_code for each in failed] == ["PAY_PROCESS_CANCELED"] * 2
    assert payer.left() == (3_600_000, 400_000)


def test_a_window_that_cannot_be_opened_gives_up_what_this_press_began_alone(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-PAY-4: what an earlier press began may be paid by now."""

    def unreachable(*_: object, **__: object) -> None:
        raise Unavailable("zeropay: ConnectError")

    payer = make_payer(sandbox)
    begun = open_window(payer, 500_000)
    params = money.press_in_window(begun.url or "", password="990052")
    assert zeropay_payments.finish_zeropay(actor=payer.actor, params=params).state is PaymentState.PENDING
    with monkeypatch.context() as down:
        down.setattr(ZeroPay, "order", unreachable)
        again = zeropay_payments.start_zeropay(
            actor=payer.actor, deal_id=begun.payment.deal_id, idempotency_key="window", return_url=BACK
        )
        cart = open_cart(payer, 100_000, 200_000)
    assert (again.url, again.payment.state) == (None, PaymentState.PENDING)
    assert [each.failure_code for each in cart.payments] == ["UNAVAILABLE"] * 2
    assert payment_resolution.resolve_one(payment_id=begun.payment.id).state is PaymentState.PAID
    assert payer.left() == (3_150_000, 350_000) and ledger.verify() == []


@pytest.mark.parametrize("name", ["orderIds", "paymentKeys", "amounts", "result", "timestamp", "signature"])
def test_everything_in_the_return_is_signed(sandbox: str, name: str) -> None:
    payer = make_payer(sandbox)
    cart = open_cart(payer, 100_000, 200_000)
    params = money.press_in_window(cart.url or "")
    swapped = ",".join(reversed(params[name].split(",")))
    for forged in (f"{params[name]}0", params[name].partition(",")[0][:-1], swapped):
        if forged == params[name]:
            continue
        with pytest.raises(InvalidInput):
            zeropay_payments.finish_zeropays(actor=payer.actor, params=params | {name: forged})
    assert [money.book(sandbox, each.order_id) for each in cart.payments] == [[], []]


def test_a_slow_gateway_leaves_the_rest_to_the_asking(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeropay_payments, "PATIENCE", timedelta(0))
    payer = make_payer(sandbox)
    params = money.press_in_window(open_cart(payer, 100_000, 200_000).url or "")
    left = zeropay_payments.finish_zeropays(actor=payer.actor, params=params)
    assert [each.state for each in left] == [PaymentState.PENDING] * 2
    assert all(
        each.ask_again_at and each.ask_again_at <= clock.real_now() + timedelta(seconds=5) for each in left
    )
