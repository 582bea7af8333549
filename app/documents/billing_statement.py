"""청구내역: what a company paid in a period and what was cancelled of it, with sums (R-PAY-8)."""

from __future__ import annotations

from dataclasses import dataclass

from app.documents import shapes
from app.documents.korean_money import won
from app.documents.paper import MARGIN, MUTED, NAVY, WIDTH, Column, Sheet
from app.documents.slip_data import Party

TITLE = "청구내역"
ITEMS = (
    Column("결제일시", 0.14),
    Column("서비스 · 공급기업", 0.27),
    Column("승인번호", 0.12),
    Column("정부지원금", 0.115, "right"),
    Column("기업 부담", 0.115, "right"),
    Column("결제금액", 0.115, "right"),
    Column("취소금액", 0.125, "right"),
)


@dataclass(frozen=True, kw_only=True)
class BilledRow:
    """One payment, won; `share` and `tax` are the company's."""

    paid_at: str
    service: str
    supplier: str
    approval_number: str
    grant: int
    share: int
    tax: int
    total: int
    cancelled_on: str = ""
    """Empty for one that stands."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Sums in won."""

    grant: int
    share: int
    tax: int

    @property
    def total(self) -> int:
        return self.grant + self.share + self.tax


@dataclass(frozen=True, kw_only=True)
class BillingPaper:
    """`paid` counts everything that was paid, `cancelled` what of it was given back."""

    programme: str
    issuer: str
    company: Party
    period: str
    search: str
    """The words that the rows were searched by; empty for all."""
    made_at: str
    rows: tuple[BilledRow, ...]
    paid: Parts
    cancelled: Parts
    demonstration: bool

    @property
    def net(self) -> int:
        return self.paid.total - self.cancelled.total


def draw(paper: BillingPaper) -> bytes:
    """The PDF, over as many pages as the rows need."""
    return shapes.paged(lambda pages: _draw(paper, pages))


def _draw(paper: BillingPaper, pages: int) -> Sheet:
    sheet = Sheet(
        title=f"{TITLE} {paper.company.name}",
        demonstration=paper.demonstration,
        top=lambda page: _next_page(page, paper),
        pages=pages,
    )
    _head(sheet, paper)
    shapes.amount_band(sheet, "청구금액 (결제한 금액에서 취소한 금액을 뺀 금액)", paper.net)
    _facts(sheet, paper)
    _money(sheet, paper)
    sheet.heading(f"결제와 취소 ({len(paper.rows):,}건)")
    sheet.table(ITEMS, [_cells(row) for row in paper.rows], size=8)
    note = "(단위: 원)  기업 부담은 자부담금과, 기업이 부담하는 부가가치세를 더한 금액입니다."
    sheet.need(20)
    sheet.text(WIDTH - MARGIN, sheet.y + 12, note, size=7.5, color=MUTED, align="right")
    return sheet


def _head(sheet: Sheet, paper: BillingPaper) -> None:
    """As on the numbered papers, but for the number: this one is made anew whenever it is asked for."""
    sheet.text(MARGIN, sheet.y + 8, paper.programme, size=8.5, color=MUTED)
    sheet.text(WIDTH - MARGIN, sheet.y + 8, paper.issuer, size=8.5, color=MUTED, align="right")
    sheet.y += 42
    sheet.text(WIDTH / 2, sheet.y, TITLE, size=24, bold=True, color=NAVY, align="center", spread=6.0)
    sheet.y += 17
    sheet.text(WIDTH / 2, sheet.y, "결제완료 · 결제취소 내역", size=9, color=MUTED, align="center")
    sheet.y += 20
    sheet.text(MARGIN, sheet.y, f"조회기간  {paper.period}", size=9)
    sheet.text(WIDTH - MARGIN, sheet.y, f"작성일시  {paper.made_at}", size=9, align="right")
    sheet.y += 7
    sheet.rule(sheet.y, weight=1.6, color=NAVY)
    sheet.y += shapes.GAP


def _facts(sheet: Sheet, paper: BillingPaper) -> None:
    company = paper.company
    rows = [
        ("상호(법인명)", company.name),
        ("등록번호", company.business_number),
        ("대표자", company.representative),
        ("검색어", paper.search or "없음 (전체)"),
    ]
    shapes.grid(sheet, "수요기업", rows)


def _money(sheet: Sheet, paper: BillingPaper) -> None:
    shapes.sums(
        sheet,
        _block("결제한 금액", paper.paid, taxed=bool(paper.paid.tax)),
        _block("취소한 금액", paper.cancelled, taxed=bool(paper.paid.tax), sign=-1),
    )


def _block(title: str, parts: Parts, *, taxed: bool, sign: int = 1) -> shapes.Sums:
    rows = [("정부지원금", sign * parts.grant), ("자부담금", sign * parts.share)]
    if taxed:
        rows.append(("부가가치세(기업 부담)", sign * parts.tax))
    return title, rows, ("합계", sign * parts.total)


def _cells(row: BilledRow) -> list[str]:
    back = f"{won(-row.total)}\n취소 {row.cancelled_on}" if row.cancelled_on else "-"
    own = row.share + row.tax
    service = f"{row.service}\n{row.supplier}"
    return [
        row.paid_at,
        service,
        row.approval_number or "-",
        won(row.grant),
        won(own),
        won(row.total),
        back,
    ]


def _next_page(sheet: Sheet, paper: BillingPaper) -> None:
    sheet.text(MARGIN, sheet.y + 8, f"{TITLE}  {paper.period}", size=8.5, color=MUTED)
    sheet.text(WIDTH - MARGIN, sheet.y + 8, paper.company.name, size=8.5, color=MUTED, align="right")
    sheet.y += 24
