"""The thread on both sides' pages, without JavaScript (R-DEAL-2a, R-FILE-1)."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.deals import Deal
from app.models.threads import DealFile, DealMessage
from app.workflows import deals, threads
from tests import factories
from tests.integration.portal.buying import LogIn, hidden, log_in, path_of
from tests.market import MONDAY, Market, make_market

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    return make_market(price=100_000)


@pytest.fixture
def deal(market: Market) -> Deal:
    made = deals.request(actor=market.buyer, offering_id=market.offering.id, memo="열 명이 씁니다.")
    db.session.commit()
    return made


@pytest.fixture
def buyer(market: Market, log_in_as: LogIn) -> FlaskClient:
    return log_in(log_in_as, market.buyer.id)


@pytest.fixture
def seller(market: Market, log_in_as: LogIn) -> FlaskClient:
    return log_in(log_in_as, market.seller.id)


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(DealMessage)) or 0


def form(text: str, *files: tuple[str, bytes], form_id: str = "one") -> dict[str, Any]:
    return {
        "text": text,
        "form_id": form_id,
        "files": [(io.BytesIO(content), name) for name, content in files],
    }


def test_a_message_with_files_reaches_the_other_side(
    buyer: FlaskClient, seller: FlaskClient, deal: Deal
) -> None:
    page = buyer.get(f"/deals/{deal.id}").text
    assert "아직 주고받은 메시지가 없습니다." in page and 'enctype="multipart/form-data"' in page
    data = form("견적을 <b>부탁</b>드립니다.", ("요구사항.pdf", PDF), form_id=hidden(page, "form_id"))
    answer = buyer.post(f"/deals/{deal.id}/messages", data=data)
    assert path_of(answer) == f"/deals/{deal.id}"
    page = seller.get(f"/supply/deals/{deal.id}").text
    assert "견적을 &lt;b&gt;부탁&lt;/b&gt;드립니다." in page and "요구사항.pdf" in page
    file = db.session.scalars(select(DealFile)).one()
    handed = seller.get(f"/supply/deals/{deal.id}/files/{file.id}")
    assert (handed.data, handed.mimetype) == (PDF, "application/pdf")
    assert "no-store" in handed.headers["Cache-Control"]
    assert buyer.get(f"/deals/{deal.id}/files/{file.id}").data == PDF


def test_a_double_click_sends_once(buyer: FlaskClient, deal: Deal) -> None:
    for _ in range(2):
        buyer.post(f"/deals/{deal.id}/messages", data=form("한 번만"))
    assert count() == 1
    page = buyer.get(f"/deals/{deal.id}").text
    assert hidden(page, "form_id") != hidden(buyer.get(f"/deals/{deal.id}").text, "form_id")


@pytest.mark.parametrize(
    "data, sentence",
    [
        (form(""), "보낼 내용을 입력하거나 파일을 첨부해 주세요."),
        (form("긴 글", ("가짜.pdf", b"MZ")), "가짜.pdf: PDF, JPEG, PNG 파일만 등록할 수 있습니다."),
        (form("가" * 2001), "2,000자까지 입력할 수 있습니다."),
        (form("여섯 개", *[(f"{n}.pdf", PDF) for n in range(6)]), "파일은 한 번에 5개까지"),
    ],
)
@pytest.mark.parametrize("side", ["buyer", "seller"])
def test_what_was_typed_is_kept_when_it_is_refused(
    data: dict[str, Any], sentence: str, side: str, request: pytest.FixtureRequest, deal: Deal
) -> None:
    client: FlaskClient = request.getfixturevalue(side)
    prefix = "" if side == "buyer" else "/supply"
    fresh = data | {"files": [(io.BytesIO(stream.getvalue()), name) for stream, name in data["files"]]}
    answer = client.post(f"{prefix}/deals/{deal.id}/messages", data=fresh)
    assert answer.status_code == 422 and sentence in answer.text
    assert "<title>오류: " in answer.text and f">\r\n{data['text']}</textarea>" in answer.text
    assert count() == 0


def test_the_lists_and_the_inbox_say_new_message(
    buyer: FlaskClient, seller: FlaskClient, market: Market, deal: Deal
) -> None:
    threads.post(actor=market.buyer, deal_id=deal.id, text="답을 기다립니다.", token="x")
    badge = "새 메시지</span>"
    assert badge in seller.get("/supply/deals").text and badge not in buyer.get("/deals").text
    assert "새 메시지가 온 거래가 1건 있습니다." in seller.get("/supply").text
    assert market.company.name in seller.get("/supply/deals/messages").text
    assert market.company.name in seller.get("/supply/deals?only=message").text
    assert "조건에 맞는 거래가 없습니다." in seller.get("/supply/deals?only=soon").text
    assert "새 메시지가 온 거래가 없습니다." in buyer.get("/deals/messages").text
    threads.post(actor=market.seller, deal_id=deal.id, text="답입니다.", token="y")
    assert badge in buyer.get("/deals").text and deal.offering.name in buyer.get("/deals/messages").text
    assert "이 단계에는 새 메시지가 온 거래가 없습니다." in buyer.get("/deals?tab=billed&only=message").text


def test_the_writers_name_stays_on_its_own_side(
    buyer: FlaskClient, seller: FlaskClient, market: Market, deal: Deal
) -> None:
    """The company's person is not shown to a supplier, before or after it accepts."""
    threads.post(actor=market.buyer, deal_id=deal.id, text="안녕하세요.", token="x")
    assert f"우리 기업 ({market.buyer.name})" in buyer.get(f"/deals/{deal.id}").text
    assert f"({market.buyer.name})" not in seller.get(f"/supply/deals/{deal.id}").text


def test_an_ended_thread_is_read_only_and_says_so(
    buyer: FlaskClient, seller: FlaskClient, market: Market, deal: Deal
) -> None:
    deals.turn_down(actor=market.seller, deal_id=deal.id, reason="자리가 없습니다.")
    page = buyer.get(f"/deals/{deal.id}").text
    assert "메시지는 2020.12.16.(수) 24:00까지 보낼 수 있습니다." in page
    clock.set_offset(MONDAY + clock.timedelta(days=31) - clock.real_now())
    for client, prefix in ((buyer, ""), (seller, "/supply")):
        page = client.get(f"{prefix}/deals/{deal.id}").text
        assert "읽기만 할 수 있습니다" in page and f"/deals/{deal.id}/messages" not in page
        refused = client.post(
            f"{prefix}/deals/{deal.id}/messages", data=form("늦은 글"), follow_redirects=True
        )
        assert "30일이 지나 메시지를 더 보낼 수 없습니다." in refused.text
    assert count() == 0


def test_another_side_reaches_neither_thread_nor_files(
    site: Flask, market: Market, deal: Deal, log_in_as: LogIn, seller: FlaskClient, buyer: FlaskClient
) -> None:
    """R-ROLE-1"""
    message = threads.post(
        actor=market.buyer, deal_id=deal.id, text="비밀", token="x", files=[("견적.pdf", PDF)]
    )
    db.session.commit()
    file_id = message.files[0].id
    other = make_market()
    db.session.commit()
    for client, prefix in (
        (log_in(log_in_as, other.buyer.id), ""),
        (log_in(log_in_as, other.seller.id), "/supply"),
    ):
        assert client.get(f"{prefix}/deals/{deal.id}/files/{file_id}").status_code == 404
        assert client.post(f"{prefix}/deals/{deal.id}/messages", data=form("끼어들기")).status_code == 404
    assert seller.get(f"/deals/{deal.id}/files/{file_id}").status_code == 403
    assert buyer.get(f"/supply/deals/{deal.id}/files/{file_id}").status_code == 403
    assert site.test_client().get(f"/deals/{deal.id}/files/{file_id}").status_code == 302
    assert count() == 1


def test_again_is_filled_in_with_the_last_question(buyer: FlaskClient, market: Market, deal: Deal) -> None:
    """다시 거래상담"""
    deals.turn_down(actor=market.seller, deal_id=deal.id, reason="자리가 없습니다.")
    page = buyer.get(f"/deals/{deal.id}").text
    assert ">\r\n열 명이 씁니다.</textarea>" in page and "지난 상담 내용을 미리 적어 두었습니다." in page


def test_deals_asked_for_together_lead_to_each_other(
    buyer: FlaskClient, seller: FlaskClient, market: Market
) -> None:
    second = factories.make_offering(name="두 번째 회사의 서비스")
    made = [
        deals.request(actor=market.buyer, offering_id=offering.id, memo="비교하고 있습니다.")
        for offering in (market.offering, second)
    ]
    made[0].asked_together = made[1].asked_together = uuid.uuid4()
    db.session.commit()
    page = buyer.get(f"/deals/{made[0].id}").text
    assert "함께 요청한 거래상담" in page and f"/deals/{made[1].id}" in page
    assert "00:00까지" not in page, "a deadline at midnight is named by the day that it ends"
    # Whom else it asked is not the supplier's business.
    assert "두 번째 회사의 서비스" not in seller.get(f"/supply/deals/{made[0].id}").text
