"""Half-filled sign-ups that nobody came back to are deleted, with all that was kept for them (R-JOIN-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select

from app import clock, policy
from app.db import Base, db, lock, transaction
from app.documents import store
from app.models.catalogue import SupplierSignup
from app.models.companies import Document, Signup
from app.models.people import Verification, VerificationPurpose
from app.models.programme import Programme
from app.policy import CLOCK, Actor, Permission
from app.workflows import record

KEPT_DAYS = 90
"""How long a half-filled sign-up waits for its person, from the last time that something was kept in it."""
BATCH = 500
_OF_DOCUMENTS: dict[type[Any], Any] = {
    Signup: Document.signup_id,
    SupplierSignup: Document.supplier_signup_id,
}
"""Both sides' sign-ups, and how a document says that it is of one."""


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
    for model in _OF_DOCUMENTS:
        while True:
            done = _forget_batch(model, limit, actor)
            total += done
            if done.signups < BATCH:
                break
    _forget_strays()
    return total


def _forget_batch(model: type[Any], limit: datetime, actor: Actor) -> Forgotten:
    with transaction() as session:
        found = list(
            session.scalars(
                select(model)
                .where(model.submitted_at.is_(None), model.updated_at < limit)
                .order_by(model.updated_at)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
        )
        keys = [each.id for each in found]
        gone = delete(Document).where(_OF_DOCUMENTS[model].in_(keys)).returning(Document.sha256)
        papers = list(session.scalars(gone))
        named = ("verification_id", "payment_verification_id")
        people = {key for each in found for name in named if (key := getattr(each, name, None))}
        session.execute(delete(model).where(model.id.in_(keys)))
        _forget_people(Verification.id.in_(people))
        _write(Counter(each.programme_id for each in found), actor)
    # Rows first: a file without its row is nobody's, a row without its file would be a broken case.
    return Forgotten(signups=len(keys), documents=len(papers), files=_remove_files(set(papers)))


def _forget_people(*which: ColumnElement[bool]) -> None:
    """Name, phone and CI of their 본인인증, unless another sign-up or an account goes by it."""
    used = select(Signup.id).where(
        or_(Signup.verification_id == Verification.id, Signup.payment_verification_id == Verification.id)
    )
    joining = select(SupplierSignup.id).where(SupplierSignup.verification_id == Verification.id)
    db.session.execute(
        delete(Verification)
        .where(*which, Verification.used_at.is_(None), ~used.exists(), ~joining.exists())
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
    """Those that no row of any table refers to: the same content is kept once for all, whoever put it."""
    kept: set[str | None] = set()
    with transaction() as session:
        for column in _references():
            kept |= set(session.scalars(select(column).where(column.in_(hashes))))
    return sum(store.remove(each) for each in hashes if each not in kept)


def _references() -> list[Any]:
    """Every table that names a file: asked of the tables themselves, so that none is left out."""
    return [table.c.sha256 for table in Base.metadata.sorted_tables if "sha256" in table.c]
