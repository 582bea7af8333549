"""The pages that anybody may read (R-PUB-1, R-PUB-2)."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.access import needs
from app.errors import NotFound
from app.models.programme import Programme
from app.policy import Permission
from app.workflows import offerings_reads, programmes
from app.workflows.terms import TERMS

blueprint = Blueprint("public", __name__)


def _programme() -> Programme | None:
    """The one that runs, else the last one: the public pages stay open between two years."""
    try:
        return programmes.current()
    except NotFound:
        return next(iter(programmes.programmes()), None)


@blueprint.get("/")
@needs(Permission.PUBLIC)
def index() -> ResponseReturnValue:
    programme = _programme()
    return render_template(
        "portal/public/index.html",
        programme=programme,
        categories=programmes.categories(programme=programme),
        latest=offerings_reads.latest(size=8),
    )


@blueprint.get("/about")
@needs(Permission.PUBLIC)
def about() -> ResponseReturnValue:
    return render_template("portal/public/about.html", programme=_programme())


@blueprint.get("/notices")
@needs(Permission.PUBLIC)
def notices() -> ResponseReturnValue:
    return render_template("portal/public/notices.html", programme=_programme())


@blueprint.get("/companies")
@needs(Permission.PUBLIC)
def companies() -> ResponseReturnValue:
    return render_template("portal/public/companies.html", programme=_programme())


@blueprint.get("/suppliers")
@needs(Permission.PUBLIC)
def suppliers() -> ResponseReturnValue:
    return render_template(
        "portal/public/suppliers.html", categories=programmes.categories(programme=_programme())
    )


@blueprint.get("/support")
@needs(Permission.PUBLIC)
def support() -> ResponseReturnValue:
    return render_template(
        "portal/public/support.html",
        agencies=programmes.operating_agencies(),
        platform=programmes.PLATFORM_PHONE,
        card=programmes.CARD_PHONE,
        zeropay=programmes.ZEROPAY_PHONE,
    )


@blueprint.get("/privacy")
@needs(Permission.PUBLIC)
def privacy() -> ResponseReturnValue:
    return _term("privacy", "개인정보 처리방침")


@blueprint.get("/terms")
@needs(Permission.PUBLIC)
def terms() -> ResponseReturnValue:
    return _term("service", "이용약관")


def _term(key: str, title: str) -> ResponseReturnValue:
    term = next(term for term in TERMS if term.key == key)
    return render_template("portal/public/term.html", term=term, title=title)
