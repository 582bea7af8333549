"""The edges of a settlement batch and of its lines (R-SET-2, R-ROLE-4)."""

from __future__ import annotations

from sqlalchemy import text

from app.db import db
from app.models.settlements import BatchState, LineState, SettlementBatch, SettlementLine
from app.policy import Permission
from app.workflows.lifecycle import Edge, Lifecycle, Tell

_SUPPLIER_PAGE = "/supply/settlement"

BATCH = Lifecycle(
    "settlement_batch",
    SettlementBatch,
    (BatchState.DRAFTED,),
    (
        Edge(
            action="submit",
            label="승인요청",
            source=BatchState.DRAFTED,
            target=BatchState.SUBMITTED,
            permission=Permission.SETTLEMENT_DRAFT,
        ),
        Edge(
            action="discard",
            label="폐기",
            source=BatchState.DRAFTED,
            target=BatchState.DISCARDED,
            permission=Permission.SETTLEMENT_DRAFT,
            needs_reason=True,
            confirm="이 정산을 폐기할까요? 담긴 결제는 다음 정산에서 다시 담깁니다.",
        ),
        Edge(
            action="send_back",
            label="반려",
            source=BatchState.SUBMITTED,
            target=BatchState.DRAFTED,
            permission=Permission.SETTLEMENT_APPROVE,
            needs_reason=True,
        ),
        Edge(
            action="approve",
            label="승인",
            source=BatchState.SUBMITTED,
            target=BatchState.APPROVED,
            permission=Permission.SETTLEMENT_APPROVE,
            other_than=("drafted_by_id", "submitted_by_id"),
            confirm="이 정산을 승인할까요? 승인하면 금액이 확정되고 되돌릴 수 없습니다.",
        ),
        Edge(
            action="export",
            label="이체파일 내보내기",
            source=BatchState.APPROVED,
            target=BatchState.EXPORTED,
            permission=Permission.SETTLEMENT_PAY,
            confirm="이체파일을 내보낼까요? 은행 양식과 이체할 건수, 금액이 이 파일로 정해지고 되돌릴 수 "
            "없습니다.",
        ),
        Edge(
            action="conclude",
            label="이체 없이 마감",
            source=BatchState.APPROVED,
            target=BatchState.CLOSED,
            permission=Permission.SETTLEMENT_PAY,
            confirm="모든 지급이 보류되어 이체할 금액이 없습니다. 이 정산을 마감할까요? "
            "보류한 금액은 해제된 뒤 다음 정산에서 지급합니다.",
        ),
        # Who chose the money to be paid does not also say what the bank made of it.
        Edge(
            action="reconcile",
            label="이체결과 반영",
            source=BatchState.EXPORTED,
            target=BatchState.RECONCILED,
            permission=Permission.SETTLEMENT_PAY,
            other_than=("drafted_by_id",),
            confirm="이 결과 파일을 반영할까요? 지급완료와 이체실패는 되돌릴 수 없고, 같은 파일은 한 번만 "
            "반영합니다.",
        ),
        Edge(
            action="close",
            label="마감",
            source=BatchState.RECONCILED,
            target=BatchState.CLOSED,
            permission=Permission.SETTLEMENT_PAY,
            confirm="이 정산을 마감할까요? 마감한 정산은 바꿀 수 없습니다.",
        ),
    ),
)

# A line is held because all that it would pay is: by whom and why, its payments' holds say.
LINE = Lifecycle(
    "settlement_line",
    SettlementLine,
    (LineState.PLANNED,),
    (
        Edge(
            action="pay",
            label="지급완료",
            source=LineState.PLANNED,
            target=LineState.PAID,
            permission=Permission.SETTLEMENT_PAY,
            tell=(Tell(to="supplier", text="공급대금이 계좌로 지급되었습니다.", link=_SUPPLIER_PAGE),),
        ),
        Edge(
            action="fail",
            label="이체실패",
            source=LineState.PLANNED,
            target=LineState.FAILED,
            permission=Permission.SETTLEMENT_PAY,
            tell=(
                Tell(
                    to="supplier",
                    text="공급대금 이체가 실패했습니다. 등록한 계좌를 확인해 주세요. "
                    "다음 정산에서 다시 지급합니다.",
                    link=_SUPPLIER_PAGE,
                ),
            ),
        ),
        Edge(
            action="hold",
            label="지급보류",
            source=LineState.PLANNED,
            target=LineState.HELD,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="carry",
            label="이월",
            source=LineState.FAILED,
            target=LineState.CARRIED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="uncarry",
            label="이월 취소",
            source=LineState.CARRIED,
            target=LineState.FAILED,
            permission=Permission.CLOCKWORK,
        ),
    ),
)


def exclusive() -> None:
    """One at a time, until the transaction ends: whatever decides which money goes into which line.

    Taken before any row is locked; then batches, lines and payments, each by their keys.
    """
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('settlement'))"))
