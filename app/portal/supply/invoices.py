"""세금계산서: which payments by ZeroPay want one, and those that were entered by their number (R-SET-1)."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField

from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Conflict, InvalidInput, Refusal
from app.models.payments import Payment
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import BaseForm, DateField, MoneyField, Required, UploadField, refusal_to_form
from app.web.pages import page_args
from app.workflows import attachments, payments_reads, tax_invoice_reads, tax_invoices
from app.workflows.tax_invoice_checks import Said
from app.workflows.tax_invoice_reads import InvoiceRow, Tab, WantedRow
from app.workflows.tax_invoices import TAX_INVOICE

WANTED: list[Column[WantedRow]] = [
    Column("결제번호", lambda row: row.payment.id, "number"),
    Column("구분", lambda row: "수정(계약의 해제)" if row.wanted.negative else "세금계산서"),
    Column("결제·취소일", lambda row: row.since, "date"),
    Column("수요기업", lambda row: row.payment.deal.company.name, width=28),
    Column("서비스", lambda row: row.payment.deal.offering.name, width=32),
    Column("공급가액", lambda row: row.wanted.supply, "won"),
    Column("세액", lambda row: row.wanted.tax, "won"),
    Column("합계금액", lambda row: row.wanted.total, "won"),
    Column("반려 사유", lambda row: row.returned, width=40),
]
FILED: list[Column[InvoiceRow]] = [
    Column("승인번호", lambda row: row.invoice.number, width=28),
    Column("구분", lambda row: "수정(계약의 해제)" if row.invoice.modify_code else "세금계산서"),
    Column("작성일자", lambda row: row.invoice.issued_on, "date"),
    Column("공급가액", lambda row: row.invoice.supply, "won"),
    Column("세액", lambda row: row.invoice.tax, "won"),
    Column("합계금액", lambda row: row.invoice.total, "won"),
    Column("상태", lambda row: row.invoice.state),
    Column("차이", lambda row: " ".join(row.differences), width=60),
    Column("결제번호", lambda row: row.payment.id, "number"),
    Column("수요기업", lambda row: row.payment.deal.company.name, width=28),
    Column("서비스", lambda row: row.payment.deal.offering.name, width=32),
    Column("등록일시", lambda row: row.invoice.entered_at, "instant"),
]


class NumberField(StringField):
    """24 digits, also with blanks and hyphens between."""

    def process_formdata(self, valuelist: Any) -> None:
        if valuelist:
            self.data = re.sub(r"[\s-]", "", str(valuelist[0]))


class InvoiceForm(BaseForm):
    number = NumberField("국세청 승인번호", [Required()])
    issued_on = DateField("작성일자", [Required()])
    supply = MoneyField("공급가액", [Required()])
    tax = MoneyField("세액", [Required()], minimum=0)
    total = MoneyField("합계금액", [Required()])
    file = UploadField("세금계산서 사본")

    def said(self) -> Said:
        """What was typed; the form has been found whole."""
        if self.issued_on.data is None:
            raise ValueError("a form without its day")
        return Said(
            number=self.number.data or "",
            issued_on=self.issued_on.data,
            supply=self.supply.data or 0,
            tax=self.tax.data or 0,
            total=self.total.data or 0,
        )


def _by_filed() -> bool:
    return request.args.get("tab") == Tab.FILED.value


@blueprint.get("/invoices")
@needs(Permission.SUPPLIER_VIEW)
def invoices() -> ResponseReturnValue:
    actor, size, filed = current_actor(), page_args().size, _by_filed()
    read: Any = tax_invoice_reads.invoices if filed else tax_invoice_reads.wanting
    rows = read(actor=actor, before=lists.cursor(), size=size)
    return render_template(
        "portal/supply/invoices.html",
        filed=filed,
        rows=rows,
        counts=tax_invoice_reads.counts(actor=actor),
        tabs=Tab,
        size=size,
        following=lists.following(rows, size),
    )


@blueprint.get("/invoices.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def invoices_export() -> ResponseReturnValue:
    """The tab of the address, all of it."""
    actor, filed = current_actor(), _by_filed()
    read: Any = tax_invoice_reads.invoices if filed else tax_invoice_reads.wanting
    rows = lists.every(lambda before, size: read(actor=actor, before=before, size=size))
    if filed:
        return lists.spreadsheet(rows, FILED, name="세금계산서 등록 내역")
    return lists.spreadsheet(rows, WANTED, name="세금계산서 미등록")


@blueprint.route("/sales/<int:payment_id>/invoice", methods=["GET", "POST"])
@needs(Permission.INVOICE_WRITE)
def invoice(payment_id: int) -> ResponseReturnValue:
    """Enter the invoice of one payment, or after its cancellation the one that takes it back."""
    actor = current_actor()
    payment = payments_reads.get(actor=actor, payment_id=payment_id)
    try:
        tax_invoices.place(payment)
    except Conflict as refusal:
        return refused(refusal, to=url_for("supply.sale", payment_id=payment_id))
    form = InvoiceForm()
    if form.validate_on_submit() and _entered(payment, form):
        return redirect(url_for("supply.sale", payment_id=payment_id))
    standing = tax_invoice_reads.standing(actor=actor, payment=payment)
    page = render_template("portal/supply/invoice_form.html", payment=payment, standing=standing, form=form)
    return page, 422 if form.errors else 200


def _entered(payment: Payment, form: InvoiceForm) -> bool:
    """Whether it was taken; else the form says why, and keeps what was typed."""
    actor, upload = current_actor(), form.file.data
    try:
        file = None
        if upload:
            file = attachments.take_in(file_name=upload.filename or "", content=upload.read())
        new = tax_invoices.enter(actor=actor, payment_id=payment.id, said=form.said(), file=file)
    except (InvalidInput, Conflict) as refusal:
        refusal_to_form(form, refusal)
        return False
    differs = tax_invoice_reads.get(actor=actor, invoice_id=new.id).row.differences
    if differs:
        words = " ".join(differs)
        flash(
            f"세금계산서를 등록했지만 결제 내용과 다릅니다. {words} 전문기관이 확인한 뒤 정산합니다.",
            "warning",
        )
    else:
        flash("세금계산서를 등록했습니다. 결제 내용과 일치합니다.", "success")
    return True


@blueprint.post("/invoices/<int:invoice_id>/withdraw")
@needs(Permission.INVOICE_WRITE)
def withdraw_invoice(invoice_id: int) -> ResponseReturnValue:
    """It was entered wrongly: off file, so that the right one can be entered."""
    actor = current_actor()
    found = tax_invoice_reads.get(actor=actor, invoice_id=invoice_id)
    to = url_for("supply.sale", payment_id=found.row.payment.id)
    edge = TAX_INVOICE.of("withdraw")[0]
    asked = confirm.ask(question=edge.confirm or "", label=edge.label, cancel_url=to)
    if asked is not None:
        return asked
    try:
        tax_invoices.withdraw(actor=actor, invoice_id=invoice_id)
    except Refusal as refusal:
        return refused(refusal, to=to)
    flash("세금계산서 등록을 물렸습니다. 바른 세금계산서를 다시 등록해 주세요.", "success")
    return redirect(to)


@blueprint.get("/invoices/<int:invoice_id>/document")
@needs(Permission.SUPPLIER_VIEW)
def invoice_document(invoice_id: int) -> ResponseReturnValue:
    """The copy that was attached."""
    file = tax_invoices.document(actor=current_actor(), invoice_id=invoice_id)
    response = Response(file.content, content_type=file.content_type)
    response.headers["Content-Disposition"] = disposition("inline", file.file_name)
    response.headers["Cache-Control"] = "private, no-store"
    return response
