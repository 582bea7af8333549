"""정산내역서: what one supplier gets in one batch, payment by payment, and from whom (R-SET-2, R-DOC-1)."""

from __future__ import annotations

from collections.abc import Sequence

from app.documents.korean_money import won
from app.documents.outline import Band, Beside, Block, Column, Facts, Outline, Parties, Section, Table
from app.documents.slip_data import SettledItem, SettlementPaper

ITEMS = (
    Column("결제일", 0.113),
    Column("승인번호 · 세금계산서번호", 0.25),
    Column("수요기업 · 서비스", 0.277),
    Column("공급가액", 0.125, "right"),
    Column("세액", 0.11, "right"),
    Column("합계", 0.125, "right"),
)
NOTE = "(단위: 원)  승인번호 아래는 세금계산서의 국세청 승인번호입니다. 카드 결제는 전표로 증빙합니다."


def settlement(paper: SettlementPaper) -> Outline:
    count = f"결제 내역 ({len(paper.items):,}건)"
    return Outline(
        title="정산내역서",
        subtitle="공급대금 정산",
        stamp=paper.stamp,
        owner=paper.supplier.name,
        sections=(
            Band("지급액", paper.total),
            *_parties(paper),
            Beside(
                Facts("정산 정보", _facts(paper)),
                Block("정산 금액", _money(paper), ("지급액", paper.total)),
            ),
            Table(
                count, ITEMS, [_cells(item) for item in paper.items], size=7.5, note=NOTE, foot=_foot(paper)
            ),
        ),
        sentence="위와 같이 공급대금을 정산합니다.",
    )


def _parties(paper: SettlementPaper) -> tuple[Section, ...]:
    supplier = paper.supplier
    if paper.payer is not None:
        return (Parties(paper.payer, supplier, titles=("지급자(전문기관)", "지급받는 자(공급기업)")),)
    known = [
        ("상호(법인명)", supplier.name),
        ("등록번호", supplier.business_number),
        ("대표자", supplier.representative),
    ]
    return (Facts("공급기업", known),)


def _facts(paper: SettlementPaper) -> list[tuple[str, str]]:
    return [
        ("정산번호", paper.batch),
        ("정산기준일", paper.cutoff),
        ("승인일", paper.approved_on),
        ("예금주", paper.holder),
        ("입금계좌", f"{paper.bank} {paper.account}".strip()),
    ]


def _money(paper: SettlementPaper) -> list[tuple[str, int]]:
    rows = [("결제금액 합계", paper.gross)]
    if paper.carried:
        rows.append(("이월(이체 실패·확인 완료분)", paper.carried))
    rows.append(("수수료", -paper.fee))
    if paper.clawback:
        rows.append(("환수(정산 뒤 취소)", -paper.clawback))
    if paper.withheld:
        rows.append(("지급 전 확인 중", -paper.withheld))
    return rows


def _cells(item: SettledItem) -> list[str]:
    named = [item.approval_number or item.number, item.invoice_number]
    service = [item.buyer, item.item, item.note]
    return [item.paid_on, "\n".join(filter(None, named)), "\n".join(filter(None, service)), *_sums([item])]


def _foot(paper: SettlementPaper) -> list[list[str]]:
    """What was paid for and what is taken back, each with its sum."""
    paid = [item for item in paper.items if item.amount >= 0]
    back = [item for item in paper.items if item.amount < 0]
    parts = [("합계", paper.items)] if not back else [("결제 합계", paid), ("환수 합계", back)]
    return [["", "", f"{label} ({len(items):,}건)", *_sums(items)] for label, items in parts if items]


def _sums(items: Sequence[SettledItem]) -> list[str]:
    """Supply value, tax, total; the first two stand on no statement of the second edition."""
    supply, tax = sum(item.supply for item in items), sum(item.tax for item in items)
    told = [won(supply), won(tax)] if supply or tax else ["-", "-"]
    return [*told, won(sum(item.amount for item in items))]
