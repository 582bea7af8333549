"""청구내역서: what a company paid in a period and what was cancelled of it, with sums (R-PAY-8, R-DOC-1)."""

from __future__ import annotations

from app.documents.korean_money import won
from app.documents.outline import Band, Block, Column, Facts, Outline, Sums, Table
from app.documents.slip_data import BilledRow, BillingPaper, Parts

NOTE = "(단위: 원)  기업 부담은 자부담금과, 기업이 부담하는 부가가치세를 더한 금액입니다."
ITEMS = (
    Column("결제일시", 0.14),
    Column("서비스 · 공급기업", 0.27),
    Column("승인번호", 0.12),
    Column("정부지원금", 0.115, "right"),
    Column("기업 부담", 0.115, "right"),
    Column("결제금액", 0.115, "right"),
    Column("취소금액", 0.125, "right"),
)


def billing(paper: BillingPaper) -> Outline:
    count = f"결제와 취소 ({len(paper.rows):,}건)"
    taxed = bool(paper.paid.tax)
    paid = _block("결제한 금액", paper.paid, taxed=taxed)
    back = _block("취소한 금액", paper.cancelled, taxed=taxed, sign=-1)
    return Outline(
        title="청구내역서",
        subtitle="결제완료 · 결제취소 내역",
        stamp=paper.stamp,
        owner=paper.company.name,
        sections=(
            Band("청구금액 (결제한 금액에서 취소한 금액을 뺀 금액)", paper.total),
            Facts("수요기업", _facts(paper)),
            Sums((paid, back)),
            Table(count, ITEMS, [_cells(row) for row in paper.rows], size=8, note=NOTE),
        ),
        sentence="위와 같이 결제하고 취소하였음을 확인합니다.",
    )


def _facts(paper: BillingPaper) -> list[tuple[str, str]]:
    company = paper.company
    return [
        ("상호(법인명)", company.name),
        ("등록번호", company.business_number),
        ("대표자", company.representative),
        ("사업장 주소", company.address or "-"),
        ("조회기간", paper.period),
        ("검색어", paper.search or "없음 (전체)"),
    ]


def _block(title: str, parts: Parts, *, taxed: bool, sign: int = 1) -> Block:
    rows = [("정부지원금", sign * parts.grant), ("자부담금", sign * parts.share)]
    if taxed:
        rows.append(("부가가치세(기업 부담)", sign * parts.tax))
    return Block(title, rows, ("합계", sign * parts.total))


def _cells(row: BilledRow) -> list[str]:
    return [
        row.paid_at,
        f"{row.service}\n{row.supplier}",
        row.approval_number or "-",
        won(row.grant),
        won(row.share + row.tax),
        won(row.total),
        f"{won(-row.total)}\n취소 {row.cancelled_on}" if row.cancelled_on else "-",
    ]
