"""현황판: numbers that a manager or the lead agency acts on, as charts beside tables (R-SCR-3, R-SCR-5)."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import allowed, current_actor, needs
from app.backoffice import budget_blocks, screening_blocks
from app.backoffice.dashboard_parts import Block
from app.backoffice.parts import (
    Page,
    agency_options,
    day_of,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
)
from app.backoffice.screening_blocks import ROUNDS, Links
from app.policy import Permission
from app.workflows import budget_stats, decision_reads, programmes, screening_stats
from app.workflows.decision_reads import Wanted
from app.workflows.screening_stats import DECISIONS, PERIODS, ScreeningStats

DEFAULT_DAYS = 30
RETURNS_SHOWN = 10


def _days() -> int:
    days = number_of("days")
    return days if days in PERIODS else DEFAULT_DAYS


class Dashboard(Page):
    permission = Permission.DASHBOARD_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        blocks: list[Block] = []
        tiles: list[tuple[str, list[dict[str, str]]]] = []
        if allowed(Permission.SCREENING_VIEW):
            tiles.append(self._screening(blocks))
        if allowed(Permission.BUDGET_VIEW):
            tiles.append(self._budget(blocks))
        if export_format():
            return self._file(blocks)
        lead = not current_actor().role.is_operating_agency and allowed(Permission.SCREENING_VIEW)
        return self.render(
            "backoffice/dashboard/index.html",
            tiles=tiles,
            blocks=blocks,
            days=_days(),
            periods=PERIODS if allowed(Permission.SCREENING_VIEW) else (),
            agencies=agency_options() if lead else [],
            agency=number_of("agency") if lead else None,
        )

    def _screening(self, blocks: list[Block]) -> tuple[str, list[dict[str, str]]]:
        actor = current_actor()
        stats = screening_stats.screening(actor=actor, days=_days(), agency_id=number_of("agency"))
        links = Links(_days(), names_agency=not actor.role.is_operating_agency)
        wanted = Wanted(days=_days(), agency_id=number_of("agency"), returned=True)
        returned = decision_reads.rounds(actor=actor, wanted=wanted, size=RETURNS_SHOWN)
        blocks += screening_blocks.blocks(stats, links, returned)
        promised = programmes.current().promised_days
        return self._title(stats), screening_blocks.tiles(stats, links, promised=promised)

    def _title(self, stats: ScreeningStats) -> str:
        return f"심사: {stats.agencies[0].name}" if len(stats.agencies) == 1 else "심사: 모든 운영기관"

    def _budget(self, blocks: list[Block]) -> tuple[str, list[dict[str, str]]]:
        actor, programme = current_actor(), programmes.current()
        stats = budget_stats.budgets(actor=actor, programme_id=programme.id)
        sees_cases = allowed(Permission.SCREENING_VIEW)
        blocks += budget_blocks.blocks(stats, sees_cases=sees_cases)
        return f"예산: {programme.name}", budget_blocks.tiles(stats, sees_cases=sees_cases)

    def _file(self, blocks: list[Block]) -> ResponseReturnValue:
        """One table as a file: the one that the address names."""
        block = next((each for each in blocks if each.key == request.args.get("table")), None)
        if block is None:
            abort(404)
        return spreadsheet(block.rows, block.columns(), name=f"현황판_{block.title}")

    # --- the lists behind the numbers ---------------------------------------------------------------

    @expose("/decisions")
    @needs(Permission.SCREENING_VIEW)
    def decisions(self) -> ResponseReturnValue:
        """What was decided or sent back: the rounds that a number counted."""
        wanted = self._wanted()
        if export_format():
            return spreadsheet(
                everything(decision_reads.rounds, wanted=wanted), ROUNDS, name="심사 처리 내역"
            )
        return self.render(
            "backoffice/dashboard/decisions.html",
            listing=listed(decision_reads.rounds, wanted=wanted),
            total=decision_reads.total(actor=current_actor(), wanted=wanted),
            wanted=wanted,
            periods=PERIODS,
            decisions=DECISIONS,
            agencies=[] if current_actor().role.is_operating_agency else agency_options(),
        )

    def _wanted(self) -> Wanted:
        decision, week = request.args.get("decision", ""), day_of("week")
        ticked = {name: request.args.get(name) == "1" for name in ("again", "returned", "handed_in")}
        return Wanted(
            days=_days(),
            agency_id=number_of("agency"),
            decision=decision if decision in DECISIONS else "",
            code=request.args.get("code", "")[:50],
            account_id=number_of("account"),
            week=week and week - timedelta(days=week.weekday()),
            **ticked,
        )

    @expose("/ending")
    @needs(Permission.BUDGET_VIEW)
    def ending(self) -> ResponseReturnValue:
        """Who loses the voucher unless the first payment comes in time (R-TIME-5)."""
        day = day_of("day")
        if export_format():
            rows = everything(budget_stats.ending, cursor="after", day=day)
            return spreadsheet(rows, budget_blocks.ENDING, name="첫 결제 기한이 다가오는 기업")
        listing = listed(budget_stats.ending, cursor="after", day=day)
        return self.render(
            "backoffice/dashboard/ending.html",
            listing=listing,
            sees_cases=allowed(Permission.SCREENING_VIEW),
            day=clock.write_day(day) if day else f"앞으로 {budget_stats.DEADLINE_DAYS}일",
            written=clock.write_deadline,
        )
