"""운영: what could not be sent, and jobs that failed (R-MSG-1)."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    chosen,
    everything,
    export_format,
    listed,
    run,
    spreadsheet,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.jobs import operations
from app.jobs.operations import OutboxTab
from app.policy import Permission
from app.workflows import slips, slips_drawing

OUTBOX: list[Column[Any]] = [
    Column("번호", lambda m: m.id, kind="number"),
    Column("종류", lambda m: m.kind),
    Column("사건", lambda m: m.key),
    Column("시도", lambda m: m.tries, kind="number"),
    Column("요청일시", lambda m: m.created_at, kind="instant"),
    Column("다음 시도", lambda m: m.next_try_at, kind="instant"),
    Column("오류", lambda m: m.error or ""),
]
SLIPS: list[Column[Any]] = [
    Column("문서", lambda s: s.kind.label),
    Column("문서번호", slips.number_of),
    Column("시도", lambda s: s.tries, kind="number"),
    Column("발급일시", lambda s: s.issued_at, kind="instant"),
    Column("다음 시도", lambda s: s.leased_until, kind="instant"),
    Column("오류", lambda s: s.error or ""),
]
JOBS: list[Column[Any]] = [
    Column("작업", lambda j: j.name),
    Column("큐", lambda j: j.queue),
    Column("끝난 시각", lambda j: j.ended_at, kind="instant"),
    Column("오류", lambda j: j.error),
]


class Outbox(Page):
    permission = Permission.OPERATIONS_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        tab = chosen(OutboxTab, "tab") or OutboxTab.GAVE_UP
        if export_format():
            return spreadsheet(everything(operations.messages, tab=tab), OUTBOX, name="발송·작업함")
        listing = listed(operations.messages, tab=tab)
        return self.render("backoffice/operations/outbox.html", listing=listing, tab=tab, tabs=OutboxTab)

    @expose("/<int:id>/retry", methods=["POST"])
    @needs(Permission.OPERATIONS_MANAGE)
    def retry(self, id: int) -> ResponseReturnValue:
        done = "다시 시도하도록 돌려놓았습니다."
        return run(operations.retry_message, to=url_for(".index"), done=done, message_id=id)

    @expose("/slips")
    def slips(self) -> ResponseReturnValue:
        """Documents that could not be drawn so far (R-DOC-1)."""
        if export_format():
            return spreadsheet(everything(slips_drawing.stuck), SLIPS, name="만들지 못한 문서")
        listing = listed(slips_drawing.stuck)
        return self.render(
            "backoffice/operations/slips.html", listing=listing, tabs=OutboxTab, most=slips_drawing.MAX_TRIES
        )

    @expose("/slips/<int:id>/draw", methods=["POST"])
    @needs(Permission.OPERATIONS_MANAGE)
    def draw(self, id: int) -> ResponseReturnValue:
        done = "문서를 다시 만들도록 했습니다. 잠시 뒤에 확인해 주세요."
        return run(slips_drawing.draw_again, to=url_for(".slips"), done=done, slip_id=id)


class Jobs(Page):
    permission = Permission.OPERATIONS_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        try:
            rows, problem = operations.failed_jobs(actor=current_actor()), ""
        except Refusal as refusal:
            rows, problem = [], refusal.text
        if export_format():
            return spreadsheet(rows, JOBS, name="실패한 작업")
        return self.render("backoffice/operations/jobs.html", rows=rows, problem=problem)

    @expose("/requeue", methods=["POST"])
    @needs(Permission.OPERATIONS_MANAGE)
    def requeue(self) -> ResponseReturnValue:
        job_id = request.form.get("job_id", "")[:200]
        done = "작업을 다시 실행하도록 큐에 넣었습니다."
        return run(operations.requeue, to=url_for(".index"), done=done, job_id=job_id)
