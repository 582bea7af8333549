"""'서비스 요청': a company's deals from consultation to bill, and its 장바구니 (R-DEAL-1, R-DEAL-3)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import TextAreaField

from app import clock
from app.access import current_actor, needs
from app.errors import Refusal
from app.models.deals import DealState
from app.models.payments import UNDECIDED
from app.models.threads import DealSide
from app.policy import Permission
from app.portal import lists, threads
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.web.limits import MESSAGE_LIMIT, limiter
from app.web.pages import page_args
from app.workflows import (
    asked_together,
    bill_splits,
    card_payments,
    deal_refusals,
    deals,
    deals_next,
    deals_reads,
    evaluation_reads,
    instruments,
    payments_reads,
    threads_reads,
    usage_reads,
)
from app.workflows.deals_reads import DealFilter, DealTab, DealView

blueprint = Blueprint("deals", __name__)

WITHDRAW: dict[str, Any] = {
    "question": "거래 요청을 취소할까요?",
    "consequence": "취소하면 되돌릴 수 없습니다. 다시 이용하려면 거래상담을 새로 요청해야 합니다.",
    "label": "요청취소",
}


class AgainForm(BaseForm):
    """다시 거래상담"""

    memo = TextAreaField("상담 내용", [Required(), longest(deals.MAX_MEMO)])


@blueprint.get("/deals")
@needs(Permission.DEMAND_VIEW)
def index() -> ResponseReturnValue:
    actor, page = current_actor(), page_args()
    tab = next((each for each in DealTab if each.value == request.args.get("tab")), DealTab.CONSULTING)
    wanted = DealFilter(new_message=request.args.get("only") == "message")
    rows = deals_reads.tab_rows(actor=actor, tab=tab, wanted=wanted, before=lists.cursor(), size=page.size)
    return render_template(
        "portal/deals/index.html",
        tab=tab,
        wanted=wanted,
        tabs=DealTab,
        counts=deals_reads.tab_counts(actor=actor),
        unread=threads_reads.waiting(actor=actor),
        rows=rows,
        size=page.size,
        following=lists.following(rows, page.size, key=lambda row: row.deal.id),
        now=clock.now(),
    )


@blueprint.get("/deals/<int:deal_id>")
@needs(Permission.DEMAND_VIEW)
def detail(deal_id: int) -> ResponseReturnValue:
    view = deals_reads.deal_view(actor=current_actor(), deal_id=deal_id)
    return _detail(view, AgainForm(memo=view.deal.memo), threads.thread_of(deal_id))


def _detail(
    view: DealView, form: AgainForm, thread: dict[str, Any], refusal: Refusal | None = None
) -> ResponseReturnValue:
    actor, deal = current_actor(), view.deal
    payment = payments_reads.live_payment(actor=actor, deal_id=deal.id)
    paying = payment is not None and payment.state in UNDECIDED
    closed = deal.state in (DealState.TURNED_DOWN, DealState.LAPSED)
    usage = usage_reads.of_deal(actor=actor, deal=deal)
    evaluation = evaluation_reads.of_deal(actor=actor, deal=deal) if usage else None
    states = {"late": view.late, "paying": paying, "evaluated": evaluation is not None}
    return render_template(
        "portal/deals/detail.html",
        view=view,
        deal=deal,
        form=thread["message_form"] if thread["message_form"].errors else form,
        again_form=form,
        payment=payment,
        paying=paying,
        split=None if payment else bill_splits.bill_split(actor=actor, deal_id=deal.id),
        actions={edge.action for edge in view.actions},
        can_ask_again=closed and view.following is None,
        siblings=asked_together.siblings(actor=actor, deal=deal),
        next_step=deals_next.next_step(deal, DealSide.COMPANY, **states),
        way_out=deal_refusals.way_out(refusal.code) if refusal else None,
        withdraw=WITHDRAW,
        usage=usage,
        evaluation=evaluation,
        now=clock.now(),
        **thread,
    ), 422 if form.errors or thread["message_form"].errors else 200


@blueprint.post("/deals/<int:deal_id>/messages")
@needs(Permission.DEAL_REQUEST)
@limiter.limit(MESSAGE_LIMIT)
def send_message(deal_id: int) -> ResponseReturnValue:
    """A message with files to the supplier (R-DEAL-2a)."""
    view = deals_reads.deal_view(actor=current_actor(), deal_id=deal_id)
    answer = threads.send(deal_id, here=url_for("deals.detail", deal_id=deal_id))
    return _detail(view, AgainForm(formdata=None), answer) if isinstance(answer, dict) else answer


@blueprint.get("/deals/messages")
@needs(Permission.DEAL_REQUEST)
def messages() -> ResponseReturnValue:
    """새 메시지"""
    return threads.inbox(side="company")


@blueprint.get("/deals/<int:deal_id>/files/<int:file_id>")
@needs(Permission.DEMAND_VIEW)
def file(deal_id: int, file_id: int) -> ResponseReturnValue:
    return threads.hand_out(deal_id, file_id)


@blueprint.post("/deals/<int:deal_id>/withdraw")
@needs(Permission.DEAL_REQUEST)
def withdraw(deal_id: int) -> ResponseReturnValue:
    """요청취소"""
    actor, here = current_actor(), url_for("deals.detail", deal_id=deal_id)
    deals_reads.deal_view(actor=actor, deal_id=deal_id)
    question = confirm.ask(**WITHDRAW, cancel_url=here)
    if question is not None:
        return question
    try:
        deals.withdraw(actor=actor, deal_id=deal_id, reason=request.form.get("reason"))
    except Refusal as refusal:
        return refused(refusal, to=here)
    flash("거래 요청을 취소했습니다.", "success")
    return redirect(here)


@blueprint.post("/deals/<int:deal_id>/again")
@needs(Permission.DEAL_REQUEST)
def again(deal_id: int) -> ResponseReturnValue:
    """다시 거래상담: a new deal that points to the closed one."""
    actor, form, said = current_actor(), AgainForm(), None
    if form.validate_on_submit():
        try:
            deal = deals.again(actor=actor, deal_id=deal_id, memo=form.memo.data or "")
        except Refusal as refusal:
            refusal_to_form(form, refusal)
            said = refusal
        else:
            flash("거래상담을 다시 요청했습니다.", "success")
            return redirect(url_for("deals.detail", deal_id=deal.id))
    view = deals_reads.deal_view(actor=actor, deal_id=deal_id)
    return _detail(view, form, threads.thread_of(deal_id), said)


@blueprint.get("/cart")
@needs(Permission.PAYMENT_MAKE)
def cart() -> ResponseReturnValue:
    """장바구니: the bills that can be paid now, the most urgent first, and what the ticked ones come to.

    The ticks are in the address: with each the page asks for itself again, and takes the sums out of it.
    """
    actor, wanted = current_actor(), set(lists.ticked())
    rows = deals_reads.payable(actor=actor)
    ids = [row.deal.id for row in rows]
    ticked = [deal_id for deal_id in ids if deal_id in wanted]
    most, instrument = card_payments.MOST_BILLS, instruments.own(actor=actor)
    return render_template(
        "portal/deals/cart.html",
        rows=rows,
        everything=bill_splits.splits(actor=actor, deal_ids=ids),
        ticked=ticked,
        most=most,
        chosen=bill_splits.splits(actor=actor, deal_ids=ticked[:most]),
        paying=payments_reads.under_way(actor=actor),
        by_card=instrument is not None and instrument.kind.is_card,
        now=clock.now(),
    )
