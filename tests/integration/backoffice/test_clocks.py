"""기한 관리: stopped clocks with a preview, and any deadline worked out in words (R-TIME-5a)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.programme import ClockStop
from app.models.vouchers import Voucher
from app.policy import Role
from app.workflows import vouchers
from tests import factories
from tests.market import MONDAY, make_voucher

Browser = Callable[[Role], FlaskClient]
PERIOD = {"starts_at": "2020.11.17 09:00", "ends_at": "2020-11-17 13:00", "reason": "결제 시스템 장애"}


@pytest.fixture
def voucher(world: SimpleNamespace) -> Voucher:
    made = make_voucher(factories.make_company(programme_id=world.programme.id, agency_id=world.agency.id))
    db.session.commit()
    return made


def declared() -> int:
    return db.session.scalar(select(func.count()).select_from(ClockStop)) or 0


def test_a_stop_is_previewed_then_declared(browser: Browser, voucher: Voucher) -> None:
    """R-TIME-5a: the preview writes nothing, and says what it does and that it stays."""
    due = voucher.due_at
    client = browser(Role.PROGRAMME_MANAGER)
    with clock.at(MONDAY):
        seen = client.post("/console/clocks/preview", data=PERIOD)
        page = seen.get_data(as_text=True)
        assert seen.status_code == 200
        assert "2020.11.17.(화) 09:00~13:00" in page
        assert "4시간" in page
        assert "되돌릴 수 없습니다" in page
        assert (declared(), voucher.due_at) == (0, due)
        assert client.post("/console/clocks/declare", data=PERIOD).status_code == 302
    assert declared() == 1
    assert due is not None
    assert voucher.due_at == due + clock.timedelta(hours=4)
    page = client.get("/console/clocks/").get_data(as_text=True)
    assert "결제 시스템 장애" in page
    assert "바우처 1건" in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"starts_at": "내일"}, "일시를 YYYY.MM.DD HH:MM 형식으로"),
        ({"ends_at": "2020.11.17 08:00"}, "중지 기간의 끝은 시작보다 뒤여야"),
        ({"ends_at": ""}, "입력해 주세요"),
        ({"reason": " "}, "입력해 주세요"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    browser: Browser, voucher: Voucher, wrong: dict[str, str], words: str
) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    for address in ("preview", "declare"):
        answer = client.post(f"/console/clocks/{address}", data=PERIOD | wrong)
        assert answer.status_code == 422
        assert words in answer.get_data(as_text=True)
    assert declared() == 0


def test_midnight_may_be_typed_as_24_00(browser: Browser, voucher: Voucher) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    with clock.at(MONDAY):
        page = client.post("/console/clocks/preview", data=PERIOD | {"ends_at": "2020.11.17 24:00"})
        assert "2020.11.17.(화) 09:00~24:00" in page.get_data(as_text=True)


def test_what_has_ended_is_said_with_what_can_be_done(browser: Browser, voucher: Voucher) -> None:
    """R-TIME-5a"""
    due = voucher.due_at
    assert due is not None
    vouchers.sweep(at=due)
    client = browser(Role.PROGRAMME_MANAGER)
    with clock.at(due):
        data = {"starts_at": "2020.12.10 20:00", "ends_at": "2020.12.10 22:00", "reason": "장애"}
        page = client.post("/console/clocks/preview", data=data).get_data(as_text=True)
    assert "회수·만료된 바우처 1건" in page
    assert "고객센터(02-6093-3500)" in page


def test_the_calculator_answers_in_words(browser: Browser) -> None:
    """R-TIME-5a: for whoever reads in the lead agency; the answer is an address."""
    client = browser(Role.AUDITOR)
    page = client.get("/console/clocks/?kind=consultation&at=2020.09.29+15:00").get_data(as_text=True)
    assert "2020.10.06.(화) 24:00까지, 영업일 2일, 09.30.(수)" in page
    assert "중지 기간 정하기" not in page
    page = client.get("/console/clocks/?kind=full_use&at=2020.12.30+00:00").get_data(as_text=True)
    assert "2021.08.30.(월) 24:00까지, 선정일 2020.12.30.(수)부터 8개월" in page
    wrong = client.get("/console/clocks/?kind=other&at=x").get_data(as_text=True)
    assert "일시를 YYYY.MM.DD HH:MM 형식으로" in wrong


def test_the_list_is_a_file_too(browser: Browser) -> None:
    answer = browser(Role.AUDITOR).get("/console/clocks/?format=csv")
    assert answer.status_code == 200
    assert answer.get_data().startswith("\ufeff시작,끝,사유".encode())


@pytest.mark.parametrize("at", ["9999.12.31 09:00", "9999.12.31 24:00", "0001.01.01 00:00"])
def test_an_instant_beyond_all_programmes_is_asked_for_again(browser: Browser, at: str) -> None:
    page = browser(Role.PROGRAMME_MANAGER).get(
        "/console/clocks/", query_string={"kind": "full_use", "at": at}
    )
    assert page.status_code == 200 and "일시를 YYYY.MM.DD HH:MM 형식으로" in page.get_data(as_text=True)
