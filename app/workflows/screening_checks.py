"""The reviewer's checklist (R-SCR-3, R-SCR-3a): ticks stay, but for what the company has changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput
from app.models.applications import Application, ScreeningCheck
from app.models.applications import ApplicationState as State
from app.policy import Actor, Permission
from app.workflows import attachments, screening_points
from app.workflows.company_edits import EditEntry

OPEN = (State.SCREENING, State.ON_HOLD)


def tick(*, actor: Actor, application_id: int, fits: Mapping[str, bool | None]) -> None:
    """Keep what fits and what does not, by item, and take back what is None; others stay as they are.

    An item is a field's name or a point of a present document. Raises Denied, NotFound, Conflict
    `screening.decided`, InvalidInput `screening.item` (of a document that was replaced meanwhile).
    """
    policy.require(actor, Permission.SCREENING_DECIDE)
    with transaction() as session:
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        if application.state not in OPEN:
            text = f"현재 상태가 '{application.state.label}'이라서 확인 표시를 바꿀 수 없습니다."
            raise Conflict("screening.decided", text)
        _require_known(application, fits)
        taken_back = [item for item, value in fits.items() if value is None]
        if taken_back:
            mine = ScreeningCheck.application_id == application_id
            session.execute(delete(ScreeningCheck).where(mine, ScreeningCheck.item.in_(taken_back)))
        _keep(application_id, {k: v for k, v in fits.items() if v is not None}, actor=actor)


def _require_known(application: Application, fits: Mapping[str, bool | None]) -> None:
    documents = attachments.current(company_id=application.company_id)
    if not fits.keys() <= screening_points.labels(application.company, documents).keys():
        text = "확인하던 서류가 바뀌었습니다. 화면을 새로 고쳐 새 서류를 확인해 주세요."
        raise InvalidInput("screening.item", text)


def _keep(application_id: int, fits: Mapping[str, bool], *, actor: Actor) -> None:
    """What stands already keeps who ticked it and when."""
    mine = ScreeningCheck.application_id == application_id
    known = {check.item: check.fits for check in db.session.scalars(select(ScreeningCheck).where(mine))}
    by = {"application_id": application_id, "by_id": actor.id, "at": clock.now()}
    rows = [{**by, "item": item, "fits": value} for item, value in fits.items() if known.get(item) != value]
    if rows:
        statement = insert(ScreeningCheck)
        fresh = {name: statement.excluded[name] for name in ("fits", "by_id", "at")}
        statement = statement.on_conflict_do_update(index_elements=["application_id", "item"], set_=fresh)
        db.session.execute(statement, rows)


def ticks(*, application_id: int, edits: Sequence[EditEntry]) -> dict[str, bool]:
    """What is ticked, but for fields edited after their tick. The caller has checked whose case it is."""
    edited: dict[str, datetime] = {}
    for edit in edits:
        edited[edit.field] = max(edit.at, edited.get(edit.field, edit.at))
    found = db.session.scalars(select(ScreeningCheck).where(ScreeningCheck.application_id == application_id))
    return {
        check.item: check.fits for check in found if check.item not in edited or edited[check.item] < check.at
    }
