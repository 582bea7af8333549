"""공급대금 정산 (R-SET-1, R-SET-2): 200,000 ripe payments of 500 suppliers, drafted and approved."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import date
from typing import Any

from app import clock, crypto
from app.db import db, transaction
from app.models.people import Account
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import ledger, settlement, slips
from bench import settle_peers
from bench.harness import Claim, Result, Side, in_turn, timed
from bench.world import NOW, World

SAMPLE, WHOLE = date(2020, 11, 1), date(2020, 11, 16)
"""Cut-off days: by the first, a tenth of the payments is ripe; by the second all are."""
TENTH = 10
LOAD = (
    # The counted days ripen each of them, a tenth much earlier than the rest.
    """UPDATE payment SET paid_at = CASE WHEN id %% 10 = 0 THEN timestamptz '2020-10-12 10:00+09'
                                         ELSE timestamptz '2020-11-02 10:00+09' END WHERE state = 'paid'""",
    "UPDATE programme SET settlement_fee_bp = 150",
    """UPDATE supplier SET bank_code = '088', account_number = %(account)s, account_holder = name,
                           account_verified_at = joined_at""",
)
# Back to before the batch: what the database itself keeps from being undone, its owner undoes.
UNDO = (
    "DELETE FROM slip WHERE kind = 'settlement'",
    "DELETE FROM slip_number WHERE kind = 'settlement'",
    "DELETE FROM posting p USING journal j WHERE j.id = p.journal_id AND j.kind = 'settlement'",
    "DELETE FROM journal WHERE kind = 'settlement'",
    "DELETE FROM ledger_balance WHERE account = 'transfer'",
    "DELETE FROM settlement_item",
    "DELETE FROM settlement_line",
    "DELETE FROM settlement_batch",
)
TOUCHED = "slip, posting, journal, ledger_balance, settlement_item, settlement_line, settlement_batch"
WRITTEN = """
SELECT (SELECT count(*) FROM settlement_item), (SELECT sum(amount) FROM settlement_item),
       (SELECT count(*) FROM settlement_line), (SELECT sum(net) FROM settlement_line),
       (SELECT count(*) FROM journal WHERE kind = 'settlement'),
       (SELECT count(*) FROM posting p JOIN journal j ON j.id = p.journal_id WHERE j.kind = 'settlement'),
       (SELECT sum(jsonb_array_length(data -> 'items')) FROM slip WHERE kind = 'settlement')
"""

_WHAT = "a settlement of 200,000 ripe payments drafted and approved, with lines, postings and statements"
_ORM = Claim(
    name="settle-orm",
    what=f"{_WHAT}, per payment",
    against="a careful ORM: one read, add_all and one flush a table, on a tenth of them, per payment",
    bar=10,
    binding=True,
)
_AGAIN = Claim(
    name="settle-again",
    what="the same draft once more, which finds that all is settled and adds nothing",
    against="the settlement itself",
    bar=0.5,
    direction="at most",
    binding=True,
)
_MEMORY = Claim(
    name="settle-memory",
    what="the most memory that the process holds for it",
    against="the most that it holds for a settlement of a tenth of the payments",
    bar=1.5,
    direction="at most",
    binding=True,
    unit="megabytes",
)


class Stage:
    def __init__(self, world: World) -> None:
        self.world = world
        self.drafter, self.approver = (_officer(f"settler{n}") for n in (1, 2))
        [(paid, tenth)] = world.owner.execute(
            "SELECT count(*), count(*) FILTER (WHERE id % 10 = 0) FROM payment WHERE state = 'paid'"
        ).fetchall()
        self.ripe = {SAMPLE: int(tenth), WHOLE: int(paid)}
        self.written: dict[date, Any] = {}
        self.agains: list[float] = []

    def ours(self, cutoff: date) -> None:
        built = self.build(cutoff)
        assert built.batch is not None and built.payments == self.ripe[cutoff], built
        settlement.submit(actor=self.drafter, batch_id=built.batch.id)
        settlement.approve(actor=self.approver, batch_id=built.batch.id)
        with transaction():
            slips.issue_for_batch(built.batch.id)

    def build(self, cutoff: date) -> settlement.Built:
        return settlement.build(actor=self.drafter, cutoff=cutoff, programme_id=self.world.programme_id)

    def orm(self) -> None:
        settle_peers.settle(
            programme_id=self.world.programme_id,
            cutoff=SAMPLE,
            drafter=self.drafter,
            approver=self.approver,
        )

    def side(self, cutoff: date, work: Callable[[], float]) -> Side:
        """From a state in which nothing is settled; whoever did it, the same rows come of it."""

        def one_slice() -> float:
            self._undo()
            answer = work()
            [written] = self.world.owner.execute(WRITTEN).fetchall()
            assert written == self.written.setdefault(cutoff, written), (written, self.written[cutoff])
            return answer

        return one_slice

    def whole(self) -> float:
        took = timed(lambda: self.ours(WHOLE))
        self.agains.append(timed(self._again))
        return took

    def _again(self) -> None:
        assert self.build(WHOLE).batch is None

    def peak(self, cutoff: date) -> float:
        """Megabytes."""
        tracemalloc.start()
        try:
            self.ours(cutoff)
            return tracemalloc.get_traced_memory()[1] / 2**20
        finally:
            tracemalloc.stop()

    def _undo(self) -> None:
        db.session.remove()
        with self.world.owner.transaction():
            self.world.owner.execute("SET LOCAL session_replication_role = replica")
            for statement in UNDO:
                self.world.owner.execute(statement)
        self.world.owner.execute(f"VACUUM ANALYZE {TOUCHED}")
        self.world.owner.execute("CHECKPOINT")


def run(world: World) -> list[Result]:
    _load(world)
    stage = Stage(world)
    many, few = stage.ripe[WHOLE], stage.ripe[SAMPLE]
    whole, orm = in_turn(stage.side(WHOLE, stage.whole), stage.side(SAMPLE, lambda: timed(stage.orm) / few))
    large, small = in_turn(
        stage.side(WHOLE, lambda: stage.peak(WHOLE)),
        stage.side(SAMPLE, lambda: stage.peak(SAMPLE)),
        rounds=1,
    )
    db.session.remove()
    problems = ledger.verify()
    assert not problems, problems[:5]
    return [
        Result(claim=_ORM, ours=[took / many for took in whole], theirs=orm),
        Result(claim=_AGAIN, ours=stage.agains[1:], theirs=whole),
        Result(claim=_MEMORY, ours=large, theirs=small),
    ]


def _load(world: World) -> None:
    account = {"account": crypto.encrypt("110123456789")}
    with world.owner.transaction():
        world.owner.execute("SET LOCAL session_replication_role = replica")
        for statement in LOAD:
            world.owner.execute(statement, account)
    world.settle()
    programme = db.session.get_one(Programme, world.programme_id)
    assert clock.today() == NOW.date() and programme.settlement_use_days <= TENTH
    db.session.remove()


def _officer(login: str) -> Actor:
    account = Account(
        login=login, name="정산 담당", role=Role.FINANCE_OFFICER, created_at=NOW, is_active=True
    )
    with transaction() as session:
        session.add(account)
        session.flush()
        return account.actor()
