"""Every way in which a demand company may not deal, each as a small play: docs/refusals.md lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from app import clock
from app.db import db
from app.models.applications import ApplicationState
from app.models.catalogue import Category, OfferingState, SupplierState
from app.models.deals import Deal
from app.models.vouchers import VoucherState
from app.policy import Actor, Role
from app.workflows import deals, threads
from tests import factories
from tests.market import ANSWER_DUE, Market, make_pending_payment

MEMO = "견적 부탁드립니다."


@dataclass(frozen=True)
class Play:
    when: str
    """As docs/refusals.md says it."""
    code: str
    act: Callable[[Market], object]
    """Sets the scene and does what is refused."""
    setting: Callable[[Market], Market] | None = None
    """For those refused as they ask: the scene alone, in which the request is made by whoever plays."""


def ask(market: Market) -> Deal:
    db.session.commit()
    return deals.request(actor=market.buyer, offering_id=market.offering.id, memo=MEMO)


def _voucher(state: VoucherState) -> Callable[[Market], Market]:
    def setting(market: Market) -> Market:
        market.voucher.state, market.voucher.due_at = state, None
        return market

    return setting


def _without_voucher(market: Market) -> Market:
    company = factories.make_company(programme_id=market.programme.id)
    factories.make_application(company=company, state=ApplicationState.SCREENING)
    buyer: Actor = factories.make_actor(Role.DEMAND, company_id=company.id)
    return replace(market, company=company, buyer=buyer)


def _past_deadline(market: Market) -> Market:
    market.voucher.due_at = clock.now()
    return market


def _waiver_asked(market: Market) -> Market:
    market.voucher.waiver_requested_at = clock.now()
    return market


def _suspended_service(market: Market) -> Market:
    market.offering.state = OfferingState.SUSPENDED
    return market


def _suspended_supplier(market: Market) -> Market:
    market.supplier.state = SupplierState.SUSPENDED
    return market


def _other_category(market: Market) -> Market:
    category = db.session.get_one(Category, market.offering.category_id)
    category.name = "돌봄서비스"
    market.programme.category_codes = ["video"]
    return market


def _same_number(market: Market) -> Market:
    market.supplier.business_number = market.company.business_number
    return market


def _same_name(market: Market) -> Market:
    market.supplier.representative = market.company.representative
    return market


def _same_person(market: Market) -> Market:
    """By the identity service, whatever the names say."""
    market.company.verified_name = market.company.representative
    market.company.representative_ci_index = market.supplier.representative_ci_index = b"one person"
    return market


def _asked_before(market: Market) -> Market:
    ask(market)
    return market


def _asking(when: str, code: str, setting: Callable[[Market], Market]) -> Play:
    return Play(when, code, lambda market: ask(setting(market)), setting)


def _turned_down(market: Market) -> Deal:
    deal = ask(market)
    deals.turn_down(actor=market.seller, deal_id=deal.id, reason="자리가 없습니다.")
    db.session.commit()
    return deal


def _again_too_early(market: Market) -> object:
    return deals.again(actor=market.buyer, deal_id=ask(market).id, memo=MEMO)


def _again_twice(market: Market) -> object:
    deal = _turned_down(market)
    deals.again(actor=market.buyer, deal_id=deal.id, memo=MEMO)
    db.session.commit()
    return deals.again(actor=market.buyer, deal_id=deal.id, memo=MEMO)


def _withdrawn_late(market: Market) -> object:
    deal = ask(market)
    db.session.commit()
    with clock.at(ANSWER_DUE):
        return deals.withdraw(actor=market.buyer, deal_id=deal.id)


def _withdrawn_while_paying(market: Market) -> object:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    make_pending_payment(market, deal.id)
    db.session.commit()
    return deals.withdraw(actor=market.buyer, deal_id=deal.id)


def _written_late(market: Market) -> object:
    deal = _turned_down(market)
    with clock.at(clock.now() + timedelta(days=32)):
        return threads.post(actor=market.buyer, deal_id=deal.id, text="늦은 글", token="")


def _anothers(market: Market) -> object:
    deal = ask(market)
    stranger = factories.make_actor(Role.DEMAND)
    db.session.commit()
    return deals.withdraw(actor=stranger, deal_id=deal.id)


S = VoucherState
PLAYS = (
    _asking("The company has no voucher yet", "voucher.none", _without_voucher),
    _asking("Voucher 소진", "voucher.spent", _voucher(S.SPENT)),
    _asking("Voucher 포기", "voucher.waived", _voucher(S.WAIVED)),
    _asking("Voucher 회수", "voucher.revoked", _voucher(S.REVOKED)),
    _asking("Voucher 만료", "voucher.expired", _voucher(S.EXPIRED)),
    _asking("Its deadline struck, and no sweep ran yet", "voucher.deadline", _past_deadline),
    _asking("(잔여)예산포기 is asked for", "voucher.waiver_requested", _waiver_asked),
    _asking("The service is suspended", "offering.not_on_sale", _suspended_service),
    _asking("The supplier is 정지", "offering.not_on_sale", _suspended_supplier),
    _asking("A category that this year does not support", "offering.category", _other_category),
    _asking("The supplier has the same business number", "deal.self", _same_number),
    _asking("The supplier has the same representative", "deal.self", _same_name),
    _asking("The identity service names one person for both", "deal.self", _same_person),
    _asking("A consultation about this service waits", "deal.open_consultation", _asked_before),
    Play("다시 거래상담 of a deal that has not ended", "deal.again.state", _again_too_early),
    Play("다시 거래상담 a second time", "deal.again.twice", _again_twice),
    Play("요청취소 after the deadline", "deal.late", _withdrawn_late),
    Play("요청취소 while a payment's outcome is unknown", "deal.payment_pending", _withdrawn_while_paying),
    Play("A message 30 days after the deal ended", "thread.closed", _written_late),
    Play("Another company's deal", "not_found", _anothers),
)
ASKING = tuple(play for play in PLAYS if play.setting)
