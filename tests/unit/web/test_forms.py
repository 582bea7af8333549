"""Forms take what people type, refuse in Korean and keep what was typed (R-JOIN-4, R-MONEY-1)."""

from __future__ import annotations

import io
from datetime import date

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage, MultiDict
from wtforms import BooleanField, RadioField, StringField

from app.errors import Conflict, InvalidInput
from app.web.forms import (
    Agreed,
    BaseForm,
    BusinessNumberField,
    DateField,
    MoneyField,
    PhoneField,
    ReasonField,
    Required,
    UploadField,
    longest,
    refusal_to_form,
)


class Sample(BaseForm):
    class Meta(BaseForm.Meta):
        csrf = False

    name = StringField("이름", [Required(), longest(10)])
    number = BusinessNumberField("사업자등록번호")
    mobile = PhoneField("휴대폰 번호")
    amount = MoneyField("금액", minimum=1000, maximum=4_000_000)
    day = DateField("시작일")
    kind = RadioField("기업 구분", choices=[("a", "개인"), ("b", "법인")], default="a")
    agreed = BooleanField("이용약관", [Agreed()], default=True)
    reason = ReasonField(default="x")
    document = UploadField("사업자등록증", max_mb=1)


def _form(screens: Flask, **typed: object) -> Sample:
    data = {"name": "홍길동", "agreed": "y", "reason": "중복", "kind": "a"} | typed
    with screens.test_request_context("/", method="POST"):
        form = Sample(MultiDict({key: value for key, value in data.items() if value is not None}))
        form.validate()
        return form


@pytest.mark.parametrize("typed", ["120-88-00767", "120 88 00767", "1208800767", "120.88.00767"])
def test_any_way_of_writing_a_business_number(screens: Flask, typed: str) -> None:
    form = _form(screens, number=typed)
    assert form.number.data == "1208800767" and not form.number.errors
    assert form.number._value() == "120-88-00767"


@pytest.mark.parametrize("typed", ["123-45-67890", "000-00-00000", "12345", "가나다"])
def test_a_wrong_business_number(screens: Flask, typed: str) -> None:
    assert _form(screens, number=typed).number.errors


@pytest.mark.parametrize("typed", ["010-1234-5678", "010 1234 5678", "01012345678"])
def test_phone(screens: Flask, typed: str) -> None:
    assert _form(screens, mobile=typed).mobile.data == "01012345678"


@pytest.mark.parametrize("typed", ["02-123-4567", "010123", "전화"])
def test_not_a_mobile_phone(screens: Flask, typed: str) -> None:
    assert _form(screens, mobile=typed).mobile.errors


@pytest.mark.parametrize("typed", ["1,200,000", "1200000원", "₩1,200,000", " 1200000 "])
def test_money(screens: Flask, typed: str) -> None:
    assert _form(screens, amount=typed).amount.data == 1_200_000


@pytest.mark.parametrize("typed", ["12.5", "-1000", "많이", "999", "4,000,001", "9" * 40, "１２３４"])
def test_not_an_amount(screens: Flask, typed: str) -> None:
    form = _form(screens, amount=typed)
    assert form.amount.errors
    assert all("원" in message for message in form.amount.errors)


def test_what_was_typed_is_kept(screens: Flask) -> None:
    form = _form(screens, amount="많이", day="언젠가")
    assert form.amount._value() == "많이" and form.day._value() == "언젠가"


@pytest.mark.parametrize("typed", ["2020.11.03", "2020-11-03", "20201103", "2020. 11. 03."])
def test_dates(screens: Flask, typed: str) -> None:
    assert _form(screens, day=typed).day.data == date(2020, 11, 3)


@pytest.mark.parametrize("typed", ["2020.02.30", "11.03", "내일"])
def test_not_a_date(screens: Flask, typed: str) -> None:
    assert "YYYY.MM.DD" in _form(screens, day=typed).day.errors[0]


def test_spaces_do_not_count_and_the_message_names_the_field(screens: Flask) -> None:
    assert _form(screens, name="   ").name.errors == ["이름을 입력해 주세요."]
    assert _form(screens, name="가" * 11).name.errors == ["10자까지 입력할 수 있습니다."]


def test_a_choice_is_chosen_and_terms_are_agreed_to(screens: Flask) -> None:
    form = _form(screens, agreed=None)
    assert form.agreed.errors == ["이용약관에 동의해 주세요."]


@pytest.mark.parametrize(("size", "wrong"), [(10, ""), (1024 * 1024, "용량"), (0, "내용이 없는")])
def test_upload_size(screens: Flask, size: int, wrong: str) -> None:
    form = _form(screens, document=FileStorage(io.BytesIO(b"x" * size), filename="a.pdf"))
    assert (wrong in form.document.errors[0]) if wrong else not form.document.errors


def test_the_summary_follows_the_page_and_leads_to_the_inputs(screens: Flask) -> None:
    form = _form(screens, name="", amount="x", kind="z")
    assert [anchor for anchor, _ in form.errors_for_summary()] == ["name", "amount", "kind-0"]


def test_a_refusal_goes_to_the_fields_it_names(screens: Flask) -> None:
    form = _form(screens)
    refusal_to_form(
        form, InvalidInput("taken", "이미 있습니다.", fields={"number": "이미 가입한 번호입니다."})
    )
    assert form.errors_for_summary() == [("number", "이미 가입한 번호입니다.")]


def test_a_refusal_without_a_field_stands_at_the_top(screens: Flask) -> None:
    form = _form(screens)
    refusal_to_form(form, Conflict("closed", "접수 기간이 아닙니다.", fields={"absent": "x"}))
    assert form.errors_for_summary() == [("", "접수 기간이 아닙니다.")]
