"""An address or a form that no link leads to is answered with a page, never with an error of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.db import db
from app.policy import Role

Browser = Callable[[Role], FlaskClient]
HUGE = "9" * 20
LAST_DAY = "9999-12-31"


@pytest.mark.parametrize(
    "address",
    [
        f"/console/dashboard/decisions?week={LAST_DAY}",
        "/console/dashboard/decisions?week=0001-01-01",
        f"/console/dashboard/ending?day={LAST_DAY}",
        "/console/dashboard/ending?day=0001-01-01",
        f"/console/dashboard/decisions?account={HUGE}&agency={HUGE}&after={HUGE}",
        f"/console/dashboard/?agency={HUGE}",
        "/console/clocks/?kind=first_payment&at=9999.12.31 24:00",
        "/console/clocks/?kind=offer&at=9999.12.31 10:00",
        "/console/clocks/?kind=first_payment&at=0001.01.01 00:00",
        f"/console/offers/?agency={HUGE}&after={HUGE}",
        f"/console/waivers/decided?agency={HUGE}&after={HUGE}",
        f"/console/budget/?agency={HUGE}&after={HUGE}",
        f"/console/screening/?who={HUGE}&agency={HUGE}&after={HUGE}&age={HUGE}",
        f"/console/bulk/?after={HUGE}",
        f"/console/intake/?after={HUGE}",
        f"/console/programme/new?preset={HUGE}",
    ],
)
def test_a_value_out_of_all_bounds_is_no_error(browser: Browser, world: object, address: str) -> None:
    assert browser(Role.PROGRAMME_MANAGER).get(address).status_code == 200


@pytest.mark.parametrize("page", ["case", "bulk", "intake", "budgets"])
def test_an_id_that_no_table_could_hold_is_unknown(browser: Browser, world: object, page: str) -> None:
    assert browser(Role.PROGRAMME_MANAGER).get(f"/console/{page}/{HUGE}").status_code == 404


def test_a_stop_at_the_end_of_time_is_refused_in_words(browser: Browser, world: object) -> None:
    typed = {"starts_at": "2020.12.31 10:00", "ends_at": "9999.12.31 24:00", "reason": "장애"}
    answer = browser(Role.PROGRAMME_MANAGER).post("/console/clocks/preview", data=typed)
    assert answer.status_code == 422
    assert "9999.12.31 24:00" in answer.get_data(as_text=True)


def test_a_year_that_is_no_number_makes_no_programme(browser: Browser, world: object) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    answer = client.post("/console/programme/new", data={"preset": "9" * 5000}, follow_redirects=True)
    assert answer.status_code == 200


def test_nobody_of_an_impossible_number_is_given_a_case(browser: Browser, world: Any) -> None:
    application = world.case()
    db.session.commit()
    answer = browser(Role.MANAGER).post(f"/console/case/{application.id}/assign", data={"account_id": HUGE})
    assert answer.status_code == 302
    assert application.assigned_to_id is None
