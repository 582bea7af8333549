"""Taking a half-filled sign-up up again on another device, by being the same person (R-JOIN-8).

The token lies in one browser alone. Whoever proves by 본인인증 to be the person of an earlier half-filled
sign-up may go on with that one: the identity service's CI is the key, and nothing shows before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import select

from app import clock
from app.db import db, lock, transaction
from app.errors import NotFound
from app.models.catalogue import SupplierSignup
from app.models.companies import Signup
from app.models.people import Verification
from app.workflows import signup, signup_drafts

S = TypeVar("S", Signup, SupplierSignup)


def earlier(found: S, /) -> S | None:
    """The latest other half-filled sign-up of the person verified here, of its kind and programme."""
    if found.verification_id is None:
        return None
    model: Any = type(found)
    own = select(Verification.ci_index).where(Verification.id == found.verification_id).scalar_subquery()
    statement = (
        select(model)
        .join(Verification, Verification.id == model.verification_id)
        .where(
            Verification.ci_index == own,
            model.programme_id == found.programme_id,
            model.submitted_at.is_(None),
            model.id != found.id,
        )
        .order_by(model.updated_at.desc())
        .limit(1)
    )
    kept: S | None = db.session.scalar(statement)
    return kept


def is_same_person(found: Signup | SupplierSignup, verification_id: int | None, /) -> bool:
    """Whether this 본인인증 is of the person of the sign-up, as long as that has one."""
    if found.verification_id is None:
        return True
    own, other = (
        db.session.get(Verification, key) if key else None for key in (found.verification_id, verification_id)
    )
    return own is not None and other is not None and own.ci_index == other.ci_index


def put_off(*, token: str, step: str, typed: Mapping[str, Any]) -> Signup:
    """'나중에 하기' in the middle of a step: what was typed well stays as a draft.

    The caller names no phone.

    Raises NotFound, Conflict `signup.submitted`, `signup.closed`.
    """
    with transaction() as session:
        found = signup.lock_open(token)
        found.answers = signup_drafts.with_draft(found.answers, step, typed)
        found.updated_at = clock.now()
        session.flush()
        return found


def take_up(*, token: str) -> Signup:
    """Go on with the earlier one: this 본인인증 and these agreements, being newer, become its own.

    Raises NotFound, Conflict `signup.submitted`, `signup.closed`.
    """
    with transaction() as session:
        there = earlier(signup.load(token=token))
        if there is None:
            raise nothing_to_take_up()
        # In the order of their ids, which is the order of every lock on two rows of a table.
        for key in sorted((there.id, signup.load(token=token).id)):
            lock(Signup, key)
        here, there = signup.lock_open(token), signup.lock_open(there.token)
        hand_over(here, there)
        session.flush()
        return there


def nothing_to_take_up() -> NotFound:
    return NotFound("signup.none", "이어서 작성할 신청서가 없습니다. 지금 신청서를 계속 작성해 주세요.")


def hand_over(here: S, there: S) -> None:
    """What was just agreed to and proved becomes the earlier one's own; both are locked."""
    newer = {name: here.answers[name] for name in ("terms", "verified_as", "verified_name")}
    there.answers = {**there.answers, **newer}
    there.verification_id, here.verification_id = here.verification_id, None
    there.updated_at = clock.now()
