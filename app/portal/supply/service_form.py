"""What a supplier types about a service: its texts, up to five plans in rows, its files (R-CAT-5).

A draft is kept half-filled: what must be there is asked for at 승인 요청.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

from flask_wtf.file import MultipleFileField
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import StopValidation, ValidationError

from app.errors import Refusal
from app.korean import with_object
from app.models.catalogue import Category, Offering, OfferingFileKind, Plan
from app.web.forms import (
    BaseForm,
    MoneyField,
    Required,
    TolerantField,
    UploadField,
    longest,
    refusal_to_form,
)
from app.workflows import offering_versions
from app.workflows.offering_files import RULES
from app.workflows.offering_versions import PlanInput

ROWS = range(1, offering_versions.MAX_PLANS + 1)
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
        setattr(form, f"plan{row}_price", MoneyField("가격", maximum=offering_versions.MAX_PRICE))
        setattr(form, f"plan{row}_unit", StringField("단위", [longest(20)], default="월"))
        setattr(form, f"plan{row}_months", WholeNumberField("이용기간", maximum=60, default=12))
    return form


class PlanRows(BaseForm):
    """요금제. A row in which neither a name nor a price was typed counts as empty."""

    needed: tuple[tuple[str, str], ...] = (
        ("name", "이름"),
        ("price", "가격"),
        ("unit", "단위"),
        ("months", "이용기간"),
    )
    """The parts of a row that is not empty."""
    at_least_one = True

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The fields of each row, for the template."""
        return [
            {part: self[f"plan{row}_{part}"] for part in ("name", "price", "unit", "months")} for row in ROWS
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        for number, row in self._typed_rows():
            for part, label in self.needed:
                if not row[part].errors and not _typed(row[part]):
                    row[part].errors = [f"요금제 {number}의 {with_object(label)} 입력해 주세요."]
                    good = False
        if self.at_least_one and not self._typed_rows():
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
                name=row["name"].data or "",
                price=row["price"].data,
                unit=row["unit"].data or "",
                period_months=row["months"].data,
            )
            for _, row in self._typed_rows()
        ]


def _typed(field: Any) -> bool:
    return bool(field.data.strip() if isinstance(field.data, str) else field.data)


class UploadsField(MultipleFileField):
    """Several files; each is checked by content where it is kept (R-FILE-1)."""

    def pre_validate(self, form: Any) -> None:
        most = RULES[OfferingFileKind(self.name)].most_files
        if len([upload for upload in self.data or [] if upload]) > most:
            raise StopValidation(f"한 번에 {most}개까지 첨부할 수 있습니다.")


def _hint(kind: OfferingFileKind, text: str) -> str:
    rule = RULES[kind]
    return f"{text} {rule.named} 파일, {rule.most_mb}MB 미만"


EVIDENCE_HINT = _hint(
    OfferingFileKind.EVIDENCE,
    "요금제의 가격을 확인할 수 있는 자료입니다. 예) 홈페이지 가격표 화면, 최근 세금계산서, 계약서, 견적서.",
)


@with_plans
class PlansForm(PlanRows):
    """Plans and what proves them: 가격 변경 요청."""

    evidence = UploadsField("가격 증빙", [], description=EVIDENCE_HINT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.evidence.flags.required = True  # type: ignore[attr-defined]  # flags are what one sets


@with_plans
class ServiceForm(PlanRows):
    """A service as 작성중 or 반려: 분야, 서비스명 and whatever else there is already."""

    needed = (("price", "가격"), ("months", "이용기간"))
    at_least_one = False
    category_id = SelectField("분야", [Required()], coerce=int)
    name = StringField("서비스명", [Required(), longest(80)])
    summary = StringField("한 줄 소개", [longest(200)])
    description = TextAreaField("서비스 설명", [longest(10_000)])
    keywords = StringField("검색 키워드", [longest(350)])
    picture = UploadField(
        "대표 이미지",
        max_mb=RULES[OfferingFileKind.PICTURE].most_mb,
        description=_hint(
            OfferingFileKind.PICTURE, "목록과 상세 화면에 보입니다. 가로세로 16:9가 알맞습니다."
        ),
    )
    brochure = UploadField(
        "소개 자료",
        max_mb=RULES[OfferingFileKind.BROCHURE].most_mb,
        description=_hint(OfferingFileKind.BROCHURE, "수요기업이 상세 화면에서 내려받습니다."),
    )
    evidence = UploadsField("가격 증빙", [], description=EVIDENCE_HINT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Needed in the end, not for a draft: nothing checks them, but nobody reads '(선택)' beside them.
        for field in (self.picture, self.evidence):
            field.flags.required = True  # type: ignore[attr-defined]  # flags are what one sets

    def offer(self, categories: Iterable[Category], *, stays_in: Category | None = None) -> ServiceForm:
        """Those that take new services, and the one that it is in already."""
        open_ = list(categories)
        if stays_in is not None and stays_in not in open_:
            open_.append(stays_in)
        names = [(each.id, each.name) for each in open_]
        self.category_id.choices = [(0, "분야를 선택해 주세요"), *names]
        return self

    def validate_category_id(self, field: SelectField) -> None:
        if not field.data:
            raise ValidationError("분야를 선택해 주세요.")

    @property
    def details(self) -> dict[str, Any]:
        """What the workflow takes."""
        keywords = [word.strip() for word in re.split(r"[,，\n]", self.keywords.data or "") if word.strip()]
        texts = {name: self[name].data or "" for name in ("name", "summary", "description")}
        return texts | {"category_id": self.category_id.data, "keywords": keywords, "plans": self.plans}


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
