"""R-DOC-1, R-SET-2: the 정산내역서 of a batch, taken down by one statement for all of its lines."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pypdf
import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.documents import store
from app.documents.slip_data import SettledItem, SettlementPaper
from app.errors import NotFound
from app.models.holds import HoldSource
from app.models.payments import Slip, SlipKind
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import ledger_trace, settlement_bank, shares, slip_snapshots, slips
from app.workflows.ledger_trace import TraceKind
from config import DEMONSTRATION_PAYER as PAYER
from tests import factories
from tests.settled import Holders, Officers, bank_answer, cancel, give_invoice, make_paid

pytestmark = pytest.mark.usefixtures("tx")


@pytest.fixture(autouse=True)
def own_store(tx: Flask, tmp_path: Path) -> Iterator[None]:
    store.configure(tmp_path)
    yield
    store.configure(tx.config["FILES"])


def words(content: bytes) -> str:
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"[ \t]+", " ", text)


def test_a_statement_of_settlement_lists_the_payments() -> None:
    programme, supplier = factories.make_programme(), factories.make_supplier()
    payment = make_paid(programme, supplier, 640_000, paid_at=clock.now() - timedelta(days=12))
    officers = Officers()
    officers.exported(programme)
    slip = db.session.scalars(select(Slip).where(Slip.kind == SlipKind.SETTLEMENT)).one()
    text = words(store.read(slips.render(slip.id)))
    assert payment.approval_number and payment.approval_number in text
    assert "640,000" in text and supplier.name in text and PAYER["NAME"] in text
    assert (supplier.account_number or "") not in text
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    assert slips.for_download(actor=seller, slip_id=slip.id).slip.id == slip.id
    buyer = factories.make_actor(Role.DEMAND, company_id=payment.company_id)
    with pytest.raises(NotFound):
        slips.for_download(actor=buyer, slip_id=slip.id)


def test_a_settlement_is_taken_down_as_the_paper_reads_it() -> None:
    """Set-based: what the statement in the database writes is what the drawing loads, and the sums agree."""
    programme, supplier = factories.make_programme(), factories.make_supplier(account_number="110123456789")
    ago = clock.now() - timedelta(days=12)
    first, second = (make_paid(programme, supplier, amount, paid_at=ago) for amount in (640_000, 360_004))
    with transaction():
        second.approval_number, second.tax_part = None, 36_000
    batch, _ = Officers().exported(programme)
    slip = db.session.scalars(select(Slip).where(Slip.kind == SlipKind.SETTLEMENT)).one()
    paper = SettlementPaper.load(slip.data)
    assert paper.dump() == {**slip.data, "items": tuple(each.dump() for each in paper.items)}
    told = {"number"}
    assert all(each.keys() | told == asdict(SettledItem.load(each)).keys() for each in slip.data["items"])
    assert paper.stamp.number == f"{programme.year}-S-000001" == slips.number_of(slip)
    assert paper.stamp.url.endswith(slip.code) and paper.stamp.code == slips.show_code(slip)
    assert paper.supplier == slip_snapshots.supplier_party(supplier)
    assert (paper.batch, paper.cutoff) == (batch.number, clock.write_day(batch.cutoff))
    assert paper.payer is not None and paper.payer.business_number == PAYER["BUSINESS_NUMBER"]
    assert [(item.approval_number, item.amount) for item in paper.items] == [
        (first.approval_number, first.total),
        (second.order_id, second.total),
    ], "whatever is numbered later"
    for item, payment in zip(paper.items, (first, second), strict=True):
        value = shares.supply_and_tax(amount=payment.amount, tax=payment.tax_part)
        assert (item.supply, item.tax) == (value.supply, value.tax), "R-MONEY-2a"
    assert paper.items[0].paid_on == f"{clock.korean_day(ago):%Y.%m.%d.}"
    assert paper.total == paper.gross + paper.carried - paper.fee - paper.clawback
    with transaction():
        assert slips.issue_for_batch(batch.id) == 0, "asked again it adds nothing"


def test_what_is_taken_back_names_the_settlement_that_paid_it() -> None:
    """R-PAY-6, R-SET-2"""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    ago = clock.now() - timedelta(days=12)
    payment = make_paid(programme, supplier, 100_000, paid_at=ago)
    officers = Officers()
    before = officers.settled(programme)
    cancel(payment)
    make_paid(programme, supplier, 900_000, paid_at=ago)
    after, _ = officers.exported(programme)
    line = next(iter(after.lines))
    paper = SettlementPaper.load(slips.for_lines([line.id])[line.id].data)
    back = paper.items[-1]
    assert (back.amount, back.note) == (-100_000, f"{before.number} 정산에서 지급한 금액")
    assert back.item.endswith("(결제취소 환수)") and paper.clawback == 100_000


def test_a_payment_by_zeropay_names_its_tax_invoice_and_a_card_none() -> None:
    """R-SET-1: the number that the tax office gave it, as it is on file when the statement is issued."""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    ago = clock.now() - timedelta(days=12)
    card = make_paid(programme, supplier, 100_000, paid_at=ago)
    zeropay = make_paid(programme, supplier, 200_000, paid_at=ago, instrument=InstrumentKind.ZEROPAY)
    invoice = give_invoice(zeropay)
    Officers().exported(programme)
    [slip] = db.session.scalars(select(Slip).where(Slip.kind == SlipKind.SETTLEMENT))
    told = {item.approval_number: item for item in SettlementPaper.load(slip.data).items}
    assert told[card.approval_number or ""].invoice_number == ""
    item = told[zeropay.approval_number or ""]
    assert (item.invoice_number, item.supply, item.tax) == (invoice.number, invoice.supply, invoice.tax)
    assert invoice.number in words(store.read(slips.render(slip.id)))


def test_what_is_taken_back_names_the_invoice_that_corrects_the_first() -> None:
    """R-PAY-6: of the two invoices that a cancelled payment has, the one below zero."""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    ago = clock.now() - timedelta(days=12)
    payment = make_paid(programme, supplier, 110_000, paid_at=ago, instrument=InstrumentKind.ZEROPAY)
    first = give_invoice(payment)
    officers = Officers()
    officers.settled(programme)
    cancel(payment)
    second = give_invoice(payment)
    make_paid(programme, supplier, 900_000, paid_at=ago)
    after, _ = officers.exported(programme)
    [line] = after.lines
    back = SettlementPaper.load(slips.for_lines([line.id])[line.id].data).items[-1]
    assert second.modify_code is not None and second.number != first.number
    assert (back.invoice_number, back.amount, back.supply, back.tax) == (
        second.number, -110_000, -100_000, -10_000,
    )  # fmt: skip


def test_what_stayed_behind_is_listed_and_not_paid() -> None:
    """R-SET-4: the supplier reads that it is being looked at, not why; where all is held, there is none."""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    ago = clock.now() - timedelta(days=12)
    held, _ = (make_paid(programme, supplier, amount, paid_at=ago) for amount in (640_000, 360_000))
    alone = make_paid(programme, factories.make_supplier(), 50_000, paid_at=ago)
    officers, holders = Officers(), Holders()
    batch = officers.approved(programme)
    for payment in (held, alone):
        holders.place(payment.id, HoldSource.SUSPICION)
    settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id)
    [slip] = db.session.scalars(select(Slip).where(Slip.kind == SlipKind.SETTLEMENT))
    paper = SettlementPaper.load(slip.data)
    assert (paper.gross, paper.withheld, paper.total) == (1_000_000, 640_000, 360_000)
    assert [item.note for item in paper.items] == ["지급 전 확인 중(이번 지급에서 제외)", ""]
    text = words(store.read(slips.render(slip.id)))
    assert "지급 전 확인 중" in text and "-640,000" in text and "의심" not in text


def test_a_part_that_is_held_again_where_it_was_carried_is_named() -> None:
    """R-SET-4: it is no payment of that line, and yet the line pays less for it."""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    ago = clock.now() - timedelta(days=12)
    held, _ = (make_paid(programme, supplier, amount, paid_at=ago) for amount in (640_000, 360_000))
    officers, holders = Officers(), Holders()
    first = officers.approved(programme)
    hold = holders.place(held.id)
    sent = settlement_bank.export_bank_file(actor=officers.approver, batch_id=first.id).content
    settlement_bank.import_result(
        actor=officers.approver, batch_id=first.id, content=bank_answer(sent), file_name="a.csv"
    )
    holders.release(hold)
    make_paid(programme, supplier, 5_000, paid_at=ago)
    second = officers.approved(programme)
    holders.place(held.id)
    settlement_bank.export_bank_file(actor=officers.approver, batch_id=second.id)
    [line] = second.lines
    paper = SettlementPaper.load(slips.for_lines([line.id])[line.id].data)
    assert (paper.carried, paper.withheld, paper.total) == (640_000, 640_000, 5_000)
    assert [(item.amount, item.note) for item in paper.items] == [
        (0, "이월된 640,000원은 지급 전 확인 중(이번 지급에서 제외)"), (5_000, ""),
    ]  # fmt: skip
    officer = factories.make_actor(Role.AUDITOR)
    hops = ledger_trace.trace(actor=officer, kind=TraceKind.LINE, record_id=line.id).hops
    assert len({hop.id for hop in hops}) == len(hops), "each line once"
