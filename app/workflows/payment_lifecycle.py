"""The states and moves of a payment (R-PAY-3, R-PAY-6), as data."""

from __future__ import annotations

from app.models.payments import Payment, PaymentState
from app.policy import Permission
from app.workflows.lifecycle import Edge, Lifecycle, Tell

# What succeeds is told by the deal, which moves with it: once for one event (R-MSG-1).
CANCEL_QUESTION = "이 결제를 취소하면 되돌릴 수 없습니다. 취소할까요?"

PAYMENT = Lifecycle(
    "payment",
    Payment,
    (PaymentState.PENDING,),
    (
        Edge(
            action="succeed",
            label="결제성공",
            source=PaymentState.PENDING,
            target=PaymentState.PAID,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="fail",
            label="결제실패",
            source=PaymentState.PENDING,
            target=PaymentState.FAILED,
            permission=Permission.CLOCKWORK,
            tell=(Tell(to="company", text="'{name}' 결제가 되지 않았습니다. 이유: {reason}"),),
        ),
        # Said on the page, to the person who may type again at once: no message for each try.
        Edge(
            action="mistype",
            label="인증번호 불일치",
            source=PaymentState.PENDING,
            target=PaymentState.FAILED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="cancel_today",
            label="결제취소",
            source=PaymentState.PAID,
            target=PaymentState.CANCELLING,
            permission=Permission.PAYMENT_MAKE,
            needs_reason=True,
            confirm=CANCEL_QUESTION,
        ),
        Edge(
            action="cancel_late",
            label="결제취소(공급기업)",
            source=PaymentState.PAID,
            target=PaymentState.CANCELLING,
            permission=Permission.PAYMENT_CANCEL_LATE,
            needs_reason=True,
            confirm=CANCEL_QUESTION,
        ),
        # Outside both sides' turns: for want of use, where the programme says so (R-SET-1a).
        Edge(
            action="cancel_idle",
            label="결제취소(이용 없음)",
            source=PaymentState.PAID,
            target=PaymentState.CANCELLING,
            permission=Permission.CLOCKWORK,
            needs_reason=True,
            tell=(
                Tell(to="company", text="'{name}' 결제를 취소하고 있습니다. 이유: {reason}"),
                Tell(to="supplier", text="'{name}' 결제를 취소하고 있습니다. 이유: {reason}"),
            ),
        ),
        Edge(
            action="cancelled",
            label="취소완료",
            source=PaymentState.CANCELLING,
            target=PaymentState.CANCELLED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="cancel_refused",
            label="취소거절",
            source=PaymentState.CANCELLING,
            target=PaymentState.PAID,
            permission=Permission.CLOCKWORK,
            tell=(
                Tell(to="company", text="'{name}' 결제취소가 되지 않았습니다. 이유: {reason}"),
                Tell(to="supplier", text="'{name}' 결제취소가 되지 않았습니다. 이유: {reason}"),
            ),
        ),
    ),
)
