"""'서비스 결제 관리', '청구내역': what is found, what each row says, and as files (R-PAY-7, R-PAY-8)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState, SlipKind
from app.models.programme import VatMode
from app.workflows import (
    billing_statement,
    cancellations,
    deadlines,
    payment_papers,
    slips,
    slips_drawing,
)
from tests import money, printed
from tests.integration.portal.buying import Buyer, LogIn, log_in, make_buyer, path_of


@pytest.fixture
def buyer(site: Flask, log_in_as: LogIn, sandbox_url: str) -> Buyer:
    return make_buyer(site, log_in_as, sandbox_url)


def pay(buyer: Buyer, amount: int, *, behaviour: str = "") -> Payment:
    return money.pay(buyer.payer, money.make_bill(buyer.payer, amount), behaviour=behaviour)


def named(payment: Payment, *, service: str, supplier: str) -> None:
    payment.deal.offering.name, payment.deal.supplier.name = service, supplier
    db.session.commit()


def shown(buyer: Buyer, address: str) -> set[int]:
    """The payments that a list links to."""
    return {int(found) for found in re.findall(r'href="/payments/(\d+)"', buyer.get(address))}


def issue(payment: Payment, *, drawn: bool = False) -> None:
    """What the jobs do a moment after the payment."""
    for kind in (SlipKind.RECEIPT, SlipKind.STATEMENT):
        slip = slips.issue(kind, payment=payment)
        db.session.commit()
        if drawn:
            slips.render(slip.id)


@pytest.mark.parametrize("page", ["/payments", "/statement"])
def test_a_payment_is_found_by_names_and_numbers(buyer: Buyer, page: str) -> None:
    """R-PAY-7: two letters do, each word counts, and a wildcard is a letter like any other."""
    # Four digits, as on every paper; how many tests ran before has no say.
    buyer.payer.programme.year = 2020
    db.session.commit()
    first, second = pay(buyer, 100_000), pay(buyer, 200_000)
    named(first, service="뷁쀍 화상회의 100%", supplier="한빛소프트")
    named(second, service="재택 협업_도구", supplier="누리컴퍼니")
    issue(first)
    receipt = slips.number_of(slips.for_payments([first.id])[first.id][SlipKind.RECEIPT])
    for words, found in {
        "화상": {first.id},
        "한빛 화상": {first.id},
        "한빛 협업": set(),
        "누리": {second.id},
        "100%": {first.id},
        "%": {first.id},
        "_": {second.id},
        "\\": set(),
        str(first.approval_number): {first.id},
        second.order_id.lower(): {second.id},
        receipt: {first.id},
        f"R-{int(receipt.rpartition('-')[2])}": {first.id},
        buyer.payer.company.name: set(),
    }.items():
        assert shown(buyer, f"{page}?q={quote(words)}") == found, words


@pytest.mark.parametrize("page", ["/payments", "/statement", "/cart"])
def test_each_cell_bears_its_name_for_narrow_screens(buyer: Buyer, page: str) -> None:
    """R-PUB-3: where the head of the table has no room."""
    money.pay(buyer.payer, money.make_bill(buyer.payer, 100_000))
    money.make_bill(buyer.payer, 200_000)
    [table] = re.findall(r'<table class="kv-table kv-table--stack">.*?</table>', buyer.get(page), re.S)
    assert table.count("<td") == table.count(' data-label="') > 0


def test_what_is_searched_for_stays_in_every_link(buyer: Buyer) -> None:
    """Style: tabs, pages and the file keep the filter; the sums are those of what is shown."""
    for amount in (100_000, 200_000, 300_000):
        named(pay(buyer, amount), service=f"화상회의 {amount}", supplier="한빛소프트")
    today = f"{clock.today():%Y.%m.%d}"
    address = f"/payments?tab=paid&q={quote('화상')}&since={today}&until={today}&size=10"
    page = buyer.get(address)
    kept = f"q={quote('화상')}&amp;since={today}&amp;until={today}"
    assert f"{kept}&amp;size=10&amp;tab=failed" in page and f"tab=paid&amp;since={today}" in page
    assert "합계 <strong>600,000원" in page and "정부지원금 <strong>540,000원" in page
    assert f"결제일 {today}. ~ {today}., 검색어 ‘화상’" in page
    narrow = buyer.get(f"/payments?tab=paid&q={quote('화상회의 200000')}")
    assert "합계 <strong>200,000원" in narrow and "총 <strong>1</strong>건" in narrow
    answer = buyer.browser.get(f"/payments.xlsx?tab=all&q={quote('200000')}")
    rows = list(load_workbook(BytesIO(answer.data)).active.iter_rows(values_only=True))
    assert [row[10] for row in rows] == ["결제금액", 200_000, 200_000]


def test_all_of_them_are_summed_by_state(buyer: Buyer) -> None:
    """R-PAY-7: what failed is never added to what was paid."""
    pay(buyer, 100_000)
    pay(buyer, 200_000, behaviour="01")
    cancellations.cancel_today(actor=buyer.payer.actor, payment_id=pay(buyer, 300_000).id, reason="변경")
    pay(buyer, 400_000, behaviour="52")
    page = buyer.get("/payments")
    for label, amount in (("결제성공", 100_000), ("결제실패", 200_000), ("결제취소", 300_000)):
        assert f"{label} <strong>{amount:,}원" in page
    assert "결과 확인 중 <strong>400,000원" in page
    assert "결제 결과를 확인하고 있습니다. 따로 하실 일은 없습니다." in page
    rows = list(load_workbook(BytesIO(buyer.browser.get("/payments.xlsx").data)).active.values)
    assert [(row[0], row[10]) for row in rows[5:]] == [
        ("결제성공 1건", 100_000),
        ("결제취소 1건", 300_000),
        ("결제실패 1건", 200_000),
        ("결과 확인 중 1건", 400_000),
    ]


@pytest.mark.parametrize(
    ("tab", "said"),
    [
        ("all", "아직 결제한 내역이 없습니다."),
        ("paid", "결제할 청구는 ‘서비스 요청’의 결제요청에서 확인해 주세요."),
        ("failed", "실패한 결제가 없습니다. 따로 하실 일이 없습니다."),
        ("cancelled", "취소한 결제가 없습니다."),
    ],
)
def test_an_empty_list_says_what_to_do(buyer: Buyer, tab: str, said: str) -> None:
    page = buyer.get(f"/payments?tab={tab}")
    assert said in page and "서비스 요청 보기" in page
    page = buyer.get(f"/payments?tab={tab}&q=없는말")
    assert "조회기간이나 검색어를 바꿔 주세요." in page and "조건 지우기" in page


def test_a_failed_payment_leads_to_what_can_be_done_now(buyer: Buyer) -> None:
    """R-PAY-3: pay again while the bill is open, see what was paid since, or ask the supplier anew."""
    deal = money.make_bill(buyer.payer, 100_000)
    failed = money.pay(buyer.payer, deal, behaviour="09")

    def said() -> str:
        found = re.search(rf'href="/payments/{failed.id}".*?</tr>', buyer.get("/payments?tab=failed"), re.S)
        assert found
        return found[0]

    assert "한도 초과 또는 잔액 부족으로" in said() and f'href="/pay/{deal.id}">다시 결제' in said()
    for page in (f"/payments/{failed.id}", f"/pay/result/{failed.id}"):
        assert f'href="/pay/{deal.id}"' in buyer.get(page)
    waiting = money.pay(buyer.payer, deal, behaviour="52")
    assert f'href="/pay/result/{waiting.id}">진행 중인 결제 결과 보기' in said()
    waiting.state = PaymentState.PAID
    assert f'href="/payments/{waiting.id}">그 뒤에 결제된 내역 보기' in said()
    waiting.state = PaymentState.CANCELLED
    db.session.get_one(Deal, deal.id).state = DealState.PAYMENT_CANCELLED
    db.session.commit()
    assert "서비스에서 새로 요청" in said() or "다른 서비스 찾아보기" in said()


def test_a_bill_that_ended_is_asked_for_again(buyer: Buyer) -> None:
    """R-PAY-3, R-DEAL-1: late at once, 불가 after the sweep."""
    deal = money.make_bill(buyer.payer, 100_000)
    money.pay(buyer.payer, deal, behaviour="01")
    assert deal.due_at is not None
    with clock.at(deal.due_at):
        assert f'href="/deals/{deal.id}">결제 기한이 지난 거래 보기' in buyer.get("/payments?tab=failed")
        deadlines.sweep(at=deal.due_at)
        page = buyer.get("/payments?tab=failed")
    assert f'href="/deals/{deal.id}">다시 거래상담' in page


def test_papers_that_are_being_made_are_said_and_appear(buyer: Buyer) -> None:
    """R-DOC-1: without any slip yet, with one numbered, and drawn; list, detail and result."""
    payment = pay(buyer, 100_000)
    listed = buyer.get("/payments?tab=paid")
    assert "문서를 만들고 있습니다" in listed and f'hx-select-oob="#papers-{payment.id}"' in listed
    for page in (f"/payments/{payment.id}", f"/pay/result/{payment.id}", f"/payments/{payment.id}/papers"):
        text = buyer.get(page)
        assert (
            "문서를 만들고 있습니다" in text and "전표 만드는 중" in text and "거래명세서 만드는 중" in text
        )
        assert f'hx-get="/payments/{payment.id}/papers"' in text
    issue(payment)
    assert "거래명세서 만드는 중" in buyer.get(f"/payments/{payment.id}/papers")
    issue(payment, drawn=True)
    for page in ("/payments?tab=paid", f"/payments/{payment.id}", f"/payments/{payment.id}/papers"):
        text = buyer.get(page)
        assert "문서를 만들고 있습니다" not in text and text.count(".pdf") == 2
        assert "papers-making" not in text


def test_a_page_does_not_ask_for_ever(buyer: Buyer) -> None:
    payment = pay(buyer, 100_000)
    assert payment.paid_at is not None
    with clock.at(payment.paid_at + payment_papers.PATIENCE + timedelta(seconds=1)):
        page = buyer.get(f"/payments/{payment.id}")
        assert "문서를 만드는 데 시간이 걸리고 있습니다." in page and "/papers" not in page
        assert "문서를 아직 만들지 못했습니다" in buyer.get("/payments")


def test_a_list_asks_as_often_for_many_rows(buyer: Buyer, count_queries: Callable[[str], int]) -> None:
    """Style: failed, paid and searched for."""
    address = f"/payments?q={quote('서비스')}"
    for behaviour in ("", "01"):
        pay(buyer, 100_000, behaviour=behaviour)
    count_queries(address)
    before = count_queries(address)
    for behaviour in ("", "", "01", "01"):
        pay(buyer, 100_000, behaviour=behaviour)
    assert count_queries(address) == before


@pytest.fixture
def count_queries(buyer: Buyer) -> Callable[[str], int]:
    def count(address: str) -> int:
        seen: list[Any] = []
        db.session.expire_all()
        connection = db.session.connection()
        event.listen(connection, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
        buyer.get(address)
        return len(seen)

    return count


def issue_statement(buyer: Buyer, query: str = "") -> tuple[str, str]:
    """Press '청구내역서 발급'; where it leads, and what the file says once the job has drawn it."""
    there = path_of(buyer.post(f"/statement/issue{query}"))
    slips_drawing.work()
    answer = buyer.browser.get(f"{there}.pdf")
    assert answer.content_type == "application/pdf" and "no-store" in answer.headers["Cache-Control"]
    return there, printed.words(answer.data)


def test_the_statement_as_a_numbered_paper(buyer: Buyer) -> None:
    """R-PAY-8, R-DOC-1: paid and cancelled, in won, of the filter that the page has."""
    named(pay(buyer, 1_100_000), service="뷁쀍 화상회의", supplier="한빛소프트")
    gone = pay(buyer, 300_000)
    named(gone, service="협업도구", supplier="누리컴퍼니")
    cancellations.cancel_today(actor=buyer.payer.actor, payment_id=gone.id, reason="변경")
    page = buyer.get("/statement")
    assert "1,400,000원" in page and "−300,000원" in page and 'action="/statement/issue"' in page
    there, text = issue_statement(buyer)
    for word in (buyer.payer.company.name, "뷁쀍화상회의", "한빛소프트", "누리컴퍼니", "-300,000",
                 "1,400,000원", "1,100,000원", "금일백일십만원정", "전체기간", "-B-000001"):  # fmt: skip
        assert re.sub(r"\s+", "", word) in text, word
    assert "발급했습니다." in buyer.get(there) and "금 일백일십만원정" in buyer.get(there)
    other, narrow = issue_statement(buyer, f"?q={quote('협업')}")
    assert "협업도구" in narrow and "화상회의" not in narrow and "금영원정" in narrow
    listed = buyer.get("/statement/issued")
    assert listed.index(f'href="{other}"') < listed.index(f'href="{there}"') and "-B-000002" in listed


def test_the_same_content_is_the_same_document(buyer: Buyer) -> None:
    """R-DOC-1: pressed twice, nothing is numbered twice; after another payment it is a new one."""
    pay(buyer, 100_000)
    first, text = issue_statement(buyer)
    again, same = issue_statement(buyer)
    assert (first, text) == (again, same)
    assert "이미 발급한 청구내역서" in buyer.get(path_of(buyer.post("/statement/issue")))
    pay(buyer, 200_000)
    second, _ = issue_statement(buyer)
    assert second != first and "-B-000002" in buyer.get(second)


def test_a_statement_too_long_or_empty_is_said(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = path_of(buyer.post("/statement/issue?q=없음"))
    assert "조건에 맞는 내역이 없어 청구내역서를 발급하지 않았습니다." in buyer.get(empty) and "q=" in empty
    assert "발급한 청구내역서가 없습니다." in buyer.get("/statement/issued")
    pay(buyer, 100_000)
    pay(buyer, 200_000)
    monkeypatch.setattr(billing_statement, "MOST", 1)
    page = buyer.get(path_of(buyer.post("/statement/issue")))
    assert "한 부에는 1건까지 담을 수 있습니다(지금 2건)." in page
    assert buyer.browser.get("/statement.xlsx").status_code == 200


def test_nobody_elses_payment_is_in_the_paper(
    buyer: Buyer, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    other = make_buyer(site, log_in_as, sandbox_url)
    named(pay(other, 100_000), service="남의 서비스", supplier="남의 회사")
    pay(buyer, 200_000)
    there, text = issue_statement(buyer)
    assert "남의서비스" not in text and "200,000" in text
    supplier = log_in(log_in_as, money.supplier_of(money.make_bill(other.payer, 1_000)).id)
    assert supplier.post("/statement/issue").status_code == 403
    for address in (there, f"{there}.pdf"):
        assert other.browser.get(address).status_code == 404
    assert there not in other.get("/statement/issued")


def test_where_the_company_bears_the_tax_every_amount_says_so(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-MONEY-2a, R-MONEY-2b: the vector of 2022, 1,980,000 = 1,260,000 + 540,000 + 180,000."""
    payer = money.make_payer(sandbox_url, company_share_percent=30, vat_mode=VatMode.BORNE)
    buyer = Buyer(payer, log_in(log_in_as, payer.actor.id))
    payment = pay(buyer, 1_800_000)
    page = buyer.get(f"/payments/{payment.id}")
    for words in ("1,980,000원", "1,260,000원", "540,000원", "180,000원", "부가세(기업 부담)",
                  "공급가액 1,800,000원 × 10%", "1,800,000원 + 부가세 180,000원"):  # fmt: skip
        assert words in page
    assert "부가세(기업 부담) <strong>180,000원" in buyer.get("/payments?tab=paid")
    statement = buyer.get("/statement")
    assert "부가세 180,000원 포함" in statement and "1,980,000원" in statement
    assert "부가가치세(기업부담)" in issue_statement(buyer)[1]


def test_the_history_says_what_happened_and_who_did_it(buyer: Buyer) -> None:
    payment = pay(buyer, 100_000)
    cancellations.cancel_today(actor=buyer.payer.actor, payment_id=payment.id, reason="수량 변경")
    page = buyer.get(f"/payments/{payment.id}")
    history = page[page.index("결제 처리 이력") :]
    places = [
        history.index(words)
        for words in ("결제 누름", "금액 예약", "결제 승인", "결제취소 누름", "결제취소 완료")
    ]
    assert places == sorted(places)
    assert buyer.payer.actor.name in history and "결제 기관" in history and "사유: 수량 변경" in history
    assert f"승인번호 {payment.approval_number}" in history


def test_the_other_sides_people_stay_unnamed(
    buyer: Buyer, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    payment = pay(buyer, 100_000)
    supplier = money.supplier_of(payment.deal)
    with clock.at(clock.now() + timedelta(days=1)):
        cancellations.cancel_late(actor=supplier, payment_id=payment.id, reason="제공 중단")
    seller = log_in(log_in_as, supplier.id)
    page = seller.get(f"/supply/sales/{payment.id}").text
    history = page[page.index("결제 처리 이력") :]
    assert supplier.name in history and buyer.payer.actor.name not in history
    assert buyer.payer.company.name in history
    page = buyer.get(f"/payments/{payment.id}")
    history = page[page.index("결제 처리 이력") :]
    assert "결제취소 누름(공급기업)" in history and supplier.name not in history
