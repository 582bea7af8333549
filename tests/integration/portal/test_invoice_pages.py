"""세금계산서 at the supplier's: the list, the form, the file, and a payment's own page (R-SET-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.catalogue import Supplier
from app.models.payments import Payment
from app.models.people import Account
from app.models.programme import Programme
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.models.vouchers import InstrumentKind
from app.policy import Role
from tests import factories, settled
from tests.integration.portal.buying import hidden, path_of

LogIn = Callable[[Account], FlaskClient]
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
PAID = datetime(2020, 11, 3, 15, 0, tzinfo=clock.KST)
NUMBER = "20201105" + "1" * 16


@pytest.fixture(autouse=True)
def _in_november(site: Any) -> Iterator[None]:
    with clock.at(NOW):
        yield


@pytest.fixture
def supplier(site: Any) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def programme(site: Any) -> Programme:
    return factories.make_programme()


@pytest.fixture
def seller(supplier: Supplier, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=supplier.id))


@pytest.fixture
def payment(programme: Programme, supplier: Supplier) -> Payment:
    made = settled.make_paid(programme, supplier, paid_at=PAID, instrument=InstrumentKind.ZEROPAY)
    db.session.commit()
    return made


def read(browser: FlaskClient, address: str, status: int = 200) -> str:
    answer = browser.get(address)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def send(browser: FlaskClient, payment: Payment, **changed: Any) -> Any:
    form = {"number": NUMBER, "issued_on": "2020.11.03", "supply": "1,000,000", "tax": "100,000"}
    form |= {"total": "1,100,000"} | changed
    return browser.post(f"/supply/sales/{payment.id}/invoice", data=form)


def test_the_copy_is_opened_by_its_supplier_and_the_finance_officer(
    seller: FlaskClient, payment: Payment, log_in_as: Any
) -> None:
    send(seller, payment, file=(BytesIO(b"%PDF-1.4\n%%EOF\n"), "계산서.pdf"))
    invoice = db.session.scalars(select(TaxInvoice)).one()
    officer = factories.make_account(Role.FINANCE_OFFICER)
    db.session.commit()
    console = f"/console/invoices/{invoice.id}/document"
    assert log_in_as(officer).get(console).mimetype == "application/pdf"
    assert seller.get(console).status_code == 403


def test_the_list_leads_to_the_form_and_the_form_to_the_payment(
    seller: FlaskClient, payment: Payment
) -> None:
    page = read(seller, "/supply/invoices")
    assert f"/supply/sales/{payment.id}/invoice" in page and "1,100,000원" in page
    page = read(seller, f"/supply/sales/{payment.id}/invoice")
    assert "1,000,000원" in page and "100,000원" in page and payment.deal.company.name in page
    typed = f"{NUMBER[:8]}-{NUMBER[8:16]}-{NUMBER[16:]}"
    pdf = (BytesIO(b"%PDF-1.4\n%%EOF\n"), "계산서.pdf")
    assert path_of(send(seller, payment, number=typed, file=pdf)) == f"/supply/sales/{payment.id}"
    page = read(seller, f"/supply/sales/{payment.id}")
    assert "결제 내용과 일치합니다" in page and NUMBER in page and "사본 보기" in page
    invoice = db.session.scalars(select(TaxInvoice)).one()
    assert seller.get(f"/supply/invoices/{invoice.id}/document").mimetype == "application/pdf"
    assert NUMBER in read(seller, "/supply/invoices?tab=filed")
    assert "등록할 세금계산서가 없습니다" in read(seller, "/supply/invoices")
    page = seller.get(f"/supply/sales/{payment.id}/invoice", follow_redirects=True).text
    assert "먼저 등록을 물려 주세요" in page


def test_a_difference_is_said_and_the_entry_withdrawn(seller: FlaskClient, payment: Payment) -> None:
    send(seller, payment, supply="900,000", total="1,000,000")
    page = read(seller, f"/supply/sales/{payment.id}")
    assert "100,000원 적습니다" in page and "등록 물리기" in page
    assert "전문기관이 확인하고 있습니다" in read(seller, "/supply/invoices")
    invoice = db.session.scalars(select(TaxInvoice)).one()
    address = f"/supply/invoices/{invoice.id}/withdraw"
    assert "물릴까요?" in seller.post(address).text and invoice.state is InvoiceState.MISMATCH
    assert "등록을 물렸습니다" in seller.post(address, data={"confirmed": "1"}, follow_redirects=True).text
    assert invoice.state is InvoiceState.VOIDED


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"number": ""}, "국세청 승인번호를 입력해 주세요."),
        ({"number": "123"}, "숫자 24자리입니다"),
        ({"issued_on": "어제"}, "YYYY.MM.DD"),
        ({"total": "1,000,000"}, "공급가액과 세액을 더하면 1,100,000원입니다."),
        ({"file": (BytesIO(b"exe"), "a.pdf")}, "PDF, JPEG, PNG 파일만"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    seller: FlaskClient, payment: Payment, changed: dict[str, Any], words: str
) -> None:
    answer = send(seller, payment, **changed)
    assert answer.status_code == 422 and words in answer.text
    assert 'value="100,000"' in answer.text
    assert db.session.query(TaxInvoice).count() == 0


def test_a_card_payment_has_no_form_and_anothers_is_not_found(
    seller: FlaskClient, programme: Programme, supplier: Supplier, payment: Payment, log_in_as: LogIn
) -> None:
    card = settled.make_paid(programme, supplier, paid_at=PAID)
    page = seller.get(f"/supply/sales/{card.id}/invoice", follow_redirects=True).text
    assert "신용카드매출전표가 증빙" in page and 'id="invoice-title"' not in page
    send(seller, payment)
    invoice = db.session.scalars(select(TaxInvoice)).one()
    stranger = log_in_as(factories.make_account(Role.SUPPLIER))
    db.session.commit()
    for address in (f"/supply/sales/{payment.id}/invoice", f"/supply/invoices/{invoice.id}/document"):
        read(stranger, address, 404)
    answer = stranger.post(f"/supply/invoices/{invoice.id}/withdraw", data={"confirmed": "1"})
    assert answer.status_code == 404


def test_the_template_filled_is_previewed_and_taken_in_as_one(
    seller: FlaskClient, programme: Programme, supplier: Supplier, payment: Payment
) -> None:
    other = settled.make_paid(programme, supplier, paid_at=PAID, instrument=InstrumentKind.ZEROPAY)
    db.session.commit()
    content = seller.get("/supply/invoices/template.xlsx").data
    book = load_workbook(BytesIO(content))
    sheet = book.worksheets[0]
    assert [sheet["A2"].value, sheet["A3"].value] == [str(other.id), str(payment.id)]
    for column, value in zip(
        "BCDEF", (NUMBER, date(2020, 11, 3), 1_000_000, 100_000, 1_100_000), strict=True
    ):
        sheet[f"{column}3"] = value
    for column, value in zip("BCDEF", ("1", date(2020, 11, 3), 1, 1, 2), strict=True):
        sheet[f"{column}2"] = value
    out = BytesIO()
    book.save(out)
    out.seek(0)
    address = path_of(seller.post("/supply/invoices/file", data={"file": (out, "양식.xlsx")}))
    page = read(seller, address)
    assert "1건 등록" in page and "거절된 1건을 빼고" in page and "숫자 24자리" in page
    refused = list(load_workbook(BytesIO(seller.get(f"{address}/refused.xlsx").data)).worksheets[0].values)
    assert refused[1][:2] == (2, "국세청 승인번호")
    seen = {"digest": hidden(page, "digest")}
    assert "등록할까요?" in seller.post(address, data=seen).text
    assert db.session.query(TaxInvoice).count() == 0
    assert path_of(seller.post(address, data=seen | {"confirmed": "1"})) == "/supply/invoices?tab=filed"
    assert db.session.scalars(select(TaxInvoice)).one().payment_id == payment.id
    assert "불일치로 등록" not in read(seller, address) and "등록할 것이 없습니다" in read(seller, address)


def test_a_preview_is_its_suppliers_alone(seller: FlaskClient, payment: Payment, log_in_as: LogIn) -> None:
    heading = "결제번호,국세청 승인번호,작성일자,공급가액,세액,합계금액\n"
    row = f"{payment.id},{NUMBER},2020-11-03,1000000,100000,1100000\n"
    upload = {"file": (BytesIO((heading + row).encode("cp949")), "a.csv")}
    address = path_of(seller.post("/supply/invoices/file", data=upload))
    assert "1건 등록" in read(seller, address)
    stranger = log_in_as(factories.make_account(Role.SUPPLIER))
    assert "파일을 다시 올려 주세요" in read(stranger, address, 404)


def test_who_enters_a_file_is_told_how_many_differ(seller: FlaskClient, payment: Payment) -> None:
    heading = "결제번호,국세청 승인번호,작성일자,공급가액,세액,합계금액\n"
    row = f"{payment.id},{NUMBER},2020-11-03,999000,100000,1099000\n"
    upload = {"file": (BytesIO((heading + row).encode("cp949")), "a.csv")}
    address = path_of(seller.post("/supply/invoices/file", data=upload))
    seen = {"digest": hidden(read(seller, address), "digest"), "confirmed": "1"}
    page = seller.post(address, data=seen, follow_redirects=True).text
    assert "세금계산서 1건을 등록했습니다. 그중 1건은 결제 내용과 달라" in page


def test_the_lists_are_files_too(seller: FlaskClient, payment: Payment) -> None:
    rows = list(load_workbook(BytesIO(seller.get("/supply/invoices.xlsx").data)).worksheets[0].values)
    assert rows[1][0] == payment.id and rows[1][5:8] == (1_000_000, 100_000, 1_100_000)
    send(seller, payment)
    rows = list(
        load_workbook(BytesIO(seller.get("/supply/invoices.xlsx?tab=filed").data)).worksheets[0].values
    )
    assert rows[1][0] == NUMBER and rows[1][6] == "확인"
