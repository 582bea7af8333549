"""The decisions of a case, and where one goes from there (R-SCR-3 to R-SCR-3b)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice import ways_back
from app.backoffice.case_forms import TOLD, DecisionForm, HoldForm, hold_form, reject_form
from app.backoffice.parts import Page, decide
from app.errors import InvalidInput, Refusal
from app.models.applications import ApplicationState as State
from app.policy import Actor, Permission, Role
from app.web.errors import refused
from app.web.forms import refusal_to_form
from app.workflows import applications, budget, case_reads, queue_reads
from app.workflows.applications import APPLICATION
from app.workflows.case_reads import Case

ONWARD = "case_onward"
BUDGET: dict[str, Callable[..., Any]] = {"approve": budget.confirm_one, "send_back": budget.send_back}


def onward_on() -> bool:
    """'결정 후 다음': what this request says, else what the person last said."""
    said = request.values.get("next")
    return said == "1" if said is not None else bool(session.get(ONWARD))


def in_other_hands(found: Case, actor: Actor) -> bool:
    """Somebody else is to decide it: a manager may all the same, and says why (R-ROLE-3)."""
    return found.application.assigned_to_id not in (None, actor.id)


class Decisions(Page):
    abstract: ClassVar[bool] = True

    def _onward(self, state: State) -> str:
        """The oldest case of the same queue that is nobody else's; empty where one stays."""
        if not onward_on():
            return ""
        following = queue_reads.next_case(actor=current_actor(), states=[state])
        if following is not None:
            return url_for(".show", id=following)
        flash("기다리는 다음 건이 없습니다.", "info")
        return ways_back.from_address() or url_for("console_screening.index_view")

    @expose("/<int:id>/<any(approve, send_back):action>", methods=["POST"])
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """Of the lead agency: whose decision it is, the edge says. Made in a list, it leads back there."""
        found = case_reads.own_application(actor=current_actor(), application_id=id)
        state, row_of = found.state, ways_back.from_form("")
        return decide(
            APPLICATION,
            action,
            BUDGET[action],
            to=row_of or url_for(".show", id=id),
            then=None if row_of else lambda: self._onward(state),
            name=found.company.name,
            application_id=id,
        )

    @expose("/<int:id>/screen", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def screen(self, id: int) -> ResponseReturnValue:
        """'심사확정': at once where everything fits; with a cross, or in other hands, it is asked first."""
        actor, to = current_actor(), url_for(".show", id=id)
        found = case_reads.case(actor=actor, application_id=id)
        crosses, elsewhere = case_reads.crosses(found), in_other_hands(found, actor)
        form, state = DecisionForm(), found.application.state
        asks = (crosses or elsewhere and actor.role is Role.MANAGER) and not found.needed
        if asks and state is State.SCREENING and request.form.get("confirmed") != "1":
            return self._screen_page(form, found, crosses, elsewhere), 200
        try:
            applications.screen(actor=actor, application_id=id, override=form.override.data or "")
        except Refusal as refusal:
            if "override" not in refusal.fields:
                return refused(refusal, to=to)
            refusal_to_form(form, refusal)
            return self._screen_page(form, found, crosses, elsewhere), 422
        flash(f"{found.company.name}: '심사확정' 처리했습니다.", "success")
        return redirect(self._onward(state) or to)

    def _screen_page(self, form: DecisionForm, found: Case, crosses: list[str], elsewhere: bool) -> str:
        page: str = self.render(
            "backoffice/screening/screen.html", form=form, found=found, crosses=crosses, elsewhere=elsewhere
        )
        return page

    @expose("/<int:id>/hold", methods=["GET", "POST"])
    @needs(Permission.SCREENING_DECIDE)
    def hold(self, id: int) -> ResponseReturnValue:
        found = case_reads.case(actor=current_actor(), application_id=id)
        form = hold_form(found)

        def fire(**arguments: Any) -> None:
            applications.hold(**arguments, marks=form.marks.data or [])

        return self._decide("hold", found, form, fire, done="보류했습니다. 기업에 사유를 알렸습니다.")

    @expose("/<int:id>/reject", methods=["GET", "POST"])
    @needs(Permission.SCREENING_DECIDE)
    def reject(self, id: int) -> ResponseReturnValue:
        found = case_reads.case(actor=current_actor(), application_id=id)
        done = "'탈락' 처리했습니다. 기업에 사유를 알렸습니다."
        return self._decide("reject", found, reject_form(), applications.reject, done=done)

    def _decide(
        self, action: str, found: Case, form: DecisionForm, fire: Callable[..., Any], *, done: str
    ) -> ResponseReturnValue:
        """A decision with reasons: written, shown as the company will read it, then made."""
        actor, id, state = current_actor(), found.application.id, found.application.state
        try:
            APPLICATION.pick(action, state)
        except Refusal as refusal:
            return refused(refusal, to=url_for(".show", id=id))
        if not form.validate_on_submit():
            return self._decision_page(action, found, form)
        if not form.sentence():
            text = "사유를 하나 이상 선택하거나 덧붙일 내용을 입력해 주세요."
            refusal_to_form(form, InvalidInput("reason_missing", text, fields={"reason": text}))
            return self._decision_page(action, found, form)
        if request.form.get("confirmed") != "1":
            if isinstance(form, HoldForm) and not form.marks.data:
                form.marks.data = form.marks_of_codes()
            return self._decision_page(action, found, form, asking=True)
        try:
            fire(
                actor=actor,
                application_id=id,
                reason=form.reason.data or "",
                codes=form.codes.data or [],
                override=form.override.data or "",
            )
        except Refusal as refusal:
            refusal_to_form(form, refusal)
            return self._decision_page(action, found, form)
        flash(f"{found.company.name}: {done}", "success")
        return redirect(self._onward(state) or url_for(".show", id=id))

    def _decision_page(
        self, action: str, found: Case, form: DecisionForm, *, asking: bool = False
    ) -> ResponseReturnValue:
        page = self.render(
            f"backoffice/screening/{action}.html",
            form=form,
            found=found,
            asking=asking,
            told=TOLD[action],
            elsewhere=in_other_hands(found, current_actor()),
            crosses=case_reads.crosses(found),
        )
        return page, 422 if form.errors or form.form_errors else 200

    @expose("/<int:id>/preview/<any(hold, reject):action>", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def preview(self, id: int, action: str) -> str:
        """What the company will read, while it is being written."""
        found = case_reads.case(actor=current_actor(), application_id=id)
        form = hold_form(found) if action == "hold" else reject_form()
        page: str = self.render("backoffice/screening/_preview.html", form=form, told=TOLD[action])
        return page
