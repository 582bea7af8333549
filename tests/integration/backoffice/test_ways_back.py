"""After a decision one is back on the list that it was made from, with its filters (R-SCR-3, R-SCR-3c)."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import url_for

from app import clock
from app.backoffice import ways_back
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.offers import BudgetOffer, OfferState
from app.models.vouchers import VoucherState
from app.policy import Role
from app.workflows import bulk, offers, offers_sweep
from tests import factories as make
from tests.integration.backoffice.test_waivers import asked

HERE = "/console/budget/?q=%ED%95%9C%EB%B9%9B&agency=3"
FOREIGN = (
    "https://evil.example/console/budget/",
    "//evil.example/console/budget/",
    "/\\evil.example/console/budget/",
    "http:///evil.example",
    "javascript:alert(1)",
    "/console/budget/../../logout",
    "/console/case/1/approve",
    "/console/budgets/",
    "https://[evil",
    "/console/budget/?" + "q=1&" * 400,
)


@pytest.mark.parametrize("address", FOREIGN)
def test_only_a_list_of_our_own_is_a_way_back(site: Any, address: str) -> None:
    with site.test_request_context("/console/"):
        assert ways_back.known(address) == ""
        assert ways_back.known(HERE) == ways_back.known(f"http://localhost{HERE}") == HERE
        assert ways_back.known("/console/budget/?q=a&format=xlsx") == "/console/budget/?q=a"


def _hidden_back(page: str) -> str:
    """What the page's form says to come back to."""
    found = re.search(r'name="back" value="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_a_decided_waiver_leads_back_to_its_filtered_list(
    world: Any, browser: Any, said: Any, verb: str
) -> None:
    voucher = asked(world)
    client, number = browser(Role.BUDGET_OFFICER), voucher.company.business_number
    here = f"/console/waivers/?q={number}&agency={world.agency.id}&size=50"
    back = _hidden_back(client.get(here).get_data(as_text=True))
    assert back == here
    address = f"/console/waivers/{voucher.id}/{verb}"
    question = client.post(address, data={"back": back}).get_data(as_text=True)
    assert _hidden_back(question) == here and f'href="{here}"'.replace("&", "&amp;") in question
    form = {"confirmed": "1", "reason": "전화로 확인했습니다.", "back": back}
    answer = client.post(address, data=form)
    assert answer.headers["Location"] == here
    page = client.get(here).get_data(as_text=True)
    assert "예산포기" in page and ("승인했습니다." in page or "반려했습니다." in page)
    refused = client.post(address, data=form)
    assert refused.headers["Location"] == here  # a second time it is refused, on the same list
    assert voucher.state in (VoucherState.WAIVED, VoucherState.USABLE)


@pytest.mark.parametrize("address", FOREIGN)
def test_a_decision_leads_nowhere_else(world: Any, browser: Any, address: str) -> None:
    """Never an open redirect."""
    voucher, case = asked(world), world.case(State.SCREENED)
    client = browser(Role.BUDGET_OFFICER)
    form = {"confirmed": "1", "reason": "확인", "back": address}
    answer = client.post(f"/console/waivers/{voucher.id}/decline", data=form)
    assert answer.headers["Location"] == "/console/waivers/"
    answer = client.post(f"/console/case/{case.id}/approve", data=form)
    assert answer.headers["Location"] == f"/console/case/{case.id}"
    other = world.case(State.SCREENED)
    answer = client.post(f"/console/case/{other.id}/approve", query_string={"back": address}, data=form)
    assert answer.headers["Location"] == f"/console/case/{other.id}"
    made = client.post(
        "/console/bulk/preview", data=form | {"kind": "confirm", "id": world.case(State.SCREENED).id}
    )
    page = client.get(made.headers["Location"]).get_data(as_text=True)
    assert "evil" not in page and "javascript:" not in page


def test_one_confirmed_in_a_row_leads_back_whatever_comes_next_is_set_to(world: Any, browser: Any) -> None:
    """R-SCR-3b: '결정 후 다음' is of the case pages; a list's row stays with its list."""
    one, two = world.case(State.SCREENED), world.case(State.SCREENED)
    client, here = browser(Role.BUDGET_OFFICER), f"/console/budget/?agency={world.agency.id}"
    client.get(f"/console/case/{two.id}?next=1")
    assert _hidden_back(client.get(here).get_data(as_text=True)) == here
    answer = client.post(f"/console/case/{one.id}/approve", data={"confirmed": "1", "back": here})
    assert answer.headers["Location"] == here and one.state is State.APPROVED
    assert "처리했습니다" in client.get(here).get_data(as_text=True)


def _back_of(address: str) -> str:
    return parse_qs(urlsplit(address).query).get("back", [""])[0]


@pytest.mark.parametrize("action", ["approve", "send_back"])
def test_a_case_opened_from_a_list_keeps_the_way_back_to_it(world: Any, browser: Any, action: str) -> None:
    """By the page that it was opened from; then from address to address."""
    case, here = world.case(State.SCREENED), f"/console/budget/?agency={world.agency.id}&size=50"
    client = browser(Role.BUDGET_OFFICER)
    page = client.get(f"/console/case/{case.id}", headers={"Referer": f"http://localhost{here}"})
    text = unescape(page.get_data(as_text=True))
    assert f'href="{here}" data-shortcut="u"' in text
    act = re.search(rf'action="(/console/case/{case.id}/{action}[^"]*)"', text)
    assert act is not None and _back_of(act[1]) == here
    following = re.search(r'href="([^"]*)">결정 후 다음', text)
    assert following is not None and _back_of(following[1]) == here
    answer = client.post(act[1], data={"confirmed": "1", "reason": "서류를 다시 확인"})
    landed = answer.headers["Location"]
    assert landed.startswith(f"/console/case/{case.id}?") and _back_of(landed) == here
    text = unescape(client.get(landed).get_data(as_text=True))
    assert "처리했습니다" in text and f'href="{here}" data-shortcut="u"' in text


def test_a_reviewers_case_keeps_the_queues_filters(world: Any, browser: Any) -> None:
    case = world.case()
    client, here = browser(Role.REVIEWER), "/console/screening/?state=screening&kind=corporate&again=1"
    page = client.get(f"/console/case/{case.id}", headers={"Referer": f"http://localhost{here}"})
    text = unescape(page.get_data(as_text=True))
    assert f'href="{here}" data-shortcut="u"' in text
    hold = re.search(rf'href="(/console/case/{case.id}/hold[^"]*)"', text)
    take = re.search(rf'action="(/console/case/{case.id}/take[^"]*)"', text)
    assert hold and _back_of(hold[1]) == here and take and _back_of(take[1]) == here
    assert _back_of(client.post(take[1]).headers["Location"]) == here


def test_the_end_of_the_line_is_the_list_as_it_was_filtered(world: Any, browser: Any) -> None:
    """R-SCR-3b: '결정 후 다음' where nothing follows."""
    case, here = world.case(State.SCREENED), f"/console/budget/?agency={world.agency.id}"
    form = {"confirmed": "1", "next": "1"}
    address = f"/console/case/{case.id}/approve"
    answer = browser(Role.BUDGET_OFFICER).post(address, query_string={"back": here}, data=form)
    assert answer.headers["Location"] == here and case.state is State.APPROVED


def test_a_file_of_a_case_has_one_address_wherever_it_was_opened_from(site: Any) -> None:
    with site.test_request_context("/console/case/7?back=/console/budget/"):
        assert url_for("console_case.document", id=1) == "/console/case/document/1"
        assert _back_of(url_for("console_case.hold", id=7)) == "/console/budget/"
        assert url_for("console_budget.index") == "/console/budget/"


def test_a_case_opened_by_its_own_address_leads_to_the_plain_queue(world: Any, browser: Any) -> None:
    case = world.case()
    page = browser(Role.REVIEWER).get(f"/console/case/{case.id}").get_data(as_text=True)
    assert 'href="/console/screening/?state=screening" data-shortcut="u"' in page and "back=" not in page


# --- 일괄 처리 ------------------------------------------------------------------------------------------


def _run_of(client: Any, **data: Any) -> str:
    answer = client.post("/console/bulk/preview", data=data)
    found: str = answer.headers["Location"]
    assert re.fullmatch(r"/console/bulk/\d+", found), found
    return found


def test_a_bulk_run_leads_back_to_the_filtered_list_even_later(world: Any, browser: Any) -> None:
    case, here = world.case(State.SCREENED), f"/console/budget/?agency={world.agency.id}"
    client = browser(Role.BUDGET_OFFICER)
    run = _run_of(client, kind="confirm", id=case.id, back=here)
    client.post(f"{run}/start", data={"confirmed": "1"})
    bulk.work(run_id=int(run.rpartition("/")[2]))
    assert case.state is State.APPROVED
    page = unescape(client.get(run).get_data(as_text=True))
    assert re.search(rf'href="{re.escape(here)}"[^>]*>\s*목록으로', page)


def test_a_refused_or_forgotten_preview_leads_back_too(world: Any, browser: Any) -> None:
    case, here = world.case(State.SCREENED), "/console/offers/?tab=accepted&old=1"
    client = browser(Role.BUDGET_OFFICER)
    answer = client.post("/console/bulk/preview", data={"kind": "confirm", "back": here})
    assert answer.headers["Location"] == here  # nothing was chosen
    run = _run_of(client, kind="confirm", id=case.id, back=here)
    assert client.post(f"{run}/discard", data={"confirmed": "1"}).headers["Location"] == here


def test_a_bulk_of_the_queue_keeps_the_filters_that_its_form_carries(world: Any, browser: Any) -> None:
    """The queue's filter of the company's kind and the button have one name."""
    case = world.case(assigned_to_id=world.staff[Role.MANAGER].id)
    about = {"id": case.id, "who": "mine", "q": "한빛", "late": "1"}
    client = browser(Role.MANAGER)
    run = _run_of(client, kind=["corporate", "screen"], **about)
    back = client.post(f"{run}/discard", data={"confirmed": "1"}).headers["Location"]
    kept = {"kind": ["corporate"], "who": ["mine"], "q": ["한빛"], "late": ["1"]}
    assert urlsplit(back).path == "/console/screening/" and parse_qs(urlsplit(back).query) == kept
    run = _run_of(client, kind="screen", **about)
    back = client.post(f"{run}/discard", data={"confirmed": "1"}).headers["Location"]
    assert "kind" not in parse_qs(urlsplit(back).query)


# --- 예산 안내 ------------------------------------------------------------------------------------------


def test_an_offer_taken_back_leads_back_to_its_tab_and_agency(world: Any, browser: Any) -> None:
    waiting = [world.case(State.SCREENED, waitlisted_at=clock.now() - timedelta(days=1)) for _ in range(2)]
    offers_sweep.sweep(at=clock.now())
    made = [db.session.query(BudgetOffer).filter_by(application_id=case.id).one() for case in waiting]
    demand = make.make_account(Role.DEMAND, company_id=waiting[1].company_id).actor()
    db.session.commit()
    offers.accept(actor=demand, offer_id=made[1].id)
    client = browser(Role.BUDGET_OFFICER)
    for offer, tab in zip(made, ("offered", "accepted"), strict=True):
        here = f"/console/offers/?tab={tab}&agency={world.agency.id}"
        assert _hidden_back(client.get(here).get_data(as_text=True)) == here
        form = {"confirmed": "1", "reason": "예산을 다시 나눕니다", "back": here}
        assert client.post(f"/console/offers/{offer.id}/withdraw", data=form).headers["Location"] == here
        assert offer.state is OfferState.WITHDRAWN and offer.reason == "예산을 다시 나눕니다"
