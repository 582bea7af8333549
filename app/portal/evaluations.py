"""'서비스 정산(만족도)': what was paid is evaluated once and for good (R-EVA-1)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Field, RadioField, TextAreaField

from app.access import current_actor, needs
from app.errors import Refusal
from app.models.deals import DealState
from app.policy import Permission
from app.portal import lists
from app.web import confirm
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.web.pages import page_args
from app.workflows import deals_reads, evaluations, usage_reads

blueprint = Blueprint("evaluations", __name__)

SCORES = [("5", "5점 매우 만족"), ("4", "4점"), ("3", "3점 보통"), ("2", "2점"), ("1", "1점 매우 불만족")]
CONFIRM: dict[str, Any] = {
    "question": "이대로 평가를 제출할까요?",
    "consequence": "제출한 평가는 고치거나 지울 수 없고, 점수와 의견은 서비스 평점에 공개됩니다.",
    "label": "제출",
}


class EvaluationForm(BaseForm):
    """Five criteria, then a comment; the fields are added below, from the criteria's own table."""

    comment: TextAreaField

    @property
    def criteria(self) -> list[Field]:
        return [self[name] for name in evaluations.CRITERIA]

    @property
    def scores(self) -> dict[str, int]:
        return {field.name: int(field.data) for field in self.criteria}


for _name, _label in evaluations.CRITERIA.items():
    setattr(
        EvaluationForm,
        _name,
        RadioField(_label, [Required(f"'{_label}' 점수를 선택해 주세요.")], choices=SCORES),
    )
EvaluationForm.comment = TextAreaField("평가 의견", [Required(), longest(evaluations.COMMENT_MAX)])


@blueprint.get("/evaluations")
@needs(Permission.DEMAND_VIEW)
def index() -> ResponseReturnValue:
    actor, page = current_actor(), page_args()
    done = request.args.get("tab") == "done"
    read = evaluations.done if done else evaluations.waiting
    rows = read(actor=actor, before=lists.cursor(), size=page.size)
    return render_template(
        "portal/evaluations/index.html",
        done=done,
        rows=rows,
        usage={} if done else usage_reads.latest([row.id for row in rows]),
        counts=evaluations.counts(actor=actor),
        size=page.size,
        following=lists.following(rows, page.size),
    )


@blueprint.route("/evaluations/new/<int:deal_id>", methods=["GET", "POST"])
@needs(Permission.EVALUATION_WRITE)
def new(deal_id: int) -> ResponseReturnValue:
    actor = current_actor()
    view = deals_reads.deal_view(actor=actor, deal_id=deal_id)
    written = evaluations.of_deal(actor=actor, deal_id=deal_id)
    if written is not None:
        flash("이미 평가한 거래입니다. 평가는 한 번만 할 수 있고 고칠 수 없습니다.", "info")
        return redirect(url_for("evaluations.detail", evaluation_id=written.id))
    if view.deal.state is not DealState.PAID:
        flash(f"현재 상태가 '{view.deal.state.label}'이라서 평가할 수 없습니다.", "warning")
        return redirect(url_for("evaluations.index"))
    form = EvaluationForm()
    if form.validate_on_submit():
        question = confirm.ask(**CONFIRM, cancel_url=url_for("evaluations.new", deal_id=deal_id))
        if question is not None:
            return question
        try:
            made = evaluations.write(
                actor=actor, deal_id=deal_id, scores=form.scores, comment=form.comment.data or ""
            )
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("평가를 제출했습니다. 감사합니다.", "success")
            return redirect(url_for("evaluations.detail", evaluation_id=made.id))
    page = render_template("portal/evaluations/new.html", view=view, form=form, confirm=CONFIRM)
    return page, 422 if form.errors else 200


@blueprint.get("/evaluations/<int:evaluation_id>")
@needs(Permission.DEMAND_VIEW)
def detail(evaluation_id: int) -> ResponseReturnValue:
    found = evaluations.get(actor=current_actor(), evaluation_id=evaluation_id)
    return render_template("portal/evaluations/detail.html", found=found, criteria=evaluations.CRITERIA)
