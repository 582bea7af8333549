"""The forms of a hold and of a 탈락: reason codes, what to mend, free text (R-SCR-3a)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wtforms import SelectMultipleField, StringField
from wtforms.widgets import CheckboxInput, ListWidget

from app.errors import Refusal
from app.models.companies import DocumentKind
from app.web.forms import BaseForm, ReasonField, longest
from app.workflows import screening_points, screening_reasons
from app.workflows.applications import APPLICATION
from app.workflows.case_corrections import mark_label
from app.workflows.case_reads import Case
from app.workflows.screening_reasons import Reason

# What the company is told, with `{reason}`: the edge's own words.
TOLD = {action: APPLICATION.of(action)[0].tell[0].text for action in ("hold", "reject")}


class CheckboxesField(SelectMultipleField):
    widget: Any = ListWidget(prefix_label=False)
    option_widget: Any = CheckboxInput()


class DecisionForm(BaseForm):
    """A reason of the list or words of one's own; the list is that of the case."""

    codes = CheckboxesField("사유 선택")
    reason = ReasonField("덧붙일 내용", validators=[longest(1000)])
    override = StringField("다른 심사원의 건을 대신 처리하는 사유", validators=[longest(500)])
    reasons: Sequence[Reason] = ()

    def offer(self, reasons: Sequence[Reason]) -> None:
        self.reasons = reasons
        self.codes.choices = [(reason.code, reason.text) for reason in reasons]

    def marks_of_codes(self) -> list[str]:
        """What the chosen reasons name."""
        chosen = [reason for reason in self.reasons if reason.code in (self.codes.data or [])]
        return [mark for reason in chosen for mark in reason.marks]

    def sentence(self) -> str:
        """What the company would read; empty while there is no reason."""
        try:
            return screening_reasons.words(self.codes.data or [], self.reason.data or "")
        except Refusal:
            return ""


class RejectForm(DecisionForm):
    pass


class HoldForm(DecisionForm):
    marks = CheckboxesField("고칠 항목")

    def named(self) -> list[str]:
        """What is marked, in Korean."""
        return [mark_label(mark) for mark in self.marks.data or []]


def hold_form(found: Case) -> HoldForm:
    """Filled with what the crosses of the case suggest."""
    suggested = screening_points.suggest(found.ticks, found.company, found.documents)
    form = HoldForm(data={"codes": suggested.codes, "marks": suggested.marks})
    present = [document.kind for document in found.documents]
    kinds = [kind for kind in DocumentKind if kind in present or kind.label in found.needed]
    form.offer(screening_reasons.for_hold(kinds))
    names = [*screening_points.fields(found.company), *[kind.value for kind in kinds]]
    form.marks.choices = [(name, mark_label(name)) for name in names]
    return form


def reject_form() -> RejectForm:
    form = RejectForm()
    form.offer(screening_reasons.REJECT)
    return form
