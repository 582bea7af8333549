"""Tax invoices entered at the same instant, on real connections (R-SET-1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import db, transaction
from app.errors import Conflict, InvalidInput
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Role
from app.workflows import tax_invoice_checks, tax_invoice_files, tax_invoice_rows, tax_invoices
from app.workflows.tax_invoice_checks import Said
from tests import factories, settled

Together = Callable[..., list[Any]]


@pytest.fixture
def scene(committed: Any) -> tuple[list[int], Actor, Said]:
    """Two payments of one supplier, and what the invoice of either says."""
    with transaction():
        programme, supplier = factories.make_programme(), factories.make_supplier()
        seller = factories.make_account(Role.SUPPLIER, supplier_id=supplier.id)
    payments = [settled.make_paid(programme, supplier, instrument=InstrumentKind.ZEROPAY) for _ in range(2)]
    fits = tax_invoice_checks.wanted(payments[0], negative=False)
    number = f"{fits.day:%Y%m%d}" + "1" * 16
    said = Said(number=number, issued_on=fits.day, supply=fits.supply, tax=fits.tax, total=fits.total)
    return [payment.id for payment in payments], seller.actor(), said


def _enter(seller: Actor, payment_id: int, said: Said) -> Callable[[], Any]:
    return lambda: tax_invoices.enter(actor=seller, payment_id=payment_id, said=said).state


def test_one_form_sent_from_two_tabs_is_one_invoice(
    scene: tuple[list[int], Actor, Said], together: Together
) -> None:
    [payment_id, _], seller, said = scene
    results = together(_enter(seller, payment_id, said), _enter(seller, payment_id, said))
    assert results.count(InvoiceState.MATCHED) == 1
    assert [r.code for r in results if isinstance(r, Conflict)] == ["tax_invoice.there"]


def test_one_number_for_two_payments_at_once_stands_once(
    scene: tuple[list[int], Actor, Said], together: Together
) -> None:
    payments, seller, said = scene
    results = together(*(_enter(seller, key, said) for key in payments))
    assert results.count(InvoiceState.MATCHED) == 1
    [refused] = [r for r in results if isinstance(r, InvalidInput)]
    assert "number" in refused.fields
    assert db.session.scalar(select(func.count()).select_from(TaxInvoice)) == 1


def test_files_that_name_the_same_numbers_crosswise_do_not_block_each_other(
    scene: tuple[list[int], Actor, Said], together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-SET-1: numbers come before payments and in one order, whatever the order of the payments."""
    mine, seller, said = scene
    with transaction():
        programme, supplier = factories.make_programme(), factories.make_supplier()
        rival = factories.make_account(Role.SUPPLIER, supplier_id=supplier.id).actor()
    theirs = [settled.make_paid(programme, supplier, instrument=InstrumentKind.ZEROPAY).id for _ in range(2)]
    numbers = [said.number, said.number[:-1] + "2"]
    enter = tax_invoices.enter

    def enter_slowly(**about: Any) -> TaxInvoice:
        entered = enter(**about)
        time.sleep(0.4)
        return entered

    monkeypatch.setattr(tax_invoices, "enter", enter_slowly)

    def file(actor: Actor, payments: list[int], numbers: list[str]) -> Callable[[], Any]:
        table = [list(tax_invoice_rows.COLUMNS.values())]
        for key, number in zip(payments, numbers, strict=True):
            table.append(
                [str(key), number, f"{said.issued_on}", *map(str, (said.supply, said.tax, said.total))]
            )
        content = "\n".join(",".join(row) for row in table).encode()
        digest = tax_invoice_files.sift(actor=actor, content=content).digest
        return lambda: tax_invoice_files.enter_file(actor=actor, content=content, digest=digest)

    results = together(file(seller, mine, numbers), file(rival, theirs, numbers[::-1]))
    assert results.count((2, 0)) == 1
    [refused] = [each for each in results if isinstance(each, InvalidInput)]
    assert "number" in refused.fields
    assert db.session.scalar(select(func.count()).select_from(TaxInvoice)) == 2
