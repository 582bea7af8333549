"""정산내역서: what one supplier gets in one batch, payment by payment (R-SET-2, R-DOC-1)."""

from __future__ import annotations

from app.documents import shapes
from app.documents.korean_money import won
from app.documents.paper import MARGIN, MUTED, WIDTH, Column, Sheet
from app.documents.slip_data import SettlementPaper

ITEMS = (
    Column("결제일", 0.13),
    Column("전표번호", 0.19),
    Column("수요기업", 0.24),
    Column("서비스", 0.28),
    Column("금액(원)", 0.16, "right"),
)


def draw(paper: SettlementPaper) -> bytes:
    """The PDF, over as many pages as the payments need. Drawn again, the same bytes."""
    return shapes.paged(lambda pages: _draw(paper, pages))


def _draw(paper: SettlementPaper, pages: int) -> Sheet:
    stamp = paper.stamp
    sheet = Sheet(
        title=f"정산내역서 {stamp.number}",
        demonstration=stamp.demonstration,
        top=lambda page: _next_page(page, paper),
        pages=pages,
    )
    shapes.head(sheet, "정산내역서", "공급대금 정산", stamp)
    shapes.amount_band(sheet, "지급액", paper.total)
    _facts(sheet, paper)
    _money(sheet, paper)
    sheet.heading(f"결제 내역 ({len(paper.items)}건)")
    sheet.table(ITEMS, [[i.paid_on, i.number, i.buyer, i.item, won(i.amount)] for i in paper.items], size=8.5)
    sheet.y += shapes.GAP
    shapes.foot(sheet, stamp, "위와 같이 공급대금을 정산합니다.")
    return sheet


def _facts(sheet: Sheet, paper: SettlementPaper) -> None:
    supplier = paper.supplier
    rows = [
        ("상호(법인명)", supplier.name),
        ("등록번호", supplier.business_number),
        ("대표자", supplier.representative),
        ("정산번호", paper.batch),
        ("정산기준일", paper.cutoff),
        ("승인일", paper.approved_on),
        ("입금계좌", f"{paper.bank} {paper.account}".strip()),
        ("예금주", paper.holder),
    ]
    shapes.grid(sheet, "정산 정보", rows)


def _money(sheet: Sheet, paper: SettlementPaper) -> None:
    rows = [("결제금액 합계", paper.gross)]
    if paper.carried:
        rows.append(("이월(이체 실패분)", paper.carried))
    rows.append(("수수료", -paper.fee))
    if paper.clawback:
        rows.append(("환수(정산 뒤 취소)", -paper.clawback))
    shapes.sums(sheet, ("정산 금액", rows, ("지급액", paper.total)))


def _next_page(sheet: Sheet, paper: SettlementPaper) -> None:
    stamp = paper.stamp
    sheet.text(MARGIN, sheet.y + 8, f"정산내역서  {stamp.number}", size=8.5, color=MUTED)
    sheet.text(WIDTH - MARGIN, sheet.y + 8, paper.supplier.name, size=8.5, color=MUTED, align="right")
    sheet.y += 24
