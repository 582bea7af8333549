"""A case: what the company says beside what others say of it, and the decision (R-SCR-3 to R-SCR-3b)."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import allowed, current_actor, needs
from app.backoffice import ways_back
from app.backoffice.case_decisions import BUDGET, ONWARD, Decisions, in_other_hands, onward_on
from app.backoffice.case_parts import case_page, sheet
from app.backoffice.parts import number_of, run
from app.errors import NotFound, Refusal
from app.korean import way_mark
from app.policy import Permission, Role
from app.web.errors import refused
from app.web.files import disposition
from app.web.pages import key_of
from app.workflows import (
    accounts_reads,
    applications,
    assignments,
    attachments,
    case_reads,
    presence,
    screening_checks,
    tax_office_checks,
)

FITS = {"ok": True, "no": False, "none": None}


class Case(Decisions):
    """Reached from the queue and other lists; it stands in no menu."""

    permission = Permission.SCREENING_VIEW

    def is_visible(self) -> bool:
        return False

    def create_blueprint(self, admin: Any) -> Any:
        """From page to page of a case goes the way back to the list that it was opened from."""
        blueprint = super().create_blueprint(admin)
        blueprint.url_defaults(ways_back.carry_on)
        return blueprint

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return redirect(url_for("console_screening.index_view"))

    @expose("/<int:id>")
    def show(self, id: int) -> ResponseReturnValue:
        actor = current_actor()
        if "next" in request.args:
            session[ONWARD] = request.args["next"] == "1"
        found = case_reads.case(actor=actor, application_id=id)
        elsewhere = in_other_hands(found, actor)
        decisions = {edge.action for edge in found.edges} if not elsewhere or _is_manager() else set()
        others = accounts_reads.reviewers(actor=actor) if allowed(Permission.SCREENING_ASSIGN) else []
        return self.render(
            "backoffice/screening/case.html",
            **case_page(found),
            edges=[edge for edge in found.edges if edge.action in BUDGET],
            decisions=decisions & {"screen", "hold", "reject"},
            elsewhere=elsewhere,
            reviewers=others,
            onward=onward_on(),
            back=ways_back.from_address(),
            neighbours=case_reads.neighbours(actor=actor, application=found.application),
        )

    # --- checking -----------------------------------------------------------------------------------

    @expose("/<int:id>/ticks", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def ticks(self, id: int) -> ResponseReturnValue:
        """One tick by htmx, at once; or all of the form's, by its button."""
        fits = {
            name.removeprefix("check_"): FITS[value]
            for name, value in request.form.items()
            if name.startswith("check_") and value in FITS
        }
        if "HX-Request" not in request.headers:
            to = url_for(".show", id=id, document=request.form.get("document") or None)
            done = "확인 내용을 저장했습니다."
            return run(screening_checks.tick, to=to, done=done, application_id=id, fits=fits)
        actor = current_actor()
        screening_checks.tick(actor=actor, application_id=id, fits=fits)
        found = case_reads.progress(actor=actor, application_id=id)
        return self.render("backoffice/screening/_tally.html", progress=found, saved=True)

    @expose("/<int:id>/tax-office", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def tax_office(self, id: int) -> ResponseReturnValue:
        """'다시 조회' (R-JOIN-4)"""
        to = url_for(".show", id=id, document=request.form.get("document") or None)
        try:
            state = tax_office_checks.recheck(actor=current_actor(), application_id=id)
        except Refusal as refusal:
            return refused(refusal, to=to)
        flash(f"국세청이 '{state}'{way_mark(state)} 답했습니다.", "success")
        return redirect(to)

    @expose("/<int:id>/score", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def score(self, id: int) -> ResponseReturnValue:
        """Points, where the programme selects by them (R-JOIN-7a)."""
        typed = request.form.get("score", "").strip()
        score = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 5 else -1
        to, done = url_for(".show", id=id), "평가점수를 저장했습니다."
        return run(applications.set_score, to=to, done=done, application_id=id, score=score)

    @expose("/<int:id>/note", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def note(self, id: int) -> ResponseReturnValue:
        text = request.form.get("note", "")
        to, done = url_for(".show", id=id), "메모를 남겼습니다."
        return run(applications.add_note, to=to, done=done, application_id=id, text=text)

    @expose("/<int:id>/looked", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def looked(self, id: int) -> ResponseReturnValue:
        """The agency has looked at what was edited after its decision (R-SCR-2)."""
        to, done = url_for(".show", id=id), "변경 내용을 확인한 것으로 기록했습니다."
        return run(applications.clear_flag, to=to, done=done, application_id=id)

    # --- whose it is --------------------------------------------------------------------------------

    @expose("/<int:id>/seen", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def seen(self, id: int) -> ResponseReturnValue:
        """The page's heartbeat (R-SCR-3b): 204 while the same people look on, so that none is read aloud."""
        names = presence.seen(actor=current_actor(), application_id=id)
        if request.form.get("shown") == ",".join(names):
            return "", 204
        return self.render("backoffice/screening/_viewers.html", viewers=names)

    @expose("/<int:id>/take", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def take(self, id: int) -> ResponseReturnValue:
        done = "이 건을 맡았습니다."
        return run(assignments.take, to=url_for(".show", id=id), done=done, application_id=id)

    @expose("/<int:id>/assign", methods=["POST"])
    @needs(Permission.SCREENING_ASSIGN)
    def assign(self, id: int) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        account_id = key_of(request.form.get("account_id"))
        if account_id is None:
            flash("배정할 심사원을 선택해 주세요.", "danger")
            return redirect(to)
        verb = assignments.assign
        return run(verb, to=to, done="배정했습니다.", application_id=id, account_id=account_id)

    # --- documents ----------------------------------------------------------------------------------

    @expose("/<int:id>/compare")
    def compare(self, id: int) -> ResponseReturnValue:
        """A file beside the one that it took the place of (R-SCR-3a)."""
        actor = current_actor()
        application = case_reads.own_application(actor=actor, application_id=id)
        asked = [number_of("earlier"), number_of("document")]
        files = {file.id: file for file in application.company.documents}
        if any(key not in files for key in asked):
            raise NotFound()
        sheets = [sheet(files[key]) for key in asked if key]
        return self.render("backoffice/screening/compare.html", application=application, sheets=sheets)

    @expose("/document/<int:id>")
    def document(self, id: int) -> Response:
        """A company's file, to those who may see it; each look is on record (R-FILE-1)."""
        handed = attachments.document_for(actor=current_actor(), document_id=id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response


def _is_manager() -> bool:
    return current_actor().role is Role.MANAGER
