"""One request to up to three suppliers at once: each stands or falls alone (R-DEAL-1, R-DEAL-2)."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput
from app.models.catalogue import Offering, OfferingState
from app.models.deals import Deal, DealState
from app.models.record import Notice
from app.policy import Role
from app.workflows import asked_together, comparison, deals
from app.workflows.asked_together import Together
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market

KEY = uuid.UUID(int=1)


@pytest.fixture
def market(tx: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    made = make_market()
    db.session.commit()
    return made


@pytest.fixture
def others(market: Market) -> list[Offering]:
    made = [factories.make_offering() for _ in range(2)]
    db.session.commit()
    return made


def ask(
    market: Market, *offerings: Offering, key: uuid.UUID = KEY, memo: str = "견적을 알려 주세요."
) -> Together:
    ids = [offering.id for offering in offerings]
    return asked_together.request(actor=market.buyer, offering_ids=ids, memo=memo, key=key)


def number_of_deals() -> int:
    return db.session.scalar(select(func.count()).select_from(Deal)) or 0


def test_each_supplier_gets_a_deal_of_its_own(market: Market, others: list[Offering]) -> None:
    together = ask(market, market.offering, *others)
    assert [deal.offering_id for deal in together.made] == [market.offering.id, *(o.id for o in others)]
    assert not together.refused
    for deal in together.made:
        assert (deal.state, deal.due_at, deal.asked_together) == (DealState.CONSULTING, ANSWER_DUE, KEY)
        assert deal.memo == "견적을 알려 주세요."
    told = db.session.scalars(select(Notice.supplier_id).where(Notice.supplier_id.is_not(None))).all()
    assert sorted(told) == sorted(deal.supplier_id for deal in together.made)


def test_each_stands_or_falls_alone_and_says_why(market: Market, others: list[Offering]) -> None:
    """R-DEAL-2"""
    own, stopped = others
    own.supplier.business_number = market.company.business_number
    stopped.state = OfferingState.SUSPENDED
    db.session.commit()
    together = ask(market, own, stopped, market.offering)
    assert [deal.offering_id for deal in together.made] == [market.offering.id]
    codes = {row.offering_id: row.code for row in together.refused}
    assert codes == {own.id: "deal.self", stopped.id: "offering.not_on_sale"}
    assert all(row.text for row in together.refused)


def test_what_is_already_asked_or_unknown_is_told_beside_the_rest(
    market: Market, others: list[Offering]
) -> None:
    deals.request(actor=market.buyer, offering_id=market.offering.id, memo="먼저 물었습니다.")
    together = asked_together.request(
        actor=market.buyer, offering_ids=[market.offering.id, others[0].id, 10**12], memo="함께", key=KEY
    )
    assert [deal.offering_id for deal in together.made] == [others[0].id]
    assert {row.code for row in together.refused} == {"deal.open_consultation", "not_found"}


def test_a_second_press_makes_nothing_again(market: Market, others: list[Offering]) -> None:
    first = ask(market, market.offering, *others)
    again = ask(market, market.offering, *others)
    assert [deal.id for deal in again.made] == [deal.id for deal in first.made]
    assert not again.refused
    assert number_of_deals() == 3


def test_nothing_is_made_without_a_usable_voucher(market: Market, others: list[Offering]) -> None:
    poor = factories.make_actor(Role.DEMAND)
    db.session.commit()
    ids = [offering.id for offering in others]
    with pytest.raises(Conflict) as refusal:
        asked_together.request(actor=poor, offering_ids=ids, memo="함께", key=KEY)
    assert refusal.value.code == "voucher.none"
    with pytest.raises(Denied):
        asked_together.request(actor=market.seller, offering_ids=ids, memo="함께", key=KEY)
    assert number_of_deals() == 0


def test_one_to_three_services_and_a_memo_are_needed(market: Market, others: list[Offering]) -> None:
    fourth = factories.make_offering()
    db.session.commit()
    for wanted in ([], [market.offering, *others, fourth]):
        with pytest.raises(InvalidInput) as refusal:
            ask(market, *wanted)
        assert refusal.value.code == "together.number"
    with pytest.raises(InvalidInput) as refusal:
        ask(market, *others, memo=" ")
    assert list(refusal.value.fields) == ["memo"]
    assert [deal.offering_id for deal in ask(market, others[0], others[0]).made] == [others[0].id]


def test_siblings_are_the_companys_to_know_and_not_the_suppliers(
    market: Market, others: list[Offering]
) -> None:
    first, second, third = ask(market, market.offering, *others).made
    alone = deals.request(actor=market.buyer, offering_id=factories.make_offering().id, memo="따로")
    assert asked_together.siblings(actor=market.buyer, deal=first) == [second, third]
    assert asked_together.siblings(actor=market.buyer, deal=alone) == []
    assert asked_together.siblings(actor=market.seller, deal=first) == []
    stranger = factories.make_actor(Role.DEMAND)
    assert asked_together.siblings(actor=stranger, deal=first) == []
    assert asked_together.result(actor=stranger, key=KEY) == []
    assert asked_together.result(actor=market.buyer, key=KEY) == [first, second, third]


def test_another_companys_key_is_its_own_business(market: Market, others: list[Offering]) -> None:
    ask(market, others[0])
    other = make_market()
    db.session.commit()
    together = ask(other, others[0])
    assert [deal.company_id for deal in together.made] == [other.company.id]


def test_the_comparison_keeps_the_order_and_leaves_out_what_is_not_on_sale(
    market: Market, others: list[Offering]
) -> None:
    others[1].state = OfferingState.SUSPENDED
    deal = deals.request(actor=market.buyer, offering_id=others[0].id, memo="상담")
    columns = comparison.of(
        actor=market.buyer, offering_ids=[others[1].id, others[0].id, market.offering.id, others[0].id]
    )
    assert [column.id for column in columns] == [others[0].id, market.offering.id]
    assert [column.open_deal_id for column in columns] == [deal.id, None]
    assert comparison.of(actor=None, offering_ids=[]) == []
    assert comparison.names(offering_ids=[others[1].id, others[0].id]) == [(others[0].id, others[0].name)]
