"""대기·예산 안내 and 예산 현황 (R-SCR-4, R-MONEY-2b)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.ledger import LedgerAccount
from app.models.offers import BudgetOffer, OfferState
from app.policy import Role
from app.workflows import budget, ledger, offers, offers_sweep
from tests import factories as make

GRANT = 3_600_000


@pytest.fixture
def line(world: Any) -> list[Any]:
    """Three wait, and thirteen vouchers' worth lies there: all three are asked at once."""
    since = clock.now() - timedelta(days=1)
    return [world.case(State.SCREENED, waitlisted_at=since) for _ in range(3)]


def _offer(application: Any) -> BudgetOffer:
    return db.session.query(BudgetOffer).filter_by(application_id=application.id).one()


def _accept(application: Any) -> None:
    demand = make.make_account(Role.DEMAND, company_id=application.company_id).actor()
    db.session.commit()
    offers.accept(actor=demand, offer_id=_offer(application).id)


def test_the_line_is_shown_in_its_order_with_the_offers(world: Any, browser: Any, line: list[Any]) -> None:
    client = browser(Role.BUDGET_OFFICER)
    page = client.get("/console/offers/").get_data(as_text=True)
    places = [page.index(row.receipt_number) for row in line]
    assert places == sorted(places) and "안내됨" not in page
    offers_sweep.sweep(at=clock.now())
    page = client.get(f"/console/offers/?agency={world.agency.id}").get_data(as_text=True)
    assert page.count("안내됨") == 3 and "24:00까지" in page


def test_each_tab_lists_its_own(world: Any, browser: Any, line: list[Any]) -> None:
    offers_sweep.sweep(at=clock.now())
    _accept(line[0])
    client = browser(Role.BUDGET_OFFICER)
    offered = client.get("/console/offers/?tab=offered").get_data(as_text=True)
    accepted = client.get("/console/offers/?tab=accepted").get_data(as_text=True)
    assert line[0].company.name not in offered and line[1].company.name in offered
    assert line[0].company.name in accepted and line[1].company.name not in accepted
    assert f'name="id" value="{line[0].id}"' in accepted and "선택한 기업 예산확정" in accepted
    assert "예산 안내를 수락한 기업" in client.get("/console/").get_data(as_text=True)
    ended = client.get("/console/offers/?tab=ended").get_data(as_text=True)
    assert "지난 안내가 없습니다" in ended


def test_an_accepted_one_is_confirmed_from_the_list(world: Any, browser: Any, line: list[Any]) -> None:
    offers_sweep.sweep(at=clock.now())
    _accept(line[0])
    address = f"/console/case/{line[0].id}/approve"
    browser(Role.BUDGET_OFFICER).post(address, data={"confirmed": "1"})
    assert line[0].state is State.APPROVED and _offer(line[0]).state is OfferState.USED


def test_who_screened_it_is_told_that_another_must_confirm(world: Any, browser: Any, line: list[Any]) -> None:
    """R-ROLE-4"""
    line[0].screened_by_id = world.staff[Role.BUDGET_OFFICER].id
    db.session.commit()
    offers_sweep.sweep(at=clock.now())
    _accept(line[0])
    page = browser(Role.BUDGET_OFFICER).get("/console/offers/?tab=accepted").get_data(as_text=True)
    assert "다른 담당자가 확정해야" in page and f'name="id" value="{line[0].id}"' not in page


def test_an_offer_is_taken_back_with_a_reason(world: Any, browser: Any, said: Any, line: list[Any]) -> None:
    offers_sweep.sweep(at=clock.now())
    offer = _offer(line[0])
    client, address = browser(Role.BUDGET_OFFICER), f"/console/offers/{offer.id}/withdraw"
    assert "사유" in client.post(address, data={"confirmed": "1"}).get_data(as_text=True)
    assert offer.state is OfferState.OFFERED
    said(client, address, data={"confirmed": "1", "reason": "예산을 다시 나눕니다"})
    assert offer.state is OfferState.WITHDRAWN
    page = client.get("/console/offers/?tab=ended").get_data(as_text=True)
    assert "예산을 다시 나눕니다" in page


def test_only_the_budget_officer_has_the_buttons(world: Any, browser: Any, line: list[Any]) -> None:
    """R-ROLE-1, R-ROLE-3"""
    offers_sweep.sweep(at=clock.now())
    for role in (Role.PROGRAMME_MANAGER, Role.AUDITOR):
        client = browser(role)
        page = client.get("/console/offers/?tab=offered").get_data(as_text=True)
        assert line[0].company.name in page and "안내 철회" not in page
        answer = client.post(f"/console/offers/{_offer(line[0]).id}/withdraw", data={"confirmed": "1"})
        assert answer.status_code == 403
    for role in (Role.REVIEWER, Role.MANAGER, Role.FINANCE_OFFICER, Role.SYSTEM_ADMIN):
        assert browser(role).get("/console/offers/").status_code == 403


@pytest.mark.parametrize("tab", ["waiting", "offered"])
def test_the_lists_are_exported(world: Any, browser: Any, line: list[Any], tab: str) -> None:
    offers_sweep.sweep(at=clock.now())
    answer = browser(Role.BUDGET_OFFICER).get(f"/console/offers/?tab={tab}&format=csv")
    text = answer.get_data().decode("utf-8-sig")
    assert len(text.strip().splitlines()) == 4 and line[0].receipt_number in text


def test_the_sums_are_true_and_lead_to_their_lists(world: Any, browser: Any, line: list[Any]) -> None:
    """R-MONEY-2b: 50,000,000 = 3,600,000 - 0 + 7,200,000 + 39,200,000."""
    offers_sweep.sweep(at=clock.now())
    officer = world.staff[Role.BUDGET_OFFICER].actor()
    budget.confirm(actor=officer, application_ids=[line[0].id])
    client, agency = browser(Role.BUDGET_OFFICER), world.agency.id
    for address in ("/console/budgets/", f"/console/budgets/{agency}"):
        page = client.get(address).get_data(as_text=True)
        for amount in ("50,000,000원", "3,600,000원", "7,200,000원", "39,200,000원"):
            assert amount in page, (address, amount)
    page = client.get(f"/console/budgets/{agency}/movements?kind=approval").get_data(as_text=True)
    assert line[0].company.name in page and "−3,600,000원" in page
    assert "아직 결제된" in client.get(f"/console/budgets/{agency}/spending").get_data(as_text=True)
    other = client.get(f"/console/budgets/{world.lead.id}")
    assert other.status_code == 404


def test_the_finance_officer_sees_the_sums_but_no_case(world: Any, browser: Any, line: list[Any]) -> None:
    client = browser(Role.FINANCE_OFFICER)
    page = client.get(f"/console/budgets/{world.agency.id}").get_data(as_text=True)
    assert "50,000,000원" in page and "/console/offers/" not in page and "배정 회수</button>" not in page


def test_an_agency_is_given_more_and_money_is_taken_back(world: Any, browser: Any, said: Any) -> None:
    client, agency = browser(Role.BUDGET_OFFICER), world.agency.id
    give = {"give-amount": "1,000,000", "give-key": "once"}
    assert "배정할까요" in client.post(f"/console/budgets/{agency}/give", data=give).get_data(as_text=True)
    for _ in range(2):
        said(client, f"/console/budgets/{agency}/give", data=give | {"confirmed": "1"})
    take = {"take-amount": "500,000", "take-key": "once"}
    page = client.post(f"/console/budgets/{agency}/take-back", data=take | {"confirmed": "1"})
    assert "사유를 입력해 주세요" in page.get_data(as_text=True)
    text = said(
        client,
        f"/console/budgets/{agency}/take-back",
        data=take | {"confirmed": "1", "reason": "다른 기관에 배정"},
    )
    assert "500,000원을 회수했습니다" in text and "다른 기관에 배정" in text
    account = LedgerAccount.AGENCY_BUDGET
    assert ledger.balance(account, _budget_id(world)) == 50_500_000


def _budget_id(world: Any) -> int:
    return budget.budgets_of(world.programme.id)[world.agency.id]


def test_more_than_is_free_is_refused_in_the_form(world: Any, browser: Any, line: list[Any]) -> None:
    offers_sweep.sweep(at=clock.now())
    answer = browser(Role.BUDGET_OFFICER).post(
        f"/console/budgets/{world.agency.id}/take-back",
        data={"take-amount": "40,000,000", "take-key": "k", "confirmed": "1", "reason": "재배정"},
    )
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "39,200,000원" in text and "40,000,000" in text


def test_accepted_ones_stand_oldest_first_with_what_to_do(world: Any, browser: Any, line: list[Any]) -> None:
    """No deadline ends them: how long they stand, a filter for the old, 예산확정 or 철회."""
    offers_sweep.sweep(at=clock.now())
    for case in reversed(line[:2]):
        _accept(case)
    _offer(line[1]).answered_at = clock.now() - timedelta(days=20)
    db.session.commit()
    client = browser(Role.BUDGET_OFFICER)
    page = client.get("/console/offers/?tab=accepted").get_data(as_text=True)
    assert page.index(line[1].receipt_number) < page.index(line[0].receipt_number)
    assert "자동으로 풀리지 않습니다" in page and "사유를 적어 안내를 철회해 주세요" in page
    assert page.count("처리 필요") == 1 and "7,200,000원이 묶여 있고" in page and "영업일 0일" in page
    old = client.get("/console/offers/?tab=accepted&old=1").get_data(as_text=True)
    assert line[1].receipt_number in old and line[0].receipt_number not in old
    rows = client.get("/console/offers/?tab=accepted&format=csv").get_data().decode("utf-8-sig")
    assert "수락 후 경과(영업일)" in rows and len(rows.strip().splitlines()) == 3
    board = client.get("/console/dashboard/").get_data(as_text=True)
    assert "수락하고 예산확정을 기다리는 예산 안내" in board
    assert f"/console/offers/?tab=accepted&amp;agency={world.agency.id}&amp;old=1" in board
    auditor = browser(Role.AUDITOR).get("/console/offers/?tab=accepted").get_data(as_text=True)
    assert "예산 담당자가" in auditor and "안내 철회</button>" not in auditor


def test_an_accepted_one_is_taken_back_with_a_reason(
    world: Any, browser: Any, said: Any, line: list[Any]
) -> None:
    offers_sweep.sweep(at=clock.now())
    _accept(line[0])
    offer, client = _offer(line[0]), browser(Role.BUDGET_OFFICER)
    address = f"/console/offers/{offer.id}/withdraw"
    assert "사유" in client.post(address, data={"confirmed": "1"}).get_data(as_text=True)
    assert offer.state is OfferState.ACCEPTED
    said(client, address, data={"confirmed": "1", "reason": "연락이 되지 않습니다"})
    assert offer.state is OfferState.WITHDRAWN and line[0].state is State.SCREENED


def test_the_case_shows_what_became_of_its_offers(world: Any, browser: Any, line: list[Any]) -> None:
    """R-SCR-3, R-SCR-4: in order, the newest first."""
    offers_sweep.sweep(at=clock.now())
    _accept(line[0])
    page = browser(Role.BUDGET_OFFICER).get(f"/console/case/{line[0].id}").get_data(as_text=True)
    assert page.index("예산 안내 수락") < page.index("정부지원금 3,600,000원, 답변 기한")


def test_the_list_of_accepted_ones_asks_as_often_however_many_there_are(
    world: Any, browser: Any, line: list[Any]
) -> None:
    offers_sweep.sweep(at=clock.now())
    client = browser(Role.BUDGET_OFFICER)

    def queries() -> int:
        db.session.expire_all()
        seen: list[Any] = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        try:
            client.get("/console/offers/?tab=accepted")
        finally:
            event.remove(db.engine, "before_cursor_execute", listen)
        return len(seen)

    _accept(line[0])
    queries()
    few = queries()
    for case in line[1:]:
        _accept(case)
    queries()
    assert queries() == few
