"""서비스 승인: new services and new prices, before they show; 판매중지 of what is sold (R-CAT-5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice.offering_parts import LABELS, ReviewForm, offering_page
from app.backoffice.parts import (
    Listing,
    Page,
    chosen,
    decide,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.errors import Conflict, Refusal
from app.models.catalogue import OfferingState
from app.policy import Permission
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import refusal_to_form
from app.web.pages import key_of, page_url
from app.workflows import (
    categories,
    offering_desk_reads,
    offering_files,
    offering_own_reads,
    offering_review,
)
from app.workflows.offering_lifecycle import OFFERING
from app.workflows.offering_own_reads import OfferingDraft

ONWARD = "offering_onward"
KINDS = {offering_review.NEW: "신규 등록", offering_review.PRICE: "가격 변경"}
MOVES: dict[str, Callable[..., Any]] = {
    "suspend": offering_review.suspend,
    "lift": offering_review.lift,
}
# What is decided -> the edges of its approval and of its sending back.
DECISIONS: dict[str, tuple[str, str]] = {
    offering_review.NEW: ("approve", "send_back"),
    offering_review.PRICE: ("accept_price", "decline_price"),
}
APPROVALS: dict[str, Callable[..., Any]] = {
    "approve": offering_review.approve,
    "accept_price": offering_review.accept_price,
}
RETURNS: dict[str, Callable[..., Any]] = {
    "send_back": offering_review.send_back,
    "decline_price": offering_review.decline_price,
}
WAITING: list[Column[Any]] = [
    Column("서비스", lambda w: w.offering.name),
    Column("공급기업", lambda w: w.offering.supplier.name),
    Column("분야", lambda w: w.offering.category.name),
    Column("구분", lambda w: KINDS[w.kind]),
    Column("요청일시", lambda w: w.asked_at, kind="instant"),
    Column("대기(영업일)", lambda w: w.days, kind="number"),
]
ALL: list[Column[Any]] = [
    Column("서비스", lambda o: o.name),
    Column("공급기업", lambda o: o.supplier.name),
    Column("분야", lambda o: o.category.name),
    Column("상태", lambda o: o.state.label),
    Column("최저가격", lambda o: o.lowest_price, kind="won"),
    Column("판매 시작일", lambda o: o.published_at, kind="instant"),
    Column("사유", lambda o: o.reason or ""),
]


class Offerings(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What waits; with `tab=all` every service, to find one that is to be suspended."""
        every = typed("tab") == "all"
        read: Callable[..., list[Any]] = offering_desk_reads.approval_queue
        asked: dict[str, Any] = {"category_id": number_of("category"), "text": typed("q")}
        cursor = "before" if every else "after"
        if every:
            read, asked = offering_desk_reads.listing, asked | {"state": chosen(OfferingState)}
        else:
            asked |= {"kind": typed("kind") if typed("kind") in KINDS else ""}
        if export_format():
            rows = everything(read, cursor=cursor, **asked)
            name, columns = ("서비스 목록", ALL) if every else ("서비스 승인 대기", WAITING)
            return spreadsheet(rows, columns, name=name)
        return self._list(every, asked, listed(read, cursor=cursor, **asked))

    def _list(self, every: bool, asked: dict[str, Any], listing: Listing) -> ResponseReturnValue:
        counts = offering_desk_reads.counts(actor=current_actor())
        tabs = [
            {"label": "승인 대기", "url": page_url(tab=None, state=None), "active": not every},
            {"label": "전체 서비스", "url": page_url(tab="all", kind=None), "active": every},
        ]
        return self.render(
            f"backoffice/offerings/{'all' if every else 'list'}.html",
            listing=listing,
            asked=asked,
            kinds=KINDS,
            counts=counts,
            tabs=[tabs[0] | {"count": sum(counts.values())}, tabs[1]],
            categories=[(each.id, each.name) for each in categories.everything()],
            states=[(each.value, each.label) for each in OfferingState if each is not OfferingState.DRAFT],
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        draft = offering_own_reads.own_detail(actor=current_actor(), offering_id=id)
        return self._page(draft, ReviewForm(seen=draft.seen))

    def _page(self, draft: OfferingDraft, form: ReviewForm) -> ResponseReturnValue:
        """The decision at the left, what proves the prices at the right."""
        actor, offering = current_actor(), draft.offering
        open_ = {edge.action: edge for edge in OFFERING.open_to(actor, offering)}
        kind = offering_review.kind_of(offering)
        approval, sending_back = DECISIONS[kind]
        deciding = approval in open_ and (kind == offering_review.NEW or draft.proposed is not None)
        page = self.render(
            "backoffice/offerings/detail.html",
            draft=draft,
            offering=offering,
            form=form,
            kind=kind,
            kinds=KINDS,
            approval=open_[approval] if deciding else None,
            sending_back=open_[sending_back] if deciding else None,
            edges=[edge for name, edge in open_.items() if name in MOVES],
            onward=bool(session.get(ONWARD)),
            labels=LABELS,
            **offering_page(draft, kind),
        )
        return page, 422 if form.errors or form.form_errors else 200

    @expose("/<int:id>/<any(approve, accept_price, send_back, decline_price):action>", methods=["POST"])
    @needs(Permission.OFFERING_APPROVE)
    def review(self, id: int, action: str) -> ResponseReturnValue:
        """One form with two buttons: its ticks are kept with either decision."""
        actor, form = current_actor(), ReviewForm()
        draft = offering_own_reads.own_detail(actor=actor, offering_id=id)
        session[ONWARD] = request.form.get("next") == "1"  # 결정 후 다음
        arguments: dict[str, Any] = {"actor": actor, "offering_id": id, "checks": form.checks.data or []}
        try:
            if action in APPROVALS:
                seen = key_of(form.seen.data)
                APPROVALS[action](note=form.reason.data or "", seen=seen, **arguments)
            else:
                RETURNS[action](reason=form.reason.data or "", codes=form.codes.data or [], **arguments)
        except Conflict as refusal:
            return refused(refusal, to=url_for(".detail", id=id))
        except Refusal as refusal:
            refusal_to_form(form, refusal)
            return self._page(draft, form)
        label = OFFERING.of(action)[0].label
        flash(f"{draft.offering.name}: '{label}' 처리했습니다. 공급기업에 알렸습니다.", "success")
        return redirect(self._onward() or url_for(".detail", id=id))

    def _onward(self) -> str:
        """Who waits longest of all that is left; empty where one stays."""
        if not session.get(ONWARD):
            return ""
        following = offering_desk_reads.approval_queue(actor=current_actor(), size=1)
        if following:
            return url_for(".detail", id=following[0].id)
        flash("기다리는 다음 건이 없습니다.", "info")
        return url_for(".index")

    @expose("/<int:id>/<any(suspend, lift):action>", methods=["POST"])
    @needs(Permission.OFFERING_APPROVE)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        draft = offering_own_reads.own_detail(actor=current_actor(), offering_id=id)
        to = url_for(".detail", id=id)
        return decide(OFFERING, action, MOVES[action], to=to, name=draft.offering.name, offering_id=id)

    @expose("/<int:id>/file/<int:file_id>")
    def file(self, id: int, file_id: int) -> Response:
        """Picture, brochure, evidence; a look at evidence is on record (R-FILE-1)."""
        handed = offering_files.file_for(actor=current_actor(), offering_id=id, file_id=file_id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response
