"""A question before what cannot be taken back. With JavaScript a dialog asks; without it, this page."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

OWN_FIELDS = frozenset({"csrf_token", "confirmed", "reason"})


def ask(
    *,
    question: str,
    consequence: str = "",
    label: str = "확인",
    reason_required: bool = False,
    cancel_url: str = "",
) -> ResponseReturnValue | None:
    """None when this POST was confirmed, with a reason where one is needed; otherwise the page that asks."""
    reason = request.form.get("reason", "").strip()
    confirmed = request.form.get("confirmed") == "1"
    if confirmed and (reason or not reason_required):
        return None
    return render_template(
        "components/confirm_page.html",
        question=question,
        consequence=consequence,
        label=label,
        reason_required=reason_required,
        cancel_url=cancel_url,
        hidden=[(key, value) for key, value in request.form.items(multi=True) if key not in OWN_FIELDS],
        reason_missing=confirmed,
    )
