"""The programme of a year: presets, agencies, categories, settings, closing days (R-JOIN-7a, R-TIME-4)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from app import policy
from app.db import db, lock, transaction
from app.errors import Conflict, NotFound
from app.models.catalogue import Category
from app.models.programme import Agency, AgencyBudget, ClosingDay, Programme
from app.models.vouchers import Voucher
from app.policy import Actor, Permission
from app.workflows import posts, programme_settings, record
from app.workflows.programme_presets import CATEGORIES, PRESETS
from app.workflows.shipped_posts import QUESTIONS

PLATFORM_PHONE = "02-6093-3500"
CARD_PHONE = "1544-7000"
ZEROPAY_PHONE = "1670-0582"

AGENCIES = {
    "innopolis": ("대덕이노폴리스벤처협회", "042-867-9694, 042-867-9698"),
    "venture": ("벤처기업협회", "02-6331-7083, 02-6331-7084"),
    "innobiz": ("중소기업기술혁신협회(이노비즈협회)", "031-628-9667, 031-628-9658"),
    "mainbiz": ("한국경영혁신중소기업협회(메인비즈협회)", "02-2230-2152, 02-2230-2119"),
}
LEAD_AGENCY = ("lead", "창업진흥원", PLATFORM_PHONE)


def create_programme(*, actor: Actor, year: int, is_open: bool = True) -> Programme:
    """Make the programme of a year from its preset, with categories, agencies and their empty budgets.

    Raises Denied, NotFound (no preset), Conflict `programme.exists`.
    """
    if actor is not policy.CLOCK:
        policy.require(actor, Permission.PROGRAMME_MANAGE)
    preset = PRESETS.get(year)
    if preset is None:
        raise NotFound("programme.preset", f"{year}년 사업의 기본 설정이 없습니다.")
    with transaction() as session:
        if session.scalar(select(Programme.id).where(Programme.year == year)):
            raise Conflict("programme.exists", f"{year}년 사업은 이미 있습니다.")
        name = f"{year}년 K-비대면 서비스 바우처 지원사업"
        programme = Programme(year=year, name=name, is_open=is_open, **preset.settings())
        session.add(programme)
        _ensure_categories()
        posts.ship(QUESTIONS, actor=actor)
        agencies = _ensure_agencies()
        session.flush()
        session.add_all(AgencyBudget(programme_id=programme.id, agency_id=a.id) for a in agencies)
        session.flush()
        record.write("programme", programme.id, "begin", actor=actor, change={"year": (None, year)})
        return programme


def _ensure_categories() -> None:
    known = set(db.session.scalars(select(Category.code)))
    db.session.add_all(
        Category(code=code, name=name, position=position)
        for position, (code, name) in enumerate(CATEGORIES.items(), start=1)
        if code not in known
    )


def _ensure_agencies() -> list[Agency]:
    """The four operating agencies, made where they are missing; the lead agency beside them (R-ROLE-2)."""
    known = set(db.session.scalars(select(Agency.code)))
    db.session.add_all(
        Agency(code=code, name=name, phones=phones)
        for code, (name, phones) in AGENCIES.items()
        if code not in known
    )
    code, name, phones = LEAD_AGENCY
    if code not in known:
        db.session.add(Agency(code=code, name=name, phones=phones, is_lead=True))
    db.session.flush()
    return operating_agencies()


def change_settings(*, actor: Actor, programme_id: int, reason: str = "", **settings: Any) -> Programme:
    """Change settings (R-TIME-4, R-JOIN-7a); what already runs keeps its deadline.

    What a voucher is worth stands once the year has one: its shares are money (R-MONEY-2).

    Raises Denied, NotFound, InvalidInput `programme.settings`, Conflict `programme.worth_fixed`.
    """
    weighty = {*programme_settings.WORTH_SETTINGS, "is_open"} & set(settings)
    policy.require(actor, Permission.PROGRAMME_MANAGE if weighty else Permission.PROGRAMME_SETTINGS)
    unknown = set(settings) - set(programme_settings.SETTINGS)
    if unknown:
        raise ValueError(f"no settings: {sorted(unknown)}")
    programme_settings.check(settings)
    with transaction() as session:
        programme = lock(Programme, programme_id)
        programme_settings.check_together(programme, settings)
        change = {n: (getattr(programme, n), v) for n, v in settings.items() if getattr(programme, n) != v}
        if set(change) & set(programme_settings.WORTH_SETTINGS) and has_vouchers(programme_id=programme_id):
            raise Conflict(
                "programme.worth_fixed",
                "이미 바우처가 지급된 사업이라 한도, 자부담률, 부가세를 바꿀 수 없습니다. 다음 연도 사업에서 "
                "정해 주세요.",
            )
        for name, (_, value) in change.items():
            setattr(programme, name, value)
        session.flush()
        if change:
            why = reason.strip() or None
            record.write("programme", programme.id, "change_settings", actor=actor, change=change, reason=why)
        return programme


def has_vouchers(*, programme_id: int) -> bool:
    found = select(Voucher.id).where(Voucher.programme_id == programme_id).limit(1)
    return db.session.scalar(found) is not None


def current() -> Programme:
    """The open programme; the latest where several are open, or none is. Raises NotFound.

    When sign-up closes, the year's screening, budgets and deals go on.
    """
    programme = db.session.scalar(
        select(Programme).order_by(Programme.is_open.desc(), Programme.year.desc()).limit(1)
    )
    if programme is None:
        raise NotFound("programme.none", "지금 진행 중인 사업이 없습니다.")
    return programme


def get(*, programme_id: int) -> Programme:
    programme = db.session.get(Programme, programme_id)
    if programme is None:
        raise NotFound()
    return programme


def programmes() -> list[Programme]:
    return list(db.session.scalars(select(Programme).order_by(Programme.year.desc())))


def operating_agencies() -> list[Agency]:
    return list(db.session.scalars(select(Agency).where(~Agency.is_lead).order_by(Agency.id)))


def lead_agency() -> Agency:
    agency = db.session.scalar(select(Agency).where(Agency.is_lead).order_by(Agency.id).limit(1))
    if agency is None:
        raise NotFound()
    return agency


def categories(*, programme: Programme | None = None) -> list[Category]:
    """The open categories of a programme (R-CAT-1); of the current one by default, of none all."""
    if programme is None:
        programme = db.session.scalar(
            select(Programme).order_by(Programme.is_open.desc(), Programme.year.desc()).limit(1)
        )
    statement = select(Category).where(Category.is_open).order_by(Category.position, Category.id)
    if programme is not None and programme.category_codes:
        statement = statement.where(Category.code.in_(programme.category_codes))
    return list(db.session.scalars(statement))


def closing_days(*, programme_id: int) -> frozenset[date]:
    return frozenset(
        db.session.scalars(select(ClosingDay.day).where(ClosingDay.programme_id == programme_id))
    )


def closing_day_rows(*, programme_id: int) -> list[ClosingDay]:
    statement = select(ClosingDay).where(ClosingDay.programme_id == programme_id).order_by(ClosingDay.day)
    return list(db.session.scalars(statement))
