"""R-PAY-4: what a gateway does not say proves nothing, and a charge belongs to one press of its order."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from app import gateways
from app.db import db, transaction
from app.errors import Conflict
from app.gateways.errors import Refused, Unavailable, Unknown
from app.gateways.payments import Approval, Cancellation, NotFound, PaymentGateway
from app.models.payments import PaymentState
from app.models.record import OutboxMessage
from app.workflows import cancellations, ledger, payment_resolution, payments
from tests import money
from tests.money import fresh, make_due

pytestmark = pytest.mark.usefixtures("tx")

WHY = "잘못 결제했습니다."


def not_there(self: PaymentGateway, *, order_id: str) -> NotFound:
    return NotFound()


def down(self: PaymentGateway, *, order_id: str) -> NotFound:
    raise Unavailable("card: ConnectError")


@pytest.mark.parametrize("outage", [4, 10])
def test_an_outage_is_no_answer_that_the_order_is_not_there(
    sandbox: str, monkeypatch: pytest.MonkeyPatch, outage: int
) -> None:
    """The money was taken and the answer lost; then nobody could be asked for a while."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    with monkeypatch.context() as patch:
        patch.setattr(PaymentGateway, "find", down)
        for _ in range(outage):
            make_due(payment)
            payment_resolution.resolve()
    with monkeypatch.context() as patch:
        patch.setattr(PaymentGateway, "find", not_there)
        for _ in range(2):
            make_due(payment)
            assert payment_resolution.resolve().unknown == 1
    make_due(payment)
    assert payment_resolution.resolve().paid == 1
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000)]
    assert ledger.verify() == []


def test_who_presses_for_an_answer_does_not_hurry_the_giving_up(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    monkeypatch.setattr(PaymentGateway, "find", not_there)
    for _ in range(payment_resolution.ASKED_ENOUGH + 1):
        assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.PENDING


def test_an_order_that_was_given_up_takes_no_later_press(sandbox: str) -> None:
    """Its first press may be charged yet, and that charge goes back: it must not pay for a second one."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 300_000)
    token, code = money.start(payer, deal, behaviour="52").token, money.code_for(payer)
    first = money.press(payer, token, code, secrets.token_hex(8))
    payments.settle(payment_id=first.id, outcome=payment_resolution.NEVER_ASKED)
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        money.press(payer, token, code, secrets.token_hex(8))
    assert refused.value.code == "payment.order_over" and "카드번호 입력부터" in refused.value.text
    assert money.press(payer, money.start(payer, deal).token, money.code_for(payer), "new").state is (
        PaymentState.PAID
    )
    assert ledger.verify() == []


def test_a_charge_by_which_a_later_press_lives_is_not_given_back(sandbox: str) -> None:
    """The outbox may come late: what was true when it was asked for is looked at again."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 300_000)
    token, code = money.start(payer, deal).token, money.code_for(payer)
    wrong = "000000" if code != "000000" else "000001"
    failed = money.press(payer, token, wrong, "wrong")
    paid = money.press(payer, token, code, "right")
    payload = {"payment_id": failed.id, "payment_key": paid.payment_key, "amount": paid.total}
    cancellations.return_charge(payload, "return")
    assert money.book(sandbox, paid.order_id) == [("charge", 300_000)]
    assert fresh(paid).state is PaymentState.PAID


def test_a_late_approval_of_a_failed_payment_is_followed_by_the_resolver_too(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    payments.settle(payment_id=payment.id, outcome=payment_resolution.NEVER_ASKED)
    found = gateways.get().card.find(order_id=payment.order_id)
    assert isinstance(found, Approval)
    payments.settle(payment_id=payment.id, outcome=found)
    assert [m.kind for m in db.session.query(OutboxMessage).filter_by(kind="return_charge")]
    assert payment_resolution.resolve().returned == 1
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000), ("cancel", 300_000)]
    assert ledger.verify() == []


@pytest.mark.parametrize("code", sorted(cancellations.NOT_YET))
def test_a_repeat_turned_away_says_nothing_of_the_first_request(
    sandbox: str, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """The gateway still works on it: the cancellation stays unknown until it is known."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    real, asked = PaymentGateway.cancel, []

    def busy(self: PaymentGateway, **request: Any) -> Cancellation:
        asked.append(request)
        if len(asked) == 1:
            raise Unknown("card: ReadTimeout")
        raise Refused(code, "", "잠시 뒤 다시 시도해 주세요.")

    with monkeypatch.context() as patch:
        patch.setattr(PaymentGateway, "cancel", busy)
        cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
        make_due(payment)
        assert payment_resolution.resolve().unknown == 1
    assert fresh(payment).state is PaymentState.CANCELLING and len(asked) == 2
    real(gateways.get().card, **asked[0])
    make_due(payment)
    assert payment_resolution.resolve().cancelled == 1
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000), ("cancel", 300_000)]
    assert ledger.verify() == []


def test_what_was_unknown_once_is_not_said_of_what_is_known(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    for behaviour in ("52", "56"):
        payment = money.pay(payer, money.make_bill(payer, 10_000), behaviour=behaviour)
        with transaction():
            fresh(payment).unknown_why = "in_progress"
        make_due(payment)
        payment_resolution.resolve()
        assert fresh(payment).state in (PaymentState.PAID, PaymentState.FAILED)
        assert fresh(payment).unknown_why is None
