"""기한 관리: stopped clocks with a preview, and any deadline worked out in words (R-TIME-5a)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.programme import ClockRun, ClockStop
from app.models.vouchers import Voucher
from app.policy import Role
from app.workflows import clock_runs, closing_days, vouchers
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
        answer = client.post("/console/clocks/declare", data=PERIOD)
    run = db.session.scalars(select(ClockRun)).one()
    assert (answer.status_code, answer.location) == (302, f"/console/clocks/runs/{run.id}")
    assert (declared(), voucher.due_at) == (1, due), "the request moves nothing"
    assert due is not None
    clock_runs.work(run_id=run.id)
    assert voucher.due_at == due + clock.timedelta(hours=4)
    page = client.get("/console/clocks/").get_data(as_text=True)
    assert "결제 시스템 장애" in page and "1건</td>" in page and answer.location in page
    assert "기한을 늦추고 있습니다" not in page


def test_progress_is_shown_until_all_is_moved(browser: Browser, voucher: Voucher) -> None:
    """R-TIME-5a: a bar that takes its own place, then the page with its counts; the list leads there."""
    client = browser(Role.PROGRAMME_MANAGER)
    with clock.at(MONDAY):
        address = client.post("/console/clocks/declare", data=PERIOD).location
    page = client.get(address).get_data(as_text=True)
    assert f'hx-get="{address}/progress"' in page and "<progress" in page and 'aria-live="polite"' in page
    assert "확인한 기한 0건, 남음 1건" in page and "기한 중지를 정했습니다" in page
    home = client.get("/console/clocks/").get_data(as_text=True)
    assert "기한을 늦추고 있습니다" in home and f'href="{address}"' in home
    running = client.get(f"{address}/progress")
    assert running.status_code == 200 and "HX-Refresh" not in running.headers
    clock_runs.work(run_id=int(address.rsplit("/", 1)[1]))
    done = client.get(f"{address}/progress")
    assert done.headers["HX-Refresh"] == "true" and "hx-get" not in done.get_data(as_text=True)
    page = client.get(address).get_data(as_text=True)
    assert "기한을 늦추고 알렸습니다" in page and "기한이 늦춰진 바우처" in page and "hx-get" not in page
    assert client.get("/console/clocks/runs/0").status_code == 404


def test_a_second_stop_waits_for_the_first(browser: Browser, voucher: Voucher) -> None:
    """R-TIME-5a: said in words, with what was typed kept."""
    client = browser(Role.PROGRAMME_MANAGER)
    with clock.at(MONDAY):
        client.post("/console/clocks/declare", data=PERIOD)
        later = PERIOD | {"starts_at": "2020.11.19 09:00", "ends_at": "2020.11.19 13:00"}
        answer = client.post("/console/clocks/declare", data=later)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and declared() == 1
    assert "기한을 늦추는 중입니다" in page and "2020.11.19 09:00" in page


def test_a_closing_day_has_its_progress_too(browser: Browser, world: SimpleNamespace) -> None:
    """R-TIME-2"""
    own = {"actor": factories.make_actor(Role.PROGRAMME_MANAGER), "programme_id": world.programme.id}
    with clock.at(MONDAY):
        run = closing_days.declare(**own, day=date(2020, 11, 20), reason="서버 점검")
    client = browser(Role.AUDITOR)
    assert "휴무일(2020.11.20.)에 맞추어" in client.get("/console/clocks/").get_data(as_text=True)
    page = client.get(f"/console/clocks/runs/{run.id}").get_data(as_text=True)
    assert "휴무일을 정했습니다" in page and "휴무일에 따른 기한 연장" in page


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
