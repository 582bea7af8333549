"""From any won to where it came from and where it went, and back (R-MONEY-3).

A trace stands at one record: a line of the budget, a voucher, a payment, or a line of a settlement. It shows
the way of the money through it, with the journals of each hop, and what lies one step further.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import BIGINT, db
from app.errors import NotFound
from app.models.ledger import JournalKind
from app.models.payments import Payment, PaymentState
from app.models.programme import AgencyBudget
from app.models.settlements import BatchState, LineState
from app.models.types import Labelled
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import ledger_trace_beside, ledger_trace_sql, programmes
from app.workflows.ledger_trace_beside import Beside

LINE_KEY = "KV{:010}"
"""By which the bank knows a transfer."""
NOTES = {
    "back": "환수: 이미 지급한 결제가 취소되어 이만큼 빼고 지급합니다.",
    "out": "보류: 이 결제의 몫을 이 정산에서 뺐습니다. 보류가 풀리면 다음 정산에서 지급합니다.",
    "before": "보류: 여기에서 뺀 결제의 몫을 지급합니다.",
    "let_go": "보류: 여기에서 뺀 결제의 몫을 이 정산이 지급합니다.",
    "carried": "앞 정산에서 이월된 금액을 담았습니다.",
}
"""Of a line that has to do with a payment otherwise than by paying it."""


class TraceKind(Labelled):
    """What a trace may stand at; `entity` is its record in the ledger's event keys."""

    BUDGET = "budget", "예산"
    VOUCHER = "voucher", "바우처"
    PAYMENT = "payment", "결제"
    LINE = "line", "정산 지급"

    @property
    def entity(self) -> str:
        return {"budget": "agency_budget", "line": "settlement_line"}.get(str(self.value), str(self.value))


@dataclass(frozen=True, kw_only=True)
class JournalRef:
    id: int
    kind: JournalKind
    at: datetime
    amount: int
    """The money that it moves, won."""
    event_key: str


@dataclass(kw_only=True)
class Hop:
    """A record on the way of the money."""

    kind: TraceKind
    id: int
    title: str
    amount: int
    """Of the record itself, won."""
    state: Labelled | None = None
    facts: list[tuple[str, Any]] = field(default_factory=list)
    """Won are ints, instants are instants."""
    parent: int | None = None
    """Of a line its batch; of a budget its agency, while its programme is the one that runs."""
    part: int | None = None
    """What of the traced payment goes through it, won."""
    note: str = ""
    journals: list[JournalRef] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    """Of the traced payment: its holds and tax invoices, and what is taken back of it."""


@dataclass(frozen=True, kw_only=True)
class Next:
    """One record a step further on, or a payment in a line."""

    kind: TraceKind
    id: int
    title: str
    state: Labelled | None
    amount: int
    """Won; minus where it is taken back."""
    at: datetime | None
    line_id: int | None = None
    line: str = ""
    """The settlement of that line, and what it has to do with the record."""


@dataclass(frozen=True, kw_only=True)
class Sum:
    label: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Trace:
    kind: TraceKind
    id: int
    hops: list[Hop]
    """From the budget on; the record itself is among them."""
    sums: list[Sum]
    """How the record's amount comes to be: the last is what the others make."""

    @property
    def here(self) -> Hop:
        return next(hop for hop in self.hops if (hop.kind, hop.id) == (self.kind, self.id))


def trace(*, actor: Actor, kind: TraceKind, record_id: int) -> Trace:
    """The way of the money through one record, in a handful of queries. Raises Denied, NotFound."""
    policy.require(actor, Permission.LEDGER_VIEW)
    if record_id not in BIGINT:
        raise NotFound()
    hops, sums = _AT[kind](record_id)
    _add_journals(hops)
    return Trace(kind=kind, id=record_id, hops=hops, sums=sums)


def voucher_of(*, actor: Actor, company_id: int) -> int:
    """The voucher by which a company's own money moves. Raises Denied, NotFound."""
    policy.require(actor, Permission.LEDGER_VIEW)
    found = db.session.scalar(select(Voucher.id).where(Voucher.company_id == company_id))
    if found is None:
        raise NotFound()
    return found


# --- budget and voucher -----------------------------------------------------------------------------------


def _by_kind(statement: Any, key: int, remainder: str) -> list[Sum]:
    """What came to an account and left it, by kind of journal, and what lies there."""
    found = {JournalKind(row.kind): row.amount for row in db.session.execute(statement, {"id": key})}
    rows = [Sum(label=kind.label, amount=found[kind]) for kind in JournalKind if found.get(kind)]
    return [*rows, Sum(label=remainder, amount=sum(found.values()))]


def _budget_hop(budget: AgencyBudget, *, part: int | None = None) -> Hop:
    return Hop(
        kind=TraceKind.BUDGET,
        id=budget.id,
        title=budget.agency.name,
        amount=0,
        parent=budget.agency_id if _runs(budget.programme_id) else None,
        part=part,
    )


def _runs(programme_id: int) -> bool:
    """Whether the pages of the budget show this programme: they show one."""
    return programmes.current().id == programme_id


def _at_budget(key: int) -> tuple[list[Hop], list[Sum]]:
    budget = db.session.scalar(
        select(AgencyBudget).where(AgencyBudget.id == key).options(joinedload(AgencyBudget.agency))
    )
    if budget is None:
        raise NotFound()
    hop, sums = _budget_hop(budget), _by_kind(ledger_trace_sql.BUDGET_SUMS, key, "남은 예산")
    hop.amount = sum(row.amount for row in sums if row.label == JournalKind.ALLOCATION.label)
    return [hop], sums


def _voucher(key: int) -> tuple[Voucher, AgencyBudget]:
    row = db.session.execute(
        select(Voucher, AgencyBudget)
        .join(AgencyBudget, AgencyBudget.id == Voucher.agency_budget_id)
        .where(Voucher.id == key)
        .options(joinedload(Voucher.company), joinedload(AgencyBudget.agency))
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1]


def _voucher_hop(voucher: Voucher, *, part: int | None = None) -> Hop:
    return Hop(
        kind=TraceKind.VOUCHER,
        id=voucher.id,
        title=voucher.company.name,
        state=voucher.state,
        amount=voucher.granted,
        facts=[
            ("정부지원금", voucher.granted_grant),
            ("자부담금", voucher.granted_share),
            ("선정일", voucher.selected_on),
        ],
        part=part,
    )


def _at_voucher(key: int) -> tuple[list[Hop], list[Sum]]:
    voucher, budget = _voucher(key)
    hops = [_budget_hop(budget, part=voucher.granted_grant), _voucher_hop(voucher)]
    return hops, _by_kind(ledger_trace_sql.VOUCHER_SUMS, key, "남은 금액")


# --- payment ----------------------------------------------------------------------------------------------


def _line_hop(row: Any) -> Hop:
    batch = BatchState(row.batch_state)
    facts: list[tuple[str, Any]] = [
        ("정산", f"{row.number} {batch.label}"),
        ("이체번호", LINE_KEY.format(row.id)),
    ]
    if row.paid_at is not None:
        facts.append(("지급일시", row.paid_at.astimezone(clock.KST)))
    if row.result_text:
        facts.append(("이체 결과", row.result_text))
    return Hop(
        kind=TraceKind.LINE,
        id=row.id,
        title=row.name,
        state=LineState(row.state),
        amount=row.net - row.withheld,
        facts=facts,
        parent=row.batch_id,
        part=row.part,
        note=NOTES.get(row.how, ""),
    )


def _at_payment(key: int) -> tuple[list[Hop], list[Sum]]:
    payment = db.session.scalar(select(Payment).where(Payment.id == key).options(joinedload(Payment.deal)))
    if payment is None:
        raise NotFound()
    voucher, budget = _voucher(payment.voucher_id)
    own = Hop(
        kind=TraceKind.PAYMENT,
        id=payment.id,
        title=payment.order_id,
        state=payment.state,
        amount=payment.total,
        facts=[
            ("결제 요청일시", payment.pressed_at),
            ("결제일시", payment.paid_at),
            ("승인번호", payment.approval_number),
        ],
        part=payment.total,
        beside=ledger_trace_beside.of_payment(key),
    )
    lines = [
        _line_hop(row) for row in db.session.execute(ledger_trace_sql.LINES_OF_PAYMENT, {"payment_id": key})
    ]
    hops = [
        _budget_hop(budget, part=payment.grant_part),
        _voucher_hop(voucher, part=payment.amount),
        own,
        *lines,
    ]
    sums = [
        Sum(label="정부지원금", amount=payment.grant_part),
        Sum(label="자부담금", amount=payment.share_part),
        Sum(label="기업 부담 부가세", amount=payment.tax_part),
        Sum(label="공급기업이 받을 금액", amount=payment.total),
    ]
    return hops, sums


def _at_line(key: int) -> tuple[list[Hop], list[Sum]]:
    rows = db.session.execute(ledger_trace_sql.LINE, {"id": key}).all()
    here = next((row for row in rows if row.id == key), None)
    if here is None:
        raise NotFound()
    sums = [
        Sum(label="결제금액", amount=here.gross),
        Sum(label="이월", amount=here.carried),
        Sum(label="수수료", amount=-here.fee),
        Sum(label="환수", amount=-here.clawback),
        *([Sum(label="보류", amount=-here.withheld)] if here.withheld else []),
        Sum(label="지급액", amount=here.net - here.withheld),
    ]
    return [_line_hop(row) for row in rows], sums


_AT = {
    TraceKind.BUDGET: _at_budget,
    TraceKind.VOUCHER: _at_voucher,
    TraceKind.PAYMENT: _at_payment,
    TraceKind.LINE: _at_line,
}

# --- journals ---------------------------------------------------------------------------------------------


def _add_journals(hops: Iterable[Hop]) -> None:
    """Of all hops at once, by their keys, which may say more behind the record; of a line whatever moved its
    transfer. An allocation's key says more than its budget: its account tells of those."""
    places = {f"{hop.kind.entity}:{hop.id}": hop for hop in hops if hop.kind is not TraceKind.BUDGET}
    about = {
        "places": list(places),
        "kinds": [kind.value for kind in JournalKind],
        "lines": [hop.id for hop in places.values() if hop.kind is TraceKind.LINE],
    }
    for row in db.session.execute(ledger_trace_sql.JOURNALS, about):
        places[row.place].journals.append(
            JournalRef(
                id=row.id,
                kind=JournalKind(row.kind),
                at=row.at.astimezone(clock.KST),
                amount=row.amount,
                event_key=row.event_key,
            )
        )


# --- one step further -------------------------------------------------------------------------------------

_FURTHER: dict[TraceKind, tuple[Any, TraceKind, type[Labelled]]] = {
    TraceKind.BUDGET: (ledger_trace_sql.VOUCHERS, TraceKind.VOUCHER, VoucherState),
    TraceKind.VOUCHER: (ledger_trace_sql.PAYMENTS, TraceKind.PAYMENT, PaymentState),
    TraceKind.LINE: (ledger_trace_sql.ITEMS, TraceKind.PAYMENT, PaymentState),
}


def further(
    *, actor: Actor, kind: TraceKind, record_id: int, before: int | None = None, size: int = 50
) -> list[Next]:
    """Of a budget its vouchers, of a voucher its payments, of a line what it pays and takes back."""
    policy.require(actor, Permission.LEDGER_VIEW)
    if kind not in _FURTHER:
        return []
    statement, into, states = _FURTHER[kind]
    rows = db.session.execute(statement, {"id": record_id, "before": before, "size": size})
    return [
        Next(
            kind=into,
            id=row.id,
            title=row.title,
            state=states(row.state),
            amount=row.amount,
            at=row.at and row.at.astimezone(clock.KST),
            line_id=row.line_id,
            line=row.line or "",
        )
        for row in rows
    ]
