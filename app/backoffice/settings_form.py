"""The forms of 사업 설정, built from the workflow's table of the settings."""

from __future__ import annotations

from typing import Any

from wtforms import (
    BooleanField,
    Field,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.widgets import CheckboxInput

from app.models.companies import DocumentKind
from app.models.programme import Programme, SelectionOrder, VatMode
from app.models.types import Labelled
from app.web.forms import BaseForm, DateField, MoneyField, Required, longest
from app.workflows import needed_documents, programme_settings
from app.workflows.needed_documents import Needed
from app.workflows.programme_settings import SETTINGS, WORTH_SETTINGS, Setting

LISTS = ("category_codes", "excluded_industries", "needed_documents")
PLAIN = tuple(n for n in SETTINGS if n not in (*WORTH_SETTINGS, *LISTS, "is_open"))


class NumberField(IntegerField):
    """A whole number, wrong in Korean."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError("숫자를 입력해 주세요.") from error


class CheckboxesField(SelectMultipleField):
    """Several of a few."""

    option_widget = CheckboxInput()  # type: ignore[assignment]  # WTForms' stubs name one widget only


def _member_field(setting: Setting, kind: type[Labelled]) -> RadioField:
    choices = [(member.value, member.label) for member in kind]
    return RadioField(
        setting.label, [Required()], choices=choices, coerce=lambda v: kind(v).value, description=setting.hint
    )


def _field(setting: Setting) -> Field:
    if setting.kind == "flag":
        return BooleanField(setting.label, description=setting.hint)
    if setting.kind == "day":
        return DateField(setting.label, description=setting.hint)
    if setting.kind == "order":
        return _member_field(setting, SelectionOrder)
    if setting.kind == "vat":
        return _member_field(setting, VatMode)
    if setting.unit == "원":
        return MoneyField(setting.label, [Required()], description=setting.hint)
    return NumberField(
        setting.label,
        validators=[Required(f"{setting.label}: 숫자를 입력해 주세요.")],
        description=setting.hint,
        render_kw={"inputmode": "numeric"},
    )


def _form(names: tuple[str, ...]) -> type[BaseForm]:
    return type("SettingsForm", (BaseForm,), {name: _field(SETTINGS[name]) for name in names})


SettingsForm = _form(PLAIN)
WorthForm = _form(WORTH_SETTINGS)


class CategoriesForm(BaseForm):
    category_codes = CheckboxesField(
        SETTINGS["category_codes"].label,
        description="뺀 분야는 서비스 찾아보기에서 보이지 않습니다. 진행 중인 거래는 그대로입니다.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Those that were added since the year began stand in the table only.
        self.category_codes.choices = list(programme_settings.known_categories().items())


class IndustryForm(BaseForm):
    word = StringField(
        "추가할 업종",
        [Required(), longest(programme_settings.LONGEST_WORD)],
        description="업종에 이 말이 들어 있는 기업은 신청할 수 없습니다. 띄어쓰기는 구분하지 않습니다.",
    )


def documents_form(programme: Programme) -> BaseForm:
    """One choice per kind of document."""
    choices = [(each.value, each.label) for each in Needed]
    rows = needed_documents.table(programme)
    fields = {kind.value: SelectField(kind.label, [Required()], choices=choices) for kind in rows}
    form = type("DocumentsForm", (BaseForm,), fields)
    return form(data={kind.value: needed.value for kind, needed in rows.items()})


def documents_of(form: BaseForm) -> dict[str, str]:
    return {kind.value: form[kind.value].data for kind in DocumentKind}


_KINDS: dict[str, type[Labelled]] = {"order": SelectionOrder, "vat": VatMode}


def settings_of(form: BaseForm) -> dict[str, Any]:
    """What the form says, as the workflow takes it."""
    found = {name: form[name].data for name in SETTINGS if name in form}
    for name, value in found.items():
        if SETTINGS[name].kind in _KINDS and value is not None:
            found[name] = _KINDS[SETTINGS[name].kind](value)
    return found


class ClosingDayForm(BaseForm):
    day = DateField("휴무일", validators=[Required()])
