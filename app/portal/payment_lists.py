"""What the lists of payments of both sides share: the filter in the address, the table and its sums as a file
(R-PAY-7, R-PAY-8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from app.documents.exports import Column, Totals
from app.models.payments import STILL_PAID, Payment, PaymentState
from app.portal import lists
from app.portal.lists import MOST_EXPORTED, Period
from app.web.pages import page_url
from app.workflows import search
from app.workflows.billing_statement import write_period
from app.workflows.payments_reads import Sum, Tab, sum_of

LONGEST_SEARCH = 100


@dataclass(frozen=True)
class Wanted:
    """조회기간 and 검색어 of the address."""

    period: Period
    q: str

    @property
    def bounds(self) -> dict[str, Any]:
        """As the reads take them."""
        return {"since": self.period.since, "until": self.period.until, "q": self.q}

    @property
    def address(self) -> dict[str, Any]:
        """As an address keeps them."""
        return {name: request.args.get(name) or None for name in ("since", "until", "q")}

    @property
    def narrowed(self) -> bool:
        return bool(self.q) or (self.period.since, self.period.until) != (None, None)

    @property
    def words(self) -> str:
        """In words, for the sum line and for who prints the page."""
        searched = f", 검색어 ‘{self.q}’" if self.q else ""
        return f"결제일 {write_period(self.period.since, self.period.until)}{searched}"


def wanted() -> Wanted:
    return Wanted(lists.period(), search.clean(request.args.get("q", ""))[:LONGEST_SEARCH])


def chosen(tabs: Iterable[Tab]) -> Tab:
    """The tab of the address; what no list offers is 총 내역."""
    return next((each for each in tabs if each.value == request.args.get("tab")), Tab.ALL)


def columns(
    other: Column[Payment], *more: Column[Payment], before: bool = False
) -> Sequence[Column[Payment]]:
    """The table as a file; `other` is the other side's company."""
    service: Column[Payment] = Column("서비스", lambda row: row.deal.offering.name, width=32)
    return [
        Column("결제일시", lambda row: row.paid_at or row.pressed_at, "instant"),
        Column("상태", lambda row: row.state),
        *((other, service) if before else (service, other)),
        Column("결제수단", lambda row: row.instrument_kind),
        Column("승인번호", lambda row: row.approval_number),
        Column("주문번호", lambda row: row.order_id, width=34),
        Column("정부지원금", lambda row: row.grant_part, "won"),
        Column("자부담금", lambda row: row.share_part, "won"),
        Column("부가세(기업 부담)", lambda row: row.tax_part, "won"),
        Column("결제금액", lambda row: row.total, "won"),
        Column("취소금액", lambda row: row.total if row.state is PaymentState.CANCELLED else 0, "won"),
        Column("취소일시", lambda row: row.cancelled_at, "instant"),
        *more,
    ]


class Tally:
    """The rows of a file, counted as they go by: its sums are those of its very rows."""

    def __init__(self, rows: Iterable[Payment]) -> None:
        self._rows = rows
        self._sums: dict[PaymentState, Sum] = {}

    def __iter__(self) -> Iterator[Payment]:
        for row in self._rows:
            self._sums[row.state] = self._sums.get(row.state, Sum()) + sum_of(row)
            yield row

    def _of(self, *states: PaymentState) -> Sum:
        return sum((self._sums.get(state, Sum()) for state in states), Sum())

    def totals(self, tab: Tab | None = None) -> Totals:
        """Of one tab that tab's, of 총 내역 each state's; of the 청구내역, which has no tabs, the net too."""
        paid = self._of(*STILL_PAID)
        cancelled = self._of(PaymentState.CANCELLED)
        lines = [
            (Tab.PAID, "결제성공", paid, 0),
            (Tab.CANCELLED, "결제취소", cancelled, cancelled.amount),
            (Tab.FAILED, "결제실패", self._of(PaymentState.FAILED), 0),
            (Tab.ALL, "결과 확인 중", self._of(PaymentState.PENDING), 0),
        ]
        for each, label, sums, back in lines:
            if (each is tab) if tab not in (None, Tab.ALL) else sums.count:
                yield f"{label} {sums.count:,}건", _line(sums, back)
        if tab is None:
            yield f"합계 {(paid + cancelled).count:,}건", _line(paid + cancelled, cancelled.amount)
            yield "청구금액(결제 − 취소)", _line(paid, 0)


def _line(sums: Sum, back: int) -> dict[str, int]:
    return {
        "정부지원금": sums.grant,
        "자부담금": sums.share,
        "부가세(기업 부담)": sums.tax,
        "결제금액": sums.amount,
        "취소금액": back,
    }


def export(
    read: Callable[..., list[Payment]],
    count: int,
    table: Sequence[Column[Payment]],
    *,
    name: str,
    **filters: Any,
) -> ResponseReturnValue:
    """All that the filter leaves, with its sums; too much for one file is said, and nothing is cut off."""
    if count > MOST_EXPORTED:
        flash(
            f"엑셀은 한 번에 {MOST_EXPORTED:,}건까지 내려받을 수 있습니다(지금 {count:,}건). "
            "조회기간을 나누어 내려받아 주세요.",
            "warning",
        )
        return redirect(page_url().replace(".xlsx", ""))
    rows = Tally(lists.every(lambda before, size: read(before=before, size=size, **filters)))
    return lists.spreadsheet(rows, table, name=name, totals=rows.totals(filters.get("tab")))
