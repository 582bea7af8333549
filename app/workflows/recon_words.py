"""What each book has for a difference, in words: a sum alone does not say why there is none (R-SET-3)."""

from __future__ import annotations

from app.models.statements import Bucket
from app.workflows.recon_reads import Row


def won(amount: int) -> str:
    """`-` is a true minus sign, as everywhere on the screens."""
    return f"{'−' if amount < 0 else ''}{abs(amount):,}원"


def ours(row: Row) -> str:
    """What our book has; where it has nothing, the payment that the line seems to be about."""
    if row.ours:
        return won(row.ours)
    payment = row.item.payment
    none = "취소 없음" if row.item.is_cancel else "없음"
    if payment is None:
        return none
    if row.item.bucket is Bucket.DOUBLED:
        return f"{none} (결제 {won(payment.total)}은 명세의 다른 행과 맞음)"
    return f"{none} (결제 {won(payment.total)}, {payment.state.label})"


def theirs(row: Row) -> str:
    if row.theirs:
        return won(row.theirs)
    return "취소 없음" if row.item.is_cancel else "없음"


def facts(row: Row) -> str:
    """For the question before a difference ends: which, and what of it."""
    item = row.item
    return (
        f"대사 차이 {item.id}번({item.bucket.label}): {item.system.label} 명세 {theirs(row)}, "
        f"우리 장부 {ours(row)}, 차액 {won(row.theirs - row.ours)}."
    )
