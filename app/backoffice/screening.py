"""심사: the queue as Flask-Admin's list, over the workflows' keyset read (R-SCR-3, R-SCR-3b, R-ROLE-2)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from werkzeug.datastructures import MultiDict

from app.access import allowed, current_actor, needs
from app.backoffice.base import ConsoleView
from app.backoffice.parts import Listing, everything, export_format, spreadsheet, ticked
from app.documents.exports import Column
from app.errors import Refusal
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import CompanyKind
from app.policy import Permission
from app.web import filters
from app.web.pages import key_of, page_args
from app.workflows import assignments, presence, queue_reads
from app.workflows.queue_reads import COUNTED, FLAGGED, QueueFilters, QueueRow, counted

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
# The queue's filters in the address; a form that acts on all that match carries them on.
FILTERS = ("state", "q", "agency", "who", "kind", "late", "again", "age", "mine")
MINE, NOBODY = "mine", "none"
WAITING = (State.SCREENING, State.ON_HOLD, State.SCREENED)
"""States in which somebody waits for the next step."""
MOST_TAKEN = 100


def asked_in(values: MultiDict[str, str]) -> QueueFilters:
    """The queue's filters out of an address or a form. What no filter knows is passed over."""
    state, who = values.get("state", ""), values.get("who", "")
    states = [one for one in State if one.value == state] or [State.SCREENING]
    return {
        "states": list(State) if state in ("all", FLAGGED) else states,
        "search": values.get("q", "").strip()[:100],
        "agency_id": key_of(values.get("agency", "")),
        "flagged": state == FLAGGED,
        "mine": who == MINE or values.get("mine") == "1",
        "unassigned": who == NOBODY,
        "account_id": key_of(who),
        "kind": next((kind for kind in CompanyKind if kind.value == values.get("kind")), None),
        "late": values.get("late") == "1",
        "again": values.get("again") == "1",
        "age": values.get("age", "")[:10],
    }


def _key(row: QueueRow) -> str:
    return row.cursor


class Screening(ConsoleView):
    """The queue: oldest first, with its waiting time; an operating agency sees its own alone (R-ROLE-2)."""

    permission = Permission.SCREENING_VIEW
    can_view_details = False
    column_display_actions = False
    column_list = ("receipt_number",)
    column_sortable_list = ()
    list_template = "backoffice/screening/queue.html"

    def scope(self, query: Any) -> Any:
        actor = current_actor()
        own = Application.agency_id == actor.agency_id
        return query.filter(own) if actor.role.is_operating_agency else query

    # --- the list -----------------------------------------------------------------------------------

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[None, list[QueueRow]]:  # type: ignore[override]
        """Whatever Flask-Admin asks for, the address says it better: filters, cursor, size."""
        page = page_args()
        found = queue_reads.page(
            actor=current_actor(), after=page.after, size=page.size + 1, **asked_in(request.args)
        )
        rows, more = found.rows[: page.size], len(found.rows) > page.size
        g.queue = Listing(rows, rows[-1].cursor if more else "", page), found.total
        return None, rows

    def get_pk_value(self, model: Any) -> Any:
        return model.application.id if isinstance(model, QueueRow) else super().get_pk_value(model)

    def render(self, template: str, **kwargs: Any) -> str:
        if template == self.list_template:
            kwargs = self._page()
        return str(super().render(template, **kwargs))

    def _page(self) -> dict[str, Any]:
        """What the page shows. Flask-Admin's own arguments, forms and address functions are not needed."""
        actor, asked, (listing, total) = current_actor(), asked_in(request.args), g.queue
        counts = queue_reads.counts(actor=actor)
        # Who has it open matters where two might decide.
        keys = [row.application.id for row in listing.rows if row.application.state in WAITING]
        if total is None:
            total = self._total(asked, counts)
        operating = actor.role.is_operating_agency
        return {
            "listing": listing,
            "asked": asked,
            "tabs": self._tabs(counts),
            "total": counted(total),
            "has_filters": _is_narrowed(asked),
            "kept": [(name, value) for name in FILTERS if (value := request.args.get(name))],
            "viewers": presence.viewers(keys, apart_from=actor) if operating else {},
            "agencies": queue_reads.agencies(actor=actor),
            "colleagues": queue_reads.colleagues(actor=actor) if operating else [],
            "kinds": CompanyKind,
            "case_url": url_for("console_case.index"),
            "waiting": WAITING,
            "may": {
                "take": allowed(Permission.SCREENING_DECIDE),
                "screen": allowed(Permission.SCREENING_BULK),
                "assign": allowed(Permission.SCREENING_ASSIGN),
            },
        }

    def _total(self, asked: QueueFilters, counts: dict[State | str, int]) -> int:
        """The tab's number where nothing narrows it: counted already."""
        if _is_narrowed(asked):
            return queue_reads.total(actor=current_actor(), **asked)
        if asked["flagged"]:
            return counts[FLAGGED]
        return min(sum(counts[state] for state in asked["states"]), COUNTED + 1)

    def _tabs(self, counts: dict[State | str, int]) -> list[tuple[str, str, str]]:
        everybody = sum(counts[state] for state in State)
        tabs = [
            (state.value, state.label, counts[state]) for state in State if state is not State.NOT_APPLIED
        ]
        tabs += [(FLAGGED, "확정 후 변경", counts[FLAGGED]), ("all", "전체", everybody)]
        return [(value, label, counted(number)) for value, label, number in tabs]

    @expose("/spreadsheet")
    def spreadsheet(self) -> ResponseReturnValue:
        if not export_format():
            abort(404)
        rows = everything(queue_reads.queue, cursor="after", key=_key, **asked_in(request.args))
        return spreadsheet(rows, COLUMNS, name="심사 목록")

    # --- whose cases they are ---------------------------------------------------------------------------

    @expose("/take", methods=["POST"])
    @needs(Permission.SCREENING_DECIDE)
    def take(self) -> ResponseReturnValue:
        """'내가 맡기': the ticked cases, each for itself; what is in other hands stays there (R-SCR-3b)."""
        actor, taken, refusals = current_actor(), 0, []
        keys = ticked()[:MOST_TAKEN]
        for key in keys:
            try:
                assignments.take(actor=actor, application_id=key)
                taken += 1
            except Refusal as refusal:
                refusals.append(refusal.text)
        if not keys:
            flash("맡을 건을 선택해 주세요.", "danger")
        if taken:
            flash(f"{taken:,}건을 맡았습니다.", "success")
        if refusals:
            flash(f"{len(refusals):,}건은 맡지 못했습니다. {refusals[0]}", "danger")
        kept: dict[str, Any] = {name: request.form[name] for name in FILTERS if request.form.get(name)}
        return redirect(url_for(".index_view", **kept))


def _is_narrowed(asked: QueueFilters) -> bool:
    return any(value for name, value in asked.items() if name not in ("states", "flagged"))
