"""Documents that finance took out: one export that was stopped, and one that is ready (R-DOC-2)."""

from __future__ import annotations

from datetime import date

from app import clock
from app.demo.stage import Stage, instant
from app.models.paper_exports import ExportForm
from app.models.payments import SlipKind
from app.workflows import paper_exports, paper_exports_work
from app.workflows.paper_exports import Wanted

STATEMENTS = Wanted(kinds=(SlipKind.SETTLEMENT,), since=date(2020, 11, 1), until=date(2020, 11, 15))


def export_some(stage: Stage) -> None:
    """Receipts are numbered by the job that runs afterwards; the statements of the first batch are there."""
    first, second = stage.staff["finance1"], stage.staff["finance2"]
    with clock.at(instant(date(2020, 11, 13), 16, 40)):
        stopped = paper_exports.start(
            actor=second,
            wanted=STATEMENTS,
            form=ExportForm.PDF,
            reason="회계감사 요청 자료(2020년 10월 지급분)",
        )
        paper_exports.stop(actor=second, export_id=stopped.id)
    with clock.at(instant(date(2020, 11, 13), 17, 5)):
        ready = paper_exports.start(
            actor=first, wanted=STATEMENTS, form=ExportForm.ZIP, reason="2020년 10월 정산 증빙 보관"
        )
        paper_exports_work.work(export_id=ready.id)
