"""What '바우처 신청' shows of an instrument: where one stands, and what ZeroPay still wants (R-INS-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app import clock
from app.gateways.zeropay import Wallet
from app.korean import with_topic
from app.models.programme import Programme
from app.models.vouchers import Instrument, InstrumentKind
from app.models.vouchers import InstrumentState as State
from app.workflows import instrument_accounts, instruments, shares
from app.workflows.instruments import DELIVERY_DAYS
from app.workflows.vouchers_reads import VoucherOverview

CHOOSE, ASK, ISSUE, PAY = range(1, 5)


@dataclass(frozen=True)
class Step:
    label: str
    text: str
    """What was done when, or from when it can be done, in words."""


@dataclass(frozen=True)
class Progress:
    """선택 → 발급신청 → 발급 → 결제; `current` counts from 1."""

    steps: list[Step]
    current: int


def progress(*, instrument: Instrument | None, programme: Programme, approved: bool) -> Progress:
    """Where a company stands on its way to paying."""
    steps = [
        Step("결제수단 선택", _chosen(instrument)),
        Step("발급신청", _asked(instrument, programme, approved)),
        Step("발급", _issued(instrument)),
        Step("결제 가능", _paying(instrument)),
    ]
    return Progress(steps, _current(instrument))


def _current(instrument: Instrument | None) -> int:
    if instrument is None:
        return CHOOSE
    return {State.CHOSEN: ASK, State.REQUESTED: ISSUE, State.ISSUED: PAY}[instrument.state]


def _chosen(instrument: Instrument | None) -> str:
    if instrument is None:
        return "아직 선택하지 않았습니다."
    day = clock.write_day(clock.korean_day(instrument.chosen_at))
    return f"{day} {instrument.kind.label} 선택"


def _asked(instrument: Instrument | None, programme: Programme, approved: bool) -> str:
    if instrument is None:
        return "신한카드는 선택한 다음 날부터, 제로페이는 바로 신청할 수 있습니다."
    if instrument.state is not State.CHOSEN and instrument.requested_at is not None:
        return f"{clock.write_day(clock.korean_day(instrument.requested_at))} 신청"
    first = instruments.issued_from(instrument, programme)
    if first is None:
        return f"{with_topic(instrument.kind.label)} 아직 출시 전입니다."
    where = _WHERE[instrument.kind]
    if clock.today() >= first:
        return f"{'지금' if approved else '승인된 뒤'} {where} 신청할 수 있습니다."
    next_day = first == clock.korean_day(instrument.chosen_at) + timedelta(days=1)
    when = f"선택한 다음 날({clock.write_day(first)})" if next_day else clock.write_day(first)
    return f"{when}부터 {where} 신청할 수 있습니다{'.' if approved else ' (승인된 뒤).'}"


_WHERE = {
    InstrumentKind.PERSONAL_CHECK: "온라인으로",
    InstrumentKind.PREPAID: "온라인으로",
    InstrumentKind.CORPORATE_CHECK: "여기서 접수한 뒤 영업점을 방문하여",
    InstrumentKind.ZEROPAY: "온라인으로",
}


def _issued(instrument: Instrument | None) -> str:
    if instrument is not None and instrument.issued_at is not None:
        return f"{clock.write_day(clock.korean_day(instrument.issued_at))} 발급"
    if instrument is None:
        return f"신한카드는 신청한 뒤 {DELIVERY_DAYS}일 안팎, 제로페이는 바로 발급됩니다."
    if instrument.kind is InstrumentKind.ZEROPAY:
        return "신청하면 바로 개설됩니다."
    if instrument.kind is InstrumentKind.CORPORATE_CHECK:
        return "가까운 신한은행 영업점을 방문하여 받습니다. 영업점에서 발급하면 여기에 반영됩니다."
    if instrument.state is State.REQUESTED and instrument.requested_at is not None:
        day = clock.korean_day(instrument.requested_at) + timedelta(days=DELIVERY_DAYS)
        return f"{clock.write_day(day)}쯤 카드가 도착합니다(신청한 뒤 {DELIVERY_DAYS}일 안팎)."
    return f"신청한 뒤 {DELIVERY_DAYS}일 안팎에 카드가 도착합니다."


def _paying(instrument: Instrument | None) -> str:
    if instrument is not None and instrument.state is State.ISSUED:
        return "결제요청을 받으면 결제할 수 있습니다."
    return "발급된 뒤에 결제할 수 있습니다."


def account_of(instrument: Instrument | None) -> str | None:
    """`신한은행 ****6789`, the account behind the personal check card."""
    return instrument_accounts.write(instrument_accounts.kept(instrument)) if instrument else None


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """ZeroPay: what the company pays by certificates of its own, for all that is left on its voucher. Won."""

    share: int
    tax: int
    """On top of what is left, where the company bears it (R-MONEY-2a)."""
    balance: int

    @property
    def needed(self) -> int:
        return self.share + self.tax

    @property
    def to_buy(self) -> int:
        return max(self.needed - self.balance, 0)

    @property
    def to_buy_parts(self) -> list[tuple[str, int]]:
        """How `to_buy` was worked out (R-MONEY-2b)."""
        tax = [("부가세(기업 부담)", self.tax)] if self.tax else []
        held = min(self.balance, self.needed)
        return [("남은 자부담금", self.share), *tax, ("이미 가진 상품권", -held)]


def purchase(*, programme: Programme, overview: VoucherOverview, wallet: Wallet) -> Purchase:
    """What is still to be bought before all of the voucher can be spent; a payment under way counts in."""
    open_ = overview.left.total + overview.held.total
    tax = shares.tax_on_top(programme=programme, amount=open_)
    return Purchase(share=overview.left.share + overview.held.share, tax=tax, balance=wallet.balance)
