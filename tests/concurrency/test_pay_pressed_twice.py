"""One press pays once: double clicks, two tabs, repeats, the same key with another bill (R-PAY-4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import db
from app.errors import Conflict, Refusal
from app.models.payments import Payment
from app.models.record import AuditRow, Notice, OutboxMessage
from app.workflows import card_payments
from tests import invariant, money, racing

Together = Callable[..., list[Any]]
MODELS = (Payment, AuditRow, Notice, OutboxMessage)


def rows() -> list[int]:
    """How much is written down."""
    db.session.rollback()
    return [db.session.scalar(select(func.count()).select_from(model)) or 0 for model in MODELS]


def test_sixty_four_clicks_of_one_press_pay_once_and_answer_alike(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox)
    press = racing.ready(payer)
    answers = together(*[lambda: press.pay("one press").id] * 64)
    assert len(set(answers)) == 1 and isinstance(answers[0], int)
    assert payer.left() == (3_510_000, 390_000)
    assert books.charged() == 1
    books.check()


def test_clicks_while_the_gateway_is_slow_wait_for_no_second_charge(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox)
    press = racing.ready(payer, behaviour="58")
    found = racing.outcomes(together(*[lambda: press("one press")] * 16))
    assert set(found) <= {"PAID", "PENDING"} and found["PAID"] >= 1
    assert press("one press") == "PAID"
    assert books.charged() == 1
    books.check()


@pytest.mark.parametrize("behaviour", ["", "09", "52", "56"])
def test_a_repeat_answers_what_was_and_writes_nothing(
    sandbox: str, books: invariant.Books, behaviour: str
) -> None:
    """The page sent again an hour later: paid, declined, unknown, failed, all stay what they are."""
    payer = money.make_payer(sandbox)
    press = racing.ready(payer, behaviour=behaviour)
    first = press.pay("k")
    known, state, before = first.id, first.state, rows()
    for _ in range(3):
        again = press.pay("k")
        assert (again.id, again.state) == (known, state)
    assert rows() == before
    invariant.mend()
    before = rows()
    assert press.pay("k").id == known
    assert rows() == before
    books.check()


def test_a_key_with_another_bill_is_refused_and_writes_nothing(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox)
    first, second = racing.ready(payer), racing.ready(payer, 200_000)
    assert first("k") == "PAID"
    before, left = rows(), payer.left()
    for answer in together(*[lambda: second("k")] * 8):
        assert isinstance(answer, Conflict) and answer.code == "payment.key_of_another"
    assert rows() == before and payer.left() == left
    assert second() == "PAID"
    assert books.charged() == 2
    books.check()


def test_a_key_of_another_company_is_told_nothing(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    mine, theirs = money.make_payer(sandbox), money.make_payer(sandbox)
    assert racing.ready(mine)("k") == "PAID"
    press = racing.ready(theirs)
    before = rows()
    answers = together(*[lambda: press("k")] * 4)
    assert all(isinstance(answer, Refusal) for answer in answers)
    assert rows() == before and sum(theirs.left()) == 4_000_000
    books.check()


def test_two_bills_under_one_key_at_the_same_moment(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """Whichever comes first has the key; nobody sees a database's error."""
    payer = money.make_payer(sandbox)
    for n in range(20):
        presses = [racing.ready(payer, 1_000) for _ in range(2)]
        found = racing.outcomes(together(*[lambda p=press, k=f"k{n}": p(k) for press in presses * 2]))
        assert set(found) <= {"PAID", "PENDING", "payment.key_of_another"}
        assert found["payment.key_of_another"] == 2
    invariant.mend()
    assert books.charged() == 20
    books.check()


def test_two_tabs_with_keys_of_their_own_pay_one_bill_once(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """Each tab asked for a code of its own, an order of its own at the gateway."""
    payer = money.make_payer(sandbox, cap=100_000_000)
    for n in range(25):
        deal = money.make_bill(payer, 10_000)
        tabs = [racing.ready_for(payer, deal) for _ in range(3)]
        found = racing.outcomes(together(*tabs))
        assert found.pop("PAID") == 1
        assert set(found) <= {"payment.under_way", "deal.pay.state"}
        assert books.charged() == n + 1
    books.check()


def test_two_carts_with_the_same_bills(together: Together, sandbox: str, books: invariant.Books) -> None:
    """R-PAY-5: 장바구니 in two tabs; every bill is paid once, by one of the two."""
    payer = money.make_payer(sandbox, cap=400_000)
    deal_ids = [money.make_bill(payer, 100_000).id for _ in range(6)]
    carts = []
    for ticked in (deal_ids, deal_ids[::-1]):
        started = card_payments.start_cards(
            actor=payer.actor, deal_ids=ticked, card_number=money.CARD, expiry=money.EXPIRY
        )
        carts.append((money.tokens_of(started), money.code_for(payer)))

    def cart(tokens: list[str], code: str) -> Callable[[], list[card_payments.Result]]:
        key = secrets.token_hex(8)
        return lambda: card_payments.pay_cards(
            actor=payer.actor, tokens=tokens, code=code, idempotency_key=key
        )

    results = [one for answer in together(*[cart(*each) for each in carts]) for one in answer]
    paid = [one for one in results if one.payment is not None]
    assert len(paid) == 4
    refused = {racing.outcome(one.refusal) for one in results if one.refusal is not None}
    assert refused <= {"payment.under_way", "deal.pay.state", "payment.not_enough", "voucher.spent"}
    assert payer.left() == (0, 0)
    assert books.charged() == 4
    books.check()
