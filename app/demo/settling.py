"""Three settlements: paid and closed; paid, but for a held line; and one that waits for its approval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import current_app
from sqlalchemy import Row, TextClause, text

from app import clock
from app.db import db
from app.demo.stage import Stage, instant
from app.models.holds import HoldSource
from app.models.settlements import SettlementBatch
from app.policy import Actor
from app.workflows import cancellations, holds, settlement, settlement_bank

FEW_LEFT = 2
"""A line is held back only in a batch that has others to pay."""

# One payment in the batch and, if possible, none besides: given back, nothing is left to take it from.
_PAID_OUT = text("""
SELECT max(i.payment_id) AS payment_id, l.supplier_id
  FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
 WHERE l.batch_id = :batch_id AND l.supplier_id <> :shown
 GROUP BY l.id, l.supplier_id HAVING count(*) = 1
 ORDER BY (SELECT count(*) FROM payment p WHERE p.supplier_id = l.supplier_id AND p.state = 'paid'),
          l.id DESC LIMIT 1
""")
_ABOUT_TO_BE_PAID = text("""
SELECT i.payment_id FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
 WHERE l.batch_id = :batch_id AND l.supplier_id <> :shown ORDER BY l.id DESC, i.payment_id LIMIT 1
""")


def settle(stage: Stage) -> None:
    first = _draft(stage, cutoff=date(2020, 10, 31), on=date(2020, 11, 2))
    if first is None:
        raise LookupError("nothing was ripe for the first settlement")
    _approve(stage, first, on=date(2020, 11, 3))
    _pay(stage, first, on=date(2020, 11, 3))
    with clock.at(instant(date(2020, 11, 4), 10)):
        settlement.close(actor=stage.staff["finance2"], batch_id=first.id)
    _give_one_back(stage, first)
    second = _draft(stage, cutoff=date(2020, 11, 6), on=date(2020, 11, 9))
    if second is not None:
        _approve(stage, second, on=date(2020, 11, 10))
        _hold_one(stage, second)
        _pay(stage, second, on=date(2020, 11, 11))
    _draft(stage, cutoff=date(2020, 11, 12), on=date(2020, 11, 13))


def _draft(stage: Stage, *, cutoff: date, on: date) -> SettlementBatch | None:
    with clock.at(instant(on, 10)):
        batch = settlement.build(actor=_drafter(stage), cutoff=cutoff).batch
        if batch is not None:
            settlement.submit(actor=_drafter(stage), batch_id=batch.id)
        return batch


def _approve(stage: Stage, batch: SettlementBatch, *, on: date) -> None:
    with clock.at(instant(on, 10)):
        settlement.approve(actor=stage.staff["finance2"], batch_id=batch.id)


def _pay(stage: Stage, batch: SettlementBatch, *, on: date) -> None:
    """The file goes to the played bank, and its answer is taken in by another than who drafted."""
    officer = stage.staff["finance2"]
    with clock.at(instant(on, 14)):
        sent = settlement_bank.export_bank_file(actor=officer, batch_id=batch.id)
        answer = stage.http.post(
            f"{current_app.config['SANDBOX_URL']}/bank/v1/results",
            content=sent.content,
            headers={"Content-Type": "text/csv"},
            auth=(current_app.config["BANK_KEY"], ""),
        ).raise_for_status()
        name = f"result_{on:%Y%m%d}.csv"
        settlement_bank.import_result(
            actor=officer, batch_id=batch.id, content=answer.content, file_name=name
        )


def _give_one_back(stage: Stage, batch: SettlementBatch) -> None:
    """A supplier cancels what it was paid for: the next settlements take it back (R-PAY-6)."""
    for row in _found(stage, _PAID_OUT, batch):
        with clock.at(instant(date(2020, 11, 5), 15)):
            cancellations.cancel_late(
                actor=stage.suppliers[row.supplier_id],
                payment_id=row.payment_id,
                reason="수요기업의 이용 인원이 줄어 계약을 해지했습니다.",
            )


def _hold_one(stage: Stage, batch: SettlementBatch) -> None:
    """One line leaves the transfers at the last moment (R-SET-4)."""
    if len(batch.lines) < FEW_LEFT:
        return
    for row in _found(stage, _ABOUT_TO_BE_PAID, batch):
        with clock.at(instant(date(2020, 11, 10), 16)):
            holds.place(
                actor=stage.staff["programme"],
                payment_id=row.payment_id,
                source=HoldSource.MANUAL,
                reason="계약서의 이용 인원과 결제 수량이 맞는지 공급기업에 확인하고 있습니다.",
            )


def _found(stage: Stage, query: TextClause, batch: SettlementBatch) -> Sequence[Row[Any]]:
    """None of the first supplier's, which a visitor looks at."""
    about = {"batch_id": batch.id, "shown": min(stage.suppliers)}
    return db.session.execute(query, about).all()


def _drafter(stage: Stage) -> Actor:
    return stage.staff["finance1"]
