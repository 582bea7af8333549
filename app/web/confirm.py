"""A question before what cannot be taken back. With JavaScript a dialog asks; without it, this page."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_admin.helpers import get_current_view

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
    return _page(
        question=question,
        consequence=consequence,
        label=label,
        reason_required=reason_required,
        cancel_url=cancel_url,
        hidden=[(key, value) for key, value in request.form.items(multi=True) if key not in OWN_FIELDS],
        reason_missing=confirmed,
    )


def _page(**asked: Any) -> str:
    """Within the frame of the console, where one of its pages asks: the menu and the person stay in sight."""
    view = get_current_view()
    if view is not None and view.endpoint == request.blueprint:
        return str(view.render("backoffice/confirm.html", **asked))
    return render_template("components/confirm_page.html", **asked)
