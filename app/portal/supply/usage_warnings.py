"""이용 경고: the supplier's deals that are paid and not used (R-SET-1a)."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.models.usage import UsageWarning, WarningState
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web.pages import page_args
from app.workflows import usage_warnings

COLUMNS: list[Column[UsageWarning]] = [
    Column("거래번호", lambda row: row.deal_id, "number"),
    Column("서비스", lambda row: row.deal.offering.name, width=32),
    Column("수요기업", lambda row: row.deal.company.name),
    Column("상태", lambda row: row.state, width=14),
    Column("내용", usage_warnings.lacking, width=56),
    Column("경고일시", lambda row: row.warned_at, "instant"),
    Column("다음 조치", lambda row: usage_warnings.following(row, for_supplier=True), width=60),
    Column("해제일시", lambda row: row.ended_at, "instant"),
    Column("해제 사유", lambda row: row.ended, width=14),
]


def _state() -> WarningState | None:
    return next((each for each in WarningState if each.value == request.args.get("state")), None)


@blueprint.get("/usage/warnings")
@needs(Permission.SUPPLIER_VIEW)
def usage_warned() -> ResponseReturnValue:
    actor, size, state = current_actor(), page_args().size, _state()
    rows = usage_warnings.of_supplier(actor=actor, state=state, before=lists.cursor(), size=size)
    return render_template(
        "portal/supply/usage_warnings.html",
        rows=rows,
        state=state,
        states=WarningState,
        lacking=usage_warnings.lacking,
        comes=usage_warnings.following,
        size=size,
        following=lists.following(rows, size),
    )


@blueprint.get("/usage/warnings.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def usage_warned_export() -> ResponseReturnValue:
    """The state of the address, all of it."""
    actor, state = current_actor(), _state()
    rows = lists.every(
        lambda before, size: usage_warnings.of_supplier(actor=actor, state=state, before=before, size=size)
    )
    return lists.spreadsheet(rows, COLUMNS, name="이용 경고")
