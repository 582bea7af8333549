"""Who is offered returned money next, and the sweep that offers it and ends what nobody answered (R-SCR-4).

The order is the programme's: arrival, or score where it selects by score. Who let offers pass stands behind
those who let fewer pass; who declined, or was taken an offer back, is asked for money that came in later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select

from app import clock, policy
from app.db import db, transaction
from app.models.applications import Application
from app.models.ledger import Journal, Posting
from app.models.offers import BudgetOffer
from app.models.offers import OfferState as State
from app.models.programme import AgencyBudget, Programme, SelectionOrder
from app.policy import CLOCK, Actor, Permission
from app.workflows import clock_runs, ledger, lifecycle, programmes, reckoning, record, vouchers
from app.workflows.offers import BUDGET, OFFER, OPEN, PAGE, reserved, room, waits
from app.workflows.reckoning import Reckoner

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Swept:
    lapsed: int
    offered: int


def sweep(*, at: datetime, offering: bool = True, actor: Actor = CLOCK) -> Swept:
    """End the offers that were due by `at`, then, where `offering`, offer what is free to those next in line.

    Late, twice or side by side it gives nothing twice (R-TIME-6): an offer lapses at its own deadline, and
    what is free is counted under the budget's lock. Where nobody waits it costs a look into an index.
    """
    policy.require(actor, Permission.CLOCKWORK)
    with clock.at(at):
        lapsed = _lapse(at, actor)
        places = _where_some_wait() if offering else []
        offered = sum(_offer_all(*place, actor=actor) for place in places)
    return Swept(lapsed=lapsed, offered=offered)


def _lapse(at: datetime, actor: Actor) -> int:
    held = clock_runs.held(BudgetOffer)
    due = (BudgetOffer.state == State.OFFERED, BudgetOffer.due_at <= at, ~held)
    chosen = select(BudgetOffer.id).where(*due).order_by(BudgetOffer.due_at, BudgetOffer.id).limit(BATCH)
    ended = 0
    while True:
        with transaction() as session:
            # What somebody answers at this moment is passed over: the answer or the next sweep decides.
            keys = list(session.scalars(chosen.with_for_update(skip_locked=True)))
            if keys:
                lifecycle.fire_many(OFFER, keys, "lapse", actor=actor, source=State.OFFERED, also=due)
        ended += len(keys)
        if len(keys) < BATCH:
            return ended


def _where_some_wait() -> list[tuple[int, int, int]]:
    """Budget, agency and programme, wherever somebody waits and money lies."""
    here = (
        Application.agency_id == AgencyBudget.agency_id,
        Application.programme_id == AgencyBudget.programme_id,
    )
    statement = (
        select(AgencyBudget.id, AgencyBudget.agency_id, AgencyBudget.programme_id)
        .where(exists().where(waits(), *here))
        .order_by(AgencyBudget.id)
    )
    found = [(row.id, row.agency_id, row.programme_id) for row in db.session.execute(statement)]
    free = ledger.balances(BUDGET, [budget_id for budget_id, _, _ in found]) if found else {}
    return [place for place in found if free[place[0]] > 0]


def _offer_all(budget_id: int, agency_id: int, programme_id: int, *, actor: Actor) -> int:
    made = 0
    while True:
        with transaction():
            programme = programmes.get(programme_id=programme_id)
            offered = _offer_next(budget_id, agency_id, programme, actor=actor)
        made += offered
        if offered == 0:
            return made


def _offer_next(budget_id: int, agency_id: int, programme: Programme, *, actor: Actor) -> int:
    """One batch of offers. Those in line are locked before the budget, in the order of 예산확정."""
    grant, _ = vouchers.worth(programme)
    free = ledger.balance(BUDGET, budget_id) - reserved([budget_id])[budget_id]
    count = min(free // grant, BATCH) if grant else 0
    in_line = next_in_line(programme, agency_id, budget_id)
    wanted = list(db.session.scalars(in_line.limit(count))) if count > 0 else []
    if not wanted:
        return 0
    locked = select(Application.id).where(Application.id.in_(wanted), waits()).order_by(Application.id)
    reckoner = reckoning.begin(programme)
    keys = list(db.session.scalars(locked.with_for_update(key_share=True)))
    count = min(room(budget_id) // grant, BATCH)
    chosen = list(db.session.scalars(in_line.where(Application.id.in_(keys)).limit(max(count, 0))))
    _make(chosen, budget_id, reckoner, grant, actor=actor)
    return len(chosen)


def next_in_line(programme: Programme, agency_id: int, budget_id: int) -> Select[Any]:
    """The applications that may be offered money now, by id, first first."""
    earlier = passed(budget_id)
    return (
        select(Application.id)
        .outerjoin(earlier, earlier.c.application_id == Application.id)
        .where(
            Application.agency_id == agency_id,
            Application.programme_id == programme.id,
            waits(),
            func.coalesce(earlier.c.open, 0) == 0,
            or_(earlier.c.given_up.is_(None), earlier.c.given_up < last_income(budget_id)),
        )
        .order_by(*line(programme, earlier))
    )


def passed(budget_id: int) -> Any:
    """What became of earlier offers: open ones, those let pass, and when one was last given up."""
    state = BudgetOffer.state
    return (
        select(
            BudgetOffer.application_id,
            func.count().filter(state.in_(OPEN)).label("open"),
            func.count().filter(state == State.LAPSED).label("lapses"),
            func.max(BudgetOffer.answered_at)
            .filter(state.in_([State.DECLINED, State.WITHDRAWN]))
            .label("given_up"),
        )
        .where(BudgetOffer.agency_budget_id == budget_id)
        .group_by(BudgetOffer.application_id)
        .subquery("passed")
    )


def line(programme: Programme, earlier: Any) -> list[Any]:
    """The order in which they are asked: who let fewer offers pass, then the programme's order."""
    first: list[Any] = [func.coalesce(earlier.c.lapses, 0)]
    if programme.selection_order is SelectionOrder.SCORE:
        first.append(Application.score.desc().nulls_last())
    return [*first, func.coalesce(Application.submitted_at, Application.created_at), Application.id]


def last_income(budget_id: int) -> Any:
    """When money last came into an agency's budget, as a subquery."""
    arrived = (Posting.account == BUDGET, Posting.owner_id == budget_id, Posting.amount > 0)
    return (
        select(Journal.at)
        .join(Posting, Posting.journal_id == Journal.id)
        .where(*arrived)
        .order_by(Posting.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _make(
    application_ids: Sequence[int], budget_id: int, reckoner: Reckoner, grant: int, *, actor: Actor
) -> None:
    if not application_ids:
        return
    now = clock.now()
    due = reckoner.deadline("offer", now)
    rows = {row.id: row for row in _applications(application_ids)}
    offers = [
        BudgetOffer(
            application_id=key,
            company_id=rows[key].company_id,
            agency_id=rows[key].agency_id,
            agency_budget_id=budget_id,
            amount=grant,
            state=State.OFFERED,
            offered_at=now,
            due_at=due,
        )
        for key in application_ids
    ]
    db.session.add_all(offers)
    db.session.flush()
    begun = {o.id: {"state": (None, State.OFFERED), "amount": (None, grant)} for o in offers}
    seqs = record.write_many(OFFER.entity, begun, "offer", actor=actor)
    said = (
        f"기다리시던 예산(정부지원금 {grant:,}원)이 마련되었습니다. {clock.write_deadline(due)} "
        "'심사 및 예산확인'에서 수락하거나 사양해 주세요. 답이 없으면 다음 순서의 기업에 안내됩니다."
    )
    record.tell(
        [
            record.Message(
                key=f"{OFFER.entity}:{o.id}:{seqs[o.id]}:company",
                text=said,
                link=PAGE,
                company_id=o.company_id,
            )
            for o in offers
        ]
    )


def _applications(keys: Sequence[int]) -> list[Application]:
    return list(db.session.scalars(select(Application).where(Application.id.in_(keys))))
