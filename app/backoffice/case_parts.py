"""What a case page shows, made ready for its template: values with answers and ticks, documents, history."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from app.access import allowed
from app.models.applications import ApplicationState as State
from app.models.companies import Company, Document, VerifiedAs
from app.policy import Permission
from app.web import filters
from app.workflows import case_reads, company_edits, screening_points, tax_office
from app.workflows.case_corrections import Change
from app.workflows.case_reads import Case

OPEN = (State.SCREENING, State.ON_HOLD)


def case_page(found: Case) -> dict[str, Any]:
    """The template's variables."""
    documents = [_document(found, document) for document in found.documents]
    decides = allowed(Permission.SCREENING_DECIDE)
    changes = found.correction.changes if found.correction else []
    return {
        "found": found,
        "application": found.application,
        "company": found.company,
        "facts": _facts(found),
        "values": _values(found),
        "others": _others(found),
        "documents": documents,
        "current": _current(documents, [change.document.id for change in changes if change.document]),
        "changes": [_change(found, change) for change in changes],
        "history": _history(found),
        "editable": decides,
        "ticking": decides and found.application.state in OPEN,
        "progress": case_reads.progress_of(found.ticks, found.company, found.documents),
    }


def _current(documents: list[dict[str, Any]], fresh: list[int]) -> int | None:
    """The document that the address names, else what was handed in anew (R-SCR-3a), else the first."""
    known = [document["id"] for document in documents]
    wanted = [request.values.get("document", type=int), *fresh, *known]
    return next((key for key in wanted if key in known), None)


def _facts(found: Case) -> list[tuple[str, Any]]:
    application = found.application
    facts = [
        ("접수번호", application.receipt_number),
        ("사업자등록번호", filters.business_number(found.company.business_number)),
        ("운영기관", application.agency.name),
        ("접수일시", filters.kst_datetime(application.submitted_at)),
        ("담당", found.assigned_name or "미배정"),
    ]
    if application.state in (State.SCREENING, State.SCREENED):
        facts.insert(4, ("대기", f"영업일 {found.waiting_days:,}일"))
    if found.by_score:
        facts.append(("평가점수", "입력 안 함" if application.score is None else f"{application.score}점"))
    return facts


def _before(found: Case) -> dict[str, str]:
    """What stood in each field before its last edit, where it was edited since the application came in."""
    arrived = found.rounds[-1].entered_at if found.rounds else None
    return {
        edit.field: edit.before or ""
        for edit in reversed(found.edits)
        if arrived is None or edit.at >= arrived
    }


SHOWN = {
    "kind": lambda company: company.kind.label,
    "business_number": lambda company: filters.business_number(company.business_number),
    "contact_phone": lambda company: filters.mask_phone(company.contact_phone),
}


def _values(found: Case) -> list[dict[str, Any]]:
    """Each field that can be ticked: what the company typed, what others say of it, and the tick."""
    company, before, answers = found.company, _before(found), _answers(found.company)
    return [
        {
            "name": name,
            "label": company_edits.LABELS[name],
            "value": SHOWN[name](company) if name in SHOWN else getattr(company, name),
            "answers": answers.get(name, []),
            "asks_tax_office": name == "business_number",
            "check": found.ticks.get(name),
            "changed_from": before.get(name),
        }
        for name in screening_points.fields(company)
    ]


def _answers(company: Company) -> dict[str, list[dict[str, str]]]:
    """What the tax office and the identity service answered, beside the field that it speaks of."""
    answers = {"business_number": [_tax_office(company)]}
    if company.verified_as is None:
        answers["representative"] = [_answer("본인인증", "본인인증 없이 접수 (K-Startup)", "neutral", "")]
    elif company.verified_as is VerifiedAs.REPRESENTATIVE:
        answers["representative"] = [_identity(company, company.representative)]
    else:
        answers["contact_name"] = [_identity(company, company.contact_name)]
        answers["representative"] = [_answer("본인인증", "대표자가 아닌 담당자가 인증", "neutral", "")]
    if company.verified_as is not None:
        same = company.contact_phone == company.phone
        word = "같은 번호" if same else "다른 번호"
        verified = filters.mask_phone(company.phone)
        answers["contact_phone"] = [_answer("본인인증", verified, "success" if same else "neutral", word)]
    return answers


def _answer(source: str, text: str, tone: str, word: str, note: str = "") -> dict[str, str]:
    return {"source": source, "text": text, "tone": tone, "word": word, "note": note}


def _tax_office(company: Company) -> dict[str, str]:
    state, asked = company.tax_office_state, company.tax_office_asked_at
    note = f"{filters.kst_datetime(asked)} 조회" if asked else ""
    if state is None:
        return _answer("국세청", "응답 없음", "warning", "재조회 필요", note)
    going = state == tax_office.GOING
    return _answer("국세청", state, "success" if going else "danger", "정상" if going else "확인 필요", note)


def _identity(company: Company, against: str) -> dict[str, str]:
    """The verified name, never the CI."""
    role = company.verified_as.label if company.verified_as else ""
    same = (company.verified_name or "") == against
    text = f"{company.verified_name or '-'} ({role})"
    return _answer("본인인증", text, "success" if same else "danger", "일치" if same else "다름")


def _others(found: Case) -> list[tuple[str, Any]]:
    company, instrument, voucher = found.company, found.instrument, found.voucher
    payer = f"{company.payment_contact_name or '-'} {filters.mask_phone(company.payment_contact_phone)}"
    rows = [
        ("대표 휴대전화", filters.mask_phone(company.phone)),
        ("결제담당자", payer),
        ("결제수단", f"{instrument.kind.label} ({instrument.state.label})" if instrument else "선택 안 함"),
    ]
    if voucher is not None:
        rows.append(("바우처", f"{filters.won(voucher.granted)} ({voucher.state.label})"))
    return rows


def _document(found: Case, document: Document) -> dict[str, Any]:
    points = [
        {
            "name": screening_points.item(document.id, point.code),
            "label": point.label,
            "check": found.ticks.get(screening_points.item(document.id, point.code)),
        }
        for point in screening_points.POINTS[document.kind]
    ]
    checks = [point["check"] for point in points]
    return {
        **sheet(document),
        "points": points,
        "checked": False if False in checks else (True if None not in checks else None),
    }


def sheet(document: Document) -> dict[str, Any]:
    """One file, as the viewer shows it."""
    return {
        "id": document.id,
        "name": document.file_name,
        "url": url_for("console_case.document", id=document.id),
        "kind": document.kind.label,
        "size": document.size,
        "is_pdf": document.content_type == "application/pdf",
        "at": document.uploaded_at,
    }


def _change(found: Case, change: Change) -> dict[str, Any]:
    address = None
    if change.document and change.earlier:
        address = url_for(
            "console_case.compare",
            id=found.application.id,
            document=change.document.id,
            earlier=change.earlier.id,
        )
    return {
        "label": change.label,
        "before": change.before,
        "after": change.after,
        "marked": change.marked,
        "document": change.document.id if change.document else None,
        "compare": address,
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
