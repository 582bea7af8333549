"""The base of every form: checked on the server, tolerant of how people type, wrong in Korean.

HTML5's own checks are off (`novalidate` in the macros): their bubbles are not read aloud everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import MultiDict
from wtforms import Field, Form, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, StopValidation, ValidationError

from app.errors import Refusal
from app.korean import with_object

SEPARATORS = str.maketrans("", "", " -–—./·\u00a0\t")
AMOUNT_MARKS = str.maketrans("", "", " ,원₩\u00a0\t")


class Required(InputRequired):
    """`이름을 입력해 주세요.`, or `선택` where something is chosen; spaces alone do not count."""

    def __call__(self, form: Form, field: Field) -> None:
        data = field.data.strip() if isinstance(field.data, str) else field.data
        if data or data == 0 and data is not False:
            return
        chosen = isinstance(getattr(field, "choices", None), list) or isinstance(field, FileField)
        list.clear(field.errors)  # type: ignore[arg-type]  # a list while a chain of validators runs
        raise StopValidation(
            self.message or f"{with_object(field.label.text)} {'선택' if chosen else '입력'}해 주세요."
        )


class Agreed:
    """A box that must be ticked."""

    field_flags = {"required": True}

    def __call__(self, form: Form, field: Field) -> None:
        if not field.data:
            raise StopValidation(f"{field.label.text}에 동의해 주세요.")


class BaseForm(FlaskForm):
    """Every form of ours. `errors_for_summary()` feeds the summary at the top of the page."""

    class Meta(FlaskForm.Meta):
        locales = ["ko"]  # type: ignore[assignment]  # WTForms takes False or a list of names

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            return without_zero_bytes(super().wrap_formdata(form, formdata))

    def errors_for_summary(self) -> list[tuple[str, str]]:
        """(id of the input, message) for each field's first error, in the order of the page."""
        found = [(field_anchor(field), field.errors[0]) for field in self if field.errors]
        return found + [("", message) for message in self.form_errors]


def without_zero_bytes(data: Any) -> Any:
    """No browser sends one, and to the database it is an error."""
    if not isinstance(data, MultiDict):
        return data
    pairs = list(data.items(multi=True))
    if not any(isinstance(value, str) and "\x00" in value for _, value in pairs):
        return data
    return MultiDict(
        [(key, value.replace("\x00", "") if isinstance(value, str) else value) for key, value in pairs]
    )


def field_anchor(field: Field) -> str:
    """Where a link from the summary lands: the first input of a group, else the input itself."""
    grouped = field.type in {"RadioField", "CheckboxesField"}
    return f"{field.id}-0" if grouped else str(field.id)


def refusal_to_form(form: BaseForm, refusal: Refusal) -> None:
    """A rule said no: its words go to the fields it names, and to the top of the form where it names none."""
    placed = False
    for name, text in refusal.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, text]
            placed = True
    if not placed:
        form.form_errors.append(refusal.text)


class TolerantField(StringField):
    """Takes what people type (`010-1234-5678`, `010 1234 5678`) and keeps the digits."""

    separators = SEPARATORS
    message = "숫자만 입력해 주세요."

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        if valuelist:
            self.data = str(valuelist[0]).strip().translate(self.separators)

    def pre_validate(self, form: Form) -> None:
        if self.data and not (self.data.isascii() and self.data.isdigit()):
            raise StopValidation(self.message)


class BusinessNumberField(TolerantField):
    """Ten digits with their check digit (R-JOIN-4); shown as 000-00-00000."""

    message = "사업자등록번호는 숫자 10자리입니다. 예) 120-88-00767"

    def pre_validate(self, form: Form) -> None:
        super().pre_validate(form)
        if not self.data:
            return
        # Late: the check is the model's, and a form may be built before the models are mapped.
        from app.models.numbers import valid_business_number

        if len(self.data) != 10:
            raise StopValidation(self.message)
        if not valid_business_number(self.data):
            raise StopValidation("사업자등록번호를 다시 확인해 주세요. 검증번호가 맞지 않습니다.")

    def _value(self) -> str:
        digits = self.data or ""
        return f"{digits[:3]}-{digits[3:5]}-{digits[5:]}" if len(digits) == 10 else digits


class PhoneField(TolerantField):
    """A mobile phone, or with `mobile=False` any Korean number."""

    def __init__(self, *args: Any, mobile: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mobile = mobile

    def pre_validate(self, form: Form) -> None:
        super().pre_validate(form)
        if not self.data:
            return
        if self.mobile and not (self.data.startswith("01") and len(self.data) in (10, 11)):
            raise StopValidation("휴대폰 번호를 다시 확인해 주세요. 예) 010-1234-5678")
        if not 8 <= len(self.data) <= 12:
            raise StopValidation("전화번호를 다시 확인해 주세요. 예) 02-123-4567")

    def _value(self) -> str:
        from app.web.filters import phone

        return phone(self.data) if self.data else ""


class MoneyField(TolerantField):
    """Whole won (R-MONEY-1): `1,200,000원` is 1200000. `data` is an int or None."""

    message = "금액은 원 단위 숫자로 입력해 주세요. 예) 1,200,000"

    def __init__(self, *args: Any, minimum: int = 1, maximum: int = 10**12, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.minimum, self.maximum = minimum, maximum

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        if not valuelist:
            return
        self.typed = str(valuelist[0]).strip()
        digits = self.typed.translate(AMOUNT_MARKS)
        self.data = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
        if digits and self.data is None:
            raise ValueError(self.message)

    def pre_validate(self, form: Form) -> None:
        if self.process_errors:
            raise StopValidation()
        if self.data is None:
            return
        if self.data < self.minimum:
            raise StopValidation(f"{self.minimum:,}원 이상 입력해 주세요.")
        if self.data > self.maximum:
            raise StopValidation(f"{self.maximum:,}원 이하로 입력해 주세요.")

    def _value(self) -> str:
        return f"{self.data:,}" if self.data is not None else getattr(self, "typed", "")


YEARS = range(1900, 3000)
"""Of a day that somebody types: at the calendar's own end no deadline could be reckoned."""


class DateField(StringField):
    """`2020.11.03`, `2020-11-03`, `20201103`. `data` is a date or None."""

    message = "날짜를 YYYY.MM.DD 형식으로 입력해 주세요. 예) 2020.11.03"

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        if not valuelist:
            return
        self.typed = str(valuelist[0]).strip()
        digits = self.typed.translate(SEPARATORS)
        self.data = None
        if not digits:
            return
        try:
            self.data = datetime.strptime(digits, "%Y%m%d").date() if len(digits) == 8 else None  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            self.data = None
        if self.data is None or self.data.year not in YEARS:
            self.data = None
            raise ValueError(self.message)

    def pre_validate(self, form: Form) -> None:
        if self.process_errors:
            raise StopValidation()

    def _value(self) -> str:
        return f"{self.data:%Y.%m.%d}" if isinstance(self.data, date) else getattr(self, "typed", "")


class UploadField(FileField):
    """One file; size here, kind by content in the workflow that stores it (R-FILE-1)."""

    def __init__(self, *args: Any, max_mb: int = 20, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_mb = max_mb

    def pre_validate(self, form: Form) -> None:
        if not self.data:
            return
        stream = self.data.stream
        size = stream.seek(0, 2)
        stream.seek(0)
        if size >= self.max_mb * 1024 * 1024:
            raise StopValidation(
                f"등록 가능한 파일 용량을 초과하였습니다. {self.max_mb}MB 미만의 파일만 등록할 수 있습니다."
            )
        if not size:
            raise StopValidation("내용이 없는 파일입니다. 파일을 다시 선택해 주세요.")


class ReasonField(TextAreaField):
    """Why: needed, and long enough to be understood by the one who reads it."""

    def __init__(
        self, label: str = "사유", validators: Sequence[Callable[..., Any]] | None = None, **kwargs: Any
    ) -> None:
        checks = validators or [Required(), longest(1000)]
        super().__init__(label, list(checks), **kwargs)


def longest(letters: int) -> Length:
    return Length(max=letters, message=f"{letters:,}자까지 입력할 수 있습니다.")


__all__ = [
    "Agreed",
    "BaseForm",
    "BusinessNumberField",
    "DateField",
    "MoneyField",
    "PhoneField",
    "ReasonField",
    "Required",
    "UploadField",
    "ValidationError",
    "field_anchor",
    "longest",
    "refusal_to_form",
]
