"""A double click on 함께 상담 요청, and one company asking twice at once (R-DEAL-1, R-CAT-3)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.deals import Deal
from app.models.questions import Question
from app.workflows import asked_together, questions
from tests import factories
from tests.market import MONDAY, Market, make_market


@pytest.fixture
def market(committed: object) -> Market:
    made = make_market()
    db.session.commit()
    return made


def number_of(model: type[Any]) -> int:
    return db.session.execute(select(func.count()).select_from(model)).scalar_one()


def test_two_presses_of_one_page_make_each_deal_once(
    market: Market, together: Callable[..., list[Any]]
) -> None:
    ids = [market.offering.id, factories.make_offering().id]
    db.session.commit()
    key, buyer = uuid.uuid4(), market.buyer

    def press() -> Any:
        with clock.at(MONDAY):
            done = asked_together.request(actor=buyer, offering_ids=ids, memo="견적", key=key)
        return sorted(deal.id for deal in done.made), done.refused

    first, second = together(press, press)
    assert first == second and not first[1] and len(first[0]) == 2
    assert number_of(Deal) == 2


def test_two_pages_ask_once_each_service(market: Market, together: Callable[..., list[Any]]) -> None:
    offering_id, buyer = market.offering.id, market.buyer

    def press() -> Any:
        with clock.at(MONDAY):
            done = asked_together.request(
                actor=buyer, offering_ids=[offering_id], memo="견적", key=uuid.uuid4()
            )
        return [row.code for row in done.refused]

    assert sorted(together(press, press)) == [[], ["deal.open_consultation"]]
    assert number_of(Deal) == 1


def test_the_same_question_sent_twice_at_once_is_one(
    market: Market, together: Callable[..., list[Any]]
) -> None:
    offering_id, buyer = market.offering.id, market.buyer

    def ask() -> Any:
        return questions.ask(actor=buyer, offering_id=offering_id, body="설치가 필요한가요?").id

    first, second = together(ask, ask)
    assert first == second
    assert number_of(Question) == 1
