"""The catalogue: search, a service's page, 찜, 거래상담 요청 (R-CAT-2, R-CAT-3, R-CAT-4)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import TextAreaField

from app.access import actor_or_none, current_actor, needs
from app.errors import Refusal
from app.models.catalogue import OfferingState, SupplierState
from app.models.types import Labelled
from app.policy import Permission
from app.portal import lists
from app.web.errors import refused
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.web.limits import SEARCH_LIMIT, limiter
from app.workflows import deals, evaluations, offerings_reads, wishes
from app.workflows.offerings_reads import OfferingDetail, Sort

blueprint = Blueprint("services", __name__)

LONGEST_QUERY = 100


class RequestForm(BaseForm):
    """거래상담 요청"""

    memo = TextAreaField("상담 내용", [Required(), longest(deals.MAX_MEMO)])


def _chosen(options: type[Labelled], value: str) -> Labelled | None:
    return next((option for option in options if option.value == value), None)


@blueprint.get("/services")
@needs(Permission.PUBLIC)
@limiter.limit(SEARCH_LIMIT)
def index() -> ResponseReturnValue:
    query = request.args.get("q", "").strip()[:LONGEST_QUERY]
    categories = offerings_reads.categories_with_counts()
    category = next((each for each, _ in categories if each.code == request.args.get("category")), None)
    actor = actor_or_none()
    found = offerings_reads.catalogue(
        category=category.code if category else None,
        q=query,
        sort=_chosen(Sort, request.args.get("sort", "")),  # type: ignore[arg-type]  # a Sort or None
        page=request.args.get("page", 1, type=int),
    )
    return render_template(
        "portal/services/index.html",
        found=found,
        query=query,
        categories=categories,
        category=category,
        sorts=[sort for sort in Sort if query or sort is not Sort.RELEVANCE],
        rating_of=offerings_reads.rating_text,
        wished=wishes.wished_ids(actor=actor) if actor and actor.company_id else set(),
    )


@blueprint.get("/services/<int:offering_id>")
@needs(Permission.PUBLIC)
def detail(offering_id: int) -> ResponseReturnValue:
    found = offerings_reads.detail(actor=actor_or_none(), offering_id=offering_id)
    return _detail(found, RequestForm())


def _detail(found: OfferingDetail, form: RequestForm) -> ResponseReturnValue:
    size = 10
    reviews = evaluations.of_offering(found.offering.id, before=lists.cursor(), size=size)
    return render_template(
        "portal/services/detail.html",
        found=found,
        form=form,
        reviews=reviews,
        next_reviews=lists.following(reviews, size),
        actor=actor_or_none(),
        may_request=Permission.DEAL_REQUEST,
    ), 422 if form.errors else 200


@blueprint.post("/services/<int:offering_id>/request")
@needs(Permission.DEAL_REQUEST)
def ask(offering_id: int) -> ResponseReturnValue:
    """거래상담 요청: a double click meets `deal.open_consultation` and makes one deal."""
    actor = current_actor()
    form = RequestForm()
    if form.validate_on_submit():
        try:
            deal = deals.request(actor=actor, offering_id=offering_id, memo=form.memo.data or "")
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("거래상담을 요청했습니다. 공급기업이 기한 안에 답하면 알림으로 알려 드립니다.", "success")
            return redirect(url_for("deals.detail", deal_id=deal.id))
    return _detail(offerings_reads.detail(actor=actor, offering_id=offering_id), form)


@blueprint.post("/services/<int:offering_id>/wish")
@needs(Permission.DEMAND_VIEW)
def wish(offering_id: int) -> ResponseReturnValue:
    """찜하기, and 찜 해제. Returns to the page that the button stood on, of three that have one."""
    back = {"list": url_for("services.index"), "wishlist": url_for("services.wishlist")}.get(
        request.form.get("back", ""), url_for("services.detail", offering_id=offering_id)
    )
    try:
        on_list = wishes.toggle(actor=current_actor(), offering_id=offering_id)
    except Refusal as refusal:
        return refused(refusal, to=back)
    flash("찜 목록에 담았습니다." if on_list else "찜 목록에서 뺐습니다.", "success")
    return redirect(back)


@blueprint.get("/wishlist")
@needs(Permission.DEMAND_VIEW)
def wishlist() -> ResponseReturnValue:
    return render_template(
        "portal/services/wishlist.html",
        items=wishes.wished(actor=current_actor()),
        rating_of=offerings_reads.rating_text,
        on_sale=lambda item: (
            item.state is OfferingState.ON_SALE and item.supplier.state is SupplierState.SELECTED
        ),
    )
