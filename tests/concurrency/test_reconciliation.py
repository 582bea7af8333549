"""R-SET-3 under racing: a file is taken once and matched once, and a difference has one end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db, transaction
from app.models.payments import Payment
from app.models.statements import (
    ItemState,
    ReconAct,
    ReconItem,
    StatementFile,
    StatementLine,
    StatementMatch,
)
from app.policy import CLOCK, Actor, Role
from app.workflows import matching, recon_items, record, statements
from tests import factories, settled
from tests.integration.workflows.reconciling import DAY, File, Row, begin, charge, items, take
from tests.racing import outcomes

NIGHT = clock.start_of(DAY)


@pytest.fixture(autouse=True)
def begun(committed: Any) -> None:
    begin()


@pytest.fixture
def paid(committed: Any) -> Iterator[Payment]:
    at = NIGHT + timedelta(hours=10)
    with clock.at(at):
        supplier = factories.make_supplier()
        payment = settled.make_paid(factories.make_programme(), supplier, 300_000, paid_at=at)
    yield payment


@pytest.fixture
def officers(committed: Any) -> tuple[Actor, Actor, Actor]:
    with transaction():
        one, two, three = (factories.make_actor(Role.FINANCE_OFFICER) for _ in range(3))
    return one, two, three


def count(table: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_a_file_pressed_at_once_is_taken_once(
    paid: Payment, officers: tuple[Actor, Actor, Actor], together: Any
) -> None:
    content = File(rows=[charge(paid)]).content()

    def by(actor: Actor) -> Any:
        return lambda: statements.take(actor=actor, content=content, file_name="x.csv").id and "taken"

    answers = together(*[by(actor) for actor in (*officers, CLOCK)])
    assert outcomes(answers) == {"taken": 1, "statement.taken": 3}
    assert (count(StatementFile), count(StatementLine)) == (1, 1)


def test_two_files_of_one_day_at_once(
    paid: Payment, officers: tuple[Actor, Actor, Actor], together: Any
) -> None:
    files = [File(rows=[charge(paid)]), File(rows=[])]

    def take_in(file: File) -> Any:
        return lambda: statements.take(actor=CLOCK, content=file.content(), file_name="x.csv").id and "taken"

    answers = together(*[take_in(file) for file in files])
    assert outcomes(answers) == {"taken": 1, "statement.day_taken": 1}
    assert count(StatementFile) == 1


def test_a_file_matched_by_several_jobs_at_once(paid: Payment, together: Any) -> None:
    rows = [charge(paid), charge(paid), Row("77777777", 55_000, NIGHT)]
    file_id = statements.take(actor=CLOCK, content=File(rows=rows).content(), file_name="x.csv").id
    together(*[lambda: matching.match(file_id=file_id)] * 4)
    assert count(StatementMatch) == 1 and len(items()) == 2
    assert record.verify() == []


def test_neighbouring_days_matched_at_once(paid: Payment, together: Any) -> None:
    """Each of the two would open what is missing: one of them does."""
    contents = [File(DAY).content(), File(DAY + timedelta(days=1)).content()]
    ids = [statements.take(actor=CLOCK, content=each, file_name="x.csv").id for each in contents]
    together(*[lambda key=key: matching.match(file_id=key) for key in ids * 2])
    assert [item.payment_id for item in items()] == [paid.id]


def _one_open() -> ReconItem:
    take(File(rows=[Row("77777777", 55_000, NIGHT)]))
    [item] = items()
    return item


def test_two_who_close_one_difference(officers: tuple[Actor, Actor, Actor], together: Any) -> None:
    one, two, three = officers
    item_id = _one_open().id
    recon_items.propose(actor=one, item_id=item_id, reason="카드사 확인")
    db.session.rollback()

    def confirm(actor: Actor) -> Any:
        return lambda: recon_items.confirm(actor=actor, item_id=item_id, reason="확인").state.value

    answers = together(confirm(two), confirm(three), confirm(one))
    assert outcomes(answers)["closed"] == 1
    [item] = items(state=None)
    assert item.state is ItemState.CLOSED and item.closed_by_id in (two.id, three.id)
    done = select(func.count()).select_from(ReconAct).where(ReconAct.action == "confirm")
    assert db.session.scalar(done) == 1 and record.verify() == []


def test_closed_and_turned_down_at_once(officers: tuple[Actor, Actor, Actor], together: Any) -> None:
    one, two, three = officers
    item_id = _one_open().id
    recon_items.propose(actor=one, item_id=item_id, reason="카드사 확인")
    db.session.rollback()
    answers = together(
        lambda: recon_items.confirm(actor=two, item_id=item_id, reason="확인").state.value,
        lambda: recon_items.send_back(actor=three, item_id=item_id, reason="근거 부족").state.value,
    )
    found = outcomes(answers)
    assert sum(found[state] for state in ("closed", "open")) == 1
    assert count(ReconAct) == 2


def test_a_match_by_hand_while_the_missing_line_comes(
    paid: Payment, officers: tuple[Actor, Actor, Actor], together: Any
) -> None:
    """Whichever comes first, the payment is accounted for once."""
    one, two, _ = officers
    take(File(rows=[charge(paid, approval="99999999", order="")]))
    take(File(DAY + timedelta(days=1)))
    theirs, ours = items()
    recon_items.propose_match(actor=one, item_id=ours.id, other_id=theirs.id, reason="승인번호 오기")
    late = File(DAY + timedelta(days=2), rows=[charge(paid)])
    file_id = statements.take(actor=CLOCK, content=late.content(), file_name="x.csv").id
    ours_id = ours.id
    db.session.rollback()
    together(
        lambda: recon_items.confirm(actor=two, item_id=ours_id, reason="확인"),
        lambda: matching.match(file_id=file_id),
    )
    matched = select(func.count()).select_from(StatementMatch).where(StatementMatch.payment_id == paid.id)
    assert db.session.scalar(matched) == 1
    assert record.verify() == []
