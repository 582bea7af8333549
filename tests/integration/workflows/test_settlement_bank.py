"""R-SET-2: the bank's file out, its answer in."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Conflict, InvalidInput
from app.models.catalogue import Supplier
from app.models.ledger import LedgerAccount
from app.models.programme import Programme
from app.models.settlements import (
    BankResultFile,
    BatchState,
    LineState,
)
from app.workflows import (
    ledger,
    settlement,
    settlement_bank,
)
from tests import factories
from tests.integration.workflows import settling
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Officers, bank_answer

pytestmark = pytest.mark.usefixtures("tx")

programme, supplier, officers = settling.programme, settling.supplier, settling.officers


def test_the_bank_file_is_the_same_however_often_it_is_exported(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    batch, first = officers.exported(programme)
    with clock.at(clock.now() + timedelta(days=3)):
        again = settlement_bank.export_bank_file(actor=officers.drafter, batch_id=batch.id)
    [line] = lines_of(batch)
    assert again.content == first and again.file_name == f"transfer-{batch.number}.csv"
    day = f"{clock.today():%Y%m%d}"
    assert first.decode() == (
        f"H,{batch.number},{day}\r\n"
        f"D,1,088,{supplier.account_number},1100000,{supplier.account_holder},KV{line.id:010}\r\n"
        "T,1,1100000\r\n"
    )
    answer = bank_answer(first)
    settlement_bank.import_result(
        actor=officers.drafter, batch_id=batch.id, content=answer, file_name="a.csv"
    )
    last = settlement_bank.export_bank_file(actor=officers.drafter, batch_id=batch.id)
    assert last.content == first
    with pytest.raises(Conflict):
        settlement_bank.import_result(
            actor=officers.drafter, batch_id=batch.id, content=answer + b"\r\n", file_name="b.csv"
        )
    assert ledger.balance(LedgerAccount.PAID_OUT, supplier.id) == 1_100_000
    assert ledger.verify() == []


def test_the_played_bank_takes_our_file_and_we_take_its_answer(
    sandbox: str, programme: Programme, officers: Officers
) -> None:
    good, unknown = factories.make_supplier(), factories.make_supplier(account_number="110123459999")
    ripe_payment(programme, good, 400_000)
    ripe_payment(programme, unknown, 600_000)
    batch, sent = officers.exported(programme)
    with httpx.Client(trust_env=False, auth=("sandbox-bank-key", "")) as web:
        answer = web.post(f"{sandbox}/bank/v1/results", content=sent)
    assert answer.status_code == 200
    taken = settlement_bank.import_result(
        actor=officers.drafter, batch_id=batch.id, content=answer.content, file_name="결과.csv"
    )
    assert taken.bad == [] and taken.paid + taken.failed == 2
    states = {line.supplier_id: line.state for line in lines_of(batch)}
    assert states[good.id] is LineState.PAID and states[unknown.id] is LineState.FAILED
    assert batch.state is BatchState.RECONCILED and ledger.verify() == []


def test_before_the_approval_nothing_is_exported(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    with pytest.raises(Conflict) as refused:
        settlement_bank.export_bank_file(actor=officers.drafter, batch_id=built.batch.id)
    assert "'작성'" in refused.value.text


def test_a_result_file_is_taken_once_and_its_bad_rows_are_kept(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-SET-2: header, count and total are checked; each bad row is kept with its error."""
    other = factories.make_supplier()
    ripe_payment(programme, supplier, 400_000)
    ripe_payment(programme, other, 600_000)
    batch, sent = officers.exported(programme)
    first, second = lines_of(batch)
    broken = (
        f"H,{batch.number},20201116,RESULT\r\n"
        f"D,1,KV{first.id:010},400000,0000,정상처리\r\n"
        f"D,2,KV{second.id:010},999,0000,정상처리\r\n"
        f"D,3,KV{9_999_999:010},1,0000,정상처리\r\n"
        "D,4,XX,7,0000,정상처리\r\n"
        f"D,5,KV{first.id:010},400000,0000,정상처리\r\n"
        "T,5,801007\r\n"
    ).encode()

    def take(content: bytes, name: str = "결과.csv") -> settlement_bank.Imported:
        return settlement_bank.import_result(
            actor=officers.drafter, batch_id=batch.id, content=content, file_name=name
        )

    taken = take(broken)
    assert (taken.paid, taken.failed) == (1, 0)
    assert [bad.row for bad in taken.bad] == [3, 4, 5, 6]
    assert "600,000원" in taken.bad[0].reason and "없는 이체번호" in taken.bad[1].reason
    assert taken.batch.state is BatchState.EXPORTED
    [file] = db.session.scalars(select(BankResultFile)).all()
    assert [error["row"] for error in file.errors] == [3, 4, 5, 6] and file.rows == 5
    with pytest.raises(Conflict) as again:
        take(broken)
    assert again.value.code == "settlement.result.taken"
    rest = take(bank_answer(sent), "나머지.csv")
    assert (rest.paid, rest.failed, len(rest.bad)) == (1, 0, 1)
    assert rest.batch.state is BatchState.RECONCILED
    assert ledger.balance(LedgerAccount.PAID_OUT, supplier.id) == 400_000
    assert ledger.verify() == []


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("header", lambda content: content.replace(b"RESULT", b"REPORT")),
        ("count", lambda content: content.replace(b"T,1,", b"T,2,")),
        ("total", lambda content: content.replace(b"T,1,1100000", b"T,1,1100001")),
        ("trailer", lambda content: content[: content.index(b"T,1")]),
        ("batch", lambda content: content.replace(b"H,S", b"H,X")),
        ("encoding", lambda content: content.decode().encode("cp949")),
        ("header", lambda content: b""),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_changes_nothing(
    programme: Programme, supplier: Supplier, officers: Officers, code: str, change: object
) -> None:
    ripe_payment(programme, supplier)
    batch, sent = officers.exported(programme)
    content = change(bank_answer(sent))  # type: ignore[operator]
    with pytest.raises(InvalidInput) as refused:
        settlement_bank.import_result(
            actor=officers.drafter, batch_id=batch.id, content=content, file_name="x.csv"
        )
    assert refused.value.code == f"settlement.result.{code}"
    assert [line.state for line in lines_of(batch)] == [LineState.PLANNED]
    assert db.session.scalar(select(func.count()).select_from(BankResultFile)) == 0
