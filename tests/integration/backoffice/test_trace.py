"""R-MONEY-3: from any won to its budget line, voucher, payment, settlement line and transfer, and back."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from openpyxl import load_workbook

from app import clock
from app.db import db
from app.models.payments import Payment
from app.models.programme import AgencyBudget
from app.models.settlements import SettlementItem, SettlementLine
from app.policy import Role
from app.workflows import ledger_trace
from app.workflows.ledger_trace import TraceKind
from tests import factories as make
from tests import money
from tests.integration.backoffice import walking
from tests.integration.backoffice.walking import LINK, Walker
from tests.settled import cancel

life = walking.life


def test_one_life_is_walked_by_clicks_there_and_back(browser: Any, life: SimpleNamespace) -> None:
    payment, line, budget = life.payment, life.line, life.payer.voucher.agency_budget_id
    name = db.session.get_one(AgencyBudget, budget).agency.name
    grant = f"{payment.grant_part:,}원"
    walk = Walker(browser(Role.AUDITOR), "/console/trace/")
    # There: budget, voucher, payment, settlement line.
    walk.click(name).says("3,600,000원", "남은 예산")
    walk.click(f"바우처 {life.payer.voucher.id}").says("4,000,000원", "2,900,000원", life.payer.company.name)
    walk.click(f"결제 {payment.id}").says(payment.order_id, "1,100,000원", grant, "990,000원")
    walk.click(life.supplier.name).says(f"KV{line.id:010}", "1,089,000원", "-11,000원".replace("-", "−"))
    assert walk.address == f"/console/trace/line/{line.id}"
    # And back.
    walk.click(f"결제 {payment.id}").click(life.payer.company.name).click(name)
    assert walk.address == f"/console/trace/budget/{budget}"


def test_each_hop_leads_to_its_record_and_its_journals(browser: Any, life: SimpleNamespace) -> None:
    client, payment, line = browser(Role.FINANCE_OFFICER), life.payment, life.line
    walk = Walker(client, f"/console/payments/{payment.id}").click("돈의 흐름 추적")
    assert walk.address == f"/console/trace/payment/{payment.id}"
    kinds = ("예산확정", "결제 보류", "결제", "정산", "지급")
    walk.says(*kinds)
    walk.click("정산 지급 내역").click("추적")
    assert walk.address == f"/console/trace/line/{line.id}"
    # From a journal to whose account it is, to the trace, and back to the same journal.
    walk.open(f"/console/ledger/?record=payment&number={payment.id}")
    walk.says("<td>결제 보류</td>", f"<td>결제 {payment.id}</td>")
    walk.click(f"결제 {payment.id} 추적").click("분개")
    walk.says("이 분개의 기록", "바우처 추적").click("바우처 추적")
    assert walk.address == f"/console/trace/voucher/{life.payer.voucher.id}"


def test_the_budget_of_the_programme_that_runs_leads_to_its_page_and_back(world: Any, browser: Any) -> None:
    walk = Walker(browser(Role.BUDGET_OFFICER), f"/console/budgets/{world.agency.id}").click("추적")
    walk.says(world.agency.name, "50,000,000원", "이 예산에서 나간 바우처가 없습니다.")
    assert walk.click("예산 현황").address == f"/console/budgets/{world.agency.id}"


def test_every_kind_of_account_leads_to_its_owner(browser: Any, life: SimpleNamespace) -> None:
    """From any won: each posting of the whole life has a link that opens."""
    client = browser(Role.BUDGET_OFFICER)
    walk = Walker(client, "/console/ledger/postings?size=100")
    accounts = {
        "정부 재원", "운영기관 예산", "기업 자부담 약정", "바우처 정부지원금", "바우처 자부담금",
        "결제 보류", "공급기업 미지급금", "이체 중", "공급기업 지급완료", "수수료",
    }  # fmt: skip
    walk.says(*accounts)
    rows = re.findall(r"<tr>\s*<td><a href=\"/console/ledger/\d+\">.*?</tr>", walk.page, re.S)
    assert len(rows) >= 15
    for row in rows:
        links = [url for url, _ in LINK.findall(row)]
        assert len(links) == 3
        for url in links:
            assert client.get(url, follow_redirects=True).status_code == 200, url


def test_the_sums_of_a_trace_agree_from_end_to_end(life: SimpleNamespace) -> None:
    actor = make.make_actor(Role.AUDITOR)
    payment: Payment = life.payment

    def at(kind: TraceKind, key: int) -> ledger_trace.Trace:
        return ledger_trace.trace(actor=actor, kind=kind, record_id=key)

    def total(kind: TraceKind, key: int) -> int:
        return sum(row.amount for row in ledger_trace.further(actor=actor, kind=kind, record_id=key))

    trace = at(TraceKind.PAYMENT, payment.id)
    assert [hop.kind.value for hop in trace.hops] == ["budget", "voucher", "payment", "line"]
    assert [hop.part for hop in trace.hops] == [payment.grant_part, 1_100_000, 1_100_000, 1_100_000]
    assert sum(row.amount for row in trace.sums[:-1]) == trace.sums[-1].amount == payment.total
    voucher = at(TraceKind.VOUCHER, payment.voucher_id)
    assert voucher.here.amount - total(TraceKind.VOUCHER, payment.voucher_id) == voucher.sums[-1].amount
    assert voucher.sums[-1].amount == sum(life.payer.left())
    budget = at(TraceKind.BUDGET, life.payer.voucher.agency_budget_id)
    assert total(TraceKind.BUDGET, budget.id) == 3_600_000
    assert sum(row.amount for row in budget.sums[:-1]) == budget.sums[-1].amount
    line = at(TraceKind.LINE, life.line.id)
    assert total(TraceKind.LINE, life.line.id) == life.line.gross == line.sums[0].amount
    assert sum(row.amount for row in line.sums[:-1]) == life.line.net == line.sums[-1].amount
    moved = {journal.kind.value: journal.amount for hop in trace.hops for journal in hop.journals}
    assert moved == {
        "approval": 4_000_000, "hold": 1_100_000, "payment": 1_100_000, "settlement": 1_100_000,
        "transfer": 1_089_000,
    }  # fmt: skip


def test_a_clawback_is_a_hop_of_the_payment_that_it_takes_back(
    browser: Any, life: SimpleNamespace, sandbox_url: str
) -> None:
    cancel(life.payment)
    for amount in (1_200_000, 900_000):
        payment = money.pay(life.payer, money.make_bill(life.payer, amount, supplier=life.supplier))
        payment.paid_at = clock.now() - timedelta(days=11)
    batch = life.officers.approved(life.payer.programme)
    db.session.commit()
    back = db.session.query(SettlementLine).filter_by(batch_id=batch.id).one()
    walk = Walker(browser(Role.AUDITOR), f"/console/trace/payment/{life.payment.id}")
    walk.says("환수: 이미 지급한 결제가 취소되어", "−1,100,000원", batch.number)
    walk.open(f"/console/trace/line/{back.id}")
    walk.says("2,100,000원", "−1,100,000원", f"{back.net:,}원")
    rows = ledger_trace.further(actor=make.make_actor(Role.AUDITOR), kind=TraceKind.LINE, record_id=back.id)
    assert sum(row.amount for row in rows) == back.gross - back.clawback == 1_000_000


def test_a_carried_line_is_followed_to_the_one_that_paid(browser: Any, life: SimpleNamespace) -> None:
    supplier = make.make_supplier(account_number="11099999999")
    payment = money.pay(life.payer, money.make_bill(life.payer, 500_000, supplier=supplier))
    payment.paid_at = clock.now() - timedelta(days=11)
    failed = life.officers.settled(life.payer.programme, "99999999")
    paid = life.officers.settled(life.payer.programme)
    db.session.commit()
    walk = Walker(browser(Role.AUDITOR), f"/console/trace/payment/{payment.id}")
    walk.says(failed.number, paid.number, "이월", "지급완료", "앞 정산에서 이월된 금액을 담았습니다.")
    item = db.session.get_one(SettlementItem, payment.id)
    walk.open(f"/console/trace/line/{item.line_id}")
    walk.says(failed.number, paid.number)


def test_the_way_in_by_whatever_number_one_has(browser: Any, life: SimpleNamespace) -> None:
    client, payment = browser(Role.AUDITOR), life.payment
    company = life.payer.company
    for q, says in (
        (payment.order_id, payment.order_id),
        (payment.approval_number, payment.order_id),
        (f"KV{life.line.id:010}", life.supplier.name),
        (life.batch.number, life.supplier.name),
        (company.business_number, company.name),
        (company.name, company.name),
    ):
        found = client.get("/console/trace/", query_string={"q": q}).text
        assert f">{says}</a>" in html.unescape(found), q
    for q in ("없는 번호", "KV", "KV99999999999999999999", "%", "' OR 1=1"):
        assert "찾은 기록이 없습니다." in client.get("/console/trace/", query_string={"q": q}).text, q


def test_a_trace_costs_the_same_whatever_lies_in_it(life: SimpleNamespace) -> None:
    actor = make.make_actor(Role.AUDITOR)

    def reads(kind: TraceKind, key: int) -> int:
        def look() -> None:
            ledger_trace.trace(actor=actor, kind=kind, record_id=key)
            ledger_trace.further(actor=actor, kind=kind, record_id=key)

        return money.reads_of(look)

    places = [
        (TraceKind.BUDGET, life.payer.voucher.agency_budget_id),
        (TraceKind.VOUCHER, life.payer.voucher.id),
        (TraceKind.PAYMENT, life.payment.id),
        (TraceKind.LINE, life.line.id),
    ]
    before = [reads(*place) for place in places]
    assert max(before) <= 6
    for amount in (100_000, 200_000, 300_000):
        money.pay(life.payer, money.make_bill(life.payer, amount, supplier=life.supplier))
    assert [reads(*place) for place in places] == before


def test_nothing_there_is_not_found_and_others_may_not_look(browser: Any, life: SimpleNamespace) -> None:
    client = browser(Role.AUDITOR)
    for address in ("payment/999999999", "line/999999999", "voucher/999999999", "budget/999999999"):
        assert client.get(f"/console/trace/{address}").status_code == 404
    assert client.get("/console/trace/company/999999999").status_code == 404
    assert client.get("/console/trace/nothing/1").status_code == 404
    for role in (Role.REVIEWER, Role.MANAGER, Role.SYSTEM_ADMIN):
        assert browser(role).get(f"/console/trace/payment/{life.payment.id}").status_code == 403


def test_postings_of_a_period_come_as_a_file(browser: Any, life: SimpleNamespace) -> None:
    client = browser(Role.FINANCE_OFFICER)
    day = f"{clock.today():%Y.%m.%d}"
    answer = client.get(f"/console/ledger/postings?format=xlsx&since={day}&until={day}")
    rows = list(load_workbook(BytesIO(answer.data)).active.values)
    assert rows[0][:7] == ("분개", "일시", "구분", "계정", "누구의", "들어옴", "나감")
    body = [row for row in rows[1:] if isinstance(row[0], int)]
    assert sum(row[5] for row in body) == sum(row[6] for row in body) > 0
    only = client.get("/console/ledger/postings?format=xlsx&account=payable&kind=payment")
    payable = [row for row in list(load_workbook(BytesIO(only.data)).active.values)[1:] if row[3]]
    assert {row[3] for row in payable} == {"공급기업 미지급금"}
    assert life.supplier.name in {row[4] for row in payable}
    assert "조건에 맞는 기입이 없습니다." in client.get("/console/ledger/postings?until=1999.01.01").text


def test_the_trial_balance_has_the_months_columns(browser: Any, life: SimpleNamespace) -> None:
    client = browser(Role.FINANCE_OFFICER)
    page = client.get("/console/trial/").text
    for word in ("전월 이월", "당월 들어옴", "당월 나감", f"{clock.today():%Y년 %m월}"):
        assert word in page
    rows = list(load_workbook(BytesIO(client.get("/console/trial/?format=xlsx").data)).active.values)
    head = rows[0]
    body = [dict(zip(head, row, strict=True)) for row in rows[1:] if row[0] and row[0] != "합계"]
    for row in body:
        assert row["전월 이월"] + row["당월 들어옴"] - row["당월 나감"] == row["잔액"], row
        assert row["들어옴"] - row["나감"] == row["잔액"]
    for column in ("전월 이월", "잔액"):
        assert sum(row[column] for row in body) == 0
    moved = next(row for row in body if row["계정"] == "공급기업 지급완료")
    assert moved["당월 들어옴"] == 1_089_000 and moved["전월 이월"] == 0
    # A month on, all of it is brought forward.
    clock.set_offset(timedelta(days=40))
    later = list(load_workbook(BytesIO(client.get("/console/trial/?format=xlsx").data)).active.values)
    after = {row[0]: dict(zip(head, row, strict=True)) for row in later[1:] if row[0]}
    assert after["공급기업 지급완료"]["전월 이월"] == 1_089_000
    assert after["공급기업 지급완료"]["당월 들어옴"] == 0
