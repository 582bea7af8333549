"""예산확정: who waits for it, to be confirmed or sent back singly or in bulk (R-SCR-4, R-SCR-3c)."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import allowed, current_actor
from app.backoffice import ways_back
from app.backoffice.parts import (
    Page,
    agency_options,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
    typed,
)
from app.backoffice.screening import COLUMNS
from app.models.applications import ApplicationState
from app.policy import Permission
from app.workflows import queue_reads
from app.workflows.queue_reads import QueueRow, counted


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
            total=counted(total),
            may=allowed(Permission.BUDGET_CONFIRM),
            asked=asked,
            agencies=agency_options(),
            here=ways_back.here(),
        )
