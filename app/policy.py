"""Who may do what, and to whose records (R-ROLE-1 to R-ROLE-4). Pure: knows no database and no request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.errors import Denied, NotFound


class Role(Enum):
    DEMAND = "demand"
    SUPPLIER = "supplier"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    BUDGET_OFFICER = "budget_officer"
    FINANCE_OFFICER = "finance_officer"
    PROGRAMME_MANAGER = "programme_manager"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system_admin"
    SYSTEM = "system"

    @property
    def label(self) -> str:
        return ROLE_LABELS[self]

    @property
    def is_staff(self) -> bool:
        return self not in (Role.DEMAND, Role.SUPPLIER, Role.SYSTEM)

    @property
    def is_operating_agency(self) -> bool:
        return self in (Role.REVIEWER, Role.MANAGER)


ROLE_LABELS = {
    Role.DEMAND: "수요기업",
    Role.SUPPLIER: "공급기업",
    Role.REVIEWER: "운영기관 심사원",
    Role.MANAGER: "운영기관 관리자",
    Role.BUDGET_OFFICER: "전문기관 예산담당",
    Role.FINANCE_OFFICER: "전문기관 회계담당",
    Role.PROGRAMME_MANAGER: "전문기관 사업관리자",
    Role.AUDITOR: "감사",
    Role.SYSTEM_ADMIN: "시스템 관리자",
    Role.SYSTEM: "시스템",
}


class Permission(Enum):
    """One per thing that can be done; endpoints and lifecycle edges name one."""

    # anyone who is logged in, anyone at all
    PUBLIC = "public"
    LOGGED_IN = "logged_in"
    # demand company
    COMPANY_EDIT = "company.edit"
    APPLICATION_SUBMIT = "application.submit"
    INSTRUMENT_MANAGE = "instrument.manage"
    VOUCHER_USE = "voucher.use"
    DEAL_REQUEST = "deal.request"
    PAYMENT_MAKE = "payment.make"
    EVALUATION_WRITE = "evaluation.write"
    DEMAND_VIEW = "demand.view"
    # supplier
    DEAL_ANSWER = "deal.answer"
    PAYMENT_CANCEL_LATE = "payment.cancel_late"
    SUPPLIER_VIEW = "supplier.view"
    OFFERING_WRITE = "offering.write"
    INVOICE_WRITE = "invoice.write"
    API_KEY = "api.key"
    # operating agency
    SCREENING_VIEW = "screening.view"
    SCREENING_DECIDE = "screening.decide"
    SCREENING_ASSIGN = "screening.assign"
    SCREENING_BULK = "screening.bulk"
    BULK_RUN = "bulk.run"
    DASHBOARD_VIEW = "dashboard.view"
    # lead agency
    BUDGET_VIEW = "budget.view"
    BUDGET_CONFIRM = "budget.confirm"
    INTAKE_IMPORT = "intake.import"
    PROGRAMME_MANAGE = "programme.manage"
    PROGRAMME_SETTINGS = "programme.settings"
    OFFERING_APPROVE = "offering.approve"
    SUPPLIER_SELECT = "supplier.select"
    POST_WRITE = "post.write"
    VOUCHER_CLOSE = "voucher.close"
    DEAL_VIEW = "deal.view"
    SETTLEMENT_VIEW = "settlement.view"
    SETTLEMENT_DRAFT = "settlement.draft"
    SETTLEMENT_APPROVE = "settlement.approve"
    SETTLEMENT_PAY = "settlement.pay"
    DOCUMENT_EXPORT = "document.export"
    INVOICE_DECIDE = "invoice.decide"
    BANK_FORMAT = "bank.format"
    MONTH_CLOSE = "month.close"
    RECONCILE_VIEW = "reconcile.view"
    RECONCILE_WORK = "reconcile.work"
    HOLD_PLACE = "hold.place"
    HOLD_RELEASE = "hold.release"
    SUSPICION_VIEW = "suspicion.view"
    SUSPICION_DECIDE = "suspicion.decide"
    ABUSE_VIEW = "abuse.view"
    ABUSE_ANSWER = "abuse.answer"
    PAYMENT_RESOLVE = "payment.resolve"
    LEDGER_VIEW = "ledger.view"
    AUDIT_VIEW = "audit.view"
    CONSOLE = "console"
    ACCOUNT_MANAGE = "account.manage"
    OPERATIONS_VIEW = "operations.view"
    OPERATIONS_MANAGE = "operations.manage"
    # the clock and the jobs
    CLOCKWORK = "clockwork"


P = Permission
_LEAD_READS = frozenset(
    {
        P.CONSOLE,
        P.DASHBOARD_VIEW,
        P.BUDGET_VIEW,
        P.DEAL_VIEW,
        P.SETTLEMENT_VIEW,
        P.RECONCILE_VIEW,
        P.LEDGER_VIEW,
    }
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.DEMAND: frozenset(
        {
            P.COMPANY_EDIT,
            P.APPLICATION_SUBMIT,
            P.INSTRUMENT_MANAGE,
            P.VOUCHER_USE,
            P.DEAL_REQUEST,
            P.PAYMENT_MAKE,
            P.EVALUATION_WRITE,
            P.DEMAND_VIEW,
        }
    ),
    Role.SUPPLIER: frozenset(
        {
            P.DEAL_ANSWER,
            P.PAYMENT_CANCEL_LATE,
            P.SUPPLIER_VIEW,
            P.OFFERING_WRITE,
            P.INVOICE_WRITE,
            P.API_KEY,
        }
    ),
    Role.REVIEWER: frozenset({P.CONSOLE, P.SCREENING_VIEW, P.SCREENING_DECIDE}),
    Role.MANAGER: frozenset(
        {
            P.CONSOLE,
            P.DASHBOARD_VIEW,
            P.SCREENING_VIEW,
            P.SCREENING_DECIDE,
            P.SCREENING_ASSIGN,
            P.SCREENING_BULK,
            P.BULK_RUN,
        }
    ),
    Role.BUDGET_OFFICER: _LEAD_READS
    | {P.SCREENING_VIEW, P.BULK_RUN, P.BUDGET_CONFIRM, P.INTAKE_IMPORT, P.VOUCHER_CLOSE},
    Role.FINANCE_OFFICER: _LEAD_READS
    | {
        P.SETTLEMENT_DRAFT,
        P.SETTLEMENT_APPROVE,
        P.SETTLEMENT_PAY,
        P.PAYMENT_RESOLVE,
        P.DOCUMENT_EXPORT,
        P.INVOICE_DECIDE,
        P.MONTH_CLOSE,
        P.RECONCILE_WORK,
        P.HOLD_PLACE,
        P.HOLD_RELEASE,
        P.SUSPICION_VIEW,
    },
    Role.PROGRAMME_MANAGER: _LEAD_READS
    | {
        P.SCREENING_VIEW,
        P.INTAKE_IMPORT,
        P.PROGRAMME_MANAGE,
        P.PROGRAMME_SETTINGS,
        P.OFFERING_APPROVE,
        P.SUPPLIER_SELECT,
        P.POST_WRITE,
        P.VOUCHER_CLOSE,
        P.SETTLEMENT_APPROVE,
        P.PAYMENT_RESOLVE,
        P.BANK_FORMAT,
        P.MONTH_CLOSE,
        P.RECONCILE_WORK,
        P.HOLD_PLACE,
        P.HOLD_RELEASE,
        P.SUSPICION_VIEW,
        P.SUSPICION_DECIDE,
        P.ABUSE_VIEW,
        P.ABUSE_ANSWER,
        P.AUDIT_VIEW,
        P.OPERATIONS_VIEW,
        P.OPERATIONS_MANAGE,
    },
    Role.AUDITOR: _LEAD_READS
    | {P.SCREENING_VIEW, P.SUSPICION_VIEW, P.ABUSE_VIEW, P.AUDIT_VIEW, P.OPERATIONS_VIEW},
    Role.SYSTEM_ADMIN: frozenset(
        {P.CONSOLE, P.ACCOUNT_MANAGE, P.PROGRAMME_SETTINGS, P.OPERATIONS_VIEW, P.OPERATIONS_MANAGE}
    ),
    Role.SYSTEM: frozenset({P.CLOCKWORK}),
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts: an account as the workflows see it. `ip` is for the audit trail only."""

    id: int | None
    role: Role
    name: str
    agency_id: int | None = None
    company_id: int | None = None
    supplier_id: int | None = None
    ip: str | None = None

    def may(self, permission: Permission) -> bool:
        if permission is Permission.PUBLIC:
            return True
        if permission is Permission.LOGGED_IN:
            return self.id is not None
        return permission in GRANTS[self.role]


CLOCK = Actor(id=None, role=Role.SYSTEM, name="시스템")
"""The clock and the jobs: acts on every record, but only with the permission of clockwork."""


def require(actor: Actor, permission: Permission) -> None:
    """Raise `Denied` unless the actor's role grants the permission."""
    if not actor.may(permission):
        raise Denied()


def side(actor: Actor) -> tuple[str, int | None] | None:
    """The attribute by which a record says whose it is, and the actor's value; None for a role of no side."""
    if actor.role is Role.DEMAND:
        return "company_id", actor.company_id
    if actor.role is Role.SUPPLIER:
        return "supplier_id", actor.supplier_id
    if actor.role.is_operating_agency:
        return "agency_id", actor.agency_id
    return None


def owns(actor: Actor, record: Any) -> bool:
    """Whether the record lies in the actor's hands (R-ROLE-2); not where it does not say whose it is."""
    bound = side(actor)
    if bound is None:
        return actor.role is not Role.SYSTEM_ADMIN
    attribute, own = bound
    return own is not None and getattr(record, attribute, None) == own


def require_own(actor: Actor, record: Any) -> None:
    """Raise `NotFound` for another's record: that it exists is nobody else's business."""
    if not owns(actor, record):
        raise NotFound()


def require_other_person(actor: Actor, *earlier: int | None) -> None:
    """Separation of duties (R-ROLE-4): who did the earlier step may not do this one."""
    if actor.id is not None and actor.id in [e for e in earlier if e is not None]:
        raise Denied(
            "same_person",
            "앞 단계를 처리한 사람은 이 단계를 처리할 수 없습니다. 다른 담당자가 처리해야 합니다.",
        )
