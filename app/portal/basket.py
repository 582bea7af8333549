"""비교함: up to three services that a browser keeps in mind, a visitor's as well, in its signed cookie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flask import session

from app.workflows import comparison

_KEY = "compared"


class Kept(NamedTuple):
    id: int
    name: str


def basket() -> list[Kept]:
    """With the names that the services had when they were put in: a page asks the database for none."""
    return [Kept(*row) for row in session.get(_KEY, [])][: comparison.MOST]


def keep(offering_ids: Sequence[int]) -> list[Kept]:
    """Put these in the place of what was in it; what is not on sale is left out."""
    session[_KEY] = [list(row) for row in comparison.names(offering_ids=offering_ids)]
    return basket()
