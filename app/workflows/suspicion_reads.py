"""의심 거래 as the console shows it: the queue, and a case with its evidence (R-SET-4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import joinedload, selectinload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.deals import Deal
from app.models.holds import HoldSource, SettlementHold
from app.models.payments import Payment
from app.models.people import Account
from app.models.record import AuditRow
from app.models.suspicion import SignalKind, Suspicion, SuspicionSignal, SuspicionState
from app.policy import GRANTS, Actor, Permission, Role
from app.workflows import audit_reads, mails, search, suspicion_words
from app.workflows.holds import HOLD
from app.workflows.lifecycle import Edge
from app.workflows.suspicion import SUSPICION


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    case: Suspicion
    kinds: list[SignalKind]
    payments: int
    amount: int
    """Of its payments, won."""
    days: int

    @property
    def id(self) -> int:
        return self.case.id


@dataclass(kw_only=True)
class Card:
    """One kind of evidence."""

    kind: SignalKind
    weight: int = 0
    sentences: list[str] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    """About which it says so."""
    back: list[int] = field(default_factory=list)
    """Payments in the other direction."""
    reports: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Side:
    label: str
    company: str
    supplier: str
    """Empty where it is not known."""
    same: bool

    @property
    def comparable(self) -> bool:
        return bool(self.company and self.supplier)


@dataclass(frozen=True, kw_only=True)
class Step:
    at: datetime
    title: str
    who: str
    note: str


@dataclass(frozen=True, kw_only=True)
class CasePage:
    case: Suspicion
    row: CaseRow
    cards: list[Card]
    sides: list[Side]
    payments: list[Payment]
    holds: dict[int, SettlementHold]
    """The latest hold by payment."""
    edges: list[Edge]
    decided_by: str
    earlier: list[Suspicion]
    """Other cases of either party."""
    history: list[Step]


@dataclass(frozen=True, kw_only=True)
class LooseRow:
    """A signal that opened nothing."""

    signal: SuspicionSignal
    sentences: list[str]

    @property
    def id(self) -> int:
        return self.signal.id


_DEAL = selectinload(Suspicion.signals).joinedload(SuspicionSignal.payment).joinedload(Payment.deal)


def listing(
    *,
    actor: Actor,
    state: SuspicionState | None = None,
    kind: SignalKind | None = None,
    q: str = "",
    after: int | None = None,
    size: int = 20,
) -> list[CaseRow]:
    """Cases of one state, the open ones where none is named: the highest score first, then the oldest.

    `after` is a case's id, `q` part of a party's name. Raises Denied.
    """
    policy.require(actor, Permission.SUSPICION_VIEW)
    statement = (
        select(Suspicion)
        .where(Suspicion.state == (state or SuspicionState.OPEN))
        .order_by(Suspicion.score.desc(), Suspicion.id)
        .limit(size)
        .options(joinedload(Suspicion.company), joinedload(Suspicion.supplier), joinedload(Suspicion.owner))
        .options(_DEAL)
    )
    if kind is not None:
        statement = statement.where(Suspicion.signals.any(SuspicionSignal.kind == kind))
    last = db.session.get(Suspicion, after) if after is not None else None
    if last is not None:
        statement = statement.where(tuple_(-Suspicion.score, Suspicion.id) > (-last.score, last.id))
    return [_row(case) for case in db.session.scalars(_named(statement, q))]


def _named(statement: Select[Any], q: str) -> Select[Any]:
    words = search.clean(q)
    if not words:
        return statement
    named = or_(
        Company.name.icontains(words, autoescape=True), Supplier.name.icontains(words, autoescape=True)
    )
    return statement.join(Suspicion.company).join(Suspicion.supplier).where(named)


def _row(case: Suspicion) -> CaseRow:
    payments = {signal.payment_id: signal.payment for signal in case.signals}
    found = {signal.kind for signal in case.signals}
    return CaseRow(
        case=case,
        kinds=[kind for kind in SignalKind if kind in found],
        payments=len(payments),
        amount=sum(payment.total for payment in payments.values()),
        days=((case.decided_at or clock.now()) - case.opened_at).days,
    )


def counts(*, actor: Actor) -> dict[SuspicionState, int]:
    policy.require(actor, Permission.SUSPICION_VIEW)
    grouped = select(Suspicion.state, func.count()).group_by(Suspicion.state)
    found: dict[SuspicionState, int] = {state: number for state, number in db.session.execute(grouped)}
    return {state: found.get(state, 0) for state in SuspicionState}


def loose(*, actor: Actor, before: int | None = None, size: int = 20) -> list[LooseRow]:
    """Signals that were too little for a case, newest first. Raises Denied."""
    policy.require(actor, Permission.SUSPICION_VIEW)
    deal = joinedload(SuspicionSignal.payment).joinedload(Payment.deal)
    statement = (
        select(SuspicionSignal)
        .where(SuspicionSignal.suspicion_id.is_(None))
        .order_by(SuspicionSignal.id.desc())
        .limit(size)
        .options(deal.joinedload(Deal.company), deal.joinedload(Deal.supplier))
    )
    if before is not None:
        statement = statement.where(SuspicionSignal.id < before)
    return [
        LooseRow(signal=signal, sentences=suspicion_words.sentences(signal.kind, signal.evidence))
        for signal in db.session.scalars(statement)
    ]


def page(*, actor: Actor, suspicion_id: int) -> CasePage:
    """One case with its evidence; the number of queries does not grow with it. Raises Denied, NotFound."""
    policy.require(actor, Permission.SUSPICION_VIEW)
    case = db.session.scalar(
        select(Suspicion)
        .where(Suspicion.id == suspicion_id)
        .options(joinedload(Suspicion.company), joinedload(Suspicion.supplier), joinedload(Suspicion.owner))
        .options(_DEAL.joinedload(Deal.offering))
    )
    if case is None:
        raise NotFound()
    payments = list({signal.payment_id: signal.payment for signal in case.signals}.values())
    held = _holds([payment.id for payment in payments])
    decided_by = db.session.get(Account, case.decided_by_id) if case.decided_by_id else None
    return CasePage(
        case=case,
        row=_row(case),
        cards=_cards(case.signals),
        sides=_sides(case),
        payments=payments,
        holds={hold.payment_id: hold for hold in held},
        edges=SUSPICION.open_to(actor, case),
        decided_by=decided_by.name if decided_by else "",
        earlier=_earlier(case),
        history=_history(case, held),
    )


def _cards(signals: Sequence[SuspicionSignal]) -> list[Card]:
    """The heaviest evidence first; what several payments say alike is said once."""
    cards: dict[SignalKind, Card] = {}
    for signal in signals:
        card = cards.setdefault(signal.kind, Card(kind=signal.kind))
        card.weight = max(card.weight, signal.weight)
        said = suspicion_words.sentences(signal.kind, signal.evidence)
        card.sentences += [sentence for sentence in said if sentence not in card.sentences]
        card.payments.append(signal.payment)
        card.back += [key for key in signal.evidence.get("back", []) if key not in card.back]
        card.reports += [key for key in signal.evidence.get("reports", []) if key not in card.reports]
    return sorted(cards.values(), key=lambda card: -card.weight)


def _sides(case: Suspicion) -> list[Side]:
    """Who they are, side by side; what is the same is known from the evidence."""
    alike = {what for signal in case.signals for what in signal.evidence.get("alike", [])}
    if any(signal.evidence.get("postal") for signal in case.signals):
        alike.add("postal")
    company, supplier = case.company, case.supplier
    rows = (
        ("사업자등록번호", company.business_number, supplier.business_number, {"number"}),
        ("대표자", company.representative, supplier.representative, {"person", "representative"}),
        ("주소", company.address, supplier.address, {"postal"}),
        ("전화", company.phone, supplier.phone, {"phone"}),
        ("전자우편", _masked(company.email), _masked(supplier.email), {"email"}),
        ("예금주", company.representative, supplier.account_holder or "", {"holder"}),
    )
    return [
        Side(label=label, company=one.strip(), supplier=other.strip(), same=bool(alike & which))
        for label, one, other, which in rows
    ]


def _masked(email: str) -> str:
    return mails.masked(email) if email else ""


_MAY = Permission.SUSPICION_DECIDE


def deciders() -> str:
    """The roles that may decide a case, for those who may only look."""
    return "·".join(role.label for role in Role if role.is_staff and _MAY in GRANTS[role])


def case_of(hold: SettlementHold) -> int | None:
    """The case that had a payment held: the latest that was open by then."""
    if hold.source is not HoldSource.SUSPICION:
        return None
    return db.session.scalar(
        select(func.max(Suspicion.id))
        .join(SuspicionSignal, SuspicionSignal.suspicion_id == Suspicion.id)
        .where(SuspicionSignal.payment_id == hold.payment_id, Suspicion.opened_at <= hold.placed_at)
    )


def _holds(payment_ids: list[int]) -> list[SettlementHold]:
    statement = select(SettlementHold).where(SettlementHold.payment_id.in_(payment_ids))
    return list(db.session.scalars(statement.order_by(SettlementHold.id)))


def _earlier(case: Suspicion) -> list[Suspicion]:
    statement = (
        select(Suspicion)
        .where(
            Suspicion.id != case.id,
            or_(Suspicion.company_id == case.company_id, Suspicion.supplier_id == case.supplier_id),
        )
        .order_by(Suspicion.id.desc())
        .limit(20)
        .options(joinedload(Suspicion.company), joinedload(Suspicion.supplier))
    )
    return list(db.session.scalars(statement))


def _history(case: Suspicion, held: Sequence[SettlementHold]) -> list[Step]:
    """What was done about the case and its holds, newest first."""
    statement = select(AuditRow).where(
        or_(
            and_(AuditRow.entity == SUSPICION.entity, AuditRow.entity_id == case.id),
            and_(AuditRow.entity == HOLD.entity, AuditRow.entity_id.in_([hold.id for hold in held])),
        )
    )
    return [
        Step(
            at=row.at,
            title=f"보류 {row.entity_id}: {audit_reads.label(row)}"
            if row.entity == HOLD.entity
            else audit_reads.label(row),
            who=row.actor_name,
            note=row.reason or "",
        )
        for row in db.session.scalars(statement.order_by(AuditRow.id.desc()))
    ]
