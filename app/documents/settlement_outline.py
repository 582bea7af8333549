"""정산내역서: what one supplier gets in one batch, payment by payment (R-SET-2, R-DOC-1)."""

from __future__ import annotations

from app.documents.korean_money import won
from app.documents.outline import Band, Block, Column, Facts, Outline, Sums, Table
from app.documents.slip_data import SettledItem, SettlementPaper

ITEMS = (
    Column("결제일", 0.13),
    Column("전표번호", 0.19),
    Column("수요기업", 0.24),
    Column("서비스", 0.28),
    Column("금액(원)", 0.16, "right"),
)


def settlement(paper: SettlementPaper) -> Outline:
    count = f"결제 내역 ({len(paper.items):,}건)"
    return Outline(
        title="정산내역서",
        subtitle="공급대금 정산",
        stamp=paper.stamp,
        owner=paper.supplier.name,
        sections=(
            Band("지급액", paper.total),
            Facts("정산 정보", _facts(paper)),
            Sums((Block("정산 금액", _money(paper), ("지급액", paper.total)),)),
            Table(count, ITEMS, [_cells(item) for item in paper.items], size=8.5),
        ),
        sentence="위와 같이 공급대금을 정산합니다.",
    )


def _facts(paper: SettlementPaper) -> list[tuple[str, str]]:
    supplier = paper.supplier
    return [
        ("상호(법인명)", supplier.name),
        ("등록번호", supplier.business_number),
        ("대표자", supplier.representative),
        ("정산번호", paper.batch),
        ("정산기준일", paper.cutoff),
        ("승인일", paper.approved_on),
        ("입금계좌", f"{paper.bank} {paper.account}".strip()),
        ("예금주", paper.holder),
    ]


def _money(paper: SettlementPaper) -> list[tuple[str, int]]:
    rows = [("결제금액 합계", paper.gross)]
    if paper.carried:
        rows.append(("이월(이체 실패분)", paper.carried))
    rows.append(("수수료", -paper.fee))
    if paper.clawback:
        rows.append(("환수(정산 뒤 취소)", -paper.clawback))
    return rows


def _cells(item: SettledItem) -> list[str]:
    service = f"{item.item}\n{item.note}" if item.note else item.item
    return [item.paid_on, item.number, item.buyer, service, won(item.amount)]
