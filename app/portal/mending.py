"""What a hold asks a company to mend, where it is mended, and what is done of it (R-SCR-3a)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from app.models.companies import DocumentKind
from app.policy import Actor
from app.workflows import applications, case_corrections


@dataclass(frozen=True, kw_only=True)
class Item:
    mark: str
    label: str
    url: str
    done: bool


@dataclass(frozen=True, kw_only=True)
class Mending:
    reason: str
    items: list[Item]

    @property
    def marks(self) -> set[str]:
        return {item.mark for item in self.items}

    @property
    def untouched(self) -> list[str]:
        return [item.label for item in self.items if not item.done]


def of(actor: Actor) -> Mending | None:
    """None where the company's application is not on hold. Raises NotFound."""
    correction = case_corrections.own_correction(actor=actor)
    if correction is None:
        return None
    application = applications.own(actor=actor)
    touched = {change.item for change in correction.changes}
    items = [
        Item(mark=mark, label=case_corrections.mark_label(mark), url=_place(mark), done=mark in touched)
        for mark in application.marks
    ]
    return Mending(reason=application.reason or "", items=items)


def _place(mark: str) -> str:
    documents = {kind.value for kind in DocumentKind}
    page = "company.documents" if mark in documents else "company.edit"
    return url_for(page, _anchor=mark)


def consequence(actor: Actor) -> str:
    """Asked before a correction is handed in: what is still as it was, then what handing in means."""
    found = of(actor)
    meaning = "제출하면 심사가 끝날 때까지 기업정보를 수정할 수 없습니다."
    if found is None or not found.untouched:
        return meaning
    return f"보완을 요청받았지만 아직 바꾸지 않은 항목이 있습니다: {', '.join(found.untouched)}. {meaning}"
