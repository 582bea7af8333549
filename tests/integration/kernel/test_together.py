"""One statement writes what ledger, audit trail and outbox write one by one (R-MONEY-3, R-AUD-1)."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.db import db, transaction
from app.errors import Refusal
from app.models.ledger import JournalKind, LedgerAccount
from app.policy import CLOCK, Actor, Role
from app.workflows import ledger, record, together
from app.workflows.ledger import Leg
from app.workflows.record import Message
from app.workflows.together import Entry, Told
from tests import factories

pytestmark = pytest.mark.usefixtures("tx")

PERSON = Actor(id=None, role=Role.DEMAND, name="결제담당", company_id=1, ip="2001:db8::1")
STATEMENT = together.writing("nothing AS (SELECT 1)")
CHANGE = {"state": ("billed", "paid")}
SENTENCE = "'화상 \"회의\"' 결제가 완료되었습니다."


def rows(query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in db.session.execute(text(query))]


def write(entries: list[Entry], legs: list[Leg], programme_id: int, *, key: str = "k") -> None:
    with transaction():
        given = together.parameters(
            entries,
            actor=PERSON,
            event_key=key,
            kind=JournalKind.PAYMENT,
            legs=legs,
            programme_id=programme_id,
        )
        ledger.run(STATEMENT, given)


def test_it_writes_what_the_single_verbs_write() -> None:
    """The same chain, digest, message, outbox row and postings, whichever way they were written."""
    programme = factories.make_programme().id
    legs = ledger.move((LedgerAccount.HOLD, 1), (LedgerAccount.PAYABLE, 2), 500)
    for number in (1, 2):
        with transaction():
            record.write("deal", number, "begin", actor=PERSON)
    told = (Told(text=SENTENCE, supplier_id=7, link="/supply/deals/1"),)
    deal = Entry(entity="deal", entity_id=1, action="pay", change=CHANGE, reason="사유", told=told)
    write([deal, Entry(entity="payment", entity_id=9, action="succeed", change={})], legs, programme)
    with transaction():
        seq = record.write("deal", 2, "pay", actor=PERSON, change=CHANGE, reason="사유")
        message = Message(key=f"deal:2:{seq}:supplier", text=SENTENCE, supplier_id=7, link="/supply/deals/1")
        record.tell([message])
        ledger.post("single", JournalKind.PAYMENT, legs, programme_id=programme, actor=PERSON)

    chains = "SELECT seq, action, actor_name, ip, reason, change FROM audit_row WHERE entity = 'deal'"
    assert rows(f"{chains} AND entity_id = 1 ORDER BY seq") == rows(
        f"{chains} AND entity_id = 2 ORDER BY seq"
    )
    notices = rows("SELECT replace(key, 'deal:1', 'deal:2'), company_id, supplier_id, text, link FROM notice")
    assert len(notices) == 2 and notices[0] == notices[1]
    puts = rows("SELECT replace(key, 'deal:1', 'deal:2'), kind, payload FROM outbox_message")
    assert len(puts) == 2 and puts[0] == puts[1]
    postings = """SELECT p.account, p.owner_id, p.amount, j.kind, j.programme_id FROM posting p
                    JOIN journal j ON j.id = p.journal_id WHERE j.event_key = '{}' ORDER BY p.id"""
    assert rows(postings.format("k")) == rows(postings.format("single")) != []
    assert record.verify() == []


def test_a_company_and_a_supplier_are_told_of_one_move_each_once() -> None:
    programme = factories.make_programme().id
    told = (Told(text="기업에", company_id=3), Told(text="공급기업에", supplier_id=4))
    legs = ledger.move((LedgerAccount.HOLD, 1), (LedgerAccount.PAYABLE, 2), 500)
    write([Entry(entity="deal", entity_id=1, action="pay", change=CHANGE, told=told)], legs, programme)
    assert rows("SELECT key, company_id, supplier_id, text FROM notice ORDER BY key") == [
        ("deal:1:1:company", 3, None, "기업에"),
        ("deal:1:1:supplier", None, 4, "공급기업에"),
    ]


def test_what_does_not_balance_or_would_mix_messages_is_a_bug() -> None:
    one = Entry(entity="deal", entity_id=1, action="pay", change={})
    unbalanced = [Leg(LedgerAccount.HOLD, 1, -5), Leg(LedgerAccount.PAYABLE, 2, 4)]
    balanced = ledger.move((LedgerAccount.HOLD, 1), (LedgerAccount.PAYABLE, 2), 5)
    for entries, legs in (([one], unbalanced), ([one], []), ([one, one], balanced)):
        with pytest.raises(ValueError, match=r"balance|one entity"):
            together.parameters(
                entries, actor=CLOCK, event_key="k", kind=JournalKind.PAYMENT, legs=legs, programme_id=1
            )


def test_an_overdrawn_account_undoes_all_of_it() -> None:
    """R-MONEY-4: nothing of the event stays."""
    programme = factories.make_programme().id
    db.session.commit()
    legs = ledger.move((LedgerAccount.VOUCHER_GRANT, 1), (LedgerAccount.HOLD, 2), 500)
    told = (Told(text="x", company_id=1),)
    entry = Entry(entity="deal", entity_id=1, action="pay", change=CHANGE, told=told)
    with pytest.raises(Refusal, match="잔액이 부족"):
        write([entry], legs, programme)
    for table in ("audit_row", "notice", "journal", "outbox_message"):
        assert rows(f"SELECT 1 FROM {table}") == []
