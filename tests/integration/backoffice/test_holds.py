"""지급 보류 in the console: held from the payment's page, let go by two people (R-SET-4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.holds import HoldState, SettlementHold
from app.models.payments import Payment
from app.policy import Role
from tests import factories as make
from tests.settled import Officers, make_paid

Open = Callable[..., FlaskClient]


@pytest.fixture
def payment(world: Any) -> Payment:
    made = make_paid(world.programme, make.make_supplier(), 1_100_000)
    db.session.commit()
    return made


def _hold() -> SettlementHold:
    return db.session.scalars(select(SettlementHold).execution_options(populate_existing=True)).one()


def test_it_is_held_and_let_go_by_two(
    world: Any, browser: Open, said: Any, log_in_as: Any, payment: Payment
) -> None:
    client, address = browser(Role.FINANCE_OFFICER), f"/console/payments/{payment.id}"
    assert f"/console/holds/place/{payment.id}" in client.get(address).text
    asked = client.post(f"/console/holds/place/{payment.id}").text
    assert "지급을 보류할까요?" in asked and db.session.scalar(select(SettlementHold.id)) is None
    data = {"confirmed": "1", "reason": "영수증이 맞지 않음"}
    page = said(client, f"/console/holds/place/{payment.id}", data=data)
    hold = _hold()
    assert "지급을 보류했습니다" in page and f"/console/holds/{hold.id}" in page
    assert f"/console/holds/place/{payment.id}" not in page, "held once by an officer"

    here = f"/console/holds/{hold.id}"
    assert payment.order_id in client.get("/console/holds/").text
    said(client, f"{here}/ask_release", data={"confirmed": "1", "reason": "다시 받음"})
    page = client.get(here).text
    assert "해제를 요청한 사람은 해제할 수 없습니다" in page and f"{here}/release" not in page
    assert "앞 단계를 처리한 사람" in said(client, f"{here}/release", data={"confirmed": "1"})
    assert _hold().state is HoldState.ASKED

    other = make.make_account(Role.FINANCE_OFFICER)
    db.session.commit()
    g.pop("_login_user", None)
    second = log_in_as(other)
    assert f"{here}/release" in second.get(here).text
    assert "되돌릴 수 없습니다" in second.post(f"{here}/release").text
    assert "보류 해제" in said(second, f"{here}/release", data={"confirmed": "1"})
    assert _hold().state is HoldState.RELEASED
    assert "조건에 맞는 보류가 없습니다" in second.get("/console/holds/").text
    assert payment.order_id in second.get("/console/holds/?state=released").text


def test_who_may_only_look_finds_no_buttons_and_is_refused(
    browser: Open, said: Any, payment: Payment
) -> None:
    data = {"confirmed": "1", "reason": "확인"}
    said(browser(Role.PROGRAMME_MANAGER), f"/console/holds/place/{payment.id}", data=data)
    hold = _hold()
    auditor = browser(Role.AUDITOR)
    page = auditor.get(f"/console/holds/{hold.id}").text
    assert "지금 할 수 있는 처리가 없습니다" in page and "/ask_release" not in page
    assert f"/place/{payment.id}" not in auditor.get(f"/console/payments/{payment.id}").text
    assert auditor.post(f"/console/holds/place/{payment.id}", data=data).status_code == 403
    assert "권한이 없습니다" in said(auditor, f"/console/holds/{hold.id}/ask_release", data=data)
    assert browser(Role.REVIEWER).get("/console/holds/").status_code == 403
    assert _hold().state is HoldState.PLACED


def test_the_list_filters_and_comes_as_a_file(browser: Open, said: Any, payment: Payment) -> None:
    client = browser(Role.FINANCE_OFFICER)
    data = {"confirmed": "1", "reason": "확인"}
    said(client, f"/console/holds/place/{payment.id}", data=data)
    supplier = payment.deal.supplier.name
    assert payment.order_id in client.get("/console/holds/", query_string={"q": supplier}).text
    assert payment.order_id not in client.get("/console/holds/?source=usage").text
    assert client.get("/console/holds/?format=xlsx").data[:2] == b"PK"
    assert payment.order_id in client.get("/console/holds/?format=csv").text
    assert client.get("/console/holds/999999").status_code == 404


def test_the_home_counts_what_waits_for_a_second_person(browser: Open, said: Any, payment: Payment) -> None:
    client = browser(Role.FINANCE_OFFICER)
    data = {"confirmed": "1", "reason": "확인"}
    said(client, f"/console/holds/place/{payment.id}", data=data)
    said(client, f"/console/holds/{_hold().id}/ask_release", data=data)
    page = browser(Role.PROGRAMME_MANAGER).get("/console/").text
    assert "해제를 요청한 지급 보류" in page and 'href="/console/holds/?state=asked"' in page
    assert "결정할 의심 거래" in page and "답변할 부정 신고" in page
    assert "답변할 부정 신고" not in client.get("/console/").text


def test_held_after_the_bank_was_asked_it_says_that_this_stops_nothing(
    world: Any, browser: Open, said: Any
) -> None:
    """R-SET-4"""
    late = clock.now() - timedelta(days=11)
    payment = make_paid(world.programme, make.make_supplier(), 1_100_000, paid_at=late)
    Officers().exported(world.programme)
    db.session.commit()
    client = browser(Role.FINANCE_OFFICER)
    data = {"confirmed": "1", "reason": "영수증이 맞지 않음"}
    sentence = "이미 은행에 이체를 요청한 지급이라 멈출 수 없습니다. 이체가 실패하면 그때부터 보류됩니다."
    assert sentence in client.post(f"/console/holds/place/{payment.id}").text
    page = said(client, f"/console/holds/place/{payment.id}", data=data)
    assert sentence in page and "지급을 보류했습니다" not in page
    assert sentence in client.get(f"/console/holds/{_hold().id}").text


def test_the_page_says_how_much_stayed_behind(world: Any, browser: Open, said: Any) -> None:
    late, seller = clock.now() - timedelta(days=11), make.make_supplier()
    payment, _ = [make_paid(world.programme, seller, 1_100_000, paid_at=late) for _ in range(2)]
    Officers().approved(world.programme)
    db.session.commit()
    client = browser(Role.FINANCE_OFFICER)
    said(client, f"/console/holds/place/{payment.id}", data={"confirmed": "1", "reason": "확인"})
    page = client.get(f"/console/holds/{_hold().id}").text
    assert "이 결제만 빼고 지급합니다" in page and "이 결제의 몫 1,100,000원을 뺐습니다" in page
