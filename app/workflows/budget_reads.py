"""What a bulk 예산확정 would do, before it is done (R-SCR-3c, R-SCR-4). Nothing is locked or promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.models.applications import Application, ApplicationState
from app.models.ledger import LedgerAccount
from app.models.programme import Programme
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.workflows import budget, ledger, vouchers


class Verdict(Labelled):
    CAN = "can", "확정 가능", "success"
    NO_BUDGET = "no_budget", "운영기관 예산 부족", "warning"
    SAME_PERSON = "same_person", "본인이 심사한 건", "danger"
    OTHER_STATE = "other_state", "심사확정 상태가 아님", "neutral"
    DONE = "done", "예산확정 완료", "success"


@dataclass(frozen=True, kw_only=True)
class PreviewRow:
    application: Application
    verdict: Verdict
    grant: int
    """What it would take from its agency's budget, won."""

    @property
    def id(self) -> int:
        return self.application.id


def preview(*, actor: Actor, application_ids: Sequence[int]) -> list[PreviewRow]:
    """Each application's verdict, in the order in which they arrived. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    rows = _applications(application_ids)
    programmes = {
        p.id: p
        for p in db.session.scalars(
            select(Programme).where(Programme.id.in_({row.programme_id for row in rows}))
        )
    }
    budgets = {programme_id: budget.budgets_of(programme_id) for programme_id in programmes}
    ids = [budget_id for of_agency in budgets.values() for budget_id in of_agency.values()]
    free = ledger.balances(budget.BUDGET, ids)
    result = []
    for row in rows:
        grant, _ = vouchers.worth(programmes[row.programme_id])
        budget_id = budgets[row.programme_id].get(row.agency_id)
        verdict = _verdict(row, actor, free.get(budget_id, 0) if budget_id else 0, grant)
        if verdict is Verdict.CAN and budget_id is not None:
            free[budget_id] -= grant
        result.append(PreviewRow(application=row, verdict=verdict, grant=grant))
    return result


def _applications(application_ids: Sequence[int]) -> list[Application]:
    statement = (
        select(Application)
        .where(Application.id.in_(application_ids))
        .options(joinedload(Application.company), joinedload(Application.agency))
    )
    found = db.session.scalars(statement)
    return sorted(found, key=lambda row: (row.submitted_at or row.created_at, row.id))


def _verdict(row: Application, actor: Actor, free: int, grant: int) -> Verdict:
    if row.state is not ApplicationState.SCREENED:
        return Verdict.OTHER_STATE
    if actor.id is not None and row.screened_by_id == actor.id:
        return Verdict.SAME_PERSON
    return Verdict.CAN if free >= grant else Verdict.NO_BUDGET


def outcome(*, actor: Actor, application_ids: Sequence[int], confirmed: budget.Confirmed) -> list[PreviewRow]:
    """What became of each, for the result page. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    verdicts = {
        **dict.fromkeys(confirmed.other_state, Verdict.OTHER_STATE),
        **dict.fromkeys(confirmed.same_person, Verdict.SAME_PERSON),
        **dict.fromkeys(confirmed.no_budget, Verdict.NO_BUDGET),
        **dict.fromkeys(confirmed.done, Verdict.DONE),
    }
    return [
        PreviewRow(application=row, verdict=verdicts.get(row.id, Verdict.OTHER_STATE), grant=0)
        for row in _applications(application_ids)
    ]


def free_of_programme(*, actor: Actor, programme_id: int) -> int:
    """What the programme has not given to an agency yet, won. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    return ledger.balance(LedgerAccount.PROGRAMME_BUDGET, programme_id)
