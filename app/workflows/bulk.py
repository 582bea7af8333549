"""Bulk actions: previewed, then run by a job in chunks, with a result for each row (R-SCR-3c).

PostgreSQL holds all there is to know: which rows are still to be done, and until when a worker counts as
alive. A chunk is one transaction of what is done, its rows' outcomes and the counts, under the run's lock:
a worker that dies leaves nothing half, and two that work on one run take turns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import InvalidInput, NotFound, Refusal
from app.models.applications import Application, ApplicationState
from app.models.bulk import BulkKind as Kind
from app.models.bulk import BulkRun
from app.models.bulk import BulkState as State
from app.policy import CLOCK, Actor, Permission, Role
from app.workflows import accounts, applications, assignments, budget, bulk_sql, lifecycle, required_papers
from app.workflows.lifecycle import Edge, Lifecycle

MOST_ROWS = 50_000
CHUNK = 1_000
LEASE = timedelta(seconds=20)
MOST_TRIES = 5
KEPT = timedelta(days=7)
"""How long a preview that nobody started is kept."""
MAX_REASON = 1_000

PERMISSIONS = {
    Kind.SCREEN: Permission.SCREENING_BULK,
    Kind.ASSIGN: Permission.SCREENING_ASSIGN,
    Kind.CONFIRM: Permission.BUDGET_CONFIRM,
    Kind.SEND_BACK: Permission.BUDGET_CONFIRM,
}

BULK = Lifecycle(
    "bulk_run",
    BulkRun,
    (State.PREVIEWED,),
    (
        Edge(
            action="start",
            label="실행",
            source=State.PREVIEWED,
            target=State.RUNNING,
            permission=Permission.BULK_RUN,
        ),
        Edge(
            action="stop",
            label="중단",
            source=State.RUNNING,
            target=State.STOPPED,
            permission=Permission.BULK_RUN,
            confirm="일괄 처리를 중단할까요? 이미 처리된 건은 그대로 남고, 나중에 이어서 실행할 수 있습니다.",
        ),
        Edge(
            action="give_up",
            label="자동 중단",
            source=State.RUNNING,
            target=State.STOPPED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="resume",
            label="이어서 실행",
            source=State.STOPPED,
            target=State.RUNNING,
            permission=Permission.BULK_RUN,
        ),
        Edge(
            action="finish",
            label="완료",
            source=State.RUNNING,
            target=State.DONE,
            permission=Permission.CLOCKWORK,
        ),
    ),
)


def preview(
    *,
    actor: Actor,
    kind: Kind,
    application_ids: Sequence[int],
    account_ids: Sequence[int] = (),
    reason: str = "",
    chosen_from: str = "",
) -> BulkRun:
    """Keep which of these can be done and which cannot, and why; nothing else changes.

    `account_ids` for 배정, one or several; `reason` for 반송; `chosen_from` is the list's address, to go back
    to. What is no application of the actor's own is left out. Raises Denied, InvalidInput.
    """
    policy.require(actor, PERMISSIONS[kind])
    wanted = list(dict.fromkeys(application_ids))
    if len(wanted) > MOST_ROWS:
        raise InvalidInput("bulk.too_many", f"한 번에 {MOST_ROWS:,}건까지 처리할 수 있습니다. 나누어 주세요.")
    arguments = _arguments(kind, account_ids, reason, actor=actor)
    if chosen_from:
        arguments["chosen_from"] = chosen_from
    with transaction() as session:
        own = actor.agency_id if actor.role.is_operating_agency else None
        run = BulkRun(kind=kind, state=State.PREVIEWED, agency_id=own, rows=0, created_by_id=actor.id)
        run.arguments, run.created_at = arguments, clock.now()
        lifecycle.begin(BULK, run, actor=actor, action="preview")
        about = {"run_id": run.id, "ids": wanted, "agency_id": own}
        about |= _judged_by(kind, wanted, arguments, actor)
        found = session.execute(bulk_sql.PREVIEW[kind], about | bulk_sql.labels()).one()
        if found.rows == 0:
            raise InvalidInput("bulk.nothing", "처리할 기업이 없습니다. 목록에서 기업을 선택해 주세요.")
        run.rows, run.refused = found.rows, found.refused
        if kind is Kind.CONFIRM:
            run.arguments = arguments | {"amount": found.amount}
        return run


def _arguments(kind: Kind, account_ids: Sequence[int], reason: str, *, actor: Actor) -> dict[str, Any]:
    if kind is Kind.ASSIGN:
        chosen = sorted(set(account_ids))
        assignments.spread(actor=actor, application_ids=[], account_ids=chosen)
        return {"account_ids": chosen}
    if kind is Kind.SEND_BACK:
        reason = reason.strip()
        if not reason or len(reason) > MAX_REASON:
            text = f"반송 사유를 {MAX_REASON:,}자 안으로 입력해 주세요."
            raise InvalidInput("reason_missing", text, fields={"reason": text})
        return {"reason": reason}
    return {}


def _judged_by(kind: Kind, keys: Sequence[int], arguments: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """What the verdicts of this kind ask for."""
    if kind is Kind.ASSIGN:
        return {"accounts": arguments["account_ids"]}
    if kind is Kind.SCREEN:
        return {"actor_id": actor.id, "lacking": json.dumps(_lacking(keys), ensure_ascii=False)}
    return {"actor_id": actor.id}


def _lacking(keys: Sequence[int]) -> dict[int, str]:
    """Which required documents are missing, in words (R-JOIN-2)."""
    missing: dict[int, str] = {}
    for start_ in range(0, len(keys), CHUNK):
        found = required_papers.lacking(keys[start_ : start_ + CHUNK])
        missing |= {key: ", ".join(paper.label for paper in papers) for key, papers in found.items()}
    return missing


def scope(actor: Actor) -> list[ColumnElement[bool]]:
    """Whose runs a person knows of: an agency's own, the lead agency's own, all for the auditor."""
    policy.require(actor, Permission.SCREENING_VIEW)
    if actor.role is Role.AUDITOR:
        return []
    own = actor.agency_id if actor.role.is_operating_agency else None
    return [BulkRun.agency_id.is_not_distinct_from(own)]


def start(*, actor: Actor, run_id: int) -> BulkRun:
    """Let it run, by who previewed it; again changes nothing. Raises NotFound, Denied, Conflict."""
    with transaction():
        run = _lock_own(run_id, actor)
        if run.state in (State.RUNNING, State.DONE):
            return run
        changes = {"started_at": clock.now(), "arguments": run.arguments | {"ip": actor.ip}}
        return _fire(run, "start", actor=actor, changes=changes)


def resume(*, actor: Actor, run_id: int) -> BulkRun:
    """Go on with what is left, by who started it; again changes nothing. Raises as `start`."""
    with transaction():
        run = _lock_own(run_id, actor)
        if run.state in (State.RUNNING, State.DONE):
            return run
        changes = {"arguments": run.arguments | {"ip": actor.ip}, "note": None, "tries": 0}
        return _fire(run, "resume", actor=actor, changes=changes | {"leased_until": None})


def stop(*, actor: Actor, run_id: int) -> BulkRun:
    """End it after the chunk under way; by anybody of the same side who may run such. Raises as `start`."""
    with transaction():
        run = _lock_visible(run_id, actor)
        if run.state in (State.STOPPED, State.DONE):
            return run
        return _fire(run, "stop", actor=actor, changes={"leased_until": None})


def discard(*, actor: Actor, run_id: int) -> None:
    """Forget a preview that was not started. Raises NotFound, Denied, Conflict."""
    with transaction():
        run = _lock_own(run_id, actor)
        policy.require(actor, PERMISSIONS[run.kind])
        BULK.pick("start", run.state)
        _forget([run.id])


def _forget(run_ids: Sequence[int]) -> None:
    for statement in bulk_sql.FORGET:
        db.session.execute(statement, {"runs": list(run_ids)})
    db.session.expire_all()


def _lock_visible(run_id: int, actor: Actor) -> BulkRun:
    if db.session.scalar(select(BulkRun.id).where(BulkRun.id == run_id, *scope(actor))) is None:
        raise NotFound()
    return lock(BulkRun, run_id)


def _lock_own(run_id: int, actor: Actor) -> BulkRun:
    run = _lock_visible(run_id, actor)
    if run.created_by_id != actor.id:
        raise NotFound("bulk.foreign", "미리보기를 만든 사람만 실행할 수 있습니다. 직접 다시 선택해 주세요.")
    return run


def _fire(run: BulkRun, action: str, *, actor: Actor, changes: dict[str, Any]) -> BulkRun:
    policy.require(actor, PERMISSIONS[run.kind])
    # Audited is what a person did: neither leases nor addresses.
    silent = {name: changes.pop(name) for name in ("leased_until", "arguments", "tries") if name in changes}
    for name, value in silent.items():
        setattr(run, name, value)
    db.session.flush()
    fired: BulkRun = lifecycle.fire(BULK, run.id, action, actor=actor, changes=changes)
    return fired


# --- the job ------------------------------------------------------------------------------------------


def claim_unattended() -> list[int]:
    """The runs that nobody works on: just started, or their worker died. Each is claimed for a while.

    A run that was given out again and again without getting on is stopped, for its person to see; previews
    that nobody started are forgotten after a week.
    """
    now = clock.real_now()
    with transaction() as session:
        old = select(BulkRun.id).where(
            BulkRun.state == State.PREVIEWED, BulkRun.created_at < clock.now() - KEPT
        )
        if stale := list(session.scalars(old.order_by(BulkRun.id).with_for_update(skip_locked=True))):
            _forget(stale)
        found = session.execute(bulk_sql.CLAIM, {"now": now, "until": now + LEASE}).all()
    for row in found:
        if row.tries >= MOST_TRIES:
            _give_up(
                row.id, "여러 번 실패하여 중단했습니다. 이어서 실행해도 같으면 운영 담당자에게 알려 주세요."
            )
    return sorted(row.id for row in found if row.tries < MOST_TRIES)


def work(*, run_id: int) -> None:
    """Do what is left of a run, chunk by chunk, until it is done or stopped. Any number may call this."""
    with transaction():
        run = lock(BulkRun, run_id)
        if run.state is State.RUNNING:
            run.tries, run.leased_until = run.tries + 1, clock.real_now() + LEASE
    while _chunk(run_id):
        pass


def _chunk(run_id: int) -> bool:
    """One chunk in one transaction; whether there may be more."""
    try:
        with transaction() as session:
            run = lock(BulkRun, run_id)
            if run.state is not State.RUNNING:
                return False
            actor = _who_started(run)
            found = session.execute(bulk_sql.NEXT, {"run_id": run_id, "size": CHUNK})
            keys = list(found.scalars())
            if keys:
                _act(run, keys, actor)
            if len(keys) < CHUNK:
                lifecycle.fire(BULK, run_id, "finish", actor=CLOCK, changes={"finished_at": clock.now()})
            return len(keys) == CHUNK
    except Refusal as refusal:
        _give_up(run_id, refusal.text)
        return False


def _who_started(run: BulkRun) -> Actor:
    """As they are today: a closed account, another role or another agency stops the run."""
    actor = accounts.actor_for(account_id=run.created_by_id, ip=run.arguments.get("ip"))
    if actor is None or (run.agency_id is not None and actor.agency_id != run.agency_id):
        raise InvalidInput(
            "bulk.account",
            "실행한 사람의 계정을 더 이상 쓸 수 없어 중단했습니다. 다른 담당자가 다시 선택해 주세요.",
        )
    policy.require(actor, PERMISSIONS[run.kind])
    return actor


def _give_up(run_id: int, note: str) -> None:
    with transaction():
        if lock(BulkRun, run_id).state is State.RUNNING:
            changes = {"note": note, "leased_until": None}
            lifecycle.fire(BULK, run_id, "give_up", actor=CLOCK, reason=note, changes=changes)


def _act(run: BulkRun, keys: list[int], actor: Actor) -> None:
    """What the verb of this kind did, row by row; the rest with the reason."""
    session, kind, arguments = db.session, run.kind, run.arguments
    done = _VERBS[kind](keys, arguments, actor)
    rest = sorted(set(keys) - set(done))
    session.execute(bulk_sql.DONE, {"run_id": run.id, "ids": done})
    if rest:
        about: dict[str, Any] = {"run_id": run.id, "ids": rest}
        about["otherwise"] = bulk_sql.NO_BUDGET if kind is Kind.CONFIRM else bulk_sql.TAKEN
        about |= _judged_by(kind, rest, arguments, actor)
        session.execute(bulk_sql.REFUSED[kind], about | bulk_sql.labels())
    run.done += len(done)
    run.refused += len(rest)
    run.tries, run.leased_until = 0, clock.real_now() + LEASE
    session.flush()


def _screen(keys: list[int], arguments: dict[str, Any], actor: Actor) -> list[int]:
    return applications.screen_many(actor=actor, application_ids=keys)


def _assign(keys: list[int], arguments: dict[str, Any], actor: Actor) -> list[int]:
    """Dealt out evenly; who had a case already and keeps it counts as done."""
    given = assignments.spread(actor=actor, application_ids=keys, account_ids=arguments["account_ids"])
    assignments.assign_many(actor=actor, given=given)
    held = select(Application.id, Application.assigned_to_id).where(
        Application.id.in_(keys),
        Application.agency_id == actor.agency_id,
        Application.state.in_((ApplicationState.SCREENING, ApplicationState.ON_HOLD)),
    )
    return [key for key, account_id in db.session.execute(held) if given[key] == account_id]


def _confirm(keys: list[int], arguments: dict[str, Any], actor: Actor) -> list[int]:
    return budget.confirm(actor=actor, application_ids=keys).done


def _send_back(keys: list[int], arguments: dict[str, Any], actor: Actor) -> list[int]:
    return budget.send_back_many(actor=actor, application_ids=keys, reason=arguments["reason"])


_VERBS: dict[Kind, Callable[[list[int], dict[str, Any], Actor], list[int]]] = {
    Kind.SCREEN: _screen,
    Kind.ASSIGN: _assign,
    Kind.CONFIRM: _confirm,
    Kind.SEND_BACK: _send_back,
}
