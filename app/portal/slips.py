"""The slips of all five kinds: handed out to those whose they are, checked by anyone (R-DOC-1)."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Conflict
from app.policy import Permission
from app.web.files import disposition
from app.web.limits import limiter
from app.web.pages import page_url
from app.workflows import slip_views, slips

blueprint = Blueprint("slips", __name__)

CHECK_LIMIT = "30 per minute"
LONGEST_CODE = 40


@blueprint.get("/slips/<int:slip_id>.pdf")
@needs(Permission.LOGGED_IN)
def pdf(slip_id: int) -> ResponseReturnValue:
    """The file, shown in the browser; while the job has not drawn it, a page that says so."""
    try:
        found = slips.for_download(actor=current_actor(), slip_id=slip_id)
    except Conflict as refusal:
        page = render_template("portal/slips/being_made.html", text=refusal.text, slip_id=slip_id)
        return page, 409, {"Retry-After": "3"}
    answer = Response(found.content, content_type="application/pdf")
    answer.headers["Content-Disposition"] = disposition("inline", found.file_name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@blueprint.get("/slips/<int:slip_id>")
@needs(Permission.LOGGED_IN)
def view(slip_id: int) -> ResponseReturnValue:
    """The same as a page, for those who cannot read a PDF; there before the file is drawn."""
    found = slip_views.view(actor=current_actor(), slip_id=slip_id)
    start = max(request.args.get("start", 0, type=int), 0)
    shown = {"view": found, "start": start, "size": slip_views.ROWS, "page": lambda at: page_url(start=at)}
    answer = Response(render_template("portal/slips/view.html", **shown))
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@blueprint.get("/slips/check")
@needs(Permission.PUBLIC)
def check() -> ResponseReturnValue:
    """문서 확인: where a code is typed in; the answer has the address that the paper's QR code has."""
    code = request.args.get("code", "").strip()[:LONGEST_CODE]
    if code:
        return redirect(url_for("slips.checked", code=code.replace("/", "")))
    blank = "code" in request.args
    page = render_template("portal/slips/check.html", code="", asked=False, found=None, blank=blank)
    return page, 422 if blank else 200


@blueprint.get("/slips/check/<code>")
@needs(Permission.PUBLIC)
@limiter.limit(CHECK_LIMIT)
def checked(code: str) -> ResponseReturnValue:
    found = slips.check(code)
    page = render_template("portal/slips/check.html", code=code[:LONGEST_CODE], asked=True, found=found)
    return page, 200 if found else 404
