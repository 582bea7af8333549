"""공급기업: who may sell, and the account that they are paid on (R-SUP-1, R-SET-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import allowed, current_actor, needs
from app.backoffice.parts import (
    Page,
    chosen,
    decide,
    everything,
    export_format,
    listed,
    run,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.models.catalogue import SupplierState
from app.policy import Permission
from app.web import filters
from app.workflows import suppliers
from app.workflows.suppliers import SUPPLIER

VERBS: dict[str, Callable[..., Any]] = {
    "select": suppliers.select_supplier,
    "ask_supplement": suppliers.ask_supplement,
    "reject": suppliers.reject,
    "suspend": suppliers.suspend,
    "lift": suppliers.lift,
}
COLUMNS: list[Column[Any]] = [
    Column("기업명", lambda s: s.name),
    Column("사업자등록번호", lambda s: filters.business_number(s.business_number)),
    Column("대표자", lambda s: filters.mask_name(s.representative)),
    Column("상태", lambda s: s.state.label),
    Column("대표 전화", lambda s: s.phone),
    Column("계좌 확인일", lambda s: s.account_verified_at, kind="instant"),
    Column("등록일", lambda s: s.joined_at, kind="instant"),
]


class Suppliers(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        state, text = chosen(SupplierState), typed("q")
        read = suppliers.supplier_list
        if export_format():
            return spreadsheet(everything(read, state=state, text=text), COLUMNS, name="공급기업")
        counts = suppliers.state_counts(actor=current_actor())
        listing = listed(read, state=state, text=text)
        return self.render(
            "backoffice/suppliers/list.html", listing=listing, counts=counts, state=state, q=text
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        actor = current_actor()
        supplier = suppliers.get(actor=actor, supplier_id=id)
        # What the supplier itself does is no button of ours.
        edges = [edge for edge in SUPPLIER.open_to(actor, supplier) if edge.action in VERBS]
        verifier = allowed(Permission.SUPPLIER_SELECT) or allowed(Permission.SETTLEMENT_DRAFT)
        return self.render(
            "backoffice/suppliers/detail.html", supplier=supplier, edges=edges, verifier=verifier
        )

    @expose("/<int:id>/<action>", methods=["POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        if action not in VERBS:
            abort(404)
        supplier = suppliers.get(actor=current_actor(), supplier_id=id)
        to = url_for(".detail", id=id)
        return decide(SUPPLIER, action, VERBS[action], to=to, name=supplier.name, supplier_id=id)

    @expose("/<int:id>/account", methods=["POST"])
    def verify_account(self, id: int) -> ResponseReturnValue:
        """Two roles may: who selects suppliers, and who drafts settlements; the verb says so."""
        done = "계좌를 확인했습니다. 예금주가 일치합니다."
        return run(suppliers.verify_account, to=url_for(".detail", id=id), done=done, supplier_id=id)
