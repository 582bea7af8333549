"""From the ledger to the records behind it: whose an account is, what a journal is about (R-MONEY-3)."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import url_for

from app.models.ledger import LedgerAccount as Account
from app.workflows.audit_reads import ENTITIES
from app.workflows.ledger_trace import TraceKind
from app.workflows.ledger_trace_beside import Beside, BesideKind

_TRACED = {
    Account.AGENCY_BUDGET: TraceKind.BUDGET,
    Account.VOUCHER_GRANT: TraceKind.VOUCHER,
    Account.VOUCHER_SHARE: TraceKind.VOUCHER,
    Account.HOLD: TraceKind.PAYMENT,
    Account.TRANSFER: TraceKind.LINE,
}
_ENTITIES = {kind.entity: kind for kind in TraceKind}


class Link(NamedTuple):
    label: str
    url: str


def owner(account: Account, owner_id: int) -> Link:
    """The record whose account it is."""
    if kind := _TRACED.get(account):
        return Link(f"{kind.label} 추적", url_for("console_trace.show", kind=kind.value, id=owner_id))
    if account in (Account.PLEDGE, Account.COMPANY_TAX):
        return Link("바우처 추적", url_for("console_trace.company", id=owner_id))
    if account in (Account.PAYABLE, Account.PAID_OUT):
        return Link("공급기업", url_for("console_suppliers.detail", id=owner_id))
    return Link("예산 현황", url_for("console_budgets.index"))


def record(event_key: str) -> Link | None:
    """What a journal is about, where it can be traced: `<kind>:<entity>:<id>...`."""
    _, _, place = event_key.partition(":")
    entity, _, rest = place.partition(":")
    key, kind = rest.partition(":")[0], _ENTITIES.get(entity)
    if kind is None or not key.isdigit():
        return None
    return Link(f"{kind.label} {key} 추적", url_for("console_trace.show", kind=kind.value, id=int(key)))


def event(event_key: str) -> str:
    """To which record it happened: `정산 지급 17`; a key of another form as it is."""
    entity, _, rest = event_key.partition(":")[2].partition(":")
    key = rest.partition(":")[0]
    return f"{ENTITIES[entity]} {key}" if entity in ENTITIES and key else event_key


def of_hop(hop: Any) -> Link | None:
    """The page of a traced record itself."""
    if hop.kind is TraceKind.PAYMENT:
        return Link("결제 내역", url_for("console_payments.detail", id=hop.id))
    if hop.kind is TraceKind.BUDGET and hop.parent is not None:
        return Link("예산 현황", url_for("console_budgets.agency", agency_id=hop.parent))
    if hop.kind is TraceKind.LINE:
        return Link("정산 지급 내역", url_for("console_settlement.line", id=hop.parent, line_id=hop.id))
    return None


def of_beside(one: Beside) -> Link:
    """The page of a hold or a tax invoice; of what is taken back, that of the supplier's debt."""
    if one.kind is BesideKind.HOLD:
        return Link("지급 보류 화면", url_for("console_holds.detail", id=one.id))
    if one.kind is BesideKind.INVOICE:
        return Link("세금계산서 화면", url_for("console_invoices.detail", id=one.id))
    return Link("환수 대상 화면", url_for("console_ripe.debt", supplier_id=one.id))
