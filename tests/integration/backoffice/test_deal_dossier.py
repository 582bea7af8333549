"""Any deal with its whole history, to be read and not to be moved (R-DEAL-2a, R-MONEY-2b, R-AUD-0)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.deals import Deal
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import clock_runs, clock_stops, deals, threads
from tests import factories as make
from tests.market import MONDAY, Market, make_market
from tests.refusals import ask
from tests.settled import make_paid

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
READERS = (Role.AUDITOR, Role.PROGRAMME_MANAGER, Role.FINANCE_OFFICER, Role.BUDGET_OFFICER)


@pytest.fixture
def market(world: Any) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    made = make_market(price=1_100_000)
    db.session.commit()
    return made


def page_of(client: Any, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_the_dossier_holds_thread_working_and_deadlines(market: Market, browser: Any) -> None:
    deal = ask(market)
    threads.post(actor=market.buyer, deal_id=deal.id, text="몇 명까지인가요?", token="a")
    threads.post(
        actor=market.seller, deal_id=deal.id, text="백 명입니다.", token="b", files=[("견적.pdf", PDF)]
    )
    deals.accept(actor=market.seller, deal_id=deal.id)
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms(quantity=1))
    db.session.commit()
    page = page_of(browser(Role.AUDITOR), f"/console/deals/{deal.id}")
    for words in (
        "몇 명까지인가요?",
        f"수요기업 {market.buyer.name}",
        f"공급기업 {market.seller.name}",
        "견적.pdf",
        "990,000원",
        "110,000원",
        "바우처를 아직 쓰지 않았다고 보고",
        "결제를 누른 적이 없습니다.",
        "2020.11.18.(수) 24:00까지",  # the answer's and the payment's deadline
        "거래수락",
        "결제요청",
    ):
        assert words in page, words
    # Looked at, never moved: no form but those of the frame (log-out, extending the session, the clock).
    assert f"/deals/{deal.id}/accept" not in page and 'name="reason"' not in page


def test_a_stopped_clock_is_told_with_both_deadlines(market: Market, browser: Any) -> None:
    """R-TIME-5a: who moved it, from when to when; both sides read it too."""
    deal = ask(market)
    manager = make.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    run = clock_stops.declare(
        actor=manager,
        programme_id=market.programme.id,
        starts_at=MONDAY + timedelta(hours=1),
        ends_at=MONDAY + timedelta(hours=5),
        reason="전산 장애",
    )
    clock_runs.work(run_id=run.id)
    page = page_of(browser(Role.AUDITOR), f"/console/deals/{deal.id}")
    assert "2020.11.18.(수) 24:00까지" in page and "2020.11.19.(목) 04:00까지" in page
    assert "기한 연장(기한 중지)" in page and f"전문기관 {manager.name}" in page and "전산 장애" in page


def test_a_paid_deal_shows_its_payments_papers_and_the_working_of_the_day(world: Any, browser: Any) -> None:
    payment = make_paid(world.programme, make.make_supplier(), 1_100_000)
    db.session.commit()
    page = page_of(browser(Role.FINANCE_OFFICER), f"/console/deals/{payment.deal_id}")
    assert payment.order_id in page and "결제한 때의 바우처 잔액으로 나눈 금액입니다." in page
    assert f"/console/payments/{payment.id}" in page


def test_deals_asked_together_are_named(market: Market, browser: Any) -> None:
    other = make.make_offering(name="다른 회사 서비스")
    first = ask(market)
    second = deals.request(actor=market.buyer, offering_id=other.id, memo="비교합니다.")
    first.asked_together = second.asked_together = uuid.uuid4()
    db.session.commit()
    page = page_of(browser(Role.AUDITOR), f"/console/deals/{first.id}")
    assert "함께 요청한 거래" in page and f"/console/deals/{second.id}" in page


@pytest.mark.parametrize("role", READERS)
def test_readers_open_files_and_each_look_is_recorded(role: Role, market: Market, browser: Any) -> None:
    """R-FILE-1, R-AUD-0"""
    deal = ask(market)
    message = threads.post(actor=market.buyer, deal_id=deal.id, text="", token="a", files=[("견적.pdf", PDF)])
    db.session.commit()
    address = f"/console/deals/{deal.id}/file/{message.files[0].id}"
    answer = browser(role).get(address)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, PDF, "application/pdf")
    looks = db.session.scalars(select(AuditRow).where(AuditRow.entity == "deal_file")).all()
    assert [(row.action, row.change["deal_id"]) for row in looks] == [("read", [None, deal.id])]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.MANAGER, Role.SYSTEM_ADMIN])
def test_others_of_the_console_see_no_deal(role: Role, market: Market, browser: Any) -> None:
    deal = ask(market)
    message = threads.post(
        actor=market.buyer, deal_id=deal.id, text="비밀", token="a", files=[("견적.pdf", PDF)]
    )
    db.session.commit()
    for address in ("", str(deal.id), f"{deal.id}/file/{message.files[0].id}"):
        answer = browser(role).get(f"/console/deals/{address}")
        assert answer.status_code in (403, 404) and "비밀".encode() not in answer.data


def test_the_list_is_narrowed_in_the_address_and_exported(market: Market, browser: Any) -> None:
    deal = ask(market)
    client = browser(Role.AUDITOR)
    link = f'/console/deals/{deal.id}"'

    def shown(**query: str) -> bool:
        return link in client.get("/console/deals/", query_string=query).get_data(as_text=True)

    assert shown() and shown(state="consulting") and not shown(state="paid")
    assert shown(company=market.company.name) and not shown(company=market.supplier.name)
    assert shown(supplier=market.supplier.name) and not shown(supplier=market.company.name)
    assert shown(since="2020.11.16.", until="2020.11.16.") and not shown(since="2020.11.17")
    assert not shown(until="2020-11-15") and not shown(due="soon")
    clock.set_offset(MONDAY + timedelta(days=2) - clock.real_now())
    assert shown(due="soon")
    for query, there in (("due=soon", True), ("due=soon&state=paid", False)):
        file = client.get(f"/console/deals/?{query}&format=csv").get_data(as_text=True)
        assert (market.company.name in file) == there
    page = page_of(client, f"/console/deals/?company={market.company.name}&state=consulting")
    assert (
        f'name="company" value="{market.company.name}"' in page and 'name="state" value="consulting"' in page
    )


def test_a_long_list_goes_on_by_cursor(market: Market, browser: Any) -> None:
    for _ in range(11):
        offering = make.make_offering(supplier=market.supplier)
        deals.request(actor=market.buyer, offering_id=offering.id, memo="상담")
    db.session.commit()
    ids = db.session.scalars(select(Deal.id).order_by(Deal.id.desc())).all()
    query = f"/console/deals/?size=10&company={market.company.name}"
    first = page_of(browser(Role.AUDITOR), query)
    assert f"after={ids[9]}" in first and f'/console/deals/{ids[10]}"' not in first
    assert f'/console/deals/{ids[10]}"' in page_of(browser(Role.AUDITOR), f"{query}&after={ids[9]}")
