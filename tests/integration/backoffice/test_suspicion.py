"""의심 거래 and 부정 신고 in the console: evidence, a decision, looks on record (R-SET-4, R-AUD-0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.db import db
from app.models.abuse import AbuseCategory, AbuseReport, AbuseState
from app.models.holds import SettlementHold
from app.models.payments import Payment
from app.models.record import AuditRow
from app.models.suspicion import Suspicion, SuspicionState
from app.policy import Role
from app.workflows import abuse, company_edits, suspicion
from app.workflows.abuse import Upload
from tests import factories as make
from tests.integration.backoffice.cases import PNG
from tests.settled import make_paid

Open = Callable[[Role], FlaskClient]
PHONE = "01077770001"


@pytest.fixture
def payment(world: Any) -> Payment:
    """Of a buyer whose mobile phone is the supplier's contact."""
    supplier = make.make_supplier(contact_name="담당", contact_phone=PHONE, address="서울시 중구 세종대로 1")
    company = make.make_company(
        programme_id=world.programme.id,
        phone=PHONE,
        phone_index=company_edits.phone_index(PHONE),
        address="서울시 중구 세종대로 1",
    )
    made = make_paid(world.programme, supplier, 1_100_000, company=company)
    db.session.commit()
    return made


def _case() -> Suspicion:
    return db.session.scalars(select(Suspicion).execution_options(populate_existing=True)).one()


def test_a_case_is_taken_and_decided_with_its_evidence(browser: Open, said: Any, payment: Payment) -> None:
    suspicion.look()
    case, client = _case(), browser(Role.PROGRAMME_MANAGER)
    page = client.get("/console/suspicion/").text
    assert payment.deal.company.name in page and "닮은 기업" in page and "같은 주소" in page
    here = f"/console/suspicion/{case.id}"
    page = client.get(here).text
    for words in (
        "수요기업의 휴대전화와 공급기업의 전화번호가 같습니다.",
        "두 기업의 사업장 주소가 같습니다.",
        "주소만 같은 것으로는 의심하지 않습니다.",
        payment.order_id,
        "보류",
    ):
        assert words in page
    assert PHONE not in page and "010-7777-0001" not in page, "personal data are masked (R-AUD-1)"
    assert "이 사건을 맡았습니다" in said(client, f"{here}/take")
    assert "결정은 되돌릴 수 없습니다" in client.post(f"{here}/clear").text
    data = {"confirmed": "1", "reason": "같은 건물의 대행사 번호"}
    said(client, f"{here}/clear", data=data)
    assert _case().state is SuspicionState.CLEARED
    page = client.get(here).text
    assert "같은 건물의 대행사 번호" in page and "해제 요청" in page and f"{here}/confirm" not in page
    assert f'href="{here}"' in client.get("/console/suspicion/?state=cleared").text


def test_who_may_only_look_cannot_decide(browser: Open, said: Any, payment: Payment) -> None:
    suspicion.look()
    case = _case()
    data = {"confirmed": "1", "reason": "이유"}
    for role in (Role.FINANCE_OFFICER, Role.AUDITOR):
        client = browser(role)
        page = client.get(f"/console/suspicion/{case.id}").text
        assert "/clear" not in page and "/take" not in page
        assert "결정은 전문기관 사업관리자가 합니다" in page
        assert client.post(f"/console/suspicion/{case.id}/clear", data=data).status_code == 403
        assert client.post(f"/console/suspicion/{case.id}/take").status_code == 403
    for role in (Role.BUDGET_OFFICER, Role.REVIEWER, Role.SYSTEM_ADMIN):
        assert browser(role).get("/console/suspicion/").status_code == 403
    assert _case().state is SuspicionState.OPEN


def test_an_empty_address_is_neither_the_same_nor_another(browser: Open, payment: Payment) -> None:
    payment.deal.company.address = payment.deal.supplier.address = ""
    db.session.commit()
    suspicion.look()
    page = browser(Role.PROGRAMME_MANAGER).get(f"/console/suspicion/{_case().id}").text
    assert page.count("주소 없음") == 2 and "비교할 수 없음" in page and "두 기업의 사업장 주소" not in page


def test_a_hold_leads_to_its_case_who_may_see_it(browser: Open, payment: Payment) -> None:
    suspicion.look()
    [hold] = db.session.scalars(select(SettlementHold))
    link = f'<a href="/console/suspicion/{_case().id}">의심 거래 {_case().id}번 확인</a>'
    for role in (Role.PROGRAMME_MANAGER, Role.FINANCE_OFFICER, Role.AUDITOR):
        assert link in browser(role).get(f"/console/holds/{hold.id}").text
    page = browser(Role.BUDGET_OFFICER).get(f"/console/holds/{hold.id}").text
    assert link not in page and f"의심 거래 {_case().id}번 확인" in page
    asked = browser(Role.PROGRAMME_MANAGER).post(f"/console/suspicion/{_case().id}/clear").text
    assert f"의심 거래 {_case().id}: {payment.deal.company.name}" in asked and "1,100,000원" in asked


def test_signals_that_opened_nothing_are_shown_as_such(world: Any, browser: Open) -> None:
    supplier = make.make_supplier(address="부산시 해운대구 1")
    company = make.make_company(programme_id=world.programme.id, address="부산시 해운대구 1")
    made = make_paid(world.programme, supplier, company=company)
    db.session.commit()
    suspicion.look()
    client = browser(Role.AUDITOR)
    assert made.order_id in client.get("/console/suspicion/signals").text
    assert "조건에 맞는 의심 거래가 없습니다" in client.get("/console/suspicion/").text
    for address in ("/console/suspicion/?format=xlsx", "/console/suspicion/signals?format=xlsx"):
        assert client.get(address).data[:2] == b"PK"


@pytest.fixture
def report(world: Any) -> AbuseReport:
    filed = abuse.file(
        category=AbuseCategory.KICKBACK,
        about="가나다",
        body="현금으로 돌려받았습니다.",
        contact="010-9999-8888",
        upload=Upload("증거.png", PNG),
    )
    return abuse.follow(number=filed.number, code=filed.code)


def _acts(report: AbuseReport) -> list[str]:
    rows = select(AuditRow.action).where(AuditRow.entity == "abuse_report", AuditRow.entity_id == report.id)
    return list(db.session.scalars(rows.order_by(AuditRow.seq)))


def test_a_report_is_read_answered_and_closed(browser: Open, said: Any, report: AbuseReport) -> None:
    client, here = browser(Role.PROGRAMME_MANAGER), f"/console/abuse/{report.id}"
    listing = client.get("/console/abuse/").text
    assert report.number in listing and "현금으로" not in listing
    page = client.get(here).text
    assert "현금으로 돌려받았습니다." in page and "010-9999-8888" not in page
    assert _acts(report) == ["file", "read"]
    assert "기록됩니다" in client.post(f"{here}/contact").text
    shown = client.post(f"{here}/contact", data={"confirmed": "1", "reason": "사실 확인"}).text
    assert "010-9999-8888" in shown and "사실 확인" in shown
    assert client.get(f"{here}/file").data == PNG
    said(client, f"{here}/take")
    assert "답변을 입력해 주세요" in client.post(f"{here}/answer", data={"body": " "}).text
    assert "답변했습니다" in said(client, f"{here}/answer", data={"body": "확인하고 있습니다."})
    data = {"confirmed": "1", "reason": "환수했습니다."}
    said(client, f"{here}/close", data=data)
    db.session.expire_all()
    assert report.state is AbuseState.CLOSED
    assert [reply.body for reply in report.replies] == ["확인하고 있습니다.", "환수했습니다."]
    assert {"read_contact", "read_file", "take", "answer", "close"} <= set(_acts(report))
    assert report.number in client.get("/console/abuse/?state=closed").text
    assert "현금" not in client.get("/console/abuse/?state=closed&format=csv").text


def test_whom_it_is_about_adds_a_signal_and_links_both(
    browser: Open, said: Any, report: AbuseReport, payment: Payment
) -> None:
    client, here = browser(Role.PROGRAMME_MANAGER), f"/console/abuse/{report.id}"
    wrong = client.post(f"{here}/parties", data={"company_number": "1208800767"})
    assert wrong.status_code == 422 and "이 사업자등록번호로 참여한 기업이 없습니다" in wrong.text
    assert 'value="1208800767"' in wrong.text, "what was typed stays"
    numbers = {
        "company_number": payment.deal.company.business_number,
        "supplier_number": payment.deal.supplier.business_number,
    }
    said(client, f"{here}/parties", data=numbers)
    suspicion.look()
    assert f"/console/suspicion/{_case().id}" in client.get(here).text
    page = client.get(f"/console/suspicion/{_case().id}").text
    assert "부정 신고가 1건 있습니다" in page and here in page
    finance = browser(Role.FINANCE_OFFICER)
    assert here not in finance.get(f"/console/suspicion/{_case().id}").text
    assert finance.get(here).status_code == 403


def test_the_auditor_reads_and_does_nothing(browser: Open, report: AbuseReport) -> None:
    client, here = browser(Role.AUDITOR), f"/console/abuse/{report.id}"
    page = client.get(here).text
    assert "현금으로 돌려받았습니다." in page and "/answer" not in page and "/take" not in page
    data = {"confirmed": "1", "reason": "이유", "body": "답"}
    for action in ("take", "close", "answer", "parties"):
        assert client.post(f"{here}/{action}", data=data).status_code == 403
    assert report.state is AbuseState.RECEIVED
