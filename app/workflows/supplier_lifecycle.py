"""The states of a supplier, and who moves it along (R-SUP-1)."""

from __future__ import annotations

from app.models.catalogue import Supplier, SupplierState
from app.policy import Permission
from app.workflows.lifecycle import Edge, Lifecycle, Tell

HOME = "/supply/profile"

SUPPLIER = Lifecycle(
    "supplier",
    Supplier,
    initial=(SupplierState.SCREENING,),
    edges=(
        Edge(
            action="select",
            label="선정",
            source=SupplierState.SCREENING,
            target=SupplierState.SELECTED,
            permission=Permission.SUPPLIER_SELECT,
            tell=(
                Tell(to="supplier", text="공급기업으로 선정되었습니다. 서비스를 등록해 주세요.", link=HOME),
            ),
        ),
        Edge(
            action="ask_supplement",
            label="보완요청",
            source=SupplierState.SCREENING,
            target=SupplierState.SUPPLEMENT,
            permission=Permission.SUPPLIER_SELECT,
            needs_reason=True,
            tell=(Tell(to="supplier", text="신청 내용을 보완해 주세요. 사유: {reason}", link=HOME),),
        ),
        Edge(
            action="resubmit",
            label="보완 제출",
            source=SupplierState.SUPPLEMENT,
            target=SupplierState.SCREENING,
            permission=Permission.OFFERING_WRITE,
        ),
        *(
            Edge(
                action="reject",
                label="탈락",
                source=source,
                target=SupplierState.REJECTED,
                permission=Permission.SUPPLIER_SELECT,
                needs_reason=True,
                confirm="탈락으로 처리하면 되돌릴 수 없습니다. 계속할까요?",
                tell=(Tell(to="supplier", text="공급기업 심사에서 탈락했습니다. 사유: {reason}", link=HOME),),
            )
            for source in (SupplierState.SCREENING, SupplierState.SUPPLEMENT)
        ),
        Edge(
            action="suspend",
            label="정지",
            source=SupplierState.SELECTED,
            target=SupplierState.SUSPENDED,
            permission=Permission.SUPPLIER_SELECT,
            needs_reason=True,
            confirm="정지하면 이 공급기업의 서비스가 모두 목록에서 사라집니다. 계속할까요?",
            tell=(Tell(to="supplier", text="판매가 정지되었습니다. 사유: {reason}", link=HOME),),
        ),
        Edge(
            action="lift",
            label="정지 해제",
            source=SupplierState.SUSPENDED,
            target=SupplierState.SELECTED,
            permission=Permission.SUPPLIER_SELECT,
            needs_reason=True,
            tell=(Tell(to="supplier", text="판매 정지가 해제되었습니다. 사유: {reason}", link=HOME),),
        ),
    ),
)
