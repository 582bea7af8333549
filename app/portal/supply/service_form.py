"""What a supplier types about a service: its texts, and up to five plans in rows (R-CAT-5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import StopValidation, ValidationError

from app.errors import Refusal
from app.models.catalogue import Category, Offering, Plan
from app.web.forms import BaseForm, MoneyField, Required, TolerantField, longest, refusal_to_form
from app.web.korean import with_object
from app.workflows import offerings
from app.workflows.offerings import PlanInput

ROWS = range(1, 6)
F = TypeVar("F", bound=BaseForm)


class WholeNumberField(TolerantField):
    """A number of things, not of won. `data` is an int or None."""

    def __init__(self, *args: Any, minimum: int = 1, maximum: int = 10_000, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.minimum, self.maximum = minimum, maximum
        self.typed = ""

    def process_formdata(self, valuelist: Any) -> None:
        if not valuelist:
            return
        self.typed = str(valuelist[0]).strip()
        digits = self.typed.replace(",", "")
        good = digits.isascii() and digits.isdecimal() and len(digits) < 10
        self.data = int(digits) if good else None
        if digits and not good:
            raise ValueError("숫자로 입력해 주세요. 예) 12")

    def pre_validate(self, form: Any) -> None:
        if self.process_errors:
            raise StopValidation()
        if self.data is None:
            return
        if not self.minimum <= self.data <= self.maximum:
            raise StopValidation(f"{self.minimum:,}에서 {self.maximum:,} 사이로 입력해 주세요.")

    def _value(self) -> str:
        return self.typed if self.data is None else str(self.data)


def with_plans(form: type[F]) -> type[F]:
    """Add the rows of plans after the form's own fields: errors are summed up in the order of the page."""
    for row in ROWS:
        setattr(form, f"plan{row}_name", StringField("이름", [longest(60)]))
        setattr(form, f"plan{row}_price", MoneyField("가격", maximum=offerings.MAX_PRICE))
        setattr(form, f"plan{row}_unit", StringField("단위", [longest(20)], default="월"))
        setattr(form, f"plan{row}_months", WholeNumberField("이용기간", maximum=60, default=12))
    return form


class PlanRows(BaseForm):
    """요금제. A row in which neither a name nor a price was typed counts as empty."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The fields of each row, for the template."""
        return [
            {part: self[f"plan{row}_{part}"] for part in ("name", "price", "unit", "months")} for row in ROWS
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        for number, row in self._typed_rows():
            for part, label in (
                ("name", "이름"),
                ("price", "가격"),
                ("unit", "단위"),
                ("months", "이용기간"),
            ):
                if not row[part].errors and not _typed(row[part]):
                    row[part].errors = [f"요금제 {number}의 {with_object(label)} 입력해 주세요."]
                    good = False
        if not self._typed_rows():
            self.rows[0]["name"].errors = ["요금제를 하나 이상 입력해 주세요."]
            good = False
        return good

    def _typed_rows(self) -> list[tuple[int, dict[str, Any]]]:
        """With their numbers; also one with a price that is no number."""
        return [
            (number, row)
            for number, row in zip(ROWS, self.rows, strict=True)
            if _typed(row["name"]) or row["price"]._value().strip()
        ]

    @property
    def plans(self) -> list[PlanInput]:
        return [
            PlanInput(
                name=row["name"].data,
                price=row["price"].data,
                unit=row["unit"].data,
                period_months=row["months"].data,
            )
            for _, row in self._typed_rows()
        ]


def _typed(field: Any) -> bool:
    return bool(field.data.strip() if isinstance(field.data, str) else field.data)


@with_plans
class PlansForm(PlanRows):
    """Plans alone: 가격 변경 요청."""


@with_plans
class ServiceForm(PlanRows):
    """A service as 작성중 or 반려."""

    category_id = SelectField("분야", [Required()], coerce=int)
    name = StringField("서비스명", [Required(), longest(80)])
    summary = StringField("한 줄 소개", [Required(), longest(200)])
    description = TextAreaField("서비스 설명", [Required(), longest(10_000)])
    keywords = StringField("검색 키워드", [longest(350)])

    def offer(self, categories: Iterable[Category]) -> ServiceForm:
        names = [(each.id, each.name) for each in categories]
        self.category_id.choices = [(0, "분야를 선택해 주세요"), *names]
        return self

    def validate_category_id(self, field: SelectField) -> None:
        if not field.data:
            raise ValidationError("분야를 선택해 주세요.")

    @property
    def details(self) -> dict[str, Any]:
        """What the workflow takes."""
        keywords = [word.strip() for word in re.split(r"[,，\n]", self.keywords.data or "") if word.strip()]
        texts = {name: self[name].data for name in ("category_id", "name", "summary", "description")}
        return texts | {"keywords": keywords, "plans": self.plans}


def plan_data(plans: Iterable[Plan]) -> dict[str, Any]:
    """Plans as the form's first values."""
    data: dict[str, Any] = {}
    for row, plan in zip(ROWS, plans, strict=False):
        data |= {
            f"plan{row}_name": plan.name,
            f"plan{row}_price": plan.price,
            f"plan{row}_unit": plan.unit,
            f"plan{row}_months": plan.period_months,
        }
    return data


def service_data(offering: Offering, plans: Iterable[Plan]) -> dict[str, Any]:
    texts = {name: getattr(offering, name) for name in ("category_id", "name", "summary", "description")}
    return texts | {"keywords": ", ".join(offering.keywords)} | plan_data(plans)


def show_refusal(form: PlanRows, refusal: Refusal) -> None:
    """What the workflow says of the plans as a whole stands at the first of them."""
    names = {"plans": "plan1_name"}
    refusal.fields = {names.get(name, name): text for name, text in refusal.fields.items()}
    refusal_to_form(form, refusal)
