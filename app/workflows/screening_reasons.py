"""Reason codes of a hold or a 탈락 (R-SCR-3a): the sentence that a company reads, and what it has to mend."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.errors import InvalidInput
from app.models.companies import DocumentKind

_D = DocumentKind


@dataclass(frozen=True, kw_only=True)
class Reason:
    code: str
    text: str
    marks: tuple[str, ...] = ()
    """The fields and documents that it names, ticked for the reviewer."""


HOLD = (
    Reason(
        code="registration_differs",
        text="사업자등록증의 내용과 입력한 정보가 다릅니다.",
        marks=("name", "business_number", "representative", _D.BUSINESS_REGISTRATION.value),
    ),
    Reason(
        code="registration_unreadable",
        text="사업자등록증이 흐리거나 일부가 잘려 확인할 수 없습니다.",
        marks=(_D.BUSINESS_REGISTRATION.value,),
    ),
    Reason(
        code="clearance_expired",
        text="국세·지방세 완납증명서의 유효기간이 지났습니다.",
        marks=(_D.TAX_CLEARANCE.value,),
    ),
    Reason(
        code="clearance_lacking",
        text="국세와 지방세 완납증명서 가운데 빠진 것이 있습니다.",
        marks=(_D.TAX_CLEARANCE.value,),
    ),
    Reason(
        code="register_old",
        text="법인 등기부등본이 최근 3개월 안에 발급된 것이 아닙니다.",
        marks=(_D.CORPORATE_REGISTER.value,),
    ),
    Reason(
        code="insurance_no_staff",
        text="4대보험 가입자 명부에서 본인인증한 담당자를 확인할 수 없습니다.",
        marks=(_D.INSURANCE_LIST.value,),
    ),
    Reason(
        code="certificate_year",
        text="장애인기업·여성기업확인서가 올해 발급된 것이 아닙니다.",
        marks=(_D.PRIORITY_CERTIFICATE.value,),
    ),
    Reason(code="address_differs", text="주소가 서류와 다릅니다.", marks=("address",)),
    Reason(
        code="contact_unreachable",
        text="담당자에게 연락할 수 없습니다. 연락처를 확인해 주세요.",
        marks=("contact_name", "contact_phone"),
    ),
    Reason(code="tax_office_unclear", text="국세청에서 사업자 상태를 확인할 수 없습니다."),
)
REJECT = (
    Reason(code="excluded_industry", text="지원 제외 업종입니다."),
    Reason(code="closed_or_suspended", text="국세청에 휴업 또는 폐업 상태로 등록되어 있습니다."),
    Reason(code="tax_arrears", text="국세 또는 지방세가 체납되어 있습니다."),
    Reason(code="no_employees", text="상시 근로자가 없는 기업은 올해 사업의 지원 대상이 아닙니다."),
    Reason(code="duplicate", text="같은 대표자의 다른 기업이 이미 참여하고 있습니다."),
    Reason(code="false_document", text="제출 서류가 사실과 다릅니다."),
    Reason(code="not_mended", text="보완 요청에 기한 안에 응하지 않았습니다."),
)
_BY_CODE = {reason.code: reason for reason in (*HOLD, *REJECT)}


def for_hold(kinds: Collection[DocumentKind]) -> list[Reason]:
    """Those of a hold that can be said of a company with these documents, handed in or needed."""
    others = {kind.value for kind in DocumentKind} - {kind.value for kind in kinds}
    return [reason for reason in HOLD if not others.intersection(reason.marks)]


def label(code: str) -> str:
    """The sentence of a code; of one that is known no longer, the code."""
    found = _BY_CODE.get(code)
    return found.text if found else code


def words(codes: Sequence[str], free: str, *, among: Sequence[Reason] = (*HOLD, *REJECT)) -> str:
    """What the company reads: the sentences of the codes, then what was written. Empty where there is none.

    Raises InvalidInput `reason.code` for an unknown code.
    """
    by_code = {reason.code: reason for reason in among}
    unknown = [code for code in codes if code not in by_code]
    if unknown:
        text = "목록에 없는 사유입니다. 화면을 새로 고쳐 다시 선택해 주세요."
        raise InvalidInput("reason.code", text, fields={"codes": text})
    return " ".join([*[by_code[code].text for code in codes], *([free.strip()] if free.strip() else [])])
