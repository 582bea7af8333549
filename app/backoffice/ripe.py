"""정산 대상: what a draft would hold, why the rest waits, and what is to be taken back (R-SET-1, R-PAY-6)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    day_of,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.korean import with_object
from app.policy import Permission
from app.web.errors import refused
from app.web.forms import BaseForm, DateField, Required
from app.workflows import (
    programmes,
    settlement,
    settlement_debts,
    settlement_reads,
    settlement_waiting,
)
from app.workflows.settlement_ripe import Wait
from app.workflows.settlement_waiting import READY

RIPE: list[Column[Any]] = [
    Column("공급기업", lambda r: r.name),
    Column("결제(건)", lambda r: r.payments, kind="number"),
    Column("결제금액", lambda r: r.gross, kind="won"),
    Column("수수료", lambda r: r.fee, kind="won"),
    Column("환수", lambda r: r.clawback, kind="won"),
    Column("이월", lambda r: r.carried, kind="won"),
    Column("지급액", lambda r: r.net, kind="won"),
    Column("제외 사유", lambda r: r.reason or ""),
]
WAITING: list[Column[Any]] = [
    Column("결제", lambda r: r.payment_id, kind="number"),
    Column("결제일시", lambda r: r.paid_at, kind="instant"),
    Column("공급기업", lambda r: r.supplier),
    Column("수요기업", lambda r: r.company),
    Column("서비스", lambda r: r.offering, width=32),
    Column("결제수단", lambda r: r.instrument),
    Column("결제금액", lambda r: r.amount, kind="won"),
    Column("대기 사유", lambda r: r.waits_for or "없음(정산 가능)", width=60),
]
DEBTS: list[Column[Any]] = [
    Column("공급기업", lambda r: r.name),
    Column("취소된 결제(건)", lambda r: r.payments, kind="number"),
    Column("환수할 금액", lambda r: r.amount, kind="won"),
    Column("그중 작성중인 정산", lambda r: r.in_draft, kind="won"),
    Column("미지급금 잔액", lambda r: r.balance, kind="won"),
    Column("가장 오래된 취소", lambda r: r.since, kind="instant"),
    Column("지난 날(일)", lambda r: r.days, kind="number"),
    Column("지급한 정산", lambda r: r.last_batch),
]
DEBT_ITEMS: list[Column[Any]] = [
    Column("결제", lambda r: r.payment_id, kind="number"),
    Column("수요기업", lambda r: r.company),
    Column("서비스", lambda r: r.offering, width=32),
    Column("취소일시", lambda r: r.cancelled_at, kind="instant"),
    Column("환수할 금액", lambda r: r.amount, kind="won"),
    Column("지급한 정산", lambda r: r.of_batch),
    Column("환수하는 정산(작성중)", lambda r: r.by_batch or ""),
]


class CutoffForm(BaseForm):
    cutoff = DateField("정산기준일", validators=[Required()])


def _payment_id(row: Any) -> int:
    return int(row.payment_id)


def _supplier_id(row: Any) -> int:
    return int(row.supplier_id)


class Ripe(Page):
    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Supplier by supplier, what a draft with this cut-off would pay."""
        cutoff, programme = day_of("cutoff") or clock.today(), _programme()
        rows = settlement_reads.ripe(actor=current_actor(), cutoff=cutoff, programme_id=programme["chosen"])
        if export_format():
            return spreadsheet(rows, RIPE, name="정산 대상")
        return self.render(
            "backoffice/settlement/ripe.html",
            rows=rows,
            going=[row for row in rows if row.reason is None],
            cutoff=cutoff,
            **programme,
        )

    @expose("/draft", methods=["POST"])
    @needs(Permission.SETTLEMENT_DRAFT)
    def draft(self) -> ResponseReturnValue:
        form = CutoffForm()
        if not form.validate():
            flash("정산기준일을 YYYY.MM.DD 형식으로 입력해 주세요.", "danger")
            return redirect(url_for(".index"))
        programme_id = request.form.get("programme", type=int)
        to = url_for(".index", cutoff=f"{form.cutoff.data:%Y.%m.%d}", programme=programme_id)
        try:
            built = settlement.build(
                actor=current_actor(), cutoff=form.cutoff.data, programme_id=programme_id
            )
        except Refusal as refusal:
            return refused(refusal, to=to)
        if built.batch is None:
            flash("정산할 결제가 없어 작성하지 않았습니다. 제외 사유를 확인해 주세요.", "info")
            return redirect(to)
        flash(f"정산 {with_object(built.batch.number)} 작성했습니다. 공급기업 {built.lines:,}곳", "success")
        return redirect(url_for("console_settlement.detail", id=built.batch.id))

    @expose("/payments")
    def payments(self) -> ResponseReturnValue:
        """Payment by payment, what is in no settlement yet and what it waits for."""
        programme, which = _programme(), typed("which")
        kinds = {READY: "정산 가능"} | {wait.value: wait.label for wait in Wait}
        wanted: dict[str, Any] = {"programme_id": programme["chosen"], "q": typed("q")}
        filters = wanted | {"which": which if which in kinds else ""}
        read = settlement_waiting.waiting
        if export_format():
            rows = everything(read, cursor="after", key=_payment_id, **filters)
            return spreadsheet(rows, WAITING, name="정산 대기 결제")
        return self.render(
            "backoffice/settlement/waiting.html",
            listing=listed(read, cursor="after", key=_payment_id, default_size=50, **filters),
            counts=settlement_waiting.counts(actor=current_actor(), **wanted),
            kinds={"": "전체"} | kinds,
            which=filters["which"],
            q=wanted["q"],
            **programme,
        )

    @expose("/debts")
    def debts(self) -> ResponseReturnValue:
        """환수: from whom how much is to be taken back, and whose balance is below zero."""
        programme, short = _programme(), typed("which") == "short"
        filters = {"programme_id": programme["chosen"], "short": short}
        read = settlement_debts.debts
        if export_format():
            rows = everything(read, cursor="after", key=_supplier_id, **filters)
            return spreadsheet(rows, DEBTS, name="환수 대상")
        return self.render(
            "backoffice/settlement/debts.html",
            listing=listed(read, cursor="after", key=_supplier_id, default_size=50, **filters),
            sums=settlement_debts.sums(actor=current_actor(), programme_id=programme["chosen"]),
            short=short,
            **programme,
        )

    @expose("/debts/<int:supplier_id>")
    def debt(self, supplier_id: int) -> ResponseReturnValue:
        """The cancelled payments of one supplier, each with the settlement that had paid it out."""
        programme = _programme()
        name = settlement_debts.supplier_name(actor=current_actor(), supplier_id=supplier_id)
        if name is None:
            abort(404)
        filters = {"programme_id": programme["chosen"], "supplier_id": supplier_id}
        read = settlement_debts.items
        if export_format():
            rows = everything(read, cursor="after", key=_payment_id, **filters)
            return spreadsheet(rows, DEBT_ITEMS, name=f"환수 대상_{name}")
        listing = listed(read, cursor="after", key=_payment_id, default_size=50, **filters)
        return self.render(
            "backoffice/settlement/debt.html",
            listing=listing,
            name=name,
            supplier_id=supplier_id,
            **programme,
        )


def _programme() -> dict[str, Any]:
    """The programme of the address, or the latest, and those to choose from."""
    chosen = settlement.programme_of(number_of("programme")).id
    years = [(one.id, one.name) for one in programmes.programmes()]
    return {"chosen": chosen, "programmes": years}
