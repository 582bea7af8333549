"""The console's first page: numbers that this person acts on, each leading to its list."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_admin import expose

from app import clock
from app.access import allowed, current_actor
from app.backoffice.base import ConsoleHome
from app.errors import Refusal
from app.jobs import operations
from app.policy import Permission
from app.workflows import console_reads

LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "screening": ("console_screening.index_view", {}),
    "over": ("console_screening.index_view", {"late": "1"}),
    "unassigned": ("console_screening.index_view", {"who": "none"}),
    "mine": ("console_screening.index_view", {"mine": "1"}),
    "on_hold": ("console_screening.index_view", {"state": "on_hold"}),
    "flagged": ("console_screening.index_view", {"state": "flagged"}),
    "budget": ("console_budget.index", {}),
    "waivers": ("console_waivers.index", {}),
    "last_days": ("console_dashboard.ending", {}),
    "accepted": ("console_offers.index", {"tab": "accepted"}),
    "suppliers": ("console_suppliers.index", {"state": "screening"}),
    "offerings": ("console_offerings.index", {}),
    "batches": ("console_settlement.index", {}),
    "results": ("console_settlement.index", {}),
    "unknown": ("console_unknown.index", {}),
    "releases": ("console_holds.index", {"state": "asked"}),
    "suspicion": ("console_suspicion.index", {}),
    "abuse": ("console_abuse.index", {}),
    "outbox": ("console_outbox.index", {}),
}
HINTS = {
    "screening": Permission.SCREENING_DECIDE,
    "over": Permission.SCREENING_DECIDE,
    "budget": Permission.BUDGET_CONFIRM,
    "waivers": Permission.VOUCHER_CLOSE,
    "last_days": Permission.VOUCHER_CLOSE,
    "accepted": Permission.BUDGET_CONFIRM,
    "suppliers": Permission.SUPPLIER_SELECT,
    "offerings": Permission.OFFERING_APPROVE,
    "batches": Permission.SETTLEMENT_APPROVE,
    "results": Permission.SETTLEMENT_PAY,
    "releases": Permission.HOLD_RELEASE,
    "suspicion": Permission.SUSPICION_DECIDE,
    "abuse": Permission.ABUSE_ANSWER,
    "outbox": Permission.OPERATIONS_MANAGE,
}


class Home(ConsoleHome):
    permission = Permission.CONSOLE

    @expose("/")
    def index(self) -> str:
        actor = current_actor()
        numbers = [self._number(number) for number in console_reads.waiting(actor=actor)]
        if allowed(Permission.OPERATIONS_VIEW):
            numbers.append(self._failed_jobs())
        return self.render(
            "backoffice/home.html",
            mine=[number for number in numbers if number["mine"]],
            others=[number for number in numbers if not number["mine"]],
            role=actor.role.label,
            name=actor.name,
        )

    def _number(self, number: console_reads.Waiting) -> dict[str, object]:
        endpoint, arguments = LISTS[number.kind]
        if number.kind == "budget" and not allowed(Permission.SCREENING_VIEW):
            endpoint = "console_budgets.index"  # the sums: whoever may not see cases has no list of them
        needed = HINTS.get(number.kind)
        return {
            "label": number.label,
            "value": f"{number.count:,}건",
            "hint": self._age(number) if number.count else "기다리는 건이 없습니다",
            "url": url_for(endpoint, **arguments),
            "mine": needed is None or allowed(needed),
        }

    def _age(self, number: console_reads.Waiting) -> str:
        if number.oldest is None:
            return ""
        # What the outbox dates, it dates by the real clock.
        now = clock.real_now() if number.kind == "outbox" else clock.now()
        days = clock.business_days_between(number.oldest, now)
        return f"가장 오래된 건 영업일 {days:,}일째" if days else "가장 오래된 건 오늘"

    def _failed_jobs(self) -> dict[str, object]:
        try:
            count = len(operations.failed_jobs(actor=current_actor()))
            value, hint = f"{count:,}건", "다시 실행할 수 있습니다" if count else "기다리는 건이 없습니다"
        except Refusal:
            value, hint = "확인 불가", "작업 큐에 연결할 수 없습니다"
        return {
            "label": "실패한 작업",
            "value": value,
            "hint": hint,
            "url": url_for("console_jobs.index"),
            "mine": allowed(Permission.OPERATIONS_MANAGE),
        }
