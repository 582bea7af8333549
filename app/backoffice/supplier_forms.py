"""The forms of a supplier's decisions: reason codes, what to mend, free text (R-SUP-1, R-SCR-3a)."""

from __future__ import annotations

from typing import Any

from app.backoffice.case_forms import CheckboxesField, DecisionForm
from app.errors import Refusal
from app.models.companies import DocumentKind
from app.workflows import supplier_checks, supplier_history, supplier_reasons
from app.workflows.supplier_cases import SupplierCase
from app.workflows.supplier_lifecycle import SUPPLIER

# What the supplier is told, with `{reason}`: the edge's own words.
TOLD = {action: SUPPLIER.of(action)[0].tell[0].text for action in supplier_reasons.BY_ACTION}


class SupplierForm(DecisionForm):
    def sentence(self) -> str:
        """What the supplier would read; empty while there is no reason."""
        try:
            return supplier_reasons.words(self.codes.data or [], self.reason.data or "")
        except Refusal:
            return ""


class SupplementForm(SupplierForm):
    marks = CheckboxesField("고칠 항목")

    def named(self) -> list[str]:
        """What is marked, in Korean."""
        return [supplier_history.mark_label(mark) for mark in self.marks.data or []]


def decision_form(action: str, found: SupplierCase) -> SupplierForm:
    """Of a 보완: filled with what the crosses of the checklist suggest."""
    if action != "ask_supplement":
        form = SupplierForm()
        form.offer(supplier_reasons.BY_ACTION[action])
        return form
    suggested = supplier_checks.suggest(found.supplier, found.documents)
    supplement = SupplementForm(data={"codes": suggested.codes, "marks": suggested.marks})
    papers = {document.kind for document in found.documents} | set(found.lacking)
    absent = {kind.value for kind in DocumentKind if kind not in papers}
    supplement.offer([one for one in supplier_reasons.SUPPLEMENT if not absent.intersection(one.marks)])
    choices: list[Any] = [
        (mark, label) for mark, label in supplier_reasons.markable().items() if mark not in absent
    ]
    supplement.marks.choices = choices
    return supplement
