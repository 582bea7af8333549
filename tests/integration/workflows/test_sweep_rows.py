"""The sweep moves thousands without reading them: what it writes is what the lifecycle writes of each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect, select, update

from app import clock
from app.db import db, transaction
from app.models.applications import ApplicationState
from app.models.deals import Deal, DealState
from app.models.ledger import Journal, JournalKind, Posting
from app.models.programme import Programme
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.vouchers import Voucher, VoucherState
from app.policy import CLOCK
from app.workflows import budget, deadlines, ledger, lifecycle, record, vouchers
from app.workflows.deadlines_sql import LAPSES
from app.workflows.deal_lifecycle import DEAL, LAPSE_REASONS
from app.workflows.vouchers import VOUCHER
from tests import factories
from tests.integration.workflows import joining
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, make_pending_payment

TELLING = (AuditRow, Notice, OutboxMessage)
OWN = {"id", "xid", "hash", "prev_hash", "recorded_at", "next_try_at", "entity_id", "company_id"}
"""What differs between any two rows. Who is told stands in the key."""


def written(model: Any, entity: str, keys: list[int]) -> list[dict[str, Any]]:
    """What tells of records, as if they were numbered from 0."""
    rows = []
    for row in db.session.scalars(select(model).order_by(model.id)):
        values = {c.key: getattr(row, c.key) for c in inspect(model).column_attrs if c.key not in OWN}
        about = f"{row.entity}:{row.entity_id}:{row.seq}" if model is AuditRow else row.key
        name, key, rest = about.split(":", 2)
        if name == entity and int(key) in keys:
            if model is OutboxMessage:
                values["payload"] = {k: v for k, v in row.payload.items() if k != "company_id"}
            if model is Notice and row.link:
                values["link"] = row.link.replace(f"/{key}", f"/{keys.index(int(key))}")
            rows.append(values | {"key": f"{keys.index(int(key))}:{rest}"})
    return sorted(rows, key=lambda values: str(values["key"]))


def make_deals(state: DealState, market: Market | None = None) -> list[int]:
    market = market or make_market()
    about = {"programme_id": market.programme.id, "company_id": market.company.id}
    about |= {"supplier_id": market.supplier.id, "offering_id": market.offering.id}
    terms = {"version_id": market.offering.current_version_id, "memo": "견적", "requested_at": MONDAY}
    made = [Deal(**about, **terms, state=state, due_at=ANSWER_DUE) for _ in range(8)]
    db.session.add_all(made)
    db.session.commit()
    return [deal.id for deal in made]


@pytest.mark.parametrize("state", list(LAPSE_REASONS))
def test_deals(tx: Flask, state: DealState) -> None:
    """R-AUD-1, R-MSG-1: also where a deal's chain has begun already."""
    keys, reason = make_deals(state), LAPSE_REASONS[state]
    fired, swept = keys[:4], keys[4:]
    with clock.at(MONDAY):
        record.write_many("deal", {key: {} for key in [*fired[2:], *swept[2:]]}, "begin", actor=CLOCK)
    with clock.at(ANSWER_DUE + timedelta(hours=2)):
        changes = {"reason": reason}
        lifecycle.fire_many(DEAL, fired, "lapse", actor=CLOCK, source=state, reason=reason, changes=changes)
        result = deadlines.sweep()
    assert (result.consultations, result.bills) == ((4, 0) if state is DealState.CONSULTING else (0, 4))
    for model in TELLING:
        assert written(model, "deal", swept) == written(model, "deal", fired)
        assert len(written(model, "deal", swept)) == (6 if model is AuditRow else 8)
    ended = db.session.scalars(select(Deal).where(Deal.id.in_(swept)).order_by(Deal.id)).all()
    assert {(d.state, d.reason, d.closed_at) for d in ended} == {(DealState.LAPSED, reason, ANSWER_DUE)}
    assert record.verify() == []


def test_a_payment_begun_behind_the_snapshot_is_seen_under_the_locks(tx: Flask) -> None:
    """R-VOU-3: a batch is chosen without it; whoever begins a payment has held the deal's lock before."""
    market = make_market()
    keys = make_deals(DealState.BILLED, market)
    with clock.at(ANSWER_DUE - timedelta(seconds=1)):
        make_pending_payment(market, keys[0])
        db.session.commit()
    with clock.at(ANSWER_DUE), transaction():
        assert deadlines._end(LAPSES[DealState.BILLED], keys, CLOCK) == 7
    db.session.expire_all()
    assert db.session.get_one(Deal, keys[0]).state is DealState.BILLED
    assert [written(model, "deal", keys[:1]) for model in TELLING] == [[], [], []]


def grant(stage: joining.Stage, at: datetime) -> list[int]:
    """Four vouchers."""
    companies = [
        factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id) for _ in range(4)
    ]
    screened = [factories.make_application(company=c, state=ApplicationState.SCREENED) for c in companies]
    db.session.commit()
    with clock.at(at):
        done = budget.confirm(actor=stage.officer, application_ids=[a.id for a in screened]).done
    found = select(Voucher.id).where(Voucher.application_id.in_(done)).order_by(Voucher.id)
    return list(db.session.scalars(found))


@pytest.mark.parametrize(("action", "kind"), [("revoke", "revocation"), ("expire", "expiry")])
def test_vouchers(tx: Flask, action: str, kind: str) -> None:
    """R-VOU-1, R-MONEY-3: of two programmes at once, an odd microsecond in their deadline."""
    stages = [joining.set_stage(vouchers=4, year=2020), joining.set_stage(vouchers=4, year=2021)]
    granted = [grant(stage, MONDAY) for stage in stages]
    fired, swept = ([key for keys in granted for key in keys[half : half + 2]] for half in (0, 2))
    due = datetime(2020, 12, 17, 3, 0, 0, 250_000, tzinfo=clock.KST)
    other = "full_use_by" if action == "expire" else "first_payment_by"
    db.session.execute(
        update(Voucher).where(Voucher.id.in_(fired + swept)).values(**{other: due}, due_at=due)
    )
    db.session.commit()
    with clock.at(due):
        changes = {"due_at": None}
        lifecycle.fire_many(VOUCHER, fired, action, actor=CLOCK, source=VoucherState.USABLE, changes=changes)
        vouchers.give_back(fired, JournalKind(kind), actor=CLOCK)
        result = deadlines.sweep()
    assert result.vouchers_revoked + result.vouchers_expired == 4
    for model in TELLING:
        assert written(model, "voucher", swept) == written(model, "voucher", fired)
    for key in swept:
        assert legs(f"{kind}:voucher:{key}") == sorted(expected(db.session.get_one(Voucher, key)))
    budgets = {stage.budget.id: 4 * 3_600_000 for stage in stages}
    assert ledger.balances(budget.BUDGET, list(budgets)) == budgets
    assert ledger.verify() == [] and record.verify() == []


def legs(event_key: str) -> list[tuple[str, int, int]]:
    statement = select(Posting).join(Journal).where(Journal.event_key == event_key)
    return sorted((p.account.value, p.owner_id, p.amount) for p in db.session.scalars(statement))


def expected(voucher: Voucher) -> list[tuple[str, int, int]]:
    assert db.session.get_one(Programme, voucher.programme_id).cap == 4_000_000
    return [
        ("voucher_grant", voucher.id, -3_600_000),
        ("agency_budget", voucher.agency_budget_id, 3_600_000),
        ("voucher_share", voucher.id, -400_000),
        ("pledge", voucher.company_id, 400_000),
    ]
