"""서비스 승인: new services and new prices, before they show (R-CAT-5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice.parts import Page, decide, everything, export_format, listed, spreadsheet
from app.documents.exports import Column
from app.models.catalogue import Offering
from app.policy import Permission
from app.workflows import offerings, offerings_reads
from app.workflows.lifecycle import Edge
from app.workflows.offerings import OFFERING

VERBS: dict[str, Callable[..., Any]] = {
    "approve": offerings.approve,
    "send_back": offerings.send_back,
    "suspend": offerings.suspend,
    "lift": offerings.lift,
    "accept_price": offerings.accept_price,
    "decline_price": offerings.decline_price,
}
PRICE = {"accept_price", "decline_price"}


def waits_for(offering: Offering) -> str:
    return "가격 변경" if offering.proposed_version_id else "신규 등록"


COLUMNS: list[Column[Any]] = [
    Column("서비스", lambda o: o.name),
    Column("공급기업", lambda o: o.supplier.name),
    Column("분야", lambda o: o.category.name),
    Column("구분", waits_for),
    Column("상태", lambda o: o.state.label),
    Column("등록일", lambda o: o.created_at, kind="instant"),
]


def _edges(offering: Offering) -> list[Edge]:
    """Prices are decided only where new ones wait."""
    edges = [edge for edge in OFFERING.open_to(current_actor(), offering) if edge.action in VERBS]
    return [edge for edge in edges if edge.action not in PRICE or offering.proposed_version_id]


class Offerings(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        read = offerings_reads.approval_queue
        if export_format():
            return spreadsheet(everything(read, cursor="after"), COLUMNS, name="서비스 승인 대기")
        listing = listed(read, cursor="after")
        return self.render("backoffice/offerings/list.html", listing=listing, waits_for=waits_for)

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        draft = offerings_reads.own_detail(actor=current_actor(), offering_id=id)
        return self.render(
            "backoffice/offerings/detail.html",
            draft=draft,
            offering=draft.offering,
            edges=_edges(draft.offering),
            labels={edge.action: edge.label for edge in OFFERING.edges},
        )

    @expose("/<int:id>/<action>", methods=["POST"])
    @needs(Permission.OFFERING_APPROVE)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        if action not in VERBS:
            abort(404)
        draft = offerings_reads.own_detail(actor=current_actor(), offering_id=id)
        to = url_for(".detail", id=id)
        return decide(OFFERING, action, VERBS[action], to=to, name=draft.offering.name, offering_id=id)
