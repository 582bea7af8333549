"""The pages that anybody may read (R-PUB-1, R-PUB-2)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from app.access import needs
from app.errors import NotFound
from app.models.posts import Board
from app.models.programme import Programme
from app.policy import Permission
from app.web.files import disposition
from app.web.limits import SEARCH_LIMIT, limiter
from app.web.prose import prose
from app.workflows import catalogue, offerings_reads, posts_reads, programmes, storefront
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
    terms = storefront.terms()
    programme = terms.programme if terms else None
    latest = catalogue.page_of(filters=catalogue.Filters(), sort=catalogue.Sort.LATEST, size=8)
    return render_template(
        "portal/public/index.html",
        programme=programme,
        terms=terms,
        categories=catalogue.categories_with_counts(programme=programme),
        counted=catalogue.COUNTED,
        latest=latest,
        rating_of=offerings_reads.rating_text,
        posts=posts_reads.latest(board=Board.NOTICE, size=5),
    )


@blueprint.get("/about")
@needs(Permission.PUBLIC)
def about() -> ResponseReturnValue:
    return render_template("portal/public/about.html", programme=_programme())


@blueprint.get("/notices")
@needs(Permission.PUBLIC)
@limiter.limit(SEARCH_LIMIT)
def notices() -> ResponseReturnValue:
    query = request.args.get("q", "").strip()[: posts_reads.LONGEST_QUERY]
    found = posts_reads.published(board=Board.NOTICE, text=query, page=request.args.get("page", 1, type=int))
    return render_template("portal/public/notices.html", programme=_programme(), found=found, query=query)


@blueprint.get("/notices/<int:post_id>")
@needs(Permission.PUBLIC)
def notice(post_id: int) -> ResponseReturnValue:
    found = posts_reads.read(post_id=post_id)
    return render_template("portal/public/notice.html", found=found, prose=prose)


@blueprint.get("/notices/<int:post_id>/files/<int:file_id>")
@needs(Permission.PUBLIC)
def notice_file(post_id: int, file_id: int) -> Response:
    """An attachment of a published post, of either board (R-FILE-1)."""
    handed = posts_reads.public_file(post_id=post_id, file_id=file_id)
    answer = Response(handed.content, content_type=handed.content_type)
    answer.headers["Content-Disposition"] = disposition("attachment", handed.file_name)
    return answer


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
        questions=posts_reads.questions(),
        prose=prose,
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
