"""A bank's result file between its upload and the decision over it: what it would do, row by row (R-SET-2).

Until then it lies sealed beside the store, for a day at most: a bank's file may name accounts (R-AUD-1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app import crypto, policy
from app.documents import store
from app.documents.bank_files import BadRow, ResultRow
from app.errors import NotFound
from app.models.settlements import LineState, SettlementLine
from app.policy import Actor, Permission
from app.workflows import settlement_bank

PREVIEW = "settlement.result.preview"
"""The code under which a preview is refused that cannot be opened any more."""
GONE = "미리보기를 더 볼 수 없습니다. 은행의 결과 파일을 다시 올려 주세요."


@dataclass(frozen=True)
class Sum:
    count: int
    amount: int
    """Won."""


@dataclass(frozen=True)
class Outcome:
    """What the bank says of one transfer."""

    row: ResultRow
    line: SettlementLine


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What a result file would do."""

    paid: Sum
    failed: Sum
    failures: list[Outcome]
    bad: list[BadRow]
    waiting: Sum
    """Transfers that would still be without a result."""
    digest: str

    @property
    def does_something(self) -> bool:
        return bool(self.paid.count or self.failed.count)


def keep(*, actor: Actor, batch_id: int, content: bytes) -> str:
    """Lay a file that can be taken aside for the decision; its name. Raises as `import_result`."""
    settlement_bank.examine(actor=actor, batch_id=batch_id, content=content)
    return store.lay_aside(crypto.seal(content))


def kept(*, actor: Actor, name: str) -> bytes:
    """What was laid aside; that it is this person's is the caller's to know. Raises Denied, NotFound."""
    policy.require(actor, Permission.SETTLEMENT_PAY)
    try:
        return crypto.unseal(store.read_aside(name))
    except FileNotFoundError as error:
        raise NotFound(PREVIEW, GONE) from error


def drop(*, actor: Actor, name: str) -> None:
    """Taken, or not wanted: nothing of the file stays. Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_PAY)
    store.drop_aside(name)


def foresee(*, actor: Actor, batch_id: int, content: bytes) -> Foreseen:
    """Say what would become of each line; nothing is written. Raises as `import_result`."""
    answer, lines = settlement_bank.examine(actor=actor, batch_id=batch_id, content=content)
    said = {row.line_id for row in answer.good}
    waiting = [line for key, line in lines.items() if line.state is LineState.PLANNED and key not in said]
    return Foreseen(
        paid=_sum(lines, (row for row in answer.good if row.paid)),
        failed=_sum(lines, (row for row in answer.good if not row.paid)),
        failures=[Outcome(row, lines[row.line_id]) for row in answer.good if not row.paid],
        bad=answer.bad,
        waiting=Sum(len(waiting), sum(line.sent for line in waiting)),
        digest=answer.digest,
    )


def _sum(lines: Mapping[int, SettlementLine], rows: Iterable[ResultRow]) -> Sum:
    amounts = [lines[row.line_id].sent for row in rows]
    return Sum(len(amounts), sum(amounts))
