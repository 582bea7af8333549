"""청구내역서: what a company paid in a period and what was cancelled of it, with sums (R-PAY-8, R-DOC-1)."""

from __future__ import annotations

from collections.abc import Sequence

from app.documents.korean_money import won
from app.documents.outline import Band, Block, Column, Facts, Outline, Sums, Table
from app.documents.slip_data import BilledRow, BillingPaper, Parts

NOTE = "(단위: 원)  기업 부담은 자부담금과, 기업이 부담하는 부가가치세를 더한 금액입니다."
ITEMS = (
    Column("결제일시 · 승인번호", 0.16),
    Column("서비스 · 공급기업 · 등록번호", 0.23),
    Column("공급가액", 0.105, "right"),
    Column("세액", 0.09, "right"),
    Column("정부지원금", 0.105, "right"),
    Column("기업 부담", 0.095, "right"),
    Column("결제금액", 0.105, "right"),
    Column("취소금액", 0.11, "right"),
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
            Table(count, ITEMS, [_cells(row) for row in paper.rows], size=7.5, note=NOTE, foot=_foot(paper)),
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
        f"{row.paid_at}\n{row.approval_number or '-'}",
        "\n".join(filter(None, [row.service, row.supplier, row.business_number])),
        *_amounts([row]),
        f"{won(-row.total)}\n취소 {row.cancelled_on}" if row.cancelled_on else "-",
    ]


def _foot(paper: BillingPaper) -> list[list[str]]:
    """What was paid, what was cancelled of it, and what remains."""
    paid, back = list(paper.rows), [row for row in paper.rows if row.cancelled_on]
    kept = [row for row in paper.rows if not row.cancelled_on]
    cancelled = won(-sum(row.total for row in back)) if back else "-"
    rows = [["", f"결제 합계 ({len(paid):,}건)", *_amounts(paid), cancelled]]
    if back:
        rows.append(["", f"취소 합계 ({len(back):,}건)", *_amounts(back, sign=-1), "-"])
        rows.append(["", f"청구 합계 ({len(kept):,}건)", *_amounts(kept), "-"])
    return rows


def _amounts(rows: Sequence[BilledRow], *, sign: int = 1) -> list[str]:
    """Supply value, tax, the government's part, the company's, total; papers of the second edition lack the
    first two."""
    supply, vat = sum(row.supply for row in rows), sum(row.vat for row in rows)
    told = [won(sign * supply), won(sign * vat)] if supply or vat or not rows else ["-", "-"]
    borne = (sum(row.grant for row in rows), sum(row.share + row.tax for row in rows))
    return [*told, *(won(sign * part) for part in borne), won(sign * sum(row.total for row in rows))]
