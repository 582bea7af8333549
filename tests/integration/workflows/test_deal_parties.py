"""No deal between companies of one business number or one representative (R-DEAL-2)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, Refusal
from app.models.deals import DealState
from app.policy import Actor, Role
from app.workflows import deal_parties, deals
from tests import factories
from tests.market import MONDAY, Market, make_market

ONE, OTHER = b"1" * 32, b"2" * 32
NAME = "김한결"


@pytest.fixture
def market(tx: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    made = make_market()
    db.session.commit()
    return made


@pytest.fixture
def manager(market: Market) -> Actor:
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


def persons(
    market: Market, company_ci: bytes | None, supplier_ci: bytes | None, *names: str, verified: str = ""
) -> None:
    company, supplier = names or (NAME, NAME)
    market.company.representative, market.supplier.representative = company, supplier
    market.company.verified_name = verified or company
    market.company.representative_ci_index = company_ci
    market.supplier.representative_ci_index = supplier_ci
    db.session.commit()


def ask(market: Market) -> Any:
    return deals.request(actor=market.buyer, offering_id=market.offering.id, memo="상담합니다.")


def refused(market: Market) -> str:
    with pytest.raises(Refusal) as refusal:
        deal_parties.refuse_self(market.company, market.supplier)
    assert refusal.value.code == "deal.self"
    return refusal.value.text


def test_one_business_number(market: Market) -> None:
    market.supplier.business_number = market.company.business_number
    db.session.commit()
    assert "사업자등록번호가 같은" in refused(market)


def test_one_person_under_two_names_is_one(market: Market) -> None:
    persons(market, ONE, ONE, "김한결", "KIM HANGYEOL")
    assert "본인인증으로 확인된" in refused(market)


def test_two_persons_of_one_name_are_two(market: Market) -> None:
    persons(market, ONE, OTHER)
    assert ask(market).state is DealState.CONSULTING


@pytest.mark.parametrize(("company_ci", "supplier_ci"), [(None, ONE), (ONE, None), (None, None)])
def test_where_one_is_unknown_the_name_decides(
    market: Market, company_ci: bytes | None, supplier_ci: bytes | None
) -> None:
    """A namesake is told whom to call."""
    persons(market, company_ci, supplier_ci, "김 한결", NAME)
    assert "고객센터(" in refused(market)
    persons(market, company_ci, supplier_ci, "김한결", "이두리")
    assert ask(market).state is DealState.CONSULTING


def test_a_name_edited_since_is_nobody_whom_the_identity_service_named(market: Market) -> None:
    """The company's CI is that of an earlier representative: the names decide."""
    persons(market, ONE, OTHER, verified="박전임")
    assert "고객센터(" in refused(market)


def test_an_edited_name_hides_nobody(market: Market) -> None:
    """Whoever was verified still stands behind the company, whatever it writes now."""
    persons(market, ONE, ONE, "김한겨ㄹ", NAME, verified=NAME)
    assert "고객센터(" in refused(market)


def test_a_change_of_representative_is_seen_at_accept_and_bill(market: Market) -> None:
    persons(market, ONE, OTHER)
    deal = ask(market)
    persons(market, ONE, ONE)
    with pytest.raises(Refusal, match=r"deal\.self") as refusal:
        deals.accept(actor=market.seller, deal_id=deal.id)
    assert "반려해 주세요" in refusal.value.text
    persons(market, ONE, OTHER)
    deals.accept(actor=market.seller, deal_id=deal.id)
    persons(market, ONE, ONE)
    with pytest.raises(Refusal, match=r"deal\.self"):
        deals.bill(
            actor=market.seller,
            deal_id=deal.id,
            plan_id=market.plan.id,
            quantity=1,
            period_from=deal.requested_at.date(),
            period_to=deal.requested_at.date(),
        )
    assert deals.turn_down(actor=market.seller, deal_id=deal.id, reason="같은 대표자").state


# --- namesakes that are settled --------------------------------------------------------------------------


def settle(market: Market, actor: Actor, **fields: Any) -> None:
    given = {"business_number": market.company.business_number, "reason": "주민등록초본을 확인함"}
    deal_parties.exempt(actor=actor, supplier_id=market.supplier.id, **given | fields)


def test_the_programme_manager_settles_a_namesake(market: Market, manager: Actor) -> None:
    persons(market, None, ONE)
    refused(market)
    settle(market, manager)
    settle(market, manager)
    [kept] = deal_parties.exemptions(supplier_id=market.supplier.id)
    assert (kept.reason, kept.who) == ("주민등록초본을 확인함", manager.name)
    assert ask(market).state is DealState.CONSULTING


def test_it_holds_for_these_two_and_as_long_as_they_stay(market: Market, manager: Actor) -> None:
    persons(market, None, ONE)
    settle(market, manager)
    other = factories.make_company(representative=NAME)
    with pytest.raises(Refusal):
        deal_parties.refuse_self(other, market.supplier)
    persons(market, None, None, "이두리", "이두리")
    assert "고객센터(" in refused(market)


def test_others_who_come_after_them_can_be_settled_anew(market: Market, manager: Actor) -> None:
    """What holds no more stands in nobody's way."""
    persons(market, None, ONE)
    settle(market, manager)
    persons(market, None, None, "이두리", "이두리")
    refused(market)
    settle(market, manager, reason="새 대표자도 확인함")
    [kept] = deal_parties.exemptions(supplier_id=market.supplier.id)
    assert (kept.names, kept.reason) == (("이두리", "이두리"), "새 대표자도 확인함")
    assert ask(market).state is DealState.CONSULTING


def test_it_can_be_taken_back(market: Market, manager: Actor) -> None:
    persons(market, None, ONE)
    settle(market, manager)
    given = {"supplier_id": market.supplier.id, "business_number": market.company.business_number}
    deal_parties.withdraw_exemption(actor=manager, **given, reason="잘못 확인함")
    refused(market)
    with pytest.raises(Conflict, match=r"exemption\.none"):
        deal_parties.withdraw_exemption(actor=manager, **given, reason="또")


def test_who_is_one_person_cannot_be_settled(market: Market, manager: Actor) -> None:
    persons(market, ONE, ONE)
    with pytest.raises(Conflict, match=r"exemption\.same_person"):
        settle(market, manager)


def test_it_needs_its_role_a_reason_and_a_company(market: Market, manager: Actor) -> None:
    for actor in (market.seller, factories.make_actor(Role.FINANCE_OFFICER)):
        with pytest.raises(Denied):
            settle(market, actor)
    for wrong in ({"reason": " "}, {"business_number": "1234567890"}, {"business_number": "2208162517"}):
        with pytest.raises(InvalidInput):
            settle(market, manager, **wrong)
    assert deal_parties.exemptions(supplier_id=market.supplier.id) == []
