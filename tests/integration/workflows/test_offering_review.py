"""What the lead agency decides over services and prices, with ticks and reasons (R-CAT-5)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Offering, OfferingReview, OfferingState, OfferingVersion, Plan
from app.models.record import Notice
from app.policy import Role
from app.workflows import (
    catalogue,
    console_reads,
    offering_desk_reads,
    offering_own_reads,
    offering_review,
    offering_versions,
    offerings,
    offerings_reads,
)
from app.workflows.offering_desk_reads import PriceChange
from app.workflows.offering_versions import PlanInput
from tests import factories
from tests.integration.workflows.shop import ALL, Shop, draft, on_sale, open_shop, proof, submitted

TUESDAY = datetime(2020, 11, 10, 10, tzinfo=clock.KST)


@pytest.fixture
def shop(tx: Flask) -> Shop:
    return open_shop()


def ask(shop: Shop, offering: Offering, price: int) -> Offering:
    return offering_versions.propose_plans(
        actor=shop.seller,
        offering_id=offering.id,
        plans=[PlanInput(name="기본", price=price)],
        evidence=[proof("새 가격표.pdf")],
    )


def accept(shop: Shop, offering: Offering) -> Offering:
    return offering_review.accept_price(actor=shop.manager, offering_id=offering.id, checks=ALL["price"])


# --- approval with the checklist ------------------------------------------------------------------------


def test_a_category_that_was_closed_meanwhile_takes_no_new_service(shop: Shop) -> None:
    """R-CAT-1: it was open when the approval was asked for."""
    offering = submitted(shop)
    offering.category.is_open = False
    db.session.commit()
    with pytest.raises(Conflict, match=r"offering\.category_closed"):
        offering_review.approve(actor=shop.manager, offering_id=offering.id, checks=ALL["new"])
    db.session.rollback()
    assert offering.state is OfferingState.IN_REVIEW
    offering_review.send_back(actor=shop.manager, offering_id=offering.id, reason="분야를 바꿔 주세요.")


def test_an_approval_needs_every_tick_or_a_note(shop: Shop) -> None:
    offering = submitted(shop)
    db.session.commit()
    some = ALL["new"][1:]
    with pytest.raises(InvalidInput, match=r"offering\.unchecked"):
        offering_review.approve(actor=shop.manager, offering_id=offering.id, checks=some)
    assert db.session.get_one(Offering, offering.id).state is OfferingState.IN_REVIEW
    note = "분야는 공급기업과 전화로 확인했습니다."
    offering_review.approve(actor=shop.manager, offering_id=offering.id, checks=some, note=note)
    review = db.session.scalars(select(OfferingReview)).one()
    assert (review.decision, review.reason, review.by_id) == ("approve", note, shop.manager.id)
    assert [name for name, fits in review.checks.items() if not fits] == ["category"]
    assert review.version_id == offering.current_version_id


def test_each_kind_has_its_points_and_their_names_differ() -> None:
    names = [check.name for check in offering_review.CHECKLIST]
    assert len(set(names)) == len(names)
    assert "evidence" in ALL["new"] and "evidence" in ALL["price"]
    assert "category" not in ALL["price"] and "change" not in ALL["new"]


def test_a_return_tells_the_sentences_of_its_reasons(shop: Shop) -> None:
    offering = submitted(shop)
    offering_review.send_back(
        actor=shop.manager,
        offering_id=offering.id,
        codes=["evidence_old"],
        reason="9월 자료입니다.",
        checks=["category"],
    )
    said = f"{offering_review.REASONS['evidence_old']} 9월 자료입니다."
    assert offering.reason == said
    told = db.session.scalars(select(Notice.text).where(Notice.supplier_id == shop.supplier.id)).all()
    assert told == [f"서비스 '모여라 화상회의'의 승인 요청이 반려되었습니다. 사유: {said}"]
    review = db.session.scalars(select(OfferingReview)).one()
    assert [name for name, fits in review.checks.items() if fits] == ["category"]


def test_a_return_needs_a_reason_that_is_known(shop: Shop) -> None:
    offering = submitted(shop)
    db.session.commit()
    with pytest.raises(InvalidInput, match="reason_missing"):
        offering_review.send_back(actor=shop.manager, offering_id=offering.id, reason=" ")
    with pytest.raises(InvalidInput, match=r"reason\.code"):
        offering_review.send_back(actor=shop.manager, offering_id=offering.id, reason="", codes=["?"])
    assert db.session.scalar(select(OfferingReview.id)) is None


@pytest.mark.parametrize(
    "role", [role for role in Role if role.is_staff and role is not Role.PROGRAMME_MANAGER]
)
def test_only_the_programme_manager_decides(shop: Shop, role: Role) -> None:
    offering = submitted(shop)
    actor = factories.make_actor(role)
    db.session.commit()
    with pytest.raises((Denied, NotFound)):
        offering_review.approve(actor=actor, offering_id=offering.id, checks=ALL["new"])
    assert db.session.get_one(Offering, offering.id).state is OfferingState.IN_REVIEW


# --- prices ---------------------------------------------------------------------------------------------


def test_new_prices_are_a_new_version_after_approval(shop: Shop) -> None:
    """R-CAT-5: the old version sells on until then."""
    offering = on_sale(shop)
    first = offering.current_version_id
    ask(shop, offering, 25_000)
    assert (offering.state, offering.current_version_id, offering.lowest_price) == (
        OfferingState.ON_SALE,
        first,
        30_000,
    )
    (queued,) = offering_desk_reads.approval_queue(actor=shop.manager)
    assert (queued.id, queued.kind) == (offering.id, "price")
    db.session.commit()
    with pytest.raises(Conflict, match=r"offering\.proposed"):
        ask(shop, offering, 1)
    accepted = accept(shop, offering)
    assert accepted.current_version_id != first
    assert (accepted.lowest_price, accepted.proposed_version_id) == (25_000, None)
    db.session.commit()
    with pytest.raises(Conflict, match=r"offering\.not_proposed"):
        accept(shop, offering)


def test_new_prices_come_with_what_proves_them(shop: Shop) -> None:
    offering = on_sale(shop)
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        offering_versions.propose_plans(
            actor=shop.seller,
            offering_id=offering.id,
            plans=[PlanInput(name="기본", price=25_000)],
            evidence=[],
        )
    assert list(refused.value.fields) == ["evidence"]
    ask(shop, offering, 25_000)
    seen = offering_own_reads.own_detail(actor=shop.manager, offering_id=offering.id)
    assert seen.proposed is not None
    assert [file.file_name for file in seen.evidence(seen.proposed)] == ["새 가격표.pdf"]
    assert [file.file_name for file in seen.evidence(seen.version)] == ["가격표.pdf"]


def test_declined_prices_leave_the_old_ones_and_stay_in_the_history(shop: Shop) -> None:
    offering = on_sale(shop)
    ask(shop, offering, 99_000)
    offering_review.decline_price(actor=shop.manager, offering_id=offering.id, reason="인상 폭이 큽니다.")
    assert (offering.lowest_price, offering.proposed_version_id) == (30_000, None)
    seen = offering_own_reads.own_detail(actor=shop.seller, offering_id=offering.id)
    assert [(each.number, seen.fate(each)) for each in seen.versions] == [(2, "반려"), (1, "적용중")]
    assert [review.decision for review in seen.reviews] == ["decline_price", "approve"]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (100_000, 112_500, "+12.5%"),
        (100_000, 97_000, "−3.0%"),
        (100_000, 100_000, "0.0%"),
        (3, 4, "+33.3%"),
        (3, 5, "+66.7%"),
        (200_000, 200_100, "+0.1%"),
    ],
)
def test_the_difference_is_in_tenths_of_a_percent(before: int, after: int, shown: str) -> None:
    """R-MONEY-1: without floating point."""
    change = PriceChange(
        name="기본",
        before=Plan(name="기본", price=before, unit="월", period_months=1),
        after=Plan(name="기본", price=after, unit="월", period_months=1),
    )
    assert change.percent == shown


def test_old_and_new_plans_are_paired_by_name() -> None:
    def plan(name: str, price: int) -> Plan:
        return Plan(name=name, price=price, unit="월", period_months=1)

    rows = offering_desk_reads.price_changes(
        before=[plan("기본", 10), plan("팀", 20)], after=[plan("대기업", 50), plan("기본", 11)]
    )
    assert [(row.name, bool(row.before), bool(row.after)) for row in rows] == [
        ("대기업", False, True),
        ("기본", True, True),
        ("팀", True, False),
    ]
    assert [row.percent for row in rows] == ["", "+10.0%", ""]


def test_prices_of_the_category_are_compared_by_the_month(shop: Shop) -> None:
    """Others of the same category that are on sale, each plan for one month."""
    own = on_sale(shop)
    for price in (120_000, 240_000, 600_000):
        factories.make_offering(category_id=shop.category_id, price=price)  # for 12 months each
    factories.make_offering(price=1)
    factories.make_offering(category_id=shop.category_id, price=1, state=OfferingState.SUSPENDED)
    found = offering_desk_reads.category_prices(category_id=shop.category_id, without=own.id)
    assert (found.plans, found.least, found.median, found.most) == (3, 10_000, 20_000, 50_000)
    alone = offering_desk_reads.category_prices(category_id=factories.make_category().id, without=own.id)
    assert (alone.plans, alone.median) == (0, None)


def test_a_plan_paid_by_the_month_costs_its_price_a_month(shop: Shop) -> None:
    other = factories.make_offering(category_id=shop.category_id, price=9_000)
    version = db.session.get_one(OfferingVersion, other.current_version_id)
    version.plans[0].unit = "월"
    db.session.flush()
    found = offering_desk_reads.category_prices(category_id=shop.category_id, without=0)
    assert (found.least, found.most) == (9_000, 9_000)


# --- suspension -----------------------------------------------------------------------------------------


def test_suspension_takes_it_off_and_lifting_brings_it_back(shop: Shop) -> None:
    offering = on_sale(shop)
    offering_review.suspend(actor=shop.manager, offering_id=offering.id, reason="장애")
    assert catalogue.page_of().items == []
    assert not offerings_reads.detail(actor=shop.seller, offering_id=offering.id).orderable
    assert not offerings_reads.detail(actor=shop.manager, offering_id=offering.id).orderable
    with pytest.raises(NotFound):
        offerings_reads.detail(actor=factories.make_actor(Role.DEMAND), offering_id=offering.id)
    offering_review.lift(actor=shop.manager, offering_id=offering.id, reason="복구 확인")
    assert offerings_reads.detail(actor=None, offering_id=offering.id).orderable
    told = db.session.scalars(
        select(Notice.text).where(Notice.supplier_id == shop.supplier.id).order_by(Notice.id)
    ).all()
    assert "사유: 장애" in told[-2] and "사유: 복구 확인" in told[-1]


def test_lifting_leaves_stopped_what_its_supplier_had_stopped(shop: Shop) -> None:
    offering = on_sale(shop)
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    offering_review.suspend(actor=shop.manager, offering_id=offering.id, reason="장애")
    lifted = offering_review.lift(actor=shop.manager, offering_id=offering.id, reason="복구 확인")
    assert lifted.state is OfferingState.PAUSED
    assert offerings.resume(actor=shop.seller, offering_id=offering.id).state is OfferingState.ON_SALE
    offering_review.suspend(actor=shop.manager, offering_id=offering.id, reason="다시 장애")
    again = offering_review.lift(actor=shop.manager, offering_id=offering.id, reason="복구 확인")
    assert again.state is OfferingState.ON_SALE


# --- the queue ------------------------------------------------------------------------------------------


def test_who_waits_longest_stands_first_whatever_was_written_first(shop: Shop) -> None:
    with clock.at(TUESDAY):
        early, late = draft(shop, name="먼저 쓴 것"), draft(shop, name="나중에 쓴 것")
    with clock.at(TUESDAY + timedelta(days=1)):
        offerings.submit(actor=shop.seller, offering_id=late.id)
    with clock.at(TUESDAY + timedelta(days=2)):
        offerings.submit(actor=shop.seller, offering_id=early.id)
    with clock.at(TUESDAY + timedelta(days=6)):  # Monday the 16th
        rows = offering_desk_reads.approval_queue(actor=shop.manager)
        assert [row.id for row in rows] == [late.id, early.id]
        assert [row.days for row in rows] == [3, 2]
        first = offering_desk_reads.approval_queue(actor=shop.manager, size=1)
        rest = offering_desk_reads.approval_queue(actor=shop.manager, after=first[0].id)
        assert [row.id for row in first + rest] == [late.id, early.id]


def test_the_queue_is_filtered(shop: Shop) -> None:
    new, sold = submitted(shop, name="새 서비스"), on_sale(shop)
    ask(shop, sold, 40_000)

    def ids(**asked: object) -> set[int]:
        return {row.id for row in offering_desk_reads.approval_queue(actor=shop.manager, **asked)}  # type: ignore[arg-type]

    assert ids() == {new.id, sold.id}
    assert ids(kind="new") == {new.id} and ids(kind="price") == {sold.id}
    assert ids(text="새 서비스") == {new.id} and ids(category_id=0) == set()
    assert offering_desk_reads.counts(actor=shop.manager) == {"new": 1, "price": 1}
    with pytest.raises(Denied):
        offering_desk_reads.approval_queue(actor=shop.seller)


def test_a_longer_queue_costs_no_more_statements(shop: Shop) -> None:
    def statements(size: int) -> int:
        seen: list[object] = []

        def count(*arguments: object) -> None:
            seen.append(arguments[2])

        db.session.expire_all()
        event.listen(db.engine, "before_cursor_execute", count)
        rows = offering_desk_reads.approval_queue(actor=shop.manager, size=size)
        assert len({row.offering.supplier.name + row.offering.category.name for row in rows}) == size
        event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    for _ in range(6):
        factories.make_offering(state=OfferingState.IN_REVIEW)
    db.session.commit()
    statements(1)  # what is read once
    assert statements(2) == statements(6) > 0


def test_the_consoles_home_counts_from_when_approval_was_asked_for(shop: Shop) -> None:
    """Not from when the service was written."""
    with clock.at(TUESDAY - timedelta(days=100)):
        offering = draft(shop)
    with clock.at(TUESDAY):
        offerings.submit(actor=shop.seller, offering_id=offering.id)
    numbers = {number.kind: number for number in console_reads.waiting(actor=shop.manager)}
    assert (numbers["offerings"].count, numbers["offerings"].oldest) == (1, TUESDAY)
