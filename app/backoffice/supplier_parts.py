"""What a supplier's page shows, made ready for its template: values with answers and ticks, documents."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import request, url_for

from app.access import allowed
from app.models.companies import Document, VerifiedAs
from app.policy import Permission
from app.web import filters
from app.workflows import screening_points, supplier_checks, suppliers, tax_office
from app.workflows.slip_snapshots import BANKS
from app.workflows.supplier_cases import SupplierCase


def supplier_page(found: SupplierCase) -> dict[str, Any]:
    """The template's variables."""
    documents = [_document(found, document) for document in found.documents]
    selects = allowed(Permission.SUPPLIER_SELECT)
    known = [document["id"] for document in documents]
    wanted = request.values.get("document", type=int)
    return {
        "found": found,
        "supplier": found.supplier,
        "facts": _facts(found),
        "values": _values(found),
        "documents": documents,
        "current": wanted if wanted in known else next(iter(known), None),
        "seen": suppliers.last_change(found.supplier.id),
        "history": _history(found),
        "numbers": _numbers(found),
        "selects": selects,
        "may_screen": allowed(Permission.SCREENING_VIEW),
        "ticking": selects and found.supplier.state in suppliers.UNDECIDED,
        "verifier": selects or allowed(Permission.SETTLEMENT_DRAFT),
    }


def _facts(found: SupplierCase) -> list[tuple[str, Any]]:
    supplier = found.supplier
    facts = [
        ("사업자등록번호", filters.business_number(supplier.business_number)),
        ("대표자", supplier.representative),
        ("신청일", filters.kst_date(supplier.joined_at)),
    ]
    if found.waiting_days is not None:
        facts.append(("대기", f"영업일 {found.waiting_days:,}일"))
    return facts


def _values(found: SupplierCase) -> list[dict[str, Any]]:
    """Each field that can be ticked: what the supplier typed, what others say of it, and the tick."""
    supplier, answers = found.supplier, _answers(found)
    changed = {edit.field: edit.before for edit in found.mended.changes} if found.mended else {}
    bank = BANKS.get(supplier.bank_code or "", supplier.bank_code or "")
    shown = {
        "kind": supplier.kind.label,
        "business_number": filters.business_number(supplier.business_number),
        "phone": filters.phone(supplier.phone),
        "account": f"{bank} {filters.mask_account(supplier.account_number)} ({supplier.account_holder})"
        if supplier.account_number
        else "",
    }
    return [
        {
            "name": name,
            "label": suppliers.LABELS[name],
            "value": shown[name] if name in shown else getattr(supplier, name),
            "answers": answers.get(name, []),
            "asks_tax_office": name == "business_number",
            "check": supplier.checks.get(name),
            "changed_from": changed.get(name),
        }
        for name in supplier_checks.FIELDS
    ]


def _answer(source: str, text: str, tone: str, word: str, note: str = "") -> dict[str, str]:
    return {"source": source, "text": text, "tone": tone, "word": word, "note": note}


def _answers(found: SupplierCase) -> dict[str, list[dict[str, str]]]:
    """What tax office, identity service and bank answered, beside the field that it speaks of."""
    return {
        "business_number": [_tax_office(found)],
        "representative": [_identity(found)],
        "account": [_bank(found)],
    }


def _tax_office(found: SupplierCase) -> dict[str, str]:
    state, asked = found.supplier.tax_office_state, found.supplier.tax_office_asked_at
    note = f"{filters.kst_datetime(asked)} 조회" if asked else ""
    if state is None:
        return _answer("국세청", "응답 없음", "warning", "재조회 필요", note)
    going = state == tax_office.GOING
    return _answer("국세청", state, "success" if going else "danger", "정상" if going else "확인 필요", note)


def _identity(found: SupplierCase) -> dict[str, str]:
    """The verified name, never the CI."""
    if found.joining is None:
        return _answer("본인인증", "본인인증 없이 등록", "neutral", "")
    verified = VerifiedAs(found.joining.answers["verified_as"])
    name = found.joining.answers["verified_name"]
    text = f"{name} ({verified.label})"
    if verified is VerifiedAs.STAFF:
        return _answer("본인인증", text, "neutral", "대표자가 아닌 담당자가 인증")
    same = name == found.supplier.representative
    return _answer("본인인증", text, "success" if same else "danger", "일치" if same else "다름")


def _bank(found: SupplierCase) -> dict[str, str]:
    supplier = found.supplier
    if supplier.account_number is None:
        return _answer("은행", "등록된 계좌 없음", "warning", "확인 필요")
    if supplier.account_verified_at is None:
        return _answer("은행", "예금주 확인 전", "warning", "확인 필요")
    note = f"{filters.kst_datetime(supplier.account_verified_at)} 조회"
    return _answer("은행", f"예금주 {supplier.account_holder}", "success", "일치", note)


def _document(found: SupplierCase, document: Document) -> dict[str, Any]:
    points = [
        {
            "name": screening_points.item(document.id, point.code),
            "label": point.label,
            "check": found.supplier.checks.get(screening_points.item(document.id, point.code)),
        }
        for point in screening_points.POINTS[document.kind]
    ]
    checks = [point["check"] for point in points]
    return {
        "id": document.id,
        "name": document.file_name,
        "url": url_for("console_suppliers.document", id=document.id),
        "kind": document.kind.label,
        "size": document.size,
        "is_pdf": document.content_type == "application/pdf",
        "at": document.uploaded_at,
        "points": points,
        "checked": False if False in checks else (True if None not in checks else None),
    }


def _history(found: SupplierCase) -> list[dict[str, Any]]:
    return [
        {
            "at": entry.at,
            "title": entry.title,
            "who": entry.who,
            "note": entry.reason or "",
            "tone": entry.tone,
            "current": place == 0,
        }
        for place, entry in enumerate(found.history)
    ]


def _numbers(found: SupplierCase) -> list[tuple[str, str]]:
    total = found.numbers.total
    if not total.asked:
        return [("거래상담", "요청받은 거래상담이 없습니다.")]
    accepted = "-" if total.accepted_percent is None else f"{total.accepted_percent}%"
    return [
        ("거래상담", f"{total.asked:,}건 (답변 대기 {total.waiting:,}건)"),
        ("수락률", f"{accepted} (수락 {total.accepted:,}건 / {total.decided:,}건)"),
        ("답변하지 않아 불가", f"{total.silent:,}건"),
        ("답변 시간(중앙값, 영업일 기준)", _hours(total.median)),
        ("결제완료", f"{total.paid:,}건"),
    ]


def _hours(span: timedelta | None) -> str:
    if span is None:
        return "-"
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60:,}시간 {minutes % 60}분"
