"""세금계산서: kept by number and checked against the payment (R-SET-1, R-MONEY-2a)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select, text

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.payments import Payment
from app.models.programme import Programme
from app.models.record import Notice
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Role
from app.workflows import (
    attachments,
    settlement,
    tax_invoice_asks,
    tax_invoice_checks,
    tax_invoice_files,
    tax_invoice_reads,
    tax_invoices,
)
from app.workflows.tax_invoice_checks import Said
from app.workflows.tax_invoice_reads import Tab
from tests import factories, settled

pytestmark = pytest.mark.usefixtures("tx")

NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
PAID = datetime(2020, 11, 3, 15, 0, tzinfo=clock.KST)
ON_FILE = text(f"SELECT {tax_invoices.ON_FILE} FROM payment p WHERE p.id = :id")


@pytest.fixture(autouse=True)
def _in_november(tx: object) -> Iterator[None]:
    with clock.at(NOW):
        yield


@pytest.fixture
def programme(tx: object) -> Programme:
    return factories.make_programme()


@pytest.fixture
def supplier(tx: object) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def seller(supplier: Supplier) -> Actor:
    return factories.make_account(Role.SUPPLIER, supplier_id=supplier.id).actor()


@pytest.fixture
def officer(tx: object) -> Actor:
    return factories.make_account(Role.FINANCE_OFFICER).actor()


@pytest.fixture
def payment(programme: Programme, supplier: Supplier) -> Payment:
    made = pay(programme, supplier)
    db.session.commit()
    return made


def pay(programme: Programme, supplier: Supplier, amount: int = 1_100_000, **about: Any) -> Payment:
    return settled.make_paid(
        programme, supplier, amount, paid_at=PAID, instrument=InstrumentKind.ZEROPAY, **about
    )


def said(number: int = 1, **changed: Any) -> Said:
    fits = Said(
        number=f"20201105{number:016}",
        issued_on=date(2020, 11, 3),
        supply=1_000_000,
        tax=100_000,
        total=1_100_000,
    )
    return replace(fits, **changed)


def on_file(payment: Payment) -> bool:
    return bool(db.session.scalar(ON_FILE, {"id": payment.id}))


def enter(seller: Actor, payment: Payment, number: int = 1, **changed: Any) -> TaxInvoice:
    return tax_invoices.enter(actor=seller, payment_id=payment.id, said=said(number, **changed))


def test_one_that_fits_is_on_file_at_once(seller: Actor, payment: Payment) -> None:
    assert not on_file(payment)
    invoice = enter(seller, payment)
    assert invoice.state is InvoiceState.MATCHED and invoice.total == 1_100_000 and on_file(payment)
    assert tax_invoice_checks.of_invoice(payment, invoice) == []


def test_the_tax_on_top_is_the_companys(seller: Actor, programme: Programme, supplier: Supplier) -> None:
    """R-MONEY-2a: from 2022 the voucher pays the supply value, and the invoice has the tax beside it."""
    payment = pay(programme, supplier, 4_000_000)
    payment.tax_part = 400_000
    db.session.commit()
    wanted = tax_invoice_checks.wanted(payment, negative=False)
    assert (wanted.supply, wanted.tax, wanted.total) == (4_000_000, 400_000, 4_400_000)
    invoice = enter(seller, payment, supply=4_000_000, tax=400_000, total=4_400_000)
    assert invoice.state is InvoiceState.MATCHED


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"supply": 900_000, "total": 1_000_000},
            "공급가액이 900,000원으로, 결제 내용의 1,000,000원보다 100,000원 적습니다",
        ),
        ({"supply": 1_000_001, "tax": 99_999}, "세액이 99,999원으로, 결제 내용의 100,000원보다 1원 적습니다"),
        ({"issued_on": date(2020, 10, 31)}, "작성일자가 2020.10.31.로, 결제한 달(2020.11.)이 아닙니다"),
    ],
)
def test_one_that_differs_is_kept_and_explained_and_ripens_nothing(
    seller: Actor, payment: Payment, changed: dict[str, Any], words: str
) -> None:
    invoice = enter(seller, payment, **changed)
    assert invoice.state is InvoiceState.MISMATCH and not on_file(payment)
    assert any(words in each for each in tax_invoice_checks.of_invoice(payment, invoice))


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("number", {"number": "2020110500000000000000"}),
        ("number", {"number": "20201305" + "0" * 16}),
        ("number", {"number": "20201117" + "0" * 16}),
        ("number", {"number": "２０２０１１０５" + "0" * 16}),
        ("issued_on", {"issued_on": date(2020, 11, 6)}),
        ("issued_on", {"issued_on": date(2020, 11, 17)}),
        ("supply", {"supply": 0, "total": 100_000}),
        ("total", {"total": 1_100_001}),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    seller: Actor, payment: Payment, field: str, changed: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        enter(seller, payment, **changed)
    assert refused.value.code == "tax_invoice.values" and field in refused.value.fields
    assert db.session.scalar(select(func.count()).select_from(TaxInvoice)) == 0


def test_a_number_and_a_payment_stand_once(
    seller: Actor, payment: Payment, programme: Programme, supplier: Supplier
) -> None:
    other = pay(programme, supplier)
    enter(seller, payment)
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        enter(seller, other)
    assert "이미 등록된 승인번호" in refused.value.fields["number"]
    with pytest.raises(Conflict) as again:
        enter(seller, payment, 2)
    assert again.value.code == "tax_invoice.there"


def test_a_card_has_its_slip_and_anothers_payment_is_not_found(
    seller: Actor, payment: Payment, programme: Programme, supplier: Supplier
) -> None:
    card = settled.make_paid(programme, supplier, paid_at=PAID)
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        enter(seller, card)
    assert refused.value.code == "tax_invoice.card"
    stranger = factories.make_actor(Role.SUPPLIER, supplier_id=factories.make_supplier().id)
    with pytest.raises(NotFound):
        enter(stranger, payment)
    with pytest.raises(Denied):
        enter(factories.make_actor(Role.FINANCE_OFFICER), payment)


def test_finance_accepts_a_difference_with_why(seller: Actor, officer: Actor, payment: Payment) -> None:
    invoice = enter(seller, payment, supply=1_000_001, tax=99_999)
    db.session.commit()
    with pytest.raises(InvalidInput):
        tax_invoices.accept(actor=officer, invoice_id=invoice.id, reason=" ")
    with pytest.raises(Denied):
        tax_invoices.accept(actor=seller, invoice_id=invoice.id, reason="원 단위 차이")
    tax_invoices.accept(actor=officer, invoice_id=invoice.id, reason="원 단위 차이")
    assert invoice.state is InvoiceState.ACCEPTED and on_file(payment)
    assert (invoice.note, invoice.decided_by_id) == ("원 단위 차이", officer.id)
    told = db.session.scalars(select(Notice.text).where(Notice.supplier_id == payment.supplier_id)).all()
    assert any("정산에 담깁니다" in each for each in told)


def test_one_sent_back_makes_room_for_the_right_one(seller: Actor, officer: Actor, payment: Payment) -> None:
    wrong = enter(seller, payment, supply=900_000, total=1_000_000)
    tax_invoices.send_back(actor=officer, invoice_id=wrong.id, reason="금액을 다시 확인해 주세요.")
    [row] = tax_invoice_reads.wanting(actor=seller)
    assert row.id == payment.id and row.returned == "금액을 다시 확인해 주세요."
    right = enter(seller, payment, 2)
    assert right.state is InvoiceState.MATCHED and on_file(payment)
    tax_invoices.void(actor=officer, invoice_id=right.id, reason="국세청에 없는 번호")
    assert not on_file(payment) and enter(seller, payment, 2).state is InvoiceState.MATCHED


def test_its_supplier_withdraws_one_until_it_is_in_a_batch(
    seller: Actor, officer: Actor, payment: Payment, programme: Programme
) -> None:
    first = enter(seller, payment)
    tax_invoices.withdraw(actor=seller, invoice_id=first.id)
    second = enter(seller, payment)
    built = settlement.build(actor=officer, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None and built.payments == 1
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        tax_invoices.withdraw(actor=seller, invoice_id=second.id)
    assert refused.value.code == "tax_invoice.settled" and built.batch.number in refused.value.text


def test_without_one_on_file_a_payment_is_not_settled(
    seller: Actor, officer: Actor, payment: Payment, programme: Programme
) -> None:
    about = {"actor": officer, "cutoff": clock.today(), "programme_id": programme.id}
    assert settlement.build(**about).batch is None
    invoice = enter(seller, payment, supply=900_000, total=1_000_000)
    assert settlement.build(**about).batch is None
    tax_invoices.accept(actor=officer, invoice_id=invoice.id, reason="부분 발행 뒤 추가 발행 확인")
    assert settlement.build(**about).payments == 1


def test_after_a_cancellation_one_that_takes_it_back_is_asked_for(
    seller: Actor, officer: Actor, payment: Payment, programme: Programme, supplier: Supplier
) -> None:
    """수정사유 4, the whole sum with a minus, dated the day of the cancellation."""
    bare = pay(programme, supplier)
    first = enter(seller, payment)
    settled.cancel(payment)
    settled.cancel(bare)
    db.session.commit()
    [row] = tax_invoice_reads.wanting(actor=seller)
    assert row.id == payment.id and row.wanted.total == -1_100_000 and row.wanted.day == NOW.date()
    with pytest.raises(Conflict) as refused:
        enter(seller, bare, 5)
    assert refused.value.code == "tax_invoice.not_wanted"
    late = enter(seller, payment, 2, issued_on=date(2020, 11, 4))
    assert late.state is InvoiceState.MISMATCH
    tax_invoices.withdraw(actor=seller, invoice_id=late.id)
    dated = replace(said(issued_on=NOW.date()), number=f"20201116{3:016}")
    negative = tax_invoices.enter(actor=seller, payment_id=payment.id, said=dated)
    assert (negative.state, negative.total, negative.modify_code) == (InvoiceState.MATCHED, -1_100_000, 4)
    assert negative.original_id == first.id and tax_invoice_reads.wanting(actor=seller) == []
    db.session.commit()
    with pytest.raises(Conflict) as kept:
        tax_invoices.void(actor=officer, invoice_id=first.id, reason="정정")
    assert kept.value.code == "tax_invoice.taken_back"


def test_each_supplier_is_asked_once_of_each(
    seller: Actor, payment: Payment, programme: Programme, supplier: Supplier
) -> None:
    """R-MSG-1"""
    settled.make_paid(programme, supplier, paid_at=PAID)  # a card's
    assert tax_invoice_asks.ask() == 1 and tax_invoice_asks.ask() == 0
    enter(seller, payment)
    settled.cancel(payment)
    assert tax_invoice_asks.ask() == 1 and tax_invoice_asks.ask() == 0
    told = db.session.scalars(
        select(Notice).where(Notice.key.startswith("tax_invoice:")).order_by(Notice.id)
    ).all()
    assert ["발행하고" in each.text for each in told] == [True, True] and "계약의 해제" in told[1].text
    assert {each.link for each in told} == {f"/supply/sales/{payment.id}/invoice"}


def test_the_counts_and_the_search_of_the_console(
    seller: Actor, officer: Actor, payment: Payment, programme: Programme, supplier: Supplier
) -> None:
    other = pay(programme, factories.make_supplier())
    enter(seller, payment, supply=900_000, total=1_000_000)
    counts = tax_invoice_reads.counts(actor=officer)
    assert counts == {Tab.MISMATCH: 1, Tab.MISSING: 1, Tab.NEGATIVE: 0, Tab.FILED: 1}
    assert tax_invoice_reads.counts(actor=seller)[Tab.MISSING] == 0
    [row] = tax_invoice_reads.wanting(actor=officer, tab=Tab.MISSING)
    assert row.id == other.id
    assert tax_invoice_reads.wanting(actor=officer, q=supplier.name) == []
    [found] = tax_invoice_reads.invoices(actor=officer, q="20201105")
    assert found.payment.id == payment.id and len(found.differences) == 2
    assert tax_invoice_reads.invoices(actor=officer, q=supplier.name[:4]) != []
    with pytest.raises(Denied):
        tax_invoice_reads.counts(actor=factories.make_actor(Role.DEMAND))


def test_a_copy_is_handed_out_and_the_look_recorded(seller: Actor, officer: Actor, payment: Payment) -> None:
    """R-FILE-1"""
    pdf = b"%PDF-1.4\n1 0 obj\n%%EOF\n"
    file = attachments.take_in(file_name="세금계산서.pdf", content=pdf)
    invoice = tax_invoices.enter(actor=seller, payment_id=payment.id, said=said(), file=file)
    looked = text("SELECT count(*) FROM audit_row WHERE entity = 'tax_invoice' AND action = 'read'")
    assert tax_invoices.document(actor=seller, invoice_id=invoice.id).content == pdf
    assert db.session.scalar(looked) == 0
    assert tax_invoices.document(actor=officer, invoice_id=invoice.id).content_type == "application/pdf"
    assert db.session.scalar(looked) == 1
    stranger = factories.make_actor(Role.SUPPLIER, supplier_id=factories.make_supplier().id)
    db.session.commit()
    with pytest.raises(NotFound):
        tax_invoices.document(actor=stranger, invoice_id=invoice.id)


def _sheet(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["결제번호", "국세청 승인번호", "작성일자", "공급가액", "세액", "합계금액", "서비스"])
    for row in rows:
        sheet.append(list(row))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_file_is_looked_at_row_by_row_and_taken_as_one(
    seller: Actor, payment: Payment, programme: Programme, supplier: Supplier
) -> None:
    second, third = pay(programme, supplier), pay(programme, supplier)
    card = settled.make_paid(programme, supplier, paid_at=PAID)
    strange = pay(programme, factories.make_supplier())
    day = date(2020, 11, 3)
    content = _sheet(
        (payment.id, said(1).number, day, 1_000_000, 100_000, 1_100_000),
        (str(second.id), said(2).number, "2020-11-03", "900,000", "100,000", "1,000,000"),
        (third.id, None, None, None, None, None),
        (card.id, said(3).number, day, 1_000_000, 100_000, 1_100_000),
        (strange.id, said(4).number, day, 1_000_000, 100_000, 1_100_000),
        (third.id, said(1).number, day, 1_000_000, 100_000, 1_100_000),
        (third.id, "=1+1", day, 1, 1, 2),
    )
    found = tax_invoice_files.sift(actor=seller, content=content)
    assert [each.line.row for each in found.good] == [2, 3] and found.differing == 1 and found.blank == 1
    assert [(fault.row, fault.column) for fault in found.faults] == [
        (5, "결제번호"),
        (6, "결제번호"),
        (7, "국세청 승인번호"),
        (8, "국세청 승인번호"),
    ]
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        tax_invoice_files.enter_file(actor=seller, content=content, digest="x")
    assert refused.value.code == "tax_invoice.file_changed"
    assert tax_invoice_files.enter_file(actor=seller, content=content, digest=found.digest) == (2, 1)
    assert on_file(payment) and not on_file(second)
    db.session.commit()
    with pytest.raises(Conflict):
        tax_invoice_files.enter_file(actor=seller, content=content, digest=found.digest)


def test_lists_ask_a_constant_number_of_queries(
    seller: Actor, programme: Programme, supplier: Supplier
) -> None:
    from sqlalchemy import event

    def asked(size: int) -> int:
        seen: list[str] = []
        db.session.expire_all()
        listener = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)
        tax_invoice_reads.wanting(actor=seller, size=size)
        tax_invoice_reads.invoices(actor=seller, size=size)
        event.remove(db.engine, "before_cursor_execute", listener)
        return len(seen)

    for number in range(4):
        pay(programme, supplier)
        enter(seller, pay(programme, supplier), number)
    db.session.commit()
    asked(1)  # the first finds the session empty
    assert asked(1) == asked(4)


def test_time_does_not_change_what_a_payment_wants(payment: Payment) -> None:
    with clock.at(NOW + timedelta(days=40)):
        assert tax_invoice_checks.wanted(payment, negative=False).day == PAID.date()
