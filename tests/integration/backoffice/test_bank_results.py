"""The bank's answer from its upload to the decision, and what is asked before money moves (R-SET-2)."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import g
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.documents import store
from app.models.people import Account
from app.models.settlements import BankResultFile, BatchState, LineState, SettlementBatch
from app.policy import Role
from app.workflows import settlement, settlement_bank
from tests import factories as make
from tests.settled import Holders, Officers, bank_answer, make_paid


class Bench:
    """A batch of two suppliers at the bank, and the pages about it."""

    def __init__(self, world: Any) -> None:
        self.programme, self.officers = world.programme, Officers()
        day = clock.now() - timedelta(days=11)
        self.good = make_paid(world.programme, make.make_supplier(), 1_100_000, paid_at=day)
        unlucky = make.make_supplier(account_number="110123459999")
        self.bad = make_paid(world.programme, unlucky, 400_000, paid_at=day)
        self.batch, self.sent = self.officers.exported(world.programme)
        self.address = f"/console/settlement/{self.batch.id}"
        db.session.commit()

    def upload(self, client: Any, content: bytes, name: str = "결과.csv") -> Any:
        file = {"file": (io.BytesIO(content), name)}
        return client.post(f"{self.address}/results", data=file)


@pytest.fixture
def bench(world: Any) -> Bench:
    return Bench(world)


def _text(client: Any, address: str) -> str:
    return str(client.get(address).get_data(as_text=True))


def _digest(page: str) -> str:
    return page.split('name="digest" value="')[1].split('"')[0]


def _aside() -> set[Path]:
    """What awaits a decision: of all tests of this run."""
    return set((store.path("0" * 64).parents[1] / store.ASIDE).glob("*"))


def _taken() -> int:
    return db.session.scalar(select(func.count()).select_from(BankResultFile)) or 0


def test_a_result_is_shown_before_it_is_taken(bench: Bench, browser: Any, said: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    preview = bench.upload(client, bank_answer(bench.sent, "9999")).location
    page = _text(client, preview)
    for words in ("결과.csv", "1,100,000원", "400,000원", "계좌없음", bench.bad.deal.supplier.name):
        assert words in page
    assert _taken() == 0 and bench.batch.state is BatchState.EXPORTED
    asked = client.post(f"{preview}/take", data={"digest": _digest(page)}).get_data(as_text=True)
    assert "지급완료 1건 1,100,000원, 이체실패 1건 400,000원" in asked and "업무 메뉴" in asked
    assert _taken() == 0
    told = said(client, f"{preview}/take", data={"digest": _digest(page), "confirmed": "1"})
    assert "지급완료 1건, 이체실패 1건" in told and bench.batch.state is BatchState.RECONCILED
    [file] = db.session.scalars(select(BankResultFile))
    assert file.file_name == "결과.csv"
    assert client.get(preview).status_code == 404
    again = bench.upload(client, bank_answer(bench.sent, "9999"))
    assert again.status_code == 422 and "이미 반영한 파일" in again.get_data(as_text=True)


def test_what_cannot_be_taken_is_shown_with_its_reason(bench: Bench, browser: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    content = bank_answer(bench.sent).replace(b",400000,", b",399999,").replace(b"1500000", b"1499999")
    preview = bench.upload(client, content).location
    page = _text(client, preview)
    assert "이체를 요청한 금액은 400,000원입니다" in page and "결과를 기다리는 이체" in page
    assert "이체를 요청한 금액은" in client.get(f"{preview}?format=csv").get_data(as_text=True)
    nothing = content.replace(b",1100000,", b",1,").replace(b"1499999", b"400000")
    page = _text(client, bench.upload(client, nothing).location)
    assert "반영할 이체가 없습니다" in page and "/take" not in page


def test_a_preview_that_is_not_wanted_leaves_nothing(bench: Bench, browser: Any, said: Any) -> None:
    client = browser(Role.FINANCE_OFFICER)
    before = _aside()
    preview = bench.upload(client, bank_answer(bench.sent)).location
    [kept] = _aside() - before
    line = settlement.locked_lines(bench.batch.id)[0]
    assert line.account_number.encode() not in kept.read_bytes() and b"KV" not in kept.read_bytes()
    assert "반영하지 않았습니다" in said(client, f"{preview}/discard")
    assert _aside() == before and _taken() == 0
    assert client.get(preview).status_code == 404
    assert bench.upload(client, bank_answer(bench.sent)).status_code == 302


def test_a_preview_is_its_persons_and_its_batchs(
    bench: Bench, browser: Any, log_in_as: Any, world: Any
) -> None:
    preview = bench.upload(browser(Role.FINANCE_OFFICER), bank_answer(bench.sent)).location
    other = make.make_account(Role.FINANCE_OFFICER)
    db.session.commit()
    g.pop("_login_user", None)
    client = log_in_as(other)
    assert client.get(preview).status_code == 404
    sure = {"confirmed": "1", "digest": "x"}
    assert client.post(f"{preview}/take", data=sure).status_code == 404
    assert browser(Role.AUDITOR).get(preview).status_code == 403
    client = browser(Role.FINANCE_OFFICER)
    token = preview.rpartition("/")[2]
    assert client.get(f"/console/settlement/{bench.batch.id + 1}/results/{token}").status_code == 404
    assert db.session.scalar(select(func.count()).select_from(SettlementBatch)) == 1 and _taken() == 0


def test_what_changed_since_the_preview_is_shown_again(bench: Bench, browser: Any, said: Any) -> None:
    """Part of the lines got their result meanwhile: what was agreed to is no longer what would be done."""
    client = browser(Role.FINANCE_OFFICER)
    whole = bank_answer(bench.sent)
    preview = bench.upload(client, whole).location
    digest = _digest(_text(client, preview))
    part = whole.replace(b",400000,", b",399999,").replace(b"1500000", b"1499999")
    settlement_bank.import_result(
        actor=bench.officers.approver, batch_id=bench.batch.id, content=part, file_name="먼저.csv"
    )
    told = said(client, f"{preview}/take", data={"digest": digest, "confirmed": "1"})
    assert "반영 내용이 달라졌습니다" in told and "이체결과 미리보기" in told
    assert _taken() == 1 and bench.batch.state is BatchState.EXPORTED


def test_the_drafter_is_refused_before_the_preview(bench: Bench, log_in_as: Any) -> None:
    """R-ROLE-4"""
    before = _aside()
    client = log_in_as(db.session.get_one(Account, bench.officers.drafter.id))
    refused = bench.upload(client, bank_answer(bench.sent))
    assert refused.status_code == 422 and "앞 단계를 처리한 사람" in refused.get_data(as_text=True)
    assert _aside() == before


def test_the_first_export_asks_with_what_goes_to_the_bank(
    world: Any, browser: Any, bench: Bench, said: Any
) -> None:
    """R-SET-2: number, transfers and sum; what is held is not in them (R-SET-4)."""
    day = clock.now() - timedelta(days=11)
    held = make_paid(world.programme, make.make_supplier(), 500_000, paid_at=day)
    make_paid(world.programme, make.make_supplier(), 700_000, paid_at=day)
    batch = bench.officers.approved(world.programme)
    Holders().place(held.id)
    client, address = browser(Role.FINANCE_OFFICER), f"/console/settlement/{batch.id}"
    words = f"정산 {batch.number}: 이체 1건, 합계 700,000원 (지급보류 500,000원 제외)"
    assert words in _text(client, address)
    asked = client.post(f"{address}/transfers", data={"format": "shinhan"}).get_data(as_text=True)
    assert words in asked and 'value="shinhan"' in asked and batch.state is BatchState.APPROVED
    sent = client.post(f"{address}/transfers", data={"format": "shinhan", "confirmed": "1"})
    assert "attachment" in sent.headers["Content-Disposition"]
    assert batch.state is BatchState.EXPORTED and batch.bank_format == "shinhan"
    assert client.post(f"{address}/transfers").data == sent.data


def test_an_approval_asks_with_the_sum(world: Any, browser: Any, said: Any) -> None:
    """R-SET-2, R-ROLE-4"""
    make_paid(world.programme, make.make_supplier(), 700_000, paid_at=clock.now() - timedelta(days=11))
    officers = Officers()
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=world.programme.id)
    assert built.batch is not None
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    db.session.commit()
    client, address = browser(Role.FINANCE_OFFICER), f"/console/settlement/{built.batch.id}"
    words = f"정산 {built.batch.number}: 공급기업 1곳, 결제 1건, 지급액 700,000원"
    assert f'data-confirm-consequence="{words}"' in _text(client, address)
    asked = client.post(f"{address}/approve").get_data(as_text=True)
    assert words in asked and "업무 메뉴" in asked and built.batch.state is BatchState.SUBMITTED
    said(client, f"{address}/approve", data={"confirmed": "1"})
    assert built.batch.state is BatchState.APPROVED
    assert [line.state for line in built.batch.lines] == [LineState.PLANNED]
