"""The deal from the request to its end (domain section 7)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound, Refusal
from app.models.catalogue import OfferingState, SupplierState
from app.models.deals import Deal, DealState
from app.models.payments import PaymentState
from app.models.programme import VatMode
from app.models.record import AuditRow, Notice
from app.models.vouchers import VoucherState
from app.policy import CLOCK, Role
from app.workflows import bills, deals, deals_reads, offering_review, offering_versions
from app.workflows.deal_lifecycle import DEAL
from tests import factories
from tests.integration.workflows.shop import proof
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, make_pending_payment, mark_paid


@pytest.fixture
def market(tx: Flask) -> Any:
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


def save() -> None:
    """A refusal rolls back to the last commit: what a test sets up by hand is committed first."""
    db.session.commit()


def ask(market: Market, **kwargs: Any) -> Deal:
    return deals.request(
        actor=market.buyer, **{"offering_id": market.offering.id, "memo": "견적 부탁드립니다."} | kwargs
    )


def billed(market: Market) -> Deal:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    return deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())


def notices(deal: Deal) -> list[tuple[str, str]]:
    rows = db.session.scalars(select(Notice).where(Notice.key.like(f"deal:{deal.id}:%")).order_by(Notice.id))
    return [("company" if row.company_id else "supplier", row.text) for row in rows]


def test_a_request_opens_a_consultation_until_the_second_business_day(market: Market) -> None:
    """R-TIME-2: and the supplier is told."""
    deal = ask(market)
    assert deal.state is DealState.CONSULTING
    assert deal.due_at == ANSWER_DUE
    assert deal.version_id == market.offering.current_version_id
    assert notices(deal) == [
        (
            "supplier",
            f"{market.company.name}에서 '{market.offering.name}' 거래상담을 요청했습니다. "
            "2020.11.18.(수) 24:00까지 답변해 주세요.",
        )
    ]


def test_the_whole_way_to_the_payment(market: Market) -> None:
    """Domain section 7: each answer sets the next deadline, and both sides hear of it."""
    deal = billed(market)
    assert (deal.state, deal.amount, deal.tax, deal.quantity) == (DealState.BILLED, 200_000, 0, 2)
    assert deal.due_at == clock.end_of(date(2020, 11, 18))  # R-TIME-3: calendar days
    mark_paid(deal_id=deal.id, actor=CLOCK)
    assert (deal.state, deal.due_at) == (DealState.PAID, None)
    deals.mark_payment_cancelled(deal_id=deal.id, actor=CLOCK, reason="수요기업이 요청한 취소입니다.")
    assert deal.state is DealState.PAYMENT_CANCELLED
    told = [side for side, _text in notices(deal)]
    assert told == ["supplier", "company", "company", "company", "supplier", "company", "supplier"]
    last = {text for _side, text in notices(deal)[-2:]}
    assert last == {f"'{market.offering.name}' 결제가 취소되었습니다. 수요기업이 요청한 취소입니다."}


def test_who_paid_or_cancelled_stands_in_the_history(market: Market) -> None:
    deal = billed(market)
    mark_paid(deal_id=deal.id, actor=market.buyer)
    deals.mark_payment_cancelled(deal_id=deal.id, actor=market.seller)
    steps = deals_reads.deal_view(actor=market.buyer, deal_id=deal.id).history
    assert [(step.label, step.side) for step in steps] == [
        ("거래상담 요청", "수요기업"),
        ("거래수락", "공급기업"),
        ("결제요청", "공급기업"),
        ("결제", "수요기업"),
        ("결제취소", "공급기업"),
    ]


def test_a_company_cancels_its_own_payment(market: Market) -> None:
    deal = billed(market)
    mark_paid(deal_id=deal.id, actor=market.buyer)
    assert (
        deals.mark_payment_cancelled(deal_id=deal.id, actor=market.buyer).state is DealState.PAYMENT_CANCELLED
    )


def test_only_with_a_usable_voucher(market: Market) -> None:
    """Domain section 7: the edge's condition."""
    market.voucher.state = VoucherState.EXPIRED
    save()
    with pytest.raises(Conflict) as refused:
        ask(market)
    assert refused.value.code == "voucher.expired"
    assert db.session.scalar(select(Deal.id)) is None


@pytest.mark.parametrize("field", ["business_number", "representative"])
def test_no_deal_with_oneself(market: Market, field: str) -> None:
    """R-DEAL-2"""
    setattr(market.supplier, field, getattr(market.company, field))
    save()
    with pytest.raises(Refusal) as refused:
        ask(market)
    assert refused.value.code == "deal.self"


def test_what_is_not_on_sale_cannot_be_asked_about(market: Market) -> None:
    """R-SUP-1, R-CAT-5"""
    market.offering.state = OfferingState.SUSPENDED
    save()
    with pytest.raises(Conflict, match="offering.not_on_sale"):
        ask(market)
    market.offering.state = OfferingState.ON_SALE
    market.supplier.state = SupplierState.SUSPENDED
    save()
    with pytest.raises(Conflict, match="offering.not_on_sale"):
        ask(market)


def test_a_category_outside_the_year_is_refused(market: Market) -> None:
    """R-JOIN-7a"""
    market.programme.category_codes = ["another"]
    save()
    with pytest.raises(Conflict, match="offering.category"):
        ask(market)


def test_two_presses_make_one_request(market: Market) -> None:
    ask(market)
    with pytest.raises(Conflict, match="deal.open_consultation"):
        ask(market)


@pytest.mark.parametrize("memo", ["", "  ", "가" * 2001])
def test_a_memo_is_needed(market: Market, memo: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(market, memo=memo)
    assert "memo" in refused.value.fields


def test_an_answer_at_the_deadline_is_late_though_nothing_swept(market: Market) -> None:
    """R-TIME-6, R-TIME-1"""
    deal = ask(market)
    with clock.at(ANSWER_DUE):
        for verb, kwargs in ((deals.accept, {}), (deals.turn_down, {"reason": "바쁩니다."})):
            with pytest.raises(Conflict) as refused:
                verb(actor=market.seller, deal_id=deal.id, **kwargs)
            assert refused.value.code == "deal.late"
            assert "2020.11.18.(수) 24:00까지" in refused.value.text
        with pytest.raises(Conflict, match="deal.late"):
            deals.withdraw(actor=market.buyer, deal_id=deal.id)
    assert db.session.get_one(Deal, deal.id).state is DealState.CONSULTING
    with clock.at(ANSWER_DUE - timedelta(microseconds=1)):
        assert deals.accept(actor=market.seller, deal_id=deal.id).state is DealState.ACCEPTED


def test_a_press_at_the_deadline_of_a_bill_is_late(market: Market) -> None:
    """R-TIME-6, R-TIME-3"""
    deal = billed(market)
    assert deal.due_at is not None
    with clock.at(deal.due_at), pytest.raises(Conflict, match="deal.late"):
        deals.lock_billed(deal_id=deal.id, actor=market.buyer)
    with clock.at(deal.due_at - timedelta(seconds=1)):
        assert deals.lock_billed(deal_id=deal.id, actor=market.buyer).id == deal.id


def test_a_payment_pressed_in_time_may_be_answered_late(market: Market) -> None:
    """R-VOU-3"""
    deal = billed(market)
    assert deal.due_at is not None
    with clock.at(deal.due_at + timedelta(hours=3)):
        assert mark_paid(deal_id=deal.id, actor=CLOCK).state is DealState.PAID


def test_turning_down_needs_a_reason(market: Market) -> None:
    """R-DEAL-2a"""
    deal = ask(market)
    with pytest.raises(InvalidInput) as refused:
        deals.turn_down(actor=market.seller, deal_id=deal.id, reason="  ")
    assert refused.value.fields == {"reason": "사유를 입력해 주세요."}
    deals.turn_down(actor=market.seller, deal_id=deal.id, reason="재고가 없습니다.")
    assert (deal.state, deal.reason) == (DealState.TURNED_DOWN, "재고가 없습니다.")
    assert ("company", f"'{market.offering.name}' 거래가 반려되었습니다. 사유: 재고가 없습니다.") in notices(
        deal
    )


def test_withdrawing_from_each_open_state(market: Market) -> None:
    first = ask(market)
    assert deals.withdraw(actor=market.buyer, deal_id=first.id).state is DealState.WITHDRAWN
    second = ask(market)
    deals.accept(actor=market.seller, deal_id=second.id)
    assert deals.withdraw(actor=market.buyer, deal_id=second.id).state is DealState.WITHDRAWN
    third = billed(market)
    assert deals.withdraw(actor=market.buyer, deal_id=third.id).state is DealState.WITHDRAWN


def test_no_withdrawing_while_a_payment_is_looked_into(market: Market) -> None:
    """R-PAY-4"""
    deal = billed(market)
    payment = make_pending_payment(market, deal.id)
    save()
    with pytest.raises(Conflict, match="deal.payment_pending"):
        deals.withdraw(actor=market.buyer, deal_id=deal.id)
    payment.state = PaymentState.FAILED
    db.session.commit()
    assert deals.withdraw(actor=market.buyer, deal_id=deal.id).state is DealState.WITHDRAWN


def test_asking_again_points_to_the_old_deal_once(market: Market) -> None:
    """Domain section 7: 다시 거래상담."""
    old = ask(market)
    with pytest.raises(Conflict, match=r"deal\.again\.state"):
        deals.again(actor=market.buyer, deal_id=old.id, memo="다시 부탁드립니다.")
    deals.turn_down(actor=market.seller, deal_id=old.id, reason="바쁩니다.")
    new = deals.again(actor=market.buyer, deal_id=old.id, memo="다시 부탁드립니다.")
    assert (new.previous_id, new.state) == (old.id, DealState.CONSULTING)
    with pytest.raises(Conflict, match=r"deal\.again\.twice"):
        deals.again(actor=market.buyer, deal_id=old.id, memo="다시 부탁드립니다.")
    view = deals_reads.deal_view(actor=market.buyer, deal_id=old.id)
    assert view.following is not None
    assert view.following.id == new.id


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"plan_id": 0}, "plan_id"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 41}, "quantity"),
        ({"period_from": date(2020, 11, 15)}, "period_from"),
        ({"period_to": date(2020, 11, 30)}, "period_to"),
        ({"period_to": date(2026, 1, 1)}, "period_to"),
    ],
)
def test_a_bill_that_is_wrong(market: Market, terms: dict[str, Any], field: str) -> None:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    with pytest.raises(InvalidInput) as refused:
        deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms(**terms))
    assert list(refused.value.fields) == [field]
    assert db.session.get_one(Deal, deal.id).state is DealState.ACCEPTED


def test_a_deal_keeps_the_prices_that_it_began_with(market: Market) -> None:
    """R-CAT-5"""
    officer = factories.make_actor(Role.PROGRAMME_MANAGER)
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    offering_versions.propose_plans(
        actor=market.seller,
        offering_id=market.offering.id,
        plans=[offering_versions.PlanInput(name="기본", price=150_000)],
        evidence=[proof()],
    )
    offering_review.accept_price(
        actor=officer, offering_id=market.offering.id, checks=[], note="증빙을 확인했습니다."
    )
    view = deals_reads.deal_view(actor=market.seller, deal_id=deal.id)
    assert [plan.price for plan in view.plans] == [100_000]
    assert deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms()).amount == 200_000


def test_a_preview_explains_the_split_and_the_tax(tx: Flask) -> None:
    """R-MONEY-2a, R-MONEY-2b: the tax on top is shown where the company bears it."""
    with clock.at(MONDAY):
        market = make_market(vat_mode=VatMode.BORNE, company_share_percent=30, price=900_000)
        deal = ask(market)
        preview = bills.preview(actor=market.seller, deal_id=deal.id, plan_id=market.plan.id, quantity=2)
        assert (preview.amount, preview.tax, preview.total) == (1_800_000, 180_000, 1_980_000)
        amounts = {line.label: line.amount for line in preview.lines}
        assert (amounts["정부지원금"], amounts["자부담금"]) == (1_260_000, 540_000)
        deals.accept(actor=market.seller, deal_id=deal.id)
        bill = deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
        assert (bill.amount, bill.tax) == (1_800_000, 180_000)


def test_nobody_touches_anothers_deal(market: Market) -> None:
    """R-ROLE-1"""
    deal = ask(market)
    stranger = factories.make_actor(Role.SUPPLIER)
    save()
    for act in (
        lambda: deals.accept(actor=stranger, deal_id=deal.id),
        lambda: deals_reads.deal_view(actor=stranger, deal_id=deal.id),
        lambda: bills.preview(actor=stranger, deal_id=deal.id, plan_id=market.plan.id, quantity=1),
        lambda: deals.accept(actor=market.seller, deal_id=0),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Denied):
        deals.accept(actor=market.buyer, deal_id=deal.id)
    with pytest.raises(Denied):
        deals.withdraw(actor=market.seller, deal_id=deal.id)
    with pytest.raises(Denied):
        deals.request(actor=market.seller, offering_id=market.offering.id, memo="안녕하세요.")
    assert db.session.get_one(Deal, deal.id).state is DealState.CONSULTING


ACTIONS = {
    "accept": lambda m, d: deals.accept(actor=m.seller, deal_id=d),
    "turn_down": lambda m, d: deals.turn_down(actor=m.seller, deal_id=d, reason="사유"),
    "bill": lambda m, d: deals.bill(actor=m.seller, deal_id=d, **m.bill_terms()),
    "withdraw": lambda m, d: deals.withdraw(actor=m.buyer, deal_id=d),
    "pay": lambda m, d: deals.lock_billed(actor=m.buyer, deal_id=d),
    "pay_resolved": lambda m, d: mark_paid(actor=CLOCK, deal_id=d),
    "cancel_payment": lambda m, d: deals.mark_payment_cancelled(actor=m.buyer, deal_id=d),
    "cancel_payment_late": lambda m, d: deals.mark_payment_cancelled(actor=m.seller, deal_id=d),
    "cancel_payment_resolved": lambda m, d: deals.mark_payment_cancelled(
        actor=CLOCK, deal_id=d, reason="사유"
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_move_is_refused_from_every_other_state(market: Market, action: str) -> None:
    """The refusal says the present state; nothing changes (domain section 7)."""
    deal = ask(market)
    allowed = {edge.source for edge in DEAL.of(action)}
    for state in DealState:
        if state in allowed:
            continue
        deal.state = state
        save()
        rows = db.session.scalar(select(func.count(AuditRow.id)))
        with pytest.raises(Conflict) as refused:
            ACTIONS[action](market, deal.id)
        assert refused.value.code == f"deal.{action}.state"
        assert state.label in refused.value.text
        assert db.session.scalar(select(func.count(AuditRow.id))) == rows


def test_the_table_reaches_every_state_and_leaves_no_final_one() -> None:
    reached = {edge.target for edge in DEAL.edges} | set(DEAL.initial)
    assert reached == set(DealState)
    final = {DealState.TURNED_DOWN, DealState.LAPSED, DealState.WITHDRAWN, DealState.PAYMENT_CANCELLED}
    assert {edge.source for edge in DEAL.edges} == set(DealState) - final
