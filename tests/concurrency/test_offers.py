"""Offers made side by side: never more kept than lies there, whatever runs at once (R-SCR-4, R-MONEY-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from flask import Flask

from app import clock
from app.db import db
from app.errors import Conflict
from app.models.ledger import LedgerAccount
from app.models.offers import OfferState as State
from app.policy import CLOCK, Role
from app.workflows import allocations, budget, ledger, offers, offers_sweep, record
from tests import factories
from tests.integration.workflows.waiting_line import (
    BACK,
    DUE,
    GRANT,
    company_of,
    ended_budget,
    money_comes_back,
    offered_to,
    offers_of,
    screened,
    waiting,
)


def _sweep() -> Any:
    return offers_sweep.sweep(at=BACK, actor=CLOCK)


def _holds(stage: Any) -> None:
    """What is kept lies there, and nobody is asked twice at once."""
    db.session.expire_all()
    lies = ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id)
    assert offers.reserved([stage.budget.id])[stage.budget.id] <= lies
    asked = Counter(offered_to(State.OFFERED, State.ACCEPTED))
    assert not asked or max(asked.values()) == 1
    assert ledger.verify() == [] and record.verify() == []


def test_four_sweeps_at_once_offer_each_voucher_once(committed: Flask, together: Callable[..., Any]) -> None:
    stage = ended_budget(vouchers=5)
    first = [row.id for row in waiting(stage, 12)][:5]
    money_comes_back()
    swept = together(*[_sweep] * 4)
    assert sum(each.offered for each in swept) == 5
    assert offered_to() == first
    _holds(stage)


def test_a_sweep_and_officers_share_what_is_free(committed: Flask, together: Callable[..., Any]) -> None:
    """Some waited before, some are screened only now: whoever comes first, no won goes out twice."""
    stage = ended_budget(vouchers=6)
    waiting(stage, 8)
    fresh = [screened(stage).id for _ in range(8)]
    other = factories.make_actor(Role.BUDGET_OFFICER)
    db.session.commit()
    money_comes_back()

    def confirm(actor: Any, keys: list[int]) -> Callable[[], Any]:
        def work() -> Any:
            with clock.at(BACK):
                return budget.confirm(actor=actor, application_ids=keys)

        return work

    together(_sweep, confirm(stage.officer, fresh), _sweep, confirm(other, fresh[::-1]))
    _sweep()
    _holds(stage)
    lies = ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id)
    assert lies == offers.reserved([stage.budget.id])[stage.budget.id], "what is left is offered"
    approved = 6 - lies // GRANT
    assert len(offers_of()) + approved == 6


def test_money_is_offered_or_taken_back_but_not_both(committed: Flask, together: Callable[..., Any]) -> None:
    stage = ended_budget(vouchers=3)
    waiting(stage, 3)
    money_comes_back()
    programme_id, agency_id, officer = stage.programme.id, stage.agency.id, stage.officer

    def take_back() -> Any:
        with clock.at(BACK):
            return allocations.take_back(
                actor=officer,
                programme_id=programme_id,
                agency_id=agency_id,
                amount=2 * GRANT,
                reason="다른 기관에 배정",
                key="once",
            )

    _, taken, _ = together(_sweep, take_back, _sweep)
    _sweep()
    _holds(stage)
    lies = ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id)
    if isinstance(taken, Conflict):
        assert (taken.code, lies, len(offers_of())) == ("budget.not_free", 3 * GRANT, 3)
    else:
        assert (lies, len(offers_of())) == (GRANT, 1)


def test_an_answer_in_the_last_instant_and_the_sweep_agree(
    committed: Flask, together: Callable[..., Any]
) -> None:
    """R-TIME-6: the answer counts by its own instant; the offer is accepted or lapsed, and told once."""
    stage = ended_budget(vouchers=1)
    first = waiting(stage, 2)[0]
    money_comes_back()
    _sweep()
    offer_id, company = offers_of()[0].id, company_of(first)

    def answer() -> Any:
        with clock.at(DUE - (DUE.resolution)):
            return offers.accept(actor=company, offer_id=offer_id).state

    def lapse() -> Any:
        return offers_sweep.sweep(at=DUE)

    together(answer, lapse, lapse)
    _holds(stage)
    states = [offer.state for offer in offers_of()]
    assert states in ([State.ACCEPTED], [State.LAPSED, State.OFFERED])


def test_two_windows_give_one_answer(committed: Flask, together: Callable[..., Any]) -> None:
    stage = ended_budget(vouchers=1)
    first = waiting(stage, 1)[0]
    money_comes_back()
    _sweep()
    offer_id, company = offers_of()[0].id, company_of(first)

    def say(verb: Callable[..., Any]) -> Callable[[], Any]:
        def work() -> Any:
            with clock.at(BACK):
                return verb(actor=company, offer_id=offer_id).state

        return work

    answers = together(say(offers.accept), say(offers.accept))
    assert [a for a in answers if a is State.ACCEPTED] == [State.ACCEPTED]
    assert [a.code for a in answers if isinstance(a, Conflict)] == ["budget_offer.accept.state"]
    _holds(stage)
