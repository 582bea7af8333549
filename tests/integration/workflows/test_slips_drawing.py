"""R-DOC-1: slips are drawn a chunk at a time; what dies, hangs or cannot be drawn stops nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app import clock
from app.db import db, transaction
from app.documents import book, store
from app.errors import Conflict, Denied
from app.models.payments import Slip, SlipKind
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import slips, slips_drawing
from tests import factories
from tests.settled import make_paid

pytestmark = pytest.mark.usefixtures("tx")


@pytest.fixture(autouse=True)
def own_store(tx: Flask, tmp_path: Path) -> object:
    store.configure(tmp_path)
    yield tmp_path
    store.configure(tx.config["FILES"])


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The time stands still: a wait of some seconds is not over because the machine is busy."""
    now = clock.real_now()
    monkeypatch.setattr(clock, "real_now", lambda: now)
    return now


def make_slips(count: int) -> list[int]:
    programme, supplier = factories.make_programme(), factories.make_supplier()
    company = factories.make_company(programme_id=programme.id)
    made = [make_paid(programme, supplier, company=company) for _ in range(count)]
    with transaction():
        return [slips.issue(SlipKind.RECEIPT, payment=payment).id for payment in made]


def drawn() -> list[int]:
    db.session.expire_all()
    return list(db.session.scalars(select(Slip.id).where(Slip.sha256.is_not(None)).order_by(Slip.id)))


def test_all_that_waits_is_drawn_and_kept_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slips_drawing, "CHUNK", 2)
    keys = make_slips(5)
    assert slips_drawing.hands() == 3
    claimed = slips_drawing.claim(2)
    assert sorted(row.id for row in claimed) == keys[:2] and slips_drawing.hands() == 2
    slips_drawing.keep(slips_drawing.draw(claimed))
    assert slips_drawing.work() == 3
    assert drawn() == keys and slips_drawing.hands() == 0 and slips_drawing.work() == 0
    for key in keys:
        slip = db.session.get_one(Slip, key)
        assert slip.sha256 == slips.render(key) and slip.edition == book.EDITION
        assert store.path(slip.sha256).stat().st_size == slip.size


def test_a_chunk_is_no_larger_than_asked_whatever_the_plan(tx: Flask) -> None:
    """A nested loop would look for the open ones anew for each row, and lock others each time."""
    keys = make_slips(5)
    for means in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "seqscan"):
        db.session.execute(text(f"SET LOCAL enable_{means} = off"))
    assert sorted(row.id for row in slips_drawing.claim(2)) == keys[:2]


def test_what_a_dead_worker_had_in_hand_is_drawn_by_the_next(instant: datetime) -> None:
    keys = make_slips(3)
    slips_drawing.claim()
    assert slips_drawing.work() == 0, "as long as the lease holds"
    with transaction() as session:
        session.execute(text("UPDATE slip SET leased_until = :over"), {"over": instant})
    alone = slips_drawing.claim()
    assert len(alone) == 1, "one of them may have killed the worker: each is drawn alone now"
    slips_drawing.keep(slips_drawing.draw(alone))
    assert slips_drawing.work() == 2 and drawn() == keys


def test_who_comes_back_late_changes_nothing() -> None:
    (key,) = make_slips(1)
    late = slips_drawing.draw(slips_drawing.claim())
    slips.render(key)
    before = db.session.get_one(Slip, key).sha256
    slips_drawing.keep(late)
    db.session.expire_all()
    assert db.session.get_one(Slip, key).sha256 == before == late.files[key][0]


def test_one_that_cannot_be_drawn_stops_no_other(monkeypatch: pytest.MonkeyPatch, instant: datetime) -> None:
    keys = make_slips(3)
    draw_one = book.draw_one
    number = slips.number_of(db.session.get_one(Slip, keys[1]))

    def draw(kind: SlipKind, data: dict[str, Any]) -> bytes:
        if data["stamp"]["number"] == number:
            raise ValueError("cannot be drawn")
        return draw_one(kind, data)

    monkeypatch.setattr(book, "draw_one", draw)
    assert slips_drawing.work() == 2 and drawn() == [keys[0], keys[2]]
    operator = factories.make_actor(Role.SYSTEM_ADMIN)
    (stuck,) = slips_drawing.stuck(actor=operator)
    assert (stuck.id, stuck.error, stuck.tries) == (keys[1], "ValueError", 1)
    assert stuck.leased_until == instant + timedelta(seconds=2)
    monkeypatch.setattr(book, "draw_one", draw_one)
    slips_drawing.draw_again(actor=operator, slip_id=keys[1])
    assert slips_drawing.work() == 1 and drawn() == keys and slips_drawing.stuck(actor=operator) == []
    assert db.session.scalars(select(AuditRow).where(AuditRow.action == "draw_again")).one().entity == "slip"
    with pytest.raises(Conflict):
        slips_drawing.draw_again(actor=operator, slip_id=keys[1])


def test_it_gives_up_after_ten_tries_and_waits_longer_each_time(
    monkeypatch: pytest.MonkeyPatch, instant: datetime
) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError

    (key,) = make_slips(1)
    monkeypatch.setattr(book, "draw_one", fail)
    waits = []
    for _ in range(slips_drawing.MAX_TRIES + 2):
        with transaction() as session:
            session.execute(text("UPDATE slip SET leased_until = NULL"))
        slips_drawing.work()
        db.session.expire_all()
        until = db.session.get_one(Slip, key).leased_until
        waits.append(until - instant if until else timedelta())
    assert db.session.get_one(Slip, key).tries == slips_drawing.MAX_TRIES and slips_drawing.hands() == 0
    assert waits[:10] == sorted(waits[:10]) and waits[9] > timedelta(minutes=10)
    assert [slip.id for slip in slips_drawing.stuck(actor=factories.make_actor(Role.SYSTEM_ADMIN))] == [key]


def test_only_operators_see_what_is_stuck() -> None:
    for role in (Role.DEMAND, Role.SUPPLIER, Role.REVIEWER):
        with pytest.raises(Denied):
            slips_drawing.stuck(actor=factories.make_actor(role))
        with pytest.raises(Denied):
            slips_drawing.draw_again(actor=factories.make_actor(role), slip_id=1)
