"""서비스 요청: the consultations to answer, what was accepted, billed and ended (R-DEAL-1, R-TIME-2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import clock
from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.errors import refused
from app.web.pages import page_args
from app.workflows import deals as workflow
from app.workflows import deals_reads, payments_reads
from app.workflows.deals_reads import DealRow, DealTab

CLOCKED = (DealTab.CONSULTING, DealTab.BILLED)
"""Tabs in which a deadline runs: what runs out first stands at the top."""
TURN_DOWN: dict[str, Any] = {
    "question": "이 거래를 반려할까요?",
    "consequence": "반려하면 되돌릴 수 없습니다. 사유는 수요기업에 그대로 전달됩니다.",
    "label": "반려",
    "reason_required": True,
}


@blueprint.get("/deals")
@needs(Permission.SUPPLIER_VIEW)
def deals() -> ResponseReturnValue:
    actor, size = current_actor(), page_args().size
    tab = next((each for each in DealTab if each.value == request.args.get("tab")), DealTab.CONSULTING)
    if tab in CLOCKED:
        rows = deals_reads.by_deadline(actor=actor, tab=tab, after=_deadline_cursor(), size=size)
        following = _write_cursor(rows[-1]) if len(rows) == size else ""
    else:
        rows = deals_reads.tab_rows(actor=actor, tab=tab, before=lists.cursor(), size=size)
        following = lists.following(rows, size, key=lambda row: row.deal.id)
    return render_template(
        "portal/supply/deals.html",
        tab=tab,
        tabs=DealTab,
        clocked=tab in CLOCKED,
        counts=deals_reads.tab_counts(actor=actor),
        rows=rows,
        size=size,
        following=following,
        now=clock.now(),
    )


def _write_cursor(row: DealRow) -> str:
    return f"{row.deal.due_at:%Y-%m-%dT%H:%M:%S.%f%z}~{row.deal.id}"


def _deadline_cursor() -> tuple[datetime, int] | None:
    instant, _, number = (page_args().after or "").partition("~")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    try:
        return datetime.strptime(instant, "%Y-%m-%dT%H:%M:%S.%f%z"), int(number)
    except ValueError:
        return None


@blueprint.get("/deals/<int:deal_id>")
@needs(Permission.SUPPLIER_VIEW)
def deal(deal_id: int) -> ResponseReturnValue:
    actor = current_actor()
    view = deals_reads.deal_view(actor=actor, deal_id=deal_id)
    return render_template(
        "portal/supply/deal.html",
        view=view,
        deal=view.deal,
        payment=payments_reads.live_payment(actor=actor, deal_id=deal_id),
        actions={edge.action for edge in view.actions},
        turn_down=TURN_DOWN,
        now=clock.now(),
    )


@blueprint.post("/deals/<int:deal_id>/accept")
@needs(Permission.DEAL_ANSWER)
def accept(deal_id: int) -> ResponseReturnValue:
    """거래수락"""
    here = url_for("supply.deal", deal_id=deal_id)
    try:
        workflow.accept(actor=current_actor(), deal_id=deal_id)
    except (Conflict, InvalidInput) as refusal:
        return refused(refusal, to=here)
    flash("거래를 수락했습니다. 이어서 결제요청을 보내 주세요.", "success")
    return redirect(here)


@blueprint.post("/deals/<int:deal_id>/turn-down")
@needs(Permission.DEAL_ANSWER)
def turn_down(deal_id: int) -> ResponseReturnValue:
    """반려, with its reason (R-DEAL-2a)."""
    here = url_for("supply.deal", deal_id=deal_id)
    deals_reads.deal_view(actor=current_actor(), deal_id=deal_id)
    question = confirm.ask(**TURN_DOWN, cancel_url=here)
    if question is not None:
        return question
    try:
        workflow.turn_down(actor=current_actor(), deal_id=deal_id, reason=request.form.get("reason", ""))
    except (Conflict, InvalidInput) as refusal:
        return refused(refusal, to=here)
    flash("거래를 반려했습니다.", "success")
    return redirect(here)
