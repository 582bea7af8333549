"""A half-filled sign-up on another device (R-JOIN-8)."""

from __future__ import annotations

import pytest

from app.db import db
from app.errors import NotFound
from app.models.companies import VerifiedAs
from app.workflows import signup, signup_submit, signup_take_up
from tests import factories
from tests.integration.workflows import joining


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=0, year=2020)


def test_the_same_person_goes_on_on_another_device(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-8: 본인인증 is the key, whatever the phone; what was newer there counts."""
    old = joining.fill(sandbox, stage.agency, n=1, person="김한사람").token
    new = signup.begin().token
    signup.accept_terms(token=new, accepted={"service", "privacy", "marketing"})
    assert signup_take_up.earlier(signup.load(token=new)) is None
    again = joining.verified(sandbox, name="김한사람", phone="01066667777")
    signup.attach_verification(token=new, verification_token=again, verified_as=VerifiedAs.REPRESENTATIVE)
    found = signup_take_up.earlier(signup.load(token=new))
    assert found is not None and found.token == old
    kept = signup_take_up.take_up(token=new)
    assert kept.token == old and kept.answers["terms"]["marketing"]["accepted"]
    assert signup_take_up.earlier(kept) is None
    assert signup_submit.submit(token=old).company.phone == "01066667777"
    with pytest.raises(NotFound):
        signup_take_up.take_up(token=new)


def test_nobody_else_finds_it(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-8: neither another person, nor another year, nor once it is handed in."""
    old = joining.fill(sandbox, stage.agency, n=1, person="김한사람")
    other = joining.fill(sandbox, stage.agency, n=2, person="박다른이")
    assert signup_take_up.earlier(other) is None
    same = joining.fill(sandbox, stage.agency, n=3, person="김한사람")
    assert signup_take_up.earlier(same) is not None
    old.programme_id = factories.make_programme(year=1999, is_open=False).id
    db.session.commit()
    assert signup_take_up.earlier(same) is None
    old.programme_id = same.programme_id
    db.session.commit()
    signup_submit.submit(token=same.token)
    assert signup_take_up.earlier(old) is None


def test_another_persons_password_opens_no_account(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-8: whoever is verified in a sign-up that somebody else began sets a password of their own."""
    token = joining.fill(sandbox, stage.agency, n=1, person="김한사람").token
    other = joining.verified(sandbox, name="박다른이", phone="01066668888")
    signup.attach_verification(token=token, verification_token=other, verified_as=VerifiedAs.STAFF)
    assert "account" in signup.missing(signup.load(token=token))


def test_the_same_person_keeps_the_password(stage: joining.Stage, sandbox: str) -> None:
    token = joining.fill(sandbox, stage.agency, n=1, person="김한사람").token
    again = joining.verified(sandbox, name="김한사람", phone="01066668888")
    signup.attach_verification(token=token, verification_token=again, verified_as=VerifiedAs.STAFF)
    assert "account" not in signup.missing(signup.load(token=token))
