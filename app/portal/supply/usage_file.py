"""이용실적 as a file: a template to fill, a preview of each row, and one decision (R-SET-1a)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents import sheets
from app.documents.exports import Column
from app.errors import Conflict
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.portal.supply.usage import month_asked, only_missing, told
from app.web import confirm, previews
from app.web.errors import refused
from app.web.previews import Previews, SheetField, SheetForm
from app.workflows import usage_reads, usage_reports, usage_rows
from app.workflows.usage_reads import UsageRow, UsageState

TEMPLATE: list[Column[UsageRow]] = [
    Column(usage_rows.COLUMNS["deal_id"], lambda row: str(row.id), width=12),
    Column(usage_rows.COLUMNS["month"], lambda row: f"{row.month:%Y-%m}", width=12),
    Column(usage_rows.COLUMNS["logins"], lambda row: row.logins, "number", width=14),
    Column(usage_rows.COLUMNS["last_used_on"], lambda row: row.last_used_on, "date", width=16),
    Column("수요기업", lambda row: row.company, width=28),
    Column("서비스", lambda row: row.offering, width=32),
]
CONSEQUENCE = "이미 제출한 달은 파일의 값으로 바뀝니다. 줄어든 값은 수요기업에 알립니다."


PREVIEWS = Previews(
    kind="usage file",
    refusal="usage.preview",
    owner=lambda actor: actor.supplier_id,
    keep=usage_reports.keep,
    kept=usage_reports.kept,
)


class FileForm(SheetForm):
    file = SheetField("이용실적 파일")


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
    token = PREVIEWS.take(actor, form)
    if token is not None:
        return redirect(url_for("supply.usage_preview", token=token))
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
    actor = current_actor()
    name, content = PREVIEWS.open(actor, token)
    if request.method == "POST":
        return _take_in(token, content)
    found = usage_reports.sift(actor=actor, content=content)
    return render_template(
        "portal/supply/usage_preview.html",
        name=name,
        token=token,
        found=found,
        most=previews.MOST_SHOWN,
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
    actor = current_actor()
    _name, content = PREVIEWS.open(actor, token)
    found = usage_reports.sift(actor=actor, content=content)
    return lists.spreadsheet(found.faults, previews.REFUSED, name="이용실적 거절 목록")
