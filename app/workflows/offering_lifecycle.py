"""The ways of a service as data (R-CAT-5): the supplier's moves, the lead agency's, and the prices'."""

from __future__ import annotations

from app.models.catalogue import Offering, OfferingState
from app.policy import Permission
from app.workflows.lifecycle import Edge, Lifecycle, Tell

LIST = "/supply/services"
_APPROVE = Permission.OFFERING_APPROVE
_WRITE = Permission.OFFERING_WRITE


def _told(text: str) -> tuple[Tell, ...]:
    return (Tell(to="supplier", text=text, link=LIST),)


_OF_THE_SUPPLIER = (
    *(
        Edge(
            action="submit",
            label="승인 요청",
            source=source,
            target=OfferingState.IN_REVIEW,
            permission=_WRITE,
            confirm="이 서비스의 승인을 요청할까요?",
        )
        for source in (OfferingState.DRAFT, OfferingState.RETURNED)
    ),
    Edge(
        action="stop",
        label="판매 중단",
        source=OfferingState.ON_SALE,
        target=OfferingState.PAUSED,
        permission=_WRITE,
        confirm="이 서비스의 판매를 중단할까요?",
    ),
    Edge(
        action="resume",
        label="판매 재개",
        source=OfferingState.PAUSED,
        target=OfferingState.ON_SALE,
        permission=_WRITE,
        confirm="이 서비스의 판매를 다시 시작할까요?",
    ),
    Edge(
        action="revise",
        label="내용 변경",
        source=OfferingState.PAUSED,
        target=OfferingState.DRAFT,
        permission=_WRITE,
        confirm="이 서비스의 내용을 변경할까요?",
    ),
    Edge(
        action="propose",
        label="가격 변경 요청",
        source=OfferingState.ON_SALE,
        target=OfferingState.ON_SALE,
        permission=_WRITE,
    ),
)
_OF_THE_LEAD_AGENCY = (
    Edge(
        action="approve",
        label="승인",
        source=OfferingState.IN_REVIEW,
        target=OfferingState.ON_SALE,
        permission=_APPROVE,
        tell=_told("서비스 '{name}'의 승인이 끝나 판매를 시작했습니다."),
    ),
    Edge(
        action="send_back",
        label="반려",
        source=OfferingState.IN_REVIEW,
        target=OfferingState.RETURNED,
        permission=_APPROVE,
        needs_reason=True,
        tell=_told("서비스 '{name}'의 승인 요청이 반려되었습니다. 사유: {reason}"),
    ),
    *(
        Edge(
            action="suspend",
            label="판매중지",
            source=source,
            target=OfferingState.SUSPENDED,
            permission=_APPROVE,
            needs_reason=True,
            confirm="판매를 중지하면 목록에서 사라집니다. 진행 중인 거래는 그대로 이어집니다. 계속할까요?",
            tell=_told("서비스 '{name}'의 판매가 중지되었습니다. 사유: {reason}"),
        )
        for source in (OfferingState.ON_SALE, OfferingState.PAUSED)
    ),
    Edge(
        action="lift",
        label="판매중지 해제",
        source=OfferingState.SUSPENDED,
        target=OfferingState.ON_SALE,
        permission=_APPROVE,
        needs_reason=True,
        confirm="판매중지를 풀면 바로 목록에 나타납니다. 계속할까요?",
        tell=_told("서비스 '{name}'의 판매중지가 해제되어 다시 판매합니다. 사유: {reason}"),
    ),
    # What its supplier had stopped before stays stopped: only the supplier sells it again.
    Edge(
        action="lift_stopped",
        label="판매중지 해제",
        source=OfferingState.SUSPENDED,
        target=OfferingState.PAUSED,
        permission=_APPROVE,
        needs_reason=True,
        confirm="판매중지를 풀까요? 공급기업이 스스로 멈춘 서비스라서 '판매 재개'를 눌러야 다시 판매됩니다.",
        tell=_told(
            "서비스 '{name}'의 판매중지가 해제되었습니다. '판매 재개'를 누르면 다시 판매합니다. "
            "사유: {reason}"
        ),
    ),
    Edge(
        action="accept_price",
        label="가격 변경 승인",
        source=OfferingState.ON_SALE,
        target=OfferingState.ON_SALE,
        permission=_APPROVE,
        tell=_told("서비스 '{name}'의 가격 변경이 승인되었습니다. 새 거래부터 적용됩니다."),
    ),
    Edge(
        action="decline_price",
        label="가격 변경 반려",
        source=OfferingState.ON_SALE,
        target=OfferingState.ON_SALE,
        permission=_APPROVE,
        needs_reason=True,
        tell=_told("서비스 '{name}'의 가격 변경이 반려되었습니다. 사유: {reason}"),
    ),
)

OFFERING = Lifecycle(
    "offering",
    Offering,
    initial=(OfferingState.DRAFT,),
    edges=(*_OF_THE_SUPPLIER, *_OF_THE_LEAD_AGENCY),
)
EDITABLE = (OfferingState.DRAFT, OfferingState.RETURNED)
"""States in which its supplier may change what a service says."""
