"""알림: what happened that a person waited for (R-MSG-1)."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.policy import Permission
from app.web.pages import key_of, page_args
from app.workflows import messages

blueprint = Blueprint("notifications", __name__)


@blueprint.get("/notifications")
@needs(Permission.LOGGED_IN)
def index() -> ResponseReturnValue:
    page = page_args()
    before = key_of(page.after)
    rows = messages.notices(actor=current_actor(), before=before, size=page.size)
    following = str(rows[-1].id) if len(rows) == page.size else ""
    return render_template(
        "portal/company/notifications.html", rows=rows, following=following, size=page.size
    )


@blueprint.post("/notifications/read")
@needs(Permission.LOGGED_IN)
def read_all() -> ResponseReturnValue:
    messages.mark_read(actor=current_actor())
    return redirect(url_for("notifications.index"))
