"""응답 현황: how soon the supplier answers, how much it accepts, what lapsed (R-SUP-1, R-TIME-2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.korean import in_words
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.workflows import supplier_numbers
from app.workflows.supplier_numbers import PERIODS, Numbers, SupplierNumbers

MOST_DRAWN = 10
SERIES = ("거래수락", "반려", "불가(답변 없음)")
"""What became of a request; as the page's table has it, in the same order."""
COLUMNS: list[Column[Numbers]] = [
    Column("서비스", lambda row: row.name, width=32),
    Column("요청", lambda row: row.asked, "number"),
    Column("답변 대기", lambda row: row.waiting, "number"),
    Column("거래수락", lambda row: row.accepted, "number"),
    Column("반려", lambda row: row.turned_down, "number"),
    Column("불가(답변 없음)", lambda row: row.silent, "number"),
    Column("요청취소", lambda row: row.withdrawn, "number"),
    Column("수락률(%)", lambda row: row.accepted_percent, "number"),
    Column("답변 시간 중앙값(영업일 기준)", lambda row: write_span(row.median), width=24),
    Column("결제요청", lambda row: row.billed, "number"),
    Column("결제완료", lambda row: row.paid, "number"),
    Column("불가(결제 없음)", lambda row: row.unpaid, "number"),
]


def write_span(span: timedelta | None) -> str:
    """`1일 3시간`; what is not known is a dash, what took no business time says so."""
    if span is None:
        return "-"
    return in_words(span) if span > timedelta() else "1분 미만"


def _days() -> int:
    days = request.args.get("days", type=int)
    return days if days in PERIODS else PERIODS[0]


@blueprint.get("/numbers")
@needs(Permission.SUPPLIER_VIEW)
def numbers() -> ResponseReturnValue:
    found = supplier_numbers.numbers(actor=current_actor(), days=_days())
    return render_template(
        "portal/supply/numbers.html",
        found=found,
        total=found.total,
        periods=PERIODS,
        series=list(SERIES),
        drawn=[_bar(row) for row in found.services if row.decided][:MOST_DRAWN],
        write_span=write_span,
    )


def _bar(row: Numbers) -> dict[str, Any]:
    values = (row.accepted, row.turned_down_at_once, row.silent)
    shown = [(place, value) for place, value in enumerate(values) if value]
    return {
        "label": row.name,
        "values": [value for _place, value in shown],
        "texts": [f"{value:,}" for _place, value in shown],
        "places": [place for place, _value in shown],
        "text": f"{sum(values):,}건",
    }


@blueprint.get("/numbers.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def numbers_export() -> ResponseReturnValue:
    found: SupplierNumbers = supplier_numbers.numbers(actor=current_actor(), days=_days())
    return lists.spreadsheet([found.total, *found.services], COLUMNS, name="응답 현황")
