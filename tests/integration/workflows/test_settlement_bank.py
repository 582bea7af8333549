"""R-SET-2: the bank's file out, its answer in."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.documents import bank_maps
from app.errors import Conflict, Denied, InvalidInput
from app.models.catalogue import Supplier
from app.models.ledger import LedgerAccount
from app.models.programme import Programme
from app.models.settlements import (
    BankResultFile,
    BatchState,
    LineState,
    ResultState,
)
from app.policy import Role
from app.workflows import (
    bank_formats,
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
        actor=officers.approver, batch_id=batch.id, content=answer, file_name="a.csv"
    )
    last = settlement_bank.export_bank_file(actor=officers.drafter, batch_id=batch.id)
    assert last.content == first
    with pytest.raises(Conflict):
        settlement_bank.import_result(
            actor=officers.approver, batch_id=batch.id, content=answer + b"\r\n", file_name="b.csv"
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
        actor=officers.approver, batch_id=batch.id, content=answer.content, file_name="결과.csv"
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
            actor=officers.approver, batch_id=batch.id, content=content, file_name=name
        )

    taken = take(broken)
    assert (taken.paid, taken.failed) == (1, 0)
    assert [bad.row for bad in taken.bad] == [3, 4, 5, 6]
    assert "600,000원" in taken.bad[0].reason and "없는 이체번호" in taken.bad[1].reason
    assert taken.batch.state is BatchState.EXPORTED
    [file] = db.session.scalars(select(BankResultFile)).all()
    assert [error["row"] for error in file.errors] == [3, 4, 5, 6] and file.rows == 5
    assert file.state is ResultState.PARTIAL
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
            actor=officers.approver, batch_id=batch.id, content=content, file_name="x.csv"
        )
    assert refused.value.code == f"settlement.result.{code}"
    assert [line.state for line in lines_of(batch)] == [LineState.PLANNED]
    assert db.session.scalar(select(func.count()).select_from(BankResultFile)) == 0


def _answered(sandbox: str, sent: bytes) -> httpx.Response:
    with httpx.Client(trust_env=False, auth=("sandbox-bank-key", "")) as web:
        return web.post(f"{sandbox}/bank/v1/results", content=sent)


@pytest.mark.parametrize("code", list(bank_maps.PRESETS))
def test_every_shipped_format_goes_to_the_played_bank_and_back(
    sandbox: str, programme: Programme, officers: Officers, code: str
) -> None:
    """XLSX and CSV, UTF-8 and CP949: the bank answers in kind, and the answer is read by the same map."""
    good = factories.make_supplier(account_holder="㈜똠방각하")
    unknown = factories.make_supplier(account_number="004123459999")
    ripe_payment(programme, good, 400_000)
    ripe_payment(programme, unknown, 600_000)
    batch = officers.approved(programme)
    about = {"actor": officers.drafter, "batch_id": batch.id}
    file = settlement_bank.export_bank_file(**about, format_code=code)
    layout = bank_maps.PRESETS[code]
    assert file.file_name == f"transfer-{batch.number}.{layout.file.value}"
    assert hashlib.sha256(file.content).hexdigest() == batch.exported_sha256
    assert batch.bank_format == code and batch.exported_by_id == officers.drafter.id
    with clock.at(clock.now() + timedelta(days=3)):
        assert settlement_bank.export_bank_file(**about).content == file.content
    answer = _answered(sandbox, file.content)
    assert answer.status_code == 200 and _answered(sandbox, file.content).content == answer.content
    taken = settlement_bank.import_result(
        actor=officers.approver, batch_id=batch.id, content=answer.content, file_name="결과"
    )
    assert (taken.paid, taken.failed, taken.bad) == (1, 1, [])
    [kept] = db.session.scalars(select(BankResultFile)).all()
    assert kept.state is ResultState.COMPLETED and batch.state is BatchState.RECONCILED
    assert ledger.verify() == []


def test_another_format_later_is_refused_and_a_changed_one_alters_nothing(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    batch = officers.approved(programme)
    about = {"actor": officers.drafter, "batch_id": batch.id}
    first = settlement_bank.export_bank_file(**about, format_code="shinhan")
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        settlement_bank.export_bank_file(**about, format_code="ibk")
    assert refused.value.code == "settlement.export.format" and "신한은행" in refused.value.text
    layout = replace(bank_maps.PRESETS["shinhan"], columns=bank_maps.PRESETS["ibk"].columns)
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    bank_formats.change(actor=manager, code="shinhan", layout=layout)
    assert settlement_bank.export_bank_file(**about, format_code="shinhan").content == first.content


def test_a_format_that_is_closed_or_lacks_a_letter_exports_nothing(
    programme: Programme, officers: Officers
) -> None:
    ripe_payment(programme, factories.make_supplier(account_holder="𠮷野商會"))
    batch = officers.approved(programme)
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    bank_formats.set_open(actor=manager, code="ibk", is_open=False)
    db.session.commit()
    for code, wrong in (("ibk", "settlement.export.format"), ("kookmin", "settlement.export.letters")):
        with pytest.raises(Conflict) as refused:
            settlement_bank.export_bank_file(actor=officers.drafter, batch_id=batch.id, format_code=code)
        assert refused.value.code == wrong
    db.session.refresh(batch)
    assert batch.state is BatchState.APPROVED and batch.bank_format is None


def test_a_code_that_nobody_knows_applies_nothing_until_it_is_registered(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-SET-2: a line of unknown result stays 지급예정; the same file is taken once the code is known."""
    other = factories.make_supplier()
    ripe_payment(programme, supplier, 400_000)
    ripe_payment(programme, other, 600_000)
    batch, sent = officers.exported(programme)
    content = bank_answer(sent).replace(b",0000,", ",처리중,".encode(), 1)
    about = {"actor": officers.approver, "batch_id": batch.id, "content": content, "file_name": "결과.csv"}
    with pytest.raises(InvalidInput) as refused:
        settlement_bank.import_result(**about)
    assert refused.value.code == "settlement.result.unknown_code" and "‘처리중’(1건)" in refused.value.text
    assert {line.state for line in lines_of(batch)} == {LineState.PLANNED}
    assert db.session.scalar(select(func.count()).select_from(BankResultFile)) == 0
    common = bank_maps.PRESETS[bank_maps.COMMON]
    known = replace(common, results=replace(common.results, failed=("0011", "처리중")))
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    bank_formats.change(actor=manager, code=bank_maps.COMMON, layout=known)
    taken = settlement_bank.import_result(**about)
    assert (taken.paid, taken.failed, taken.bad) == (1, 1, []) and batch.state is BatchState.RECONCILED
    assert ledger.verify() == []


def test_a_sheet_of_another_batch_is_refused_as_a_whole(
    sandbox: str, programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """A bank's sheet bears no number of ours: its keys say whose it is."""
    ripe_payment(programme, supplier)
    first = officers.approved(programme)
    sent = settlement_bank.export_bank_file(actor=officers.drafter, batch_id=first.id, format_code="shinhan")
    ripe_payment(programme, factories.make_supplier())
    second = officers.approved(programme)
    settlement_bank.export_bank_file(actor=officers.drafter, batch_id=second.id, format_code="shinhan")
    answer = _answered(sandbox, sent.content).content
    with pytest.raises(InvalidInput) as refused:
        settlement_bank.import_result(
            actor=officers.approver, batch_id=second.id, content=answer, file_name="x.xlsx"
        )
    assert refused.value.code == "settlement.result.batch"


def test_the_drafter_does_not_take_the_result(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    batch, sent = officers.exported(programme)
    with pytest.raises(Denied) as refused:
        settlement_bank.import_result(
            actor=officers.drafter, batch_id=batch.id, content=bank_answer(sent), file_name="x.csv"
        )
    assert refused.value.code == "same_person"
