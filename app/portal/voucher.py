"""'바우처 신청': the payment instrument with its issue, and (잔여)예산포기 (R-INS-1 to R-INS-5, R-VOU-2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField

from app import clock
from app.access import current_actor, needs
from app.errors import Refusal
from app.models.applications import ApplicationState
from app.models.vouchers import InstrumentKind, InstrumentState, VoucherState
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, ReasonField, Required, refusal_to_form
from app.workflows import applications_reads, instruments, programmes, vouchers, vouchers_reads
from app.workflows.applications_reads import Status

blueprint = Blueprint("voucher", __name__, url_prefix="/voucher")

OPEN_TO_CHOICE = (ApplicationState.NOT_APPLIED, ApplicationState.SCREENING, ApplicationState.ON_HOLD)


class ChoiceForm(BaseForm):
    instrument = RadioField("결제수단", [Required()])


class WaiverForm(BaseForm):
    # Not `reason`: that name belongs to the question which is asked before anything is done.
    waiver_reason = ReasonField("포기 사유")


def _may_choose(status: Status) -> bool:
    """R-INS-2: until 심사확정, or once after 승인."""
    state = status.application.state
    return state in OPEN_TO_CHOICE or (state is ApplicationState.APPROVED and status.instrument is None)


@blueprint.get("")
@needs(Permission.DEMAND_VIEW)
def index() -> ResponseReturnValue:
    return _instrument_page(None)


def _instrument_page(form: ChoiceForm | None) -> ResponseReturnValue:
    actor = current_actor()
    status = applications_reads.status(actor=actor)
    choices = instruments.choices(status.company.programme)
    if form is None:
        form = _choice_form(status, choices)
    page = render_template(
        "portal/voucher/instrument.html",
        status=status,
        form=form,
        may_choose=_may_choose(status),
        closed=[choice for choice in choices if not choice.open],
        overview=vouchers_reads.overview(actor=actor),
        wallet=_wallet(status),
        first_day=_first_day(status),
        phones=_help_lines(status),
        kinds=InstrumentKind,
        states=InstrumentState,
        applied=ApplicationState,
    )
    return page, 422 if form.errors else 200


def _choice_form(status: Status, choices: list[instruments.Choice]) -> ChoiceForm:
    chosen = status.instrument.kind.value if status.instrument else None
    form = ChoiceForm(data={"instrument": chosen})
    form.instrument.choices = [(each.kind.value, each.kind.label) for each in choices if each.open]
    return form


def _wallet(status: Status) -> Any:
    instrument = status.instrument
    if instrument is None or instrument.kind.is_card or instrument.state is not InstrumentState.ISSUED:
        return None
    return instruments.wallet(actor=current_actor())


def _first_day(status: Status) -> str:
    """The day from which a chosen card can be asked for, where it lies ahead (R-INS-4)."""
    instrument = status.instrument
    if instrument is None or not instrument.kind.is_card:
        return ""
    chosen = clock.korean_day(instrument.chosen_at)
    return clock.write_day(chosen + timedelta(days=1)) if clock.today() <= chosen else ""


def _help_lines(status: Status) -> list[tuple[str, str, str]]:
    phones = [(status.agency.name, phone.strip(), "운영기관") for phone in status.agency.phones.split(",")]
    return [
        ("신한카드", programmes.CARD_PHONE, "카드 발급과 이용"),
        ("제로페이", programmes.ZEROPAY_PHONE, "모바일 상품권"),
        ("플랫폼 이용 문의", programmes.PLATFORM_PHONE, "평일 09:00~18:00"),
        *phones,
    ]


@blueprint.post("/instrument")
@needs(Permission.INSTRUMENT_MANAGE)
def choose() -> ResponseReturnValue:
    actor = current_actor()
    status = applications_reads.status(actor=actor)
    form = _choice_form(status, instruments.choices(status.company.programme))
    if not form.validate_on_submit():
        return _instrument_page(form)
    kind = InstrumentKind(form.instrument.data)
    if status.application.state is ApplicationState.APPROVED:
        asked = confirm.ask(
            question=f"{kind.label}로 정할까요?",
            consequence="한 번 정한 결제수단은 바꿀 수 없습니다.",
            label="정하기",
            cancel_url=url_for("voucher.index"),
        )
        if asked is not None:
            return asked
    try:
        instruments.choose(actor=actor, kind=kind)
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return _instrument_page(form)
    flash(f"결제수단을 {kind.label}(으)로 정했습니다.", "success")
    return redirect(url_for("voucher.index"))


@blueprint.post("/issue")
@needs(Permission.INSTRUMENT_MANAGE)
def request_issue() -> ResponseReturnValue:
    """'발급신청'. Asked twice, the issuer is asked for one and the same."""
    to = url_for("voucher.index")
    try:
        instrument = instruments.request_issue(actor=current_actor())
    except Refusal as refusal:
        return refused(refusal, to=to)
    issued = instrument.state is InstrumentState.ISSUED
    flash(
        "모바일 상품권을 개설했습니다. 바로 쓸 수 있습니다." if issued else "카드 발급을 신청했습니다.",
        "success",
    )
    return redirect(to)


@blueprint.post("/refresh")
@needs(Permission.INSTRUMENT_MANAGE)
def refresh() -> ResponseReturnValue:
    """Ask the card company now instead of waiting for the next round."""
    instrument = instruments.refresh_own(actor=current_actor())
    if instrument is not None and instrument.state is InstrumentState.ISSUED:
        flash("결제수단이 발급되었습니다. 이제 결제할 수 있습니다.", "success")
    else:
        flash("아직 발급이 끝나지 않았습니다.", "info")
    return redirect(url_for("voucher.index"))


@blueprint.route("/waiver", methods=["GET", "POST"])
@needs(Permission.VOUCHER_USE)
def waiver() -> ResponseReturnValue:
    """(잔여)예산포기: asked for here, decided by the lead agency."""
    actor = current_actor()
    form = WaiverForm()
    if form.validate_on_submit():
        asked = confirm.ask(
            question="남은 예산을 포기할까요?",
            consequence="신청하면 전문기관이 결정할 때까지 바우처를 쓸 수 없고, 승인되면 되돌릴 수 없습니다.",
            label="포기 신청",
            cancel_url=url_for("voucher.waiver"),
        )
        if asked is not None:
            return asked
        try:
            vouchers.request_waiver(actor=actor, reason=form.waiver_reason.data or "")
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("(잔여)예산포기를 신청했습니다. 전문기관의 결정을 알려 드립니다.", "success")
            return redirect(url_for("voucher.waiver"))
    page = render_template(
        "portal/voucher/waiver.html",
        form=form,
        status=applications_reads.status(actor=actor),
        overview=vouchers_reads.overview(actor=actor),
        states=VoucherState,
    )
    return page, 422 if form.errors else 200
