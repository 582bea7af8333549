"""운영: what could not be sent, jobs that failed, accounts, the programme's settings (R-MSG-1, R-TIME-4)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
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
from app.backoffice.settings_form import ClosingDayForm, SettingsForm, settings_of
from app.documents.exports import Column
from app.errors import Refusal
from app.jobs import operations
from app.jobs.operations import OutboxTab
from app.policy import Permission
from app.web.forms import refusal_to_form
from app.workflows import programmes

OUTBOX: list[Column[Any]] = [
    Column("번호", lambda m: m.id, kind="number"),
    Column("종류", lambda m: m.kind),
    Column("사건", lambda m: m.key),
    Column("시도", lambda m: m.tries, kind="number"),
    Column("요청일시", lambda m: m.created_at, kind="instant"),
    Column("다음 시도", lambda m: m.next_try_at, kind="instant"),
    Column("오류", lambda m: m.error or ""),
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


class Programme(Page):
    """사업 설정: deadlines, fees and days of the open programme, and its closing days."""

    permission = Permission.OPERATIONS_VIEW

    @expose("/", methods=["GET"])
    def index(self) -> ResponseReturnValue:
        return self._page()

    def _page(self, settings: SettingsForm | None = None, closing: ClosingDayForm | None = None) -> str:
        programme = programmes.current()
        return self.render(
            "backoffice/operations/programme.html",
            programme=programme,
            form=settings or SettingsForm(formdata=None, obj=programme),
            closing=closing or ClosingDayForm(formdata=None),
            days=programmes.closing_day_rows(programme_id=programme.id),
            preset=programmes.PRESETS.get(programme.year),
        )

    @expose("/settings", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def settings(self) -> ResponseReturnValue:
        programme, form = programmes.current(), SettingsForm()
        if form.validate():
            try:
                programmes.change_settings(
                    actor=current_actor(), programme_id=programme.id, **settings_of(form)
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("사업 설정을 저장했습니다. 이미 시작된 기한은 그대로입니다.", "success")
                return redirect(url_for(".index"))
        return self._page(settings=form), 422

    @expose("/closing-days", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def close_day(self) -> ResponseReturnValue:
        programme, form = programmes.current(), ClosingDayForm()
        if form.validate():
            try:
                programmes.declare_closing_day(
                    actor=current_actor(),
                    programme_id=programme.id,
                    day=form.day.data,
                    reason=form.reason.data or "",
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("휴무일을 정했습니다. 영업일로 세는 기한이 하루 늦춰졌습니다.", "success")
                return redirect(url_for(".index"))
        return self._page(closing=form), 422
