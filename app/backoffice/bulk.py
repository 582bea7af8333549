"""일괄 처리: previewed, started, watched, with a result for each row (R-SCR-3c)."""

from __future__ import annotations

from typing import Any

from flask import flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from werkzeug.datastructures import MultiDict

from app.access import current_actor, needs
from app.backoffice import ways_back
from app.backoffice.parts import (
    Page,
    chosen,
    everything,
    export_format,
    listed,
    run,
    spreadsheet,
    ticked,
)
from app.backoffice.screening import FILTERS, asked_in
from app.documents.exports import Column
from app.errors import Refusal
from app.models.applications import ApplicationState
from app.models.bulk import BulkKind as Kind
from app.models.bulk import BulkRow, BulkRun
from app.models.bulk import BulkState as State
from app.models.companies import CompanyKind
from app.policy import Permission
from app.web import confirm, filters
from app.web.errors import refused
from app.workflows import bulk, bulk_reads, queue_reads
from app.workflows.bulk_reads import Part, RunPage

CONSEQUENCES = {
    Kind.SCREEN: "심사확정한 건은 심사중으로 되돌릴 수 없습니다. 기업마다 결과를 안내합니다.",
    Kind.ASSIGN: "담당 심사원이 바뀝니다. 나중에 다시 배정할 수 있습니다.",
    Kind.CONFIRM: "확정한 기업마다 바우처가 만들어집니다. 되돌릴 수 없습니다.",
    Kind.SEND_BACK: "심사중으로 돌아가 운영기관이 다시 심사합니다. 반송은 취소할 수 없습니다.",
}
RUNS: list[Column[BulkRun]] = [
    Column("번호", lambda r: r.id, kind="number"),
    Column("처리", lambda r: r.kind.label),
    Column("상태", lambda r: r.state.label),
    Column("대상(건)", lambda r: r.rows, kind="number"),
    Column("처리됨(건)", lambda r: r.done, kind="number"),
    Column("처리하지 못함(건)", lambda r: r.refused, kind="number"),
    Column("담당자", lambda r: r.created_by.name),
    Column("만든 일시", lambda r: r.created_at, kind="instant"),
    Column("끝난 일시", lambda r: r.finished_at, kind="instant"),
]
ROWS: list[Column[BulkRow]] = [
    Column("순서", lambda r: r.position, kind="number"),
    Column("접수번호", lambda r: r.application.receipt_number),
    Column("기업명", lambda r: r.application.company.name),
    Column("사업자등록번호", lambda r: filters.business_number(r.application.company.business_number)),
    Column("운영기관", lambda r: r.application.agency.name),
    Column("결과", lambda r: r.outcome.label),
    Column("사유", lambda r: r.reason or "", width=60),
]


def _kind() -> Kind | None:
    """What the pressed button asks for: the queue has a filter of this name too."""
    values = request.form.getlist("kind")
    return next((kind for kind in Kind if kind.value in values), None)


def _question(page: RunPage) -> dict[str, str]:
    """What is asked before it runs, and what is said to come of it."""
    kind, can, later = page.run.kind, page.counts[Part.CAN], page.counts[Part.LATER]
    if not can:
        return {
            "label": f"{later:,}건 예산 대기 안내",
            "question": f"{later:,}건에 예산을 기다린다고 안내할까요?",
            "consequence": "심사확정 상태로 대기 순서에 오릅니다. 그 사이 예산이 생기면 순서대로 확정됩니다.",
        }
    waits = f" 예산이 부족한 {later:,}건은 심사확정 상태로 대기하고, 기업에 안내합니다." if later else ""
    return {
        "label": f"{can:,}건 {kind.label} 실행",
        "question": f"{can:,}건을 일괄 {kind.label}할까요?",
        "consequence": CONSEQUENCES[kind] + waits,
    }


class Bulk(Page):
    """The bulk actions of one's own agency, or of the lead agency."""

    permission = Permission.SCREENING_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        if export_format():
            return spreadsheet(everything(bulk_reads.runs), RUNS, name="일괄 처리")
        return self.render("backoffice/bulk/list.html", listing=listed(bulk_reads.runs))

    @expose("/preview", methods=["POST"])
    @needs(Permission.BULK_RUN)
    def preview(self) -> ResponseReturnValue:
        """The ticked ones, or, asked for everything, all that the list's filters leave."""
        kind = _kind()
        if kind is None:
            flash("처리할 일을 선택해 주세요.", "danger")
            return redirect(url_for("console.index"))
        back = ways_back.from_form(self._list(kind, request.form))
        if kind is Kind.SEND_BACK:
            asked = confirm.ask(
                question="선택한 기업을 운영기관으로 반송할까요? 미리보기를 먼저 보여 드립니다.",
                label="반송 미리보기",
                reason_required=True,
                cancel_url=back,
            )
            if asked is not None:
                return asked
        try:
            made = bulk.preview(
                actor=current_actor(),
                kind=kind,
                application_ids=self._keys(kind),
                account_ids=ticked("account_id"),
                reason=request.form.get("reason", ""),
                chosen_from=back,
            )
        except Refusal as refusal:
            return refused(refusal, to=back)
        return redirect(url_for(".show", id=made.id))

    def _list(self, kind: Kind, chosen_by: MultiDict[str, str] | None = None) -> str:
        """Where such rows are chosen, with the queue's filters that its form carries."""
        if kind not in (Kind.SCREEN, Kind.ASSIGN):
            return url_for("console_budget.index")
        said = {name: chosen_by.get(name) if chosen_by else None for name in FILTERS}
        # The pressed button is of this name too; the filter, where one is set, comes before it.
        if said["kind"] not in [one.value for one in CompanyKind]:
            said["kind"] = None
        kept: dict[str, Any] = {name: value for name, value in said.items() if value}
        return url_for("console_screening.index_view", **kept)

    def _back(self, run: BulkRun) -> str:
        """The list that the rows were chosen from, with its filters."""
        return ways_back.known(run.arguments.get("chosen_from")) or self._list(run.kind)

    def _keys(self, kind: Kind) -> list[int]:
        if request.values.get("everything") != "1":
            return ticked()
        asked = asked_in(request.values)
        if kind in (Kind.CONFIRM, Kind.SEND_BACK):
            asked["states"], asked["flagged"] = [ApplicationState.SCREENED], False
        found = queue_reads.ids(actor=current_actor(), limit=bulk.MOST_ROWS + 1, **asked)
        if len(found) > bulk.MOST_ROWS:
            most = f"{bulk.MOST_ROWS:,}건"
            words = f"조건에 맞는 건이 {most}을 넘어 목록의 앞에서 {most}만 골랐습니다."
            flash(f"{words} 나머지는 이 처리가 끝난 뒤 다시 선택해 주세요.", "warning")
        return found[: bulk.MOST_ROWS]

    @expose("/<int:id>")
    def show(self, id: int) -> ResponseReturnValue:
        actor, part = current_actor(), chosen(Part, "part") or Part.ALL
        page = bulk_reads.page(actor=actor, run_id=id)
        about: dict[str, Any] = {"key": lambda row: row.position, "run_id": id, "part": part}
        if export_format():
            rows = everything(bulk_reads.rows, cursor="after", **about)
            return spreadsheet(rows, ROWS, name=f"일괄 {page.run.kind.label} {id}")
        return self.render(
            "backoffice/bulk/run.html",
            page=page,
            run=page.run,
            part_of=Part,
            part=part,
            listing=listed(bulk_reads.rows, cursor="after", default_size=50, **about),
            ask=_question(page),
            back=self._back(page.run),
        )

    @expose("/<int:id>/progress")
    def progress(self, id: int) -> ResponseReturnValue:
        """The bar anew; once the run stands still, the whole page."""
        found = bulk_reads.find(actor=current_actor(), run_id=id)
        answer = make_response(self.render("backoffice/bulk/progress.html", run=found))
        if found.state is not State.RUNNING:
            answer.headers["HX-Refresh"] = "true"
        return answer

    @expose("/<int:id>/start", methods=["POST"])
    @needs(Permission.BULK_RUN)
    def start(self, id: int) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        page = bulk_reads.page(actor=current_actor(), run_id=id)
        ask = _question(page)
        asked = confirm.ask(
            question=ask["question"], consequence=ask["consequence"], label=ask["label"], cancel_url=to
        )
        if asked is not None:
            return asked
        return run(bulk.start, to=to, done="일괄 처리를 시작했습니다.", run_id=id)

    @expose("/<int:id>/stop", methods=["POST"])
    @needs(Permission.BULK_RUN)
    def stop(self, id: int) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        edge = bulk.BULK.of("stop")[0]
        asked = confirm.ask(question=edge.confirm or "", label=edge.label, cancel_url=to)
        if asked is not None:
            return asked
        return run(bulk.stop, to=to, done="일괄 처리를 중단했습니다. 처리된 건은 그대로 남습니다.", run_id=id)

    @expose("/<int:id>/resume", methods=["POST"])
    @needs(Permission.BULK_RUN)
    def resume(self, id: int) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        return run(bulk.resume, to=to, done="남은 건을 이어서 처리합니다.", run_id=id)

    @expose("/<int:id>/discard", methods=["POST"])
    @needs(Permission.BULK_RUN)
    def discard(self, id: int) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        question = "미리보기를 취소할까요? 아무것도 처리되지 않습니다."
        asked = confirm.ask(question=question, label="미리보기 취소", cancel_url=to)
        if asked is not None:
            return asked
        back = self._back(bulk_reads.find(actor=current_actor(), run_id=id))
        try:
            bulk.discard(actor=current_actor(), run_id=id)
        except Refusal as refusal:
            return refused(refusal, to=to)
        flash("미리보기를 취소했습니다.", "success")
        return redirect(back)
