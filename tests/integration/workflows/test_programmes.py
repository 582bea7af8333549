"""The programme of a year from its preset (R-JOIN-7a, R-ROLE-2, R-TIME-4)."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.programme import AgencyBudget, SelectionOrder, VatMode
from app.policy import CLOCK, Actor, Role
from app.workflows import closing_days, needed_documents, programmes
from tests import factories


@pytest.fixture
def manager(tx: Flask) -> Actor:
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


@pytest.mark.parametrize(
    ("year", "percent", "mode", "categories"),
    [(2020, 10, VatMode.INCLUDED, 6), (2021, 10, VatMode.INCLUDED, 6), (2022, 30, VatMode.BORNE, 3)],
)
def test_presets(manager: Actor, year: int, percent: int, mode: VatMode, categories: int) -> None:
    """R-JOIN-7a, R-MONEY-2a"""
    programme = programmes.create_programme(actor=manager, year=year)
    assert (programme.cap, programme.company_share_percent, programme.vat_mode) == (4_000_000, percent, mode)
    assert len(programmes.categories(programme=programme)) == categories
    order = SelectionOrder.SCORE if year == 2022 else SelectionOrder.ARRIVAL
    assert (programme.needs_employees, programme.selection_order) == (year == 2022, order)
    assert "유흥주점" in programme.excluded_industries
    assert needed_documents.table(programme) == needed_documents.USUAL
    assert programmes.current().id == programme.id


def test_a_programme_brings_the_four_agencies(manager: Actor) -> None:
    """R-ROLE-2: with the phone numbers of the guide."""
    programme = programmes.create_programme(actor=CLOCK, year=2020)
    phones = {
        agency.name: agency.phones
        for agency in programmes.operating_agencies()
        if agency.code in programmes.AGENCIES
    }
    assert phones == {
        "대덕이노폴리스벤처협회": "042-867-9694, 042-867-9698",
        "벤처기업협회": "02-6331-7083, 02-6331-7084",
        "중소기업기술혁신협회(이노비즈협회)": "031-628-9667, 031-628-9658",
        "한국경영혁신중소기업협회(메인비즈협회)": "02-2230-2152, 02-2230-2119",
    }
    budgets = select(AgencyBudget.agency_id).where(AgencyBudget.programme_id == programme.id)
    assert set(db.session.scalars(budgets)) == {agency.id for agency in programmes.operating_agencies()}
    assert programmes.lead_agency().is_lead
    names = [category.name for category in programmes.categories(programme=programme)]
    assert names == [
        "화상회의",
        "재택근무(협업Tool)",
        "네트워크·보안 솔루션",
        "온라인교육(에듀테크)",
        "돌봄서비스",
        "비대면 제도도입 컨설팅",
    ]


def test_the_second_year_shares_agencies_and_categories(manager: Actor) -> None:
    programmes.create_programme(actor=manager, year=2020)
    before = (len(programmes.operating_agencies()), len(programmes.categories()))
    programmes.create_programme(actor=manager, year=2021)
    assert (len(programmes.operating_agencies()), len(programmes.categories())) == before
    assert programmes.current().year == 2021
    programmes.change_settings(actor=manager, programme_id=programmes.current().id, is_open=False)
    assert programmes.current().year == 2020
    with pytest.raises(Conflict, match=r"programme\.exists"):
        programmes.create_programme(actor=manager, year=2021)


def test_refusals(manager: Actor) -> None:
    with pytest.raises(NotFound):
        programmes.create_programme(actor=manager, year=2019)
    with pytest.raises(Denied):
        programmes.create_programme(actor=factories.make_actor(Role.FINANCE_OFFICER), year=2020)
    with pytest.raises(NotFound):
        programmes.current()
    with pytest.raises(NotFound):
        programmes.get(programme_id=0)


def test_closing_days(manager: Actor) -> None:
    """R-TIME-2"""
    programme = programmes.create_programme(actor=manager, year=2020)
    with clock.at(datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)):
        day = date(2020, 11, 20)
        closing_days.declare(actor=manager, programme_id=programme.id, day=day, reason="서버 점검")
        assert programmes.closing_days(programme_id=programme.id) == {day}
        for wrong, reason in ((day, "다시"), (date(2020, 11, 16), "오늘"), (date(2020, 11, 23), " ")):
            with pytest.raises(InvalidInput):
                closing_days.declare(actor=manager, programme_id=programme.id, day=wrong, reason=reason)
    assert [row.reason for row in programmes.closing_day_rows(programme_id=programme.id)] == ["서버 점검"]
    with pytest.raises(Denied):
        closing_days.declare(
            actor=factories.make_actor(Role.AUDITOR), programme_id=programme.id, day=day, reason="점검"
        )
