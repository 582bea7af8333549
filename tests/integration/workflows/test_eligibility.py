"""Who can take part in a programme (R-JOIN-7a), and '사업 신청' of those from K-Startup (R-KST-3)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.errors import InvalidInput
from app.models.applications import ApplicationState
from app.models.companies import DocumentKind
from app.models.vouchers import InstrumentKind, InstrumentState
from app.policy import Actor, Role
from app.workflows import applications, company_edits, eligibility
from app.workflows.eligibility import Ineligible
from sandbox import behaviours
from tests import factories
from tests.integration.workflows import joining


@pytest.mark.parametrize(
    ("industry", "word"),
    [
        ("일반유흥주점업", "유흥주점"),
        ("음식점업 (유흥 주점)", "유흥주점"),
        ("Casino 운영", "CASINO"),
        ("소프트웨어 개발", None),
        ("유흥", None),
        ("", None),
    ],
)
def test_a_line_of_business_is_excluded_by_the_words_in_it(industry: str, word: str | None) -> None:
    assert eligibility.excluded_word(industry, ["유흥주점", "CASINO", ""]) == word


@pytest.fixture
def newcomer(tx: Flask) -> tuple[Actor, Any]:
    """From K-Startup, everything filled in but the last press."""
    stage = joining.set_stage(vouchers=0, year=2020)
    company = factories.make_company(
        programme_id=stage.programme.id,
        agency_id=stage.agency.id,
        address="서울특별시 중구 세종대로 110",
        industry="소프트웨어 개발",
        contact_name="김담당",
    )
    factories.make_application(company=company, state=ApplicationState.NOT_APPLIED, submitted_at=None)
    factories.make_instrument(company=company, kind=InstrumentKind.ZEROPAY, state=InstrumentState.CHOSEN)
    actor = factories.make_actor(Role.DEMAND, company_id=company.id)
    db.session.commit()
    for kind in (
        DocumentKind.BUSINESS_REGISTRATION,
        DocumentKind.TAX_CLEARANCE,
        DocumentKind.CORPORATE_REGISTER,
    ):
        company_edits.replace_document(actor=actor, kind=kind, file_name="a.pdf", content=joining.PDF)
    return actor, company


def edit(actor: Actor, **changes: Any) -> None:
    company_edits.edit(actor=actor, changes=changes)


def test_an_excluded_company_does_not_apply_until_it_has_mended(
    newcomer: tuple[Actor, Any], sandbox: str
) -> None:
    """R-JOIN-7a, R-KST-3"""
    actor, company = newcomer
    company.programme.excluded_industries = ["유흥주점"]
    db.session.commit()
    edit(actor, industry="유흥주점업")
    with pytest.raises(Ineligible, match="company.excluded_industry"):
        applications.apply(actor=actor)
    assert applications.own(actor=actor).state is ApplicationState.NOT_APPLIED
    edit(actor, industry="소프트웨어 개발")
    assert applications.apply(actor=actor).state is ApplicationState.SCREENING


def test_employees_are_part_of_the_details_where_the_year_asks(
    newcomer: tuple[Actor, Any], sandbox: str
) -> None:
    """R-JOIN-7a, 2022: and so is their edit part of the history."""
    actor, company = newcomer
    state = ApplicationState.NOT_APPLIED
    assert "employees" not in company_edits.editable(state, company.programme)
    company.programme.needs_employees = True
    db.session.commit()
    assert "employees" in company_edits.editable(state, company.programme)
    with pytest.raises(InvalidInput, match="application.incomplete") as lacking:
        applications.apply(actor=actor)
    assert "상시근로자 수" in lacking.value.text
    edit(actor, employees=0)
    with pytest.raises(Ineligible, match="company.no_employees"):
        applications.apply(actor=actor)
    edit(actor, employees=2)
    assert applications.apply(actor=actor).state is ApplicationState.SCREENING
    found = company_edits.edits(actor=actor, company_id=company.id)
    assert (found[0].label, found[0].before, found[0].after) == ("상시근로자 수", 0, 2)


def test_a_company_at_rest_does_not_apply(newcomer: tuple[Actor, Any], sandbox: str) -> None:
    """R-JOIN-4"""
    actor, _ = newcomer
    edit(actor, business_number=behaviours.business_number("02"))
    with pytest.raises(Ineligible, match="company.at_rest"):
        applications.apply(actor=actor)
    assert applications.own(actor=actor).state is ApplicationState.NOT_APPLIED
