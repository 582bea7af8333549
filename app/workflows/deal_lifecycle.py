"""The deal's states and moves (domain section 7), as data."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from app.db import db
from app.models.catalogue import Offering
from app.models.deals import Deal, DealState
from app.policy import Permission
from app.workflows.lifecycle import Edge, Lifecycle, Tell

COMPANY_LINK = "/deals/{id}"
SUPPLIER_LINK = "/supply/deals/{id}"

LAPSE_REASONS = {
    DealState.CONSULTING: "공급기업이 답변 기한 안에 답하지 않아 거래가 불가 처리되었습니다.",
    DealState.BILLED: "수요기업이 결제 기한 안에 결제하지 않아 거래가 불가 처리되었습니다.",
}
"""Says which side did not answer (R-DEAL-2a)."""


def _services(keys: Collection[int]) -> dict[int, str]:
    """What each deal is about, for the messages: who asked several suppliers at once must tell them apart."""
    about = select(Deal.id, Offering.name).join(Offering, Offering.id == Deal.offering_id)
    return {key: name for key, name in db.session.execute(about.where(Deal.id.in_(keys)))}


def _company(text: str) -> Tell:
    return Tell(to="company", text=text, link=COMPANY_LINK)


def _supplier(text: str) -> Tell:
    return Tell(to="supplier", text=text, link=SUPPLIER_LINK)


_TURN_DOWN = tuple(
    Edge(
        action="turn_down",
        label="반려",
        source=source,
        target=DealState.TURNED_DOWN,
        permission=Permission.DEAL_ANSWER,
        needs_reason=True,
        confirm="거래를 반려하면 되돌릴 수 없습니다. 계속할까요?",
        tell=(_company("'{name}' 거래가 반려되었습니다. 사유: {reason}"),),
    )
    for source in (DealState.CONSULTING, DealState.ACCEPTED)
)

_WITHDRAW = tuple(
    Edge(
        action="withdraw",
        label="요청취소",
        source=source,
        target=DealState.WITHDRAWN,
        permission=Permission.DEAL_REQUEST,
        confirm="거래 요청을 취소하면 되돌릴 수 없습니다. 계속할까요?",
        tell=(_supplier("수요기업이 '{name}' 거래 요청을 취소했습니다."),),
    )
    for source in (DealState.CONSULTING, DealState.ACCEPTED, DealState.BILLED)
)

_LAPSE = tuple(
    Edge(
        action="lapse",
        label="불가",
        source=source,
        target=DealState.LAPSED,
        permission=Permission.CLOCKWORK,
        needs_reason=True,
        tell=(_company("'{name}': {reason}"), _supplier("'{name}': {reason}")),
    )
    for source in (DealState.CONSULTING, DealState.BILLED)
)

_PAY = tuple(
    Edge(
        action=action,
        label="결제",
        source=DealState.BILLED,
        target=DealState.PAID,
        permission=permission,
        tell=(
            _company("'{name}' 결제가 완료되었습니다."),
            _supplier("수요기업이 '{name}' 결제를 완료했습니다."),
        ),
    )
    for action, permission in (("pay", Permission.PAYMENT_MAKE), ("pay_resolved", Permission.CLOCKWORK))
)

_CANCEL = tuple(
    Edge(
        action=action,
        label="결제취소",
        source=DealState.PAID,
        target=DealState.PAYMENT_CANCELLED,
        permission=permission,
        needs_reason=permission is Permission.CLOCKWORK,
        confirm="결제를 취소하면 되돌릴 수 없습니다. 계속할까요?",
        tell=(_company(text), _supplier(text)),
    )
    # The clock enters the gateway's answer: its reason says whose press that was.
    for action, permission, text in (
        ("cancel_payment", Permission.PAYMENT_MAKE, "수요기업이 '{name}' 결제를 취소했습니다."),
        ("cancel_payment_late", Permission.PAYMENT_CANCEL_LATE, "공급기업이 '{name}' 결제를 취소했습니다."),
        ("cancel_payment_resolved", Permission.CLOCKWORK, "'{name}' 결제가 취소되었습니다. {reason}"),
    )
)

DEAL = Lifecycle(
    "deal",
    Deal,
    initial=(DealState.CONSULTING,),
    names=_services,
    edges=(
        Edge(
            action="accept",
            label="거래수락",
            source=DealState.CONSULTING,
            target=DealState.ACCEPTED,
            permission=Permission.DEAL_ANSWER,
            tell=(_company("공급기업이 '{name}' 거래를 수락했습니다. 결제요청을 기다려 주세요."),),
        ),
        Edge(
            action="bill",
            label="결제요청",
            source=DealState.ACCEPTED,
            target=DealState.BILLED,
            permission=Permission.DEAL_ANSWER,
            tell=(_company("공급기업이 '{name}' 결제를 요청했습니다. 기한 안에 결제해 주세요."),),
        ),
        *_TURN_DOWN,
        *_WITHDRAW,
        *_LAPSE,
        *_PAY,
        *_CANCEL,
    ),
)
