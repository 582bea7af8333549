"""Sweeps at once, and a system that sends its request again before the first is answered (R-SET-1a)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from app import clock
from app.db import db, transaction
from app.models.holds import SettlementHold
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.usage import UsageReport, UsageWarning
from app.policy import Actor, Role
from app.workflows import record, supplier_keys, usage_api, usage_reports, usage_watch
from app.workflows.supplier_keys import Caller
from tests import factories, settled

NOW = datetime(2020, 10, 2, 9, 0, tzinfo=clock.KST)


def at(instant: datetime, verb: Callable[[], Any]) -> Callable[[], Any]:
    """A thread has a clock of its own."""

    def run() -> Any:
        with clock.at(instant):
            return verb()

    return run


def make_seller() -> tuple[Any, Any, Actor]:
    with transaction():
        programme, supplier = factories.make_programme(), factories.make_supplier()
        seller = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    return programme, supplier, seller


def count(model: Any, **about: Any) -> int:
    return int(db.session.scalar(select(func.count()).select_from(model).filter_by(**about)) or 0)


def test_sweeps_at_once_warn_once_and_act_once(committed: Any, together: Any) -> None:
    clock.set_offset(NOW - clock.real_now())
    programme, supplier, seller = make_seller()
    idle = datetime(2020, 6, 30, 10, tzinfo=clock.KST)
    ids = [settled.make_paid(programme, supplier, 300_000, paid_at=idle).deal_id for _ in range(3)]
    for deal_id in ids:
        for month in (7, 8, 9):
            first = date(2020, month, 1)
            usage_reports.report(actor=seller, deal_id=deal_id, month=first, logins=0)
    db.session.rollback()
    warned = together(*[at(NOW, usage_watch.sweep)] * 4)
    assert sum(each.warned for each in warned) == 6, warned  # of days and of months
    assert count(UsageWarning) == 6 and count(AuditRow, entity="usage_warning", action="warn") == 6
    notices = select(func.count()).select_from(Notice).where(Notice.key.like("usage_warning:%"))
    assert db.session.scalar(notices) == 12
    db.session.rollback()

    acted = together(*[at(NOW + timedelta(days=20), usage_watch.sweep)] * 4)
    assert sum(each.stopped for each in acted) == 3, acted
    assert count(SettlementHold) == 3 and count(AuditRow, entity="usage_warning", action="stop") == 3
    assert record.verify() == []


def test_a_report_of_use_and_the_act_meet_and_one_of_them_stands(committed: Any, together: Any) -> None:
    clock.set_offset(NOW - clock.real_now())
    programme, supplier, seller = make_seller()
    with transaction():
        programme.usage_idle_cancels = True
    paid_at = datetime(2020, 9, 1, 10, tzinfo=clock.KST)
    deal_id = settled.make_paid(programme, supplier, 300_000, paid_at=paid_at).deal_id
    usage_reports.report(actor=seller, deal_id=deal_id, month=date(2020, 9, 1), logins=0)
    usage_watch.sweep()
    db.session.rollback()

    def use() -> int:
        about = {"month": date(2020, 10, 1), "logins": 3, "last_used_on": date(2020, 10, 20)}
        return usage_reports.report(actor=seller, deal_id=deal_id, **about).new

    later = NOW + timedelta(days=20)
    together(at(later, usage_watch.sweep), at(later, use), at(later, usage_watch.sweep))
    [warning] = db.session.scalars(select(UsageWarning))
    asked = count(OutboxMessage, kind="cancel_idle")
    # The use ends the warning whatever was first; what was asked for by then looks again and does nothing.
    assert warning.ended is not None and asked in (0, 1) and (warning.acted_at is not None) == bool(asked)
    assert record.verify() == []


def test_the_same_request_at_once_is_taken_once(committed: Any, together: Any) -> None:
    clock.set_offset(NOW - clock.real_now())
    programme, supplier, seller = make_seller()
    paid_at = datetime(2020, 9, 1, 10, tzinfo=clock.KST)
    deal_id = settled.make_paid(programme, supplier, 300_000, paid_at=paid_at).deal_id
    issued = supplier_keys.issue(actor=seller, name="고객관리")
    caller = Caller(actor=seller, key_id=issued.key.id)
    said = {"dealId": deal_id, "month": "2020-09", "logins": 7, "lastUsedOn": "2020-09-20"}
    body = json.dumps({"reports": [said]}).encode()
    db.session.rollback()

    def send() -> usage_api.Answer:
        return usage_api.take(caller=caller, key="september-1", target="/api/v1/usage", body=body)

    answers = together(*[at(NOW, send)] * 4)
    assert sorted(each.repeated for each in answers) == [False, True, True, True]
    assert {json.dumps(each.content, sort_keys=True) for each in answers} == {
        json.dumps(answers[0].content, sort_keys=True)
    }
    assert count(UsageReport) == 1 and count(AuditRow, entity="usage_report") == 1
    assert db.session.execute(text("SELECT count(*) FROM supplier_request")).scalar_one() == 1
