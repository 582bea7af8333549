"""공급기업: who may sell, decided beside the papers and what others say; 정지 and its lifting (R-SUP-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
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
from app.backoffice.supplier_forms import TOLD, SupplementForm, SupplierForm, decision_form
from app.backoffice.supplier_parts import supplier_page
from app.documents.exports import Column
from app.errors import InvalidInput, Refusal
from app.korean import way_mark
from app.models.catalogue import SupplierState
from app.policy import Permission
from app.web import confirm, filters
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import refusal_to_form
from app.web.pages import key_of
from app.workflows import (
    attachments,
    deal_parties,
    supplier_accounts,
    supplier_cases,
    supplier_checks,
    supplier_history,
    suppliers,
)
from app.workflows.supplier_cases import SupplierCase
from app.workflows.supplier_lifecycle import SUPPLIER
from app.workflows.suppliers import Wanted

ONWARD = "supplier_onward"
FITS = {"ok": True, "no": False, "none": None}
REASONED: dict[str, Callable[..., Any]] = {
    "ask_supplement": suppliers.ask_supplement,
    "reject": suppliers.reject,
    "suspend": suppliers.suspend,
    "lift": suppliers.lift,
}
COLUMNS: list[Column[Any]] = [
    Column("기업명", lambda s: s.name),
    Column("기업구분", lambda s: s.kind.label),
    Column("사업자등록번호", lambda s: filters.business_number(s.business_number)),
    Column("대표자", lambda s: filters.mask_name(s.representative)),
    Column("상태", lambda s: s.state.label),
    Column("사유", lambda s: s.reason or ""),
    Column("대표 전화", lambda s: s.phone),
    Column("국세청", lambda s: s.tax_office_state or "응답 없음"),
    Column("계좌 확인일", lambda s: s.account_verified_at, kind="instant"),
    Column("신청일", lambda s: s.joined_at, kind="instant"),
]


def _onward_on() -> bool:
    """'결정 후 다음': what this request says, else what the person last said."""
    said = request.values.get("next")
    return said == "1" if said is not None else bool(session.get(ONWARD))


class Suppliers(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        state = chosen(SupplierState)
        wanted = Wanted(state=state, text=typed("q"), unverified=typed("unverified") == "1")
        read, cursor = suppliers.supplier_list, "after" if state is SupplierState.SCREENING else "before"
        if export_format():
            return spreadsheet(everything(read, cursor=cursor, wanted=wanted), COLUMNS, name="공급기업")
        listing = listed(read, cursor=cursor, wanted=wanted)
        return self.render(
            "backoffice/suppliers/list.html",
            listing=listing,
            counts=suppliers.state_counts(actor=current_actor()),
            waiting=supplier_history.waiting_days(listing.rows),
            wanted=wanted,
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        actor = current_actor()
        if "next" in request.args:
            session[ONWARD] = request.args["next"] == "1"
        found = supplier_cases.case(actor=actor, supplier_id=id)
        # What the supplier itself does is no button of ours.
        edges = [edge for edge in SUPPLIER.open_to(actor, found.supplier) if edge.action != "resubmit"]
        page = supplier_page(found)
        return self.render("backoffice/suppliers/detail.html", **page, edges=edges, onward=_onward_on())

    @expose("/document/<int:id>")
    def document(self, id: int) -> Response:
        """A supplier's file; each look is on record (R-FILE-1)."""
        handed = attachments.document_for(actor=current_actor(), document_id=id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response

    # --- checking -----------------------------------------------------------------------------------

    @expose("/<int:id>/ticks", methods=["POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def ticks(self, id: int) -> ResponseReturnValue:
        """One tick by htmx, at once; or all of the form's, by its button."""
        fits = {
            name.removeprefix("check_"): FITS[value]
            for name, value in request.form.items()
            if name.startswith("check_") and value in FITS
        }
        if "HX-Request" not in request.headers:
            to = url_for(".detail", id=id, document=request.form.get("document") or None)
            done = "확인 내용을 저장했습니다."
            return run(supplier_checks.tick, to=to, done=done, supplier_id=id, fits=fits)
        actor = current_actor()
        supplier_checks.tick(actor=actor, supplier_id=id, fits=fits)
        supplier = suppliers.get(actor=actor, supplier_id=id)
        progress = supplier_checks.progress(supplier, attachments.current(supplier_id=id))
        return self.render("backoffice/screening/_tally.html", progress=progress, saved=True)

    @expose("/<int:id>/tax-office", methods=["POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def tax_office(self, id: int) -> ResponseReturnValue:
        """'다시 조회' (R-JOIN-4)"""
        to = url_for(".detail", id=id, document=request.form.get("document") or None)
        try:
            state = supplier_checks.ask_tax_office(actor=current_actor(), supplier_id=id)
        except Refusal as refusal:
            return refused(refusal, to=to)
        flash(f"국세청이 '{state}'{way_mark(state)} 답했습니다.", "success")
        return redirect(to)

    @expose("/<int:id>/account", methods=["POST"])
    def verify_account(self, id: int) -> ResponseReturnValue:
        """Two roles may: who selects suppliers, and who drafts settlements; the verb says so."""
        to, done = url_for(".detail", id=id), "계좌를 확인했습니다. 예금주가 일치합니다."
        return run(supplier_accounts.verify_account, to=to, done=done, supplier_id=id)

    # --- deciding -----------------------------------------------------------------------------------

    def _onward(self) -> str:
        """The oldest that waits; empty where one stays."""
        if not _onward_on():
            return ""
        following = suppliers.next_waiting(actor=current_actor())
        if following is not None:
            return url_for(".detail", id=following)
        flash("기다리는 다음 건이 없습니다.", "info")
        return url_for(".index", state=SupplierState.SCREENING.value)

    @expose("/<int:id>/select", methods=["POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def select(self, id: int) -> ResponseReturnValue:
        """선정: at once where everything fits; else what speaks against it is asked first."""
        found = supplier_cases.case(actor=current_actor(), supplier_id=id)
        to, name = url_for(".detail", id=id), found.supplier.name
        if found.doubts and found.supplier.state is SupplierState.SCREENING:
            doubts = " / ".join(found.doubts)
            question, consequence = f"{name}: 이대로 선정할까요?", f"확인이 끝나지 않았습니다. {doubts}"
            asked = confirm.ask(question=question, consequence=consequence, label="선정", cancel_url=to)
            if asked is not None:
                return asked
        verb = suppliers.select_supplier
        what: dict[str, Any] = {"supplier_id": id, "seen": key_of(request.form.get("seen"))}
        return decide(SUPPLIER, "select", verb, to=to, name=name, then=self._onward, **what)

    @expose("/<int:id>/<any(ask_supplement, reject, suspend, lift):action>", methods=["GET", "POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """A decision with reasons: written, shown as the supplier will read it, then made."""
        found = supplier_cases.case(actor=current_actor(), supplier_id=id)
        try:
            SUPPLIER.pick(action, found.supplier.state)
        except Refusal as refusal:
            return refused(refusal, to=url_for(".detail", id=id))
        form = decision_form(action, found)
        if not form.validate_on_submit():
            return self._decision_page(action, found, form)
        if not form.sentence():
            text = "사유를 하나 이상 선택하거나 덧붙일 내용을 입력해 주세요."
            refusal_to_form(form, InvalidInput("reason_missing", text, fields={"reason": text}))
            return self._decision_page(action, found, form)
        if request.form.get("confirmed") != "1":
            if isinstance(form, SupplementForm) and not form.marks.data:
                form.marks.data = form.marks_of_codes()
            return self._decision_page(action, found, form, asking=True)
        return self._fire(action, found, form)

    def _fire(self, action: str, found: SupplierCase, form: SupplierForm) -> ResponseReturnValue:
        arguments = {"reason": form.reason.data or "", "codes": form.codes.data or []}
        if isinstance(form, SupplementForm):
            arguments["marks"] = form.marks.data or []
        name, label = found.supplier.name, SUPPLIER.of(action)[0].label
        try:
            REASONED[action](actor=current_actor(), supplier_id=found.supplier.id, **arguments)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
            return self._decision_page(action, found, form)
        flash(f"{name}: '{label}' 처리했습니다. 공급기업에 사유를 알렸습니다.", "success")
        onward = self._onward() if action in ("ask_supplement", "reject") else ""
        return redirect(onward or url_for(".detail", id=found.supplier.id))

    def _decision_page(
        self, action: str, found: SupplierCase, form: SupplierForm, *, asking: bool = False
    ) -> ResponseReturnValue:
        page = self.render(
            "backoffice/suppliers/decide.html",
            form=form,
            found=found,
            supplier=found.supplier,
            edge=SUPPLIER.of(action)[0],
            asking=asking,
            told=TOLD[action],
        )
        return page, 422 if form.errors or form.form_errors else 200

    @expose("/<int:id>/preview/<any(ask_supplement, reject, suspend, lift):action>", methods=["POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def preview(self, id: int, action: str) -> str:
        """What the supplier will read, while it is being written."""
        form = decision_form(action, supplier_cases.case(actor=current_actor(), supplier_id=id))
        page: str = self.render("backoffice/screening/_preview.html", form=form, told=TOLD[action])
        return page

    # --- namesakes ----------------------------------------------------------------------------------

    @expose("/<int:id>/namesake", methods=["POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def namesake(self, id: int) -> ResponseReturnValue:
        """The representatives of two companies are two persons of one name (R-DEAL-2)."""
        to, done = (
            f"{url_for('.detail', id=id)}#namesakes",
            "동명이인으로 확인했습니다. 두 기업이 거래할 수 있습니다.",
        )
        given = {name: request.form.get(name, "") for name in ("business_number", "reason")}
        return run(deal_parties.exempt, to=to, done=done, supplier_id=id, **given)

    @expose("/<int:id>/namesake/withdraw", methods=["POST"])
    @needs(Permission.SUPPLIER_SELECT)
    def withdraw_namesake(self, id: int) -> ResponseReturnValue:
        to = f"{url_for('.detail', id=id)}#namesakes"
        question = "동명이인 확인을 취소할까요?"
        consequence = "취소하면 두 기업은 새로 거래할 수 없습니다."
        asked = confirm.ask(
            question=question, consequence=consequence, label="확인 취소", reason_required=True, cancel_url=to
        )
        if asked is not None:
            return asked
        given = {name: request.form.get(name, "") for name in ("business_number", "reason")}
        done = "동명이인 확인을 취소했습니다."
        return run(deal_parties.withdraw_exemption, to=to, done=done, supplier_id=id, **given)
