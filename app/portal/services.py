"""The catalogue: search, a service's page, 찜, 거래상담 요청 (R-CAT-2, R-CAT-3, R-CAT-4)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, SelectField, StringField, TextAreaField

from app.access import actor_or_none, current_actor, needs
from app.errors import Refusal
from app.models.catalogue import Category, OfferingState, SupplierState
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.portal import lists
from app.portal.basket import basket
from app.web.errors import refused
from app.web.files import disposition
from app.web.filters import won
from app.web.forms import BaseForm, MoneyField, Required, ValidationError, longest, refusal_to_form
from app.web.limits import SEARCH_LIMIT, limiter
from app.web.pages import page_url
from app.workflows import (
    catalogue,
    deal_refusals,
    deals,
    evaluation_stats,
    evaluations,
    offering_files,
    offerings_reads,
    questions,
    questions_reads,
    storefront,
    wishes,
)
from app.workflows.catalogue import CataloguePage, Filters, Sort
from app.workflows.offerings_reads import OfferingDetail

blueprint = Blueprint("services", __name__)

LONGEST_QUERY = 100
SIZES = (12, 24, 48)
RATINGS = (("4.5", "4.5점 이상"), ("4", "4점 이상"), ("3", "3점 이상"))
REVIEWS = 10
QUESTIONS = 5
QUESTION_LIMIT = "10 per minute; 100 per hour"


class FilterForm(BaseForm):
    """What narrows the list, read from the address; what is mistyped narrows nothing and is told."""

    price_from = MoneyField("가격 최소", minimum=0)
    price_to = MoneyField("가격 최대", minimum=0)
    rating = SelectField("평점", choices=[("", "전체"), *RATINGS], default="")
    supplier = StringField("공급기업", [longest(LONGEST_QUERY)])

    def validate_price_to(self, field: MoneyField) -> None:
        if self.price_from.data is not None and field.data is not None and self.price_from.data > field.data:
            raise ValidationError("최대 가격은 최소 가격과 같거나 커야 합니다.")


class RequestForm(BaseForm):
    """거래상담 요청"""

    memo = TextAreaField("상담 내용", [Required(), longest(deals.MAX_MEMO)])


class QuestionForm(BaseForm):
    """서비스 문의"""

    body = TextAreaField("문의 내용", [Required(), longest(questions.MAX_BODY)])
    is_private = BooleanField("비공개로 문의하기", description="공급기업과 전문기관만 볼 수 있습니다.")


class Chip(NamedTuple):
    """An active filter, and the address without it."""

    label: str
    url: str


def _chosen(options: type[Labelled], value: str) -> Labelled | None:
    return next((option for option in options if option.value == value), None)


def company_id(actor: Actor | None) -> int | None:
    return actor.company_id if actor else None


@blueprint.get("/services")
@needs(Permission.PUBLIC)
@limiter.limit(SEARCH_LIMIT)
def index() -> ResponseReturnValue:
    query = request.args.get("q", "").strip()[:LONGEST_QUERY]
    company = company_id(actor_or_none())
    terms = storefront.terms(company_id=company)
    categories = catalogue.categories_with_counts(programme=terms.programme if terms else None)
    category = next((each for each, _ in categories if each.code == request.args.get("category")), None)
    narrow = FilterForm(request.args, meta={"csrf": False})
    filters = _filters(category, narrow)
    return render_template(
        "portal/services/index.html",
        found=_found(filters, query, company),
        query=query,
        categories=categories,
        counted=catalogue.COUNTED,
        category=category,
        narrow=narrow,
        chips=_chips(query, category, filters),
        sorts=[sort for sort in Sort if query or sort is not Sort.RELEVANCE],
        size=_size(),
        sizes=SIZES,
        terms=terms,
        rating_of=offerings_reads.rating_text,
        basket=basket(),
    )


def _size() -> int:
    size = request.args.get("size", type=int)
    return size if size in SIZES else SIZES[0]


def _found(filters: Filters, query: str, company: int | None) -> CataloguePage:
    return catalogue.page_of(
        filters=filters,
        q=query,
        sort=_chosen(Sort, request.args.get("sort", "")),  # type: ignore[arg-type]  # a Sort or None
        page=request.args.get("page", 1, type=int),
        size=_size(),
        company_id=company,
    )


def _filters(category: Category | None, narrow: FilterForm) -> Filters:
    category_id = category.id if category else None
    if not narrow.validate():
        return Filters(category_id=category_id)
    return Filters(
        category_id=category_id,
        supplier=(narrow.supplier.data or "").strip(),
        price_from=narrow.price_from.data,
        price_to=narrow.price_to.data,
        rating=Decimal(narrow.rating.data) if narrow.rating.data else None,
    )


def _chips(query: str, category: Category | None, filters: Filters) -> list[Chip]:
    price = {"price_from": None, "price_to": None}
    span = f"{won(filters.price_from) if filters.price_from is not None else ''}~"
    span += won(filters.price_to) if filters.price_to is not None else ""
    active = (
        (query, f"검색어 {query}", {"q": None}),
        (category, f"분야 {category.name if category else ''}", {"category": None}),
        (span != "~", f"가격 {span}", price),
        (filters.rating, f"평점 {filters.rating}점 이상", {"rating": None}),
        (filters.supplier, f"공급기업 {filters.supplier}", {"supplier": None}),
    )
    return [Chip(label, page_url(page=None, **gone)) for is_on, label, gone in active if is_on]


@blueprint.get("/services/<int:offering_id>")
@needs(Permission.PUBLIC)
def detail(offering_id: int) -> ResponseReturnValue:
    found = offerings_reads.detail(actor=actor_or_none(), offering_id=offering_id)
    return _detail(found, RequestForm(), QuestionForm())


def _detail(
    found: OfferingDetail, form: RequestForm, question: QuestionForm, refusal: Refusal | None = None
) -> ResponseReturnValue:
    actor = actor_or_none()
    reviews = evaluations.of_offering(found.offering.id, before=lists.cursor(), size=REVIEWS)
    terms = storefront.terms(company_id=company_id(actor))
    return render_template(
        "portal/services/detail.html",
        found=found,
        form=form if form.errors or not question.errors else question,
        request_form=form,
        question_form=question,
        terms=terms,
        prices=[terms.price(plan) for plan in found.plans] if terms else [],
        answer_by=terms.answer_by() if terms and found.orderable else None,
        spread=evaluation_stats.of_offering(found.offering.id) if found.rating_count else [],
        reviews=reviews,
        next_reviews=lists.following(reviews, REVIEWS),
        asked=questions_reads.of_offering(actor=actor, offering=found.offering, size=QUESTIONS),
        basket=basket(),
        actor=actor,
        may_request=Permission.DEAL_REQUEST,
        way_out=deal_refusals.way_out(refusal.code) if refusal else None,
    ), 422 if form.errors or question.errors else 200


@blueprint.post("/services/<int:offering_id>/request")
@needs(Permission.DEAL_REQUEST)
def ask(offering_id: int) -> ResponseReturnValue:
    """거래상담 요청: a double click meets `deal.open_consultation` and makes one deal."""
    actor, said = current_actor(), None
    form = RequestForm()
    if form.validate_on_submit():
        try:
            deal = deals.request(actor=actor, offering_id=offering_id, memo=form.memo.data or "")
        except Refusal as refusal:
            if refusal.code == "offering.not_on_sale":
                # Its page is gone for a company: say so where the others are.
                return refused(refusal, to=url_for("services.index"))
            refusal_to_form(form, refusal)
            said = refusal
        else:
            flash("거래상담을 요청했습니다. 공급기업이 기한 안에 답하면 알림으로 알려 드립니다.", "success")
            return redirect(url_for("deals.detail", deal_id=deal.id))
    found = offerings_reads.detail(actor=actor, offering_id=offering_id)
    return _detail(found, form, QuestionForm(formdata=None), said)


@blueprint.post("/services/<int:offering_id>/questions")
@needs(Permission.DEAL_REQUEST)
@limiter.limit(QUESTION_LIMIT)
def ask_question(offering_id: int) -> ResponseReturnValue:
    """서비스 문의 (R-CAT-3)"""
    actor = current_actor()
    form = QuestionForm()
    if form.validate_on_submit():
        text, is_private = form.body.data or "", bool(form.is_private.data)
        try:
            questions.ask(actor=actor, offering_id=offering_id, body=text, is_private=is_private)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("문의를 등록했습니다. 공급기업이 답변하면 알림으로 알려 드립니다.", "success")
            return redirect(url_for("services.detail", offering_id=offering_id, _anchor="question"))
    found = offerings_reads.detail(actor=actor, offering_id=offering_id)
    return _detail(found, RequestForm(formdata=None), form)


@blueprint.get("/services/<int:offering_id>/questions")
@needs(Permission.PUBLIC)
def asked(offering_id: int) -> ResponseReturnValue:
    """All questions about a service, as far as the reader may know of them."""
    actor = actor_or_none()
    found = offerings_reads.detail(actor=actor, offering_id=offering_id)
    rows = questions_reads.of_offering(actor=actor, offering=found.offering, before=lists.cursor(), size=20)
    return render_template(
        "portal/services/questions.html", found=found, rows=rows, following=lists.following(rows, 20)
    )


@blueprint.get("/services/<int:offering_id>/files/<int:file_id>")
@needs(Permission.PUBLIC)
def file(offering_id: int, file_id: int) -> ResponseReturnValue:
    """Picture or brochure. Another picture is another file, so a browser may keep it for a while."""
    found = offering_files.public_file(offering_id=offering_id, file_id=file_id, actor=actor_or_none())
    answer = Response(found.content, content_type=found.content_type)
    answer.headers["Content-Disposition"] = disposition("inline", found.file_name)
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


@blueprint.post("/services/<int:offering_id>/wish")
@needs(Permission.DEMAND_VIEW)
def wish(offering_id: int) -> ResponseReturnValue:
    """찜하기, and 찜 해제. Returns to the page that the button stood on, of three that have one."""
    # Only arguments come from the form, never an address: a list is found again as it was narrowed.
    narrowed = urlencode(parse_qsl(request.form.get("at", "")))
    back = {
        "list": f"{url_for('services.index')}?{narrowed}",
        "wishlist": url_for("services.wishlist"),
    }.get(request.form.get("back", ""), url_for("services.detail", offering_id=offering_id))
    try:
        on_list = wishes.toggle(actor=current_actor(), offering_id=offering_id)
    except Refusal as refusal:
        return refused(refusal, to=back)
    flash("찜 목록에 담았습니다." if on_list else "찜 목록에서 뺐습니다.", "success")
    return redirect(back)


@blueprint.get("/wishlist")
@needs(Permission.DEMAND_VIEW)
def wishlist() -> ResponseReturnValue:
    items = wishes.wished(actor=current_actor())
    return render_template(
        "portal/services/wishlist.html",
        items=items,
        pictures=offering_files.picture_ids([item.id for item in items]),
        terms=storefront.terms(company_id=current_actor().company_id),
        rating_of=offerings_reads.rating_text,
        basket=basket(),
        on_sale=lambda item: (
            item.state is OfferingState.ON_SALE and item.supplier.state is SupplierState.SELECTED
        ),
    )
