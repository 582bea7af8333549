"""R-MONEY-3: holds, tax invoices and what is taken back stand in the trace of their payment."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from openpyxl import load_workbook

from app import clock
from app.db import db
from app.models.holds import HoldSource
from app.models.ledger import JournalKind
from app.models.payments import Payment
from app.models.settlements import ClawbackItem, LineState, SettlementItem, SettlementLine
from app.models.vouchers import InstrumentKind
from app.policy import CLOCK, Role
from app.workflows import holds, ledger_trace, settlement, settlement_bank
from app.workflows.ledger_trace import TraceKind
from app.workflows.ledger_trace_beside import BesideKind, DebtState
from tests import factories as make
from tests import money
from tests.integration.backoffice import walking
from tests.integration.backoffice.walking import Walker
from tests.settled import Holders, bank_answer, cancel, give_invoice, make_paid

life = walking.life


def _trace(record_id: int, kind: TraceKind = TraceKind.PAYMENT) -> ledger_trace.Trace:
    return ledger_trace.trace(actor=make.make_actor(Role.AUDITOR), kind=kind, record_id=record_id)


def _lines(payment_id: int) -> list[ledger_trace.Hop]:
    return [hop for hop in _trace(payment_id).hops if hop.kind is TraceKind.LINE]


def _another(life: SimpleNamespace, amount: int = 1_200_000) -> Payment:
    payment = money.pay(life.payer, money.make_bill(life.payer, amount, supplier=life.supplier))
    payment.paid_at = clock.now() - timedelta(days=11)
    db.session.commit()
    return payment


def test_what_was_paid_out_and_cancelled_is_a_debt_until_a_line_takes_it_back(
    browser: Any, life: SimpleNamespace
) -> None:
    """R-PAY-6: owed, in a draft, taken; each time with the lines by a click."""
    cancel(life.payment)
    db.session.commit()
    walk = Walker(browser(Role.AUDITOR), f"/console/trace/payment/{life.payment.id}")
    walk.says("환수 전", "1,100,000원", "지급한 정산", "다음 정산에서 빼고 지급합니다")
    walk.click("환수 대상 화면").says(life.supplier.name)
    _another(life)
    programme, officers = life.payer.programme, life.officers
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    [debt] = [one for one in _trace(life.payment.id).hops[2].beside if one.kind is BesideKind.DEBT]
    assert debt.state is DebtState.PLANNED
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    settlement.approve(actor=officers.approver, batch_id=built.batch.id)
    db.session.commit()
    taken = db.session.get_one(ClawbackItem, life.payment.id)
    walk.open(f"/console/trace/payment/{life.payment.id}")
    walk.says("환수 완료", "환수하는 정산", built.batch.number)
    walk.click(built.batch.number)
    assert walk.address == f"/console/trace/line/{taken.line_id}"
    # From the line that takes it back to the one that had paid it out, and the other way round.
    walk.says(f"지급 {life.batch.number}").click(f"지급 {life.batch.number}")
    assert walk.address == f"/console/trace/line/{taken.of_line_id}" == f"/console/trace/line/{life.line.id}"
    walk.click(f"환수 {built.batch.number}")
    assert walk.address == f"/console/trace/line/{taken.line_id}"


def test_a_hold_stands_there_from_its_placing_to_its_release(browser: Any, life: SimpleNamespace) -> None:
    payment, holders = _another(life), Holders()
    hold = holders.place(payment.id)
    walk = Walker(browser(Role.AUDITOR), f"/console/trace/payment/{payment.id}")
    walk.says("지급 보류", "담당자 보류", "보류일시").click("지급 보류 화면")
    assert walk.address == f"/console/holds/{hold.id}"
    holders.release(hold)
    [one] = _trace(payment.id).hops[2].beside
    assert one.state.label == "해제" and "해제일시" in dict(one.facts)


def test_a_line_that_a_hold_stopped_shows_its_journal(life: SimpleNamespace) -> None:
    payment = _another(life)
    batch = life.officers.approved(life.payer.programme)
    holds.place(actor=CLOCK, payment_id=payment.id, source=HoldSource.SUSPICION, reason="확인")
    trace = _trace(payment.id)
    hop = next(hop for hop in trace.hops if hop.kind is TraceKind.LINE and hop.parent == batch.id)
    assert JournalKind.HOLD_BACK in {journal.kind for journal in hop.journals}


def test_a_payment_that_stayed_behind_leads_through_its_line_to_the_one_that_pays_it(
    life: SimpleNamespace,
) -> None:
    held, rest = _another(life, 500_000), _another(life, 300_000)
    programme, officers, holders = life.payer.programme, life.officers, Holders()
    batch = officers.approved(programme)
    line = db.session.get_one(SettlementLine, db.session.get_one(SettlementItem, held.id).line_id)
    hold = holders.place(held.id)
    [hop] = _lines(held.id)
    assert (hop.id, hop.part) == (line.id, 495_000) and "이 정산에서 뺐습니다" in hop.note
    for place in (_trace(held.id).here, hop):
        assert JournalKind.HOLD_BACK in {journal.kind for journal in place.journals}
    assert [(hop.id, hop.note) for hop in _lines(rest.id)] == [(line.id, "")]
    sent = settlement_bank.export_bank_file(actor=officers.drafter, batch_id=batch.id).content
    settlement_bank.import_result(
        actor=officers.approver, batch_id=batch.id, content=bank_answer(sent), file_name="a.csv"
    )
    holders.release(hold)
    officers.settled(programme)
    first, last = _lines(held.id)
    assert first.id == line.id and (last.part, last.state) == (495_000, LineState.PAID)
    assert {line.id, last.id} <= {hop.id for hop in _trace(last.id, TraceKind.LINE).hops}
    assert {line.id, last.id} <= {hop.id for hop in _trace(line.id, TraceKind.LINE).hops}


def test_tax_invoices_stand_beside_their_payment(browser: Any, life: SimpleNamespace) -> None:
    payment = make_paid(life.payer.programme, life.supplier, instrument=InstrumentKind.ZEROPAY)
    invoice = give_invoice(payment)
    db.session.commit()
    walk = Walker(browser(Role.FINANCE_OFFICER), f"/console/trace/?q={invoice.number}")
    walk.click(payment.order_id).says("세금계산서", invoice.number, f"{invoice.total:,}원").click(
        "세금계산서 화면"
    )
    assert walk.address == f"/console/invoices/{invoice.id}"


def test_the_way_of_a_payment_comes_as_a_file(browser: Any, life: SimpleNamespace) -> None:
    cancel(life.payment)
    db.session.commit()
    client, address = browser(Role.FINANCE_OFFICER), f"/console/trace/payment/{life.payment.id}"
    assert "엑셀 다운로드" in client.get(address).text
    answer = client.get(f"{address}?format=xlsx")
    head, *body = list(load_workbook(BytesIO(answer.data)).active.values)
    assert head[:5] == ("순서", "구분", "번호", "이름", "상태")
    rows = [dict(zip(head, row, strict=True)) for row in body if row[1]]
    kinds = [row["구분"] for row in rows]
    assert [kind for kind in kinds if kind in {"예산", "바우처", "결제", "정산 지급"}] == [
        "예산", "바우처", "결제", "정산 지급",
    ]  # fmt: skip
    debt = next(row for row in rows if row["구분"] == "환수")
    assert (debt["금액"], debt["상태"]) == (1_100_000, "환수 전") and life.batch.number in debt["내용"]
    assert {"분개(결제)", "분개(결제취소)", "분개(정산)", "분개(지급)"} <= set(kinds)
    assert client.get(f"{address}?format=csv").status_code == 200
