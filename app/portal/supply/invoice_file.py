"""세금계산서 as a file: a template to fill, a preview of each row, and one decision (R-SET-1).

What was uploaded lies in the store; its signed name stands in the preview's address, so that the page can be
opened again, and only by its supplier.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from app.access import current_actor, needs
from app.documents import sheets, sniff
from app.documents.exports import Column
from app.errors import Conflict, InvalidInput, NotFound
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, Required, UploadField, refusal_to_form
from app.workflows import tax_invoice_files, tax_invoice_reads, tax_invoice_rows
from app.workflows.intake_rows import Fault
from app.workflows.tax_invoice_reads import WantedRow

MOST_SHOWN = 100
"""Rows of each kind on the page; the file has all that were refused."""
LASTS = 24 * 60 * 60
"""Seconds for which a preview can be opened."""
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
    Column("사업자등록번호", lambda row: row.payment.deal.company.business_number, width=16),
    Column("서비스", lambda row: row.payment.deal.offering.name, width=32),
    Column("결제금액", lambda row: abs(row.wanted.total), "won"),
]
REFUSED: list[Column[Fault]] = [
    Column("행", lambda fault: fault.row, "number"),
    Column("항목", lambda fault: fault.column),
    Column("거절 사유", lambda fault: fault.reason, width=60),
]
CONSEQUENCE = "결제 내용과 다른 것은 ‘불일치’로 등록되고, 전문기관이 확인한 뒤 정산합니다."


class FileForm(BaseForm):
    """A filled template."""

    file = UploadField("세금계산서 파일", [Required()], max_mb=sheets.MOST_BYTES // (1024 * 1024))


def _signer() -> URLSafeTimedSerializer:
    salt = f"invoice file of {current_actor().supplier_id}"
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=salt)


def _kept(token: str) -> tuple[str, bytes]:
    """The name and the content of what was uploaded. Raises NotFound."""
    try:
        name, sha256 = _signer().loads(token, max_age=LASTS)
        return name, tax_invoice_files.kept(actor=current_actor(), sha256=sha256)
    except (BadData, NotFound) as error:
        text = "미리보기를 더 볼 수 없습니다. 파일을 다시 올려 주세요."
        raise NotFound("tax_invoice.preview", text) from error


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
    if form.validate_on_submit():
        upload = form.file.data
        try:
            sha256 = tax_invoice_files.keep(actor=actor, content=upload.read())
        except InvalidInput as refusal:
            refusal_to_form(form, refusal)
        else:
            signed = _signer().dumps([sniff.safe_name(upload.filename or ""), sha256])
            return redirect(url_for("supply.invoice_preview", token=signed))
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
    actor, (name, content) = current_actor(), _kept(token)
    if request.method == "POST":
        return _take_in(token, content)
    found = tax_invoice_files.sift(actor=actor, content=content)
    question = f"세금계산서 {len(found.good):,}건을 한 번에 등록할까요?"
    return render_template(
        "portal/supply/invoice_preview.html",
        name=name,
        token=token,
        found=found,
        most=MOST_SHOWN,
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
    flash(f"세금계산서 {entered:,}건을 등록했습니다.", "success")
    return redirect(url_for("supply.invoices", tab="filed"))


@blueprint.get("/invoices/file/<token>/refused.xlsx")
@needs(Permission.INVOICE_WRITE)
def invoice_refused(token: str) -> ResponseReturnValue:
    """All the rows that were refused, with their reasons."""
    _name, content = _kept(token)
    found = tax_invoice_files.sift(actor=current_actor(), content=content)
    return lists.spreadsheet(found.faults, REFUSED, name="세금계산서 거절 목록")
