"""R-SET-3: a difference ends with evidence or by a second person; two are matched by hand by two people."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import clock
from app.db import db
from app.models.statements import (
    ItemAction,
    ItemState,
    StatementMatch,
    StatementSystem,
)
from app.workflows import recon_items, recon_reads, record
from tests.integration.workflows import differing
from tests.integration.workflows.differing import ONE, PDF, WHY, Desk, acts, fresh, refused
from tests.integration.workflows.reconciling import DAY, File, Row, charge, items, take

pytestmark = pytest.mark.usefixtures("tx")
desk = differing.desk


def test_nobody_closes_alone_without_evidence(desk: Desk) -> None:
    refused(lambda: recon_items.close(actor=desk.one, item_id=desk.ours.id, reason=WHY), "recon.no_evidence")
    assert fresh(desk.ours).state is ItemState.OPEN and acts(desk.ours) == []


def test_evidence_closes_it(desk: Desk) -> None:
    recon_items.add_evidence(
        actor=desk.one, item_id=desk.ours.id, file_name="회신.pdf", content=PDF, note="카드사 회신"
    )
    closed = recon_items.close(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    assert (closed.state, closed.closed_by_id, closed.note) == (ItemState.CLOSED, desk.one.id, WHY)
    assert acts(desk.ours) == [ItemAction.EVIDENCE, ItemAction.CLOSE]
    assert record.verify() == []


def test_a_second_person_closes_it(desk: Desk) -> None:
    recon_items.propose(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    refused(lambda: recon_items.confirm(actor=desk.one, item_id=desk.ours.id, reason=WHY), "same_person")
    assert fresh(desk.ours).state is ItemState.PROPOSED
    closed = recon_items.confirm(actor=desk.two, item_id=desk.ours.id, reason="확인했습니다.")
    assert (closed.state, closed.proposed_by_id, closed.closed_by_id) == (
        ItemState.CLOSED,
        desk.one.id,
        desk.two.id,
    )
    assert acts(desk.ours) == [ItemAction.PROPOSE, ItemAction.CONFIRM]


def test_a_request_is_turned_down_with_its_reason(desk: Desk) -> None:
    recon_items.propose(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    sent = recon_items.send_back(actor=desk.two, item_id=desk.ours.id, reason="근거가 부족합니다.")
    assert (sent.state, sent.proposed_by_id) == (ItemState.OPEN, None)


def test_what_was_closed_wrongly_is_opened_again(desk: Desk) -> None:
    recon_items.propose(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    recon_items.confirm(actor=desk.two, item_id=desk.ours.id, reason=WHY)
    opened = recon_items.reopen(actor=desk.one, item_id=desk.ours.id, reason="다른 결제였습니다.")
    assert (opened.state, opened.closed_by_id, opened.note) == (ItemState.OPEN, None, None)
    assert acts(desk.ours)[-1] is ItemAction.REOPEN


def test_what_both_books_account_for_stays_closed(desk: Desk) -> None:
    take(File(DAY + 3 * ONE, rows=[charge(desk.payment)]))
    assert fresh(desk.ours).state is ItemState.CLOSED
    refused(lambda: recon_items.reopen(actor=desk.one, item_id=desk.ours.id, reason=WHY), "recon.settled")


@pytest.mark.parametrize(
    "clause",
    [
        "closed_by_id = :one, note = '확인'",
        "closed_by_id = :one, proposed_by_id = :one, note = '확인'",
        "closed_by_id = :one, evidence_sha256 = 'x', note = ''",
    ],
    ids=["alone", "the-same-person-twice", "without-a-note"],
)
def test_the_database_closes_nothing_against_the_rule(desk: Desk, clause: str) -> None:
    with pytest.raises(DBAPIError):
        db.session.execute(
            text(f"UPDATE recon_item SET state = 'closed', closed_at = now(), {clause} WHERE id = :id"),
            {"one": desk.one.id, "id": desk.ours.id},
        )


@pytest.mark.parametrize("table", ["statement_line", "statement_match", "recon_act"])
def test_lines_matches_and_acts_are_never_changed(desk: Desk, table: str) -> None:
    with pytest.raises(DBAPIError):
        db.session.execute(text(f"DELETE FROM {table}"))


def test_two_people_match_a_line_with_a_payment(desk: Desk) -> None:
    recon_items.propose_match(
        actor=desk.one, item_id=desk.ours.id, other_id=desk.theirs.id, reason="승인번호 오기"
    )
    assert fresh(desk.theirs).state is fresh(desk.ours).state is ItemState.PROPOSED
    refused(lambda: recon_items.confirm(actor=desk.one, item_id=desk.theirs.id, reason=WHY), "same_person")
    recon_items.confirm(actor=desk.two, item_id=desk.theirs.id, reason="확인했습니다.")
    assert items() == [] and len(items(state=ItemState.CLOSED)) == 2
    [match] = db.session.scalars(select(StatementMatch))
    assert (match.line_id, match.payment_id) == (desk.theirs.line_id, desk.payment.id)
    refused(lambda: recon_items.reopen(actor=desk.one, item_id=desk.ours.id, reason=WHY), "recon.settled")


def test_a_request_to_match_is_turned_down_for_both(desk: Desk) -> None:
    recon_items.propose_match(
        actor=desk.one, item_id=desk.ours.id, other_id=desk.theirs.id, reason="승인번호 오기"
    )
    recon_items.send_back(actor=desk.two, item_id=desk.ours.id, reason="다른 거래입니다.")
    assert {item.state for item in items(state=None)} == {ItemState.OPEN}
    assert {item.with_item_id for item in items(state=None)} == {None}


def test_a_line_that_came_meanwhile_stops_the_match(desk: Desk) -> None:
    recon_items.propose_match(
        actor=desk.one, item_id=desk.ours.id, other_id=desk.theirs.id, reason="승인번호 오기"
    )
    take(File(DAY + 3 * ONE, rows=[charge(desk.payment)]))
    assert fresh(desk.ours).state is ItemState.CLOSED
    refused(
        lambda: recon_items.confirm(actor=desk.two, item_id=desk.theirs.id, reason=WHY),
        "recon.matched_meanwhile",
    )
    recon_items.send_back(actor=desk.two, item_id=desk.theirs.id, reason=WHY)
    assert fresh(desk.theirs).state is ItemState.OPEN


@pytest.mark.parametrize(
    "line",
    [
        Row("88888888", 300_001, clock.start_of(DAY)),
        Row("88888888", 300_000, clock.start_of(DAY), is_cancel=True),
    ],
    ids=["another-amount", "a-cancellation"],
)
def test_what_cannot_be_the_same_is_not_matched(desk: Desk, line: Row) -> None:
    """A day may differ, the amount never."""
    take(File(DAY + 2 * ONE, rows=[line]))
    other = items()[-1]
    refused(
        lambda: recon_items.propose_match(
            actor=desk.one, item_id=desk.ours.id, other_id=other.id, reason=WHY
        ),
        "recon.no_match",
    )
    page = recon_reads.item(actor=desk.one, item_id=desk.ours.id)
    assert [each.id for each in page.candidates] == [desk.theirs.id]


def test_of_two_systems_nothing_is_matched(desk: Desk) -> None:
    take(File(DAY, StatementSystem.ZEROPAY, [Row("88888888", 300_000, clock.start_of(DAY))]))
    other = items()[-1]
    refused(
        lambda: recon_items.propose_match(
            actor=desk.one, item_id=desk.ours.id, other_id=other.id, reason=WHY
        ),
        "recon.no_match",
    )
