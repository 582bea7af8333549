"""Budgets and 예산확정 (R-SCR-4, R-MONEY-4): allocation to agencies, approval singly or by the thousand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import clock, policy
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.applications import Application, ApplicationState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.programme import AgencyBudget, Programme
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import budget_sql, ledger, lifecycle, offers, record, rounds, vouchers
from app.workflows.applications import APPLICATION

BUDGET = LedgerAccount.AGENCY_BUDGET
WAITLISTED = (
    "심사가 확정되었으나 운영기관의 예산이 모두 배정되어 예산을 기다리고 있습니다. 예산이 생기면 순서대로 "
    "안내해 드립니다."
)


def fund(*, actor: Actor, programme_id: int, amount: int, key: str) -> None:
    """Put `amount` won of public money into the programme's budget; `key` is the decision, entered once."""
    policy.require(actor, Permission.PROGRAMME_MANAGE)
    _positive(amount)
    with transaction():
        source = (LedgerAccount.FUNDING, programme_id)
        legs = ledger.move(source, (LedgerAccount.PROGRAMME_BUDGET, programme_id), amount)
        event = f"allocation:programme:{programme_id}:{key}"
        if ledger.post(event, JournalKind.ALLOCATION, legs, programme_id=programme_id, actor=actor):
            change = {"funded": (None, amount)}
            record.write("programme", programme_id, "fund", actor=actor, change=change)


def allocate(*, actor: Actor, programme_id: int, agency_id: int, amount: int, key: str) -> AgencyBudget:
    """Move `amount` won from the programme's budget to an agency's, once per `key`.

    Raises Denied, InvalidInput, ledger.Overdrawn where the programme has not enough.
    """
    policy.require(actor, Permission.BUDGET_CONFIRM)
    _positive(amount)
    with transaction():
        budget = _budget_row(programme_id, agency_id) or _begin_budget(programme_id, agency_id)
        source = (LedgerAccount.PROGRAMME_BUDGET, programme_id)
        legs = ledger.move(source, (BUDGET, budget.id), amount)
        event = f"allocation:agency_budget:{budget.id}:{key}"
        if ledger.post(event, JournalKind.ALLOCATION, legs, programme_id=programme_id, actor=actor):
            change = {"allocated": (None, amount)}
            record.write("agency_budget", budget.id, "allocate", actor=actor, change=change)
        return budget


def _positive(amount: int) -> None:
    if amount <= 0:
        message = "배정 금액은 1원 이상이어야 합니다."
        raise InvalidInput("budget.amount", message, fields={"amount": message})


def _begin_budget(programme_id: int, agency_id: int) -> AgencyBudget:
    """The row of an agency's first allocation; of two at one moment, the later waits for the other's."""
    row = {"programme_id": programme_id, "agency_id": agency_id}
    fresh = insert(AgencyBudget).values(row).on_conflict_do_nothing(index_elements=list(row))
    db.session.execute(fresh)
    # A statement of its own: it sees what the insert waited for.
    return db.session.scalars(select(AgencyBudget).filter_by(**row)).one()


def _budget_row(programme_id: int, agency_id: int) -> AgencyBudget | None:
    return db.session.scalar(
        select(AgencyBudget).where(
            AgencyBudget.programme_id == programme_id, AgencyBudget.agency_id == agency_id
        )
    )


def lock_free(budget_ids: Sequence[int]) -> dict[int, int]:
    """Lock agencies' budgets in the order of their ids; what is free in each, won."""
    return {key: ledger.lock_balances([BUDGET], key)[BUDGET] for key in sorted(budget_ids)}


def budgets_of(programme_id: int) -> dict[int, int]:
    """The budget's id by agency."""
    rows = db.session.execute(
        select(AgencyBudget.agency_id, AgencyBudget.id).where(AgencyBudget.programme_id == programme_id)
    )
    return {agency_id: budget_id for agency_id, budget_id in rows}


Deadlines = tuple[datetime, datetime]
"""First payment and full use."""


@dataclass
class Confirmed:
    """What became of each application that was to be confirmed."""

    done: list[int] = field(default_factory=list)
    no_budget: list[int] = field(default_factory=list)
    """The agency's budget ended: they stay 심사확정."""
    same_person: list[int] = field(default_factory=list)
    """Screened by this very person (R-ROLE-4)."""
    other_state: list[int] = field(default_factory=list)
    """Not 심사확정 any more, or no such application."""


def confirm(*, actor: Actor, application_ids: Sequence[int]) -> Confirmed:
    """예산확정 of any number at once, in order of arrival or of score (R-JOIN-7a); again does nothing twice.

    Who accepted an offer comes first; money kept for offers to others is left alone (R-SCR-4). Whom the
    budget does not reach is told so, once. Raises Denied.
    """
    policy.require(actor, Permission.BUDGET_CONFIRM)
    result = Confirmed()
    with transaction() as session:
        # Core statements do not flush, and expire_all() below would drop what is pending.
        session.flush()
        wanted = list(dict.fromkeys(application_ids))
        due = _deadlines(wanted)
        groups = session.execute(budget_sql.LOCK, {"ids": wanted, "actor_id": actor.id}).all()
        for group in groups:
            result.same_person += group.own
            if group.others:
                _confirm_programme(group, due[group.programme_id], result, actor=actor)
        found = {key for group in groups for key in (*group.own, *group.others)}
        result.other_state = [key for key in wanted if key not in found]
        session.expire_all()
    return result


def _deadlines(keys: Sequence[int]) -> dict[int, Deadlines]:
    """Of the vouchers that begin today, by programme. Whoever stops clocks locks in this order too: the
    clocks first, then the records."""
    found = db.session.scalars(
        select(Programme).where(
            Programme.id.in_(select(Application.programme_id).where(Application.id.in_(keys)))
        )
    )
    today = clock.today()
    return {programme.id: vouchers.deadlines(programme, today) for programme in found}


def _confirm_programme(group: Any, due: Deadlines, result: Confirmed, *, actor: Actor) -> None:
    programme = db.session.get_one(Programme, group.programme_id)
    grant, _ = vouchers.worth(programme)
    free = _free_for(group.programme_id, group.agencies, group.others)
    chosen, rest = db.session.execute(
        budget_sql.CHOOSE,
        {"ids": group.others, "grant": grant, "agencies": list(free), "free": list(free.values())},
    ).one()
    if chosen:
        _approve(chosen, actor=actor)
        _grant(chosen, programme, due, actor=actor)
    if rest:
        _waitlist(rest, actor=actor)
    result.done += chosen
    result.no_budget += rest


def _free_for(programme_id: int, agency_ids: Sequence[int], keys: Sequence[int]) -> dict[int, int]:
    """Won by agency that these applications may be given, their budgets locked: what lies there without
    what is kept for the offers of others."""
    budgets = {a: b for a, b in budgets_of(programme_id).items() if a in agency_ids}
    free = lock_free(list(budgets.values()))
    reserved = db.session.execute(budget_sql.RESERVED, {"budgets": list(free), "ids": list(keys)})
    kept = {row.agency_budget_id: row.amount for row in reserved}
    return {agency: free[budget_id] - kept.get(budget_id, 0) for agency, budget_id in budgets.items()}


def _approve(keys: list[int], *, actor: Actor) -> None:
    """The edge of one, for thousands: what `lifecycle.fire_many` writes, without reading the rows."""
    edge, at = APPLICATION.pick("approve", ApplicationState.SCREENED), clock.now()
    changes: dict[str, tuple[Any, Any]] = {"state": (edge.source, edge.target)}
    changes |= {"approved_by_id": (None, actor.id), "approved_at": (None, at)}
    record.write_set(
        budget_sql.RECORD_APPROVAL,
        APPLICATION.entity,
        edge.action,
        actor=actor,
        message=edge.tell[0].text,
        link=edge.tell[0].link,
        ids=keys,
        change=_document(changes),
    )
    moved = {"ids": keys, "state": edge.target.value, "actor_id": actor.id, "at": at}
    db.session.execute(budget_sql.APPROVE, moved)
    used = db.session.execute(budget_sql.OFFERED, {"ids": keys}).scalars().all()
    if used:
        record.write_set(budget_sql.RECORD_USE, offers.OFFER.entity, "use", actor=actor, ids=used)
        db.session.execute(budget_sql.USE, {"ids": used})


def _grant(keys: list[int], programme: Programme, due: Deadlines, *, actor: Actor) -> None:
    """The vouchers with their money, as `vouchers.grant_many` makes them: all begin today (R-TIME-5)."""
    grant, share = vouchers.worth(programme)
    made = {"ids": keys, "grant": grant, "share": share, "day": clock.today()}
    made |= {"first": due[0], "full": due[1]}
    db.session.execute(budget_sql.GRANT, made)
    ledger.post_set(
        budget_sql.PAY_OUT, JournalKind.APPROVAL, programme_id=programme.id, actor=actor, ids=keys
    )
    begun = _document({"state": (None, VoucherState.USABLE), "granted": (None, grant + share)})
    record.write_set(budget_sql.RECORD_GRANT, "voucher", "begin", actor=actor, ids=keys, change=begun)


def _waitlist(keys: list[int], *, actor: Actor) -> None:
    """The budget has ended before these: they stay 심사확정 and are told so, each once (R-SCR-4)."""
    fresh = db.session.execute(budget_sql.NOT_LISTED, {"ids": keys}).scalar_one()
    if not fresh:
        return
    at = clock.now()
    change = _document({"waitlisted_at": (None, at)})
    record.write_set(
        budget_sql.RECORD_WAITLIST,
        APPLICATION.entity,
        "waitlist",
        actor=actor,
        message=WAITLISTED,
        ids=fresh,
        change=change,
    )
    db.session.execute(budget_sql.WAITLIST, {"ids": fresh, "at": at})


def _document(changes: Mapping[str, tuple[Any, Any]]) -> str:
    """What differs, as the audit trail writes it: the same for every row of a set."""
    return json.dumps(
        {f: [record.plain(v) for v in pair] for f, pair in changes.items() if pair[0] != pair[1]}
    )


def confirm_one(*, actor: Actor, application_id: int) -> Voucher:
    """예산확정 of one. Whom the budget does not reach is on the waiting list although this raises.

    Raises NotFound, Denied `same_person`, Conflict `budget.used_up`, `application.approve.state`.
    """
    policy.require(actor, Permission.BUDGET_CONFIRM)
    if db.session.get(Application, application_id) is None:
        raise NotFound()
    result = confirm(actor=actor, application_ids=[application_id])
    application = db.session.get_one(Application, application_id, populate_existing=True)
    if result.same_person:
        policy.require_other_person(actor, actor.id)
    if result.no_budget:
        raise Conflict(
            "budget.used_up",
            "운영기관의 남은 예산이 부족하여 확정할 수 없습니다. 심사확정 상태로 대기 순서에 올렸습니다. "
            "예산을 더 배정하거나 회수되는 예산을 기다려 주세요.",
        )
    if result.other_state:
        APPLICATION.pick("approve", application.state)
        raise Conflict(
            "application.approve.state", "다른 담당자가 방금 처리했습니다. 화면을 새로 고쳐 주세요."
        )
    return vouchers.require_voucher(application.company_id)


def send_back(*, actor: Actor, application_id: int, reason: str) -> Application:
    """★ 반송 with reason: back into the agency's queue, where its arrival keeps it in front.

    Its place on the waiting list ends, and with it the money kept for it.
    """
    with transaction():
        sent = lifecycle.fire(
            APPLICATION,
            application_id,
            "send_back",
            actor=actor,
            reason=reason,
            changes=_sent_back(reason),
        )
        rounds.enter([application_id])
        offers.withdraw_of(actor=actor, application_ids=[application_id], reason=reason)
    return sent  # type: ignore[no-any-return]


def send_back_many(*, actor: Actor, application_ids: Sequence[int], reason: str) -> list[int]:
    """반송 of many with one reason; returns those that went. Left out is what is not 심사확정 or was screened
    by this very person (R-ROLE-4). Raises Denied, InvalidInput."""
    with transaction():
        sent = lifecycle.fire_many(
            APPLICATION,
            list(application_ids),
            "send_back",
            actor=actor,
            source=ApplicationState.SCREENED,
            reason=reason,
            changes=_sent_back(reason),
        )
        if sent:
            rounds.enter(sent)
            offers.withdraw_of(actor=actor, application_ids=sent, reason=reason)
    return sent


def _sent_back(reason: str) -> dict[str, object]:
    return {"reason": reason.strip(), "screened_by_id": None, "screened_at": None, "waitlisted_at": None}
