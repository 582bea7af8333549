"""A case: what the company says beside what others say of it, and the decision (R-SCR-3 to R-SCR-3b)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import allowed, current_actor, needs
from app.backoffice.case_parts import HoldForm, case_page
from app.backoffice.parts import Page, decide, run
from app.errors import Refusal
from app.models.applications import ApplicationState as State
from app.policy import Permission
from app.web.files import disposition
from app.web.forms import refusal_to_form
from app.workflows import (
    accounts_reads,
    applications,
    assignments,
    attachments,
    budget,
    case_reads,
    queue_reads,
    screening_checks,
)
from app.workflows.applications import APPLICATION

VERBS: dict[str, Callable[..., Any]] = {
    "screen": applications.screen,
    "reject": applications.reject,
    "approve": budget.confirm_one,
    "send_back": budget.send_back,
}


class Case(Page):
    """Reached from the queue and other lists; it stands in no menu."""

    permission = Permission.SCREENING_VIEW

    def is_visible(self) -> bool:
        return False

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return redirect(url_for("console_screening.index_view"))

    @expose("/<int:id>")
    def show(self, id: int) -> ResponseReturnValue:
        actor = current_actor()
        found = case_reads.case(actor=actor, application_id=id)
        ticks = screening_checks.ticks(application_id=id, edits=found.edits)
        others = accounts_reads.reviewers(actor=actor) if allowed(Permission.SCREENING_ASSIGN) else []
        return self.render(
            "backoffice/screening/case.html",
            **case_page(found, ticks),
            edges=[edge for edge in found.edges if edge.action in VERBS],
            can_hold=any(edge.action == "hold" for edge in found.edges),
            reviewers=others,
            onward=request.args.get("next") == "1",
        )

    def _onward(self, state: State) -> str:
        """'결정 후 다음': the oldest case of the same queue that is nobody else's (R-SCR-3b)."""
        if request.form.get("next") != "1":
            return ""
        actor = current_actor()
        for row in queue_reads.queue(actor=actor, states=[state], size=50):
            if row.application.assigned_to_id in (None, actor.id):
                return url_for(".show", id=row.application.id, next=1)
        flash("기다리는 다음 건이 없습니다.", "info")
        return url_for("console_screening.index_view")

    @expose("/<int:id>/<any(screen, reject, approve, send_back):action>", methods=["POST"])
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """Whose decision it is, the edge says: the operating agency's or the lead agency's."""
        found = case_reads.case(actor=current_actor(), application_id=id)
        state, to = found.application.state, url_for(".show", id=id, next=request.form.get("next") or None)
        if request.form.get("back") == "budget":
            to = url_for("console_budget.index")
        return decide(
            APPLICATION,
            action,
            VERBS[action],
            to=to,
            then=lambda: self._onward(state),
            name=found.company.name,
            application_id=id,
        )

    @expose("/<int:id>/hold", methods=["GET", "POST"])
    @needs(Permission.SCREENING_DECIDE)
    def hold(self, id: int) -> ResponseReturnValue:
        found = case_reads.case(actor=current_actor(), application_id=id)
        form = HoldForm()
        if form.validate_on_submit():
            try:
                applications.hold(
                    actor=current_actor(), application_id=id, reason=form.words(), marks=form.marks.data or []
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash(f"{found.company.name}: 보류했습니다. 기업에 사유를 알렸습니다.", "success")
                return redirect(self._onward(State.SCREENING) or url_for(".show", id=id))
        onward = request.values.get("next") == "1"
        page = self.render("backoffice/screening/hold.html", form=form, found=found, onward=onward)
        return page, 422 if form.is_submitted() else 200

    @expose("/<int:id>/ticks", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def ticks(self, id: int) -> ResponseReturnValue:
        sent = request.form
        fits = {name[6:]: value == "ok" for name, value in sent.items() if name.startswith("check_")}
        back: dict[str, Any] = {name: sent.get(name) or None for name in ("document", "next")}
        to, done = url_for(".show", id=id, **back), "확인 내용을 저장했습니다."
        return run(screening_checks.tick, to=to, done=done, application_id=id, fits=fits)

    @expose("/<int:id>/take", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def take(self, id: int) -> ResponseReturnValue:
        done = "이 건을 맡았습니다."
        return run(assignments.take, to=url_for(".show", id=id), done=done, application_id=id)

    @expose("/<int:id>/assign", methods=["POST"])
    @needs(Permission.SCREENING_ASSIGN)
    def assign(self, id: int) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        account_id = request.form.get("account_id", type=int)
        if account_id is None:
            flash("배정할 심사원을 선택해 주세요.", "danger")
            return redirect(to)
        verb = assignments.assign
        return run(verb, to=to, done="배정했습니다.", application_id=id, account_id=account_id)

    @expose("/<int:id>/looked", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def looked(self, id: int) -> ResponseReturnValue:
        """The agency has looked at what was edited after its decision (R-SCR-2)."""
        to, done = url_for(".show", id=id), "변경 내용을 확인한 것으로 기록했습니다."
        return run(applications.clear_flag, to=to, done=done, application_id=id)

    @expose("/document/<int:id>")
    def document(self, id: int) -> Response:
        """A company's file, to those who may see it; each look is on record (R-FILE-1)."""
        handed = attachments.document_for(actor=current_actor(), document_id=id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response
