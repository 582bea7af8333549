"""본인인증 by mobile phone as the screens ask for it: who, then the code (R-JOIN-1, R-JOIN-3)."""

from __future__ import annotations

from datetime import datetime

from flask import session
from wtforms import RadioField, SelectField, StringField

from app import clock
from app.models.companies import VerifiedAs
from app.models.people import Verification, VerificationPurpose
from app.web.forms import BaseForm, PhoneField, Required, longest
from app.workflows import verification


class PersonForm(BaseForm):
    """Whose phone. The birth date passes through to the identity service and into no page again."""

    name = StringField("이름", [Required(), longest(50)], render_kw={"autocomplete": "name"})
    birth7 = StringField(
        "생년월일과 주민등록번호 뒤 첫 자리",
        [Required()],
        description="생년월일 6자리와 뒤 1자리, 숫자 7자리. 예) 8001011",
        render_kw={"inputmode": "numeric", "maxlength": 8, "autocomplete": "off"},
    )
    carrier = SelectField("통신사", [Required()], choices=[("", "통신사 선택"), *verification.CARRIERS])
    phone = PhoneField("휴대폰 번호", [Required()], render_kw={"autocomplete": "tel"})


class VerifyForm(PersonForm):
    verified_as = RadioField(
        "누구로 본인인증하시나요?",
        [Required("본인인증하는 사람을 선택해 주세요.")],
        choices=[(each.value, each.label) for each in VerifiedAs],
        description="담당자(임직원)로 인증하면 4대보험 사업장 가입자 명부를 함께 제출합니다.",
    )


class CodeForm(BaseForm):
    code = StringField(
        "인증번호",
        [Required()],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": 6},
    )


def ask(form: PersonForm, purpose: VerificationPurpose) -> Verification:
    """Have the code sent to the phone of the form. Raises as `verification.request`."""
    return verification.request(
        purpose=purpose,
        name=form.name.data or "",
        birth7=form.birth7.data or "",
        carrier=form.carrier.data or "",
        phone=form.phone.data or "",
    )


def keep(place: str, asked: Verification, **more: str) -> None:
    """Remember the request in the browser's signed cookie: an address would land in histories."""
    session[place] = {"token": asked.token, **more}


def seconds_left(expires_at: datetime | None) -> int:
    """Until the code no longer counts, in real time."""
    return max(int((expires_at - clock.real_now()).total_seconds()), 0) if expires_at else 0
