"""문서 내려받기 and 정산내역서 메일 in the console (R-DOC-2, R-AUD-0, R-SET-2)."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import event, select

from app import clock
from app.db import db, transaction
from app.models.mails import StatementMail
from app.models.paper_exports import ExportState, PaperExport
from app.models.payments import SlipKind
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import mails, paper_exports, paper_exports_work, slips
from tests import factories as make
from tests.settled import Officers, make_paid

HERE = "/console/exports"


@pytest.fixture
def receipts(world: Any) -> Any:
    """Three payments of one supplier, two of another, each with its receipt."""
    first, second = make.make_supplier(), make.make_supplier()
    for supplier in (first, first, first, second, second):
        with transaction():
            slips.issue(SlipKind.RECEIPT, payment=make_paid(world.programme, supplier, 110_000))
    return first


def _last() -> PaperExport:
    return db.session.scalars(select(PaperExport).order_by(PaperExport.id.desc())).first()  # type: ignore[return-value]


def _asked(client: Any, **given: Any) -> Any:
    """Starts an export with the filter that the page was opened with."""
    data = {"form": "zip", "reason": "10월 정산 증빙 보관"} | given
    return client.post(f"{HERE}/start?kind=receipt", data=data)


def test_from_the_filter_to_the_file(world: Any, browser: Any, said: Any, receipts: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    assert "문서를 내려받은 내역이 없습니다" in client.get(f"{HERE}/").get_data(as_text=True)
    page = client.get(f"{HERE}/new").get_data(as_text=True)
    assert "5건 파일 만들기" in page and "550,000원" in page
    narrowed = f"kind=receipt&supplier={receipts.id}&since={clock.today():%Y.%m.%d}"
    page = client.get(f"{HERE}/new?{narrowed}").get_data(as_text=True)
    assert "3건 파일 만들기" in page and "330,000원" in page and receipts.name in page
    address = re.search(rf'action="({HERE}/start[^"]+)"', page)
    assert address is not None
    data = {"form": "zip", "reason": "10월 정산 증빙 보관"}
    text = said(client, address[1].replace("&amp;", "&"), data=data)
    assert "파일을 만들기 시작했습니다" in text and "0 / 3" in text and "10월 정산 증빙 보관" in text
    export = _last()
    assert (export.rows, export.supplier_id, export.kinds) == (3, receipts.id, ["receipt"])
    paper_exports_work.work(export_id=export.id)
    progress = client.get(f"{HERE}/{export.id}/progress")
    assert progress.headers["HX-Refresh"] == "true"
    page = client.get(f"{HERE}/{export.id}").get_data(as_text=True)
    assert "까지 받을 수 있고" in page and f"{HERE}/{export.id}/parts/1" in page
    got = client.get(f"{HERE}/{export.id}/parts/1")
    assert (got.mimetype, got.headers["Cache-Control"]) == ("application/zip", "no-store")
    assert "attachment" in got.headers["Content-Disposition"]
    assert len(zipfile.ZipFile(io.BytesIO(got.data)).namelist()) == 5
    got.close()
    sheet = load_workbook(io.BytesIO(client.get(f"{HERE}/{export.id}?format=xlsx").data)).active
    assert sheet is not None and sheet["C2"].value == 3
    assert client.get(f"{HERE}/?format=csv").get_data().startswith(b"\xef\xbb\xbf")
    looks = select(AuditRow).where(AuditRow.entity == "paper_export", AuditRow.action == "download")
    assert [row.reason for row in db.session.scalars(looks)] == ["10월 정산 증빙 보관"]


def test_a_merged_pdf_opens_as_one(world: Any, browser: Any, receipts: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    _asked(client, form="pdf")
    export = _last()
    paper_exports_work.work(export_id=export.id)
    got = client.get(f"{HERE}/{export.id}/parts/1")
    assert got.mimetype == "application/pdf" and got.data.startswith(b"%PDF")
    got.close()


def test_without_a_reason_nothing_begins_and_what_was_chosen_stays(
    world: Any, browser: Any, receipts: Any
) -> None:
    """R-AUD-0"""
    client = browser(Role.FINANCE_OFFICER)
    answer = _asked(client, reason="  ", form="pdf")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "kv-error-summary" in page and "5건 파일 만들기" in page
    assert re.search(r'checked[^>]*value="pdf"', page)
    answer = _asked(client, reason="가" * 501)
    assert answer.status_code == 422 and "가" * 501 in answer.get_data(as_text=True)
    assert db.session.query(PaperExport).count() == 0


def test_a_day_that_cannot_be_read_widens_nothing(world: Any, browser: Any, receipts: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    page = client.get(f"{HERE}/new?kind=receipt&since=2020.13.77").get_data(as_text=True)
    assert "YYYY.MM.DD 형식으로" in page and "파일 만들기</button>" not in page and "2020.13.77" in page
    data = {"form": "zip", "reason": "보관"}
    assert client.post(f"{HERE}/start?kind=receipt&since=2020.13.77", data=data).status_code == 422
    for query, words in (
        ("since=2020.11.03&until=2020.11.01&kind=receipt", "끝이 시작보다 앞섭니다"),
        ("since=2020.11.03", "하나 이상 선택"),
        ("kind=billing", "조건에 맞는 문서가 없습니다"),
    ):
        assert words in client.get(f"{HERE}/new?{query}").get_data(as_text=True)
        assert client.post(f"{HERE}/start?{query}", data=data).status_code == 422
    assert db.session.query(PaperExport).count() == 0


def test_stopped_gone_on_with_cancelled_and_deleted_by_buttons(
    world: Any, browser: Any, said: Any, receipts: Any
) -> None:
    client = browser(Role.FINANCE_OFFICER)
    _asked(client)
    here = f"{HERE}/{_last().id}"
    assert "중단할까요" in client.post(f"{here}/stop").get_data(as_text=True)
    assert "이어서 만들기" in said(client, f"{here}/stop", data={"confirmed": "1"})
    assert _last().state is ExportState.STOPPED
    assert "처리했습니다" in said(client, f"{here}/resume")
    assert "만들기를 취소했습니다" in said(client, f"{here}/cancel", data={"confirmed": "1"})
    assert _last().state is ExportState.CANCELLED
    assert "상태에서만" in said(client, f"{here}/resume")
    _asked(client)
    here = f"{HERE}/{_last().id}"
    paper_exports_work.work(export_id=_last().id)
    assert "파일 삭제" in client.get(here).get_data(as_text=True)
    assert "파일을 삭제했습니다" in said(client, f"{here}/delete", data={"confirmed": "1"})
    assert "기간이 지나" in client.get(f"{here}/parts/1", follow_redirects=True).get_data(as_text=True)


def test_others_look_and_never_take(world: Any, browser: Any, log_in_as: Any, receipts: Any) -> None:
    """R-ROLE-3: the reason on record is that of the one who asked."""
    owner = browser(Role.FINANCE_OFFICER)
    _asked(owner)
    export = _last()
    paper_exports_work.work(export_id=export.id)
    colleague = make.make_account(Role.FINANCE_OFFICER, agency_id=world.lead.id)
    db.session.commit()
    from flask import g

    g.pop("_login_user", None)
    other = log_in_as(colleague)
    page = other.get(f"{HERE}/{export.id}").get_data(as_text=True)
    assert "요청한 사람만" in page and "/parts/1" not in page and "파일 삭제" not in page
    assert other.get(f"{HERE}/{export.id}/parts/1").status_code == 404
    for role in (Role.AUDITOR, Role.BUDGET_OFFICER, Role.PROGRAMME_MANAGER):
        client = browser(role)
        assert client.get(f"{HERE}/{export.id}").status_code == 200
        assert "새로 내려받기" not in client.get(f"{HERE}/").get_data(as_text=True)
        assert client.get(f"{HERE}/new").status_code == 403
        assert client.get(f"{HERE}/{export.id}/parts/1").status_code == 403
        assert client.post(f"{HERE}/{export.id}/delete", data={"confirmed": "1"}).status_code == 403
    for role in (Role.REVIEWER, Role.SYSTEM_ADMIN):
        assert browser(role).get(f"{HERE}/").status_code == 403
    assert browser(Role.FINANCE_OFFICER).get(f"{HERE}/99999999999").status_code == 404


def test_after_its_time_the_page_says_so(world: Any, browser: Any, receipts: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    _asked(client)
    export = _last()
    paper_exports_work.work(export_id=export.id)
    clock.set_offset(paper_exports.KEPT + timedelta(minutes=1))
    page = client.get(f"{HERE}/{export.id}").get_data(as_text=True)
    assert "기간이 지났습니다" in page and "/parts/1" not in page
    assert "지남" in client.get(f"{HERE}/").get_data(as_text=True)
    paper_exports_work.forget_expired()
    assert "파일의 해시는 아래에 남아 있습니다" in client.get(f"{HERE}/{export.id}").get_data(as_text=True)


def _statements(client: Any, address: str) -> int:
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert client.get(address).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)


def test_the_lists_ask_as_often_for_many_rows_as_for_one(world: Any, browser: Any, receipts: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    took: dict[str, list[int]] = {f"{HERE}/": [], "/console/mails/": []}
    for number in range(2):
        _asked(client, reason=f"보관 {number}")
        _mailed(world)
        for address, found in took.items():
            found.append(_statements(client, address))
    assert all(first == second for first, second in took.values()), took


def _mailed(world: Any) -> StatementMail:
    """A paid line whose statement could not be sent."""
    supplier = make.make_supplier()
    supplier.email = "bounce@example.com"
    make_paid(world.programme, supplier, paid_at=clock.now() - timedelta(days=11))
    db.session.commit()
    batch = Officers().settled(world.programme)
    [line] = [line for line in batch.lines if line.supplier_id == supplier.id]
    [mail] = db.session.scalars(select(StatementMail).where(StatementMail.line_id == line.id))
    return mail


def test_mails_that_could_not_be_sent_are_sent_again(
    world: Any, browser: Any, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = _mailed(world)
    client = browser(Role.FINANCE_OFFICER)
    assert "메일 보내는 중" in client.get("/console/mails/").get_data(as_text=True)
    again = f"/console/mails/{mail.line_id}/again"
    assert "지금 보내는 중입니다" in said(client, again, data={"confirmed": "1"})
    mails._refuse(mail.id, "bounce@example.com", "받을 수 없는 주소입니다. 이메일 주소를 확인해 주세요.")
    page = client.get(f"/console/mails/?tab=refused&batch={mail.line.batch_id}").get_data(as_text=True)
    assert "bo***@example.com" in page and "받을 수 없는 주소" in page and mail.line.batch.number in page
    assert again in page and "bounce@" not in page
    assert client.get("/console/mails/?tab=refused&format=xlsx").data[:2] == b"PK"
    assert mail.line.supplier.name not in client.get("/console/mails/?q=없는이름").get_data(as_text=True)
    assert "다시 보낼까요" in client.post(again).get_data(as_text=True)
    assert "요청했습니다" in said(client, again, data={"confirmed": "1"})
    numbers = select(StatementMail.number).where(StatementMail.line_id == mail.line_id)
    assert sorted(db.session.scalars(numbers)) == [1, 2]
    for role in (Role.AUDITOR, Role.BUDGET_OFFICER):
        other = browser(role)
        assert again not in other.get("/console/mails/").get_data(as_text=True)
        assert other.post(again, data={"confirmed": "1"}).status_code == 403
