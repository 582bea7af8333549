"""예산 현황: every agency's money, how each sum was worked out, and its allocation (R-SCR-4, R-MONEY-2b)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import HiddenField, SelectField

from app import clock
from app.access import allowed, current_actor, needs
from app.backoffice.parts import Page, everything, export_format, listed, spreadsheet, typed
from app.documents.exports import Column
from app.errors import Refusal
from app.models.ledger import JournalKind
from app.models.offers import OfferState
from app.policy import Permission
from app.web import confirm
from app.web.forms import BaseForm, MoneyField, Required, refusal_to_form
from app.workflows import allocations, budget, budget_overview, offers_reads, programmes
from app.workflows.budget_overview import RETURNS, BudgetLine

AMOUNTS = ("allocated", "committed", "spent", "returned", "reserved", "free", "waiting", "waitlisted")
LINES: list[Column[Any]] = [
    Column("운영기관", lambda r: r.name),
    Column("배정", lambda r: r.allocated, kind="won"),
    Column("확정", lambda r: r.committed, kind="won"),
    Column("집행", lambda r: r.spent, kind="won"),
    Column("회수", lambda r: r.returned, kind="won"),
    Column("안내 중", lambda r: r.reserved, kind="won"),
    Column("잔여", lambda r: r.free, kind="won"),
    Column("심사확정(건)", lambda r: r.waiting, kind="number"),
    Column("예산 대기(건)", lambda r: r.waitlisted, kind="number"),
]
MOVEMENTS: list[Column[Any]] = [
    Column("일시", lambda r: r.at, kind="instant"),
    Column("구분", lambda r: r.kind.label),
    Column("기업명", lambda r: r.company or ""),
    Column("금액", lambda r: r.amount, kind="won"),
    Column("처리자", lambda r: r.actor_name),
    Column("분개", lambda r: r.journal_id, kind="number"),
]
SPENDINGS: list[Column[Any]] = [
    Column("결제일시", lambda r: r.paid_at, kind="instant"),
    Column("수요기업", lambda r: r.company),
    Column("서비스", lambda r: r.service),
    Column("정부지원금", lambda r: r.grant_part, kind="won"),
    Column("결제금액", lambda r: r.total, kind="won"),
]
# What a movement's filter may ask for: one kind, or all that brings money back.
KINDS: dict[str, tuple[str, tuple[JournalKind, ...]]] = {
    kind.value: (kind.label, (kind,)) for kind in (JournalKind.ALLOCATION, JournalKind.APPROVAL, *RETURNS)
} | {"returned": ("회수 전체", RETURNS)}


@dataclass(frozen=True)
class Row:
    """An agency's line, or the sum of all."""

    name: str
    agency_id: int | None
    allocated: int
    committed: int
    spent: int
    returned: int
    reserved: int
    free: int
    waiting: int
    waitlisted: int


def rows_of(lines: list[BudgetLine]) -> list[Row]:
    rows = [
        Row(line.agency.name, line.agency.id, *[getattr(line, name) for name in AMOUNTS]) for line in lines
    ]
    return [*rows, Row("합계", None, *[sum(getattr(row, name) for row in rows) for name in AMOUNTS])]


class AllocateForm(BaseForm):
    agency_id = SelectField("운영기관", coerce=int)
    amount = MoneyField("배정 금액", validators=[Required()])
    key = HiddenField()


class AmountForm(BaseForm):
    amount = MoneyField("금액", validators=[Required()])
    key = HiddenField()


class FundForm(BaseForm):
    amount = MoneyField("사업 예산에 넣을 금액", validators=[Required()])
    key = HiddenField()


def fresh_key() -> str:
    """One decision for one form, however often it is sent."""
    return secrets.token_urlsafe(12)


def decide(
    form: Any, verb: Callable[..., Any], *, done: str, to: str, asked: dict[str, Any], **arguments: Any
) -> ResponseReturnValue | None:
    """Ask, then move the form's amount; None where the form has an error to show."""
    if not form.validate():
        return None
    question = confirm.ask(cancel_url=to, **asked)
    if question is not None:
        return question
    key = form.key.data or fresh_key()
    try:
        verb(actor=current_actor(), amount=form.amount.data, key=key, **arguments)
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return None
    flash(done, "success")
    return redirect(to)


class BudgetOverview(Page):
    permission = Permission.BUDGET_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        if export_format():
            return spreadsheet(rows_of(self._lines()), LINES, name="예산 현황")
        return self._page()

    def _lines(self) -> list[BudgetLine]:
        return budget_overview.overview(actor=current_actor(), programme_id=programmes.current().id)

    def _page(self, *, allocate: AllocateForm | None = None, fund: FundForm | None = None) -> str:
        actor, programme, lines = current_actor(), programmes.current(), self._lines()
        allocate = allocate or AllocateForm(formdata=None, prefix="allocate-", key=fresh_key())
        allocate.agency_id.choices = [(line.agency.id, line.agency.name) for line in lines]
        return self.render(
            "backoffice/budget/overview.html",
            programme=programme,
            now=clock.now(),
            rows=rows_of(lines),
            allocate=allocate,
            fund=fund or FundForm(formdata=None, prefix="fund-", key=fresh_key()),
            unallocated=budget_overview.free_of_programme(actor=actor, programme_id=programme.id),
            sees_cases=allowed(Permission.SCREENING_VIEW),
        )

    @expose("/allocate", methods=["POST"])
    @needs(Permission.BUDGET_CONFIRM)
    def allocate(self) -> ResponseReturnValue:
        """Give an agency its part; the form's key makes a double click one decision."""
        programme, form = programmes.current(), AllocateForm(prefix="allocate-")
        names = {agency.id: agency.name for agency in programmes.operating_agencies()}
        form.agency_id.choices = list(names.items())
        amount, name = form.amount.data or 0, names.get(form.agency_id.data, "")
        answer = decide(
            form,
            budget.allocate,
            asked={"question": f"{name}에 {amount:,}원을 배정할까요?", "label": "배정"},
            done=f"{name}에 {amount:,}원을 배정했습니다.",
            to=url_for(".index"),
            programme_id=programme.id,
            agency_id=form.agency_id.data,
        )
        return answer or (self._page(allocate=form), 422)

    @expose("/fund", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def fund(self) -> ResponseReturnValue:
        form = FundForm(prefix="fund-")
        amount = form.amount.data or 0
        answer = decide(
            form,
            budget.fund,
            asked={"question": f"사업 예산에 {amount:,}원을 넣을까요?", "label": "예산 넣기"},
            done=f"사업 예산에 {amount:,}원을 넣었습니다.",
            to=url_for(".index"),
            programme_id=programmes.current().id,
        )
        return answer or (self._page(fund=form), 422)

    # --- one agency ---------------------------------------------------------------------------------

    def _line(self, agency_id: int) -> BudgetLine:
        return budget_overview.of_agency(
            actor=current_actor(), programme_id=programmes.current().id, agency_id=agency_id
        )

    @expose("/<int:agency_id>")
    def agency(self, agency_id: int) -> ResponseReturnValue:
        return self._agency_page(agency_id)

    def _agency_page(
        self, agency_id: int, *, give: AmountForm | None = None, take: AmountForm | None = None
    ) -> str:
        actor, line, programme = current_actor(), self._line(agency_id), programmes.current()
        sums = budget_overview.by_kind(actor=actor, budget_id=line.budget_id)
        return self.render(
            "backoffice/budget/agency.html",
            programme=programme,
            now=clock.now(),
            line=line,
            sums={each.kind: each for each in sums},
            kinds=JournalKind,
            offer_states=OfferState,
            returns=RETURNS,
            entries=allocations.history(actor=actor, budget_id=line.budget_id),
            offers=offers_reads.counts(actor=actor, programme_id=programme.id, agency_id=agency_id),
            unallocated=budget_overview.free_of_programme(actor=actor, programme_id=programme.id),
            give=give or AmountForm(formdata=None, prefix="give-", key=fresh_key()),
            take=take or AmountForm(formdata=None, prefix="take-", key=fresh_key()),
            sees_cases=allowed(Permission.SCREENING_VIEW),
        )

    @expose("/<int:agency_id>/give", methods=["POST"])
    @needs(Permission.BUDGET_CONFIRM)
    def give(self, agency_id: int) -> ResponseReturnValue:
        form, name = AmountForm(prefix="give-"), self._line(agency_id).agency.name
        amount = form.amount.data or 0
        answer = decide(
            form,
            budget.allocate,
            asked={"question": f"{name}에 {amount:,}원을 배정할까요?", "label": "배정"},
            done=f"{name}에 {amount:,}원을 배정했습니다.",
            to=url_for(".agency", agency_id=agency_id),
            programme_id=programmes.current().id,
            agency_id=agency_id,
        )
        return answer or (self._agency_page(agency_id, give=form), 422)

    @expose("/<int:agency_id>/take-back", methods=["POST"])
    @needs(Permission.BUDGET_CONFIRM)
    def take_back(self, agency_id: int) -> ResponseReturnValue:
        """배정 회수 of what is free, with the reason that the question asks for."""
        form, name = AmountForm(prefix="take-"), self._line(agency_id).agency.name
        amount = form.amount.data or 0
        answer = decide(
            form,
            allocations.take_back,
            asked={
                "question": f"{name}의 남은 예산에서 {amount:,}원을 회수할까요?",
                "consequence": "사업 예산으로 돌아가 다른 기관에 배정할 수 있습니다.",
                "label": "배정 회수",
                "reason_required": True,
            },
            done=f"{name}의 예산에서 {amount:,}원을 회수했습니다.",
            to=url_for(".agency", agency_id=agency_id),
            programme_id=programmes.current().id,
            agency_id=agency_id,
            reason=request.form.get("reason", ""),
        )
        return answer or (self._agency_page(agency_id, take=form), 422)

    @expose("/<int:agency_id>/movements")
    def movements(self, agency_id: int) -> ResponseReturnValue:
        """The entries that a sum is made of."""
        line, kind = self._line(agency_id), typed("kind")
        label, kinds = KINDS.get(kind, ("전체", tuple(JournalKind)))
        asked: dict[str, Any] = {"budget_id": line.budget_id, "kinds": kinds}
        if export_format():
            rows = everything(budget_overview.movements, **asked)
            return spreadsheet(rows, MOVEMENTS, name=f"{line.agency.name} 예산 {label}")
        sums = budget_overview.by_kind(actor=current_actor(), budget_id=line.budget_id)
        return self.render(
            "backoffice/budget/movements.html",
            line=line,
            kind=kind if kind in KINDS else "",
            label=label,
            options=[(value, text) for value, (text, _) in KINDS.items()],
            total=sum(each.amount for each in sums if each.kind in kinds),
            number=sum(each.count for each in sums if each.kind in kinds),
            listing=listed(budget_overview.movements, default_size=50, **asked),
            sees_cases=allowed(Permission.SCREENING_VIEW),
        )

    @expose("/<int:agency_id>/spending")
    def spending(self, agency_id: int) -> ResponseReturnValue:
        """The payments behind 집행."""
        line = self._line(agency_id)
        asked: dict[str, Any] = {"budget_id": line.budget_id}
        if export_format():
            rows = everything(budget_overview.spendings, **asked)
            return spreadsheet(rows, SPENDINGS, name=f"{line.agency.name} 예산 집행")
        listing = listed(budget_overview.spendings, default_size=50, **asked)
        return self.render("backoffice/budget/spending.html", line=line, listing=listing)
