"""Half-filled sign-ups that nobody came back to are deleted, with all that was kept for them (R-JOIN-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import store
from app.models.companies import Document, Signup
from app.models.payments import Slip
from app.models.people import Verification, VerificationPurpose
from app.models.programme import Programme
from app.policy import CLOCK, Actor, Permission
from app.workflows import record

KEPT_DAYS = 90
"""How long a half-filled sign-up waits for its person, from the last time that something was kept in it."""
BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    signups: int = 0
    documents: int = 0
    files: int = 0

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(
            signups=self.signups + other.signups,
            documents=self.documents + other.documents,
            files=self.files + other.files,
        )


def forget_old(*, at: datetime | None = None, actor: Actor = CLOCK) -> Forgotten:
    """Delete what was not touched for KEPT_DAYS by `at` (now by default), a batch a transaction.

    One that somebody has in hand at this moment is left out: it was just touched. Raises Denied.
    """
    policy.require(actor, Permission.CLOCKWORK)
    limit = (at or clock.now()) - timedelta(days=KEPT_DAYS)
    total = Forgotten()
    while True:
        done = _forget_batch(limit, actor)
        total += done
        if done.signups < BATCH:
            break
    _forget_strays()
    return total


def _forget_batch(limit: datetime, actor: Actor) -> Forgotten:
    with transaction() as session:
        found = list(
            session.scalars(
                select(Signup)
                .where(Signup.submitted_at.is_(None), Signup.updated_at < limit)
                .order_by(Signup.updated_at)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
        )
        keys = [each.id for each in found]
        gone = delete(Document).where(Document.signup_id.in_(keys)).returning(Document.sha256)
        papers = list(session.scalars(gone))
        people = {
            key for each in found for key in (each.verification_id, each.payment_verification_id) if key
        }
        session.execute(delete(Signup).where(Signup.id.in_(keys)))
        _forget_people(Verification.id.in_(people))
        _write(Counter(each.programme_id for each in found), actor)
    # Rows first: a file without its row is nobody's, a row without its file would be a broken case.
    return Forgotten(signups=len(keys), documents=len(papers), files=_remove_files(set(papers)))


def _forget_people(*which: ColumnElement[bool]) -> None:
    """Name, phone and CI of their 본인인증, unless another sign-up or an account goes by it."""
    used = select(Signup.id).where(
        or_(Signup.verification_id == Verification.id, Signup.payment_verification_id == Verification.id)
    )
    db.session.execute(
        delete(Verification)
        .where(*which, Verification.used_at.is_(None), ~used.exists())
        .execution_options(synchronize_session=False)
    )


def _forget_strays() -> None:
    """본인인증 that no sign-up goes by any more, as it was made anew, or whose code never came. In real time,
    as they are dated; none is taken up after `verification.GOOD_FOR`."""
    asked_for = (VerificationPurpose.SIGN_UP, VerificationPurpose.PAYMENT_CONTACT)
    before = clock.real_now() - timedelta(days=KEPT_DAYS)
    with transaction():
        _forget_people(Verification.purpose.in_(asked_for), Verification.requested_at < before)


def _write(counts: Counter[int], actor: Actor) -> None:
    """How many, and of nobody the name: what is forgotten is not to be found again in the trail."""
    for programme_id, count in sorted(counts.items()):
        lock(Programme, programme_id)
        record.write("programme", programme_id, "forget_signups", actor=actor, change={"count": (count, 0)})


def _remove_files(hashes: Collection[str]) -> int:
    """Those that no other document and no slip refers to: the same content is kept once for all."""
    with transaction() as session:
        kept: set[str | None] = set(
            session.scalars(select(Document.sha256).where(Document.sha256.in_(hashes)))
        )
        kept |= set(session.scalars(select(Slip.sha256).where(Slip.sha256.in_(hashes))))
    return sum(store.remove(each) for each in hashes if each not in kept)
