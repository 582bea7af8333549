"""Fills the demonstration programme, once: each row by the verb that makes it, at the time it happened."""

from __future__ import annotations

from datetime import date, timedelta

import httpx

from app import clock
from app.db import db
from app.demo import accounts as logins
from app.demo import (
    applying,
    billing,
    boards,
    companies,
    deals,
    exports,
    market,
    money_out,
    questions,
    reconciliation,
    settling,
    strange,
    suspicion,
    systems,
    threads,
    usage,
    waiting,
)
from app.demo.stage import ACCOUNT_KEEPER, PREPARER, Stage, instant
from app.demo.words import Words
from app.errors import Conflict
from app.models.demonstration import DemonstrationClock
from app.models.programme import Agency, Programme
from app.policy import Actor
from app.workflows import accounts, budget, deadlines, demonstration, programmes

YEAR = 2020
FUNDS = 1_600_000_000
"""Won for the programme; the agencies' parts are allocated from it."""
PARTS = {"innopolis": 300_000_000, "venture": 300_000_000, "innobiz": 300_000_000, "mainbiz": 120_000_000}
FIRST_DAY = date(2020, 1, 28)


def fill() -> dict[str, int]:
    """Fill and start the clock; a second call changes nothing and answers with an empty count.

    Raises Conflict where an earlier attempt was cut off: the data are a torso then, and no demonstration.
    """
    if db.session.get(DemonstrationClock, 1) is not None:
        return {}
    if programmes.programmes():
        raise Conflict(
            "demonstration.torso",
            "시연 자료를 채우다 멈춘 흔적이 있습니다. 데이터 폴더(KV_HOME)를 지우고 다시 실행해 주세요.",
        )
    with httpx.Client(timeout=10) as http:
        stage = _set_up(http)
        boards.write_all(stage)
        on_sale = market.open_market(stage)
        buyers = companies.join_all(stage)
        applying.apply_all(stage)
        deals.trade(stage, buyers, on_sale, until=demonstration.FIRST_INSTANT)
        newcomers = strange.play(stage, buyers, on_sale)
        threads.talk(stage, [*buyers, *newcomers], until=demonstration.FIRST_INSTANT)
        questions.ask_all(stage, buyers, on_sale)
        money_out.enter_invoices(stage, until=demonstration.FIRST_INSTANT)
        settling.settle(stage)
        money_out.cancel_one(stage, until=demonstration.FIRST_INSTANT)
        exports.export_some(stage)
        waiting.end_a_budget(stage, buyers)
        billing.issue_some(buyers, until=clock.korean_day(demonstration.FIRST_INSTANT))
        usage.report_months(stage, until=clock.korean_day(demonstration.FIRST_INSTANT))
        systems.connect(stage, until=clock.korean_day(demonstration.FIRST_INSTANT))
        systems.watch(since=FIRST_DAY, until=clock.korean_day(demonstration.FIRST_INSTANT))
        suspicion.look_into(stage)
        reconciliation.reconcile(stage, until=clock.korean_day(demonstration.FIRST_INSTANT))
    with clock.at(demonstration.FIRST_INSTANT - timedelta(minutes=1)):
        deadlines.sweep()
    money_out.close_months(stage)
    demonstration.start()
    return stage.counts


def _set_up(http: httpx.Client) -> Stage:
    with clock.at(instant(FIRST_DAY)):
        programme = programmes.create_programme(actor=PREPARER, year=YEAR)
        staff = _staff()
        budget.fund(actor=PREPARER, programme_id=programme.id, amount=FUNDS, key="2020-1")
        for agency in programmes.operating_agencies():
            _allocate(staff["budget"], programme, agency)
    return Stage(programme=programme, words=Words(), staff=staff, http=http)


def _allocate(officer: Actor, programme: Programme, agency: Agency) -> None:
    budget.allocate(
        actor=officer,
        programme_id=programme.id,
        agency_id=agency.id,
        amount=PARTS[agency.code],
        key=f"2020-1-{agency.code}",
    )


def _staff() -> dict[str, Actor]:
    ids = {agency.code: agency.id for agency in programmes.operating_agencies()}
    return {
        row.login: accounts.create(
            actor=ACCOUNT_KEEPER,
            login=row.login,
            password=logins.PASSWORD,
            role=row.role,
            name=row.name,
            agency_id=ids[row.agency] if row.agency else None,
        ).actor()
        for row in logins.STAFF
    }
