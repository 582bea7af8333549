"""세금계산서 as a file: a template to fill, a preview of each row, and one decision (R-SET-1)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Conflict, InvalidInput
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web import confirm, previews
from app.web.errors import refused
from app.web.filters import business_number
from app.web.previews import Previews, SheetField, SheetForm
from app.workflows import tax_invoice_files, tax_invoice_reads, tax_invoice_rows
from app.workflows.tax_invoice_reads import WantedRow

_TITLES = tax_invoice_rows.COLUMNS
TEMPLATE: list[Column[WantedRow]] = [
    Column(_TITLES["payment_id"], lambda row: str(row.id), width=12),
    Column(_TITLES["number"], lambda row: "", width=28),
    Column(_TITLES["issued_on"], lambda row: None, "date", width=14),
    Column(_TITLES["supply"], lambda row: None, "won"),
    Column(_TITLES["tax"], lambda row: None, "won"),
    Column(_TITLES["total"], lambda row: None, "won"),
    Column("구분", lambda row: "수정(계약의 해제)" if row.wanted.negative else "세금계산서"),
    Column("결제·취소일", lambda row: row.since, "date"),
    Column("수요기업", lambda row: row.payment.deal.company.name, width=28),
    Column("사업자등록번호", lambda row: business_number(row.payment.deal.company.business_number), width=16),
    Column("서비스", lambda row: row.payment.deal.offering.name, width=32),
    Column("결제금액", lambda row: abs(row.wanted.total), "won"),
]
CONSEQUENCE = "결제 내용과 다른 것은 ‘불일치’로 등록되고, 전문기관이 확인한 뒤 정산합니다."


PREVIEWS = Previews(
    kind="invoice file",
    refusal="tax_invoice.preview",
    owner=lambda actor: actor.supplier_id,
    keep=tax_invoice_files.keep,
    kept=tax_invoice_files.kept,
)


class FileForm(SheetForm):
    file = SheetField("세금계산서 파일")


@blueprint.get("/invoices/template.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def invoice_template() -> ResponseReturnValue:
    """The payments that want an invoice, one a row."""
    actor = current_actor()
    rows = lists.every(lambda before, size: tax_invoice_reads.wanting(actor=actor, before=before, size=size))
    return lists.spreadsheet(rows, TEMPLATE, name="세금계산서 양식")


@blueprint.route("/invoices/file", methods=["GET", "POST"])
@needs(Permission.INVOICE_WRITE)
def invoice_file() -> ResponseReturnValue:
    """Upload; what would become of it is shown before anything is written."""
    actor, form = current_actor(), FileForm()
    token = PREVIEWS.take(actor, form)
    if token is not None:
        return redirect(url_for("supply.invoice_preview", token=token))
    counts = tax_invoice_reads.counts(actor=actor)
    return render_template(
        "portal/supply/invoice_file.html",
        form=form,
        lacking=sum(counts[tab] for tab in tax_invoice_reads.WANTING),
        columns=tax_invoice_rows.COLUMNS,
        most_rows=tax_invoice_rows.MOST_ROWS,
    ), 422 if form.errors else 200


@blueprint.route("/invoices/file/<token>", methods=["GET", "POST"])
@needs(Permission.INVOICE_WRITE)
def invoice_preview(token: str) -> ResponseReturnValue:
    """Row by row what would become of the file; then, confirmed, all that is good of it or nothing."""
    actor = current_actor()
    name, content = PREVIEWS.open(actor, token)
    if request.method == "POST":
        return _take_in(token, content)
    found = tax_invoice_files.sift(actor=actor, content=content)
    question = f"세금계산서 {len(found.good):,}건을 한 번에 등록할까요?"
    return render_template(
        "portal/supply/invoice_preview.html",
        name=name,
        token=token,
        found=found,
        most=previews.MOST_SHOWN,
        ask={"question": question, "consequence": CONSEQUENCE},
    )


def _take_in(token: str, content: bytes) -> ResponseReturnValue:
    actor, here = current_actor(), url_for("supply.invoice_preview", token=token)
    about: dict[str, Any] = {"consequence": CONSEQUENCE, "label": "등록", "cancel_url": here}
    asked = confirm.ask(question="세금계산서 파일을 등록할까요?", **about)
    if asked is not None:
        return asked
    digest = request.form.get("digest", "")
    try:
        entered = tax_invoice_files.enter_file(actor=actor, content=content, digest=digest)
    except (Conflict, InvalidInput) as refusal:
        return refused(refusal, to=here)
    text = f"세금계산서 {entered.invoices:,}건을 등록했습니다."
    if entered.differing:
        text += f" 그중 {entered.differing:,}건은 결제 내용과 달라 전문기관이 확인한 뒤 정산합니다."
    flash(text, "warning" if entered.differing else "success")
    return redirect(url_for("supply.invoices", tab="filed"))


@blueprint.get("/invoices/file/<token>/refused.xlsx")
@needs(Permission.INVOICE_WRITE)
def invoice_refused(token: str) -> ResponseReturnValue:
    """All the rows that were refused, with their reasons."""
    actor = current_actor()
    _name, content = PREVIEWS.open(actor, token)
    found = tax_invoice_files.sift(actor=actor, content=content)
    return lists.spreadsheet(found.faults, previews.REFUSED, name="세금계산서 거절 목록")
