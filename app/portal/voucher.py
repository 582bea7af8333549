"""'바우처 신청': the payment instrument with its issue (R-INS-1 to R-INS-5); its other tab is waiver.py."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectField, StringField

from app.access import current_actor, needs
from app.errors import Refusal
from app.korean import way_mark
from app.models.applications import ApplicationState
from app.models.vouchers import InstrumentKind, InstrumentState
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, Required, TolerantField, refusal_to_form
from app.workflows import (
    applications_reads,
    instrument_accounts,
    instrument_issue,
    instrument_reads,
    instruments,
    programmes,
    vouchers_reads,
)
from app.workflows.applications_reads import Status
from app.workflows.instrument_accounts import BankAccount
from app.workflows.instrument_reads import Purchase
from app.workflows.slip_snapshots import BANKS

blueprint = Blueprint("voucher", __name__, url_prefix="/voucher")

DIGITS: dict[str, Any] = {"inputmode": "numeric", "autocomplete": "off"}


class ChoiceForm(BaseForm):
    instrument = RadioField("결제수단", [Required()])


class AccountForm(BaseForm):
    """An account of the verified person. The birth date goes to the bank and into no page again."""

    bank_code = SelectField("은행", [Required()], choices=[("", "은행 선택"), *BANKS.items()])
    account_number = TolerantField("계좌번호", [Required()], render_kw=DIGITS | {"maxlength": 20})
    birth_date = StringField(
        "예금주 생년월일",
        [Required()],
        description="숫자 6자리. 예) 800101 · 은행에 예금주를 확인할 때만 쓰고 저장하지 않습니다.",
        render_kw=DIGITS | {"maxlength": 6},
    )

    def account(self) -> BankAccount:
        return BankAccount(
            bank_code=self.bank_code.data or "",
            number=self.account_number.data or "",
            birth_date=self.birth_date.data or "",
        )


@blueprint.get("")
@needs(Permission.DEMAND_VIEW)
def index() -> ResponseReturnValue:
    return _page()


def _page(*, choice: ChoiceForm | None = None, account: AccountForm | None = None) -> ResponseReturnValue:
    actor = current_actor()
    status = applications_reads.status(actor=actor)
    instrument, programme = status.instrument, status.company.programme
    choices = instruments.choices(programme)
    approved = status.application.state is ApplicationState.APPROVED
    overview = vouchers_reads.overview(actor=actor)
    wallet = _wallet(status)
    # The page has two forms: the one that was sent tells its errors at the top.
    sent = account or choice
    choice = choice or _choice_form(status, choices)
    page = render_template(
        "portal/voucher/instrument.html",
        status=status,
        approved=approved,
        form=sent or choice,
        choice=choice,
        account=account or AccountForm(formdata=None),
        may_choose=instruments.may_choose(status.application.state, instrument),
        closed=[each for each in choices if not each.open],
        progress=instrument_reads.progress(instrument=instrument, programme=programme, approved=approved),
        may_ask=approved and instruments.may_ask(instrument, programme),
        linked=instrument_reads.account_of(instrument),
        lacks_person=instruments.lacks_person(status.company),
        overview=overview,
        wallet=wallet,
        purchase=_purchase(status, overview, wallet),
        phones=help_lines(status),
        kinds=InstrumentKind,
        states=InstrumentState,
    )
    return page, 422 if sent is not None and sent.errors else 200


def _choice_form(status: Status, choices: list[instruments.Choice]) -> ChoiceForm:
    chosen = status.instrument.kind.value if status.instrument else None
    form = ChoiceForm(data={"instrument": chosen})
    form.instrument.choices = [(each.kind.value, each.kind.label) for each in choices if each.open]
    return form


def _wallet(status: Status) -> Any:
    instrument = status.instrument
    if instrument is None or instrument.kind.is_card or instrument.state is not InstrumentState.ISSUED:
        return None
    return instrument_issue.wallet(actor=current_actor())


def _purchase(status: Status, overview: Any, wallet: Any) -> Purchase | None:
    if overview is None or wallet is None:
        return None
    return instrument_reads.purchase(programme=status.company.programme, overview=overview, wallet=wallet)


def help_lines(status: Status) -> list[tuple[str, str, str]]:
    """R-INS-5: those of the seeds, and one's own agency."""
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
        return _page(choice=form)
    kind = InstrumentKind(form.instrument.data)
    if _lacks_person(form, kind, status):
        return _page(choice=form)
    if status.application.state is ApplicationState.APPROVED:
        asked = confirm.ask(
            question=f"{kind.label}{way_mark(kind.label)} 정할까요?",
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
        return _page(choice=form)
    flash(f"결제수단을 {kind.label}{way_mark(kind.label)} 정했습니다.", "success")
    return redirect(url_for("voucher.index"))


def _lacks_person(form: ChoiceForm, kind: InstrumentKind, status: Status) -> bool:
    """Told before it is asked whether the choice is final (R-INS-4)."""
    try:
        instruments.refuse_unverified(kind, status.company)
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return True
    return False


@blueprint.post("/issue")
@needs(Permission.INSTRUMENT_MANAGE)
def request_issue() -> ResponseReturnValue:
    """'발급신청'. Asked twice, the issuer is asked for one and the same."""
    actor, to = current_actor(), url_for("voucher.index")
    instrument = instruments.own(actor=actor)
    form = AccountForm() if instrument is not None and instruments.needs_account(instrument) else None
    if form is not None and not form.validate():
        return _account_again(form)
    try:
        instrument = instrument_issue.request(actor=actor, account=form.account() if form else None)
    except Refusal as refusal:
        if form is None or not refusal.fields:
            return refused(refusal, to=to)
        refusal_to_form(form, refusal)
        return _account_again(form)
    flash(_ISSUE_TOLD[instrument.kind], "success")
    return redirect(to)


def _account_again(form: AccountForm) -> ResponseReturnValue:
    form.birth_date.data = None
    return _page(account=form)


_ISSUE_TOLD = {
    InstrumentKind.PERSONAL_CHECK: "카드 발급을 신청했습니다. 3일 안팎에 카드가 도착합니다.",
    InstrumentKind.PREPAID: "카드 발급을 신청했습니다. 3일 안팎에 카드가 도착합니다.",
    InstrumentKind.CORPORATE_CHECK: "카드 발급을 신청했습니다. 가까운 신한은행 영업점을 방문해 주세요.",
    InstrumentKind.ZEROPAY: "모바일 상품권을 개설했습니다. 바로 쓸 수 있습니다.",
}


@blueprint.post("/refresh")
@needs(Permission.INSTRUMENT_MANAGE)
def refresh() -> ResponseReturnValue:
    """Ask the card company now instead of waiting for the next round."""
    instrument = instrument_issue.refresh_own(actor=current_actor())
    if instrument is not None and instrument.state is InstrumentState.ISSUED:
        flash("결제수단이 발급되었습니다. 이제 결제할 수 있습니다.", "success")
    else:
        flash("아직 발급이 끝나지 않았습니다.", "info")
    return redirect(url_for("voucher.index"))


@blueprint.route("/account", methods=["GET", "POST"])
@needs(Permission.INSTRUMENT_MANAGE)
def change_account() -> ResponseReturnValue:
    """Another account behind the personal check card, while it is on its way (R-SCR-2)."""
    actor, to = current_actor(), url_for("voucher.index")
    instrument = instruments.own(actor=actor)
    if instrument is None or not instruments.account_can_change(instrument):
        flash(
            "지금은 이 화면에서 계좌를 바꿀 수 없습니다. 카드가 발급된 뒤에는 신한카드에 문의해 주세요.",
            "warning",
        )
        return redirect(to)
    form = AccountForm()
    if form.validate_on_submit():
        try:
            instrument_accounts.change(actor=actor, account=form.account())
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("카드에 연결할 계좌를 바꾸었습니다. 운영기관에도 알렸습니다.", "success")
            return redirect(to)
    form.birth_date.data = None
    status = applications_reads.status(actor=actor)
    page = render_template(
        "portal/voucher/account.html",
        form=form,
        linked=instrument_reads.account_of(instrument),
        holder=instruments.holder(instrument.kind, status.company),
        phones=help_lines(status),
    )
    return page, 422 if form.errors else 200
