"""The reviewer's checklist (R-SCR-3, R-SCR-3a): ticks stay, but for what the company has changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import clock, policy
from app.db import db, lock, transaction
from app.models.applications import Application, ScreeningCheck
from app.policy import Actor, Permission
from app.workflows.company_edits import EditEntry


def tick(*, actor: Actor, application_id: int, fits: Mapping[str, bool]) -> None:
    """Keep what fits and what does not, by item; others stay as they are. Raises Denied, NotFound."""
    policy.require(actor, Permission.SCREENING_DECIDE)
    with transaction() as session:
        policy.require_own(actor, lock(Application, application_id))
        known = {
            check.item: check.fits
            for check in session.scalars(
                select(ScreeningCheck).where(ScreeningCheck.application_id == application_id)
            )
        }
        by = {"application_id": application_id, "by_id": actor.id, "at": clock.now()}
        rows = [
            {**by, "item": item, "fits": value}
            for item, value in fits.items()
            if known.get(item) is not value
        ]
        if rows:
            statement = insert(ScreeningCheck)
            fresh = {name: statement.excluded[name] for name in ("fits", "by_id", "at")}
            statement = statement.on_conflict_do_update(index_elements=["application_id", "item"], set_=fresh)
            session.execute(statement, rows)


def ticks(*, application_id: int, edits: Sequence[EditEntry]) -> dict[str, bool]:
    """What is ticked, but for fields edited after their tick. The caller has checked whose case it is."""
    edited: dict[str, datetime] = {}
    for edit in edits:
        edited[edit.field] = max(edit.at, edited.get(edit.field, edit.at))
    found = db.session.scalars(select(ScreeningCheck).where(ScreeningCheck.application_id == application_id))
    return {
        check.item: check.fits for check in found if check.item not in edited or edited[check.item] < check.at
    }
