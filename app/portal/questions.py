"""내 문의: what a demand company has asked about services, and the answers (R-CAT-3)."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.policy import Permission
from app.portal import lists
from app.web.pages import page_args
from app.workflows import questions_reads

blueprint = Blueprint("questions", __name__)


@blueprint.get("/questions")
@needs(Permission.DEMAND_VIEW)
def index() -> ResponseReturnValue:
    size = page_args().size
    rows = questions_reads.own(actor=current_actor(), before=lists.cursor(), size=size)
    return render_template(
        "portal/services/own_questions.html",
        rows=rows,
        size=size,
        tab_of=questions_reads.tab_of,
        following=lists.following(rows, size),
    )
