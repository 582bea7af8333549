"""서비스 요청: the consultations to answer, what was accepted, billed and ended (R-DEAL-1, R-TIME-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, TextAreaField

from app import clock
from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Conflict, InvalidInput, Refusal
from app.models.payments import UNDECIDED
from app.models.threads import DealSide
from app.policy import Permission
from app.portal import lists, threads
from app.portal.supply.root import blueprint
from app.web.errors import refused
from app.web.forms import BaseForm, longest, refusal_to_form
from app.web.limits import MESSAGE_LIMIT, limiter
from app.web.pages import key_of, page_args
from app.workflows import deals as workflow
from app.workflows import (
    deals_next,
    deals_reads,
    evaluation_reads,
    payments_reads,
    threads_reads,
    turn_down_reasons,
    usage_reads,
)
from app.workflows.deal_lifecycle import DEAL
from app.workflows.deals_reads import DealFilter, DealRow, DealTab, DealView

CLOCKED = (DealTab.CONSULTING, DealTab.BILLED)
"""Tabs in which a deadline runs: what runs out first stands at the top."""
COLUMNS: list[Column[DealRow]] = [
    Column("번호", lambda row: row.deal.id, "number"),
    Column("상태", lambda row: row.deal.state),
    Column("수요기업", lambda row: row.deal.company.name),
    Column("서비스", lambda row: row.deal.offering.name, width=32),
    Column("상담 내용", lambda row: row.deal.memo, width=48),
    Column("요청일시", lambda row: row.deal.requested_at, "instant"),
    Column("기한", lambda row: row.deadline, width=24),
    Column("수락일시", lambda row: row.deal.accepted_at, "instant"),
    Column("결제요청일시", lambda row: row.deal.billed_at, "instant"),
    Column("청구금액", lambda row: row.deal.amount, "won"),
    Column("부가세(기업 부담)", lambda row: row.deal.tax, "won"),
    Column("사유", lambda row: row.deal.reason, width=40),
    Column("새 메시지", lambda row: "있음" if row.new_message else ""),
]


class TurnDownForm(BaseForm):
    """반려"""

    code = RadioField(
        "사유 고르기", default="", choices=[*turn_down_reasons.REASONS.items(), ("", "직접 입력")]
    )
    reason = TextAreaField("사유", [longest(workflow.MAX_MEMO - 100)])


def _tab() -> DealTab:
    return next((each for each in DealTab if each.value == request.args.get("tab")), DealTab.CONSULTING)


def _wanted() -> DealFilter:
    only = request.args.get("only")
    return DealFilter(
        soon=only == "soon",
        new_message=only == "message",
        offering_id=key_of(request.args.get("service")),
        q=request.args.get("q", "").strip()[:100],
    )


@blueprint.get("/deals")
@needs(Permission.SUPPLIER_VIEW)
def deals() -> ResponseReturnValue:
    actor, size, tab, wanted = current_actor(), page_args().size, _tab(), _wanted()
    if tab in CLOCKED:
        after = _deadline_cursor()
        rows = deals_reads.by_deadline(actor=actor, tab=tab, wanted=wanted, after=after, size=size)
        following = _write_cursor(rows[-1]) if len(rows) == size else ""
    else:
        rows = deals_reads.tab_rows(actor=actor, tab=tab, wanted=wanted, before=lists.cursor(), size=size)
        following = lists.following(rows, size, key=lambda row: row.deal.id)
    return render_template(
        "portal/supply/deals.html",
        tab=tab,
        tabs=DealTab,
        clocked=tab in CLOCKED,
        wanted=wanted,
        narrowed=wanted != deals_reads.NO_FILTER,
        services=deals_reads.own_offerings(actor=actor),
        counts=deals_reads.tab_counts(actor=actor),
        unread=threads_reads.waiting(actor=actor),
        rows=rows,
        size=size,
        following=following,
        now=clock.now(),
    )


@blueprint.get("/deals.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def deals_export() -> ResponseReturnValue:
    """The tab and the filters of the address, all of it."""
    tab = _tab()
    return lists.spreadsheet(
        _every(tab, _wanted()), COLUMNS, name=f"서비스 요청 {tab.label}".replace("/", "·")
    )


def _every(tab: DealTab, wanted: DealFilter) -> Iterator[DealRow]:
    actor = current_actor()
    return lists.every(
        lambda before, size: deals_reads.tab_rows(
            actor=actor, tab=tab, wanted=wanted, before=before, size=size
        ),
        key=lambda row: row.deal.id,
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
    view = deals_reads.deal_view(actor=current_actor(), deal_id=deal_id)
    return _detail(view, threads.thread_of(deal_id))


def _detail(view: DealView, thread: dict[str, Any]) -> ResponseReturnValue:
    payment = payments_reads.live_payment(actor=current_actor(), deal_id=view.deal.id)
    paying = payment is not None and payment.state in UNDECIDED
    usage = usage_reads.of_deal(actor=current_actor(), deal=view.deal)
    return render_template(
        "portal/supply/deal.html",
        view=view,
        deal=view.deal,
        form=thread["message_form"],
        payment=payment,
        paying=paying,
        actions={edge.action for edge in view.actions},
        next_step=deals_next.next_step(view.deal, DealSide.SUPPLIER, late=view.late, paying=paying),
        usage=usage,
        evaluation=evaluation_reads.of_deal(actor=current_actor(), deal=view.deal) if usage else None,
        now=clock.now(),
        **thread,
    ), 422 if thread["message_form"].errors else 200


@blueprint.post("/deals/<int:deal_id>/messages")
@needs(Permission.DEAL_ANSWER)
@limiter.limit(MESSAGE_LIMIT)
def send_message(deal_id: int) -> ResponseReturnValue:
    """A message with files to the company (R-DEAL-2a)."""
    view = deals_reads.deal_view(actor=current_actor(), deal_id=deal_id)
    answer = threads.send(deal_id, here=url_for("supply.deal", deal_id=deal_id))
    return _detail(view, answer) if isinstance(answer, dict) else answer


@blueprint.get("/deals/messages")
@needs(Permission.DEAL_ANSWER)
def messages() -> ResponseReturnValue:
    """새 메시지"""
    return threads.inbox(side="supplier")


@blueprint.get("/deals/<int:deal_id>/files/<int:file_id>")
@needs(Permission.SUPPLIER_VIEW)
def deal_file(deal_id: int, file_id: int) -> ResponseReturnValue:
    return threads.hand_out(deal_id, file_id)


@blueprint.post("/deals/<int:deal_id>/accept")
@needs(Permission.DEAL_ANSWER)
def accept(deal_id: int) -> ResponseReturnValue:
    """거래수락"""
    actor, here = current_actor(), url_for("supply.deal", deal_id=deal_id)
    deals_reads.deal_view(actor=actor, deal_id=deal_id)
    try:
        workflow.accept(actor=actor, deal_id=deal_id)
    except Refusal as refusal:
        return refused(refusal, to=here)
    flash("거래를 수락했습니다. 이어서 결제요청을 보내 주세요.", "success")
    return redirect(here)


@blueprint.route("/deals/<int:deal_id>/turn-down", methods=["GET", "POST"])
@needs(Permission.DEAL_ANSWER)
def turn_down(deal_id: int) -> ResponseReturnValue:
    """반려: the page asks, names what follows and takes the reason (R-DEAL-2a)."""
    actor, here = current_actor(), url_for("supply.deal", deal_id=deal_id)
    view = deals_reads.deal_view(actor=actor, deal_id=deal_id)
    form = TurnDownForm()
    try:
        DEAL.pick("turn_down", view.deal.state)
        if form.validate_on_submit():
            reason = turn_down_reasons.compose(code=form.code.data or "", text=form.reason.data or "")
            workflow.turn_down(actor=actor, deal_id=deal_id, reason=reason)
            flash("거래를 반려했습니다. 사유를 수요기업에 알렸습니다.", "success")
            return redirect(here)
    except InvalidInput as refusal:
        refusal_to_form(form, refusal)
    except Conflict as refusal:
        return refused(refusal, to=here)
    page = render_template("portal/supply/turn_down.html", deal=view.deal, form=form)
    return page, 422 if form.errors else 200
