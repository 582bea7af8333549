"""What a case page shows, made ready for its template: rows with ticks and changes, documents, history."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.access import allowed
from app.models.companies import DocumentKind
from app.policy import Permission
from app.web import filters
from app.web.forms import BaseForm, ReasonField
from app.workflows.case_reads import Case

# Fields a hold can name, by the names that the company's own form uses, and the documents (R-SCR-3a).
FIELDS = {
    "name": "기업명",
    "business_number": "사업자등록번호",
    "representative": "대표자명",
    "address": "주소",
    "industry": "업종",
    "email": "기업 이메일",
    "contact_name": "담당자명",
    "contact_phone": "담당자 휴대전화",
}
HOLD_ITEMS = FIELDS | {kind.value: kind.label for kind in DocumentKind}
REASONS = (
    "사업자등록증의 내용과 입력한 정보가 다릅니다.",
    "제출한 서류가 흐리거나 일부가 잘려 확인할 수 없습니다.",
    "완납증명서의 유효기간이 지났습니다.",
    "등기부등본이 최근 3개월 안에 발급된 것이 아닙니다.",
    "가입자 명부에서 담당자를 확인할 수 없습니다.",
)


class HoldForm(BaseForm):
    template = SelectField("사유 선택", choices=[("", "직접 입력"), *((text, text) for text in REASONS)])
    reason = ReasonField("보류 사유", validators=[])
    marks = SelectMultipleField(
        "고칠 항목",
        choices=list(HOLD_ITEMS.items()),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        description="표시한 항목만 기업 화면에 고칠 곳으로 나타납니다.",
    )

    def words(self) -> str:
        """The chosen template and what was typed, as one reason."""
        parts = [self.template.data or "", (self.reason.data or "").strip()]
        return " ".join(part for part in parts if part)


def case_page(found: Case, ticks: dict[str, bool]) -> dict[str, Any]:
    """The template's variables."""
    documents = [
        {
            "id": document.id,
            "name": document.file_name,
            "url": url_for("console_case.document", id=document.id),
            "kind": document.kind.label,
            "size": document.size,
            "checked": ticks.get(f"document-{document.id}"),
        }
        for document in found.documents
    ]
    asked = request.args.get("document", type=int)
    known = [document["id"] for document in documents]
    return {
        "found": found,
        "application": found.application,
        "company": found.company,
        "facts": _facts(found),
        "fields": _fields(found, ticks),
        "others": _others(found),
        "documents": documents,
        "document_rows": [_document_row(found, document) for document in documents],
        "current": asked if asked in known else (known[0] if known else None),
        "history": _history(found),
        "editable": allowed(Permission.SCREENING_DECIDE),
    }


def _facts(found: Case) -> list[tuple[str, Any]]:
    application = found.application
    facts = [
        ("접수번호", application.receipt_number),
        ("사업자등록번호", filters.business_number(found.company.business_number)),
        ("운영기관", application.agency.name),
        ("접수일시", filters.kst_datetime(application.submitted_at)),
        ("담당", found.assigned_name or "미배정"),
    ]
    if application.state.value in ("screening", "screened"):
        facts.insert(4, ("대기", f"영업일 {found.waiting_days:,}일"))
    return facts


def _before(found: Case) -> dict[str, str]:
    """What stood in each field before its last edit, where it was edited since the case was first decided."""
    return {edit.field: edit.before or "" for edit in reversed(found.edits)}


def _fields(found: Case, ticks: dict[str, bool]) -> list[dict[str, Any]]:
    company = found.company
    number = filters.business_number(company.business_number)
    values = {
        "name": company.name,
        "business_number": f"{number} · 국세청 {_tax_office(found)}",
        "kind": company.kind.label,
        "representative": company.representative,
        "address": company.address,
        "industry": company.industry,
    }
    labels = FIELDS | {"kind": "기업구분"}
    before = _before(found)
    return [
        {
            "label": labels[name],
            "value": value,
            "name": name,
            "check": ticks.get(name),
            "changed_from": before.get(name),
        }
        for name, value in values.items()
    ]


def _tax_office(found: Case) -> str:
    state = found.company.tax_office_state
    asked = found.company.tax_office_asked_at
    return f"{state} ({filters.kst_date(asked)} 조회)" if state else "조회하지 못함"


def _others(found: Case) -> list[tuple[str, Any]]:
    company, instrument, voucher = found.company, found.instrument, found.voucher
    verified = company.verified_as.label if company.verified_as else "-"
    rows = [
        ("본인인증", f"{company.verified_name or '-'} ({verified})"),
        ("대표 휴대전화", filters.mask_phone(company.phone)),
        ("기업 이메일", company.email),
        ("담당자", f"{company.contact_name or '-'} {filters.mask_phone(company.contact_phone)}"),
        ("결제수단", f"{instrument.kind.label} ({instrument.state.label})" if instrument else "선택 안 함"),
    ]
    if voucher is not None:
        rows.append(("바우처", f"{filters.won(voucher.granted)} ({voucher.state.label})"))
    return rows


def _document_row(found: Case, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "label": document["kind"],
        "value": document["name"],
        "name": f"document-{document['id']}",
        "check": document["checked"],
    }


def _history(found: Case) -> list[dict[str, Any]]:
    return [
        {
            "at": entry.at,
            "title": entry.title,
            "who": entry.who,
            "note": entry.reason or "",
            "tone": entry.tone,
            "current": index == 0,
        }
        for index, entry in enumerate(found.history)
    ]
