"""Whose case it is: taken, given by hand, or dealt out evenly (R-SCR-3b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, text

from app import policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.people import Account
from app.policy import Actor, Permission, Role
from app.workflows import record

_WAITING = (State.SCREENING, State.ON_HOLD)

_GIVE = text("""
WITH given AS (
  SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:accounts AS bigint[])) AS g (id, account_id)),
locked AS (
  SELECT a.id, a.assigned_to_id AS before, g.account_id
    FROM application a JOIN given g ON g.id = a.id
   WHERE a.agency_id = :agency_id AND a.state IN ('screening', 'on_hold')
     AND a.assigned_to_id IS DISTINCT FROM g.account_id
   ORDER BY a.id FOR NO KEY UPDATE OF a)
UPDATE application a SET assigned_to_id = l.account_id FROM locked l WHERE a.id = l.id
RETURNING a.id, l.before, l.account_id
""")


def take(*, actor: Actor, application_id: int) -> Application:
    """A reviewer takes a case into their own hands. Raises Conflict `application.taken`."""
    policy.require(actor, Permission.SCREENING_DECIDE)
    with transaction():
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        if application.assigned_to_id not in (None, actor.id) and actor.role is not Role.MANAGER:
            raise Conflict(
                "application.taken", "다른 심사원이 맡은 건입니다. 관리자에게 배정을 요청해 주세요."
            )
        _assign(application, actor.id, actor=actor)
        return application


def assign(*, actor: Actor, application_id: int, account_id: int) -> Application:
    """A manager gives a case to a reviewer of the same agency. Raises Denied, NotFound."""
    policy.require(actor, Permission.SCREENING_ASSIGN)
    with transaction():
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        _require_reviewers(actor, [account_id])
        _assign(application, account_id, actor=actor)
        return application


def _assign(application: Application, account_id: int | None, *, actor: Actor) -> None:
    if application.assigned_to_id == account_id:
        return
    change = {"assigned_to_id": (application.assigned_to_id, account_id)}
    application.assigned_to_id = account_id
    record.write("application", application.id, "assign", actor=actor, change=change)


def _require_reviewers(actor: Actor, account_ids: Sequence[int]) -> None:
    """Raises InvalidInput for none, Denied for anybody who is no active reviewer of the actor's agency."""
    if not account_ids:
        text_ = "배정할 심사원을 선택해 주세요."
        raise InvalidInput("assignment.nobody", text_, fields={"account_id": text_})
    found = set(
        db.session.scalars(
            select(Account.id).where(
                Account.id.in_(account_ids),
                Account.agency_id == actor.agency_id,
                Account.role.in_((Role.REVIEWER, Role.MANAGER)),
                Account.is_active,
            )
        )
    )
    if found != set(account_ids):
        raise Denied("application.assignee", "같은 운영기관의 심사원에게만 배정할 수 있습니다.")


def assign_many(*, actor: Actor, given: Mapping[int, int]) -> list[int]:
    """Give many cases, application by account, in three statements; returns those that changed hands.

    What is decided, of another agency or already in these hands is left out. Raises Denied, InvalidInput.
    """
    policy.require(actor, Permission.SCREENING_ASSIGN)
    with transaction() as session:
        _require_reviewers(actor, sorted(set(given.values())))
        parameters = {"ids": list(given), "accounts": list(given.values()), "agency_id": actor.agency_id}
        rows = session.execute(_GIVE, parameters).all()
        changes = {row.id: {"assigned_to_id": (row.before, row.account_id)} for row in rows}
        record.write_many("application", changes, "assign", actor=actor)
        session.expire_all()
        return sorted(changes)


def spread(*, actor: Actor, application_ids: Sequence[int], account_ids: Sequence[int]) -> dict[int, int]:
    """Deal cases out evenly: each next one to whom has least to do by then. Nothing is written.

    Raises Denied, InvalidInput.
    """
    policy.require(actor, Permission.SCREENING_ASSIGN)
    _require_reviewers(actor, list(account_ids))
    loads = dict.fromkeys(sorted(account_ids), 0) | _loads(actor, account_ids, apart_from=application_ids)
    given = {}
    for application_id in application_ids:
        least = min(loads, key=lambda account_id: (loads[account_id], account_id))
        loads[least] += 1
        given[application_id] = least
    return given


def _loads(actor: Actor, account_ids: Sequence[int], *, apart_from: Sequence[int]) -> dict[int, int]:
    """How many waiting cases each has, without those that are being dealt out anew."""
    statement = (
        select(Application.assigned_to_id, func.count())
        .where(
            Application.agency_id == actor.agency_id,
            Application.state.in_(_WAITING),
            Application.assigned_to_id.in_(account_ids),
            Application.id.not_in(apart_from),
        )
        .group_by(Application.assigned_to_id)
    )
    return {account_id or 0: count for account_id, count in db.session.execute(statement)}
