"""'공급기업 신청하기' pressed twice at once, and one business number from two browsers (R-SUP-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import db
from app.errors import Refusal
from app.models.catalogue import Supplier
from app.models.people import Account
from app.workflows import supplier_signup_submit
from tests import factories
from tests.integration.workflows import supplying

Together = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def programme(committed: object) -> None:
    factories.make_programme()
    db.session.commit()


def press(token: str) -> Callable[[], int]:
    return lambda: supplier_signup_submit.submit(token=token).id


def number_of(model: type[Any]) -> int:
    return db.session.execute(select(func.count()).select_from(model)).scalar_one()


def test_each_of_many_presses_finds_the_one_supplier(sandbox: str, together: Together) -> None:
    """Also the one that comes while another has just made it: nobody is told that it was refused."""
    pressed = press(supplying.fill(sandbox).token)
    db.session.commit()
    found = together(*[pressed] * 6)
    assert len(set(found)) == 1 and isinstance(found[0], int), found
    assert (number_of(Supplier), number_of(Account)) == (1, 1)


def test_one_number_joins_once(sandbox: str, together: Together) -> None:
    first = supplying.fill(sandbox)
    number = first.answers["business_number"]
    second = supplying.fill(sandbox, business_number=number)
    pressed = [press(first.token), press(second.token)]
    db.session.commit()
    found = together(*pressed)
    [refused] = [each for each in found if isinstance(each, Refusal)]
    # Who comes a moment later meets the number as a step that is not done.
    assert refused.code in ("supplier.exists", "signup.incomplete") and number_of(Supplier) == 1
