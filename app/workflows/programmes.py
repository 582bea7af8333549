"""The programme of a year: presets, agencies, categories, settings, closing days (R-JOIN-7a, R-TIME-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, update

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.catalogue import Category
from app.models.deals import Deal, DealState
from app.models.programme import Agency, AgencyBudget, ClosingDay, Programme, VatMode
from app.policy import Actor, Permission
from app.workflows import record

PLATFORM_PHONE = "02-6093-3500"
CARD_PHONE = "1544-7000"
ZEROPAY_PHONE = "1670-0582"

CATEGORIES = {
    "video": "화상회의",
    "remote_work": "재택근무(협업Tool)",
    "security": "네트워크·보안 솔루션",
    "education": "온라인교육(에듀테크)",
    "care": "돌봄서비스",
    "consulting": "비대면 제도도입 컨설팅",
}

AGENCIES = {
    "innopolis": ("대덕이노폴리스벤처협회", "042-867-9694, 042-867-9698"),
    "venture": ("벤처기업협회", "02-6331-7083, 02-6331-7084"),
    "innobiz": ("중소기업기술혁신협회(이노비즈협회)", "031-628-9667, 031-628-9658"),
    "mainbiz": ("한국경영혁신중소기업협회(메인비즈협회)", "02-2230-2152, 02-2230-2119"),
}
LEAD_AGENCY = ("lead", "창업진흥원", PLATFORM_PHONE)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a year brought (R-JOIN-7a): won, percent."""

    cap: int
    company_share_percent: int
    vat_mode: VatMode
    category_codes: tuple[str, ...]
    card_opens_on: date | None = None


_EARLY: dict[str, Any] = {
    "cap": 4_000_000,
    "company_share_percent": 10,
    "vat_mode": VatMode.INCLUDED,
    "category_codes": tuple(CATEGORIES),
}
PRESETS = {
    2020: Preset(**_EARLY, card_opens_on=date(2020, 11, 2)),
    2021: Preset(**_EARLY),
    2022: Preset(
        cap=4_000_000,
        company_share_percent=30,
        vat_mode=VatMode.BORNE,
        category_codes=("video", "remote_work", "security"),
    ),
}

SETTINGS = {
    "is_open": "접수 여부",
    "consultation_days": "거래상담 답변 기한(일)",
    "consultation_business": "거래상담 기한을 영업일로 계산",
    "payment_days": "결제 기한(일)",
    "payment_business": "결제 기한을 영업일로 계산",
    "first_payment_months": "첫 결제 기한(개월)",
    "full_use_months": "사용 기한(개월)",
    "card_opens_on": "선불형·법인체크카드 발급 시작일",
    "initial_password_days": "초기 비밀번호 유효기간(일)",
    "settlement_use_days": "정산 사용확인 기간(일)",
    "settlement_fee_bp": "정산 수수료(1만분의 1)",
}
_POSITIVE = {"consultation_days", "payment_days", "first_payment_months", "full_use_months"}


def create_programme(*, actor: Actor, year: int) -> Programme:
    """Open the programme of a year from its preset, with categories, agencies and their empty budgets.

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
        programme = Programme(
            year=year,
            name=f"{year}년 K-비대면 서비스 바우처 지원사업",
            cap=preset.cap,
            company_share_percent=preset.company_share_percent,
            vat_mode=preset.vat_mode,
            category_codes=list(preset.category_codes),
            card_opens_on=preset.card_opens_on,
        )
        session.add(programme)
        _ensure_categories()
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


def change_settings(*, actor: Actor, programme_id: int, **settings: Any) -> Programme:
    """Change deadlines, fees and days (R-TIME-4); what already runs keeps its deadline.

    Raises Denied, NotFound, InvalidInput. The voucher's worth and shares do not change within a year.
    """
    policy.require(actor, Permission.PROGRAMME_MANAGE)
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise ValueError(f"no settings: {sorted(unknown)}")
    _check_settings(settings)
    with transaction() as session:
        programme = lock(Programme, programme_id)
        change = {n: (getattr(programme, n), v) for n, v in settings.items() if getattr(programme, n) != v}
        for name, value in settings.items():
            setattr(programme, name, value)
        session.flush()
        if change:
            record.write("programme", programme.id, "change_settings", actor=actor, change=change)
        return programme


def _check_settings(settings: dict[str, Any]) -> None:
    wrong = {}
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        least, most = (1 if name in _POSITIVE else 0), (10_000 if name == "settlement_fee_bp" else 365)
        if not least <= value <= most:
            wrong[name] = f"{least}에서 {most:,} 사이의 수를 입력해 주세요."
    if wrong:
        names = ", ".join(SETTINGS[name] for name in wrong)
        raise InvalidInput("programme.settings", f"설정값을 확인해 주세요: {names}", fields=wrong)


def declare_closing_day(*, actor: Actor, programme_id: int, day: date, reason: str) -> ClosingDay:
    """Declare a closing day (R-TIME-2); open consultations that count it move on by a business day.

    Raises Denied, NotFound, InvalidInput (a day gone by, a day declared before, no reason).
    """
    policy.require(actor, Permission.PROGRAMME_MANAGE)
    reason = reason.strip()
    if not reason:
        raise InvalidInput(
            "closing_day.reason", "휴무 사유를 입력해 주세요.", fields={"reason": "사유를 입력해 주세요."}
        )
    if day <= clock.today():
        text = "오늘 이후의 날짜만 휴무일로 정할 수 있습니다."
        raise InvalidInput("closing_day.past", text, fields={"day": text})
    with transaction() as session:
        programme = lock(Programme, programme_id)
        if session.get(ClosingDay, (programme_id, day)):
            text = "이미 휴무일로 정한 날짜입니다."
            raise InvalidInput("closing_day.twice", text, fields={"day": text})
        closing = ClosingDay(programme_id=programme_id, day=day, reason=reason)
        session.add(closing)
        session.flush()
        record.write(
            "programme",
            programme_id,
            "close_day",
            actor=actor,
            change={"closing_day": (None, day)},
            reason=reason,
        )
        _move_deadlines(programme, day)
        return closing


def _move_deadlines(programme: Programme, day: date) -> None:
    """Reckon anew what runs on business days and ends after the beginning of the new closing day."""
    closed = closing_days(programme_id=programme.id)
    runs: list[tuple[DealState, Any, int]] = []
    if programme.consultation_business:
        runs.append((DealState.CONSULTING, Deal.requested_at, programme.consultation_days))
    if programme.payment_business:
        runs.append((DealState.BILLED, Deal.billed_at, programme.payment_days))
    for state, began, days in runs:
        began_on = func.date(func.timezone("Asia/Seoul", began))
        open_ = (Deal.programme_id == programme.id, Deal.state == state, Deal.due_at > clock.start_of(day))
        for begun in list(db.session.scalars(select(began_on).where(*open_).distinct())):
            due = clock.deadline_after(clock.start_of(begun), days, business=True, closed=closed)
            db.session.execute(
                update(Deal).where(*open_, began_on == begun, Deal.due_at < due).values(due_at=due)
            )


def current() -> Programme:
    """The open programme; the latest where several are. Raises NotFound."""
    programme = db.session.scalar(
        select(Programme).where(Programme.is_open).order_by(Programme.year.desc()).limit(1)
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
    """The categories of a programme (R-CAT-1); of the current one by default, of none all."""
    if programme is None:
        programme = db.session.scalar(
            select(Programme).where(Programme.is_open).order_by(Programme.year.desc()).limit(1)
        )
    statement = select(Category).order_by(Category.position, Category.id)
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
