"""R-PAY-4, R-PAY-5, R-MONEY-4 with real threads, connections and commits."""

from __future__ import annotations

import logging
import secrets
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.db import db
from app.errors import Conflict, Refusal
from app.gateways.errors import GatewayError
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.workflows import cancellations, card_payments, ledger, payment_resolution, record
from tests import money

pytestmark = pytest.mark.usefixtures("committed")


def at_once(app: Flask, work: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each in a thread and session of its own, started together; a refusal is an answer too."""
    gate = threading.Barrier(len(work))

    def one(step: Callable[[], Any]) -> Any:
        with app.app_context():
            gate.wait(30)
            try:
                return step()
            except Refusal as refusal:
                return refusal
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


def outcome(answer: Any) -> str:
    return answer.code if isinstance(answer, Refusal) else str(answer)


def test_thirty_pay_against_a_voucher_with_money_for_seven(app: Flask, sandbox: str) -> None:
    """R-MONEY-4, R-PAY-5: exactly seven are paid, whatever runs at the same time."""
    payer = money.make_payer(sandbox, cap=700_000)
    presses = []
    for _ in range(30):
        token = money.start(payer, money.make_bill(payer, 100_000)).token
        presses.append((token, money.code_for(payer)))
    db.session.commit()

    def press(token: str, code: str) -> Callable[[], Any]:
        return lambda: (
            card_payments.pay_card(
                actor=payer.actor, token=token, code=code, idempotency_key=secrets.token_hex(8)
            ).state.name
        )

    found = Counter(outcome(answer) for answer in at_once(app, [press(*p) for p in presses]))
    assert found["PAID"] == 7
    assert sum(found.values()) == 30
    assert set(found) <= {"PAID", "payment.not_enough", "voucher.spent"}
    assert payer.left() == (0, 0)
    paid = db.session.execute(
        text("SELECT sum(grant_part), sum(share_part) FROM payment WHERE state = 'paid'")
    )
    assert tuple(map(int, paid.one())) == (630_000, 70_000)
    assert ledger.verify() == []
    assert record.verify() == []


def test_one_press_sent_twelve_times_pays_once(app: Flask, sandbox: str) -> None:
    """R-PAY-4: double click, two tabs, a repeat while the gateway is slow."""
    payer = money.make_payer(sandbox)
    token = money.start(payer, money.make_bill(payer, 100_000), behaviour="58").token
    code = money.code_for(payer)
    db.session.commit()

    def press() -> int:
        return card_payments.pay_card(
            actor=payer.actor, token=token, code=code, idempotency_key="one press"
        ).id

    found = Counter(map(outcome, at_once(app, [press] * 12)))
    assert len(found) == 1 and sum(found.values()) == 12
    [payment] = db.session.query(Payment).all()
    assert payment.state is PaymentState.PAID
    assert money.book(sandbox, payment.order_id) == [("charge", 100_000)]
    assert payer.left() == (3_510_000, 390_000)
    assert ledger.verify() == []


def test_two_tabs_with_keys_of_their_own_pay_one_bill_once(app: Flask, sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    tokens = [(money.start(payer, deal).token, money.code_for(payer)) for _ in range(8)]
    db.session.commit()

    def press(token: str, code: str) -> Callable[[], Any]:
        return lambda: (
            card_payments.pay_card(
                actor=payer.actor, token=token, code=code, idempotency_key=secrets.token_hex(8)
            ).state.name
        )

    found = Counter(outcome(answer) for answer in at_once(app, [press(*t) for t in tokens]))
    assert found.pop("PAID") == 1
    assert set(found) <= {"payment.under_way", "deal.pay.state"}
    assert ledger.balance(LedgerAccount.PAYABLE, deal.supplier_id) == 100_000
    assert ledger.verify() == []


def test_company_and_supplier_cancel_at_the_same_moment(app: Flask, sandbox: str) -> None:
    """R-PAY-6: one cancellation, once; on the day of payment it is the company's."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    payment_id, supplier = money.pay(payer, deal).id, money.supplier_of(deal)
    order_id = db.session.get_one(Payment, payment_id).order_id
    db.session.commit()

    def by_company() -> int:
        return cancellations.cancel_today(actor=payer.actor, payment_id=payment_id, reason="변경").id

    def by_supplier() -> int:
        return cancellations.cancel_late(actor=supplier, payment_id=payment_id, reason="불가").id

    answers = at_once(app, [by_company, by_supplier] * 4)
    assert str(payment_id) in (found := {outcome(answer) for answer in answers})
    assert found <= {str(payment_id), "payment.cancel_late.early"}
    assert money.book(sandbox, order_id) == [("charge", 100_000), ("cancel", 100_000)]
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []


def test_payments_against_cancellations_on_one_voucher(app: Flask, sandbox: str) -> None:
    """R-MONEY-2, R-MONEY-4: what comes back may be spent at once; nothing is lost or made."""
    payer = money.make_payer(sandbox, cap=400_000)
    paid = [money.pay(payer, money.make_bill(payer, 100_000)).id for _ in range(3)]
    presses = []
    for _ in range(8):
        token = money.start(payer, money.make_bill(payer, 100_000)).token
        presses.append((token, money.code_for(payer)))
    db.session.commit()

    def press(token: str, code: str) -> Callable[[], Any]:
        return lambda: (
            card_payments.pay_card(
                actor=payer.actor, token=token, code=code, idempotency_key=secrets.token_hex(8)
            ).state.name
        )

    def cancel(payment_id: int) -> Callable[[], Any]:
        return lambda: (
            cancellations.cancel_today(actor=payer.actor, payment_id=payment_id, reason="변경").state.name
        )

    work = [press(*p) for p in presses] + [cancel(key) for key in paid]
    found = Counter(outcome(answer) for answer in at_once(app, work))
    assert found["CANCELLED"] == 3
    assert 1 <= found["PAID"] <= 4
    assert sum(payer.left()) == 400_000 - 100_000 * found["PAID"]
    assert ledger.verify() == []


def test_two_resolvers_ask_about_each_payment_once(app: Flask, sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    for _ in range(4):
        money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    db.session.execute(text("UPDATE payment SET ask_again_at = now() - interval '1 second'"))
    db.session.commit()
    answers = at_once(app, [payment_resolution.resolve] * 3)
    assert sum(answer.asked for answer in answers) == sum(answer.paid for answer in answers) == 4
    assert ledger.verify() == []


def test_card_data_are_nowhere(
    app: Flask, sandbox: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """R-PAY-2: no card number, expiry or code in any row, log record or exception, whatever happened."""
    caplog.set_level(logging.DEBUG)
    numbers, codes, texts = {money.CARD}, set(), []
    payer = money.make_payer(sandbox)
    for behaviour in ("", "09", "52", "59", "61"):
        deal = money.make_bill(payer, 100_000)
        number = money.behaviours.card_number(behaviour) if behaviour else money.CARD
        numbers.add(number)
        token = money.start(payer, deal, behaviour=behaviour).token
        codes.add(money.code_for(payer))
        for code in (next(iter(codes)), money.code_for(payer)):
            try:
                card_payments.pay_card(
                    actor=payer.actor, token=token, code=code, idempotency_key=secrets.token_hex(8)
                )
            except (Refusal, GatewayError):
                texts.append(traceback.format_exc())
    for bad in ("4518420000000008", "4518-4200-0000-0007x"):
        numbers.add(bad)
        with pytest.raises(Refusal) as refused:
            card_payments.start_card(
                actor=payer.actor,
                deal_id=money.make_bill(payer, 1_000).id,
                card_number=bad,
                expiry="13/99",
            )
        texts += [str(refused.value), refused.value.text, repr(refused.value.fields)]
    payment_resolution.resolve()

    rows = [
        str(row)
        for table in db.metadata.sorted_tables
        for row in db.session.execute(text(f'SELECT CAST(t AS text) FROM "{table.name}" t')).scalars()
    ]
    captured = capfd.readouterr()
    logged = [str(vars(entry)) for entry in caplog.records if not entry.name.startswith("sqlalchemy")]
    everything = "\n".join([*rows, *logged, *texts, captured.out, captured.err])
    assert len(rows) > 50
    for secret in (*numbers, money.EXPIRY[:2] + "/" + money.EXPIRY[2:], "13/99"):
        assert secret not in everything, f"{secret[:4]}… was kept"
    # Six digits may stand in an id or an instant by chance; a code stands alone.
    kept = [
        code
        for code in codes
        if f'"{code}"' in everything or f"'{code}'" in everything or f",{code}," in everything
    ]
    assert kept == []


def test_second_press_waits_for_the_first_and_finds_it(app: Flask, sandbox: str) -> None:
    """The lock comes before the look: no press falls through to a unique-key error."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    token, code = money.start(payer, deal).token, money.code_for(payer)
    db.session.commit()

    def press() -> Any:
        return card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key="k")

    for answer in at_once(app, [press, press]):
        assert not isinstance(answer, Conflict)
