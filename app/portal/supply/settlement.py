"""공급대금 정산: where each payment's money is, and what was paid by which statement (R-SET-0, R-SET-2)."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.models.settlements import LineState, SettlementLine
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web.pages import page_args
from app.workflows import mails, settlement_supplier, slips
from app.workflows.settlement_supplier import Place, PlaceRow

PLACES: list[Column[PlaceRow]] = [
    Column("결제일시", lambda row: row.paid_at, "instant"),
    Column("수요기업", lambda row: row.company),
    Column("서비스", lambda row: row.offering, width=32),
    Column("결제금액", lambda row: row.amount, "won"),
    Column("정산 상태", lambda row: row.place),
    Column("정산번호", lambda row: row.batch_number),
    Column("설명", lambda row: row.text, width=60),
]
LINES: list[Column[SettlementLine]] = [
    Column("정산번호", lambda row: row.batch.number),
    Column("정산기준일", lambda row: row.batch.cutoff, "date"),
    Column("상태", lambda row: Place.HELD if row.state is LineState.HELD else row.state),
    Column("정산 대상 금액", lambda row: row.gross, "won"),
    Column("이월", lambda row: row.carried, "won"),
    Column("수수료", lambda row: row.fee, "won"),
    Column("환수", lambda row: row.clawback, "won"),
    Column("보류", lambda row: row.withheld, "won"),
    Column("지급액", lambda row: row.sent, "won"),
    Column("지급일시", lambda row: row.paid_at, "instant"),
    Column("이체 결과", lambda row: row.result_text, width=40),
]


def _by_lines() -> bool:
    return request.args.get("tab") == "lines"


@blueprint.get("/settlement")
@needs(Permission.SUPPLIER_VIEW)
def settlement() -> ResponseReturnValue:
    actor, size, lines = current_actor(), page_args().size, _by_lines()
    shared = {"totals": settlement_supplier.supplier_totals(actor=actor), "size": size}
    if lines:
        rows = settlement_supplier.supplier_lines(actor=actor, before=lists.cursor(), size=size)
        keys = [row.id for row in rows]
        papers, sendings = slips.for_lines(keys), mails.of_lines(keys)
        following = lists.following(rows, size)
        return render_template(
            "portal/supply/settlement_lines.html",
            rows=rows,
            papers=papers,
            sendings=sendings,
            held=Place.HELD,
            following=following,
            **shared,
        )
    places = settlement_supplier.supplier_payments(actor=actor, before=lists.cursor(), size=size)
    papers = slips.for_lines([row.last_line_id for row in places if row.last_line_id])
    return render_template(
        "portal/supply/settlement.html",
        rows=places,
        papers=papers,
        total=settlement_supplier.supplier_count(actor=actor),
        following=lists.following(places, size, key=lambda row: row.payment_id),
        **shared,
    )


@blueprint.get("/settlement.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def settlement_export() -> ResponseReturnValue:
    """The tab of the address, all of it."""
    actor = current_actor()
    if _by_lines():
        lines = lists.every(
            lambda before, size: settlement_supplier.supplier_lines(actor=actor, before=before, size=size)
        )
        return lists.spreadsheet(lines, LINES, name="공급대금 정산내역")
    places = lists.every(
        lambda before, size: settlement_supplier.supplier_payments(actor=actor, before=before, size=size),
        key=lambda row: row.payment_id,
    )
    return lists.spreadsheet(places, PLACES, name="공급대금 결제별 현황")
