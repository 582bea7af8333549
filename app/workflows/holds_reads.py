"""지급 보류 as the console shows it: what is held, since when, why, and who lets it go (R-SET-4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.deals import Deal
from app.models.holds import HoldSource, HoldState, SettlementHold
from app.models.payments import Payment
from app.models.people import Account
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import audit_reads, search, settlement_holds
from app.workflows.holds import HOLD
from app.workflows.lifecycle import Edge
from app.workflows.settlement_holds import LineNow


@dataclass(frozen=True, kw_only=True)
class HoldRow:
    hold: SettlementHold
    placed_by: str
    days: int
    """Calendar days since it was placed, to its end or now."""

    @property
    def id(self) -> int:
        return self.hold.id


@dataclass(frozen=True, kw_only=True)
class HoldPage:
    row: HoldRow
    edges: list[Edge]
    asked_by: str
    released_by: str
    own_ask: bool
    """Whether whoever looks has asked for the release, and so cannot give it."""
    others: list[SettlementHold]
    """Further holds of the same payment."""
    at_the_bank: bool
    """Whether it holds only from a failure of the transfer on."""
    line: LineNow | None
    """Of an open hold, the line where the payment stands."""
    history: list[AuditRow]


@dataclass(frozen=True)
class HoldSums:
    payments: int
    amount: int
    """Won; a payment held twice counts once."""


_PAYMENT = joinedload(SettlementHold.payment).joinedload(Payment.deal)
_PARTIES = (
    _PAYMENT.joinedload(Deal.company),
    _PAYMENT.joinedload(Deal.supplier),
    _PAYMENT.joinedload(Deal.offering),
)


def listing(
    *,
    actor: Actor,
    state: HoldState | None = None,
    source: HoldSource | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[HoldRow]:
    """Holds, newest first; without a state those that still hold. `q` is part of a party's name.

    Raises Denied.
    """
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    statement = select(SettlementHold).order_by(SettlementHold.id.desc()).limit(size)
    if before is not None:
        statement = statement.where(SettlementHold.id < before)
    return _rows(list(db.session.scalars(_filtered(statement, state, source, q).options(*_PARTIES))))


def _filtered(
    statement: Select[Any], state: HoldState | None, source: HoldSource | None, q: str
) -> Select[Any]:
    if state is None:
        statement = statement.where(SettlementHold.released_at.is_(None))
    else:
        statement = statement.where(SettlementHold.state == state)
    if source is not None:
        statement = statement.where(SettlementHold.source == source)
    if words := search.clean(q):
        statement = (
            statement.join(Payment, Payment.id == SettlementHold.payment_id)
            .join(Company, Company.id == Payment.company_id)
            .join(Supplier, Supplier.id == SettlementHold.supplier_id)
            .where(
                or_(
                    Company.name.icontains(words, autoescape=True),
                    Supplier.name.icontains(words, autoescape=True),
                    Payment.order_id == q.strip(),
                )
            )
        )
    return statement


def _rows(found: Sequence[SettlementHold]) -> list[HoldRow]:
    names = _names({hold.placed_by_id for hold in found})
    return [
        HoldRow(
            hold=hold,
            placed_by=names.get(hold.placed_by_id, "시스템"),
            days=((hold.released_at or clock.now()) - hold.placed_at).days,
        )
        for hold in found
    ]


def _names(ids: set[int | None]) -> dict[int | None, str]:
    wanted = {key for key in ids if key is not None}
    if not wanted:
        return {}
    rows = db.session.execute(select(Account.id, Account.name).where(Account.id.in_(wanted)))
    return {key: name for key, name in rows}


def counts(*, actor: Actor) -> dict[HoldState, int]:
    """How many holds are in each state."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    found: dict[HoldState, int] = {
        state: number
        for state, number in db.session.execute(
            select(SettlementHold.state, func.count()).group_by(SettlementHold.state)
        )
    }
    return {state: found.get(state, 0) for state in HoldState}


def sums(*, actor: Actor) -> HoldSums:
    """What is held now."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    held = select(SettlementHold.payment_id).where(SettlementHold.released_at.is_(None)).distinct()
    total = Payment.grant_part + Payment.share_part + Payment.tax_part
    statement = select(func.count(), func.coalesce(func.sum(total), 0)).where(Payment.id.in_(held))
    payments, amount = db.session.execute(statement).one()
    return HoldSums(payments, int(amount))


def page(*, actor: Actor, hold_id: int) -> HoldPage:
    """One hold with what this person may do. Raises Denied, NotFound."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    hold = db.session.scalar(select(SettlementHold).where(SettlementHold.id == hold_id).options(*_PARTIES))
    if hold is None:
        raise NotFound()
    names = _names({hold.asked_by_id, hold.released_by_id})
    line = settlement_holds.line_of(hold.payment_id) if hold.released_at is None else None
    return HoldPage(
        row=_rows([hold])[0],
        edges=HOLD.open_to(actor, hold),
        asked_by=names.get(hold.asked_by_id, ""),
        released_by=names.get(hold.released_by_id, ""),
        own_ask=hold.state is HoldState.ASKED and hold.asked_by_id == actor.id,
        others=[one for one in of_payment(actor=actor, payment_id=hold.payment_id) if one.id != hold.id],
        at_the_bank=line is not None and line.is_sent,
        line=line,
        history=list(
            db.session.scalars(
                select(AuditRow)
                .where(AuditRow.entity == HOLD.entity, AuditRow.entity_id == hold.id)
                .order_by(AuditRow.seq)
            )
        ),
    )


def step_label(row: AuditRow) -> str:
    return audit_reads.label(row)


def of_payment(*, actor: Actor, payment_id: int) -> list[SettlementHold]:
    """Every hold of one payment, newest first."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    statement = select(SettlementHold).where(SettlementHold.payment_id == payment_id)
    return list(db.session.scalars(statement.order_by(SettlementHold.id.desc())))
