"""A batch's transfers out to the bank and their results back (R-SET-2): no line is paid twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import select, text

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import bank_files
from app.documents.bank_files import BadRow, FileRefused, ResultRow, Transfer
from app.errors import Conflict, InvalidInput
from app.models.ledger import JournalKind, LedgerAccount
from app.models.settlements import (
    BankResultFile,
    BatchState,
    LineState,
    SettlementBatch,
    SettlementLine,
)
from app.policy import Actor, Permission
from app.workflows import ledger, lifecycle, record
from app.workflows.ledger import Leg
from app.workflows.settlement import BATCH, LINE, exclusive, locked_lines

_EXPORTED = (BatchState.EXPORTED, BatchState.RECONCILED, BatchState.CLOSED)

_RESULTS = text("""
UPDATE settlement_line l
   SET result_code = r.code, result_text = r.message, paid_at = CASE WHEN r.code = :ok THEN :at END
  FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS text[]), CAST(:messages AS text[]))
    AS r (id, code, message)
 WHERE l.id = r.id
""")

_UNDECIDED = text("SELECT count(*) FROM settlement_line WHERE batch_id = :batch_id AND state = 'planned'")


@dataclass(frozen=True)
class BankFile:
    file_name: str
    content: bytes


@dataclass(frozen=True)
class Imported:
    """What a result file brought: lines paid, lines failed, and the rows that could not be taken."""

    batch: SettlementBatch
    paid: int
    failed: int
    bad: list[BadRow]


def export_bank_file(*, actor: Actor, batch_id: int) -> BankFile:
    """The bank's transfer file of an approved batch; exported again, the same bytes.

    The bank knows each line by its key and pays it once. Raises Denied, NotFound, Conflict.
    """
    with transaction():
        batch = lock(SettlementBatch, batch_id)
        policy.require(actor, Permission.SETTLEMENT_PAY)
        policy.require_own(actor, batch)
        if batch.state in _EXPORTED:
            record.write(BATCH.entity, batch.id, "export_again", actor=actor)
        else:
            lifecycle.fire(BATCH, batch_id, "export", actor=actor)
        return BankFile(f"transfer-{batch.number}.csv", _file(batch))


def _file(batch: SettlementBatch) -> bytes:
    """From what was fixed at the approval alone, whatever the lines have become since."""
    if batch.approved_at is None:
        raise ValueError("a batch without approval has no transfers")
    transfers = [
        Transfer(line.id, line.bank_code, line.account_number, line.net, line.account_holder)
        for line in db.session.execute(
            select(SettlementLine).where(SettlementLine.batch_id == batch.id).order_by(SettlementLine.id)
        ).scalars()
    ]
    return bank_files.write_transfers(batch.number, clock.korean_day(batch.approved_at), transfers)


def import_result(*, actor: Actor, batch_id: int, content: bytes, file_name: str) -> Imported:
    """Take the bank's result file, once: lines become paid or failed, bad rows are kept with their reason.

    The batch is reconciled when every line has its result. Raises InvalidInput `settlement.result.<what>`
    (encoding, form, header, trailer, count, total, batch), Conflict `settlement.result.taken` and by state.
    """
    policy.require(actor, Permission.SETTLEMENT_PAY)
    sha256 = hashlib.sha256(content).hexdigest()
    with transaction() as session:
        exclusive()
        batch = lock(SettlementBatch, batch_id)
        policy.require_own(actor, batch)
        if session.scalar(select(BankResultFile.id).where(BankResultFile.sha256 == sha256)):
            raise Conflict(
                "settlement.result.taken", "이미 반영한 파일입니다. 같은 파일은 한 번만 반영합니다."
            )
        BATCH.pick("reconcile", batch.state)
        file = _read(content, batch)
        lines = {line.id: line for line in locked_lines(batch_id)}
        good, bad = _sort(file.rows, lines)
        bad = sorted([*file.bad, *bad], key=lambda row: row.row)
        session.add(
            BankResultFile(
                batch_id=batch_id,
                file_name=file_name[:200],
                sha256=sha256,
                rows=len(file.rows) + len(file.bad),
                errors=[asdict(row) for row in bad],
                imported_by_id=actor.id,
                imported_at=clock.now(),
            )
        )
        session.flush()
        paid, failed = _apply(batch, good, lines, actor)
        if not session.scalar(_UNDECIDED, {"batch_id": batch_id}):
            lifecycle.fire(BATCH, batch_id, "reconcile", actor=actor)
        session.expire_all()
        return Imported(batch, paid, failed, bad)


def _read(content: bytes, batch: SettlementBatch) -> bank_files.ResultFile:
    try:
        file = bank_files.read_result(content)
    except FileRefused as refused:
        raise InvalidInput(
            f"settlement.result.{refused.code}", refused.text, fields={"file": refused.text}
        ) from refused
    if file.batch_number != batch.number:
        sentence = f"정산 {file.batch_number}의 결과 파일입니다. 이 정산은 {batch.number}입니다."
        raise InvalidInput("settlement.result.batch", sentence, fields={"file": sentence})
    return file


def _sort(
    rows: Sequence[ResultRow], lines: dict[int, SettlementLine]
) -> tuple[list[ResultRow], list[BadRow]]:
    good: list[ResultRow] = []
    bad: list[BadRow] = []
    for row in rows:
        line = lines.get(row.line_id)
        if line is None:
            bad.append(BadRow(row.row, row.text, "이 정산에 없는 이체번호입니다."))
        elif line.net != row.amount:
            bad.append(
                BadRow(row.row, row.text, f"금액이 다릅니다. 이체를 요청한 금액은 {line.net:,}원입니다.")
            )
        elif line.state is not LineState.PLANNED:
            bad.append(BadRow(row.row, row.text, f"이미 결과가 반영된 줄입니다({line.state.label})."))
        else:
            good.append(row)
    return good, bad


def _apply(
    batch: SettlementBatch, rows: Sequence[ResultRow], lines: dict[int, SettlementLine], actor: Actor
) -> tuple[int, int]:
    paid = [row.line_id for row in rows if row.code == bank_files.OK_CODE]
    failed = [row.line_id for row in rows if row.code != bank_files.OK_CODE]
    owners = {key: (line.supplier_id, line.net) for key, line in lines.items()}
    db.session.execute(
        _RESULTS,
        {
            "ok": bank_files.OK_CODE,
            "at": clock.now(),
            "ids": [row.line_id for row in rows],
            "codes": [row.code for row in rows],
            "messages": [row.message[:200] for row in rows],
        },
    )
    for keys, kind, target, action in (
        (paid, JournalKind.TRANSFER, LedgerAccount.PAID_OUT, "pay"),
        (failed, JournalKind.TRANSFER_FAILURE, LedgerAccount.PAYABLE, "fail"),
    ):
        if not keys:
            continue
        entries: dict[str, Sequence[Leg]] = {
            f"{kind.value}:settlement_line:{key}": ledger.move(
                (LedgerAccount.TRANSFER, key), (target, owners[key][0]), owners[key][1]
            )
            for key in keys
        }
        ledger.post_many(entries, kind, programme_id=batch.programme_id, actor=actor)
        lifecycle.fire_many(LINE, keys, action, actor=actor, source=LineState.PLANNED)
    return len(paid), len(failed)
