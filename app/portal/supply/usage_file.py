"""이용실적 as a file: a template to fill, a preview of each row, and one decision (R-SET-1a).

What was uploaded lies in the store; its signed name stands in the preview's address, so that the page can be
opened again, and only by its supplier.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
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
from app.portal.supply.usage import month_asked, only_missing, told
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, Required, UploadField, refusal_to_form
from app.workflows import usage_reads, usage_reports, usage_rows
from app.workflows.intake_rows import Fault
from app.workflows.usage_reads import UsageRow, UsageState

MOST_SHOWN = 100
"""Rows of each kind on the page; the file has all that were refused."""
LASTS = 24 * 60 * 60
"""Seconds for which a preview can be opened."""
TEMPLATE: list[Column[UsageRow]] = [
    Column(usage_rows.COLUMNS["deal_id"], lambda row: str(row.id), width=12),
    Column(usage_rows.COLUMNS["month"], lambda row: f"{row.month:%Y-%m}", width=12),
    Column(usage_rows.COLUMNS["logins"], lambda row: row.logins, "number", width=14),
    Column(usage_rows.COLUMNS["last_used_on"], lambda row: row.last_used_on, "date", width=16),
    Column("수요기업", lambda row: row.company, width=28),
    Column("서비스", lambda row: row.offering, width=32),
]
REFUSED: list[Column[Fault]] = [
    Column("행", lambda fault: fault.row, "number"),
    Column("항목", lambda fault: fault.column),
    Column("거절 사유", lambda fault: fault.reason, width=60),
]
CONSEQUENCE = "이미 제출한 달은 파일의 값으로 바뀝니다. 줄어든 값은 수요기업에 알립니다."


class FileForm(BaseForm):
    """A filled template."""

    file = UploadField("이용실적 파일", [Required()], max_mb=sheets.MOST_BYTES // (1024 * 1024))


def _signer() -> URLSafeTimedSerializer:
    salt = f"usage file of {current_actor().supplier_id}"
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=salt)


def _kept(token: str) -> tuple[str, bytes]:
    """The name and the content of what was uploaded. Raises NotFound."""
    try:
        name, sha256 = _signer().loads(token, max_age=LASTS)
        return name, usage_reports.kept(actor=current_actor(), sha256=sha256)
    except (BadData, NotFound) as error:
        text = "미리보기를 더 볼 수 없습니다. 파일을 다시 올려 주세요."
        raise NotFound("usage.preview", text) from error


@blueprint.get("/usage/template.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def usage_template() -> ResponseReturnValue:
    """The month's paid deals with what was said of them, or whatever is lacking of all months."""
    asked = month_asked()
    if asked is None and only_missing():
        lacking = usage_reads.missing(actor=current_actor())
        rows = (row for month in lacking for row in _rows(month, only_missing=True))
        return lists.spreadsheet(islice(rows, sheets.MOST_ROWS), TEMPLATE, name="이용실적 양식 미제출")
    month = asked or usage_reads.present_month()
    rows = (row for row in _rows(month) if row.state is not UsageState.OUTSIDE)
    return lists.spreadsheet(rows, TEMPLATE, name=f"이용실적 양식 {month:%Y-%m}")


def _rows(month: date, *, only_missing: bool = False) -> Iterator[UsageRow]:
    about: dict[str, Any] = {"actor": current_actor(), "month": month, "only_missing": only_missing}
    return lists.every(lambda before, size: usage_reads.month_rows(before=before, size=size, **about))


@blueprint.route("/usage/file", methods=["GET", "POST"])
@needs(Permission.DEAL_ANSWER)
def usage_file() -> ResponseReturnValue:
    """Upload; what would become of it is shown before anything is written."""
    actor, form = current_actor(), FileForm()
    if form.validate_on_submit():
        upload = form.file.data
        content = upload.read()
        try:
            sha256 = usage_reports.keep(actor=actor, content=content)
        except InvalidInput as refusal:
            refusal_to_form(form, refusal)
        else:
            signed = _signer().dumps([sniff.safe_name(upload.filename or ""), sha256])
            return redirect(url_for("supply.usage_preview", token=signed))
    lacking = usage_reads.missing(actor=actor)
    choices = usage_reads.month_choices(actor=actor)
    return render_template(
        "portal/supply/usage_file.html",
        form=form,
        months=[(each, lacking.get(each, 0)) for each in choices],
        write_month=usage_rows.write_month,
        columns=usage_rows.COLUMNS,
        most_rows=sheets.MOST_ROWS,
    ), 422 if form.errors else 200


@blueprint.route("/usage/file/<token>", methods=["GET", "POST"])
@needs(Permission.DEAL_ANSWER)
def usage_preview(token: str) -> ResponseReturnValue:
    """Row by row what would become of the file; then, confirmed, all that is good of it or nothing."""
    actor, (name, content) = current_actor(), _kept(token)
    if request.method == "POST":
        return _take_in(token, content)
    found = usage_reports.sift(actor=actor, content=content)
    return render_template(
        "portal/supply/usage_preview.html",
        name=name,
        token=token,
        found=found,
        most=MOST_SHOWN,
        write_month=usage_rows.write_month,
        ask={"question": _question(len(found.changes)), "consequence": CONSEQUENCE},
    )


def _question(changes: int) -> str:
    return f"이용실적 {changes:,}건을 한 번에 제출할까요?"


def _take_in(token: str, content: bytes) -> ResponseReturnValue:
    actor, here = current_actor(), url_for("supply.usage_preview", token=token)
    about: dict[str, Any] = {"consequence": CONSEQUENCE, "label": "제출", "cancel_url": here}
    asked = confirm.ask(question="이용실적 파일을 제출할까요?", **about)
    if asked is not None:
        return asked
    try:
        written = usage_reports.report_file(
            actor=actor, content=content, digest=request.form.get("digest", "")
        )
    except Conflict as refusal:
        return refused(refusal, to=here)
    flash(*told(written, "파일의"))
    return redirect(url_for("supply.usage"))


@blueprint.get("/usage/file/<token>/refused.xlsx")
@needs(Permission.DEAL_ANSWER)
def usage_refused(token: str) -> ResponseReturnValue:
    """All the rows that were refused, with their reasons."""
    _name, content = _kept(token)
    found = usage_reports.sift(actor=current_actor(), content=content)
    return lists.spreadsheet(found.faults, REFUSED, name="이용실적 거절 목록")
