"""Services side by side, and one request to all of them at once (R-CAT-3, R-DEAL-1).

What is compared stands in the address: it can be sent to a colleague and printed.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField

from app import clock
from app.access import actor_or_none, current_actor, needs
from app.errors import NotFound, Refusal
from app.policy import Permission
from app.portal.basket import Kept, basket, keep
from app.portal.services import RequestForm, company_id
from app.web.forms import refusal_to_form
from app.web.limits import SEARCH_LIMIT, limiter
from app.web.pages import key_of
from app.workflows import asked_together, comparison, deal_refusals, offerings_reads, storefront
from app.workflows.asked_together import Together

blueprint = Blueprint("compare", __name__)

# What the last request did not make, in the browser's signed cookie: those made are in the database.
REFUSED = "asked_together"


class TogetherForm(RequestForm):
    """함께 상담 요청"""

    key = HiddenField()


def _ids(values: list[str]) -> list[int]:
    """In the order of the page, each once."""
    keys = dict.fromkeys(key_of(value) for value in values)
    return [key for key in keys if key is not None]


def _address(kept: list[Kept]) -> str:
    return url_for("compare.index", id=[each.id for each in kept])


@blueprint.get("/services/compare")
@needs(Permission.PUBLIC)
@limiter.limit(SEARCH_LIMIT)
def index() -> ResponseReturnValue:
    ids = _ids(request.args.getlist("id"))
    if not ids and basket():
        return redirect(_address(basket()))
    return _page(ids, TogetherForm(key=str(uuid.uuid4())))


def _page(
    ids: list[int], form: TogetherForm, *, together: Together | None = None, refusal: Refusal | None = None
) -> ResponseReturnValue:
    """With what a press came to: nothing made of what was ticked, or refused as a whole."""
    actor = actor_or_none()
    columns = comparison.of(actor=actor, offering_ids=ids)
    terms = storefront.terms(company_id=company_id(actor))
    shown = [column.id for column in columns]
    return render_template(
        "portal/services/compare.html",
        columns=columns,
        without={key: url_for("compare.index", id=[each for each in shown if each != key]) for key in shown},
        missing=min(len(ids), comparison.MOST) - len(columns),
        too_many=len(ids) > comparison.MOST,
        most=comparison.MOST,
        form=form,
        refused={row.offering_id: row.text for row in together.refused} if together else {},
        way_out=deal_refusals.way_out(refusal.code) if refusal else None,
        terms=terms,
        answer_by=terms.answer_by() if terms else None,
        monthly=storefront.monthly,
        rating_of=offerings_reads.rating_text,
        actor=actor,
        may_request=Permission.DEAL_REQUEST,
    ), 422 if form.errors else 200


@blueprint.post("/services/compare")
@needs(Permission.PUBLIC)
@limiter.limit(SEARCH_LIMIT)
def choose() -> ResponseReturnValue:
    """What was ticked on a list becomes the 비교함, and is shown."""
    ids = _ids(request.form.getlist("id"))
    if len(ids) > comparison.MOST:
        flash(f"{comparison.MOST}개까지 비교할 수 있어 먼저 선택한 서비스만 비교합니다.", "warning")
    return redirect(_address(keep(ids)))


@blueprint.post("/services/<int:offering_id>/compare")
@needs(Permission.PUBLIC)
@limiter.limit(SEARCH_LIMIT)
def toggle(offering_id: int) -> ResponseReturnValue:
    """비교 담기, and 비교 빼기."""
    offerings_reads.detail(actor=actor_or_none(), offering_id=offering_id)
    back = redirect(url_for("services.detail", offering_id=offering_id))
    ids = [each.id for each in basket()]
    if offering_id in ids:
        keep([key for key in ids if key != offering_id])
        flash("비교함에서 뺐습니다.", "success")
    elif len(ids) >= comparison.MOST:
        flash(f"비교함에는 {comparison.MOST}개까지 담을 수 있습니다. 하나를 빼고 담아 주세요.", "warning")
    else:
        keep([*ids, offering_id])
        flash("비교함에 담았습니다.", "success")
    return back


@blueprint.post("/services/compare/request")
@needs(Permission.DEAL_REQUEST)
def ask() -> ResponseReturnValue:
    """함께 상담 요청: each stands or falls alone; a second press makes nothing again."""
    actor, form, ids = current_actor(), TogetherForm(), _ids(request.form.getlist("id"))
    shown = _ids(request.form.getlist("shown")) or ids
    if not form.validate_on_submit():
        return _page(shown, form)
    try:
        together = asked_together.request(
            actor=actor, offering_ids=ids, memo=form.memo.data or "", key=_key(form)
        )
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return _page(shown, form, refusal=refusal)
    if not together.made:
        form.form_errors.append(
            "선택한 서비스 모두 상담을 요청하지 못했습니다. 서비스별 사유를 확인해 주세요."
        )
        return _page(shown, form, together=together)
    session[REFUSED] = [str(together.key), [[row.offering_id, row.text] for row in together.refused]]
    return redirect(url_for("compare.asked", key=together.key))


def _key(form: TogetherForm) -> uuid.UUID:
    """Of the page on which the press was made; a mangled one is as good as a new page."""
    try:
        return uuid.UUID(form.key.data or "")
    except ValueError:
        return uuid.uuid4()


@blueprint.get("/services/compare/asked/<uuid:key>")
@needs(Permission.DEMAND_VIEW)
def asked(key: uuid.UUID) -> ResponseReturnValue:
    """Which suppliers were asked, which not, and why; the address can be kept."""
    made = asked_together.result(actor=current_actor(), key=key)
    if not made:
        raise NotFound()
    of_key, rows = session.get(REFUSED, ["", []])
    refused = {row[0]: row[1] for row in rows} if of_key == str(key) else {}
    names = dict(comparison.names(offering_ids=list(refused)))
    return render_template(
        "portal/services/asked.html",
        made=made,
        refused=refused,
        names=names,
        write_deadline=clock.write_deadline,
    )
