"""Returned money, offered to those who wait for a budget, in their order (R-SCR-4).

Who waits is 심사확정 and marked `waitlisted_at`: its agency's budget had ended when it was to be confirmed.
An offer keeps one voucher's worth of the agency's budget for one application, so that nobody else can be
confirmed from it, until 24:00 of the programme's nth business day (`offers_sweep` makes it and ends it):

- 수락: it stays kept until the lead agency confirms the budget; that use ends the offer.
- 사양: gives up this money, not its place: it is asked again once money has come in after its answer.
- 기한 경과: it goes on waiting, behind all who let fewer offers pass.
- 철회 by the lead agency, with a reason: for the company as 사양.

Never more is kept than lies on the budget (R-MONEY-4): whoever makes offers, confirms or takes money back
holds the budget's balance locked while counting. Locks are taken in one order, here and at 예산확정:
applications by id, then their offers, then budgets by id.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput
from app.models.applications import Application, ApplicationState
from app.models.ledger import LedgerAccount
from app.models.offers import BudgetOffer
from app.models.offers import OfferState as State
from app.policy import Actor, Permission
from app.workflows import clock_runs, ledger, lifecycle
from app.workflows.lifecycle import Edge, Lifecycle, Tell

MAX_REASON = 500
PAGE = "/company/status"
OPEN = (State.OFFERED, State.ACCEPTED)
BUDGET = LedgerAccount.AGENCY_BUDGET

_DECLINE = {
    "action": "decline",
    "label": "사양",
    "target": State.DECLINED,
    "permission": Permission.APPLICATION_SUBMIT,
    "confirm": "이번에 안내된 예산을 사양할까요? 다음 순서의 기업에 안내되며 되돌릴 수 없습니다.",
}
_WITHDRAW = {
    "action": "withdraw",
    "label": "안내 철회",
    "target": State.WITHDRAWN,
    "permission": Permission.BUDGET_CONFIRM,
    "needs_reason": True,
    "tell": (
        Tell(
            to="company",
            text="안내해 드린 예산이 철회되었습니다. 사유: {reason}",
            link=PAGE,
        ),
    ),
}
_USE = {
    "action": "use",
    "label": "예산확정",
    "target": State.USED,
    "permission": Permission.BUDGET_CONFIRM,
}

OFFER = Lifecycle(
    "budget_offer",
    BudgetOffer,
    (State.OFFERED,),
    (
        Edge(
            action="accept",
            label="수락",
            source=State.OFFERED,
            target=State.ACCEPTED,
            permission=Permission.APPLICATION_SUBMIT,
        ),
        Edge(source=State.OFFERED, **_DECLINE),  # type: ignore[arg-type]
        Edge(source=State.ACCEPTED, **_DECLINE),  # type: ignore[arg-type]
        Edge(
            action="lapse",
            label="기한 경과",
            source=State.OFFERED,
            target=State.LAPSED,
            permission=Permission.CLOCKWORK,
            tell=(
                Tell(
                    to="company",
                    text="예산 안내에 기한까지 답하지 않아 다음 순서의 기업에 안내됩니다. 계속 대기하시며, "
                    "다른 대기 기업에 모두 안내된 뒤 다시 안내해 드립니다.",
                    link=PAGE,
                ),
            ),
        ),
        Edge(source=State.OFFERED, **_WITHDRAW),  # type: ignore[arg-type]
        Edge(source=State.ACCEPTED, **_WITHDRAW),  # type: ignore[arg-type]
        Edge(source=State.OFFERED, **_USE),  # type: ignore[arg-type]
        Edge(source=State.ACCEPTED, **_USE),  # type: ignore[arg-type]
    ),
)


def waits() -> ColumnElement[bool]:
    """Whether an application waits for money: the condition of the waiting list's index."""
    return and_(Application.state == ApplicationState.SCREENED, Application.waitlisted_at.is_not(None))


# --- money ------------------------------------------------------------------------------------------


def reserved(budget_ids: Sequence[int]) -> dict[int, int]:
    """What open offers keep of each budget, won.

    To be relied on, the budgets' balances are locked: `ledger.lock_balances`.
    """
    statement = (
        select(BudgetOffer.agency_budget_id, func.sum(BudgetOffer.amount))
        .where(BudgetOffer.agency_budget_id.in_(budget_ids), BudgetOffer.state.in_(OPEN))
        .group_by(BudgetOffer.agency_budget_id)
    )
    found = {budget_id: int(amount) for budget_id, amount in db.session.execute(statement)}
    return {budget_id: found.get(budget_id, 0) for budget_id in budget_ids}


def room(budget_id: int) -> int:
    """What of a budget is neither spent nor kept for an offer, won; its balance stays locked."""
    return ledger.lock_balances([BUDGET], budget_id)[BUDGET] - reserved([budget_id])[budget_id]


# --- answers ----------------------------------------------------------------------------------------


def accept(*, actor: Actor, offer_id: int) -> BudgetOffer:
    """수락: the money stays kept. Raises NotFound, Denied, Conflict (`budget_offer.late`, or the state)."""
    with transaction():
        _lock_in_time(offer_id, "accept", actor=actor)
        changes = {"answered_at": clock.now()}
        accepted: BudgetOffer = lifecycle.fire(OFFER, offer_id, "accept", actor=actor, changes=changes)
        return accepted


def decline(*, actor: Actor, offer_id: int, reason: str = "") -> BudgetOffer:
    """사양, also of what was accepted and is not confirmed yet.

    Raises NotFound, Denied, InvalidInput, Conflict (`budget_offer.late`, or the state).
    """
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        message = f"사유는 {MAX_REASON:,}자까지 쓸 수 있습니다."
        raise InvalidInput("budget_offer.reason", message, fields={"reason": message})
    with transaction():
        _lock_in_time(offer_id, "decline", actor=actor)
        changes = {"answered_at": clock.now(), "reason": reason or None}
        declined: BudgetOffer = lifecycle.fire(
            OFFER, offer_id, "decline", actor=actor, reason=reason, changes=changes
        )
        return declined


def _lock_in_time(offer_id: int, action: str, *, actor: Actor) -> None:
    """An answer at the deadline or later is refused, swept or not (R-TIME-6)."""
    offer = lock(BudgetOffer, offer_id)
    policy.require_own(actor, offer)
    policy.require(actor, Permission.APPLICATION_SUBMIT)
    OFFER.pick(action, offer.state)
    if is_late(offer):
        clock_runs.catch_up(offer)
    if is_late(offer):
        raise Conflict(
            "budget_offer.late",
            f"답변 기한({clock.write_deadline(offer.due_at)})이 지나 처리할 수 없습니다. 이 예산은 다음 "
            "순서의 기업에 안내되며, 대기는 계속되어 다음 예산이 마련되면 다시 알려 드립니다.",
        )


def is_late(offer: BudgetOffer) -> bool:
    return offer.state is State.OFFERED and clock.now() >= offer.due_at


def withdraw(*, actor: Actor, offer_id: int, reason: str) -> BudgetOffer:
    """철회 by the lead agency. Raises NotFound, Denied, InvalidInput, Conflict."""
    changes = {"answered_at": clock.now(), "reason": reason.strip() or None}
    withdrawn: BudgetOffer = lifecycle.fire(
        OFFER, offer_id, "withdraw", actor=actor, reason=reason, changes=changes
    )
    return withdrawn


def withdraw_of(*, actor: Actor, application_ids: Sequence[int], reason: str) -> list[int]:
    """Applications that leave 심사확정 without a voucher give back what is kept for them.

    Inside the caller's transaction, which holds the applications' locks.
    """
    open_ = select(BudgetOffer.id, BudgetOffer.state).where(
        BudgetOffer.application_id.in_(application_ids), BudgetOffer.state.in_(OPEN)
    )
    found = db.session.execute(open_.order_by(BudgetOffer.id).with_for_update()).all()
    changes = {"answered_at": clock.now(), "reason": reason.strip() or None}
    ended: list[int] = []
    for source in OPEN:
        keys = [row.id for row in found if row.state is source]
        if keys:
            ended += lifecycle.fire_many(
                OFFER, keys, "withdraw", actor=actor, source=source, reason=reason, changes=changes
            )
    return ended
