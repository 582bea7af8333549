"""What a reviewer checks on each kind of document, point by point (R-SCR-3, R-JOIN-2, R-JOIN-5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.models.companies import Company, Document, DocumentKind
from app.workflows import company_edits

_D = DocumentKind


@dataclass(frozen=True, kw_only=True)
class Point:
    code: str
    label: str
    reason: str | None = None
    """The reason code of a hold that a cross here suggests."""


POINTS: dict[DocumentKind, tuple[Point, ...]] = {
    _D.BUSINESS_REGISTRATION: (
        Point(code="legible", label="글자가 모두 읽힘", reason="registration_unreadable"),
        Point(code="name", label="상호 일치", reason="registration_differs"),
        Point(code="number", label="사업자등록번호 일치", reason="registration_differs"),
        Point(code="representative", label="대표자 일치", reason="registration_differs"),
        Point(code="address", label="사업장 소재지 일치", reason="address_differs"),
        Point(code="industry", label="업태·종목이 지원 제외 업종이 아님"),
    ),
    _D.TAX_CLEARANCE: (
        Point(code="national", label="국세 완납증명서 있음", reason="clearance_lacking"),
        Point(code="local", label="지방세 완납증명서 있음", reason="clearance_lacking"),
        Point(code="company", label="상호·사업자등록번호 일치"),
        Point(code="valid", label="유효기간이 지나지 않음", reason="clearance_expired"),
    ),
    _D.CORPORATE_REGISTER: (
        Point(code="name", label="상호 일치"),
        Point(code="representative", label="대표자 일치"),
        Point(code="address", label="본점 소재지 일치", reason="address_differs"),
        Point(code="issued_within_3m", label="발급일 3개월 이내", reason="register_old"),
        Point(code="alive", label="해산·청산 등기 없음"),
    ),
    _D.INSURANCE_LIST: (
        Point(code="company", label="사업장 명칭·사업자등록번호 일치"),
        Point(code="staff", label="본인인증한 담당자가 명부에 있음", reason="insurance_no_staff"),
        Point(code="issued_within_3m", label="발급일 3개월 이내"),
    ),
    _D.PRIORITY_CERTIFICATE: (
        Point(code="company", label="상호·사업자등록번호 일치"),
        Point(code="issued_this_year", label="올해 발급", reason="certificate_year"),
        Point(code="valid", label="유효기간이 지나지 않음", reason="certificate_year"),
    ),
    _D.BANK_BOOK: (
        Point(code="holder", label="예금주가 기업 또는 대표자와 일치"),
        Point(code="legible", label="계좌번호가 모두 읽힘"),
    ),
}
# A cross beside a field, without a document: the reason that it suggests.
FIELD_REASONS = {
    "name": "registration_differs",
    "business_number": "registration_differs",
    "kind": "registration_differs",
    "representative": "registration_differs",
    "address": "address_differs",
    "contact_name": "contact_unreachable",
    "contact_phone": "contact_unreachable",
}


def item(document_id: int, point: str) -> str:
    """A point's name among the ticks: of a file handed in anew it is another one (R-SCR-3a)."""
    return f"document-{document_id}:{point}"


def fields(company: Company) -> tuple[str, ...]:
    """What the company types, in the order of the page; how many it employs where its year asks."""
    asked = company.programme.needs_employees
    return company_edits.ALSO_EDITABLE if asked else company_edits.EDITABLE


def labels(company: Company, documents: Iterable[Document]) -> dict[str, str]:
    """Everything that can be ticked in a case with these documents, with what it is called."""
    found = {name: company_edits.LABELS[name] for name in fields(company)}
    for document in documents:
        for point in POINTS[document.kind]:
            found[item(document.id, point.code)] = f"{document.kind.label}: {point.label}"
    return found


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What the crosses of a case suggest for a hold (R-SCR-3a)."""

    codes: list[str]
    marks: list[str]


def suggest(ticks: Mapping[str, bool], company: Company, documents: Iterable[Document]) -> Suggestion:
    """Reason codes and marks for what does not fit, in the order of the page."""
    marks = [name for name in fields(company) if ticks.get(name) is False]
    codes = [FIELD_REASONS.get(name) for name in marks]
    for document in documents:
        wrong = [
            point for point in POINTS[document.kind] if ticks.get(item(document.id, point.code)) is False
        ]
        codes += [point.reason for point in wrong]
        marks += [document.kind.value] if wrong else []
    return Suggestion(codes=list(dict.fromkeys(code for code in codes if code)), marks=marks)
