"""평가: what the supplier's services were given, by service and one by one (R-EVA-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.models.settlements import Evaluation
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web.pages import key_of, page_args
from app.workflows import evaluation_reads, evaluations


def _mark(criterion: str) -> Callable[[Evaluation], int]:
    return lambda row: int(getattr(row, criterion))


COLUMNS: list[Column[Evaluation]] = [
    Column("평가일시", lambda row: row.at, "instant"),
    Column("서비스", lambda row: row.deal.offering.name, width=32),
    Column("수요기업", lambda row: row.deal.company.name),
    Column("거래번호", lambda row: row.deal_id, "number"),
    Column("평점", lambda row: row.average, width=8),
    *(Column(label, _mark(name), "number", width=14) for name, label in evaluations.CRITERIA.items()),
    Column("평가 의견", lambda row: row.comment, width=60),
]


def _wanted() -> dict[str, Any]:
    return {"offering_id": key_of(request.args.get("service"))}


@blueprint.get("/evaluations")
@needs(Permission.SUPPLIER_VIEW)
def evaluations_of_supplier() -> ResponseReturnValue:
    actor, size, wanted, period = current_actor(), page_args().size, _wanted(), lists.period()
    bounds = wanted | {"since": period.since, "until": period.until}
    rows = evaluation_reads.of_supplier(actor=actor, before=lists.cursor(), size=size, **bounds)
    services = evaluation_reads.averages_of_supplier(actor=actor)
    return render_template(
        "portal/supply/evaluations.html",
        rows=rows,
        services=services,
        criteria=evaluations.CRITERIA,
        service=wanted["offering_id"],
        period=period,
        total=sum(each.count for each in services),
        size=size,
        following=lists.following(rows, size),
    )


@blueprint.get("/evaluations.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def evaluations_export() -> ResponseReturnValue:
    """The filters of the address, all of it."""
    actor, period = current_actor(), lists.period()
    bounds = _wanted() | {"since": period.since, "until": period.until}
    rows = lists.every(
        lambda before, size: evaluation_reads.of_supplier(actor=actor, before=before, size=size, **bounds)
    )
    return lists.spreadsheet(rows, COLUMNS, name="서비스 평가")


@blueprint.get("/evaluations/<int:evaluation_id>")
@needs(Permission.SUPPLIER_VIEW)
def evaluation(evaluation_id: int) -> ResponseReturnValue:
    found = evaluations.get(actor=current_actor(), evaluation_id=evaluation_id)
    return render_template("portal/supply/evaluation.html", found=found, criteria=evaluations.CRITERIA)
