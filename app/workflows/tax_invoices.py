"""The supplier's electronic tax invoices, kept by number and checked against the payment (R-SET-1).

One that does not fit ripens nothing until finance staff accept the difference, or the supplier enters the
right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import sniff, store
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.deals import Deal
from app.models.payments import Payment, PaymentState
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.policy import Actor, Permission
from app.workflows import lifecycle, record, tax_invoice_checks
from app.workflows.attachments import HandedOut, Incoming
from app.workflows.lifecycle import Edge, Lifecycle, Tell
from app.workflows.settlement_lifecycle import exclusive
from app.workflows.tax_invoice_checks import CANCELLED, Said

ON_FILE = """EXISTS (SELECT 1 FROM tax_invoice t WHERE t.payment_id = p.id AND t.modify_code IS NULL
                         AND t.state IN ('matched', 'accepted'))"""
"""SQL: of a payment `p`, that its tax invoice is on file."""

_PAGE = "/supply/invoices"
_AGAIN = "사유: {reason} 바르게 발행한 뒤 다시 등록해 주세요."

TAX_INVOICE = Lifecycle(
    "tax_invoice",
    TaxInvoice,
    (InvoiceState.MATCHED, InvoiceState.MISMATCH),
    (
        Edge(
            action="accept",
            label="차이 인정",
            source=InvoiceState.MISMATCH,
            target=InvoiceState.ACCEPTED,
            permission=Permission.INVOICE_DECIDE,
            needs_reason=True,
            tell=(
                Tell(
                    to="supplier",
                    text="'{name}' 결제의 세금계산서를 확인했습니다. 정산에 담깁니다.",
                    link=_PAGE,
                ),
            ),
        ),
        Edge(
            action="send_back",
            label="반려",
            source=InvoiceState.MISMATCH,
            target=InvoiceState.VOIDED,
            permission=Permission.INVOICE_DECIDE,
            needs_reason=True,
            tell=(
                Tell(
                    to="supplier", text="'{name}' 결제의 세금계산서가 반려되었습니다. " + _AGAIN, link=_PAGE
                ),
            ),
        ),
        *(
            Edge(
                action="void",
                label="등록 취소",
                source=source,
                target=InvoiceState.VOIDED,
                permission=Permission.INVOICE_DECIDE,
                needs_reason=True,
                tell=(
                    Tell(
                        to="supplier",
                        text="'{name}' 결제의 세금계산서 등록이 취소되었습니다. " + _AGAIN,
                        link=_PAGE,
                    ),
                ),
            )
            for source in (InvoiceState.MATCHED, InvoiceState.ACCEPTED)
        ),
        *(
            Edge(
                action="withdraw",
                label="등록 물리기",
                source=source,
                target=InvoiceState.VOIDED,
                permission=Permission.INVOICE_WRITE,
                confirm="이 세금계산서의 등록을 물릴까요? 정산을 받으려면 다시 등록해야 합니다.",
            )
            for source in (InvoiceState.MATCHED, InvoiceState.MISMATCH)
        ),
    ),
)

_IN_BATCH = text("""
SELECT b.number FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
  JOIN settlement_batch b ON b.id = l.batch_id WHERE i.payment_id = :payment_id
""")


def enter(*, actor: Actor, payment_id: int, said: Said, file: Incoming | None = None) -> TaxInvoice:
    """Keep the invoice of a payment by ZeroPay, or after its cancellation the one that takes it back.

    What does not fit is kept as a mismatch, and the difference explained. Raises Denied, NotFound,
    InvalidInput `tax_invoice.values` (number, issued_on, supply, tax, total), Conflict `tax_invoice.<what>`
    (card, not_paid, there, not_wanted).
    """
    policy.require(actor, Permission.INVOICE_WRITE)
    wrong = tax_invoice_checks.faults(said, today=clock.today())
    with transaction():
        if "number" not in wrong:
            hold_numbers([said.number])
        payment = lock(Payment, payment_id)
        policy.require_own(actor, payment)
        original = place(payment)
        if "number" not in wrong and _known(said.number):
            wrong["number"] = "이미 등록된 승인번호입니다. 세금계산서 한 장은 결제 한 건에만 등록합니다."
        if wrong:
            raise InvalidInput("tax_invoice.values", next(iter(wrong.values())), fields=wrong)
        return _begin(actor, payment, original, said, file)


def place(payment: Payment) -> TaxInvoice | None:
    """Where a new invoice of a payment would stand: None for its first, else the one that it takes back.

    Raises Conflict where none is to be entered.
    """
    return place_among(payment, of_payments([payment.id]).get(payment.id, []))


def place_among(payment: Payment, kept: Sequence[TaxInvoice]) -> TaxInvoice | None:
    """As `place`, with the payment's invoices at hand."""
    if payment.instrument_kind.is_card:
        raise Conflict(
            "tax_invoice.card", "카드 결제는 신용카드매출전표가 증빙이므로 세금계산서를 등록하지 않습니다."
        )
    first = next((each for each in kept if each.modify_code is None), None)
    negative = next((each for each in kept if each.modify_code is not None), None)
    if payment.state in (PaymentState.PAID, PaymentState.CANCELLING):
        there, original = first, None
    elif payment.state is PaymentState.CANCELLED:
        there, original = negative, first
        if first is None:
            raise Conflict(
                "tax_invoice.not_wanted",
                "취소되기 전에 등록한 세금계산서가 없어 수정세금계산서를 등록하지 않습니다.",
            )
    else:
        raise Conflict(
            "tax_invoice.not_paid",
            f"결제가 끝난 뒤에 등록합니다. 지금은 '{payment.state.label}' 상태입니다.",
        )
    if there is not None:
        raise Conflict(
            "tax_invoice.there",
            f"이미 세금계산서(승인번호 {there.number})가 있습니다. 잘못 등록했다면 먼저 등록을 물려 주세요.",
        )
    return original


def of_payments(payment_ids: Sequence[int]) -> dict[int, list[TaxInvoice]]:
    """Those that count, by payment: the first, and the one that takes it back."""
    statement = (
        select(TaxInvoice)
        .where(TaxInvoice.payment_id.in_(payment_ids), TaxInvoice.state != InvoiceState.VOIDED)
        .order_by(TaxInvoice.id)
        .execution_options(populate_existing=True)
    )
    found: dict[int, list[TaxInvoice]] = {}
    for each in db.session.scalars(statement):
        found.setdefault(each.payment_id, []).append(each)
    return found


_HOLD = text("""
SELECT pg_advisory_xact_lock(hashtext('tax invoice'), n.key)
  FROM (SELECT DISTINCT hashtext(number) AS key FROM unnest(CAST(:numbers AS text[])) AS number ORDER BY 1) n
""")


def hold_numbers(numbers: Sequence[str]) -> None:
    """Two suppliers at once with one number: the second waits here, and then sees the first's.

    Numbers come before payments, and several in one order: nobody waits for whom he keeps waiting.
    """
    db.session.execute(_HOLD, {"numbers": list(numbers)})


def _known(number: str) -> bool:
    statement = select(TaxInvoice.id).where(
        TaxInvoice.number == number, TaxInvoice.state != InvoiceState.VOIDED
    )
    return db.session.scalar(statement) is not None


def _begin(
    actor: Actor, payment: Payment, original: TaxInvoice | None, said: Said, file: Incoming | None
) -> TaxInvoice:
    sign = 1 if original is None else -1
    fits = tax_invoice_checks.wanted(payment, negative=original is not None)
    supply, tax = sign * said.supply, sign * said.tax
    differs = tax_invoice_checks.differences(said.issued_on, supply, tax, fits)
    new = TaxInvoice(
        payment_id=payment.id,
        supplier_id=payment.supplier_id,
        company_id=payment.company_id,
        number=said.number,
        issued_on=said.issued_on,
        supply=supply,
        tax=tax,
        modify_code=CANCELLED if original else None,
        original_id=original.id if original else None,
        state=InvoiceState.MISMATCH if differs else InvoiceState.MATCHED,
        document_sha256=file.sha256 if file else None,
        document_name=file.file_name if file else None,
        entered_by_id=actor.id,
        entered_at=clock.now(),
    )
    lifecycle.begin(TAX_INVOICE, new, actor=actor, reason=f"승인번호 {said.number}", action="enter")
    return new


def accept(*, actor: Actor, invoice_id: int, reason: str) -> TaxInvoice:
    """Let it count although it differs, with why. Raises as `lifecycle.fire`."""
    return _decide(actor, invoice_id, "accept", reason)


def send_back(*, actor: Actor, invoice_id: int, reason: str) -> TaxInvoice:
    """Ask the supplier for the right one. Raises as `lifecycle.fire`."""
    return _decide(actor, invoice_id, "send_back", reason)


def void(*, actor: Actor, invoice_id: int, reason: str) -> TaxInvoice:
    """Take one off file that had counted. Raises as `lifecycle.fire`, Conflict `tax_invoice.taken_back`."""
    return _decide(actor, invoice_id, "void", reason)


def withdraw(*, actor: Actor, invoice_id: int) -> TaxInvoice:
    """Its supplier entered it wrongly. Raises as `lifecycle.fire`, and Conflict `tax_invoice.settled`."""
    return _decide(actor, invoice_id, "withdraw", None)


def _decide(actor: Actor, invoice_id: int, action: str, reason: str | None) -> TaxInvoice:
    changes: dict[str, Any] = {"decided_by_id": actor.id, "decided_at": clock.now()}
    if reason is not None:
        changes["note"] = reason.strip()
    with transaction():
        # An approval that runs meanwhile sees what this leaves, or this sees its batch.
        exclusive()
        name = _offering(invoice_id)
        invoice = lifecycle.fire(
            TAX_INVOICE, invoice_id, action, actor=actor, reason=reason, changes=changes, name=name
        )
        if not isinstance(invoice, TaxInvoice):
            raise TypeError("not a tax invoice")
        if invoice.state is InvoiceState.VOIDED:
            _refuse_needed(invoice, action)
        return invoice


def _refuse_needed(invoice: TaxInvoice, action: str) -> None:
    kept = of_payments([invoice.payment_id]).get(invoice.payment_id, [])
    if invoice.modify_code is None and any(each.modify_code is not None for each in kept):
        raise Conflict(
            "tax_invoice.taken_back",
            "이 세금계산서를 되돌린 수정세금계산서가 있습니다. 수정세금계산서의 등록을 먼저 취소해 주세요.",
        )
    batch = db.session.scalar(_IN_BATCH, {"payment_id": invoice.payment_id})
    if action == "withdraw" and invoice.modify_code is None and batch is not None:
        raise Conflict(
            "tax_invoice.settled",
            f"정산 {batch}에 담긴 결제라서 물릴 수 없습니다. 고칠 것이 있으면 전문기관에 문의해 주세요.",
        )


def _offering(invoice_id: int) -> str:
    """By what the supplier knows the payment. Raises NotFound."""
    statement = (
        select(Payment)
        .join(TaxInvoice, TaxInvoice.payment_id == Payment.id)
        .where(TaxInvoice.id == invoice_id)
        .options(joinedload(Payment.deal).joinedload(Deal.offering))
    )
    payment = db.session.scalars(statement).one_or_none()
    if payment is None:
        raise NotFound()
    return payment.deal.offering.name


def document(*, actor: Actor, invoice_id: int) -> HandedOut:
    """The copy that its supplier attached, for it and for finance staff, whose look is recorded (R-FILE-1).

    Raises Denied, NotFound.
    """
    if not (actor.may(Permission.SUPPLIER_VIEW) or actor.may(Permission.SETTLEMENT_VIEW)):
        raise Denied()
    with transaction():
        invoice = lock(TaxInvoice, invoice_id)
        policy.require_own(actor, invoice)
        if invoice.document_sha256 is None:
            raise NotFound()
        name, sha256 = invoice.document_name or "세금계산서", invoice.document_sha256
        if actor.may(Permission.SETTLEMENT_VIEW):
            change = {"document": (None, name), "supplier": (None, invoice.supplier_id)}
            record.write(TAX_INVOICE.entity, invoice_id, "read", actor=actor, change=change)
    content = store.read(sha256)
    return HandedOut(name, sniff.content_type(content) or "application/octet-stream", content)
