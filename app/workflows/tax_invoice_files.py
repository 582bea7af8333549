"""Many tax invoices at once, as a file: looked at row by row, then taken in as one decision (R-SET-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, transaction
from app.documents import sheets, store
from app.errors import Conflict, InvalidInput, NotFound
from app.models.deals import Deal
from app.models.payments import Payment, PaymentState
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.policy import Actor, Permission
from app.workflows import tax_invoice_checks, tax_invoice_rows, tax_invoices
from app.workflows.intake_rows import Fault
from app.workflows.tax_invoice_rows import COLUMNS, InvoiceLine


@dataclass(frozen=True)
class SiftedLine:
    """A row that can be taken in, and how it differs from its payment."""

    line: InvoiceLine
    payment: Payment
    differences: list[str]


@dataclass(frozen=True)
class Sifted:
    good: list[SiftedLine]
    faults: list[Fault]
    blank: int
    digest: str
    """Of what is good: to be handed back with the decision."""

    @property
    def differing(self) -> int:
        return sum(1 for each in self.good if each.differences)


class Entered(NamedTuple):
    """Of a file: how many invoices, and how many of them differ from their payments."""

    invoices: int
    differing: int


def sift(*, actor: Actor, content: bytes) -> Sifted:
    """Say what would become of each row; nothing is written. Raises Denied, InvalidInput `intake.<what>`."""
    policy.require(actor, Permission.INVOICE_WRITE)
    found = tax_invoice_rows.read(sheets.read(content), clock.today())
    if len(found.lines) + len(found.faults) > tax_invoice_rows.MOST_ROWS:
        text = f"한 번에 {tax_invoice_rows.MOST_ROWS:,}건까지 올릴 수 있습니다. 파일을 나누어 올려 주세요."
        raise InvalidInput("tax_invoice.too_many", text, fields={"file": text})
    payments, known = _payments(actor, found.lines), _known([line.said.number for line in found.lines])
    good, faults = list[SiftedLine](), list(found.faults)
    kept = tax_invoices.of_payments(list(payments))
    for line in found.lines:
        payment = payments.get(line.payment_id)
        fault = _fault(line, payment, kept.get(line.payment_id, []), known)
        if fault is not None or payment is None:
            faults.append(fault or Fault(line.row, COLUMNS["payment_id"], "없는 결제입니다."))
        else:
            good.append(_sifted(line, payment))
    faults.sort(key=lambda fault: fault.row)
    return Sifted(good, faults, found.blank, tax_invoice_rows.digest(each.line for each in good))


def _payments(actor: Actor, lines: Sequence[InvoiceLine]) -> dict[int, Payment]:
    """The supplier's own of these."""
    statement = (
        select(Payment)
        .where(
            Payment.id.in_([line.payment_id for line in lines]),
            Payment.supplier_id == (actor.supplier_id or 0),
        )
        .options(joinedload(Payment.deal).options(joinedload(Deal.offering), joinedload(Deal.company)))
    )
    return {payment.id: payment for payment in db.session.scalars(statement)}


def _known(numbers: Sequence[str]) -> set[str]:
    statement = select(TaxInvoice.number).where(
        TaxInvoice.number.in_(numbers), TaxInvoice.state != InvoiceState.VOIDED
    )
    return set(db.session.scalars(statement))


def _fault(
    line: InvoiceLine, payment: Payment | None, kept: Sequence[TaxInvoice], known: set[str]
) -> Fault | None:
    # Another supplier's payment and none at all are told apart by nobody.
    if payment is None:
        return Fault(line.row, COLUMNS["payment_id"], "귀사의 결제 가운데 이 번호가 없습니다.")
    if line.said.number in known:
        return Fault(line.row, COLUMNS["number"], "이미 등록된 승인번호입니다.")
    try:
        tax_invoices.place_among(payment, kept)
    except Conflict as refused:
        return Fault(line.row, COLUMNS["payment_id"], refused.text)
    return None


def _sifted(line: InvoiceLine, payment: Payment) -> SiftedLine:
    negative = payment.state is PaymentState.CANCELLED
    fits = tax_invoice_checks.wanted(payment, negative=negative)
    sign = -1 if negative else 1
    said = line.said
    differs = tax_invoice_checks.differences(said.issued_on, sign * said.supply, sign * said.tax, fits)
    return SiftedLine(line, payment, differs)


def keep(*, actor: Actor, content: bytes) -> str:
    """Put a file that can be read aside for the decision over it. Raises as `sift`."""
    sift(actor=actor, content=content)
    return store.put(content)


def kept(*, actor: Actor, sha256: str) -> bytes:
    """What was put aside; that it is the supplier's own is the caller's to know. Raises Denied, NotFound."""
    policy.require(actor, Permission.INVOICE_WRITE)
    try:
        return store.read(sha256)
    except (FileNotFoundError, ValueError) as error:
        raise NotFound() from error


def enter_file(*, actor: Actor, content: bytes, digest: str) -> Entered:
    """Enter all that is good of a file that was looked at, or nothing.

    Raises Denied, InvalidInput as `sift`, Conflict `tax_invoice.file_changed`, `.nothing` and as `enter`.
    """
    policy.require(actor, Permission.INVOICE_WRITE)
    with transaction():
        found = sift(actor=actor, content=content)
        if found.digest != digest:
            raise Conflict(
                "tax_invoice.file_changed",
                "미리보기를 본 뒤에 결제의 상태가 바뀌어 등록하지 않았습니다. 미리보기를 다시 확인해 주세요.",
            )
        if not found.good:
            raise Conflict(
                "tax_invoice.nothing", "등록할 수 있는 행이 없습니다. 거절 사유를 고쳐 다시 올려 주세요."
            )
        tax_invoices.hold_numbers([each.line.said.number for each in found.good])
        # Payments are locked in the order of their keys, as whoever locks several does.
        for each in sorted(found.good, key=lambda each: each.payment.id):
            tax_invoices.enter(actor=actor, payment_id=each.payment.id, said=each.line.said)
        return Entered(len(found.good), found.differing)
