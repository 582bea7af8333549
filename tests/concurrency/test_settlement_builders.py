"""R-SET-2: whoever builds at the same time, each payment stands in at most one line."""

from __future__ import annotations

import threading
from datetime import timedelta

from flask import Flask
from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.errors import Conflict
from app.models.payments import Payment, SlipKind
from app.workflows import ledger, settlement, slips
from tests import factories
from tests.settled import Officers, make_paid

PAYMENTS = 24


def run(app: Flask, *jobs: object) -> list[BaseException]:
    """Each job in a thread and a session of its own, let go at one instant."""
    gate, errors = threading.Barrier(len(jobs)), []

    def work(job: object) -> None:
        with app.app_context():
            gate.wait()
            try:
                job()  # type: ignore[operator]
            except BaseException as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return errors


def test_two_builders_at_once_put_each_payment_in_at_most_one_line(committed: Flask) -> None:
    with transaction():
        programme = factories.make_programme()
        suppliers = [factories.make_supplier() for _ in range(3)]
        officers = Officers()
        for n in range(PAYMENTS):
            make_paid(programme, suppliers[n % 3], 10_000 + n, paid_at=clock.now() - timedelta(days=20))
        programme_id = programme.id
    built: list[settlement.Built] = []

    def build() -> None:
        built.append(
            settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme_id)
        )

    assert run(committed, build, build, build) == []
    assert sorted(one.payments for one in built) == [0, 0, PAYMENTS]
    items = db.session.execute(
        text("SELECT count(*) AS n, count(DISTINCT payment_id) AS payments FROM settlement_item")
    ).one()
    assert (items.n, items.payments) == (PAYMENTS, PAYMENTS)
    assert ledger.verify() == []


def test_two_approvers_at_once_move_the_money_once(committed: Flask) -> None:
    with transaction():
        programme = factories.make_programme()
        supplier = factories.make_supplier()
        officers = Officers()
        make_paid(programme, supplier, 500_000, paid_at=clock.now() - timedelta(days=20))
        programme_id = programme.id
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme_id)
    assert built.batch is not None
    batch_id = built.batch.id
    settlement.submit(actor=officers.drafter, batch_id=batch_id)
    db.session.remove()

    def approve() -> None:
        settlement.approve(actor=officers.approver, batch_id=batch_id)

    errors = run(committed, approve, approve)
    assert [type(error) for error in errors] == [Conflict]
    assert db.session.execute(text("SELECT count(*) FROM journal WHERE kind = 'settlement'")).scalar() == 1
    assert ledger.verify() == []


def test_numbers_given_at_once_have_no_gap_and_no_double(committed: Flask) -> None:
    """R-DOC-1"""
    with transaction():
        programme = factories.make_programme()
        supplier = factories.make_supplier()
        payments = [make_paid(programme, supplier).id for _ in range(8)]

    def issue(payment_id: int) -> None:
        with transaction() as session:
            slips.issue(SlipKind.RECEIPT, payment=session.get_one(Payment, payment_id))

    jobs = [lambda key=key: issue(key) for key in payments]
    assert run(committed, *jobs) == []
    numbers = db.session.execute(text("SELECT number FROM slip ORDER BY number")).scalars().all()
    assert list(numbers) == list(range(1, 9))
