"""서비스 문의: what companies ask about the supplier's services, and its answers (R-CAT-3)."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import TextAreaField

from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.web.limits import MESSAGE_LIMIT, limiter
from app.web.pages import page_args
from app.workflows import questions as workflow
from app.workflows import questions_reads
from app.workflows.questions_reads import QuestionTab


class AnswerForm(BaseForm):
    """답변"""

    answer = TextAreaField("답변", [Required(), longest(workflow.MAX_ANSWER)])


@blueprint.get("/questions")
@needs(Permission.DEAL_ANSWER)
def questions() -> ResponseReturnValue:
    actor, size = current_actor(), page_args().size
    tab = next((each for each in QuestionTab if each.value == request.args.get("tab")), QuestionTab.OPEN)
    rows = questions_reads.of_supplier(actor=actor, tab=tab, before=lists.cursor(), size=size)
    return render_template(
        "portal/supply/questions.html",
        tab=tab,
        tabs=QuestionTab,
        counts=questions_reads.supplier_counts(actor=actor),
        rows=rows,
        size=size,
        following=lists.following(rows, size),
    )


@blueprint.route("/questions/<int:question_id>", methods=["GET", "POST"])
@needs(Permission.DEAL_ANSWER)
@limiter.limit(MESSAGE_LIMIT, methods=["POST"])
def question(question_id: int) -> ResponseReturnValue:
    """One question: its answer, or the place to write or mend it."""
    actor = current_actor()
    asked = questions_reads.for_answer(actor=actor, question_id=question_id)
    mending = asked.answered_at is not None
    form = AnswerForm(answer=asked.answer)
    if form.validate_on_submit():
        verb = workflow.mend if mending else workflow.answer
        try:
            verb(actor=actor, question_id=question_id, text=form.answer.data or "")
        except (Conflict, InvalidInput) as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("답변을 고쳤습니다." if mending else "답변을 등록했습니다.", "success")
            return redirect(url_for("supply.questions"))
    return render_template(
        "portal/supply/question.html",
        question=asked,
        tab=questions_reads.tab_of(asked),
        mending=mending,
        form=form,
    ), 422 if form.errors else 200
