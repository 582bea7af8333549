"""The company's answer to an offer of returned money (R-SCR-4, R-TIME-6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.models.offers import BudgetOffer, OfferState
from app.models.people import Account
from app.policy import Role
from app.workflows import offers_sweep
from tests import factories
from tests.integration.workflows.waiting_line import (
    BACK,
    DUE,
    ended_budget,
    money_comes_back,
    offers_of,
    waiting,
)

NOON = BACK + timedelta(hours=12)


@pytest.fixture
def asked(site: Flask) -> list[Any]:
    """Two wait; the first has an offer."""
    stage = ended_budget(vouchers=1)
    rows = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    return rows


@pytest.fixture
def client_of(asked: list[Any], log_in_as: Callable[[Account], Any]) -> Callable[[Any], Any]:
    def browser(application: Any) -> Any:
        account = factories.make_account(Role.DEMAND, company_id=application.company_id)
        db.session.commit()
        return log_in_as(account)

    return browser


def _status(client: Any) -> str:
    return client.get("/company/status").get_data(as_text=True)


def _offer() -> BudgetOffer:
    return offers_of()[0]


def test_the_page_says_what_is_offered_and_until_when(client_of: Any, asked: list[Any]) -> None:
    """R-TIME-5a"""
    with clock.at(NOON):
        page = _status(client_of(asked[0]))
        assert "정부지원금 3,600,000원" in page
        assert "2020.11.11.(수) 24:00까지, 영업일 3일, 11.07.(토)·11.08.(일) 제외" in page
        home = client_of(asked[0]).get("/company").get_data(as_text=True)
        assert "2020.11.11.(수) 24:00까지 답해 주세요" in home
        assert "예산 안내" not in _status(client_of(asked[1]))


def test_it_asks_before_it_accepts(client_of: Any, asked: list[Any]) -> None:
    with clock.at(NOON):
        client, address = client_of(asked[0]), f"/company/offers/{_offer().id}/accept"
        assert "수락할까요" in client.post(address).get_data(as_text=True)
        assert _offer().state is OfferState.OFFERED
        page = client.post(address, data={"confirmed": "1"}, follow_redirects=True).get_data(as_text=True)
        assert _offer().state is OfferState.ACCEPTED
        assert "전문기관이 예산을 확정하면 알려 드립니다" in page and "수락을 거두고" in page


def test_it_declines_with_or_without_a_reason(client_of: Any, asked: list[Any]) -> None:
    with clock.at(NOON):
        client, address = client_of(asked[0]), f"/company/offers/{_offer().id}/decline"
        page = client.post(address, data={"decline_reason": "올해는 쓰지 않습니다"}).get_data(as_text=True)
        assert "사양할까요" in page and "올해는 쓰지 않습니다" in page  # kept by the question
        data = {"confirmed": "1", "decline_reason": "올해는 쓰지 않습니다"}
        page = client.post(address, data=data, follow_redirects=True).get_data(as_text=True)
        assert (_offer().state, _offer().reason) == (OfferState.DECLINED, "올해는 쓰지 않습니다")
        assert "대기 순서는 그대로" in page


def test_a_late_answer_is_refused_in_words(client_of: Any, asked: list[Any]) -> None:
    """R-TIME-6: although no sweep ran."""
    with clock.at(DUE):
        client = client_of(asked[0])
        page = _status(client)
        assert "기한" in page and "/accept" not in page
        answer = client.post(
            f"/company/offers/{_offer().id}/accept", data={"confirmed": "1"}, follow_redirects=True
        )
        assert "2020.11.11.(수) 24:00까지" in answer.get_data(as_text=True)
        assert _offer().state is OfferState.OFFERED


def test_anothers_offer_does_not_exist(client_of: Any, asked: list[Any]) -> None:
    """R-ROLE-2"""
    with clock.at(NOON):
        client = client_of(asked[1])
        for action in ("accept", "decline"):
            client.post(f"/company/offers/{_offer().id}/{action}", data={"confirmed": "1"})
        assert _offer().state is OfferState.OFFERED
        assert client.post("/company/offers/999999/accept", data={"confirmed": "1"}).status_code in (302, 404)
