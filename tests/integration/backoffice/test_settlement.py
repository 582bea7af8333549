"""정산 from the draft to the close, and the ledger's pages (R-SET-1, R-SET-2, R-ROLE-4, R-MONEY-3)."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import g
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.holds import HoldSource
from app.models.ledger import LedgerAccount
from app.models.settlements import BatchState, LineState, SettlementBatch
from app.models.vouchers import InstrumentKind
from app.policy import Role
from tests import factories as make
from tests.settled import Holders, Officers, bank_answer, cancel, make_paid


@pytest.fixture
def ripe(world: Any) -> Any:
    supplier = make.make_supplier()
    payment = make_paid(world.programme, supplier, 1_100_000, paid_at=clock.now() - timedelta(days=11))
    db.session.commit()
    return payment


def _batch() -> SettlementBatch:
    return db.session.query(SettlementBatch).one()


def digest_of(client: Any, preview: str) -> str:
    """What the preview hands back with the decision."""
    page = client.get(preview).get_data(as_text=True)
    return page.split('name="digest" value="')[1].split('"')[0]


def _draft(client: Any, said: Any) -> SettlementBatch:
    said(client, "/console/ripe/draft", data={"cutoff": f"{clock.today():%Y.%m.%d}"})
    return _batch()


def test_a_batch_goes_the_whole_way_by_two_people(
    world: Any, browser: Any, said: Any, log_in_as: Any, ripe: Any
) -> None:
    drafter = browser(Role.FINANCE_OFFICER)
    page = drafter.get("/console/ripe/").get_data(as_text=True)
    assert ripe.deal.supplier.name in page and "1,100,000원" in page
    batch = _draft(drafter, said)
    address = f"/console/settlement/{batch.id}"
    assert batch.number in drafter.get("/console/settlement/").get_data(as_text=True)
    said(drafter, f"{address}/submit")
    assert batch.state is BatchState.SUBMITTED

    # R-ROLE-4: no button for the drafter, and the address refuses as well.
    page = drafter.get(address).get_data(as_text=True)
    assert "작성한 사람은 승인할 수 없습니다" in page and f"{address}/approve" not in page
    assert "앞 단계를 처리한 사람" in said(drafter, f"{address}/approve", data={"confirmed": "1"})
    assert batch.state is BatchState.SUBMITTED

    other = make.make_account(Role.FINANCE_OFFICER)
    db.session.commit()
    g.pop("_login_user", None)
    approver = log_in_as(other)
    assert f"{address}/approve" in approver.get(address).get_data(as_text=True)
    said(approver, f"{address}/approve", data={"confirmed": "1"})
    assert batch.state is BatchState.APPROVED

    sent = approver.post(f"{address}/transfers", data={"confirmed": "1"})
    assert batch.state is BatchState.EXPORTED and "attachment" in sent.headers["Content-Disposition"]
    assert approver.post(f"{address}/transfers").data == sent.data

    preview = approver.post(
        f"{address}/results", data={"file": (io.BytesIO(bank_answer(sent.data)), "result.csv")}
    ).location
    sure = {"digest": digest_of(approver, preview), "confirmed": "1"}
    assert "지급완료 1건" in said(approver, f"{preview}/take", data=sure)
    assert batch.state is BatchState.RECONCILED and batch.lines[0].state is LineState.PAID
    text = said(approver, f"{address}/close", data={"confirmed": "1"})
    assert batch.state is BatchState.CLOSED and "정산내역서" in text
    line = f"{address}/lines/{batch.lines[0].id}"
    assert ripe.deal.company.name in approver.get(line).get_data(as_text=True)
    assert approver.get(f"{address}?format=xlsx").data[:2] == b"PK"


def test_the_console_says_of_each_payment_what_it_waits_for(
    world: Any, browser: Any, said: Any, ripe: Any
) -> None:
    """R-SET-1"""
    client, supplier = browser(Role.FINANCE_OFFICER), ripe.deal.supplier
    bought = make_paid(
        world.programme,
        supplier,
        70_000,
        paid_at=clock.now() - timedelta(days=4),
        instrument=InstrumentKind.ZEROPAY,
    )
    hold = Holders().place(ripe.id, HoldSource.SUSPICION)
    page = client.get("/console/ripe/payments").get_data(as_text=True)
    for words in (
        "지급이 보류되었습니다(의심 거래).",
        "수요기업의 평가, 로그인이 있는 이용실적 제출,",
        "제로페이 결제에는 세금계산서가 필요합니다.",
        "1,170,000원",
        f"/console/payments/{bought.id}",
    ):
        assert words in page
    only = client.get("/console/ripe/payments?which=invoice&size=10").get_data(as_text=True)
    assert "70,000원" in only and f"/console/payments/{ripe.id}" not in only
    assert "조건에 맞는 결제가 없습니다" in client.get("/console/ripe/payments?q=없는곳").get_data(
        as_text=True
    )
    file = client.get("/console/ripe/payments?which=hold&format=csv").get_data(as_text=True)
    assert "보류 해제(의심 거래)" in file and str(bought.order_id) not in file
    dossier = client.get(f"/console/payments/{bought.id}").get_data(as_text=True)
    assert "제로페이 결제에는 세금계산서가 필요합니다." in dossier and "공급대금의 진행" in dossier
    Holders().release(hold)
    assert "정산 가능" in client.get("/console/ripe/payments?which=ready").get_data(as_text=True)


def test_a_held_line_is_shown_and_left_out(
    world: Any, browser: Any, said: Any, log_in_as: Any, ripe: Any
) -> None:
    """R-SET-4: nothing else is in the batch, so it is closed without a transfer."""
    officers = Officers()
    batch = officers.approved(world.programme)
    Holders().place(ripe.id)
    address = f"/console/settlement/{batch.id}"
    client = browser(Role.FINANCE_OFFICER)
    page = client.get(address).get_data(as_text=True)
    assert "지급을 보류한 결제 1건, 1,100,000원" in page and "이체 없이 마감" in page
    assert f"{address}/transfers" not in page
    line = client.get(f"{address}/lines/{batch.lines[0].id}").get_data(as_text=True)
    assert "모두 보류하여 이체하지 않습니다" in line and "1,100,000원 보류" in line
    said(client, f"{address}/conclude", data={"confirmed": "1"})
    assert batch.state is BatchState.CLOSED
    assert client.get(f"{address}/lines/{batch.lines[0].id + 1}").status_code == 404


def test_debts_open_down_to_the_line_that_had_paid(world: Any, browser: Any, ripe: Any) -> None:
    """R-PAY-6: seen from the list, from the line that paid and from the line that takes back."""
    officers = Officers()
    paid_by = officers.settled(world.programme)
    cancel(ripe)
    client, supplier = browser(Role.AUDITOR), ripe.deal.supplier
    page = client.get("/console/ripe/debts").get_data(as_text=True)
    assert supplier.name in page and "음수 잔액" in page and "1,100,000원" in page
    assert supplier.name in client.get("/console/ripe/debts?which=short").get_data(as_text=True)
    detail = client.get(f"/console/ripe/debts/{supplier.id}").get_data(as_text=True)
    old = f"/console/settlement/{paid_by.id}/lines/{paid_by.lines[0].id}"
    assert old in detail and "다음 정산" in detail
    make_paid(world.programme, supplier, 2_200_000, paid_at=clock.now() - timedelta(days=11))
    later = officers.approved(world.programme)
    new = f"/console/settlement/{later.id}/lines/{later.lines[0].id}"
    assert f"정산 {paid_by.number}</a> 지급분을 환수" in client.get(new).get_data(as_text=True)
    assert f"정산 {later.number}</a>에서 환수" in client.get(old).get_data(as_text=True)
    assert "환수할 금액이 없습니다" in client.get("/console/ripe/debts").get_data(as_text=True)
    for address in ("/console/ripe/debts", f"/console/ripe/debts/{supplier.id}", new):
        assert client.get(f"{address}?format=csv").mimetype == "text/csv"
    assert client.get("/console/ripe/debts/99999999").status_code == 404


def test_the_ripe_pages_take_the_same_number_of_queries_however_long_they_are(
    world: Any, browser: Any, ripe: Any
) -> None:
    client = browser(Role.FINANCE_OFFICER)
    addresses = ("/console/ripe/payments", "/console/ripe/debts")
    few = [_queries(client, address) for address in addresses]
    for _ in range(4):
        make_paid(world.programme, make.make_supplier(), 1_000, paid_at=clock.now() - timedelta(days=11))
    db.session.commit()
    assert [_queries(client, address) for address in addresses] == few


def _queries(client: Any, address: str) -> int:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert client.get(address).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return sum("SELECT" in statement for statement in seen)


def test_a_result_of_another_batch_is_refused_in_the_form(
    world: Any, browser: Any, said: Any, ripe: Any
) -> None:
    client = browser(Role.FINANCE_OFFICER)
    batch = _draft(client, said)
    file = {"file": (io.BytesIO(b"no such form"), "result.csv")}
    answer = client.post(f"/console/settlement/{batch.id}/results", data=file)
    assert answer.status_code == 422 and "kv-error-summary" in answer.get_data(as_text=True)


def test_a_draft_is_discarded_with_a_reason(world: Any, browser: Any, said: Any, ripe: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    batch = _draft(client, said)
    said(client, f"/console/settlement/{batch.id}/discard", data={"confirmed": "1", "reason": "기준일 오류"})
    assert batch.state is BatchState.DISCARDED and batch.reason == "기준일 오류"


def test_nothing_ripe_drafts_nothing_and_says_so(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    text = said(client, "/console/ripe/draft", data={"cutoff": f"{clock.today():%Y.%m.%d}"})
    assert "작성하지 않았습니다" in text
    ahead = f"{clock.today() + timedelta(days=3):%Y.%m.%d}"
    assert "정산기준일은 오늘" in said(client, "/console/ripe/draft", data={"cutoff": ahead})


def test_the_ledger_opens_from_journal_to_account(world: Any, browser: Any, ripe: Any) -> None:
    client = browser(Role.AUDITOR)
    key = f"payment:payment:{ripe.id}"
    page = client.get(f"/console/ledger/?kind=payment&size=10&event={key}").get_data(as_text=True)
    assert key in page and "1,100,000원" in page
    number = next(part for part in page.split('href="/console/ledger/') if part[0].isdigit()).split('"')[0]
    detail = client.get(f"/console/ledger/{number}").get_data(as_text=True)
    assert "공급기업 미지급금" in detail and ripe.deal.supplier.name in detail
    account = client.get(f"/console/ledger/account/{LedgerAccount.PAYABLE.value}/{ripe.supplier_id}")
    assert "잔액" in account.get_data(as_text=True) and "1,100,000원" in account.get_data(as_text=True)
    assert client.get("/console/ledger/account/nothing/1").status_code == 404
    for address in ("ledger/", "trial/", f"ledger/account/payable/{ripe.supplier_id}"):
        assert client.get(f"/console/{address}?format=csv").mimetype == "text/csv"


def test_the_trial_balance_sums_up_to_zero(world: Any, browser: Any, ripe: Any) -> None:
    text = browser(Role.AUDITOR).get("/console/trial/").get_data(as_text=True)
    assert "차변과 대변이 맞습니다" in text and "−" in text
    foot = text[text.index("<tfoot>") : text.index("</tfoot>")]
    brought, arrived, left, ever_arrived, ever_left, balance = re.findall(r">(−?[\d,]+원)</td>", foot)
    assert brought == balance == "0원" and arrived == left != "0원" and ever_arrived == ever_left
    day = f"{clock.today():%Y.%m.%d}"
    assert "차변과 대변이 맞습니다" in browser(Role.AUDITOR).get(f"/console/trial/?until={day}").get_data(
        as_text=True
    )


def test_the_audit_trail_is_found_and_checked(world: Any, browser: Any, said: Any) -> None:
    """R-AUD-1"""
    application = world.case()
    browser(Role.REVIEWER).post(f"/console/case/{application.id}/screen")
    client = browser(Role.AUDITOR)
    address = f"/console/audit/?entity=application&entity_id={application.id}"
    text = client.get(address).get_data(as_text=True)
    assert "상태: 심사중 → 심사확정" in text and world.staff[Role.REVIEWER].name in text
    assert "조건에 맞는 기록이 없습니다" in client.get("/console/audit/?who=없는사람").get_data(as_text=True)
    assert "고치거나 지운 흔적이 없습니다" in said(client, "/console/audit/verify")
