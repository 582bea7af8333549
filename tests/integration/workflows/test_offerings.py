"""Services from the draft to the catalogue, and their prices in versions (R-CAT-3, R-CAT-5, R-EVA-1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Offering, OfferingState, Supplier, SupplierState
from app.models.record import Notice
from app.policy import Actor, Role
from app.workflows import offerings, offerings_reads
from app.workflows.offerings import OFFERING, PlanInput
from tests import factories


@dataclass(frozen=True)
class Shop:
    supplier: Supplier
    seller: Actor
    manager: Actor
    category_id: int


@pytest.fixture
def shop(tx: Flask) -> Shop:
    supplier = factories.make_supplier(name="새빛소프트")
    made = Shop(
        supplier=supplier,
        seller=factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id),
        manager=factories.make_actor(Role.PROGRAMME_MANAGER),
        category_id=factories.make_category().id,
    )
    db.session.commit()
    return made


def fields(shop: Shop, **changed: Any) -> dict[str, Any]:
    return {
        "category_id": shop.category_id,
        "name": "모여라 화상회의",
        "summary": "설치 없는 화상회의",
        "description": "브라우저만으로 100명까지 회의합니다.",
        "keywords": ["웨비나", "화상", "웨비나"],
        "plans": [PlanInput(name="기본", price=30_000), PlanInput(name="팀", price=90_000, unit="5인·월")],
    } | changed


def draft(shop: Shop, **changed: Any) -> Offering:
    return offerings.create_draft(actor=shop.seller, **fields(shop, **changed))


def on_sale(shop: Shop) -> Offering:
    offering = draft(shop)
    offerings.submit(actor=shop.seller, offering_id=offering.id)
    return offerings.approve(actor=shop.manager, offering_id=offering.id)


def test_a_draft_shows_only_after_approval(shop: Shop) -> None:
    """R-CAT-5"""
    offering = draft(shop)
    assert offering.keywords == ["웨비나", "화상"]
    offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert [o.id for o in offerings_reads.approval_queue(actor=shop.manager)] == [offering.id]
    with pytest.raises(NotFound):
        offerings_reads.detail(actor=None, offering_id=offering.id)
    offerings.approve(actor=shop.manager, offering_id=offering.id)
    assert offering.lowest_price == 30_000
    assert offering.published_at is not None
    assert [o.id for o in offerings_reads.catalogue(q="웨비나 새빛").items] == [offering.id]
    assert offerings_reads.approval_queue(actor=shop.manager) == []
    told = db.session.scalars(select(Notice.text).where(Notice.supplier_id == shop.supplier.id)).all()
    assert told == ["서비스 '모여라 화상회의'이(가) 승인되어 판매를 시작했습니다."]


def test_what_came_back_is_mended_and_handed_in_again(shop: Shop) -> None:
    offering = draft(shop)
    offerings.submit(actor=shop.seller, offering_id=offering.id)
    offerings.send_back(actor=shop.manager, offering_id=offering.id, reason="가격 근거가 없습니다.")
    assert offering.reason == "가격 근거가 없습니다."
    mended = fields(shop, name="모여라 회의실", plans=[PlanInput(name="기본", price=20_000)])
    offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **mended)
    assert "모여라 회의실 새빛소프트" in offering.search_text
    offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert offerings.approve(actor=shop.manager, offering_id=offering.id).lowest_price == 20_000
    view = offerings_reads.detail(actor=None, offering_id=offering.id)
    assert [(plan.name, plan.price) for plan in view.plans] == [("기본", 20_000)]
    history = offerings_reads.own_detail(actor=shop.seller, offering_id=offering.id).history
    assert [row.action for row in history] == ["create", "submit", "send_back", "edit", "submit", "approve"]


def test_new_prices_are_a_new_version_after_approval(shop: Shop) -> None:
    """R-CAT-5: the old version sells on until then."""
    offering = on_sale(shop)
    first = offering.current_version_id
    offerings.propose_plans(
        actor=shop.seller, offering_id=offering.id, plans=[PlanInput(name="기본", price=25_000)]
    )
    assert (offering.state, offering.current_version_id, offering.lowest_price) == (
        OfferingState.ON_SALE,
        first,
        30_000,
    )
    (queued,) = offerings_reads.approval_queue(actor=shop.manager)
    assert queued.proposed_version is not None
    assert [plan.price for plan in queued.proposed_version.plans] == [25_000]
    with pytest.raises(Conflict, match=r"offering\.proposed"):
        offerings.propose_plans(
            actor=shop.seller, offering_id=offering.id, plans=[PlanInput(name="기본", price=1)]
        )
    accepted = offerings.accept_price(actor=shop.manager, offering_id=offering.id)
    assert accepted.current_version_id != first
    assert (accepted.lowest_price, accepted.proposed_version_id) == (25_000, None)
    with pytest.raises(Conflict, match=r"offering\.not_proposed"):
        offerings.accept_price(actor=shop.manager, offering_id=offering.id)


def test_declined_prices_leave_the_old_ones(shop: Shop) -> None:
    offering = on_sale(shop)
    offerings.propose_plans(
        actor=shop.seller, offering_id=offering.id, plans=[PlanInput(name="기본", price=99_000)]
    )
    assert (
        offerings_reads.own_detail(actor=shop.seller, offering_id=offering.id).proposed_plans[0].price
        == 99_000
    )
    offerings.decline_price(actor=shop.manager, offering_id=offering.id, reason="인상 폭이 큽니다.")
    assert (offering.lowest_price, offering.proposed_version_id) == (30_000, None)


def test_suspension_takes_it_off_and_lifting_brings_it_back(shop: Shop) -> None:
    offering = on_sale(shop)
    offerings.suspend(actor=shop.manager, offering_id=offering.id, reason="장애")
    assert offerings_reads.catalogue().items == []
    assert not offerings_reads.detail(actor=shop.seller, offering_id=offering.id).orderable
    assert not offerings_reads.detail(actor=shop.manager, offering_id=offering.id).orderable
    with pytest.raises(NotFound):
        offerings_reads.detail(actor=factories.make_actor(Role.DEMAND), offering_id=offering.id)
    offerings.lift(actor=shop.manager, offering_id=offering.id)
    assert offerings_reads.detail(actor=None, offering_id=offering.id).orderable


def test_only_a_selected_supplier_sells(shop: Shop) -> None:
    """R-SUP-1"""
    offering = draft(shop)
    shop.supplier.state = SupplierState.SCREENING
    db.session.commit()
    with pytest.raises(Conflict, match=r"supplier\.not_selected"):
        offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert db.session.get_one(Offering, offering.id).state is OfferingState.DRAFT


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "가" * 81}, "name"),
        ({"summary": ""}, "summary"),
        ({"description": ""}, "description"),
        ({"keywords": [f"말{n}" for n in range(11)]}, "keywords"),
        ({"category_id": 0}, "category_id"),
        ({"plans": []}, "plans"),
        ({"plans": [PlanInput(name="기본", price=0)]}, "plans"),
        ({"plans": [PlanInput(name="기본", price=1), PlanInput(name="기본 ", price=2)]}, "plans"),
        ({"plans": [PlanInput(name="기본", price=1, period_months=0)]}, "plans"),
        ({"plans": [PlanInput(name="", price=1)]}, "plans"),
    ],
)
def test_what_is_typed_wrong_is_named(shop: Shop, changed: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        draft(shop, **changed)
    assert list(refused.value.fields) == [wrong]
    assert db.session.scalar(select(Offering.id)) is None


def test_nobody_touches_anothers_service(shop: Shop) -> None:
    """R-ROLE-1"""
    offering = on_sale(shop)
    stranger = factories.make_actor(Role.SUPPLIER)
    db.session.commit()
    plans = [PlanInput(name="기본", price=1)]
    for act in (
        lambda: offerings.submit(actor=stranger, offering_id=offering.id),
        lambda: offerings.edit_draft(actor=stranger, offering_id=offering.id, **fields(shop)),
        lambda: offerings.propose_plans(actor=stranger, offering_id=offering.id, plans=plans),
        lambda: offerings_reads.own_detail(actor=stranger, offering_id=offering.id),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Denied):
        offerings.suspend(actor=shop.seller, offering_id=offering.id, reason="장애")
    with pytest.raises(Denied):
        offerings.create_draft(actor=shop.manager, **fields(shop))
    with pytest.raises(Conflict, match=r"offering\.edit\.state"):
        offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **fields(shop))
    assert [o.id for o in offerings_reads.mine(actor=shop.seller)] == [offering.id]
    assert offerings_reads.mine(actor=shop.seller, state=OfferingState.DRAFT) == []
    assert offerings_reads.mine(actor=stranger) == []


VERBS = {
    "submit": lambda s, o: offerings.submit(actor=s.seller, offering_id=o),
    "approve": lambda s, o: offerings.approve(actor=s.manager, offering_id=o),
    "send_back": lambda s, o: offerings.send_back(actor=s.manager, offering_id=o, reason="사유"),
    "suspend": lambda s, o: offerings.suspend(actor=s.manager, offering_id=o, reason="사유"),
    "lift": lambda s, o: offerings.lift(actor=s.manager, offering_id=o),
    "propose": lambda s, o: offerings.propose_plans(
        actor=s.seller, offering_id=o, plans=[PlanInput(name="기본", price=1)]
    ),
    "accept_price": lambda s, o: offerings.accept_price(actor=s.manager, offering_id=o),
    "decline_price": lambda s, o: offerings.decline_price(actor=s.manager, offering_id=o, reason="사유"),
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
