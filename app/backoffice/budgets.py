"""예산: 예산확정 singly and in bulk, 예산 현황 with allocation, 예산포기 (R-SCR-4, R-SCR-3c, R-VOU-2)."""

from __future__ import annotations

import secrets
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import HiddenField, SelectField

from app.access import allowed, current_actor, needs
from app.backoffice.parts import (
    Page,
    agency_options,
    everything,
    export_format,
    listed,
    number_of,
    run,
    spreadsheet,
    ticked,
    typed,
)
from app.backoffice.screening import COLUMNS
from app.documents.exports import Column
from app.errors import Refusal
from app.models.applications import ApplicationState
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, MoneyField, Required, refusal_to_form
from app.workflows import (
    budget,
    budget_reads,
    programmes,
    queue_reads,
    vouchers,
    vouchers_reads,
)
from app.workflows.budget_reads import Verdict
from app.workflows.queue_reads import QueueRow

MOST_AT_ONCE = 5_000
LINES: list[Column[Any]] = [
    Column("운영기관", lambda r: r.agency.name),
    Column("배정", lambda r: r.allocated, kind="won"),
    Column("확정", lambda r: r.committed, kind="won"),
    Column("집행", lambda r: r.spent, kind="won"),
    Column("회수", lambda r: r.returned, kind="won"),
    Column("잔여", lambda r: r.free, kind="won"),
    Column("확정 대기(건)", lambda r: r.waiting, kind="number"),
]
WAIVERS: list[Column[Any]] = [
    Column("기업명", lambda v: v.company.name),
    Column("지원금액", lambda v: v.granted, kind="won"),
    Column("요청일시", lambda v: v.waiver_requested_at, kind="instant"),
    Column("사유", lambda v: v.waiver_reason or ""),
]


def _key(row: QueueRow) -> int:
    return row.application.id


class Budget(Page):
    """심사확정 of all agencies, in the order in which they arrived."""

    permission = Permission.BUDGET_VIEW

    def is_accessible(self) -> bool:
        # The list is the agencies' cases: whoever may not see cases sees the sums of 예산 현황 only.
        return super().is_accessible() and allowed(Permission.SCREENING_VIEW)

    def _asked(self) -> dict[str, Any]:
        return {
            "states": [ApplicationState.SCREENED],
            "search": typed("q"),
            "agency_id": number_of("agency"),
        }

    @expose("/")
    def index(self) -> ResponseReturnValue:
        asked, read = self._asked(), queue_reads.queue
        if export_format():
            rows = everything(read, cursor="after", key=_key, **asked)
            return spreadsheet(rows, COLUMNS, name="예산확정 대기")
        listing = listed(read, cursor="after", key=_key, default_size=50, **asked)
        total = queue_reads.total(actor=current_actor(), **asked)
        return self.render(
            "backoffice/budget/waiting.html",
            listing=listing,
            total=total,
            asked=asked,
            agencies=agency_options(),
        )

    @expose("/preview", methods=["POST"])
    @needs(Permission.BUDGET_CONFIRM)
    def preview(self) -> ResponseReturnValue:
        """What the selection would do, before it is done: nothing is written."""
        keys = self._keys()
        if not keys:
            flash("예산확정할 기업을 선택해 주세요.", "danger")
            return redirect(url_for(".index"))
        rows = budget_reads.preview(actor=current_actor(), application_ids=keys)
        can = [row for row in rows if row.verdict is Verdict.CAN]
        grants = sum(row.grant for row in can)
        return self.render("backoffice/budget/preview.html", rows=rows, can=can, grants=grants)

    def _keys(self) -> list[int]:
        """The ticked ones, or, asked for everything, all that wait."""
        if request.form.get("everything") != "1":
            return ticked()[:MOST_AT_ONCE]
        rows = everything(queue_reads.queue, cursor="after", key=_key, **self._asked())
        return [_key(row) for row in rows[:MOST_AT_ONCE]]

    @expose("/confirm", methods=["POST"])
    @needs(Permission.BUDGET_CONFIRM)
    def confirm(self) -> ResponseReturnValue:
        """One result for each row; the same selection again does nothing twice."""
        keys = ticked()[:MOST_AT_ONCE]
        asked = confirm.ask(
            question=f"{len(keys):,}건을 예산확정할까요?",
            consequence="확정한 기업마다 바우처가 만들어집니다. 되돌릴 수 없습니다.",
            label="예산확정",
            cancel_url=url_for(".index"),
        )
        if asked is not None:
            return asked
        try:
            done = budget.confirm(actor=current_actor(), application_ids=keys)
        except Refusal as refusal:
            return refused(refusal, to=url_for(".index"))
        rows = budget_reads.outcome(actor=current_actor(), application_ids=keys, confirmed=done)
        return self.render("backoffice/budget/result.html", rows=rows, done=done)


class AllocateForm(BaseForm):
    agency_id = SelectField("운영기관", coerce=int)
    amount = MoneyField("배정 금액", validators=[Required()])
    key = HiddenField()


class FundForm(BaseForm):
    amount = MoneyField("사업 예산에 넣을 금액", validators=[Required()])
    key = HiddenField()


class BudgetOverview(Page):
    permission = Permission.BUDGET_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        programme = programmes.current()
        lines = budget.overview(actor=current_actor(), programme_id=programme.id)
        if export_format():
            return spreadsheet(lines, LINES, name="예산 현황")
        return self._page(lines=lines)

    def _page(
        self, *, allocate: AllocateForm | None = None, fund: FundForm | None = None, lines: Any = None
    ) -> str:
        actor, programme = current_actor(), programmes.current()
        fresh = secrets.token_urlsafe(12)
        lines = lines or budget.overview(actor=actor, programme_id=programme.id)
        allocate = allocate or AllocateForm(formdata=None, prefix="allocate-", key=fresh)
        allocate.agency_id.choices = [(line.agency.id, line.agency.name) for line in lines]
        return self.render(
            "backoffice/budget/overview.html",
            programme=programme,
            lines=lines,
            allocate=allocate,
            fund=fund or FundForm(formdata=None, prefix="fund-", key=fresh),
            unallocated=budget_reads.free_of_programme(actor=actor, programme_id=programme.id),
            sees_cases=allowed(Permission.SCREENING_VIEW),
        )

    @expose("/allocate", methods=["POST"])
    @needs(Permission.BUDGET_CONFIRM)
    def allocate(self) -> ResponseReturnValue:
        """Give an agency its part; the form's key makes a double click one decision."""
        programme, form = programmes.current(), AllocateForm(prefix="allocate-")
        agencies = programmes.operating_agencies()
        form.agency_id.choices = [(agency.id, agency.name) for agency in agencies]
        if form.validate():
            amount = form.amount.data
            try:
                budget.allocate(
                    actor=current_actor(),
                    programme_id=programme.id,
                    agency_id=form.agency_id.data,
                    amount=amount,
                    key=form.key.data or secrets.token_urlsafe(12),
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash(f"{amount:,}원을 배정했습니다.", "success")
                return redirect(url_for(".index"))
        return self._page(allocate=form), 422

    @expose("/fund", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def fund(self) -> ResponseReturnValue:
        programme, form = programmes.current(), FundForm(prefix="fund-")
        if form.validate():
            amount = form.amount.data
            try:
                budget.fund(
                    actor=current_actor(),
                    programme_id=programme.id,
                    amount=amount,
                    key=form.key.data or secrets.token_urlsafe(12),
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash(f"사업 예산에 {amount:,}원을 넣었습니다.", "success")
                return redirect(url_for(".index"))
        return self._page(fund=form), 422


class Waivers(Page):
    """(잔여)예산포기: what companies ask to give back (R-VOU-2)."""

    permission = Permission.BUDGET_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        if export_format():
            rows = everything(vouchers_reads.waivers, cursor="after")
            return spreadsheet(rows, WAIVERS, name="예산포기 요청")
        listing = listed(vouchers_reads.waivers, cursor="after")
        left = vouchers_reads.left_of(actor=current_actor(), voucher_ids=[row.id for row in listing.rows])
        return self.render(
            "backoffice/budget/waivers.html",
            listing=listing,
            left=left,
            sees_cases=allowed(Permission.SCREENING_VIEW),
        )

    @expose("/<int:id>/approve", methods=["POST"])
    @needs(Permission.VOUCHER_CLOSE)
    def approve(self, id: int) -> ResponseReturnValue:
        to = url_for(".index")
        question = "예산포기를 승인할까요? 남은 금액이 예산으로 돌아가고 되돌릴 수 없습니다."
        asked = confirm.ask(question=question, label="승인", cancel_url=to)
        if asked is not None:
            return asked
        return run(vouchers.approve_waiver, to=to, done="예산포기를 승인했습니다.", voucher_id=id)

    @expose("/<int:id>/decline", methods=["POST"])
    @needs(Permission.VOUCHER_CLOSE)
    def decline(self, id: int) -> ResponseReturnValue:
        to = url_for(".index")
        asked = confirm.ask(
            question="예산포기 요청을 반려할까요?", label="반려", reason_required=True, cancel_url=to
        )
        if asked is not None:
            return asked
        reason = request.form.get("reason", "")
        done = "예산포기 요청을 반려했습니다."
        return run(vouchers.decline_waiver, to=to, done=done, voucher_id=id, reason=reason)
