"""The last won of a voucher is spent once, whoever reaches for it (R-MONEY-2, R-MONEY-4, R-PAY-5)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import db
from app.errors import Refusal
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.models.programme import VatMode
from app.models.vouchers import InstrumentKind, Voucher, VoucherState
from app.policy import Actor
from app.workflows import cancellations, ledger, zeropay_payments
from tests import invariant, money, racing

RETURN = "http://localhost/pay/zeropay/return"
Together = Callable[..., list[Any]]
NO = {"payment.not_enough", "voucher.spent"}


def parts_paid(payer: money.Payer) -> tuple[int, int]:
    """What was taken of the government's and of the company's part, won."""
    sums = select(func.sum(Payment.grant_part), func.sum(Payment.share_part)).where(
        Payment.voucher_id == payer.voucher.id, Payment.state == PaymentState.PAID
    )
    grant, share = db.session.execute(sums).one()
    return int(grant), int(share)


def state_of(payer: money.Payer) -> VoucherState:
    db.session.rollback()
    return db.session.scalars(select(Voucher.state).where(Voucher.id == payer.voucher.id)).one()


def test_two_hundred_pay_against_a_voucher_with_money_for_seven(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox, cap=700_000)
    presses = [racing.ready(payer) for _ in range(200)]
    found = racing.outcomes(together(*presses))
    assert found.pop("PAID") == 7
    assert set(found) <= NO and found.total() == 193
    assert payer.left() == (0, 0)
    assert parts_paid(payer) == (630_000, 70_000)
    assert state_of(payer) is VoucherState.SPENT
    assert books.charged() == 7
    books.check()
    assert books.compared() == []


@pytest.mark.parametrize("share_percent", [10, 30])
def test_odd_amounts_meet_the_ratio_to_the_won(
    together: Together, sandbox: str, books: invariant.Books, share_percent: int
) -> None:
    """R-MONEY-2, R-MONEY-2a: rounding in whatever order, with the tax on top, leaves no won over."""
    payer = money.make_payer(
        sandbox, cap=999_999, company_share_percent=share_percent, vat_mode=VatMode.BORNE
    )
    amounts = [99_991, 107, 333_333, 1_009, 123_456, 200_000, 103, 100_001]
    amounts.append(999_999 - sum(amounts))
    presses = [racing.ready(payer, amount) for amount in amounts]
    late = racing.ready(payer, 100)
    assert racing.outcomes(together(*presses)) == {"PAID": 9}
    with pytest.raises(Refusal) as refused:
        late()
    assert refused.value.code in NO
    share = 999_999 * share_percent // 100
    assert parts_paid(payer) == (999_999 - share, share)
    assert payer.left() == (0, 0) and state_of(payer) is VoucherState.SPENT
    taxes = db.session.scalars(select(Payment.tax_part).order_by(Payment.grant_part + Payment.share_part))
    assert list(taxes) == [amount // 10 for amount in sorted(amounts)]
    books.check()


def test_what_is_declined_or_lost_makes_room_for_those_who_wait(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """R-PAY-4: held money is nobody else's, and money that came back is anybody's."""
    payer = money.make_payer(sandbox, cap=500_000)
    behaviours = ["", "09", "52", "", "56", "60", "59", "01", "", "52"] * 4
    presses = [racing.ready(payer, behaviour=behaviour) for behaviour in behaviours]
    found = racing.outcomes(together(*presses))
    assert set(found) <= NO | {"PAID", "PENDING", "FAILED"}
    invariant.mend()
    books.check()
    paid, left = 5 * 100_000 - sum(payer.left()), sum(payer.left())
    assert books.charged() * 100_000 == paid
    for press in presses[::10]:
        if left and racing.outcome(_tried(press)) == "PAID":
            left -= 100_000
    assert sum(payer.left()) == left
    books.check()
    assert books.compared() == []


def _tried(press: Callable[[], Any]) -> Any:
    try:
        return press()
    except Refusal as refusal:
        return refusal


def test_zeropay_windows_open_for_no_more_than_the_voucher_holds(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """The money is held when the window opens; it is taken by our confirm alone (R-PAY-1)."""
    payer = money.make_payer(sandbox, cap=300_000, kind=InstrumentKind.ZEROPAY)
    money.deposit(payer, 30_000)
    deals = [money.make_bill(payer, 100_000).id for _ in range(24)]
    db.session.commit()

    def opening(deal_id: int) -> Callable[[], str | None]:
        return lambda: (
            zeropay_payments.start_zeropay(
                actor=payer.actor,
                deal_id=deal_id,
                idempotency_key=secrets.token_hex(8),
                return_url=RETURN,
            ).url
        )

    answers = together(*[opening(deal_id) for deal_id in deals])
    urls = [answer for answer in answers if isinstance(answer, str)]
    refused = racing.outcomes(answer for answer in answers if answer not in urls)
    assert len(urls) == 3 and set(refused) <= NO
    returns = [money.press_in_window(url) for url in urls]

    def coming_back(params: dict[str, str]) -> Callable[[], str]:
        return lambda: zeropay_payments.finish_zeropay(actor=payer.actor, params=params).state.name

    # Each return address in three tabs.
    found = racing.outcomes(together(*[coming_back(params) for params in returns * 3]))
    assert set(found) <= {"PAID", "PENDING"} and found["PAID"] >= 3
    invariant.mend()
    books.check()
    assert payer.left() == (0, 0) and parts_paid(payer) == (270_000, 30_000)
    assert books.charged() == 3


def test_what_comes_back_is_spent_at_once_and_once(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """R-MONEY-4, R-PAY-6: 30 presses against 5 payments that are being cancelled."""
    payer = money.make_payer(sandbox, cap=500_000)
    paid = [racing.ready(payer).pay() for _ in range(5)]
    keys = [payment.id for payment in paid]
    assert payer.left() == (0, 0) and state_of(payer) is VoucherState.SPENT
    # The code can be asked for while there is money only: one comes back, and is spent again below.
    cancel_first = cancellations.cancel_today(actor=payer.actor, payment_id=keys[0], reason="변경")
    assert cancel_first.state is PaymentState.CANCELLED
    presses = [racing.ready(payer) for _ in range(30)]
    again = presses.pop()()
    assert again == "PAID"

    def cancelling(actor: Actor, payment_id: int) -> Callable[[], str]:
        return lambda: (
            cancellations.cancel_today(actor=actor, payment_id=payment_id, reason="변경").state.name
        )

    found = racing.outcomes(together(*presses, *[cancelling(payer.actor, key) for key in keys[1:]]))
    assert found["CANCELLED"] == 4
    assert sum(payer.left()) == 400_000 - 100_000 * found["PAID"]
    assert ledger.balance(LedgerAccount.VOUCHER_SHARE, payer.voucher.id) * 9 == payer.left()[0]
    books.check()
