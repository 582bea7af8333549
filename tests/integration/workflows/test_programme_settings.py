"""Settings of a programme as data, each change audited (R-JOIN-7a, R-TIME-4, R-MONEY-2)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.errors import Conflict, Denied, InvalidInput
from app.models.applications import ApplicationState
from app.models.companies import CompanyKind, DocumentKind, VerifiedAs
from app.models.programme import Programme, SelectionOrder, VatMode
from app.policy import Actor, Role
from app.workflows import budget, needed_documents, programme_settings, programmes
from app.workflows.needed_documents import Needed
from tests import factories
from tests.integration.workflows import joining

D = DocumentKind


@pytest.fixture
def manager(tx: Flask) -> Actor:
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


@pytest.fixture
def programme(manager: Actor) -> Programme:
    return programmes.create_programme(actor=manager, year=2020)


def change(actor: Actor, programme: Programme, **settings: Any) -> Programme:
    return programmes.change_settings(actor=actor, programme_id=programme.id, **settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"payment_days": 0},
        {"consultation_days": 366},
        {"settlement_fee_bp": 10_001},
        {"company_share_percent": 91},
        {"cap": 4_000_001},
        {"cap": 0},
        {"promised_days": 0},
        {"category_codes": []},
        {"category_codes": ["chess"]},
        {"excluded_industries": ["유흥주점", "유흥 주점"]},
        {"excluded_industries": ["가"]},
        {"excluded_industries": [f"업종{n:02}" for n in range(51)]},
        {"needed_documents": {"passport": "always"}},
        {"needed_documents": {"bank_book": "sometimes"}},
    ],
)
def test_a_setting_out_of_bounds_is_refused_by_its_name(
    manager: Actor, programme: Programme, wrong: dict[str, Any]
) -> None:
    before = {name: getattr(programme, name) for name in wrong}
    with pytest.raises(InvalidInput, match=r"programme\.settings") as refused:
        change(manager, programme, **wrong)
    assert refused.value.fields.keys() == wrong.keys()
    assert {name: getattr(programme, name) for name in wrong} == before


def test_every_change_is_audited_with_before_and_after_in_korean(
    manager: Actor, programme: Programme
) -> None:
    """R-AUD-1: what stays as it was is no change."""
    change(manager, programme, payment_days=3, consultation_days=2, card_opens_on=date(2020, 12, 1))
    change(manager, programme, payment_days=3)
    documents = needed_documents.as_setting(needed_documents.USUAL | {D.BANK_BOOK: Needed.ALWAYS})
    words = [*programme.excluded_industries, "귀금속 도매"]
    change(manager, programme, needed_documents=documents, excluded_industries=words)
    change(manager, programme, cap=5_000_000, vat_mode=VatMode.BORNE, reason="지침 개정")
    last, lists, days, first = programme_settings.changes(actor=manager, programme_id=programme.id)
    assert [line[0] for line in first.lines] == ["새 연도 사업"]
    assert set(days.lines) == {
        ("결제 기한", "2일", "3일"),
        ("선불형·법인체크카드 발급 시작일", "2020.11.02.", "2020.12.01."),
    }
    assert ("제출 서류", "통장 사본: 필요 없음", "통장 사본: 항상") in lists.lines
    assert next(line for line in lists.lines if line[0] == "지원 제외 업종")[2].endswith("귀금속 도매")
    assert set(last.lines) == {
        ("바우처 한도", "4,000,000원", "5,000,000원"),
        ("부가세", "부가세 포함", "부가세 기업 부담"),
    }
    assert (last.who, last.reason) == (manager.name, "지침 개정")
    older = programme_settings.changes(actor=manager, programme_id=programme.id, before=lists.id, size=1)
    assert [entry.id for entry in older] == [days.id]


def test_the_worth_of_a_voucher_stands_once_there_is_one(tx: Flask) -> None:
    """R-MONEY-2"""
    stage = joining.set_stage(vouchers=1, year=2020)
    change(stage.manager, stage.programme, company_share_percent=20)
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
    case = factories.make_application(company=company, state=ApplicationState.SCREENED)
    db.session.commit()
    assert budget.confirm(actor=stage.officer, application_ids=[case.id]).done == [case.id]
    for name, value in {"cap": 3_000_000, "company_share_percent": 10, "vat_mode": VatMode.BORNE}.items():
        with pytest.raises(Conflict, match=r"programme\.worth_fixed"):
            change(stage.manager, stage.programme, **{name: value})
    # What does not change, and what is no worth, is let through.
    change(stage.manager, stage.programme, cap=stage.programme.cap, payment_days=4)
    assert (stage.programme.company_share_percent, stage.programme.payment_days) == (20, 4)


def test_who_may_change_what(manager: Actor, programme: Programme) -> None:
    """Domain, section 1: the system administrator has settings and no decisions."""
    admin = factories.make_actor(Role.SYSTEM_ADMIN)
    auditor = factories.make_actor(Role.AUDITOR)
    db.session.commit()
    assert change(admin, programme, promised_days=7).promised_days == 7
    for actor, settings in (
        (admin, {"cap": 5_000_000}),
        (admin, {"is_open": False}),
        (auditor, {"promised_days": 5}),
    ):
        with pytest.raises(Denied):
            change(actor, programme, **settings)
    assert programme_settings.changes(actor=auditor, programme_id=programme.id)
    with pytest.raises(Denied):
        programme_settings.changes(actor=factories.make_actor(Role.REVIEWER), programme_id=programme.id)


def test_a_setting_that_nobody_knows_is_a_bug(manager: Actor, programme: Programme) -> None:
    with pytest.raises(ValueError, match="year"):
        change(manager, programme, year=2030)


def test_every_setting_is_a_column_and_every_preset_value_a_setting() -> None:
    columns = set(Programme.__table__.columns.keys())
    assert set(programme_settings.SETTINGS) == columns - {"id", "year", "name"}
    for preset in programmes.PRESETS.values():
        programme_settings.check(preset.settings())


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, {D.BUSINESS_REGISTRATION, D.TAX_CLEARANCE, D.CORPORATE_REGISTER, D.INSURANCE_LIST}),
        ({"corporate_register": "never"}, {D.BUSINESS_REGISTRATION, D.TAX_CLEARANCE, D.INSURANCE_LIST}),
        (
            {"tax_clearance": "joined_before", "bank_book": "always", "insurance_list": "never"},
            {D.BUSINESS_REGISTRATION, D.CORPORATE_REGISTER, D.BANK_BOOK},
        ),
    ],
)
def test_documents_follow_the_table_of_the_programme(
    programme: Programme, table: dict[str, str], expected: set[DocumentKind]
) -> None:
    """R-JOIN-2, R-JOIN-7a: a corporation whose staff member was verified."""
    programme.needed_documents = table
    found = needed_documents.needed(
        programme, kind=CompanyKind.CORPORATE, verified_as=VerifiedAs.STAFF, joined_before=False
    )
    assert set(found) == expected


def test_a_new_year_can_be_made_closed_and_the_old_one_stays_current(
    manager: Actor, programme: Programme
) -> None:
    """R-JOIN-7a"""
    following = programmes.create_programme(actor=manager, year=2022, is_open=False)
    assert programmes.current().id == programme.id
    assert following.selection_order is SelectionOrder.SCORE
    change(manager, following, is_open=True)
    assert programmes.current().id == following.id
    for each in (programme, following):
        change(manager, each, is_open=False)
    # Sign-up has ended; screening, budgets and deals of the year go on.
    assert programmes.current().id == following.id


def test_what_counts_as_use_is_set_but_not_to_nothing(manager: Actor, programme: Programme) -> None:
    """R-SET-1: with none of the three no payment would ever be settled."""
    change(manager, programme, settle_by_evaluation=False, settle_by_days=False)
    assert (programme.settle_by_usage, programme.settle_by_days) == (True, False)
    for left in ({"settle_by_usage": False}, dict.fromkeys(programme_settings.SETTLES_BY, False)):
        with pytest.raises(InvalidInput) as refusal:
            change(manager, programme, **left)
        assert refusal.value.code == "programme.settings"
        assert "하나 이상 켜 주세요" in refusal.value.fields["settle_by_evaluation"]
    assert db.session.get_one(Programme, programme.id, populate_existing=True).settle_by_usage
    change(manager, programme, settle_by_usage=False, settle_by_evaluation=True)
    assert (programme.settle_by_usage, programme.settle_by_evaluation) == (False, True)


@pytest.mark.parametrize(
    "wrong",
    [{"usage_idle_days": 0}, {"usage_idle_months": 13}, {"usage_grace_days": 91}, {"usage_idle_days": 366}],
)
def test_the_numbers_of_a_warning_have_bounds(
    manager: Actor, programme: Programme, wrong: dict[str, int]
) -> None:
    """R-SET-1a"""
    with pytest.raises(InvalidInput) as refusal:
        change(manager, programme, **wrong)
    assert list(refusal.value.fields) == list(wrong)
