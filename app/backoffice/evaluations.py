"""만족도 평가, to be looked at: nobody changes one (R-EVA-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor
from app.backoffice.parts import Page, day_of, everything, export_format, listed, spreadsheet, typed
from app.documents.exports import Column
from app.models.settlements import Evaluation
from app.policy import Permission
from app.workflows import evaluation_reads, evaluations


def _mark(criterion: str) -> Callable[[Evaluation], int]:
    return lambda row: int(getattr(row, criterion))


COLUMNS: list[Column[Evaluation]] = [
    Column("평가일시", lambda row: row.at, kind="instant"),
    Column("거래번호", lambda row: row.deal_id, kind="number"),
    Column("서비스", lambda row: row.deal.offering.name),
    Column("공급기업", lambda row: row.deal.supplier.name),
    Column("수요기업", lambda row: row.deal.company.name),
    Column("평점", lambda row: row.average),
    *(Column(label, _mark(name), kind="number") for name, label in evaluations.CRITERIA.items()),
    Column("평가 의견", lambda row: row.comment),
]


class Evaluations(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted: dict[str, Any] = {
            "q": typed("q"),
            "low": typed("score") == "low",
            "since": day_of("since"),
            "until": day_of("until"),
        }
        read = evaluation_reads.listing
        if export_format():
            return spreadsheet(everything(read, **wanted), COLUMNS, name="만족도평가")
        return self.render(
            "backoffice/market/evaluations.html",
            listing=listed(read, **wanted),
            services=evaluation_reads.averages(actor=current_actor(), **wanted),
            criteria=evaluations.CRITERIA,
            **wanted,
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        found = evaluations.get(actor=current_actor(), evaluation_id=id)
        return self.render("backoffice/market/evaluation.html", found=found, criteria=evaluations.CRITERIA)
