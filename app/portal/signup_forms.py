"""What each step of the sign-up asks (R-JOIN-1). What the rules say about it is the workflow's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import BooleanField, PasswordField, RadioField, StringField
from wtforms.validators import StopValidation

from app.models.companies import CompanyKind, DocumentKind
from app.models.programme import Agency
from app.models.vouchers import InstrumentKind
from app.web.forms import (
    Agreed,
    BaseForm,
    BusinessNumberField,
    PhoneField,
    Required,
    TolerantField,
    UploadField,
    ValidationError,
    longest,
)
from app.workflows.terms import TERMS, Term

LATER = "later"
EMAIL = {"autocomplete": "email", "type": "email"}


# What of a step may wait half-typed: neither a phone, which is kept encrypted, nor a password, nor a file.
DRAFTED = {
    "account": ("login",),
    "details": (
        "kind", "business_number", "name", "representative", "industry", "employees", "address", "email",
    ),
    "contact": ("same_as_representative", "contact_name", "contact_email", "payer"),
    "instrument": ("instrument", "agency_id"),
}  # fmt: skip


def drafted(step: str, form: BaseForm) -> dict[str, Any]:
    """The fields of an unfinished step that were filled in and have the right form."""
    names = [name for name in DRAFTED.get(step, ()) if name in form and not form[name].errors]
    return {name: form[name].data for name in names if form[name].data not in (None, "", False)}


class CountField(TolerantField):
    """How many; `1,200명` is 1200. `data` is an int or None."""

    separators = str.maketrans("", "", " ,명\u00a0\t")
    message = "숫자로 입력해 주세요. 없으면 0을 입력합니다."

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        super().process_formdata(valuelist)
        typed = self.data or ""
        self.typed = typed
        self.data = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 9 else None
        if typed and self.data is None:
            raise ValueError(self.message)

    def pre_validate(self, form: Any) -> None:
        if self.process_errors:
            raise StopValidation()

    def _value(self) -> str:
        return str(self.data) if self.data is not None else getattr(self, "typed", "")


def terms_form(answers: Mapping[str, Any], terms: Sequence[Term] = TERMS) -> BaseForm:
    """One box per term; what was ticked before stays ticked."""
    boxes = {term.key: BooleanField(term.title, [Agreed()] if term.required else []) for term in terms}
    kept = {key: told["accepted"] for key, told in answers.get("terms", {}).items()}
    return type("TermsForm", (BaseForm,), boxes)(data=kept)


class AccountForm(BaseForm):
    login = StringField("아이디", [Required(), longest(30)], render_kw={"autocomplete": "username"})
    password = PasswordField("비밀번호", [Required()], render_kw={"autocomplete": "new-password"})
    again = PasswordField("비밀번호 확인", [Required()], render_kw={"autocomplete": "new-password"})

    def validate_again(self, field: PasswordField) -> None:
        if field.data != self.password.data:
            raise ValidationError("두 번 입력한 비밀번호가 서로 다릅니다. 같은 비밀번호를 입력해 주세요.")


class DetailsForm(BaseForm):
    kind = RadioField(
        "기업구분",
        [Required()],
        choices=[(each.value, each.label) for each in CompanyKind],
    )
    business_number = BusinessNumberField("사업자등록번호", [Required()])
    name = StringField("기업명", [Required(), longest(100)], render_kw={"autocomplete": "organization"})
    representative = StringField("대표자명", [Required(), longest(50)])
    industry = StringField("업종", [Required(), longest(100)])
    employees = CountField("상시근로자 수", [Required()])
    address = StringField("주소", [Required(), longest(200)], render_kw={"autocomplete": "street-address"})
    email = StringField("기업 이메일", [Required(), longest(100)], render_kw=EMAIL)


def details_form(known: Mapping[str, Any], *, asks_employees: bool) -> DetailsForm:
    """With the number of employees where the year asks for it (R-JOIN-7a)."""
    form = DetailsForm(data=known)
    if not asks_employees:
        del form.employees
    return form


class ContactForm(BaseForm):
    same_as_representative = BooleanField("대표자와 동일")
    contact_name = StringField("담당자명", [longest(50)], render_kw={"autocomplete": "name"})
    contact_phone = PhoneField("담당자 휴대전화", render_kw={"autocomplete": "tel"})
    contact_email = StringField("담당자 이메일", [longest(100)], render_kw=EMAIL)
    payer = RadioField(
        "결제 담당자",
        [Required()],
        choices=[("verified", "본인인증한 사람이 결제합니다"), ("separate", "다른 사람이 결제합니다")],
        description="신한카드로 결제할 때 인증번호 문자를 받는 사람입니다.",
    )


def documents_form(kinds: Sequence[DocumentKind]) -> BaseForm:
    """One upload per document; the ones that are there may stay as they are."""
    uploads = {kind.value: UploadField(kind.label) for kind in kinds}
    form = type("DocumentsForm", (BaseForm,), uploads)()
    for kind in kinds:
        form[kind.value].flags.required = True
    return form


class InstrumentForm(BaseForm):
    instrument = RadioField("결제수단", [Required()])
    agency_id = RadioField("운영기관", [Required()])

    def offer(self, kinds: Sequence[InstrumentKind], agencies: Sequence[Agency]) -> InstrumentForm:
        self.instrument.choices = [(kind.value, kind.label) for kind in kinds]
        self.instrument.choices.append((LATER, "나중에 선택 (승인된 뒤 ‘바우처 신청’에서 선택합니다)"))
        self.agency_id.choices = [(str(each.id), f"{each.name} ({each.phones})") for each in agencies]
        return self
