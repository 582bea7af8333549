"""Tax invoices as their supplier and the console see them: lacking, differing, on file (R-SET-1).

Lists are newest first, by keyset, with a constant number of queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from app import policy
from app.db import db
from app.errors import Denied, NotFound
from app.models.catalogue import Supplier
from app.models.deals import Deal
from app.models.payments import Payment, PaymentState
from app.models.people import Account
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.models.types import Labelled
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Permission, Role
from app.workflows import tax_invoice_checks, tax_invoices
from app.workflows.lifecycle import Edge
from app.workflows.tax_invoice_checks import Wanted
from app.workflows.tax_invoices import TAX_INVOICE

_PAID = (PaymentState.PAID, PaymentState.CANCELLING)
_EAGER = joinedload(Payment.deal).options(
    joinedload(Deal.offering), joinedload(Deal.supplier), joinedload(Deal.company)
)


class Tab(Labelled):
    MISMATCH = "mismatch", "확인할 차이"
    MISSING = "missing", "미등록"
    NEGATIVE = "negative", "취소분 미발행"
    FILED = "filed", "등록 내역"


WANTING = (Tab.MISSING, Tab.NEGATIVE)
"""Tabs of payments without an invoice that they want; the others are of invoices."""


@dataclass(frozen=True, kw_only=True)
class WantedRow:
    """A payment that wants an invoice, and what it has to say."""

    payment: Payment
    wanted: Wanted
    since: datetime
    """Of the payment, or of its cancellation."""
    returned: str | None
    """Why the last one was turned down."""

    @property
    def id(self) -> int:
        return self.payment.id


@dataclass(frozen=True, kw_only=True)
class InvoiceRow:
    invoice: TaxInvoice
    differences: list[str]

    @property
    def id(self) -> int:
        return self.invoice.id

    @property
    def payment(self) -> Payment:
        return self.invoice.payment


@dataclass(frozen=True, kw_only=True)
class InvoicePage:
    row: InvoiceRow
    wanted: Wanted
    edges: list[Edge]
    names: dict[int, str]
    """Of who entered and who decided."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What of a payment's invoices stands on its page; `wanted` where one is to be entered."""

    rows: list[InvoiceRow]
    wanted: WantedRow | None


def _require(actor: Actor) -> None:
    if not (actor.may(Permission.SUPPLIER_VIEW) or actor.may(Permission.SETTLEMENT_VIEW)):
        raise Denied()


def _own(actor: Actor, column: Any) -> list[ColumnElement[bool]]:
    return [column == (actor.supplier_id or 0)] if actor.role is Role.SUPPLIER else []


def _filed(*, negative: bool) -> ColumnElement[bool]:
    """That the payment has an invoice of this kind that counts or waits for a decision."""
    kind = TaxInvoice.modify_code.is_not(None) if negative else TaxInvoice.modify_code.is_(None)
    return exists().where(TaxInvoice.payment_id == Payment.id, TaxInvoice.state != InvoiceState.VOIDED, kind)


def _missing() -> ColumnElement[bool]:
    return Payment.state.in_(_PAID) & ~_filed(negative=False)


def _negative() -> ColumnElement[bool]:
    cancelled = Payment.state == PaymentState.CANCELLED
    return cancelled & _filed(negative=False) & ~_filed(negative=True)


_WHICH = {Tab.MISSING: (_missing,), Tab.NEGATIVE: (_negative,)}


def _searched(q: str) -> list[ColumnElement[bool]]:
    """By the supplier's name, a number of ours or the gateway's approval number."""
    q = q.strip()
    if not q:
        return []
    named = Payment.supplier_id.in_(select(Supplier.id).where(Supplier.name.icontains(q, autoescape=True)))
    return [or_(named, Payment.order_id == q, Payment.approval_number == q)]


def wanting(
    *,
    actor: Actor,
    tab: Tab | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[WantedRow]:
    """Payments that want an invoice; `tab` MISSING or NEGATIVE, else both. Raises Denied."""
    _require(actor)
    which = or_(*(each() for kind in ([tab] if tab in WANTING else WANTING) for each in _WHICH[kind]))
    query = (
        select(Payment)
        .where(
            Payment.instrument_kind == InstrumentKind.ZEROPAY,
            which,
            *_own(actor, Payment.supplier_id),
            *_searched(q),
        )
        .options(_EAGER)
        .order_by(Payment.id.desc())
        .limit(size)
    )
    if before is not None:
        query = query.where(Payment.id < before)
    payments = list(db.session.scalars(query))
    returned = _returned([payment.id for payment in payments])
    return [_wanted(payment, returned.get(payment.id)) for payment in payments]


def _wanted(payment: Payment, returned: str | None) -> WantedRow:
    negative = payment.state is PaymentState.CANCELLED
    since = (payment.cancelled_at if negative else payment.paid_at) or payment.pressed_at
    fits = tax_invoice_checks.wanted(payment, negative=negative)
    return WantedRow(payment=payment, wanted=fits, since=since, returned=returned)


def _returned(payment_ids: Sequence[int]) -> dict[int, str]:
    later = aliased(TaxInvoice)
    rows = db.session.execute(
        select(TaxInvoice.payment_id, TaxInvoice.note).where(
            TaxInvoice.payment_id.in_(payment_ids),
            TaxInvoice.state == InvoiceState.VOIDED,
            TaxInvoice.note.is_not(None),
            ~exists().where(later.payment_id == TaxInvoice.payment_id, later.id > TaxInvoice.id),
        )
    )
    return {payment_id: note or "" for payment_id, note in rows}


def counts(*, actor: Actor) -> dict[Tab, int]:
    """How many lie under each tab. Raises Denied."""
    _require(actor)
    own = _own(actor, Payment.supplier_id)
    zeropay = Payment.instrument_kind == InstrumentKind.ZEROPAY
    missing, negative = db.session.execute(
        select(func.count().filter(_missing()), func.count().filter(_negative()))
        .select_from(Payment)
        .where(zeropay, Payment.state.in_((*_PAID, PaymentState.CANCELLED)), *own)
    ).one()
    mismatch, filed = db.session.execute(
        select(func.count().filter(TaxInvoice.state == InvoiceState.MISMATCH), func.count())
        .select_from(TaxInvoice)
        .where(*_own(actor, TaxInvoice.supplier_id))
    ).one()
    return {Tab.MISMATCH: mismatch, Tab.MISSING: missing, Tab.NEGATIVE: negative, Tab.FILED: filed}


def invoices(
    *,
    actor: Actor,
    state: InvoiceState | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[InvoiceRow]:
    """Those that were entered; `q` also a number or its beginning. Raises Denied."""
    _require(actor)
    query = _with_payment().where(*_own(actor, TaxInvoice.supplier_id)).order_by(TaxInvoice.id.desc())
    if state is not None:
        query = query.where(TaxInvoice.state == state)
    if q.strip():
        numbered = TaxInvoice.number.startswith(q.strip(), autoescape=True)
        query = query.join(Payment, Payment.id == TaxInvoice.payment_id).where(or_(numbered, *_searched(q)))
    if before is not None:
        query = query.where(TaxInvoice.id < before)
    return [_row(each) for each in db.session.scalars(query.limit(size))]


def _with_payment() -> Select[TaxInvoice]:
    eager = joinedload(TaxInvoice.payment).joinedload(Payment.deal)
    return select(TaxInvoice).options(
        eager.options(joinedload(Deal.offering), joinedload(Deal.supplier), joinedload(Deal.company))
    )


def _row(invoice: TaxInvoice) -> InvoiceRow:
    differs = tax_invoice_checks.of_invoice(invoice.payment, invoice)
    return InvoiceRow(invoice=invoice, differences=differs)


def get(*, actor: Actor, invoice_id: int) -> InvoicePage:
    """One invoice beside what its payment wants. Raises Denied, NotFound."""
    _require(actor)
    invoice = db.session.scalars(_with_payment().where(TaxInvoice.id == invoice_id)).one_or_none()
    if invoice is None:
        raise NotFound()
    policy.require_own(actor, invoice)
    people = {invoice.entered_by_id, invoice.decided_by_id} - {None}
    rows = db.session.execute(select(Account.id, Account.name).where(Account.id.in_(people)))
    fits = tax_invoice_checks.wanted(invoice.payment, negative=invoice.modify_code is not None)
    return InvoicePage(
        row=_row(invoice),
        wanted=fits,
        edges=TAX_INVOICE.open_to(actor, invoice),
        names={key: name for key, name in rows},
    )


def standing(*, actor: Actor, payment: Payment) -> Standing | None:
    """For a payment's own page; None where invoices are no matter of it. Raises Denied, NotFound."""
    _require(actor)
    policy.require_own(actor, payment)
    if payment.instrument_kind.is_card:
        return None
    kept = tax_invoices.of_payments([payment.id]).get(payment.id, [])
    first = next((each for each in kept if each.modify_code is None), None)
    negative = next((each for each in kept if each.modify_code is not None), None)
    cancelled = payment.state is PaymentState.CANCELLED
    wants = (payment.state in _PAID and first is None) or (
        cancelled and first is not None and negative is None
    )
    if not (kept or wants):
        return None
    rows = [
        InvoiceRow(invoice=each, differences=tax_invoice_checks.of_invoice(payment, each)) for each in kept
    ]
    return Standing(
        rows=rows, wanted=_wanted(payment, _returned([payment.id]).get(payment.id)) if wants else None
    )
