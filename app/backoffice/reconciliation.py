"""대사 차이: the queue of what differs, one difference, and what is done about it (R-SET-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import StringField

from app.access import current_actor, needs
from app.backoffice import ways_back
from app.backoffice.parts import (
    Page,
    chosen,
    day_of,
    everything,
    export_format,
    listed,
    spreadsheet,
    ticked,
    typed,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.models.statements import Bucket, ItemAction, StatementSystem
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import BaseForm, ReasonField, Required, UploadField, longest, refusal_to_form
from app.web.pages import key_of
from app.workflows import recon_asking, recon_items, recon_reads, recon_words
from app.workflows.recon_items import MAX_NOTE
from app.workflows.recon_reads import ItemPage, Shown, Wanted, Whose

COLUMNS: list[Column[Any]] = [
    Column("번호", lambda r: r.id, kind="number"),
    Column("구분", lambda r: r.item.bucket.label),
    Column("결제 기관", lambda r: r.item.system.label),
    Column("거래일", lambda r: r.item.day, kind="date"),
    Column("승인/취소", lambda r: "취소" if r.item.is_cancel else "승인"),
    Column("승인번호", lambda r: r.approval_number or ""),
    Column("주문번호", lambda r: r.order_id or ""),
    Column("우리 장부", lambda r: r.ours, kind="won"),
    Column("결제 기관 명세", lambda r: r.theirs, kind="won"),
    Column("차액(명세-우리)", lambda r: r.theirs - r.ours, kind="won"),
    Column("수요기업", lambda r: r.item.payment.deal.company.name if r.item.payment else ""),
    Column("공급기업", lambda r: r.item.payment.deal.supplier.name if r.item.payment else ""),
    Column("상태", lambda r: r.item.state.label),
    Column("담당자", lambda r: r.who),
    Column("발생일시", lambda r: r.item.opened_at, kind="instant"),
    Column("경과일", lambda r: r.age.days, kind="number"),
    Column("종결일시", lambda r: r.item.closed_at, kind="instant"),
    Column("종결 내용", lambda r: r.item.note or "", width=60),
]
# What the buttons under one note do; `note` or `reason` is how the verb calls it.
VERBS: dict[ItemAction, tuple[Callable[..., Any], str]] = {
    ItemAction.ASK_GATEWAY: (recon_asking.ask_gateway, "note"),
    ItemAction.ASK_SUPPLIER: (recon_asking.ask_supplier, "note"),
    ItemAction.HOLD: (recon_asking.hold, "note"),
    ItemAction.CLOSE: (recon_items.close, "reason"),
    ItemAction.PROPOSE: (recon_items.propose, "reason"),
    ItemAction.CONFIRM: (recon_items.confirm, "reason"),
    ItemAction.SEND_BACK: (recon_items.send_back, "reason"),
    ItemAction.REOPEN: (recon_items.reopen, "reason"),
}
_ACTIONS = ", ".join(action.value for action in VERBS)


class NoteForm(BaseForm):
    note = ReasonField("처리 내용", validators=[Required(), longest(MAX_NOTE)])


class EvidenceForm(BaseForm):
    file = UploadField("증빙 파일", validators=[Required()])
    note = ReasonField("증빙 설명", validators=[Required(), longest(MAX_NOTE)])


class MatchForm(BaseForm):
    other = StringField("연결할 건", validators=[Required("연결할 건을 선택해 주세요.")])
    note = ReasonField("연결하는 이유", validators=[Required(), longest(MAX_NOTE)])


def _wanted() -> Wanted:
    return Wanted(
        shown=chosen(Shown, "shown") or Shown.LIVE,
        system=chosen(StatementSystem, "system"),
        whose=chosen(Whose, "whose"),
        old=request.args.get("old") == "1",
        since=day_of("since"),
        until=day_of("until"),
        q=typed("q"),
    )


class Reconciliation(Page):
    permission = Permission.RECONCILE_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted, bucket = _wanted(), chosen(Bucket, "bucket")
        if export_format():
            rows = everything(recon_reads.listing, cursor="after", wanted=wanted, bucket=bucket)
            return spreadsheet(rows, COLUMNS, name="대사 차이")
        return self.render(
            "backoffice/reconciliation/list.html",
            wanted=wanted,
            bucket=bucket,
            buckets=Bucket,
            counts=recon_reads.counts(actor=current_actor(), wanted=wanted),
            listing=listed(recon_reads.listing, cursor="after", wanted=wanted, bucket=bucket),
            owners=[(one.id, one.name) for one in recon_reads.owners(actor=current_actor())],
            may_work=current_actor().may(Permission.RECONCILE_WORK),
            options={
                "shown": [(each.value, each.label) for each in Shown if each is not Shown.LIVE],
                "system": [(each.value, each.label) for each in StatementSystem],
                "whose": [(each.value, each.label) for each in Whose],
            },
            old_days=recon_reads.OLD.days,
            here=ways_back.here(),
        )

    @expose("/assign", methods=["POST"])
    @needs(Permission.RECONCILE_WORK)
    def assign(self) -> ResponseReturnValue:
        """Those ticked, or the one of a page, to a person."""
        actor, ids = current_actor(), ticked()
        of_item = "of_item" in request.form and len(ids) == 1
        back = url_for(".detail", id=ids[0]) if of_item else ways_back.from_form(url_for(".index"))
        owner_id = key_of(request.form.get("owner")) or actor.id or 0
        try:
            moved = recon_items.assign(actor=actor, item_ids=ids, owner_id=owner_id)
        except Refusal as refusal:
            return refused(refusal, to=back)
        flash(f"{moved:,}건의 담당자를 정했습니다.", "success")
        return redirect(back)

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        return self._page(recon_reads.item(actor=current_actor(), item_id=id))

    def _page(
        self,
        page: ItemPage,
        *,
        note: NoteForm | None = None,
        evidence: EvidenceForm | None = None,
        match: MatchForm | None = None,
    ) -> str:
        failed = note or evidence or match
        return self.render(
            "backoffice/reconciliation/item.html",
            page=page,
            item=page.item,
            row=page.row,
            edges={edge.action for edge in page.edges},
            ours=recon_words.ours(page.row),
            theirs=recon_words.theirs(page.row),
            questions={action.value: question for action, question in _questions(page).items()},
            may_work=current_actor().may(Permission.RECONCILE_WORK),
            owners=[(one.id, one.name) for one in recon_reads.owners(actor=current_actor())],
            failed=failed,
            note=note or NoteForm(formdata=None),
            evidence=evidence or EvidenceForm(formdata=None, prefix="evidence-"),
            match=match or MatchForm(formdata=None, prefix="match-"),
        )

    @expose(f"/<int:id>/<any({_ACTIONS}):action>", methods=["POST"])
    @needs(Permission.RECONCILE_WORK)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """One note, and the button that was pressed under it; who may close, the edge says."""
        page, form, what = self._read(id), NoteForm(), ItemAction(action)
        if not form.validate():
            return self._page(page, note=form), 422
        question = _questions(page).get(what)
        if question is not None:
            asked = confirm.ask(**question, cancel_url=url_for(".detail", id=id))
            if asked is not None:
                return asked
        verb, called = VERBS[what]
        try:
            answer = verb(actor=current_actor(), item_id=id, **{called: form.note.data})
        except Refusal as refusal:
            return self._refused(refusal, id, note=form)
        flash(
            f"{what.label}: {answer}" if isinstance(answer, str) else f"'{what.label}' 처리했습니다.",
            "success",
        )
        return redirect(url_for(".detail", id=id))

    @expose("/<int:id>/evidence", methods=["POST"])
    @needs(Permission.RECONCILE_WORK)
    def add_evidence(self, id: int) -> ResponseReturnValue:
        page, form = self._read(id), EvidenceForm(prefix="evidence-")
        if not form.validate():
            return self._page(page, evidence=form), 422
        upload = form.file.data
        try:
            recon_items.add_evidence(
                actor=current_actor(),
                item_id=id,
                file_name=upload.filename or "",
                content=upload.read(),
                note=form.note.data,
            )
        except Refusal as refusal:
            return self._refused(refusal, id, evidence=form)
        flash("증빙을 등록했습니다. 이제 증빙으로 종결할 수 있습니다.", "success")
        return redirect(url_for(".detail", id=id))

    @expose("/<int:id>/match", methods=["POST"])
    @needs(Permission.RECONCILE_WORK)
    def propose_match(self, id: int) -> ResponseReturnValue:
        page, form = self._read(id), MatchForm(prefix="match-")
        if not form.validate():
            return self._page(page, match=form), 422
        other_id = key_of(form.other.data) or 0
        try:
            recon_items.propose_match(
                actor=current_actor(), item_id=id, other_id=other_id, reason=form.note.data
            )
        except Refusal as refusal:
            return self._refused(refusal, id, match=form)
        flash("거래 연결을 요청했습니다. 다른 담당자가 확인하면 두 건이 함께 종결됩니다.", "success")
        return redirect(url_for(".detail", id=id))

    @expose("/evidence/<int:act_id>")
    def evidence(self, act_id: int) -> ResponseReturnValue:
        file = recon_items.evidence(actor=current_actor(), act_id=act_id)
        response = Response(file.content, content_type=file.content_type)
        response.headers["Content-Disposition"] = disposition("inline", file.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _read(self, id: int) -> ItemPage:
        return recon_reads.item(actor=current_actor(), item_id=id)

    def _refused(self, refusal: Refusal, id: int, **form: Any) -> ResponseReturnValue:
        """With what was typed, beside the difference as it is now."""
        if refusal.status in (403, 404):
            return refused(refusal, to=url_for(".detail", id=id))
        [one] = form.values()
        if refusal.fields:
            refusal_to_form(one, refusal)
        else:
            one.note.errors = [*one.note.errors, refusal.text]
        return self._page(self._read(id), **form), refusal.status


def _questions(page: ItemPage) -> dict[ItemAction, dict[str, Any]]:
    """What a press cannot take back alone is asked about first, with what it is about."""
    facts, item = recon_words.facts(page.row), page.item
    found: dict[ItemAction, tuple[str, str]] = {}
    if item.evidence_sha256:
        papers = ", ".join(act.file_name for act in page.acts if act.file_name)
        found[ItemAction.CLOSE] = (
            "증빙으로 이 차이를 종결할까요?",
            f"{facts} 증빙: {papers}. 다른 담당자의 확인 없이 바로 종결됩니다.",
        )
    after = (
        f"대사 차이 {page.partner.id}번과 서로 맞은 거래로 기록되고 되돌릴 수 없습니다."
        if page.partner
        else "두 사람이 확인한 것으로 종결됩니다."
    )
    found[ItemAction.CONFIRM] = ("이 차이를 종결할까요?", f"{facts} {after}")
    if item.payment:
        found[ItemAction.HOLD] = (
            "이 결제의 지급을 보류할까요?",
            f"결제 {item.payment.order_id}, {recon_words.won(item.payment.total)}. 정산에서 빠지고 "
            "공급기업에 확인 중이라고 알립니다. 해제하려면 두 사람이 필요합니다.",
        )
    return {
        action: {"question": question, "consequence": consequence, "label": action.label}
        for action, (question, consequence) in found.items()
    }
