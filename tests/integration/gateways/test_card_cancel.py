"""Cancellation: in part and whole, refused, and without an answer (R-PAY-4, R-PAY-6)."""

from __future__ import annotations

import pytest

from app.gateways import Gateways
from app.gateways.errors import Refused, Unknown
from app.gateways.payments import Approval, Cancelled
from sandbox import behaviours
from tests.integration.gateways.conftest import Sandbox
from tests.integration.gateways.test_card import WON, NewOrder, pay


def test_cancels_in_part_and_then_whole(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    """R-PAY-6; a repeat of the same cancellation gives nothing back twice."""
    order_id = new_order()
    approval = pay(gateways, sandbox, order_id)

    def cancel(amount: int, key: str) -> str:
        return gateways.card.cancel(
            payment_key=approval.payment_key, amount=amount, reason="고객 변심", idempotency_key=key
        ).transaction_key

    first = cancel(80_000, f"{order_id}-c1")
    assert cancel(80_000, f"{order_id}-c1") == first
    with pytest.raises(Refused, match="NOT_CANCELABLE_AMOUNT"):
        cancel(WON, f"{order_id}-c2")
    second = cancel(WON - 80_000, f"{order_id}-c3")
    with pytest.raises(Unknown, match="ALREADY_CANCELED_PAYMENT"):
        cancel(WON - 80_000, f"{order_id}-c4")
    found = gateways.card.find(order_id=order_id)
    assert isinstance(found, Cancelled)
    assert found.balance == 0
    assert found.approval == approval
    assert [(c.transaction_key, c.amount) for c in found.cancellations] == [
        (first, 80_000),
        (second, WON - 80_000),
    ]
    assert sandbox.ledger(order_id) == [("charge", WON), ("cancel", 80_000), ("cancel", WON - 80_000)]


@pytest.mark.parametrize("digits", sorted(behaviours.CANCEL_DECLINES))
def test_each_refused_cancellation(
    digits: str, gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    approval = pay(gateways, sandbox, order_id, digits=digits)
    with pytest.raises(Refused) as refusal:
        gateways.card.cancel(
            payment_key=approval.payment_key, amount=WON, reason="취소", idempotency_key=f"c{order_id}"
        )
    assert refusal.value.code == behaviours.CANCEL_DECLINES[digits][0]
    assert refusal.value.korean.endswith("주세요.")
    assert gateways.card.find(order_id=order_id) == approval


@pytest.mark.parametrize(
    ("digits", "given_back"), [("80", 0), ("81", WON), ("82", WON), ("83", 0), ("84", WON)]
)
def test_a_cancellation_without_an_answer_is_unknown_and_found(
    digits: str,
    given_back: int,
    gateways: Gateways,
    impatient: Gateways,
    sandbox: Sandbox,
    new_order: NewOrder,
) -> None:
    order_id = new_order()
    approval = pay(gateways, sandbox, order_id, digits=digits)
    caller = impatient if digits in ("80", "81") else gateways
    with pytest.raises(Unknown):
        caller.card.cancel(
            payment_key=approval.payment_key, amount=WON, reason="취소", idempotency_key=f"c{order_id}"
        )
    lines = [("charge", WON)] + ([("cancel", WON)] if given_back else [])
    assert sandbox.wait_for_ledger(order_id, count=len(lines)) == lines
    assert isinstance(gateways.card.find(order_id=order_id), Cancelled if given_back else Approval)
