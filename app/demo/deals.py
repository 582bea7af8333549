"""What the companies with a voucher did: deals in every state, payments, cancellations, evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from urllib.parse import parse_qsl, urlsplit

from flask import current_app

from app import clock
from app.db import db
from app.demo import reconciliation
from app.demo.companies import Buyer
from app.demo.stage import CARD_EXPIRY, Stage, business_day_after, instant
from app.demo.words import COMMENTS, MEMOS, TURN_DOWN
from app.models.catalogue import Offering
from app.models.deals import Deal
from app.models.payments import Payment, PaymentState
from app.models.settlements import Evaluation
from app.models.vouchers import InstrumentKind
from app.policy import Actor
from app.workflows import (
    cancellations,
    card_payments,
    company_edits,
    deals,
    evaluations,
    instrument_issue,
    offerings_reads,
    vouchers,
    vouchers_reads,
    zeropay_payments,
)
from app.workflows.instrument_accounts import BankAccount

DECLINED_CARD = "9999000900000005"
ZEROPAY_PASSWORD = "123456"  # noqa: S105 - the played ZeroPay takes any six digits
# One of these per buyer, in turn; the first is that of the log-in `demand`.
SCENES = (
    "shop_window", "paid", "paid_twice", "evaluated", "consulting", "withdrawn",
    "accepted", "billed", "spent", "cancelled", "turned_down", "lapsed",
    "declined", "idle", "evaluated", "evaluated", "idle", "waived",
)  # fmt: skip
PLAYED = 30
"""Of the companies with a voucher, so many have a history of deals; it is built at the first start."""
NOT_YET = {7}
"""The company of the log-in `demand2`: approved, and nothing done yet."""
BILLED = (0, 5)
"""Those of `demand` and of `approved06` have a bill to pay, by card and by ZeroPay."""
WHOLE_VOUCHER = 1_223_000
"""Half-year price from which the team plan costs 4,000,000 won."""
_serial = count(1)


@dataclass
class Scene:
    stage: Stage
    buyer: Buyer
    offerings: Iterator[Offering]
    day: date
    """The first day on which the company can pay."""

    @contextmanager
    def later(self, days: int, hour: int = 10, minute: int = 0, *, nights: int = 0) -> Iterator[datetime]:
        """`days` business days, and then `nights` of the calendar, after the voucher could be used."""
        day = business_day_after(self.day, days) if days else self.day
        moment = instant(day + timedelta(days=nights), hour, minute)
        with clock.at(moment):
            yield moment

    def seller(self, deal: Deal) -> Actor:
        return self.stage.suppliers[deal.supplier_id]


def trade(stage: Stage, buyers: list[Buyer], on_sale: list[Offering], *, until: datetime) -> None:
    """Play a scene for every buyer; what would lie after `until` is not played."""
    choice = _in_turn(on_sale)
    played = 0
    for place, buyer in enumerate(buyers):
        if place in NOT_YET or played == PLAYED:
            continue
        issued = issue(stage, buyer, business_day_after(buyer.ready, 1), until)
        early = buyer.ready < date(2020, 9, 1)
        name = "paid" if early else SCENES[place % len(SCENES)]
        if not issued or instant(business_day_after(issued, 6)) > until:
            continue
        PLAYS[name](Scene(stage, buyer, choice, issued))
        played += 1
    # The first supplier, who has a log-in for visitors, is asked by every second of them.
    shown = _in_turn([row for row in on_sale if row.supplier_id == min(stage.suppliers)])
    mixed = (next(shown if place % 2 else choice) for place in count())
    _last_days(stage, buyers, mixed, until)
    stage.counts["거래가 있는 기업"] = played


def _in_turn(rows: list[Offering]) -> Iterator[Offering]:
    """Every third, so that neighbours buy from different categories."""
    for place in count():
        yield rows[place * 7 % len(rows)]


def issue(stage: Stage, buyer: Buyer, day: date, until: datetime) -> date | None:
    """Ask for the instrument and, for a card, wait until it has come."""
    if instant(day) > until:
        return None
    with clock.at(instant(day, 11)):
        if buyer.kind is InstrumentKind.PERSONAL_CHECK:
            stage.verify_person(company_edits.own(actor=buyer.actor), buyer.actor)
        instrument_issue.request(actor=buyer.actor, account=_account_of(buyer))
    arrived = business_day_after(day, 4) if buyer.kind.is_card else day
    if instant(arrived) > until:
        return None
    with clock.at(instant(arrived, 9)):
        instrument_issue.refresh_own(actor=buyer.actor)
    return arrived


def _account_of(buyer: Buyer) -> BankAccount | None:
    """Of the person whose name the card bears: the played bank knows every account by the name asked for."""
    if buyer.kind is not InstrumentKind.PERSONAL_CHECK:
        return None
    return BankAccount(bank_code="088", number=f"1102{buyer.phone[-8:]}", birth_date="800101")


def _request(scene: Scene, *, days: int = 0, hour: int = 10, worth: int = 0) -> Deal:
    """Ask about the next service, or the next whose half year costs at least `worth` won."""
    offering = next(row for row in scene.offerings if (row.lowest_price or 0) >= worth)
    with scene.later(days, hour, next(_serial) % 60):
        return deals.request(
            actor=scene.buyer.actor, offering_id=offering.id, memo=scene.stage.words.pick(MEMOS)
        )


def _accept(scene: Scene, deal: Deal, *, days: int = 1) -> None:
    with scene.later(days, 11, next(_serial) % 60):
        deals.accept(actor=scene.seller(deal), deal_id=deal.id)


def _bill(scene: Scene, deal: Deal, *, days: int = 1, plan: int = 1) -> None:
    with scene.later(days, 15, next(_serial) % 60):
        _bill_now(scene, deal, plan)


def _bill_now(scene: Scene, deal: Deal, plan: int) -> None:
    plans = offerings_reads.detail(actor=scene.buyer.actor, offering_id=deal.offering_id).plans
    start = clock.today() + timedelta(days=3)
    deals.bill(
        actor=scene.seller(deal),
        deal_id=deal.id,
        plan_id=plans[plan].id,
        quantity=1,
        period_from=start,
        period_to=clock.add_months(start, plans[plan].period_months) - timedelta(days=1),
    )


def _pay(scene: Scene, deal: Deal, *, days: int = 1, card: str = "") -> Payment:
    """The day after the bill: it must be paid within two days of the calendar."""
    with scene.later(days, 14, next(_serial) % 60, nights=1):
        key = f"demonstration-{deal.id}-{next(_serial)}"
        if scene.buyer.kind.is_card:
            asked = card_payments.start_card(
                actor=scene.buyer.actor,
                deal_id=deal.id,
                card_number=card or reconciliation.card_of(clock.today()),
                expiry=CARD_EXPIRY,
            )
            code = scene.stage.code_sent_to(scene.buyer.phone)
            paid = card_payments.pay_card(
                actor=scene.buyer.actor, token=asked.token, code=code, idempotency_key=key
            )
            return db.session.get_one(Payment, paid.id)
        return _pay_by_certificate(scene, deal, key)


def _pay_by_certificate(scene: Scene, deal: Deal, key: str) -> Payment:
    """The company buys its own share as certificates, then types its password in ZeroPay's window."""
    wallet = instrument_issue.wallet(actor=scene.buyer.actor)
    if wallet is None:
        raise LookupError("ZeroPay does not answer")
    sandbox = scene.stage.http
    origin = current_app.config["SANDBOX_URL"]
    sandbox.post(f"{origin}/zeropay/wallets/{wallet.wallet_id}", data={"amount": str(400_000)})
    window = zeropay_payments.start_zeropay(
        actor=scene.buyer.actor, deal_id=deal.id, idempotency_key=key, return_url=f"{origin}/"
    )
    if window.url is None:
        return window.payment
    answer = sandbox.post(window.url, data={"password": ZEROPAY_PASSWORD})
    back = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    return zeropay_payments.finish_zeropay(actor=scene.buyer.actor, params=back)


def billed(scene: Scene, *, plan: int = 1, worth: int = 0) -> Deal:
    deal = _request(scene, worth=worth)
    _accept(scene, deal)
    _bill(scene, deal, plan=plan)
    return deal


def pay_at(scene: Scene, deal: Deal, moment: datetime) -> None:
    """By certificate, to the minute."""
    with clock.at(moment):
        _pay_by_certificate(scene, deal, f"demonstration-{deal.id}-{next(_serial)}")


def bought(scene: Scene, *, days: int = 0, plan: int = 1, worth: int = 0) -> Deal:
    """Asked for, accepted and billed the next day, paid the day after."""
    deal = _request(scene, days=days, worth=worth)
    _accept(scene, deal, days=days + 1)
    _bill(scene, deal, days=days + 1, plan=plan)
    payment = _pay(scene, deal, days=days + 1)
    if payment.state is not PaymentState.PAID:
        raise RuntimeError(f"the demonstration's payment ended as {payment.state}: {payment.failure_text}")
    return deal


def evaluate(scene: Scene, deal: Deal, *, days: int) -> None:
    words = scene.stage.words
    with scene.later(days, 17, next(_serial) % 60):
        scores = {name: words.random.choice((3, 4, 4, 5, 5)) for name in Evaluation.CRITERIA}
        evaluations.write(
            actor=scene.buyer.actor, deal_id=deal.id, scores=scores, comment=words.pick(COMMENTS)
        )


def _paid(scene: Scene) -> None:
    bought(scene)


def _paid_twice(scene: Scene) -> None:
    evaluate(scene, bought(scene, plan=0), days=5)
    bought(scene, days=3, plan=0)


def _evaluated(scene: Scene) -> None:
    evaluate(scene, bought(scene, plan=0), days=4)


def _spent(scene: Scene) -> None:
    """A team plan that costs the whole voucher, to the last won."""
    bought(scene, plan=2, worth=WHOLE_VOUCHER)


def _cancelled(scene: Scene) -> None:
    deal = _request(scene)
    _accept(scene, deal)
    _bill(scene, deal, plan=0)
    payment = _pay(scene, deal)
    with scene.later(1, 16, nights=1):
        cancellations.cancel_today(
            actor=scene.buyer.actor, payment_id=payment.id, reason="요금제를 잘못 골랐습니다."
        )


def _turned_down(scene: Scene) -> None:
    deal = _request(scene)
    with scene.later(1, 13):
        deals.turn_down(actor=scene.seller(deal), deal_id=deal.id, reason=scene.stage.words.pick(TURN_DOWN))
    bought(scene, days=2, plan=0)


def _lapsed(scene: Scene) -> None:
    """The supplier did not answer; the sweep at the end says so."""
    _request(scene)


def _declined(scene: Scene) -> None:
    deal = _request(scene)
    _accept(scene, deal)
    _bill(scene, deal)
    if scene.buyer.kind.is_card:
        _pay(scene, deal, card=DECLINED_CARD)
    _pay(scene, deal)


def _withdrawn(scene: Scene) -> None:
    deal = _request(scene)
    with scene.later(1, 10):
        deals.withdraw(actor=scene.buyer.actor, deal_id=deal.id, reason="사내 계획이 바뀌었습니다.")


def _waived(scene: Scene) -> None:
    evaluate(scene, bought(scene, plan=0), days=3)
    with scene.later(4, 10):
        vouchers.request_waiver(actor=scene.buyer.actor, reason="올해 더 쓸 계획이 없습니다.")
    with scene.later(5, 10):
        found = vouchers_reads.overview(actor=scene.buyer.actor)
        if found is None:
            raise LookupError("no voucher")
        vouchers.approve_waiver(actor=scene.stage.staff["budget"], voucher_id=found.voucher.id)


def _idle(_: Scene) -> None:
    """Has a voucher and does nothing: revoked when its first month is over."""


PLAYS = {
    "shop_window": _paid_twice,
    "paid": _paid,
    "paid_twice": _paid_twice,
    "evaluated": _evaluated,
    "consulting": _paid,
    "accepted": _paid,
    "billed": _paid,
    "spent": _spent,
    "cancelled": _cancelled,
    "turned_down": _turned_down,
    "lapsed": _lapsed,
    "declined": _declined,
    "withdrawn": _withdrawn,
    "waived": _waived,
    "idle": _idle,
}


def _last_days(stage: Stage, buyers: list[Buyer], choice: Iterator[Offering], until: datetime) -> None:
    """Deals that are open when the demonstration begins: asked, accepted and billed in the last days."""
    ends = {"consulting": 0, "accepted": 1, "billed": 2}
    shown = [buyers[place] for place in BILLED]
    wanted = [*shown, *[b for place, b in enumerate(buyers) if SCENES[place % len(SCENES)] in ends]]
    friday = date(2020, 11, 12)
    for place, buyer in enumerate(wanted[:25]):
        steps = 2 if buyer in shown else place % 3
        scene = Scene(stage, buyer, choice, friday)
        with clock.at(instant(friday, 9)):
            found = vouchers_reads.overview(actor=buyer.actor)
        if found is None or not found.left.total or found.due_at is None or found.due_at <= until:
            continue
        deal = _request(scene, days=0 if steps else 1, hour=16)
        if steps >= 1:
            _accept(scene, deal)
        if steps == 2:
            with clock.at(instant(date(2020, 11, 15), 20, place)):
                _bill_now(scene, deal, 0)
