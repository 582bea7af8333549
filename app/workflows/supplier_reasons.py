"""Reason codes of a supplier's 보완, 탈락, 정지 and its lifting, and what it has to mend (R-SUP-1)."""

from __future__ import annotations

from collections.abc import Sequence

from app.models.companies import DocumentKind
from app.workflows import screening_reasons
from app.workflows.screening_reasons import Reason

_D = DocumentKind
FIELDS = {
    "name": "기업명",
    "representative": "대표자",
    "phone": "대표 전화",
    "email": "이메일",
    "address": "주소",
    "introduction": "기업 소개",
    "account": "정산 계좌",
}
"""What the supplier itself can mend, in the order of its page."""
DOCUMENTS = (
    _D.BUSINESS_REGISTRATION,
    _D.TAX_CLEARANCE,
    _D.BANK_BOOK,
    _D.CORPORATE_REGISTER,
    _D.INSURANCE_LIST,
)

# The papers that both sides hand in are found wanting in the same words.
SUPPLEMENT = (
    *(reason for reason in screening_reasons.HOLD if set(reason.marks) <= {kind.value for kind in DOCUMENTS}),
    Reason(
        code="details_differ",
        text="사업자등록증의 내용과 입력한 정보가 다릅니다.",
        marks=("name", "representative", _D.BUSINESS_REGISTRATION.value),
    ),
    Reason(code="supplier_address", text="주소가 서류와 다릅니다.", marks=("address",)),
    Reason(code="bank_book_unreadable", text="통장 사본을 확인할 수 없습니다.", marks=(_D.BANK_BOOK.value,)),
    Reason(
        code="account_differs",
        text="정산 계좌가 통장 사본과 다르거나 예금주가 확인되지 않습니다.",
        marks=("account", _D.BANK_BOOK.value),
    ),
    Reason(
        code="introduction_thin",
        text="기업 소개만으로 제공할 비대면 서비스를 알 수 없습니다.",
        marks=("introduction",),
    ),
    Reason(code="supplier_unreachable", text="대표 전화로 연락할 수 없습니다.", marks=("phone",)),
)
REJECT = (
    Reason(code="closed_or_suspended", text="국세청에 휴업 또는 폐업 상태로 등록되어 있습니다."),
    Reason(code="tax_arrears", text="국세 또는 지방세가 체납되어 있습니다."),
    Reason(code="no_remote_service", text="제공하려는 서비스가 비대면 서비스 분야에 해당하지 않습니다."),
    Reason(code="false_document", text="제출 서류가 사실과 다릅니다."),
    Reason(code="not_mended", text="보완 요청에 기한 안에 응하지 않았습니다."),
)
SUSPEND = (
    Reason(code="unfair_deal", text="부정한 거래가 의심되어 확인하고 있습니다."),
    Reason(code="no_delivery", text="결제된 서비스를 제공하지 않았다는 신고가 확인되었습니다."),
    Reason(code="price_abuse", text="시장가격과 다르게 바우처 가격을 정했습니다."),
    Reason(code="closed_or_suspended", text="국세청에 휴업 또는 폐업 상태로 등록되어 있습니다."),
    Reason(code="asked_for", text="공급기업이 판매 중지를 요청했습니다."),
)
LIFT = (
    Reason(code="cleared", text="확인 결과 문제가 없습니다."),
    Reason(code="remedied", text="정지 사유가 해소되었습니다."),
)
BY_ACTION = {"ask_supplement": SUPPLEMENT, "reject": REJECT, "suspend": SUSPEND, "lift": LIFT}
_ALL = tuple(reason for reasons in BY_ACTION.values() for reason in reasons)


def markable() -> dict[str, str]:
    """Everything that a 보완 can name, with what it is called."""
    return FIELDS | {kind.value: kind.label for kind in DOCUMENTS}


def words(codes: Sequence[str], free: str) -> str:
    """What the supplier reads; empty where there is no reason. Raises InvalidInput `reason.code`."""
    return screening_reasons.words(codes, free, among=_ALL)
