"""What the sign-up's pages show of the people who were verified (R-JOIN-1, R-JOIN-3)."""

from __future__ import annotations

from dataclasses import dataclass

from app.db import db
from app.models.companies import Signup
from app.models.people import Verification
from app.models.programme import Agency


@dataclass(frozen=True, kw_only=True)
class People:
    verified: Verification | None
    payer: Verification | None
    """Set where another person than the verified one pays."""


def people(signup: Signup, /) -> People:
    def of(key: int | None) -> Verification | None:
        return db.session.get(Verification, key) if key else None

    return People(verified=of(signup.verification_id), payer=of(signup.payment_verification_id))


def chosen_agency(signup: Signup, /) -> Agency | None:
    key = signup.answers.get("agency_id")
    return db.session.get(Agency, key) if key else None
