"""Who has a case open at this moment (R-SCR-3b): signs of life in an unlogged table, in real time.

No audit, no lock: it tells people of each other, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app import clock, policy
from app.db import db, transaction
from app.errors import NotFound
from app.models.applications import Application, CaseView
from app.models.people import Account
from app.policy import Actor, Permission

GONE_AFTER = timedelta(seconds=45)
"""Three beats of the page, which comes every 15 seconds."""
FORGOTTEN_AFTER = timedelta(days=1)


def seen(*, actor: Actor, application_id: int) -> list[str]:
    """The actor has this case open; returns who else has. Raises Denied, NotFound.

    Whoever writes also clears away what is a day old.
    """
    policy.require(actor, Permission.SCREENING_DECIDE)
    now = clock.real_now()
    with transaction() as session:
        application = session.get(Application, application_id)
        if application is None:
            raise NotFound()
        policy.require_own(actor, application)
        statement = insert(CaseView).values(application_id=application_id, account_id=actor.id, seen_at=now)
        fresh = {"seen_at": statement.excluded.seen_at}
        key = ["application_id", "account_id"]
        session.execute(statement.on_conflict_do_update(index_elements=key, set_=fresh))
        session.execute(delete(CaseView).where(CaseView.seen_at < now - FORGOTTEN_AFTER))
    return others(actor=actor, application_id=application_id)


def others(*, actor: Actor, application_id: int) -> list[str]:
    """Who else has this case open. The caller has checked whose case it is."""
    return viewers([application_id], apart_from=actor).get(application_id, [])


def viewers(application_ids: Sequence[int], *, apart_from: Actor) -> dict[int, list[str]]:
    """Names of those who have these cases open, by case, in one statement; a case that nobody has is absent.

    The caller has checked whose cases they are.
    """
    if not application_ids:
        return {}
    statement = (
        select(CaseView.application_id, Account.name)
        .join(Account, Account.id == CaseView.account_id)
        .where(
            CaseView.application_id.in_(application_ids),
            CaseView.seen_at > clock.real_now() - GONE_AFTER,
            CaseView.account_id != apart_from.id,
        )
        .order_by(CaseView.application_id, Account.name)
    )
    found: dict[int, list[str]] = {}
    for application_id, name in db.session.execute(statement):
        found.setdefault(application_id, []).append(name)
    return found
