"""서비스 관리: what the supplier offers, from the draft to the sale (R-CAT-5)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.models.catalogue import Offering, OfferingState
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.portal.supply.service_form import ServiceForm, service_data, show_refusal
from app.web import confirm
from app.web.errors import refused
from app.web.pages import page_args
from app.workflows import offerings, offerings_reads, programmes
from app.workflows.offerings import OFFERING
from app.workflows.offerings_reads import OfferingDraft

EDITABLE = (OfferingState.DRAFT, OfferingState.RETURNED)
SUBMIT: dict[str, Any] = {
    "question": "이 서비스의 승인을 요청할까요?",
    "consequence": "심사하는 동안에는 내용을 고칠 수 없습니다. 승인되면 바로 판매가 시작됩니다.",
    "label": "승인 요청",
}
HISTORY = {edge.action: edge.label for edge in OFFERING.edges} | {"create": "등록", "edit": "내용 수정"}


@blueprint.get("/services")
@needs(Permission.OFFERING_WRITE)
def services() -> ResponseReturnValue:
    actor, size = current_actor(), page_args().size
    state = next((each for each in OfferingState if each.value == request.args.get("state")), None)
    counts = offerings_reads.own_counts(actor=actor)
    rows = offerings_reads.mine(actor=actor, state=state, before=lists.cursor(), size=size)
    return render_template(
        "portal/supply/services.html",
        state=state,
        states=OfferingState,
        counts=counts,
        total=counts[state] if state else sum(counts.values()),
        rows=rows,
        rating_of=offerings_reads.rating_text,
        size=size,
        following=lists.following(rows, size),
    )


@blueprint.route("/services/new", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def new_service() -> ResponseReturnValue:
    form = ServiceForm().offer(programmes.categories())
    if form.validate_on_submit():
        try:
            offering = offerings.create_draft(actor=current_actor(), **form.details)
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            return _saved(offering)
    status = 422 if form.errors else 200
    return render_template("portal/supply/service_form.html", form=form, offering=None), status


def _saved(offering: Offering) -> ResponseReturnValue:
    flash("서비스를 저장했습니다. 내용을 확인하고 승인을 요청해 주세요.", "success")
    return redirect(url_for("supply.service", offering_id=offering.id))


@blueprint.get("/services/<int:offering_id>")
@needs(Permission.OFFERING_WRITE)
def service(offering_id: int) -> ResponseReturnValue:
    """The service as it will be shown, its state, and what can be done with it."""
    actor = current_actor()
    draft = offerings_reads.own_detail(actor=actor, offering_id=offering_id)
    return render_template(
        "portal/supply/service.html",
        draft=draft,
        offering=draft.offering,
        actions={edge.action for edge in OFFERING.open_to(actor, draft.offering)},
        editable=draft.offering.state in EDITABLE,
        declined=_declined(draft),
        rating=offerings_reads.rating_text(draft.offering),
        labels=HISTORY,
        submit=SUBMIT,
    )


def _declined(draft: OfferingDraft) -> str | None:
    """Why the last proposed prices were sent back, until others are proposed."""
    steps = [row for row in draft.history if row.action in ("propose", "accept_price", "decline_price")]
    last = steps[-1] if steps else None
    return last.reason if last is not None and last.action == "decline_price" else None


@blueprint.route("/services/<int:offering_id>/edit", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def edit_service(offering_id: int) -> ResponseReturnValue:
    actor = current_actor()
    draft = offerings_reads.own_detail(actor=actor, offering_id=offering_id)
    form = ServiceForm(data=service_data(draft.offering, draft.plans)).offer(programmes.categories())
    if form.validate_on_submit():
        try:
            offering = offerings.edit_draft(actor=actor, offering_id=offering_id, **form.details)
        except (Conflict, InvalidInput) as refusal:
            show_refusal(form, refusal)
        else:
            return _saved(offering)
    elif draft.offering.state not in EDITABLE:
        flash(f"‘{draft.offering.state.label}’ 상태에서는 내용을 고칠 수 없습니다.", "danger")
        return redirect(url_for("supply.service", offering_id=offering_id))
    status = 422 if form.errors else 200
    return render_template("portal/supply/service_form.html", form=form, offering=draft.offering), status


@blueprint.post("/services/<int:offering_id>/submit")
@needs(Permission.OFFERING_WRITE)
def submit_service(offering_id: int) -> ResponseReturnValue:
    """승인 요청"""
    actor, here = current_actor(), url_for("supply.service", offering_id=offering_id)
    offerings_reads.own_detail(actor=actor, offering_id=offering_id)
    question = confirm.ask(**SUBMIT, cancel_url=here)
    if question is not None:
        return question
    try:
        offerings.submit(actor=actor, offering_id=offering_id)
    except Conflict as refusal:
        return refused(refusal, to=here)
    flash("승인을 요청했습니다. 결과는 알림으로 알려 드립니다.", "success")
    return redirect(here)
