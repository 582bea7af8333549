"""A batch's transfers out to the bank and their results back (R-SET-2): no line is paid twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import bank_maps, bank_results
from app.documents.bank_files import BadRow, FileRefused, ResultFile, ResultRow, Transfer
from app.documents.bank_maps import Layout
from app.errors import Conflict, InvalidInput, NotFound
from app.models.ledger import JournalKind, LedgerAccount
from app.models.settlements import (
    BankResultFile,
    BatchState,
    LineState,
    ResultState,
    SettlementBatch,
    SettlementLine,
)
from app.policy import Actor, Permission
from app.workflows import bank_formats, holds, ledger, lifecycle, mails, record, settlement_holds, slips
from app.workflows.ledger import Leg
from app.workflows.settlement import BATCH, LINE, exclusive, locked_lines
from app.workflows.slip_snapshots import BANKS

_EXPORTED = (BatchState.EXPORTED, BatchState.RECONCILED, BatchState.CLOSED)

_RESULTS = text("""
UPDATE settlement_line l
   SET result_code = r.code, result_text = r.message, paid_at = CASE WHEN r.paid THEN :at END
  FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS text[]), CAST(:messages AS text[]),
              CAST(:paid AS boolean[]))
    AS r (id, code, message, paid)
 WHERE l.id = r.id
""")

_UNDECIDED = text("SELECT count(*) FROM settlement_line WHERE batch_id = :batch_id AND state = 'planned'")


@dataclass(frozen=True)
class BankFile:
    file_name: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Imported:
    """What a result file brought: lines paid, lines failed, and the rows that could not be taken."""

    batch: SettlementBatch
    paid: int
    failed: int
    bad: list[BadRow]


@dataclass(frozen=True)
class Answer:
    """What a result file says of a batch's lines that wait for it."""

    good: list[ResultRow]
    bad: list[BadRow]
    rows: int
    """Of both, and those that could not be read."""

    @property
    def digest(self) -> str:
        """Of all that would be done: to be handed back with the decision."""
        done = [[row.line_id, row.paid] for row in self.good], [[row.row, row.reason] for row in self.bad]
        return hashlib.sha256(json.dumps(done).encode()).hexdigest()


def export_bank_file(*, actor: Actor, batch_id: int, format_code: str | None = None) -> BankFile:
    """The bank's transfer file of an approved batch; exported again, the same bytes.

    The first export fixes the bank's format: `format_code`, or the common one. The bank knows each line by
    its key and pays it once. Raises Denied, NotFound, Conflict by state, `settlement.export.format` for
    another format later, `.letters` for a letter that the format has not, `settlement.nothing_to_send`.
    """
    with transaction():
        batch = lock(SettlementBatch, batch_id)
        policy.require(actor, Permission.SETTLEMENT_PAY)
        policy.require_own(actor, batch)
        if batch.state in _EXPORTED:
            content = _again(batch, format_code)
            record.write(BATCH.entity, batch.id, "export_again", actor=actor)
        else:
            BATCH.pick("export", batch.state)
            content = _first(batch, format_code or bank_maps.COMMON, actor)
        layout = layout_of(batch)
        return BankFile(f"transfer-{batch.number}.{layout.file.value}", content, layout.content_type)


def _first(batch: SettlementBatch, code: str, actor: Actor) -> bytes:
    chosen = bank_formats.found(code)
    if not chosen.is_open:
        raise Conflict(
            "settlement.export.format", f"‘{chosen.name}’ 양식은 쓰지 않습니다. 다른 양식을 골라 주세요."
        )
    batch.bank_format, batch.bank_layout = chosen.code, chosen.layout.dump()
    content = _file(batch)
    # From here on the lines are final: what is held later stays at the bank or comes back from it.
    slips.issue_for_batch(batch.id)
    batch.exported_by_id, batch.exported_at = actor.id, clock.now()
    changes = {"exported_sha256": hashlib.sha256(content).hexdigest()}
    lifecycle.fire(BATCH, batch.id, "export", actor=actor, changes=changes, reason=chosen.name)
    return content


def _again(batch: SettlementBatch, code: str | None) -> bytes:
    """Drawn from what is fixed, not kept: account numbers lie nowhere in the clear (R-AUD-1)."""
    if code is not None and code != (batch.bank_format or bank_maps.COMMON):
        raise Conflict(
            "settlement.export.format",
            f"이 정산은 ‘{layout_of(batch).name}’ 양식으로 이미 내보냈습니다. "
            "두 번 지급되지 않도록 다른 양식으로는 내보낼 수 없습니다.",
        )
    content = _file(batch)
    if batch.exported_sha256 and hashlib.sha256(content).hexdigest() != batch.exported_sha256:
        raise RuntimeError(f"batch {batch.id} is no longer drawn as it was exported")
    return content


def usual_format() -> str:
    """What the last batch was exported with: the next most likely goes to the same bank."""
    statement = select(SettlementBatch.bank_format).where(SettlementBatch.bank_format.is_not(None))
    return db.session.scalar(statement.order_by(SettlementBatch.id.desc()).limit(1)) or bank_maps.COMMON


def layout_of(batch: SettlementBatch) -> Layout:
    """That of the first export; a batch exported before there were maps has the common one."""
    return bank_maps.load(batch.bank_layout) if batch.bank_layout else bank_maps.PRESETS[bank_maps.COMMON]


def _answered_by(batch: SettlementBatch) -> Layout:
    """The map of the export, with what codes mean as the format says now: one that was missing is added, and
    the same file taken."""
    layout, now = layout_of(batch), bank_formats.found(batch.bank_format or bank_maps.COMMON).layout.results
    return replace(layout, results=replace(layout.results, ok=now.ok, failed=now.failed))


def _file(batch: SettlementBatch) -> bytes:
    """From what was fixed at the approval and the export alone, whatever the lines have become since."""
    if batch.approved_at is None:
        raise ValueError("a batch without approval has no transfers")
    transfers = [_transfer(line) for line in _sent(batch)]
    try:
        return bank_maps.write(layout_of(batch), batch.number, clock.korean_day(batch.approved_at), transfers)
    except FileRefused as refused:
        raise Conflict("settlement.export.letters", refused.text) from refused


def _transfer(line: SettlementLine) -> Transfer:
    bank = BANKS.get(line.bank_code, line.bank_code)
    return Transfer(line.id, line.bank_code, line.account_number, line.sent, line.account_holder, bank)


def _sent(batch: SettlementBatch) -> list[SettlementLine]:
    """The lines that the bank is asked to pay, in the order of their keys; none held back (R-SET-4)."""
    statement = (
        select(SettlementLine)
        .where(SettlementLine.batch_id == batch.id, SettlementLine.net > SettlementLine.withheld)
        .order_by(SettlementLine.id)
    )
    found = list(db.session.execute(statement).scalars())
    if not found:
        raise Conflict(
            "settlement.nothing_to_send",
            "모든 지급이 보류되어 은행에 보낼 이체가 없습니다. 보류를 해제하면 다음 정산에 담깁니다.",
        )
    return found


def import_result(
    *, actor: Actor, batch_id: int, content: bytes, file_name: str, digest: str | None = None
) -> Imported:
    """Take the bank's result file, once: lines become paid or failed, bad rows are kept with their reason.

    Read by the map that the batch was exported with; the batch is reconciled when every line has its result.
    A code that means neither paid nor failed refuses the whole file, which can be taken once it is known.
    Raises Denied `same_person` for the drafter, InvalidInput `settlement.result.<what>` (encoding, form,
    header, trailer, count, total, unknown_code, batch), Conflict `settlement.result.taken`, by state, and
    `settlement.result.changed` where it would no longer do what `digest` is of.
    """
    policy.require(actor, Permission.SETTLEMENT_PAY)
    with transaction() as session:
        exclusive()
        batch = lock(SettlementBatch, batch_id)
        _refuse_import(actor, batch, content)
        lines = {line.id: line for line in locked_lines(batch_id)}
        answer = _answer(content, batch, lines)
        if digest not in (None, answer.digest):
            raise Conflict(
                "settlement.result.changed",
                "미리보기 뒤에 정산이나 은행 양식이 바뀌어 반영 내용이 달라졌습니다. "
                "다시 확인한 뒤 반영해 주세요.",
            )
        session.add(_kept_file(batch_id, content, file_name, answer, actor))
        session.flush()
        paid, failed = _apply(batch, answer.good, lines, actor)
        if not session.scalar(_UNDECIDED, {"batch_id": batch_id}):
            lifecycle.fire(BATCH, batch_id, "reconcile", actor=actor)
        session.expire_all()
        return Imported(batch, paid, failed, answer.bad)


def examine(*, actor: Actor, batch_id: int, content: bytes) -> tuple[Answer, dict[int, SettlementLine]]:
    """What a result file would do now, and the batch's lines; writes nothing. Raises as `import_result`."""
    policy.require(actor, Permission.SETTLEMENT_PAY)
    batch = db.session.get(SettlementBatch, batch_id)
    if batch is None:
        raise NotFound()
    _refuse_import(actor, batch, content)
    statement = (
        select(SettlementLine)
        .where(SettlementLine.batch_id == batch_id)
        .options(joinedload(SettlementLine.supplier))
    )
    lines = {line.id: line for line in db.session.scalars(statement)}
    return _answer(content, batch, lines), lines


def _refuse_import(actor: Actor, batch: SettlementBatch, content: bytes) -> None:
    policy.require_own(actor, batch)
    policy.require_other_person(actor, batch.drafted_by_id)
    sha256 = hashlib.sha256(content).hexdigest()
    if db.session.scalar(select(BankResultFile.id).where(BankResultFile.sha256 == sha256)):
        raise Conflict("settlement.result.taken", "이미 반영한 파일입니다. 같은 파일은 한 번만 반영합니다.")
    BATCH.pick("reconcile", batch.state)


def _answer(content: bytes, batch: SettlementBatch, lines: dict[int, SettlementLine]) -> Answer:
    file = _read(content, batch, lines)
    good, bad = _sort(file.rows, lines)
    return Answer(good, sorted([*file.bad, *bad], key=lambda row: row.row), len(file.rows) + len(file.bad))


def _kept_file(batch_id: int, content: bytes, file_name: str, answer: Answer, actor: Actor) -> BankResultFile:
    return BankResultFile(
        batch_id=batch_id,
        file_name=file_name[:200],
        sha256=hashlib.sha256(content).hexdigest(),
        rows=answer.rows,
        errors=[asdict(row) for row in answer.bad],
        state=_state(answer.good, answer.bad),
        imported_by_id=actor.id,
        imported_at=clock.now(),
    )


def _state(good: Sequence[ResultRow], bad: Sequence[BadRow]) -> ResultState:
    if not bad:
        return ResultState.COMPLETED
    return ResultState.PARTIAL if good else ResultState.FAILED


def _read(content: bytes, batch: SettlementBatch, lines: Mapping[int, SettlementLine]) -> ResultFile:
    sent = [line.sent for line in lines.values() if line.sent]
    asked = {"count": len(sent), "total": sum(sent)}
    try:
        file = bank_results.read(_answered_by(batch), content, **asked)
    except FileRefused as refused:
        raise _wrong_file(refused.code, refused.text) from refused
    if file.batch_number is not None and file.batch_number != batch.number:
        raise _wrong_file(
            "batch", f"정산 {file.batch_number}의 결과 파일입니다. 이 정산은 {batch.number}입니다."
        )
    if file.rows and not any(row.line_id in lines for row in file.rows):
        raise _wrong_file(
            "batch", f"정산 {batch.number}의 이체번호가 하나도 없습니다. 다른 정산의 파일입니다."
        )
    return file


def _wrong_file(code: str, sentence: str) -> InvalidInput:
    return InvalidInput(f"settlement.result.{code}", sentence, fields={"file": sentence})


def _sort(
    rows: Sequence[ResultRow], lines: dict[int, SettlementLine]
) -> tuple[list[ResultRow], list[BadRow]]:
    good: list[ResultRow] = []
    bad: list[BadRow] = []
    for row in rows:
        line = lines.get(row.line_id)
        if line is None:
            bad.append(BadRow(row.row, row.text, "이 정산에 없는 이체번호입니다."))
        elif line.sent != row.amount:
            bad.append(
                BadRow(row.row, row.text, f"금액이 다릅니다. 이체를 요청한 금액은 {line.sent:,}원입니다.")
            )
        elif line.state is not LineState.PLANNED:
            bad.append(BadRow(row.row, row.text, f"이미 결과가 반영된 줄입니다({line.state.label})."))
        else:
            good.append(row)
    return good, bad


def _apply(
    batch: SettlementBatch, rows: Sequence[ResultRow], lines: dict[int, SettlementLine], actor: Actor
) -> tuple[int, int]:
    paid = [row.line_id for row in rows if row.paid]
    failed = [row.line_id for row in rows if not row.paid]
    owners = {key: (line.supplier_id, line.sent) for key, line in lines.items()}
    db.session.execute(
        _RESULTS,
        {
            "at": clock.now(),
            "ids": [row.line_id for row in rows],
            "codes": [row.code for row in rows],
            "messages": [row.message[:200] for row in rows],
            "paid": [row.paid for row in rows],
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
    holds.tell_kept_back(settlement_holds.keep_back_failed(line_ids=failed))
    mails.ask_statement(paid)
    return len(paid), len(failed)
