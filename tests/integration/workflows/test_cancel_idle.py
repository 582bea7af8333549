"""What was paid and never used is cancelled at the gateway, and clawed back if settled (R-SET-1a)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.gateways.errors import Refused
from app.jobs import outbox
from app.models.deals import Deal, DealState
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.models.record import AuditRow, Notice
from app.models.settlements import ClawbackItem, SettlementItem
from app.models.usage import UsageWarning, WarningEnd, WarningState
from app.policy import Role
from app.workflows import (
    cancellations,
    ledger,
    payment_history,
    settlement,
    usage_reports,
    usage_warnings,
    usage_watch,
)
from tests import factories, money, settled
from tests.money import Payer

pytestmark = pytest.mark.usefixtures("tx")


@pytest.fixture
def payer(sandbox: str) -> Payer:
    return money.make_payer(sandbox, usage_idle_cancels=True, usage_grace_days=14)


def pay(payer: Payer, *, behaviour: str = "") -> tuple[Deal, Payment]:
    deal = money.make_bill(payer, 1_000_000)
    return deal, money.pay(payer, deal, behaviour=behaviour)


def cancel(payment: Payment) -> Payment:
    return cancellations.cancel_idle(
        payment_id=payment.id, reason=usage_watch.CANCEL_REASON, is_idle=lambda: True
    )


def sweep(at: datetime) -> usage_watch.Watched:
    """With what it asks of the outbox done."""
    with clock.at(at):
        swept = usage_watch.sweep()
        outbox.drain()
        return swept


def warning_of(deal: Deal) -> UsageWarning:
    about = select(UsageWarning).filter_by(deal_id=deal.id, kind="idle_days")
    return db.session.scalars(about.execution_options(populate_existing=True)).one()


def said_of(warning: UsageWarning) -> set[str]:
    return {usage_warnings.following(warning, for_supplier=side) for side in (True, False)}


def past(payment: Payment, days: int) -> datetime:
    assert payment.paid_at is not None
    return clock.start_of(clock.korean_day(payment.paid_at)) + timedelta(days=days)


def go_on(deal: Deal, payment: Payment) -> datetime:
    """Warned, reported as unused by its supplier, and the days of grace over; returns the instant."""
    with clock.at(past(payment, 31)):
        assert usage_watch.sweep().warned == 1
    seller = money.supplier_of(deal)
    now = past(payment, 70)
    first = clock.korean_day(payment.paid_at or now).replace(day=1)
    with clock.at(now):
        for months in range(2):
            month = clock.add_months(first, months)
            usage_reports.report(actor=seller, deal_id=deal.id, month=month, logins=0)
    return now


def test_it_goes_the_way_of_any_cancellation(payer: Payer, sandbox: str) -> None:
    deal, payment = pay(payer)
    now = go_on(deal, payment)
    with clock.at(now):
        assert usage_watch.sweep().cancelled == 1
        outbox.drain()
        outbox.drain()
    payment = db.session.get_one(Payment, payment.id, populate_existing=True)
    assert payment.state is PaymentState.CANCELLED
    assert payment.cancel_reason == usage_watch.CANCEL_REASON
    assert db.session.get_one(Deal, deal.id, populate_existing=True).state is DealState.PAYMENT_CANCELLED
    assert payer.left() == (3_600_000, 400_000)
    assert money.book(sandbox, payment.order_id) == [("charge", 1_000_000), ("cancel", 1_000_000)]
    assert ledger.verify() == []
    told = " ".join(db.session.scalars(select(Notice.text).filter_by(company_id=deal.company_id)))
    assert "결제를 취소하고 있습니다. 이유: 결제 후 확인된 이용이 없어" in told
    with clock.at(now + timedelta(hours=1)):
        assert usage_watch.sweep().ended == 1
    assert db.session.scalars(select(UsageWarning)).one().ended is WarningEnd.CLOSED


def test_the_history_says_that_nobody_pressed(payer: Payer) -> None:
    _, payment = pay(payer)
    cancel(payment)
    payment = db.session.get_one(Payment, payment.id, populate_existing=True)
    entries = payment_history.of(payment, actor=payer.actor)
    began = next(each for each in entries if each.title == "결제취소 시작(이용 없음)")
    assert began.who == payment_history.PLATFORM and usage_watch.CANCEL_REASON in began.note


def test_again_changes_nothing(payer: Payer, sandbox: str) -> None:
    _, payment = pay(payer)
    for _ in range(2):
        assert cancel(payment).state is PaymentState.CANCELLED
    assert len(money.book(sandbox, payment.order_id)) == 2


def test_what_was_settled_is_clawed_back_with_the_next_batch(payer: Payer) -> None:
    deal, payment = pay(payer)
    officers = settled.Officers()
    with clock.at(past(payment, 20)):
        officers.settled(payer.programme)
    assert db.session.get(SettlementItem, payment.id) is not None
    now = go_on(deal, payment)
    with clock.at(now):
        usage_watch.sweep()
        outbox.drain()
        outbox.drain()
    assert ledger.balance(LedgerAccount.PAYABLE, payment.supplier_id) == -1_000_000
    other = settled.make_paid(payer.programme, deal.supplier, 3_000_000, paid_at=past(payment, 60))
    with clock.at(now + timedelta(days=5)):
        built = settlement.build(
            actor=factories.make_actor(Role.FINANCE_OFFICER),
            cutoff=clock.today(),
            programme_id=payer.programme.id,
        )
    taken = db.session.get(ClawbackItem, payment.id)
    assert built.batch is not None and taken is not None and taken.amount == 1_000_000
    assert db.session.get(SettlementItem, other.id) is not None


@pytest.mark.parametrize("behaviour", ["70", "71", "72", "73", "74", "75"])
def test_what_the_gateway_refuses_is_tried_again_and_then_left_to_a_person(
    payer: Payer, behaviour: str
) -> None:
    """R-SET-1a: the pages never say that it is being cancelled when nobody is at it."""
    deal, payment = pay(payer, behaviour=behaviour)
    now = go_on(deal, payment)
    for tries in range(1, usage_watch.MOST_TRIES + 1):
        assert sweep(now).cancelled == 1
        warning = warning_of(deal)
        assert money.fresh(payment).state is PaymentState.PAID
        assert (warning.failures, warning.acted_at) == (tries, None)
        assert not any("취소하고 있습니다" in words for words in said_of(warning))
        if tries < usage_watch.MOST_TRIES:
            assert warning.state is WarningState.WARNED and warning.act_at is not None
            assert all(
                "24:00까지 이용이 확인되지 않으면 다시 취소합니다" in each for each in said_of(warning)
            )
            assert sweep(now + timedelta(hours=1)).cancelled == 0
            now = warning.act_at
    assert warning.state is WarningState.FAILED and warning.gave_up_at == now
    assert all("담당자가 확인하고 있습니다" in words for words in said_of(warning))
    for days in (1, 10):
        assert sweep(now + timedelta(days=days)).cancelled == 0
    auditor = factories.make_actor(Role.AUDITOR)
    assert usage_warnings.listing(actor=auditor, state=WarningState.FAILED) == [warning]
    assert usage_warnings.listing(actor=auditor, state=WarningState.WARNED) == []
    trail = select(AuditRow.action).filter_by(entity="usage_warning", entity_id=warning.id)
    assert list(db.session.scalars(trail.order_by(AuditRow.seq)))[-4:] == [
        "cancel",
        "try_again",
        "cancel",
        "give_up",
    ]
    told = " ".join(db.session.scalars(select(Notice.text).filter_by(supplier_id=deal.supplier_id)))
    assert "담당자가 확인하고 있습니다" in told


def test_a_use_between_two_tries_ends_it(payer: Payer) -> None:
    deal, payment = pay(payer, behaviour="74")
    now = go_on(deal, payment)
    sweep(now)
    with clock.at(now):
        month = clock.korean_day(payment.paid_at or now).replace(day=1)
        usage_reports.report(
            actor=money.supplier_of(deal),
            deal_id=deal.id,
            month=month,
            logins=2,
            last_used_on=clock.korean_day(payment.paid_at or now),
        )
    assert warning_of(deal).ended is WarningEnd.USED
    assert sweep(now + timedelta(days=3)).cancelled == 0


def test_one_that_the_outbox_gave_up_is_taken_up_by_the_sweep(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal, payment = pay(payer)
    now = go_on(deal, payment)

    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setitem(outbox.HANDLERS, "cancel_idle", fail)
        broken.setattr(outbox, "MAX_TRIES", 1)
        assert sweep(now).cancelled == 1
    assert warning_of(deal).state is WarningState.CANCELLING
    assert sweep(now + timedelta(hours=1)).cancelled == 0
    warning = warning_of(deal)
    assert (warning.failures, warning.state) == (1, WarningState.WARNED)
    assert warning.act_at is not None and sweep(warning.act_at).cancelled == 1
    assert money.fresh(payment).state is PaymentState.CANCELLED


def test_what_waits_in_the_outbox_is_not_in_vain(payer: Payer) -> None:
    deal, payment = pay(payer)
    now = go_on(deal, payment)
    with clock.at(now):
        for _ in range(3):
            usage_watch.sweep()
    assert (warning_of(deal).failures, warning_of(deal).state) == (0, WarningState.CANCELLING)


def test_a_refusal_that_comes_late_is_seen_by_the_sweep(payer: Payer) -> None:
    """Unknown at first, then refused: nobody told the warning."""
    deal, payment = pay(payer, behaviour="80")
    now = go_on(deal, payment)
    sweep(now)
    assert money.fresh(payment).state is PaymentState.CANCELLING
    sweep(now + timedelta(hours=1))
    assert warning_of(deal).state is WarningState.CANCELLING
    refused = Refused("NOT_CANCELABLE_PAYMENT", "no", "취소할 수 없습니다.")
    cancellations.settle(payment_id=payment.id, outcome=refused)
    sweep(now + timedelta(hours=2))
    assert (warning_of(deal).failures, warning_of(deal).acted_at) == (1, None)


def test_a_use_that_is_reported_as_the_outbox_begins_wins(
    payer: Payer, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal, payment = pay(payer)
    now = go_on(deal, payment)
    day, seller = clock.korean_day(payment.paid_at or now), money.supplier_of(deal)
    real = cancellations.cancel_idle

    def after_a_report(**about: Any) -> Payment:
        usage_reports.report(
            actor=seller, deal_id=deal.id, month=day.replace(day=1), logins=2, last_used_on=day
        )
        return real(**about)

    monkeypatch.setattr(cancellations, "cancel_idle", after_a_report)
    sweep(now)
    assert money.fresh(payment).state is PaymentState.PAID
    assert warning_of(deal).ended is WarningEnd.USED and warning_of(deal).failures == 0
    assert money.book(sandbox, payment.order_id) == [("charge", 1_000_000)]
