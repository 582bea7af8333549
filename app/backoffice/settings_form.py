"""The forms of 사업 설정; labels come from the workflow that keeps the settings."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, IntegerField, StringField

from app.web.forms import BaseForm, DateField, Required, longest
from app.workflows.programmes import SETTINGS


class NumberField(IntegerField):
    """A whole number, wrong in Korean."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError("숫자를 입력해 주세요.") from error


def _number(name: str) -> NumberField:
    return NumberField(SETTINGS[name], validators=[Required(f"{SETTINGS[name]}: 숫자를 입력해 주세요.")])


class SettingsForm(BaseForm):
    is_open = BooleanField(SETTINGS["is_open"])
    consultation_days = _number("consultation_days")
    consultation_business = BooleanField(SETTINGS["consultation_business"])
    payment_days = _number("payment_days")
    payment_business = BooleanField(SETTINGS["payment_business"])
    first_payment_months = _number("first_payment_months")
    full_use_months = _number("full_use_months")
    card_opens_on = DateField(SETTINGS["card_opens_on"])
    initial_password_days = _number("initial_password_days")
    settlement_use_days = _number("settlement_use_days")
    settlement_fee_bp = _number("settlement_fee_bp")


class ClosingDayForm(BaseForm):
    day = DateField("휴무일", validators=[Required()])
    reason = StringField("사유", validators=[Required(), longest(200)])


def settings_of(form: SettingsForm) -> dict[str, Any]:
    return {name: form[name].data for name in SETTINGS}
