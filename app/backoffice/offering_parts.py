"""What the page of one service is made of: its form, prices beside each other, files for the viewer."""

from __future__ import annotations

from typing import Any

from flask import url_for
from wtforms import HiddenField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.backoffice.parts import number_of
from app.models.catalogue import OfferingFile, OfferingFileKind, OfferingReview
from app.web.forms import BaseForm, ReasonField, longest
from app.workflows import offering_desk_reads, offering_review, programmes
from app.workflows.offering_lifecycle import OFFERING
from app.workflows.offering_own_reads import OfferingDraft
from app.workflows.storefront import VAT_WORDS, monthly

LABELS = {edge.action: edge.label for edge in OFFERING.edges} | {"create": "등록", "edit": "내용 수정"}


class CheckboxesField(SelectMultipleField):
    widget: Any = ListWidget(prefix_label=False)
    option_widget: Any = CheckboxInput()


class ReviewForm(BaseForm):
    """The checklist, reasons of the list, and words of one's own: for an approval and for a 반려 alike."""

    checks = CheckboxesField(
        "확인 항목", choices=[(check.name, check.label) for check in offering_review.CHECKLIST]
    )
    codes = CheckboxesField("반려 사유 선택", choices=list(offering_review.REASONS.items()))
    reason = ReasonField("의견", validators=[longest(1000)])
    seen = HiddenField()
    """`OfferingDraft.seen` of the page on which the decision was made."""


def offering_page(draft: OfferingDraft, kind: str) -> dict[str, Any]:
    shown = draft.proposed or draft.version
    sheets = [_sheet(file) for file in _files(draft)]
    asked = number_of("document")
    known = {sheet["id"] for sheet in sheets}
    return {
        "shown": shown,
        "checklist": offering_review.checklist(kind),
        "reasons": offering_review.REASONS,
        "changes": _changes(draft),
        "prices": offering_desk_reads.category_prices(
            category_id=draft.offering.category_id, without=draft.offering.id
        ),
        "monthly": monthly,
        "vat": VAT_WORDS[programmes.current().vat_mode],
        "documents": sheets,
        "current": asked if asked in known else next(iter(known and [sheets[0]["id"]]), None),
        "picture": draft.file(OfferingFileKind.PICTURE),
        "reviews": [_told(review, draft) for review in draft.reviews],
    }


def _changes(draft: OfferingDraft) -> list[offering_desk_reads.PriceChange]:
    """Old and new prices: of what waits; of a service that was sold before, too."""
    before = draft.version.plans if draft.proposed else []
    if not draft.proposed:
        sold = draft.offering.current_version_id
        older = [each for each in draft.versions if each.id == sold and each.id != draft.version.id]
        before = older[0].plans if older else []
    after = (draft.proposed or draft.version).plans
    return offering_desk_reads.price_changes(before=before, after=after) if before else []


def _files(draft: OfferingDraft) -> list[OfferingFile]:
    """The evidence of what is decided first, then what the public sees, then older evidence."""
    shown = draft.proposed or draft.version
    first = draft.evidence(shown)
    public = [file for file in draft.files if file.kind is not OfferingFileKind.EVIDENCE]
    rest = [file for file in draft.files if file not in first and file not in public]
    return [*first, *public, *rest]


def _sheet(file: OfferingFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "name": file.file_name,
        "url": url_for("console_offerings.file", id=file.offering_id, file_id=file.id),
        "kind": file.kind.label,
        "size": file.size,
        "is_pdf": file.content_type == "application/pdf",
        "at": file.uploaded_at,
        "checked": None,
    }


def _told(review: OfferingReview, draft: OfferingDraft) -> dict[str, Any]:
    """A decision, with which version it was over and what was left unticked."""
    names = {check.name: check.label for check in offering_review.CHECKLIST}
    unticked = [names.get(name, name) for name, fits in review.checks.items() if not fits]
    number = next((each.number for each in draft.versions if each.id == review.version_id), None)
    return {
        "at": review.at,
        "title": f"{LABELS.get(review.decision, review.decision)} ({number}차 가격)",
        "who": review.by_name,
        "note": review.reason or "",
        "unticked": unticked,
    }
