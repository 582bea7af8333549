"""The checklist of a supplier's selection: what was looked at, and what does not fit (R-SUP-1, R-SCR-3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app import clock, policy
from app.db import lock, transaction
from app.errors import Conflict, InvalidInput, Refusal
from app.models.catalogue import Supplier
from app.models.companies import Document, DocumentKind
from app.policy import Actor, Permission
from app.workflows import (
    attachments,
    record,
    screening_points,
    supplier_accounts,
    suppliers,
    tax_office,
)
from app.workflows.case_reads import Progress
from app.workflows.screening_points import POINTS, Suggestion, item

FIELDS = ("kind", "business_number", "name", "representative", "phone", "email", "address", "account")
# A cross here suggests a reason of the supplier's own list.
_REASONS = {
    "name": "details_differ",
    "representative": "details_differ",
    "address": "supplier_address",
    "phone": "supplier_unreachable",
    "account": "account_differs",
}
_OF_POINTS = {
    "registration_differs": "details_differ",
    "address_differs": "supplier_address",
}


def labels(documents: Iterable[Document]) -> dict[str, str]:
    """Everything that can be ticked, with what it is called."""
    found = {name: suppliers.LABELS[name] for name in FIELDS}
    for document in documents:
        for point in POINTS[document.kind]:
            found[item(document.id, point.code)] = f"{document.kind.label}: {point.label}"
    return found


def tick(*, actor: Actor, supplier_id: int, fits: Mapping[str, bool | None]) -> None:
    """Keep what fits and what does not, by item, and take back what is None; others stay as they are.

    Raises Denied, NotFound, Conflict `supplier.decided`, InvalidInput `supplier.item` (of a document that was
    replaced meanwhile).
    """
    policy.require(actor, Permission.SUPPLIER_SELECT)
    with transaction() as session:
        supplier = lock(Supplier, supplier_id)
        if supplier.state not in suppliers.UNDECIDED:
            text = f"현재 상태가 '{supplier.state.label}'이라서 확인 표시를 바꿀 수 없습니다."
            raise Conflict("supplier.decided", text)
        if not fits.keys() <= labels(attachments.current(supplier_id=supplier_id)).keys():
            text = "확인하던 서류가 바뀌었습니다. 화면을 새로 고쳐 새 서류를 확인해 주세요."
            raise InvalidInput("supplier.item", text)
        kept = {name: value for name, value in supplier.checks.items() if name not in fits}
        fresh = {name: value for name, value in fits.items() if value is not None}
        if kept | fresh == supplier.checks:
            return
        change = {name: (supplier.checks.get(name), value) for name, value in fits.items()}
        supplier.checks = kept | fresh
        session.flush()
        record.write("supplier", supplier_id, "tick", actor=actor, change=change)


def progress(supplier: Supplier, documents: Sequence[Document]) -> Progress:
    fits = [supplier.checks[name] for name in labels(documents) if name in supplier.checks]
    return Progress(items=len(labels(documents)), checked=len(fits), crossed=fits.count(False))


def crosses(supplier: Supplier, documents: Sequence[Document]) -> list[str]:
    """What does not fit, in Korean, in the order of the page."""
    return [label for name, label in labels(documents).items() if supplier.checks.get(name) is False]


def doubts(supplier: Supplier, documents: Sequence[Document], lacking: Sequence[DocumentKind]) -> list[str]:
    """What speaks against a selection now: asked about before, and no obstacle."""
    found = [f"'다름'으로 표시한 항목: {label}" for label in crosses(supplier, documents)]
    found += [f"제출되지 않은 서류: {kind.label}" for kind in lacking]
    if supplier.account_verified_at is None:
        found.append("정산 계좌의 예금주가 확인되지 않았습니다.")
    if not _own_account(supplier):
        found.append("정산 계좌의 예금주가 기업명과 다릅니다.")
    if supplier.tax_office_state != tax_office.GOING:
        found.append(f"국세청 조회: {supplier.tax_office_state or '응답 없음'}")
    return found


def _own_account(supplier: Supplier) -> bool:
    """It was, when it was named; the company's name may have been edited since."""
    return supplier.account_holder is None or supplier_accounts.fits(
        supplier.account_holder,
        name=supplier.name,
        representative=supplier.representative,
        kind=supplier.kind,
    )


def suggest(supplier: Supplier, documents: Sequence[Document]) -> Suggestion:
    """Reason codes and marks of a 보완 for what does not fit, in the order of the page."""
    crossed = [name for name in FIELDS if supplier.checks.get(name) is False]
    codes = [_REASONS.get(name) for name in crossed]
    marks = [name for name in crossed if name in _REASONS or name == "email"]
    for document in documents:
        wrong = [
            point
            for point in POINTS[document.kind]
            if supplier.checks.get(screening_points.item(document.id, point.code)) is False
        ]
        own = "account_differs" if document.kind is DocumentKind.BANK_BOOK else None
        codes += [_OF_POINTS.get(point.reason or "", point.reason) or own for point in wrong]
        marks += [document.kind.value] if wrong else []
    return Suggestion(codes=list(dict.fromkeys(code for code in codes if code)), marks=marks)


def ask_tax_office(*, actor: Actor, supplier_id: int) -> str:
    """Ask now for what the office did not answer at joining; what it says decides nothing (R-JOIN-4).

    Raises Denied, NotFound, Refusal `tax_office.unavailable`.
    """
    policy.require(actor, Permission.SUPPLIER_SELECT)
    number = suppliers.get(actor=actor, supplier_id=supplier_id).business_number
    state = tax_office.state_of(number)
    if state is None:
        raise Refusal("tax_office.unavailable", "국세청이 지금 응답하지 않습니다. 잠시 뒤 다시 눌러 주세요.")
    with transaction() as session:
        supplier = lock(Supplier, supplier_id)
        change = {"tax_office_state": (supplier.tax_office_state, state)}
        supplier.tax_office_state, supplier.tax_office_asked_at = state, clock.real_now()
        session.flush()
        record.write("supplier", supplier_id, "tax_office", actor=actor, change=change)
    return state
