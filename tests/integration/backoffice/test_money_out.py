"""Console: tax invoices, the banks' formats, month's close (R-SET-1, R-SET-2, R-SET-3a)."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.bank_formats import BankFormat
from app.models.months import AccountingMonth, MonthState
from app.models.record import AuditRow
from app.models.settlements import BatchState, SettlementBatch
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.models.vouchers import InstrumentKind
from app.policy import Role
from tests import factories, settled
from tests.integration.workflows.settling import LONG_AGO

OPEN = {"confirmed": "1", "reason": "누락분 기입"}


@pytest.fixture
def invoice(world: Any) -> TaxInvoice:
    """One that says 100,000 won less than its payment."""
    payment = settled.make_paid(world.programme, factories.make_supplier(), instrument=InstrumentKind.ZEROPAY)
    made = settled.give_invoice(payment, supply_off=-100_000)
    db.session.commit()
    return made


def test_a_difference_is_seen_beside_the_payment_and_accepted(
    world: Any, browser: Any, said: Any, invoice: TaxInvoice
) -> None:
    client = browser(Role.FINANCE_OFFICER)
    page = client.get("/console/invoices/").get_data(as_text=True)
    assert invoice.number in page and "확인할 차이 (1)" in page and "100,000원 적습니다" in page
    address = f"/console/invoices/{invoice.id}"
    page = client.get(address).get_data(as_text=True)
    assert "900,000원" in page and "1,000,000원" in page and "−100,000원" in page
    assert "차이 인정" in page and "반려" in page and "등록 물리기" not in page
    assert "사유" in client.post(f"{address}/accept").get_data(as_text=True)
    text = said(client, f"{address}/accept", data={"confirmed": "1", "reason": "추가 발행 확인"})
    assert "처리했습니다" in text and invoice.state is InvoiceState.ACCEPTED
    assert "추가 발행 확인" in text and "등록 취소" in text


@pytest.mark.parametrize("tab", ["mismatch", "missing", "negative", "filed"])
def test_each_tab_is_a_list_and_a_file(world: Any, browser: Any, invoice: TaxInvoice, tab: str) -> None:
    client = browser(Role.AUDITOR)
    settled.make_paid(world.programme, factories.make_supplier(), instrument=InstrumentKind.ZEROPAY)
    db.session.commit()
    assert client.get(f"/console/invoices/?tab={tab}&q=x").status_code == 200
    answer = client.get(f"/console/invoices/?tab={tab}&format=xlsx")
    rows = list(load_workbook(io.BytesIO(answer.data)).worksheets[0].values)
    assert len(rows) == (1 if tab == "negative" else 2)
    assert client.post(f"/console/invoices/{invoice.id}/accept", data=OPEN).status_code in (302, 403)
    assert invoice.state is InvoiceState.MISMATCH


def test_who_runs_the_file_does_not_change_its_map(world: Any, browser: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    page = client.get("/console/bank_formats/").get_data(as_text=True)
    assert "신한은행 대량이체(엑셀)" in page and "새 양식 만들기" not in page
    page = client.get("/console/bank_formats/kookmin").get_data(as_text=True)
    assert "입금통장표시내용" in page and "사업관리자가 고칩니다" in page and "3,267,000" in page
    for action in ("save", "preview", "close"):
        assert client.post(f"/console/bank_formats/kookmin/{action}").status_code == 403
    assert client.get("/console/bank_formats/nothing").status_code == 404


def _form(**changed: str) -> dict[str, str]:
    columns = [
        ("은행", "bank_code"),
        ("계좌", "account"),
        ("금액", "amount"),
        ("키", "cms"),
        ("표시", "text"),
    ]
    form = {
        "name": "기업은행 새 양식",
        "file": "csv",
        "encoding": "cp949",
        "frame": "titles",
        "ok": "0000, OK",
        "failed": "0011 E1",
    }
    form |= {"cms": "키", "amount": "금액", "code": "결과", "message": "내용"}
    for n, (title, field) in enumerate(columns):
        form |= {f"place-{n}": str(n + 1), f"title-{n}": title, f"field-{n}": field}
    return form | {"value-4": "바우처"} | changed


def test_a_map_is_previewed_while_it_is_typed_and_saved(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    moved = _form(**{"place-4": "0"})
    preview = client.post("/console/bank_formats/ibk/preview", data=moved).get_data(as_text=True)
    assert "표시,은행,계좌,금액,키" in preview and "바우처,088,110123456789,3267000,KV0000000001" in preview
    lacking = client.post("/console/bank_formats/ibk/preview", data=_form(**{"field-3": ""}))
    assert "이체번호(CMS)" in lacking.get_data(as_text=True)
    assert db.session.scalars(select(BankFormat)).all() == []
    text = said(client, "/console/bank_formats/ibk/save", data=moved)
    assert "저장했습니다" in text and "기업은행 새 양식" in text
    row = db.session.scalars(select(BankFormat)).one()
    assert row.code == "ibk" and row.layout["columns"][0] == ["표시", "text", "바우처"]
    assert row.layout["results"]["ok"] == ["0000", "OK"]
    assert row.layout["results"]["failed"] == ["0011", "E1"] and 'value="0011, E1"' in text
    audit = db.session.scalars(select(AuditRow).where(AuditRow.entity == "bank_format")).one()
    assert (
        audit.change["encoding"] == ["UTF-8", "CP949(EUC-KR)"]
        and "표시=정한 글자(바우처)" in audit.change["columns"][1]
    )


def test_a_map_that_is_wrong_keeps_what_was_typed(world: Any, browser: Any) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    answer = client.post("/console/bank_formats/ibk/save", data=_form(name="공통 CSV", ok=""))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "같은 이름의 양식" in page and "하나 이상 입력" in page
    assert 'value="표시"' in page and 'value="바우처"' in page


def test_a_new_map_is_begun_from_another_and_closed(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    answer = client.post("/console/bank_formats/add", data={"like": "shinhan", "name": "우리은행"})
    assert answer.status_code == 302 and "/bank_formats/own-" in answer.location
    code = answer.location.rpartition("/")[2]
    assert "이미 내보낸 정산" in client.post(f"/console/bank_formats/{code}/close").get_data(as_text=True)
    said(client, f"/console/bank_formats/{code}/close", data={"confirmed": "1"})
    assert "사용 안 함" in client.get("/console/bank_formats/").get_data(as_text=True)
    assert "늘 쓸 수 있어야" in said(client, "/console/bank_formats/common/close", data={"confirmed": "1"})
    again = client.post("/console/bank_formats/add", data={"like": "shinhan", "name": "우리은행"})
    assert again.status_code == 422 and "같은 이름" in again.get_data(as_text=True)


def test_a_batch_is_exported_in_the_chosen_format_and_keeps_it(world: Any, browser: Any, said: Any) -> None:
    settled.make_paid(world.programme, factories.make_supplier(), paid_at=clock.now() - LONG_AGO)
    db.session.commit()
    batch = settled.Officers().approved(world.programme)
    client = browser(Role.FINANCE_OFFICER)
    page = client.get(f"/console/settlement/{batch.id}").get_data(as_text=True)
    assert '<option value="shinhan">' in page and '<option value="common" selected>' in page
    answer = client.post(
        f"/console/settlement/{batch.id}/transfers", data={"format": "shinhan", "confirmed": "1"}
    )
    assert answer.data.startswith(b"PK") and ".xlsx" in answer.headers["Content-Disposition"]
    page = client.get(f"/console/settlement/{batch.id}").get_data(as_text=True)
    assert "신한은행 대량이체(엑셀)" in page and batch.exported_sha256 in page and ".xlsx" in page
    assert client.post(f"/console/settlement/{batch.id}/transfers").data == answer.data
    text = said(client, f"/console/settlement/{batch.id}/transfers", data={"format": "ibk"})
    assert "두 번 지급되지 않도록" in text
    assert db.session.scalars(select(SettlementBatch)).one().state is BatchState.EXPORTED


@pytest.fixture
def month(world: Any) -> str:
    """The month before the present one, with an entry; the funding of this world is of today."""
    first = clock.today().replace(day=1)
    before = clock.add_months(first, -1)
    at = datetime(before.year, before.month, 15, tzinfo=clock.KST)
    settled.make_paid(world.programme, factories.make_supplier(), paid_at=at)
    with clock.at(at):
        settled.make_paid(world.programme, factories.make_supplier(), paid_at=at)
    for day in (at.date(), at.date() + timedelta(days=1)):
        settled.have_file(day)
    db.session.commit()
    return f"{before:%Y-%m}"


def test_a_month_is_closed_from_its_checklist_and_opened_by_two(
    world: Any, browser: Any, said: Any, month: str
) -> None:
    client = browser(Role.FINANCE_OFFICER)
    page = client.get("/console/months/").get_data(as_text=True)
    address = f"/console/months/{world.programme.id}/{month}"
    assert f'href="{address}"' in page and "마감할 수 있는 달" in page
    page = client.get(address).get_data(as_text=True)
    assert "마감 전 확인" in page and "앞의 달이 모두 마감되었습니다." in page
    assert "마감할까요?" in client.post(f"{address}/close").get_data(as_text=True)
    text = said(client, f"{address}/close", data={"confirmed": "1"})
    assert "시산표를 보관했습니다" in text
    kept = db.session.scalars(select(AccountingMonth)).one()
    assert kept.state is MonthState.CLOSED and kept.trial_sha256 in text
    assert client.get(f"{address}/trial.xlsx").data.startswith(b"PK")
    said(client, f"{address}/ask_reopen", data=OPEN)
    assert kept.state is MonthState.REOPENING
    page = client.get(address).get_data(as_text=True)
    assert "누락분 기입" in page and "마감 재개 승인" not in page
    client.post(f"{address}/reopen", data=OPEN)
    assert kept.state is MonthState.REOPENING, "who asked does not agree"
    said(browser(Role.PROGRAMME_MANAGER), f"{address}/reopen", data=OPEN)
    assert kept.state is MonthState.OPEN
    assert "다시 연 달입니다" in client.get(address).get_data(as_text=True)


def test_what_stands_against_a_close_is_said(world: Any, browser: Any, said: Any, month: str) -> None:
    client = browser(Role.FINANCE_OFFICER)
    address = f"/console/months/{world.programme.id}/{clock.today():%Y-%m}"
    text = said(client, f"{address}/close", data={"confirmed": "1"})
    assert "아직 마감할 수 없습니다" in text and "아직 끝나지 않았습니다" in text
    assert db.session.scalars(select(AccountingMonth)).all() == []


def test_months_are_read_by_the_auditor_and_closed_by_nobody_else(
    world: Any, browser: Any, month: str
) -> None:
    client = browser(Role.AUDITOR)
    address = f"/console/months/{world.programme.id}/{month}"
    assert client.get(address).status_code == 200
    for file in ("/console/months/?format=csv", f"{address}?format=xlsx"):
        assert client.get(file).status_code == 200
    assert client.post(f"{address}/close", data={"confirmed": "1"}).status_code == 403
    for wrong in ("2020-13", "20-1", "nothing", "1999-01", f"{month}/trial.xlsx"):
        assert client.get(f"/console/months/{world.programme.id}/{wrong}").status_code == 404
