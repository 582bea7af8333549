"""What the commands say of asking and comparing, for people and for programs."""

from __future__ import annotations

from typing import Any

from app.models.payments import PaymentState
from app.workflows.payment_resolution import Resolved
from app.workflows.reconciliation import Books, Side

WAITS = {
    PaymentState.PENDING.value: PaymentState.PENDING.label,
    PaymentState.CANCELLING.value: PaymentState.CANCELLING.label,
    "returning": "돌려주는 중",
}


def of_resolved(result: Resolved) -> str:
    """One line for a person at the machine."""
    if not result.asked:
        return "지금 확인할 차례인 결제가 없습니다."
    counts = (
        ("결제성공", result.paid),
        ("결제실패", result.failed),
        ("취소완료", result.cancelled),
        ("취소거절", result.refused),
        ("돌려준 결제", result.returned),
        ("이상 없음", result.settled),
        ("아직 모름", result.unknown),
    )
    parts = ", ".join(f"{name} {count:,}" for name, count in counts if count)
    return f"{result.asked:,}건을 결제 기관에 확인했습니다: {parts}"


def as_dict(books: Books) -> dict[str, Any]:
    return {
        "agree": books.agree,
        "ours": _side(books.ours),
        "theirs": _side(books.theirs),
        "undecided": books.undecided,
        "undecided_by": books.undecided_by,
        "returned": books.returned,
        "differences": [
            {
                "kind": row.kind.value,
                "order_id": row.order_id,
                "payment_id": row.payment_id,
                "ours": row.ours,
                "theirs": row.theirs,
                "sentence": row.sentence,
            }
            for row in books.differences
        ],
    }


def _side(side: Side) -> dict[str, int]:
    return {"count": side.count, "sum": side.sum}


def of_books(books: Books) -> str:
    """Readable lines; each difference with its order and what to do about it."""
    lines = [
        f"우리 장부: 결제와 취소 {books.ours.count:,}건, 합계 {books.ours.sum:,}원",
        f"결제 기관: 결제와 취소 {books.theirs.count:,}건, 합계 {books.theirs.sum:,}원",
    ]
    if books.undecided:
        waits = ", ".join(f"{WAITS[name]} {n:,}건" for name, n in books.undecided_by.items() if n)
        lines.append(f"결과를 확인하고 있어 양쪽에서 뺀 결제: {waits}")
    if books.returned:
        lines.append(f"결제되지 않아 결제 기관이 되돌린 승인: {books.returned:,}건(양쪽에서 뺐습니다)")
    if books.agree:
        return "\n".join([*lines, "두 장부가 일치합니다."])
    lines.append(f"일치하지 않는 주문: {len(books.differences):,}건")
    lines += [
        f"- [{row.kind.label}] {row.order_id} (결제 번호 {row.payment_id or '없음'}): {row.sentence}"
        for row in books.differences
    ]
    return "\n".join(lines)
