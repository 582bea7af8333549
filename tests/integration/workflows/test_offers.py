"""R-SCR-4: money that comes back is offered to those waiting, in order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.applications import ApplicationState
from app.models.offers import OfferState as State
from app.models.programme import SelectionOrder
from app.models.record import AuditRow, Notice
from app.policy import Role
from app.workflows import budget, deadlines, ledger, offers, offers_sweep, record
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
    waiting,
)

NOON = BACK + timedelta(hours=12)


def test_returned_money_is_offered_to_the_first_in_line(tx: Flask) -> None:
    stage = ended_budget(vouchers=2)
    first, second, third = (row.id for row in waiting(stage, 3))
    assert money_comes_back() == 2
    swept = offers_sweep.sweep(at=BACK)
    assert (swept.offered, swept.lapsed) == (2, 0)
    assert offered_to(State.OFFERED) == [first, second] and third not in offered_to()
    offer = offers_of()[0]
    assert (offer.amount, offer.offered_at, offer.due_at) == (GRANT, BACK, DUE)
    audit = db.session.scalars(select(AuditRow).where(AuditRow.entity == "budget_offer")).all()
    assert [row.action for row in audit] == ["offer", "offer"]
    notice = db.session.scalar(select(Notice).where(Notice.company_id == offer.company_id))
    assert notice is not None and "2020.11.11.(수) 24:00까지" in notice.text and "수락" in notice.text
    assert record.verify() == []


def test_again_and_late_it_offers_nothing_twice(tx: Flask) -> None:
    """R-TIME-6"""
    stage = ended_budget(vouchers=1)
    waiting(stage, 2)
    money_comes_back()
    for at in (BACK, BACK, BACK + timedelta(days=2)):
        offers_sweep.sweep(at=at)
    assert len(offers_of()) == 1


def test_nothing_is_offered_without_money_or_where_nobody_waits(tx: Flask) -> None:
    stage = ended_budget(vouchers=1)
    waiting(stage, 1)
    assert offers_sweep.sweep(at=BACK).offered == 0
    rich = ended_budget(vouchers=0, year=2021)
    budget.fund(actor=rich.manager, programme_id=rich.programme.id, amount=GRANT, key="more")
    give = {"programme_id": rich.programme.id, "agency_id": rich.agency.id, "amount": GRANT, "key": "more"}
    budget.allocate(actor=rich.officer, **give)
    assert offers_sweep.sweep(at=BACK).offered == 0


def test_where_the_programme_selects_by_score_the_highest_is_first(tx: Flask) -> None:
    """R-JOIN-7a: of equal scores the earlier; who has none stands last."""
    stage = ended_budget(vouchers=3, selection_order=SelectionOrder.SCORE)
    rows = waiting(stage, 4)
    for row, score in zip(rows, (None, 70, 90, 70), strict=True):
        row.score = score
    db.session.commit()
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    assert offered_to() == [rows[2].id, rows[1].id, rows[3].id]


def test_accepted_money_stays_kept_until_it_is_used(tx: Flask) -> None:
    stage = ended_budget(vouchers=1)
    first, _ = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    with clock.at(NOON):
        accepted = offers.accept(actor=company_of(first), offer_id=offers_of()[0].id)
    assert (accepted.state, accepted.answered_at) == (State.ACCEPTED, NOON)
    assert offers_sweep.sweep(at=DUE + timedelta(days=9)) == offers_sweep.Swept(lapsed=0, offered=0)
    assert offers.reserved([stage.budget.id]) == {stage.budget.id: GRANT}
    assert offers.room(stage.budget.id) == 0


def test_kept_money_goes_to_nobody_else_and_is_used_at_confirmation(tx: Flask) -> None:
    """R-SCR-4, R-MONEY-4"""
    stage = ended_budget(vouchers=1)
    first, second = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    with clock.at(NOON):
        assert budget.confirm(actor=stage.officer, application_ids=[second.id]).no_budget == [second.id]
        offers.accept(actor=company_of(first), offer_id=offers_of()[0].id)
        done = budget.confirm(actor=stage.officer, application_ids=[first.id, second.id])
    assert (done.done, done.no_budget) == ([first.id], [second.id])
    db.session.expire_all()
    assert offers_of()[0].state is State.USED and offers.room(stage.budget.id) == 0
    assert first.state is ApplicationState.APPROVED
    actions = AuditRow.entity == "budget_offer"
    assert list(db.session.scalars(select(AuditRow.action).where(actions).order_by(AuditRow.id))) == [
        "offer",
        "accept",
        "use",
    ]
    assert ledger.verify() == [] and record.verify() == []


def test_who_declines_keeps_the_place_for_the_next_money(tx: Flask) -> None:
    stage = ended_budget(vouchers=1)
    first, second = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    with clock.at(NOON):
        offers.decline(actor=company_of(first), offer_id=offers_of()[0].id, reason="자금 계획이 바뀌었습니다")
    offers_sweep.sweep(at=NOON)
    assert offered_to(State.OFFERED) == [second.id]
    assert offers_of(State.DECLINED)[0].reason == "자금 계획이 바뀌었습니다"
    # The second takes it; with new money the first is asked again, before anybody who came later.
    third = waiting(stage, 1)[0]
    with clock.at(NOON):
        offers.accept(actor=company_of(second), offer_id=offers_of(State.OFFERED)[0].id)
    offers_sweep.sweep(at=NOON)
    assert offered_to(State.OFFERED) == []
    with clock.at(NOON + timedelta(days=1)):
        _allocate_more(stage, 1)
        offers_sweep.sweep(at=clock.now())
    assert offered_to(State.OFFERED) == [first.id] and third.id not in offered_to()


def _allocate_more(stage, count: int) -> None:
    amount, programme_id = GRANT * count, stage.programme.id
    budget.fund(actor=stage.manager, programme_id=programme_id, amount=amount, key=f"more-{clock.now()}")
    budget.allocate(
        actor=stage.officer,
        programme_id=programme_id,
        agency_id=stage.agency.id,
        amount=amount,
        key=f"more-{clock.now()}",
    )


def test_what_alone_was_declined_is_not_offered_to_the_same_again(tx: Flask) -> None:
    stage = ended_budget(vouchers=1)
    only = waiting(stage, 1)[0]
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    with clock.at(NOON):
        offers.decline(actor=company_of(only), offer_id=offers_of()[0].id)
    assert offers_sweep.sweep(at=NOON + timedelta(days=5)).offered == 0


def test_silence_lets_the_offer_lapse_at_its_deadline_and_the_next_is_asked(tx: Flask) -> None:
    """R-TIME-6: not before 24:00 of the day, and not twice."""
    stage = ended_budget(vouchers=1)
    first, second = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    assert offers_sweep.sweep(at=DUE - timedelta(microseconds=1)).lapsed == 0
    assert offers_sweep.sweep(at=DUE) == offers_sweep.Swept(lapsed=1, offered=1)
    assert offers_sweep.sweep(at=DUE) == offers_sweep.Swept(lapsed=0, offered=0)
    assert offered_to(State.LAPSED) == [first.id] and offered_to(State.OFFERED) == [second.id]
    notice = Notice.company_id == first.company_id
    texts = list(db.session.scalars(select(Notice.text).where(notice).order_by(Notice.id)))
    assert len(texts) == 2 and "다음 순서의 기업" in texts[1]


def test_who_let_one_pass_is_asked_again_after_all_others(tx: Flask) -> None:
    stage = ended_budget(vouchers=1)
    rows = waiting(stage, 3)
    money_comes_back()
    at, asked = BACK, []
    for _ in range(4):
        offers_sweep.sweep(at=at)
        offer = offers_of(State.OFFERED)[0]
        asked.append(offer.application_id)
        at = offer.due_at
    assert asked == [rows[0].id, rows[1].id, rows[2].id, rows[0].id]


def test_a_late_answer_is_refused_although_no_sweep_ran(tx: Flask) -> None:
    """R-TIME-6"""
    stage = ended_budget(vouchers=1)
    first = waiting(stage, 1)[0]
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    company, offer_id = company_of(first), offers_of()[0].id
    for verb in (offers.accept, offers.decline):
        with clock.at(DUE), pytest.raises(Conflict) as refused:
            verb(actor=company, offer_id=offer_id)
        assert refused.value.code == "budget_offer.late"
        assert "2020.11.11.(수) 24:00까지" in refused.value.text
    with clock.at(DUE - timedelta(microseconds=1)):
        assert offers.accept(actor=company, offer_id=offer_id).state is State.ACCEPTED


def test_only_the_company_that_was_asked_may_answer(tx: Flask) -> None:
    """R-ROLE-2"""
    stage = ended_budget(vouchers=1)
    _, second = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    offer_id, stranger = offers_of()[0].id, company_of(second)
    with clock.at(NOON):
        for verb in (offers.accept, offers.decline):
            with pytest.raises(NotFound):
                verb(actor=stranger, offer_id=offer_id)
            with pytest.raises(Denied):
                verb(actor=stage.officer, offer_id=offer_id)
    assert offers_of()[0].state is State.OFFERED


def test_the_lead_agency_takes_an_offer_back_with_a_reason(tx: Flask) -> None:
    """The company keeps its place, but is not asked about the very money that was taken back."""
    stage = ended_budget(vouchers=1)
    first, second = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    offer_id = offers_of()[0].id
    with pytest.raises(InvalidInput):
        offers.withdraw(actor=stage.officer, offer_id=offer_id, reason=" ")
    with pytest.raises(Denied):
        offers.withdraw(actor=stage.reviewer, offer_id=offer_id, reason="중복 안내")
    with clock.at(NOON):
        offers.withdraw(actor=stage.officer, offer_id=offer_id, reason="중복 안내")
        offers_sweep.sweep(at=NOON)
    assert offered_to(State.WITHDRAWN) == [first.id] and offered_to(State.OFFERED) == [second.id]
    texts = list(db.session.scalars(select(Notice.text).where(Notice.company_id == first.company_id)))
    assert any("철회" in text and "중복 안내" in text for text in texts)


def test_who_left_the_line_is_not_asked(tx: Flask) -> None:
    stage = ended_budget(vouchers=1)
    gone, unmarked, third = waiting(stage, 3)
    gone.state = ApplicationState.SCREENING
    unmarked.waitlisted_at = None
    db.session.commit()
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    assert offered_to() == [third.id]


def test_another_agencys_money_is_not_touched(tx: Flask) -> None:
    stage = ended_budget(vouchers=1)
    other = ended_budget(vouchers=0, year=2021)
    stranger = waiting(other, 1)[0]
    waiting(stage, 1)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    assert stranger.id not in offered_to()


def test_who_is_sent_back_gives_the_offer_back(tx: Flask) -> None:
    """반송: the company is told, and the next is asked."""
    stage = ended_budget(vouchers=1)
    first, second = waiting(stage, 2)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    with clock.at(NOON):
        budget.send_back(actor=stage.officer, application_id=first.id, reason="서류를 다시 확인합니다")
        offers_sweep.sweep(at=NOON)
    assert offered_to(State.WITHDRAWN) == [first.id] and offered_to(State.OFFERED) == [second.id]
    texts = list(db.session.scalars(select(Notice.text).where(Notice.company_id == first.company_id)))
    assert any("철회" in text and "서류를 다시 확인합니다" in text for text in texts)
    assert record.verify() == []


def test_where_nobody_waits_it_costs_two_looks_into_an_index(tx: Flask) -> None:
    """It runs every minute, whatever the number of those who wait for no money."""
    stage = ended_budget(vouchers=2)
    money_comes_back()
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    db.session.commit()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        offers_sweep.sweep(at=BACK)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    read = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(read) == 2, read
    assert offers.room(stage.budget.id) == 2 * GRANT


def test_the_clock_alone_sweeps(tx: Flask) -> None:
    with pytest.raises(Denied):
        offers_sweep.sweep(at=BACK, actor=factories.make_actor(Role.PROGRAMME_MANAGER))


def test_a_sweep_for_a_past_moment_offers_nothing_that_is_late_already(tx: Flask) -> None:
    """R-TIME-6: the offer comes with the next sweep, and with all its days to answer."""
    stage = ended_budget(vouchers=1)
    [first] = [row.id for row in waiting(stage, 1)]
    money_comes_back()
    now = BACK + timedelta(days=20)
    with clock.at(now):
        assert deadlines.sweep(at=BACK).offers_made == 0
        assert deadlines.sweep().offers_made == 1
    [offer] = offers_of()
    assert (offer.application_id, offer.offered_at) == (first, now) and offer.due_at > now
