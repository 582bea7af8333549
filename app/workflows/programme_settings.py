"""A programme's settings: what each is called, what it may be, and how it is told (R-TIME-4, R-JOIN-7a)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from app import policy
from app.db import db
from app.errors import InvalidInput
from app.models.companies import DocumentKind
from app.models.programme import Programme, SelectionOrder, VatMode
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import categories, record
from app.workflows.needed_documents import Needed
from app.workflows.programme_presets import CATEGORIES


@dataclass(frozen=True, kw_only=True)
class Setting:
    """`least` and `most` bound a number, both inclusive."""

    label: str
    group: str
    unit: str = ""
    hint: str = ""
    least: int = 0
    most: int = 365
    kind: str = "number"
    """number, flag, day, order, vat, words, codes or documents."""


JOINING, WORTH, DEALS, VOUCHERS = "접수와 심사", "지원금", "거래 기한", "바우처 기한"
SETTLEMENT, USAGE = "정산", "이용 확인과 경고"
NOT_BACKWARDS = "이미 시작된 기한은 그대로입니다."

SETTINGS = {
    "is_open": Setting(label="접수 여부", group=JOINING, kind="flag"),
    "selection_order": Setting(
        label="선정 순서",
        group=JOINING,
        kind="order",
        hint="예산을 확정하는 순서입니다. 평가점수 순서이면 심사확정할 때 점수가 있어야 합니다.",
    ),
    "needs_employees": Setting(
        label="상시근로자가 있는 기업만 신청",
        group=JOINING,
        kind="flag",
        hint="켜면 회원가입에서 상시근로자 수를 묻고, 0명이면 신청할 수 없습니다.",
    ),
    "promised_days": Setting(
        label="심사 처리 약속 기간",
        group=JOINING,
        unit="영업일",
        least=1,
        hint="이 기간을 넘긴 건은 운영기관의 대기열과 현황에 따로 표시됩니다.",
    ),
    "offer_days": Setting(
        label="예산 제안 답변 기한",
        group=JOINING,
        unit="영업일",
        least=1,
        most=30,
        hint="돌아온 예산을 제안받은 대기 기업이 답하는 기간입니다.",
    ),
    "initial_password_days": Setting(
        label="K-Startup 초기 비밀번호 유효기간",
        group=JOINING,
        unit="일",
        least=1,
        hint="이 기간이 지나면 초기 비밀번호로 로그인할 수 없고, '비밀번호 찾기'로 새로 정합니다.",
    ),
    "cap": Setting(label="바우처 한도", group=WORTH, unit="원", least=10_000, most=100_000_000),
    "company_share_percent": Setting(label="기업 자부담률", group=WORTH, unit="%", most=90),
    "vat_mode": Setting(label="부가세", group=WORTH, kind="vat"),
    "consultation_days": Setting(
        label="거래상담 답변 기한", group=DEALS, unit="일", least=1, hint=NOT_BACKWARDS
    ),
    "consultation_business": Setting(
        label="거래상담 기한을 영업일로 계산", group=DEALS, kind="flag", hint="끄면 달력 날짜로 셉니다."
    ),
    "payment_days": Setting(label="결제 기한", group=DEALS, unit="일", least=1, hint=NOT_BACKWARDS),
    "payment_business": Setting(
        label="결제 기한을 영업일로 계산", group=DEALS, kind="flag", hint="끄면 달력 날짜로 셉니다."
    ),
    "first_payment_months": Setting(
        label="첫 결제 기한",
        group=VOUCHERS,
        unit="개월",
        least=1,
        most=24,
        hint="선정일부터 셉니다. 이미 지급된 바우처의 기한은 그대로입니다.",
    ),
    "full_use_months": Setting(
        label="사용 기한",
        group=VOUCHERS,
        unit="개월",
        least=1,
        most=24,
        hint="선정일부터 셉니다. 이미 지급된 바우처의 기한은 그대로입니다.",
    ),
    "card_opens_on": Setting(
        label="선불형·법인체크카드 발급 시작일",
        group=VOUCHERS,
        kind="day",
        hint="비워 두면 두 카드를 고를 수 없습니다.",
    ),
    "settle_by_evaluation": Setting(
        label="만족도 평가를 사용확인으로 인정",
        group=SETTLEMENT,
        kind="flag",
        hint="수요기업이 평가하면 사용을 확인한 것으로 보고 정산합니다.",
    ),
    "settle_by_usage": Setting(
        label="이용실적을 사용확인으로 인정",
        group=SETTLEMENT,
        kind="flag",
        hint="공급기업이 로그인 1회 이상의 이용실적을 제출하면 정산합니다.",
    ),
    "settle_by_days": Setting(
        label="기간 경과를 사용확인으로 인정",
        group=SETTLEMENT,
        kind="flag",
        hint="결제한 뒤 아래 기간이 지나면 정산합니다. 세 가지 가운데 하나 이상을 켜 주세요.",
    ),
    "settlement_use_days": Setting(
        label="정산 사용확인 기간",
        group=SETTLEMENT,
        unit="일",
        hint="기간 경과를 인정할 때, 결제한 뒤 이 기간이 지나면 정산 대상입니다.",
    ),
    "settlement_fee_bp": Setting(
        label="정산 수수료", group=SETTLEMENT, unit="1만분의 1", most=10_000, hint="100이면 1%입니다."
    ),
    "usage_idle_days": Setting(
        label="결제 후 이용 없음 경고",
        group=USAGE,
        unit="일",
        least=1,
        hint="결제일이나 이용 시작일부터 이 기간 동안 확인된 이용이 없으면 양쪽에 경고합니다.",
    ),
    "usage_idle_cancels": Setting(
        label="결제 후 이용이 없으면 결제취소와 환수",
        group=USAGE,
        kind="flag",
        hint="끄면 경고만 합니다. 켜도 이용 없음을 이용실적으로 확인한 거래만 취소합니다.",
    ),
    "usage_idle_months": Setting(
        label="이용 없는 달 경고",
        group=USAGE,
        unit="개월",
        least=1,
        most=12,
        hint="이용실적이 0회인 달이 이만큼 이어지면 양쪽에 경고합니다.",
    ),
    "usage_idle_stops": Setting(
        label="이용 없는 달이 이어지면 이용 중지",
        group=USAGE,
        kind="flag",
        hint="끄면 경고만 합니다. 이용 중지된 거래의 공급대금은 지급을 보류합니다.",
    ),
    "usage_grace_days": Setting(
        label="경고 뒤 조치까지의 기간",
        group=USAGE,
        unit="일",
        most=90,
        hint="이 기간 안에 이용이 확인되면 조치하지 않습니다. 이미 알린 경고는 그대로입니다.",
    ),
    "category_codes": Setting(label="서비스 분야", group=JOINING, kind="codes"),
    "excluded_industries": Setting(label="지원 제외 업종", group=JOINING, kind="words"),
    "needed_documents": Setting(label="제출 서류", group=JOINING, kind="documents"),
}
SETTLES_BY = ("settle_by_evaluation", "settle_by_usage", "settle_by_days")
"""What counts as a confirmed use; one of them at least (R-SET-1)."""
WORTH_SETTINGS = tuple(name for name, setting in SETTINGS.items() if setting.group == WORTH)
MOST_WORDS = 50
LONGEST_WORD = 30


def known_categories() -> dict[str, str]:
    """Code -> name: those of the table in their order, then of the presets what is not there yet."""
    named = categories.names()
    return named | {code: name for code, name in CATEGORIES.items() if code not in named}


def check(settings: Mapping[str, Any]) -> None:
    """Raises InvalidInput `programme.settings`, naming the fields."""
    wrong = {name: text for name, value in settings.items() if (text := _wrong(SETTINGS[name], value))}
    if wrong:
        names = ", ".join(SETTINGS[name].label for name in wrong)
        raise InvalidInput("programme.settings", f"설정값을 확인해 주세요: {names}", fields=wrong)


def check_together(programme: Programme, settings: Mapping[str, Any]) -> None:
    """What no setting says by itself, with those that stay. Raises InvalidInput `programme.settings`."""
    if any(settings.get(name, getattr(programme, name)) for name in SETTLES_BY):
        return
    text = (
        "사용확인으로 인정할 것을 하나 이상 켜 주세요. 모두 끄면 어떤 결제도 정산할 수 없습니다. "
        "(만족도 평가, 이용실적, 기간 경과)"
    )
    raise InvalidInput("programme.settings", text, fields={SETTLES_BY[0]: text})


def _wrong(setting: Setting, value: Any) -> str:
    if setting.kind == "number":
        return _wrong_number(setting, value)
    if setting.kind == "words":
        return _wrong_words(value)
    if setting.kind == "codes":
        fits = bool(value) and (set(value) <= set(CATEGORIES) or set(value) <= set(known_categories()))
        return "" if fits else "서비스 분야를 하나 이상 선택해 주세요."
    if setting.kind == "documents":
        kinds, conditions = {kind.value for kind in DocumentKind}, {each.value for each in Needed}
        fits = set(value) <= kinds and set(value.values()) <= conditions
        return "" if fits else "서류마다 제출 대상을 선택해 주세요."
    return ""


def _wrong_number(setting: Setting, value: Any) -> str:
    if setting.unit == "원" and value % 10_000:
        # A share in percent of it is whole won then, so that the parts meet exactly (R-MONEY-2).
        return "만 원 단위로 입력해 주세요."
    if setting.least <= value <= setting.most:
        return ""
    return f"{setting.least:,}에서 {setting.most:,} 사이의 수를 입력해 주세요."


def _wrong_words(words: list[str]) -> str:
    if len(words) > MOST_WORDS:
        return f"제외 업종은 {MOST_WORDS}개까지 정할 수 있습니다."
    if any(not 2 <= len(word) <= LONGEST_WORD for word in words):
        return f"제외 업종은 두 글자 이상 {LONGEST_WORD}자 이하로 입력해 주세요."
    if len({"".join(word.split()).casefold() for word in words}) < len(words):
        return "이미 있는 제외 업종입니다."
    return ""


def told(name: str, value: Any) -> str:
    """A setting's value in Korean, as the column holds it or as the audit trail wrote it."""
    value = record.plain(value)
    setting = SETTINGS.get(name)
    if value is None:
        return "없음"
    if setting is None:
        return str(value)
    if setting.kind == "number":
        return f"{value:,}{'' if setting.unit in ('원', '일', '개월', '%', '영업일') else ' '}{setting.unit}"
    if setting.kind == "flag":
        return "예" if value else "아니오"
    if setting.kind == "day":
        return f"{date.fromisoformat(value):%Y.%m.%d.}"
    if setting.kind in _ENUMS:
        return str(_ENUMS[setting.kind](value).label)
    return _told_list(setting.kind, value)


_ENUMS: dict[str, type[SelectionOrder] | type[VatMode]] = {"order": SelectionOrder, "vat": VatMode}


def _told_list(kind: str, value: Any) -> str:
    if kind == "codes":
        known = known_categories()
        return ", ".join(known.get(code, code) for code in value) or "모든 분야"
    if kind == "documents":
        return ", ".join(f"{DocumentKind(k).label}: {Needed(v).label}" for k, v in value.items())
    return ", ".join(value) or "없음"


def told_change(name: str, before: Any, after: Any) -> tuple[str, str]:
    """Before and after in Korean; of a table of documents only the rows that differ."""
    if name == "needed_documents":
        old, new = before or {}, after or {}
        differ = [kind for kind in new if new[kind] != old.get(kind)]
        before, after = {k: old[k] for k in differ if k in old}, {k: new[k] for k in differ}
    return told(name, before), told(name, after)


@dataclass(frozen=True, kw_only=True)
class SettingChange:
    """One change, of one or more settings at once."""

    id: int
    at: datetime
    who: str
    lines: list[tuple[str, str, str]]
    """(setting, before, after)"""
    reason: str


_OTHERS = {
    "year": "새 연도 사업",
    "closing_day": "휴무일",
    "clock_stop": "기한 중지 기간",
    "moved_deals": "기한이 늦춰진 거래(건)",
    "moved_vouchers": "기한이 늦춰진 바우처(건)",
    "moved_offers": "기한이 늦춰진 예산 안내(건)",
}
_ACTIONS = ("begin", "change_settings", "close_day", "move_deadlines", "stop_clock")


def changes(
    *, actor: Actor, programme_id: int, before: int | None = None, size: int = 20
) -> list[SettingChange]:
    """'설정 변경 이력', newest first; `before` is a change's id. Raises Denied."""
    policy.require(actor, Permission.OPERATIONS_VIEW)
    statement = (
        select(AuditRow)
        .where(
            AuditRow.entity == "programme",
            AuditRow.entity_id == programme_id,
            AuditRow.action.in_(_ACTIONS),
        )
        .order_by(AuditRow.id.desc())
        .limit(size)
    )
    if before is not None:
        statement = statement.where(AuditRow.id < before)
    return [
        SettingChange(
            id=row.id,
            at=row.recorded_at,
            who=row.actor_name,
            lines=[(_name(name), *told_change(name, *pair)) for name, pair in row.change.items()],
            reason=row.reason or "",
        )
        for row in db.session.scalars(statement)
    ]


def _name(setting: str) -> str:
    return SETTINGS[setting].label if setting in SETTINGS else _OTHERS.get(setting, setting)
