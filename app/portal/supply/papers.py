"""A supplier's documents, and the history of its edits (R-SUP-1, R-FILE-1)."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Refusal
from app.models.companies import Document, DocumentKind
from app.policy import Permission
from app.portal.signup_forms import documents_form
from app.portal.supply.profile import mending
from app.portal.supply.root import blueprint
from app.web.files import disposition
from app.web.forms import BaseForm
from app.web.pages import key_of, page_args
from app.workflows import attachments, supplier_history, supplier_papers, suppliers


@blueprint.route("/profile/documents", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def documents() -> ResponseReturnValue:
    """Hand in anew what a 보완 asks for; the other documents stay."""
    actor = current_actor()
    supplier = suppliers.mine(actor=actor)
    if not supplier_papers.replaceable(supplier):
        why = f"현재 상태가 ‘{supplier.state.label}’이라서 서류를 바꿀 수 없습니다."
        flash(f"{why} 보완을 요청받으면 바꿀 수 있습니다.", "warning")
        return redirect(url_for("supply.profile"))
    kinds = list(supplier_papers.of(supplier))
    form = documents_form(kinds)
    if form.validate_on_submit():
        chosen = [kind for kind in kinds if form[kind.value].data]
        for kind in chosen:
            _replace(form, kind)
        if chosen and not form.errors:
            flash("서류를 등록했습니다.", "success")
            return redirect(url_for("supply.profile"))
        if not chosen:
            form.form_errors.append("등록할 파일을 선택해 주세요.")
    # Read anew: beside a file that was refused, another may have been taken.
    files = {kind.value: _existing(one) for kind, one in supplier_papers.of(supplier).items()}
    asked = mending(actor, supplier)
    page = render_template("portal/supply/documents.html", form=form, kinds=kinds, files=files, mending=asked)
    return page, 422 if form.errors else 200


def _replace(form: BaseForm, kind: DocumentKind) -> None:
    upload = form[kind.value].data
    name, content = upload.filename or "", upload.read()
    try:
        supplier_papers.replace(actor=current_actor(), kind=kind, file_name=name, content=content)
    except Refusal as refusal:
        form[kind.value].errors = [refusal.text]


def _existing(found: Document | None) -> list[dict[str, Any]]:
    if found is None:
        return []
    address = url_for("supply.document", document_id=found.id)
    return [{"name": found.file_name, "size": found.size, "url": address}]


@blueprint.get("/profile/documents/<int:document_id>")
@needs(Permission.SUPPLIER_VIEW)
def document(document_id: int) -> ResponseReturnValue:
    """One's own document, shown in the browser: by its content it is a PDF or an image (R-FILE-1)."""
    found = attachments.document_for(actor=current_actor(), document_id=document_id)
    answer = Response(found.content, content_type=found.content_type)
    answer.headers["Content-Disposition"] = disposition("inline", found.file_name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@blueprint.get("/profile/edits")
@needs(Permission.SUPPLIER_VIEW)
def edits() -> ResponseReturnValue:
    """'기업정보 수정 이력'"""
    page = page_args()
    before = key_of(page.after)
    rows = supplier_history.own_edits(actor=current_actor(), before=before, size=page.size)
    whole = len({row.id for row in rows}) == page.size
    following = str(rows[-1].id) if whole else ""
    return render_template("portal/supply/edits.html", rows=rows, following=following, size=page.size)
