"""R-SET-1: what a payment waits for, line by line, and that drafts and lists say the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.errors import Denied
from app.models.catalogue import Supplier
from app.models.holds import HoldSource
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.settlements import SettlementItem
from app.models.usage import UsageReport, UsageSource
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import (
    evaluations,
    settlement,
    settlement_history,
    settlement_supplier,
    settlement_waiting,
    settlement_waits,
    tax_invoices,
)
from app.workflows.settlement_ripe import Wait
from app.workflows.settlement_supplier import Place
from tests import factories
from tests.integration.workflows import settling
from tests.integration.workflows.settling import ripe_payment
from tests.settled import Holders, Officers, give_invoice, make_paid

pytestmark = pytest.mark.usefixtures("tx")

programme, supplier, officers = settling.programme, settling.supplier, settling.officers


def evaluate(payment: Payment) -> None:
    buyer = factories.make_actor(Role.DEMAND, company_id=payment.company_id)
    scores = dict.fromkeys(evaluations.CRITERIA, 5)
    evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=scores, comment="좋습니다.")


def report(payment: Payment, logins: int) -> None:
    with transaction() as session:
        report_ = UsageReport(
            deal_id=payment.deal_id,
            month=clock.today().replace(day=1),
            supplier_id=payment.supplier_id,
            company_id=payment.company_id,
            logins=logins,
            last_used_on=clock.today() if logins else None,
            source=UsageSource.FORM,
            reported_at=clock.now(),
        )
        session.add(report_)


def missing(payment: Payment, *, staff: bool = True) -> list[Wait]:
    found = settlement_waits.waits_of([payment.id], staff=staff)[payment.id]
    return [check.wait for check in found if not check.done]


def words(payment: Payment, *, staff: bool = False) -> str:
    return settlement_waits.sentence(settlement_waits.waits_of([payment.id], staff=staff)[payment.id])


def drafted(officers: Officers, programme: Programme) -> set[int]:
    settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    return set(db.session.scalars(select(SettlementItem.payment_id)))


@pytest.mark.parametrize("by", ["evaluation", "usage", "days"])
@pytest.mark.parametrize("met", ["evaluation", "usage", "days", "no use"])
def test_the_programme_says_what_counts_as_use(
    programme: Programme, supplier: Supplier, officers: Officers, by: str, met: str
) -> None:
    """Each of the three alone: the others do not ripen, nor does a month without log-ins."""
    programme.settle_by_evaluation = by == "evaluation"
    programme.settle_by_usage = by == "usage"
    programme.settle_by_days = by == "days"
    payment = ripe_payment(programme, supplier) if met == "days" else make_paid(programme, supplier)
    if met == "evaluation":
        evaluate(payment)
    if met in ("usage", "no use"):
        report(payment, logins=3 if met == "usage" else 0)
    db.session.flush()
    assert missing(payment) == ([] if by == met else [Wait.USE])
    assert drafted(officers, programme) == ({payment.id} if by == met else set())


def test_the_wait_is_said_in_words(programme: Programme, supplier: Supplier) -> None:
    """평가 또는 3일 더: each way that the programme leaves open, and the day."""
    payment = make_paid(
        programme,
        supplier,
        paid_at=clock.now() - timedelta(days=7),
        instrument=InstrumentKind.ZEROPAY,
    )
    day = clock.write_day(clock.today() + timedelta(days=3))
    assert words(payment) == f"평가 또는 이용실적 또는 3일 더({day} 24:00), 세금계산서"
    programme.settle_by_usage = False
    db.session.flush()
    assert words(payment) == f"평가 또는 3일 더({day} 24:00), 세금계산서"
    programme.settle_by_days = False
    db.session.flush()
    assert words(payment) == "평가, 세금계산서"
    give_invoice(payment)
    evaluate(payment)
    assert words(payment) == ""
    [use, invoice, *_] = settlement_waits.waits_of([payment.id])[payment.id]
    assert use.text == "이용이 확인되었습니다(평가)." and invoice.text == "세금계산서가 확인되었습니다."


def test_zeropay_waits_for_its_tax_invoice_and_a_card_does_not(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    long_ago = clock.now() - settling.LONG_AGO
    card = ripe_payment(programme, supplier)
    right, wrong, none = [
        make_paid(programme, supplier, paid_at=long_ago, instrument=InstrumentKind.ZEROPAY) for _ in range(3)
    ]
    give_invoice(right)
    mismatch = give_invoice(wrong, supply_off=1_000)
    assert [missing(p) for p in (card, right, wrong, none)] == [[], [], [Wait.INVOICE], [Wait.INVOICE]]
    assert words(wrong) == "세금계산서(금액 불일치)"
    assert drafted(officers, programme) == {card.id, right.id}
    tax_invoices.accept(actor=officers.drafter, invoice_id=mismatch.id, reason="운송비를 따로 적었습니다.")
    assert drafted(officers, programme) == {card.id, right.id, wrong.id}


def test_a_hold_keeps_a_payment_out_until_two_let_it_go(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-SET-4: staff reads why, the supplier only that it is looked at."""
    payment, holders = ripe_payment(programme, supplier), Holders()
    hold = holders.place(payment.id, HoldSource.SUSPICION)
    assert missing(payment) == [Wait.HOLD] and drafted(officers, programme) == set()
    assert words(payment, staff=True) == "보류 해제(의심 거래)"
    assert words(payment, staff=False) == "지급 전 확인"
    assert "의심" not in str(settlement_waits.waits_of([payment.id], staff=False))
    holders.release(hold)
    assert missing(payment) == [] and drafted(officers, programme) == {payment.id}


def test_a_cancellation_under_way_and_an_account_are_named_too(programme: Programme) -> None:
    payment = ripe_payment(programme, factories.make_supplier(account_verified_at=None))
    with transaction():
        payment.state = PaymentState.CANCELLING
    assert missing(payment) == [Wait.CANCELLING, Wait.ACCOUNT]
    assert words(payment) == "취소 결과 확인, 정산 계좌 확인"


def test_the_console_lists_who_waits_for_what(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ready, young = ripe_payment(programme, supplier, 500_000), make_paid(programme, supplier, 70_000)
    held = make_paid(programme, factories.make_supplier(name="가온소프트"), 9_000)
    Holders().place(held.id)
    settled = ripe_payment(programme, factories.make_supplier())
    other = make_paid(factories.make_programme(year=2031), supplier)

    def listed(which: str = "", q: str = "", **page: int) -> list[int]:
        found = settlement_waiting.waiting(
            actor=officers.drafter, programme_id=programme.id, which=which, q=q, **page
        )
        return [row.payment_id for row in found]

    assert listed() == [ready.id, young.id, held.id, settled.id]
    drafted(officers, programme)
    assert listed() == [young.id, held.id] and other.id not in listed()
    settlement.discard(
        actor=officers.drafter,
        batch_id=db.session.scalars(select(settlement.SettlementBatch.id)).one(),
        reason="다시",
    )
    assert listed("ready") == [ready.id, settled.id]
    assert listed("use") == [young.id, held.id] and listed("hold") == [held.id]
    assert listed(q="가온") == [held.id] and listed(after=young.id, size=1) == [held.id]
    counts = settlement_waiting.counts(actor=officers.drafter, programme_id=programme.id)
    assert {name: count.payments for name, count in counts.items()} == {
        "": 4, "ready": 2, "use": 2, "invoice": 0, "hold": 1, "cancelling": 0, "account": 0,
    }  # fmt: skip
    assert counts["use"].amount == 79_000
    [row] = settlement_waiting.waiting(actor=officers.drafter, programme_id=programme.id, which="hold")
    assert [check.wait for check in row.missing] == [Wait.USE, Wait.HOLD] and row.supplier == "가온소프트"
    for stranger in (Role.SUPPLIER, Role.DEMAND, Role.REVIEWER):
        actor = factories.make_actor(stranger)
        with pytest.raises(Denied):
            settlement_waiting.waiting(actor=actor, programme_id=programme.id)
        with pytest.raises(Denied):
            settlement_waiting.counts(actor=actor, programme_id=programme.id)


def test_the_supplier_reads_the_place_with_its_reasons_and_the_steps(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    payment = make_paid(
        programme, supplier, paid_at=clock.now() - timedelta(days=2), instrument=InstrumentKind.ZEROPAY
    )

    def place() -> settlement_supplier.PlaceRow:
        found = settlement_supplier.supplier_payment(actor=seller, payment_id=payment.id)
        assert found is not None
        return found

    assert place().place is Place.USE and place().text.startswith("대기: 평가 또는 이용실적 또는 8일 더(")
    evaluate(payment)
    assert place().place is Place.INVOICE and place().text == "대기: 세금계산서"
    give_invoice(payment)
    hold = Holders().place(payment.id)
    assert place().place is Place.HELD and "담당자" not in place().text
    Holders().release(hold)
    assert place().place is Place.RIPE
    officers.settled(programme)
    done = place()
    assert done.place is Place.PAID and done.is_over and done.checks == []
    titles = [step.title for step in settlement_history.steps(payment.id)]
    assert titles == [
        "결제", "이용확인(평가)", "세금계산서 확인", "지급 전 확인 시작", "지급 전 확인 끝",
        "정산에 담김", "정산 승인", "은행에 이체 요청", "지급완료",
    ]  # fmt: skip
    stranger = factories.make_actor(Role.SUPPLIER)
    assert settlement_supplier.supplier_payment(actor=stranger, payment_id=payment.id) is None
