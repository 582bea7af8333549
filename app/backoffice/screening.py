"""심사: the queue over Flask-Admin's list, the case, its decisions (R-SCR-3 to R-SCR-3b)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup, escape

from app.access import allowed, current_actor, needs
from app.backoffice.base import LARGEST_KEY, ConsoleView
from app.backoffice.case_parts import HoldForm, case_page
from app.backoffice.parts import (
    agency_options,
    decide,
    everything,
    export_format,
    listed,
    number_of,
    run,
    spreadsheet,
)
from app.documents.exports import Column
from app.errors import NotFound, Refusal
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.policy import Permission
from app.web import filters
from app.web.files import disposition
from app.web.forms import refusal_to_form
from app.workflows import (
    accounts_reads,
    applications,
    applications_reads,
    attachments,
    budget,
    screening_checks,
)
from app.workflows.applications import APPLICATION
from app.workflows.applications_reads import QueueRow

VERBS: dict[str, Callable[..., Any]] = {
    "screen": applications.screen,
    "reject": applications.reject,
    "approve": budget.confirm_one,
    "send_back": budget.send_back,
}
COLUMNS: list[Column[Any]] = [
    Column("접수번호", lambda r: r.application.receipt_number),
    Column("기업명", lambda r: r.company.name),
    Column("사업자등록번호", lambda r: filters.business_number(r.company.business_number)),
    Column("대표자", lambda r: filters.mask_name(r.company.representative)),
    Column("운영기관", lambda r: r.application.agency.name),
    Column("상태", lambda r: r.application.state.label),
    Column("접수일시", lambda r: r.application.submitted_at, kind="instant"),
    Column("대기(영업일)", lambda r: r.waiting_days, kind="number"),
    Column("담당", lambda r: r.assigned_name or ""),
]


def _key(row: QueueRow) -> int:
    return row.application.id


FLAG = Markup(' <span class="kv-badge kv-badge--warning">변경 확인</span>')


def _company(view: Any, context: Any, row: QueueRow, name: str) -> Markup:
    url = url_for("console_screening.case", id=row.application.id)
    flag = FLAG if row.application.flagged_at else ""
    return Markup('<a href="{}">{}</a>{}').format(url, row.company.name, flag)


def _state(view: Any, context: Any, row: QueueRow, name: str) -> Markup:
    state = row.application.state
    return Markup('<span class="kv-badge kv-badge--{}">{}</span>').format(state.tone, state.label)


def _text(read: Any) -> Any:
    return lambda view, context, row, name: escape(read(row))


class Screening(ConsoleView):
    """The queue: oldest first, with its waiting time; an operating agency sees its own alone (R-ROLE-2)."""

    permission = Permission.SCREENING_VIEW
    can_view_details = False
    column_display_actions = False
    column_labels = {
        "receipt": "접수번호",
        "company": "기업명",
        "number": "사업자등록번호",
        "representative": "대표자",
        "agency": "운영기관",
        "state": "상태",
        "entered": "접수일시",
        "days": "대기",
        "who": "담당",
    }
    column_list = tuple(column_labels)
    column_sortable_list = ()
    column_formatters = {
        "receipt": _text(lambda r: r.application.receipt_number),
        "company": _company,
        "number": _text(lambda r: filters.business_number(r.company.business_number)),
        "representative": _text(lambda r: filters.mask_name(r.company.representative)),
        "agency": _text(lambda r: r.application.agency.name),
        "state": _state,
        "entered": _text(lambda r: filters.kst_datetime(r.application.submitted_at)),
        "days": _text(lambda r: f"영업일 {r.waiting_days:,}일"),
        "who": _text(lambda r: r.assigned_name or "-"),
    }
    list_template = "backoffice/screening/queue.html"

    def scope(self, query: Any) -> Any:
        actor = current_actor()
        own = Application.agency_id == actor.agency_id
        return query.filter(own) if actor.role.is_operating_agency else query

    # --- the list: Flask-Admin's page over the workflows' own keyset read ----------------------------

    def _asked(self) -> dict[str, Any]:
        wanted = request.args.get("state", "")
        states = [state for state in State if state.value == wanted] or [State.SCREENING]
        if wanted in ("all", "flagged"):
            states = list(State)
        found: dict[str, Any] = {"states": states, "search": request.args.get("q", "").strip()[:100]}
        if not current_actor().role.is_operating_agency:
            found["agency_id"] = number_of("agency")
        if wanted == "flagged":
            found["flagged"] = True
        if request.args.get("mine") == "1":
            found["mine"] = True
        return found

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[None, list[QueueRow]]:  # type: ignore[override]
        """Whatever Flask-Admin asks for, the address says it better: state, search, agency, cursor, size."""
        g.queue = listed(applications_reads.queue, cursor="after", key=_key, **self._asked())
        return None, g.queue.rows

    def get_pk_value(self, model: Any) -> Any:
        return model.application.id if isinstance(model, QueueRow) else super().get_pk_value(model)

    def render(self, template: str, **kwargs: Any) -> str:
        if template == self.list_template:
            asked, actor = self._asked(), current_actor()
            kwargs |= {
                "listing": g.queue,
                "asked": asked,
                "counts": applications_reads.counts(actor=actor),
                "total": applications_reads.total(actor=actor, **asked),
                "agencies": [] if actor.role.is_operating_agency else agency_options(),
                "states": State,
            }
        return str(super().render(template, **kwargs))

    @expose("/spreadsheet")
    def spreadsheet(self) -> ResponseReturnValue:
        if not export_format():
            abort(404)
        rows = everything(applications_reads.queue, cursor="after", key=_key, **self._asked())
        return spreadsheet(rows, COLUMNS, name="심사 목록")

    # --- the case ------------------------------------------------------------------------------------

    def _handle_view(self, name: str, **kwargs: Any) -> Any:
        answer = super()._handle_view(name, **kwargs)
        if any(isinstance(value, int) and value > LARGEST_KEY for value in kwargs.values()):
            raise NotFound()
        return answer

    @expose("/case/<int:id>")
    def case(self, id: int) -> ResponseReturnValue:
        actor = current_actor()
        found = applications_reads.case(actor=actor, application_id=id)
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
        for row in applications_reads.queue(actor=actor, states=[state], size=50):
            if row.application.assigned_to_id in (None, actor.id):
                return url_for(".case", id=row.application.id, next=1)
        flash("기다리는 다음 건이 없습니다.", "info")
        return url_for(".index_view")

    @expose("/case/<int:id>/<any(screen, reject, approve, send_back):action>", methods=["POST"])
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """Whose decision it is, the edge says: the operating agency's or the lead agency's."""
        found = applications_reads.case(actor=current_actor(), application_id=id)
        state, to = found.application.state, url_for(".case", id=id, next=request.form.get("next") or None)
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

    @expose("/case/<int:id>/hold", methods=["GET", "POST"])
    @needs(Permission.SCREENING_DECIDE)
    def hold(self, id: int) -> ResponseReturnValue:
        found = applications_reads.case(actor=current_actor(), application_id=id)
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
                return redirect(self._onward(State.SCREENING) or url_for(".case", id=id))
        onward = request.values.get("next") == "1"
        page = self.render("backoffice/screening/hold.html", form=form, found=found, onward=onward)
        return page, 422 if form.is_submitted() else 200

    @expose("/case/<int:id>/ticks", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def ticks(self, id: int) -> ResponseReturnValue:
        sent = request.form
        fits = {name[6:]: value == "ok" for name, value in sent.items() if name.startswith("check_")}
        back: dict[str, Any] = {name: sent.get(name) or None for name in ("document", "next")}
        to, done = url_for(".case", id=id, **back), "확인 내용을 저장했습니다."
        return run(screening_checks.tick, to=to, done=done, application_id=id, fits=fits)

    @expose("/case/<int:id>/take", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def take(self, id: int) -> ResponseReturnValue:
        done = "이 건을 맡았습니다."
        return run(applications.take, to=url_for(".case", id=id), done=done, application_id=id)

    @expose("/case/<int:id>/assign", methods=["POST"])
    @needs(Permission.SCREENING_ASSIGN)
    def assign(self, id: int) -> ResponseReturnValue:
        to = url_for(".case", id=id)
        account_id = request.form.get("account_id", type=int)
        if account_id is None:
            flash("배정할 심사원을 선택해 주세요.", "danger")
            return redirect(to)
        verb = applications.assign
        return run(verb, to=to, done="배정했습니다.", application_id=id, account_id=account_id)

    @expose("/case/<int:id>/looked", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def looked(self, id: int) -> ResponseReturnValue:
        """The agency has looked at what was edited after its decision (R-SCR-2)."""
        to, done = url_for(".case", id=id), "변경 내용을 확인한 것으로 기록했습니다."
        return run(applications.clear_flag, to=to, done=done, application_id=id)

    @expose("/document/<int:id>")
    def document(self, id: int) -> Response:
        """A company's file, to those who may see it; each look is on record (R-FILE-1)."""
        handed = attachments.document_for(actor=current_actor(), document_id=id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response
