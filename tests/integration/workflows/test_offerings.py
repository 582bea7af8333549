"""Services from the draft to the catalogue and off it again (R-CAT-3, R-CAT-5, R-SUP-1, R-EVA-1)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import (
    Category,
    Offering,
    OfferingFile,
    OfferingFileKind,
    OfferingState,
    Plan,
    SupplierState,
)
from app.models.record import AuditRow, Notice
from app.policy import Role
from app.workflows import (
    catalogue,
    offering_desk_reads,
    offering_own_reads,
    offering_review,
    offering_versions,
    offerings,
    offerings_reads,
)
from app.workflows.lifecycle import fire
from app.workflows.offering_lifecycle import OFFERING
from app.workflows.offering_versions import PlanInput
from tests import factories
from tests.integration.workflows.shop import (
    ALL,
    Shop,
    approve,
    draft,
    fields,
    on_sale,
    open_shop,
    proof,
    submitted,
)


@pytest.fixture
def shop(tx: Flask) -> Shop:
    return open_shop()


def waiting(shop: Shop) -> list[int]:
    return [row.id for row in offering_desk_reads.approval_queue(actor=shop.manager)]


def test_a_draft_shows_only_after_approval(shop: Shop) -> None:
    """R-CAT-5"""
    offering = submitted(shop)
    assert offering.keywords == ["웨비나", "화상"]
    assert waiting(shop) == [offering.id]
    with pytest.raises(NotFound):
        offerings_reads.detail(actor=None, offering_id=offering.id)
    approve(shop, offering)
    assert offering.lowest_price == 30_000
    assert offering.published_at is not None
    assert [o.id for o in catalogue.page_of(q="웨비나 새빛").items] == [offering.id]
    assert waiting(shop) == []
    told = db.session.scalars(select(Notice.text).where(Notice.supplier_id == shop.supplier.id)).all()
    assert told == ["서비스 '모여라 화상회의'의 승인이 끝나 판매를 시작했습니다."]


def test_a_name_and_a_category_make_a_draft(shop: Shop) -> None:
    """임시저장: what must be there is asked for at 승인 요청, all at once."""
    offering = offerings.create_draft(actor=shop.seller, category_id=shop.category_id, name="이름만")
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert refused.value.code == "offering.incomplete"
    assert set(refused.value.fields) == {"summary", "description", "plans", "picture", "evidence"}
    assert db.session.get_one(Offering, offering.id).state is OfferingState.DRAFT


@pytest.mark.parametrize(
    ("changed", "lacks"),
    [
        ({"summary": " "}, "summary"),
        ({"description": ""}, "description"),
        ({"plans": []}, "plans"),
        ({"plans": [PlanInput(name="", price=1)]}, "plans"),
        ({"plans": [PlanInput(name="기본", price=1, unit="")]}, "plans"),
    ],
)
def test_what_is_missing_is_named_when_approval_is_asked_for(
    shop: Shop, changed: dict[str, Any], lacks: str
) -> None:
    offering = draft(shop, **changed)
    assert list(offerings.missing(offering=offering)) == [lacks]
    db.session.commit()
    with pytest.raises(InvalidInput, match=r"offering\.incomplete"):
        offerings.submit(actor=shop.seller, offering_id=offering.id)


def test_what_came_back_is_mended_and_handed_in_again(shop: Shop) -> None:
    offering = submitted(shop)
    offering_review.send_back(actor=shop.manager, offering_id=offering.id, reason="가격 근거가 없습니다.")
    assert offering.reason == "가격 근거가 없습니다."
    mended = fields(shop, name="모여라 회의실", plans=[PlanInput(name="기본", price=20_000)])
    offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **mended)
    assert "모여라 회의실 새빛소프트" in offering.search_text
    offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert approve(shop, offering).lowest_price == 20_000
    view = offerings_reads.detail(actor=None, offering_id=offering.id)
    assert [(plan.name, plan.price) for plan in view.plans] == [("기본", 20_000)]
    history = offering_own_reads.own_detail(actor=shop.seller, offering_id=offering.id).history
    assert [row.action for row in history] == ["create", "submit", "send_back", "edit", "submit", "approve"]
    assert history[3].change["plans"][1] == ["기본: 20,000원/월, 12개월"]


def test_saving_the_same_again_leaves_no_trace(shop: Shop) -> None:
    offering = draft(shop)
    offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **fields(shop))
    history = offering_own_reads.own_detail(actor=shop.seller, offering_id=offering.id).history
    assert [row.action for row in history] == ["create"]


def test_only_a_selected_supplier_sells(shop: Shop) -> None:
    """R-SUP-1"""
    offering = draft(shop)
    shop.supplier.state = SupplierState.SCREENING
    db.session.commit()
    with pytest.raises(Conflict, match=r"supplier\.not_selected"):
        offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert db.session.get_one(Offering, offering.id).state is OfferingState.DRAFT


def test_its_supplier_stops_and_starts_again_by_itself(shop: Shop) -> None:
    """판매 중단: off the catalogue, by nobody's leave; the lead agency's 판매중지 it cannot lift."""
    offering = on_sale(shop)
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    assert offering.state is OfferingState.PAUSED and catalogue.page_of().items == []
    offerings.resume(actor=shop.seller, offering_id=offering.id)
    assert [o.id for o in catalogue.page_of().items] == [offering.id]
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    offering_review.suspend(actor=shop.manager, offering_id=offering.id, reason="민원 확인")
    db.session.commit()
    with pytest.raises(Conflict, match=r"offering\.resume\.state"):
        offerings.resume(actor=shop.seller, offering_id=offering.id)
    with pytest.raises(Denied):
        offering_review.lift(actor=shop.seller, offering_id=offering.id, reason="해결")


def test_a_stopped_supplier_does_not_start_again(shop: Shop) -> None:
    """R-SUP-1"""
    offering = on_sale(shop)
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    shop.supplier.state = SupplierState.SUSPENDED
    db.session.commit()
    with pytest.raises(Conflict, match=r"supplier\.not_selected"):
        offerings.resume(actor=shop.seller, offering_id=offering.id)
    assert db.session.get_one(Offering, offering.id).state is OfferingState.PAUSED


def test_a_change_of_what_is_said_begins_a_version_and_is_approved_anew(shop: Shop) -> None:
    """R-CAT-5: the version that deals began with is not touched."""
    offering = on_sale(shop)
    first = offering.current_version_id
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    offerings.revise(actor=shop.seller, offering_id=offering.id)
    changed = fields(shop, summary="새 소개", plans=[PlanInput(name="기본", price=50_000)])
    offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **changed)
    old = db.session.scalars(select(Plan.price).where(Plan.version_id == first).order_by(Plan.id)).all()
    assert old == [30_000, 90_000]
    assert list(offerings.missing(offering=offering)) == ["evidence"]
    files = [(OfferingFileKind.EVIDENCE, proof())]
    offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **changed, files=files)
    offerings.submit(actor=shop.seller, offering_id=offering.id)
    approve(shop, offering)
    assert offering.current_version_id != first and offering.lowest_price == 50_000
    seen = offering_own_reads.own_detail(actor=shop.seller, offering_id=offering.id)
    assert [seen.fate(version) for version in seen.versions] == ["적용중", "이전 가격"]


def test_a_draft_is_thrown_away_and_leaves_its_trail(shop: Shop) -> None:
    offering = draft(shop)
    key = offering.id
    offerings.delete_draft(actor=shop.seller, offering_id=key)
    assert db.session.get(Offering, key) is None
    assert db.session.scalar(select(func.count()).select_from(OfferingFile)) == 0
    last = db.session.scalars(
        select(AuditRow).where(AuditRow.entity == "offering", AuditRow.entity_id == key)
    ).all()[-1]
    assert (last.action, last.change) == ("delete", {"name": ["모여라 화상회의", None]})


def test_what_was_once_sold_is_not_thrown_away(shop: Shop) -> None:
    """Deals point to its versions."""
    offering = on_sale(shop)
    db.session.commit()
    with pytest.raises(Conflict, match=r"offering\.delete\.state"):
        offerings.delete_draft(actor=shop.seller, offering_id=offering.id)
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    offerings.revise(actor=shop.seller, offering_id=offering.id)
    with pytest.raises(Conflict, match=r"offering\.delete\.state"):
        offerings.delete_draft(actor=shop.seller, offering_id=offering.id)


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "가" * 81}, "name"),
        ({"summary": "가" * 201}, "summary"),
        ({"keywords": [f"말{n}" for n in range(11)]}, "keywords"),
        ({"category_id": 0}, "category_id"),
        ({"plans": [PlanInput(name="기본", price=0)]}, "plans"),
        ({"plans": [PlanInput(name="기본", price=1), PlanInput(name="기본 ", price=2)]}, "plans"),
        ({"plans": [PlanInput(name="기본", price=1, period_months=0)]}, "plans"),
    ],
)
def test_what_is_typed_wrong_is_named(shop: Shop, changed: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        draft(shop, **changed)
    assert list(refused.value.fields) == [wrong]
    assert db.session.scalar(select(Offering.id)) is None


def test_a_closed_category_takes_no_new_service(shop: Shop) -> None:
    """R-CAT-1: what stands in it may be worked on, but is not asked to be approved."""
    offering = draft(shop)
    db.session.get_one(Category, shop.category_id).is_open = False
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        draft(shop, name="다른 서비스")
    assert list(refused.value.fields) == ["category_id"]
    offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **fields(shop, summary="고침"))
    with pytest.raises(InvalidInput) as refused:
        offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert list(refused.value.fields) == ["category_id"]


def test_nobody_touches_anothers_service(shop: Shop) -> None:
    """R-ROLE-1"""
    offering = on_sale(shop)
    stranger = factories.make_actor(Role.SUPPLIER)
    db.session.commit()
    plans, evidence = [PlanInput(name="기본", price=1)], [proof()]
    for act in (
        lambda: offerings.submit(actor=stranger, offering_id=offering.id),
        lambda: offerings.stop(actor=stranger, offering_id=offering.id),
        lambda: offerings.delete_draft(actor=stranger, offering_id=offering.id),
        lambda: offerings.edit_draft(actor=stranger, offering_id=offering.id, **fields(shop)),
        lambda: offering_versions.propose_plans(
            actor=stranger, offering_id=offering.id, plans=plans, evidence=evidence
        ),
        lambda: offering_own_reads.own_detail(actor=stranger, offering_id=offering.id),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Denied):
        offering_review.suspend(actor=shop.seller, offering_id=offering.id, reason="장애")
    with pytest.raises(Denied):
        offerings.create_draft(actor=shop.manager, **fields(shop))
    with pytest.raises(Conflict, match=r"offering\.edit\.state"):
        offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **fields(shop))
    assert [o.id for o in offerings_reads.mine(actor=shop.seller)] == [offering.id]
    assert offerings_reads.mine(actor=shop.seller, state=OfferingState.DRAFT) == []
    assert offerings_reads.mine(actor=stranger) == []


def test_a_name_once_approved_stays(shop: Shop) -> None:
    """R-CAT-5: open deals and their slips stand under it."""
    offering = on_sale(shop)
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    offerings.revise(actor=shop.seller, offering_id=offering.id)
    db.session.commit()
    with pytest.raises(InvalidInput, match=r"offering\.name_fixed") as refused:
        offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **fields(shop, name="다른 이름"))
    assert set(refused.value.fields) == {"name"}
    same = fields(shop, name=offering.name, summary="새 소개")
    assert offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **same).summary == "새 소개"


VERBS = {
    "submit": lambda s, o: offerings.submit(actor=s.seller, offering_id=o),
    "stop": lambda s, o: offerings.stop(actor=s.seller, offering_id=o),
    "resume": lambda s, o: offerings.resume(actor=s.seller, offering_id=o),
    "revise": lambda s, o: offerings.revise(actor=s.seller, offering_id=o),
    "approve": lambda s, o: offering_review.approve(actor=s.manager, offering_id=o, checks=ALL["new"]),
    "send_back": lambda s, o: offering_review.send_back(actor=s.manager, offering_id=o, reason="사유"),
    "suspend": lambda s, o: offering_review.suspend(actor=s.manager, offering_id=o, reason="사유"),
    "lift": lambda s, o: offering_review.lift(actor=s.manager, offering_id=o, reason="사유"),
    "lift_stopped": lambda s, o: fire(OFFERING, o, "lift_stopped", actor=s.manager, reason="사유"),
    "propose": lambda s, o: offering_versions.propose_plans(
        actor=s.seller, offering_id=o, plans=[PlanInput(name="기본", price=1)], evidence=[proof()]
    ),
    "accept_price": lambda s, o: offering_review.accept_price(
        actor=s.manager, offering_id=o, checks=ALL["price"]
    ),
    "decline_price": lambda s, o: offering_review.decline_price(
        actor=s.manager, offering_id=o, reason="사유"
    ),
}


@pytest.mark.parametrize("action", VERBS)
def test_every_move_is_refused_from_every_other_state(shop: Shop, action: str) -> None:
    offering = on_sale(shop)
    allowed = {edge.source for edge in OFFERING.of(action)}
    for state in set(OfferingState) - allowed:
        offering.state = state
        db.session.commit()
        with pytest.raises(Conflict) as refused:
            VERBS[action](shop, offering.id)
        assert refused.value.code == f"offering.{action}.state"
        assert state.label in refused.value.text


def test_the_table_names_every_verb_and_reaches_every_state() -> None:
    assert {edge.action for edge in OFFERING.edges} == VERBS.keys()
    assert {edge.target for edge in OFFERING.edges} | set(OFFERING.initial) == set(OfferingState)


@pytest.mark.parametrize(
    ("total", "count", "shown"),
    [(0, 0, None), (25, 1, "5.0"), (22, 1, "4.4"), (43, 2, "4.3"), (64, 3, "4.3"), (5, 1, "1.0")],
)
def test_the_rating_has_one_decimal(total: int, count: int, shown: str | None) -> None:
    """R-EVA-1: rounded half up, in whole numbers."""
    assert offerings_reads.rating_text(Offering(rating_sum=total, rating_count=count)) == shown


def test_a_detail_page_costs_few_statements(shop: Shop) -> None:
    offering = on_sale(shop)
    buyer = factories.make_actor(Role.DEMAND)
    db.session.commit()
    seen: list[object] = []

    def count(*arguments: object) -> None:
        seen.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", count)
    view = offerings_reads.detail(actor=buyer, offering_id=offering.id)
    assert (view.supplier.name, len(view.plans), view.wished) == ("새빛소프트", 2, False)
    assert 0 < len(seen) <= 6
    event.remove(db.engine, "before_cursor_execute", count)
