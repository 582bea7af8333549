"""Budgets and 예산확정 (R-SCR-4, R-MONEY-4): allocation to agencies, approval singly or by the thousand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select, text

from app import clock, policy
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.applications import Application, ApplicationState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.programme import Agency, AgencyBudget, Programme
from app.models.vouchers import Voucher
from app.policy import Actor, Permission
from app.workflows import ledger, lifecycle, record, rounds, vouchers
from app.workflows.applications import APPLICATION

BUDGET = LedgerAccount.AGENCY_BUDGET


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
    with transaction() as session:
        budget = _budget_row(programme_id, agency_id)
        if budget is None:
            budget = AgencyBudget(programme_id=programme_id, agency_id=agency_id)
            session.add(budget)
            session.flush()
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
    """예산확정 of any number at once, in order of arrival; again does nothing twice. Raises Denied."""
    policy.require(actor, Permission.BUDGET_CONFIRM)
    result = Confirmed()
    with transaction():
        rows = _lock_waiting(application_ids)
        found = {row.id for row in rows}
        result.other_state = [key for key in dict.fromkeys(application_ids) if key not in found]
        by_programme: dict[int, list[Application]] = defaultdict(list)
        for row in rows:
            if actor.id is not None and row.screened_by_id == actor.id:
                result.same_person.append(row.id)
            else:
                by_programme[row.programme_id].append(row)
        for programme_id in sorted(by_programme):
            _confirm_programme(programme_id, by_programme[programme_id], result, actor=actor)
    return result


def _lock_waiting(application_ids: Sequence[int]) -> list[Application]:
    statement = (
        select(Application)
        .where(Application.id.in_(application_ids), Application.state == ApplicationState.SCREENED)
        .order_by(Application.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))


def _confirm_programme(
    programme_id: int, rows: list[Application], result: Confirmed, *, actor: Actor
) -> None:
    programme = db.session.get_one(Programme, programme_id)
    grant, _ = vouchers.worth(programme)
    budget_ids = budgets_of(programme_id)
    wanted = {budget_ids[row.agency_id] for row in rows if row.agency_id in budget_ids}
    free = lock_free(sorted(wanted))
    chosen: list[Application] = []
    for row in sorted(rows, key=lambda a: (a.submitted_at or a.created_at, a.id)):
        budget_id = budget_ids.get(row.agency_id)
        if budget_id is None or free[budget_id] < grant:
            result.no_budget.append(row.id)
            continue
        free[budget_id] -= grant
        chosen.append(row)
    if not chosen:
        return
    keys = [row.id for row in chosen]
    changes = {"approved_by_id": actor.id, "approved_at": clock.now(), "reason": None}
    lifecycle.fire_many(
        APPLICATION, keys, "approve", actor=actor, source=ApplicationState.SCREENED, changes=changes
    )
    applications = list(db.session.scalars(select(Application).where(Application.id.in_(keys))))
    selected_on = dict.fromkeys(keys, clock.today())
    vouchers.grant_many(
        applications, programme=programme, budget_ids=budget_ids, selected_on=selected_on, actor=actor
    )
    result.done += keys


def confirm_one(*, actor: Actor, application_id: int) -> Voucher:
    """예산확정 of one.

    Raises NotFound, Denied `same_person`, Conflict `budget.used_up`, `application.approve.state`.
    """
    with transaction():
        application = db.session.get(Application, application_id, populate_existing=True)
        if application is None:
            raise NotFound()
        result = confirm(actor=actor, application_ids=[application_id])
        if result.same_person:
            policy.require_other_person(actor, actor.id)
        if result.no_budget:
            raise Conflict(
                "budget.used_up",
                "운영기관의 남은 예산이 부족하여 확정할 수 없습니다. 예산을 더 배정하거나 "
                "회수되는 예산을 기다려 주세요.",
            )
        if result.other_state:
            db.session.refresh(application)
            APPLICATION.pick("approve", application.state)
            raise Conflict(
                "application.approve.state", "다른 담당자가 방금 처리했습니다. 화면을 새로 고쳐 주세요."
            )
        return vouchers.require_voucher(application.company_id)


def send_back(*, actor: Actor, application_id: int, reason: str) -> Application:
    """★ 반송 with reason: back into the agency's queue, where its arrival keeps it in front."""
    changes = {"reason": reason.strip(), "screened_by_id": None, "screened_at": None}
    with transaction():
        sent = lifecycle.fire(
            APPLICATION, application_id, "send_back", actor=actor, reason=reason, changes=changes
        )
        rounds.enter([application_id])
    return sent  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class BudgetLine:
    """One agency's budget, won. `allocated = committed - returned + free`; `spent` is part of `committed`."""

    agency: Agency
    allocated: int
    committed: int
    spent: int
    returned: int
    free: int
    waiting: int
    """How many applications are 심사확정."""


_MOVED = text("""
SELECT p.owner_id, CASE WHEN j.kind IN ('allocation', 'approval') THEN j.kind ELSE 'returned' END AS kind,
       CAST(sum(p.amount) AS bigint) AS amount
  FROM posting p JOIN journal j ON j.id = p.journal_id
 WHERE p.account = 'agency_budget' AND p.owner_id = ANY(:budgets) GROUP BY 1, 2
""")
_SPENT = text("""
SELECT v.agency_budget_id, CAST(sum(p.grant_part) AS bigint) AS amount
  FROM payment p JOIN voucher v ON v.id = p.voucher_id
 WHERE p.state IN ('paid', 'cancelling') AND v.agency_budget_id = ANY(:budgets) GROUP BY 1
""")


def overview(*, actor: Actor, programme_id: int) -> list[BudgetLine]:
    """Every agency's budget. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    rows = list(
        db.session.execute(
            select(Agency, AgencyBudget.id)
            .join(AgencyBudget, AgencyBudget.agency_id == Agency.id)
            .where(AgencyBudget.programme_id == programme_id)
            .order_by(Agency.id)
        )
    )
    keys = {"budgets": [budget_id for _, budget_id in rows]}
    moved = {(row.owner_id, row.kind): row.amount for row in db.session.execute(_MOVED, keys)}
    spent = {row.agency_budget_id: row.amount for row in db.session.execute(_SPENT, keys)}
    free = ledger.balances(BUDGET, keys["budgets"])
    statement = (
        select(Application.agency_id, func.count())
        .where(Application.programme_id == programme_id, Application.state == ApplicationState.SCREENED)
        .group_by(Application.agency_id)
    )
    waiting = {agency_id: count for agency_id, count in db.session.execute(statement)}
    return [
        BudgetLine(
            agency=agency,
            allocated=moved.get((budget_id, "allocation"), 0),
            committed=-moved.get((budget_id, "approval"), 0),
            spent=spent.get(budget_id, 0),
            returned=moved.get((budget_id, "returned"), 0),
            free=free[budget_id],
            waiting=waiting.get(agency.id, 0),
        )
        for agency, budget_id in rows
    ]
