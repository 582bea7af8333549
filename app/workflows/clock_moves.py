"""Running deadlines that move: when clocks are stopped or a closing day is declared (R-TIME-2, R-TIME-5a).

Set-based: thousands of clocks begin and end alike, so each kind of move is worked out once and written for
all its records with a handful of statements. Locked are they in the order of their ids, so that who moves
and whoever ends records never wait in a circle. Each move is audited at its record and told with its reason.
Which are moved when is the matter of `clock_runs`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import BigInteger, Select, TextClause, any_, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.offers import BudgetOffer, OfferState
from app.models.programme import AgencyBudget, Programme
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor
from app.workflows import reckoning, record
from app.workflows.deal_lifecycle import COMPANY_LINK, SUPPLIER_LINK
from app.workflows.reckoning import Reckoner

VOUCHER_LINK = "/voucher"
Changes = dict[str, tuple[datetime | None, datetime | None]]
Told = tuple[str, str, str | None]
"""Side, what is due until when, and the link."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why deadlines move, as the audit trail and the messages say it."""

    before: Reckoner
    after: Reckoner
    since: datetime
    """Deadlines before this instant are not touched."""
    action: str
    words: str
    """`2020.11.20.(금) 09:00~13:00 동안 기한이 멈췄습니다`"""
    reason: str

    known: dict[tuple[reckoning.Kind, datetime, datetime], datetime] = field(default_factory=dict)
    """What was worked out already."""

    def moved(self, kind: reckoning.Kind, begin: datetime, due_at: datetime) -> datetime:
        key = kind, self._alike(begin), due_at
        if key not in self.known:
            self.known[key] = reckoning.moved(self.before, self.after, *key)
        return self.known[key]

    def _alike(self, begin: datetime) -> datetime:
        """Clocks count from their first day: its hour matters only where a stop lies upon it."""
        day = clock.start_of(clock.korean_day(begin))
        apart = all(stop.ends_at <= day or stop.starts_at > begin for stop in self.after.stops)
        return day if apart else begin


def stopping(programme: Programme, stop: clock.Stop) -> Cause:
    """A stop of the programme's clocks (R-TIME-5a), declared or to be."""
    known = reckoning.of(programme)
    rest = [each for each in known.stops if each != stop]
    period = clock.write_period(stop.starts_at, stop.ends_at)
    return Cause(
        before=dataclasses.replace(known, stops=tuple(rest)),
        after=dataclasses.replace(known, stops=tuple(sorted([*rest, stop]))),
        since=stop.starts_at,
        action="stop_clock",
        words=f"{period} 동안 기한이 멈췄습니다",
        reason=stop.reason,
    )


def closing(programme: Programme, day: date, reason: str) -> Cause:
    """A closing day of the programme (R-TIME-2), declared or to be."""
    known = reckoning.of(programme)
    return Cause(
        before=dataclasses.replace(known, closed=known.closed - {day}),
        after=dataclasses.replace(known, closed=known.closed | {day}),
        since=clock.start_of(day),
        action="close_day",
        words=f"{clock.write_day(day)} 하루를 휴무일로 정했습니다",
        reason=reason,
    )


@dataclass(frozen=True, kw_only=True)
class Moved:
    """How many records got a later deadline."""

    deals: int
    vouchers: int
    offers: int

    def as_change(self) -> dict[str, tuple[None, int]]:
        """For the audit trail of the programme."""
        return {f"moved_{name}": (None, number) for name, number in vars(self).items()}


@dataclass(frozen=True)
class Clocks:
    """The clocks of one kind of record, or of one of its states."""

    model: Any
    kinds: tuple[reckoning.Kind, ...]
    running: Callable[[Cause], Sequence[Any]]
    """Conditions: deadlines that lie after `since`."""
    alike: Sequence[Any]
    """What a move and its words depend on: records that have it in common move together."""
    move: Callable[[Cause, Any], Changes]
    """Each deadline of such records, before and after."""
    tell: Callable[[Any, Changes], list[Told]]
    deadlines: tuple[str, ...]
    remind: TextClause | None
    """What is next reminded of: what passed is not made up for, the move itself is told (R-VOU-4)."""
    supplier: str = "NULL::bigint"

    @property
    def entity(self) -> str:
        return str(self.model.__tablename__)

    def concern(self, cause: Cause) -> bool:
        """Whether they count what has changed: a closing day says nothing to calendar days and months."""
        before, after = cause.before, cause.after
        counted = any(before.count(kind) != after.count(kind) for kind in self.kinds)
        return counted or before.stops != after.stops

    @cached_property
    def record(self) -> TextClause:
        """Audits and tells the moves that `Move` numbers."""
        return record.appending(
            f"""SELECT t.id AS entity_id, f.change, f.n AS told, t.company_id, {self.supplier} AS supplier_id
                  FROM unnest(CAST(:ids AS bigint[]), CAST(:moves AS integer[])) AS m (id, n)
                  JOIN jsonb_to_recordset(CAST(:changes AS jsonb)) AS f (n integer, change jsonb) USING (n)
                  JOIN {self.entity} t ON t.id = m.id""",  # noqa: S608 - no input in it
            telling_each=True,
        )

    @cached_property
    def write(self) -> TextClause:
        columns = ", ".join(f"{name} timestamptz" for name in self.deadlines)
        return text(
            f"""UPDATE {self.entity} t SET {", ".join(f"{name} = f.{name}" for name in self.deadlines)}
                  FROM unnest(CAST(:ids AS bigint[]), CAST(:moves AS integer[])) AS m (id, n)
                  JOIN jsonb_to_recordset(CAST(:values AS jsonb)) AS f (n integer, {columns}) USING (n)
                 WHERE t.id = m.id"""  # noqa: S608 - no input in it
        )


@dataclass(frozen=True)
class Move:
    """Records that move alike."""

    ids: list[int]
    changes: Changes
    told: list[Told]


def _running_deals(state: DealState) -> Callable[[Cause], Sequence[Any]]:
    def running(cause: Cause) -> Sequence[Any]:
        own = Deal.programme_id == cause.after.programme.id
        return own, Deal.state == state, Deal.due_at > cause.since

    return running


def _move_consultation(cause: Cause, row: Any) -> Changes:
    return {"due_at": (row.due_at, cause.moved("consultation", row.begun, row.due_at))}


def _tell_consultation(row: Any, changes: Changes) -> list[Told]:
    words = f"거래상담의 답변 기한이 {_until(changes['due_at'][1])}"
    return [("company", words, COMPANY_LINK), ("supplier", words, SUPPLIER_LINK)]


def _move_bill(cause: Cause, row: Any) -> Changes:
    return {"due_at": (row.due_at, cause.moved("payment", row.begun, row.due_at))}


def _tell_bill(row: Any, changes: Changes) -> list[Told]:
    return [("company", f"결제요청의 결제 기한이 {_until(changes['due_at'][1])}", COMPANY_LINK)]


def _running_vouchers(cause: Cause) -> Sequence[Any]:
    """Spent ones too: a cancelled payment makes them usable again, until the same deadline as all."""
    states = (VoucherState.USABLE, VoucherState.SPENT)
    return (
        Voucher.programme_id == cause.after.programme.id,
        Voucher.state.in_(states),
        Voucher.full_use_by > cause.since,
    )


def _move_voucher(cause: Cause, row: Any) -> Changes:
    begin = clock.start_of(row.selected_on)
    first = cause.moved("first_payment", begin, row.first_payment_by)
    full = cause.moved("full_use", begin, row.full_use_by)
    due = {row.first_payment_by: first, row.full_use_by: full}.get(row.due_at, row.due_at)
    return {
        "first_payment_by": (row.first_payment_by, first),
        "full_use_by": (row.full_use_by, full),
        "due_at": (row.due_at, due),
    }


def _tell_voucher(row: Any, changes: Changes) -> list[Told]:
    """Nothing of a spent one, nor of a first payment that was made."""
    (first, new_first), (full, new_full) = changes["first_payment_by"], changes["full_use_by"]
    words = []
    if row.due_at == first and new_first != first:
        words.append(f"첫 결제 기한이 {_until(new_first)}")
    if row.due_at is not None and new_full != full:
        words.append(f"사용 기한이 {_until(new_full)}")
    return [("company", f"바우처 {', '.join(words)}", VOUCHER_LINK)] if words else []


def _running_offers(cause: Cause) -> Sequence[Any]:
    budgets = select(AgencyBudget.id).where(AgencyBudget.programme_id == cause.after.programme.id)
    return (
        BudgetOffer.agency_budget_id.in_(budgets),
        BudgetOffer.state == OfferState.OFFERED,
        BudgetOffer.due_at > cause.since,
    )


def _move_offer(cause: Cause, row: Any) -> Changes:
    return {"due_at": (row.due_at, cause.moved("offer", row.offered_at, row.due_at))}


def _tell_offer(row: Any, changes: Changes) -> list[Told]:
    return [("company", f"예산 안내의 답변 기한이 {_until(changes['due_at'][1])}", None)]


def _until(due: datetime | None) -> str:
    return clock.write_deadline(due) if due else ""


_DEAL_REMIND = text("UPDATE deal SET remind_at = NULL WHERE id = ANY(:ids) AND remind_at <= :now")
CONSULTATIONS = Clocks(
    Deal,
    ("consultation",),
    _running_deals(DealState.CONSULTING),
    (Deal.requested_at.label("begun"), Deal.due_at),
    _move_consultation,
    _tell_consultation,
    ("due_at",),
    _DEAL_REMIND,
    supplier="t.supplier_id",
)
BILLS = Clocks(
    Deal,
    ("payment",),
    _running_deals(DealState.BILLED),
    (func.coalesce(Deal.billed_at, Deal.requested_at).label("begun"), Deal.due_at),
    _move_bill,
    _tell_bill,
    ("due_at",),
    _DEAL_REMIND,
    supplier="t.supplier_id",
)
VOUCHERS = Clocks(
    Voucher,
    ("first_payment", "full_use"),
    _running_vouchers,
    (Voucher.selected_on, Voucher.first_payment_by, Voucher.full_use_by, Voucher.due_at),
    _move_voucher,
    _tell_voucher,
    ("first_payment_by", "full_use_by", "due_at"),
    text("""UPDATE voucher SET remind_at = public.voucher_reminder(due_at, :now)
             WHERE id = ANY(:ids) AND remind_at < :now"""),
)
OFFERS = Clocks(
    BudgetOffer,
    ("offer",),
    _running_offers,
    (BudgetOffer.offered_at, BudgetOffer.due_at),
    _move_offer,
    _tell_offer,
    ("due_at",),
    None,
)
CLOCKS = {"consultation": CONSULTATIONS, "payment": BILLS, "voucher": VOUCHERS, "offer": OFFERS}
"""By the name that a run's rows give them; the order in which they are moved: what is due soonest first."""


def counted(by_kind: Mapping[str, int]) -> Moved:
    """Both clocks of a deal are counted as deals."""
    number = {kind: by_kind.get(kind, 0) for kind in CLOCKS}
    deals = number["consultation"] + number["payment"]
    return Moved(deals=deals, vouchers=number["voucher"], offers=number["offer"])


def preview(cause: Cause) -> Moved:
    """What a run would move and tell now; nothing is locked or written."""
    return counted({kind: _count(clocks, cause) for kind, clocks in CLOCKS.items() if clocks.concern(cause)})


def running(clocks: Clocks, cause: Cause) -> Select[int]:
    """The keys of what may move."""
    return select(clocks.model.id).where(*clocks.running(cause))


def hold(clocks: Clocks, cause: Cause, keys: Sequence[int]) -> list[int]:
    """Lock those of them that still run; whoever ends one at this moment is waited for."""
    key = clocks.model.id
    own = running(clocks, cause).where(key == any_(cast(list(keys), ARRAY(BigInteger))))
    return list(db.session.scalars(own.order_by(key).with_for_update(key_share=True)))


def move(clocks: Clocks, cause: Cause, keys: Sequence[int], *, actor: Actor) -> list[int]:
    """Move, audit and tell what `hold` has locked; whom somebody was told of."""
    moves = list(_planned(clocks, cause, keys)) if keys else []
    if moves:
        # Core statements do not flush, and expire_all() below would drop what is pending.
        db.session.flush()
        _write(clocks, cause, moves, actor=actor)
        db.session.expire_all()
    return [key for move in moves if move.told for key in move.ids]


def _count(clocks: Clocks, cause: Cause) -> int:
    number = func.count().label("number")
    rows = db.session.execute(
        select(*clocks.alike, number).where(*clocks.running(cause)).group_by(*clocks.alike)
    )
    return sum(
        row.number
        for row in rows
        for changes in [clocks.move(cause, row)]
        if _moves(changes) and clocks.tell(row, changes)
    )


def _moves(changes: Changes) -> bool:
    return any(old != new for old, new in changes.values())


def _planned(clocks: Clocks, cause: Cause, keys: Sequence[int]) -> Iterator[Move]:
    ids = func.array_agg(clocks.model.id).label("ids")
    own = clocks.model.id == any_(cast(list(keys), ARRAY(BigInteger)))
    for row in db.session.execute(select(*clocks.alike, ids).where(own).group_by(*clocks.alike)):
        changes = clocks.move(cause, row)
        if _moves(changes):
            yield Move(row.ids, changes, clocks.tell(row, changes))


def _write(clocks: Clocks, cause: Cause, moves: Sequence[Move], *, actor: Actor) -> None:
    numbered: dict[str, Any] = {
        "ids": [key for move in moves for key in move.ids],
        "moves": [n for n, move in enumerate(moves) for _ in move.ids],
    }
    record.write_set(
        clocks.record,
        clocks.entity,
        cause.action,
        actor=actor,
        reason=cause.reason,
        changes=_rows({"n": n, "change": _differing(move.changes)} for n, move in enumerate(moves)),
        messages=_rows(
            {"n": n, "side": side, "text": _said(cause, words), "link": link}
            for n, move in enumerate(moves)
            for side, words, link in move.told
        ),
        **numbered,
    )
    values = ({"n": n} | {f: record.plain(c[1]) for f, c in m.changes.items()} for n, m in enumerate(moves))
    db.session.execute(clocks.write, {"values": _rows(values), **numbered})
    due = [key for move in moves if "due_at" in _differing(move.changes) for key in move.ids]
    if clocks.remind is not None and due:
        db.session.execute(clocks.remind, {"ids": due, "now": clock.now()})


def _rows(rows: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False)


def _differing(changes: Changes) -> dict[str, list[Any]]:
    return {name: [record.plain(v) for v in pair] for name, pair in changes.items() if pair[0] != pair[1]}


def _said(cause: Cause, words: str) -> str:
    return f"{words}로 늦춰졌습니다. {cause.words}(사유: {cause.reason})."
