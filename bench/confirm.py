"""예산확정 of thousands at once (R-SCR-4): vouchers, ledger, audit chains, notices and outbox."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app import clock
from app.db import db, transaction
from app.models.applications import Application, ApplicationState
from app.models.ledger import Journal, JournalKind, LedgerAccount, Posting
from app.models.people import Account
from app.models.programme import AgencyBudget, Programme
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Role
from app.workflows import budget, ledger, record, vouchers
from app.workflows.applications import APPLICATION
from bench.harness import ROUNDS, Claim, Result, in_turn, timed
from bench.world import NOW, PREPARER, World, load_companies

SIZE = 10_000
SAMPLE = 1_000
SENTENCE = APPLICATION.of("approve")[0].tell[0].text
TOUCHED = "application, voucher, journal, posting, ledger_balance, audit_row, notice, outbox_message"

# The same rows by plain inserts: nobody locked, nothing chosen or checked, no hash, no look at a chain.
BARE = [
    text(statement)
    for statement in (
        """UPDATE application SET state = 'approved', approved_at = :at, approved_by_id = :officer,
                                  reason = NULL WHERE id = ANY(:ids)""",
        """INSERT INTO voucher (programme_id, company_id, agency_id, agency_budget_id, application_id, state,
                                granted_grant, granted_share, selected_on, first_payment_by, full_use_by,
                                due_at)
           SELECT a.programme_id, a.company_id, a.agency_id, b.id, a.id, 'usable', 3600000, 400000, :day,
                  :first, :full, :first
             FROM application a JOIN agency_budget b ON b.agency_id = a.agency_id WHERE a.id = ANY(:ids)""",
        """INSERT INTO journal (event_key, programme_id, kind, at, actor_id)
           SELECT concat('approval:voucher:', id), programme_id, 'approval', :at, :officer
             FROM voucher WHERE application_id = ANY(:ids)""",
        """INSERT INTO posting (journal_id, account, owner_id, amount)
           SELECT j.id, l.account, l.owner_id, l.amount
             FROM voucher v
             JOIN journal j ON j.event_key = concat('approval:voucher:', v.id)
            CROSS JOIN LATERAL (VALUES ('agency_budget', v.agency_budget_id, -v.granted_grant),
                                       ('voucher_grant', v.id, v.granted_grant),
                                       ('pledge', v.company_id, -v.granted_share),
                                       ('voucher_share', v.id, v.granted_share))
                       AS l (account, owner_id, amount)
            WHERE v.application_id = ANY(:ids)""",
        """INSERT INTO audit_row (entity, entity_id, seq, action, actor_id, actor_name, at, recorded_at,
                                  change, hash)
           SELECT 'application', id, 3, 'approve', :officer, '측정 담당', :at, :at,
                  '{"state": ["screened", "approved"]}', '' FROM application WHERE id = ANY(:ids)""",
        """INSERT INTO audit_row (entity, entity_id, seq, action, actor_id, actor_name, at, recorded_at,
                                  change, hash)
           SELECT 'voucher', id, 1, 'begin', :officer, '측정 담당', :at, :at, '{"state": [null, "usable"]}',
                  '' FROM voucher WHERE application_id = ANY(:ids)""",
        """INSERT INTO notice (key, company_id, text, at)
           SELECT concat('application:', id, ':3:company'), company_id, :sentence, :at
             FROM application WHERE id = ANY(:ids)""",
        """INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
           SELECT concat('application:', id, ':3:company'), 'sms',
                  jsonb_build_object('company_id', company_id, 'text', CAST(:sentence AS text)), :at, :at
             FROM application WHERE id = ANY(:ids)""",
    )
]


def run(world: World) -> list[Result]:
    officer = _officer()
    turns = ROUNDS + 1  # in_turn() begins with an unmeasured one
    waiting = iter(_load(world, officer, turns * (3 * SIZE + SAMPLE)))

    def side(work: Callable[[Actor, list[int]], Any], size: int) -> Callable[[], float]:
        def one_slice() -> float:
            keys = _next(world, waiting, size)
            took = timed(lambda: work(officer, keys)) / size
            _check(keys)
            return took

        return one_slice

    ours, bare, bulk, looped = in_turn(
        side(_ours, SIZE), side(_bare, SIZE), side(_bulk, SIZE), side(_one_by_one, SAMPLE)
    )
    assert ledger.verify() == []
    what = f"예산확정 of {SIZE:,} with vouchers, ledger, audit chains, notices and outbox, per application"
    return [
        Result(claim=claim, ours=ours, theirs=theirs)
        for claim, theirs in (
            (
                Claim(
                    name="confirm",
                    what=what,
                    against="plain set-based inserts of the same rows: nothing locked, checked or hashed",
                    bar=3,
                    direction="at most",
                    binding=True,
                ),
                bare,
            ),
            (
                Claim(
                    name="confirm-orm",
                    what=what,
                    against=f"an ORM loop in one transaction, on {SAMPLE:,} of them, per application",
                    bar=30,
                    binding=True,
                ),
                looped,
            ),
            (
                Claim(
                    name="confirm-bulk-orm",
                    what=what,
                    against="a careful bulk ORM: one read, add_all and flush by table, hashes in Python",
                    bar=5,
                    binding=True,
                ),
                bulk,
            ),
        )
    ]


def _officer() -> Actor:
    account = Account(
        login="measured", name="측정 담당", role=Role.BUDGET_OFFICER, created_at=NOW, is_active=True
    )
    with transaction() as session:
        session.add(account)
        session.flush()
        return account.actor()


def _load(world: World, officer: Actor, number: int) -> list[int]:
    """심사확정 applications of four agencies with money for all, each with its two rows of history."""
    companies = load_companies(world, number)
    world.owner.execute(
        """UPDATE company SET agency_id = (SELECT id FROM agency WHERE NOT is_lead
                                            ORDER BY id OFFSET company.id % 4 LIMIT 1)"""
    )
    world.owner.execute(
        """INSERT INTO application (receipt_number, programme_id, company_id, agency_id, state, created_at,
                                    submitted_at, screened_at, marks)
           SELECT 'B-' || id, programme_id, id, agency_id, 'screened', joined_at, joined_at, joined_at, '[]'
             FROM company"""
    )
    keys = world.ids("SELECT id FROM application ORDER BY id")
    assert len(keys) == len(companies)
    states = [(None, ApplicationState.SCREENING), (ApplicationState.SCREENING, ApplicationState.SCREENED)]
    for start, (action, pair) in itertools.product(
        range(0, len(keys), 10_000), zip(("submit", "screen"), states, strict=True)
    ):
        record.write_many(
            "application",
            {key: {"state": pair} for key in keys[start : start + 10_000]},
            action,
            actor=PREPARER,
        )
        db.session.commit()
    amount = vouchers.worth(db.session.get_one(Programme, world.programme_id))[0] * number
    budget.fund(actor=PREPARER, programme_id=world.programme_id, amount=amount * 4, key="bench")
    for agency_id in world.ids("SELECT id FROM agency WHERE NOT is_lead ORDER BY id"):
        budget.allocate(
            actor=officer, programme_id=world.programme_id, agency_id=agency_id, amount=amount, key="bench"
        )
    world.settle()
    return keys


def _next(world: World, waiting: Iterator[int], size: int) -> list[int]:
    """The next that wait, with fresh statistics and nothing left to write back."""
    db.session.remove()
    world.owner.execute(f"VACUUM ANALYZE {TOUCHED}")
    world.owner.execute("CHECKPOINT")
    return list(itertools.islice(waiting, size))


def _check(keys: list[int]) -> None:
    done = db.session.scalar(select(func.count()).where(Voucher.application_id.in_(keys)))
    assert done == len(keys), done


def _ours(officer: Actor, keys: list[int]) -> None:
    assert len(budget.confirm(actor=officer, application_ids=keys).done) == len(keys)


def _bare(officer: Actor, keys: list[int]) -> None:
    day = NOW.date()
    first, full = clock.months_deadline(day, 1), clock.months_deadline(day, 8)
    about = {"ids": keys, "at": NOW, "day": day, "first": first, "full": full, "sentence": SENTENCE}
    about["officer"] = officer.id
    with db.engine.begin() as connection:
        for statement in BARE:
            wanted = {name: about[name] for name in statement.compile().params}
            connection.execute(statement, wanted)


def _one_by_one(officer: Actor, keys: list[int]) -> None:
    """As it is usually written: load, check, change, add what belongs to it, flush; commit at the end."""
    with Session(db.engine) as session:
        for key in keys:
            application = session.get(Application, key, with_for_update=True)
            if application is None or application.state is not ApplicationState.SCREENED:
                raise LookupError(key)
            programme = session.get_one(Programme, application.programme_id)
            own = select(AgencyBudget).where(
                AgencyBudget.programme_id == programme.id, AgencyBudget.agency_id == application.agency_id
            )
            budget_row = session.scalars(own).one()
            _lock_free(session, budget_row.id, vouchers.worth(programme)[0])
            before = application.state
            application.state, application.approved_at = ApplicationState.APPROVED, NOW
            application.approved_by_id = officer.id
            voucher = _voucher(application, programme, budget_row.id)
            session.add(voucher)
            session.flush()
            journal = _journal(voucher, officer)
            session.add(journal)
            session.flush()
            session.add_all(_postings(journal.id, voucher))
            session.flush()
            last = session.scalars(
                select(AuditRow)
                .where(AuditRow.entity == "application", AuditRow.entity_id == key)
                .order_by(AuditRow.seq.desc())
                .limit(1)
            ).first()
            audit = _audit(
                officer, "application", key, "approve", {"state": [before.value, "approved"]}, last
            )
            begun = _audit(officer, "voucher", voucher.id, "begin", {"state": [None, "usable"]}, None)
            session.add_all([audit, begun, *_told(application, audit.seq)])
            session.flush()
        session.commit()


def _bulk(officer: Actor, keys: list[int]) -> None:
    """With care: one read for all, one flush for each table, the chains' hashes worked out in Python."""
    with Session(db.engine) as session:
        waiting = (
            select(Application)
            .where(Application.id.in_(keys), Application.state == ApplicationState.SCREENED)
            .order_by(Application.id)
            .with_for_update()
        )
        rows = list(session.scalars(waiting))
        programme = session.get_one(Programme, rows[0].programme_id)
        grant, _ = vouchers.worth(programme)
        budgets = {b.agency_id: b.id for b in session.scalars(select(AgencyBudget))}
        for agency_id, budget_id in sorted(budgets.items(), key=lambda pair: pair[1]):
            wanted = grant * sum(row.agency_id == agency_id for row in rows)
            _lock_free(session, budget_id, wanted)
        newest = (
            select(AuditRow)
            .where(AuditRow.entity == "application", AuditRow.entity_id.in_(keys))
            .distinct(AuditRow.entity_id)
            .order_by(AuditRow.entity_id, AuditRow.seq.desc())
        )
        last = {row.entity_id: row for row in session.scalars(newest)}
        made = [_voucher(row, programme, budgets[row.agency_id]) for row in rows]
        for row in rows:
            row.state, row.approved_at, row.approved_by_id = ApplicationState.APPROVED, NOW, officer.id
        session.add_all(made)
        session.flush()
        journals = [_journal(voucher, officer) for voucher in made]
        session.add_all(journals)
        session.flush()
        for journal, voucher in zip(journals, made, strict=True):
            session.add_all(_postings(journal.id, voucher))
        session.flush()
        for row, voucher in zip(rows, made, strict=True):
            change = {"state": ["screened", "approved"]}
            audit = _audit(officer, "application", row.id, "approve", change, last.get(row.id))
            begun = _audit(officer, "voucher", voucher.id, "begin", {"state": [None, "usable"]}, None)
            session.add_all([audit, begun, *_told(row, audit.seq)])
        session.commit()


def _lock_free(session: Session, budget_id: int, wanted: int) -> None:
    found = text("SELECT amount FROM lock_balances(ARRAY['agency_budget'], CAST(:owner AS bigint))")
    if session.execute(found, {"owner": budget_id}).scalar_one() < wanted:
        raise ledger.Overdrawn("overdrawn", "")


def _voucher(application: Application, programme: Programme, budget_id: int) -> Voucher:
    grant, share = vouchers.worth(programme)
    first = clock.months_deadline(NOW.date(), programme.first_payment_months)
    return Voucher(
        programme_id=programme.id,
        company_id=application.company_id,
        agency_id=application.agency_id,
        agency_budget_id=budget_id,
        application_id=application.id,
        state=VoucherState.USABLE,
        granted_grant=grant,
        granted_share=share,
        selected_on=NOW.date(),
        first_payment_by=first,
        full_use_by=clock.months_deadline(NOW.date(), programme.full_use_months),
        due_at=first,
    )


def _journal(voucher: Voucher, officer: Actor) -> Journal:
    return Journal(
        event_key=f"approval:voucher:{voucher.id}",
        programme_id=voucher.programme_id,
        kind=JournalKind.APPROVAL,
        at=NOW,
        actor_id=officer.id,
    )


def _postings(journal_id: int, voucher: Voucher) -> list[Posting]:
    legs = (
        (LedgerAccount.AGENCY_BUDGET, voucher.agency_budget_id, -voucher.granted_grant),
        (LedgerAccount.VOUCHER_GRANT, voucher.id, voucher.granted_grant),
        (LedgerAccount.PLEDGE, voucher.company_id, -voucher.granted_share),
        (LedgerAccount.VOUCHER_SHARE, voucher.id, voucher.granted_share),
    )
    return [
        Posting(journal_id=journal_id, account=account, owner_id=owner, amount=amount)
        for account, owner, amount in legs
    ]


def _audit(
    officer: Actor, entity: str, key: int, action: str, change: dict[str, Any], last: AuditRow | None
) -> AuditRow:
    seq, before = (last.seq + 1, bytes(last.hash)) if last else (1, b"")
    at: datetime = clock.real_now()
    digest = hashlib.sha256(before + json.dumps([entity, key, seq, action, change]).encode()).digest()
    return AuditRow(
        entity=entity,
        entity_id=key,
        seq=seq,
        action=action,
        actor_id=officer.id,
        actor_name=officer.name,
        at=NOW,
        recorded_at=at,
        change=change,
        prev_hash=before or None,
        hash=digest,
    )


def _told(application: Application, seq: int) -> list[Notice | OutboxMessage]:
    key, company_id = f"application:{application.id}:{seq}:company", application.company_id
    payload = {"company_id": company_id, "text": SENTENCE}
    return [
        Notice(key=key, company_id=company_id, text=SENTENCE, at=NOW),
        OutboxMessage(
            key=key, kind="sms", payload=payload, created_at=NOW, next_try_at=clock.real_now(), tries=0
        ),
    ]
