"""The page of a company that cannot take part: what is wrong and what it can do (R-JOIN-4 to R-JOIN-7a).

A page and no red field: nothing that was typed is wrong in its form, and nothing is lost.
"""

from __future__ import annotations

from typing import Any

from flask import render_template

from app.models.programme import Agency
from app.workflows import programmes
from app.workflows.eligibility import Ineligible

# Who has an account already is shown the way to it.
_HAVE_ACCOUNT = frozenset(
    {
        "company.taken",
        "company.representative_taken",
        "company.rejected",
        "supplier.exists",
        "supplier.rejected",
    }
)


def page(refusal: Ineligible, *, correct: str, label: str, **context: Any) -> str:
    """`correct` is where the company mends what it typed; `label` says what that is."""
    return render_template(
        "portal/ineligible.html",
        refusal=refusal,
        correct=correct,
        label=label,
        has_account=refusal.code in _HAVE_ACCOUNT,
        contacts=_contacts([] if refusal.code.startswith("supplier.") else programmes.operating_agencies()),
        **context,
    )


def _contacts(agencies: list[Agency]) -> list[tuple[str, str, str]]:
    lines = [("콜센터", programmes.PLATFORM_PHONE, "")]
    return lines + [
        (each.name, phone.strip(), "운영기관") for each in agencies for phone in each.phones.split(",")
    ]
