"""심사: the queue over Flask-Admin's list, the case, its decisions (R-SCR-3 to R-SCR-3b)."""

from __future__ import annotations

from typing import Any

from flask import abort, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup, escape

from app.access import current_actor
from app.backoffice.base import ConsoleView
from app.backoffice.parts import (
    agency_options,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
)
from app.documents.exports import Column
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.policy import Permission
from app.web import filters
from app.workflows import (
    queue_reads,
)
from app.workflows.queue_reads import QueueRow

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
    url = url_for("console_case.show", id=row.application.id)
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
        g.queue = listed(queue_reads.queue, cursor="after", key=_key, **self._asked())
        return None, g.queue.rows

    def get_pk_value(self, model: Any) -> Any:
        return model.application.id if isinstance(model, QueueRow) else super().get_pk_value(model)

    def render(self, template: str, **kwargs: Any) -> str:
        if template == self.list_template:
            asked, actor = self._asked(), current_actor()
            kwargs |= {
                "listing": g.queue,
                "asked": asked,
                "counts": queue_reads.counts(actor=actor),
                "total": queue_reads.total(actor=actor, **asked),
                "agencies": [] if actor.role.is_operating_agency else agency_options(),
                "states": State,
            }
        return str(super().render(template, **kwargs))

    @expose("/spreadsheet")
    def spreadsheet(self) -> ResponseReturnValue:
        if not export_format():
            abort(404)
        rows = everything(queue_reads.queue, cursor="after", key=_key, **self._asked())
        return spreadsheet(rows, COLUMNS, name="심사 목록")
