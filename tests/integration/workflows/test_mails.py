"""R-SET-2, R-MSG-1: 정산내역서 by mail when a line is paid: once, to the address of then, and if it fails."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, gateways
from app.db import db, transaction
from app.errors import Conflict, Denied, NotFound
from app.gateways.errors import Unknown
from app.jobs import outbox
from app.models.catalogue import Supplier
from app.models.mails import MailState, StatementMail
from app.models.payments import Slip, SlipKind
from app.models.programme import Programme
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.settlements import SettlementLine
from app.policy import Actor, Role
from app.workflows import mails, slips
from app.workflows.mails import MailTab
from tests import factories, money
from tests.integration.workflows import settling
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Officers

pytestmark = pytest.mark.usefixtures("tx")

programme, officers = settling.programme, settling.officers


@pytest.fixture
def supplier(tx: object) -> Supplier:
    supplier = factories.make_supplier()
    supplier.email = f"billing@{secrets.token_hex(6)}.example.com"
    db.session.commit()
    return supplier


@pytest.fixture
def line(programme: Programme, supplier: Supplier, officers: Officers) -> SettlementLine:
    """Paid by the bank: that asks for its statement."""
    ripe_payment(programme, supplier)
    [line] = lines_of(officers.settled(programme))
    return line


def sent(sandbox: str, to: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = money.WEB.get(f"{sandbox}/mails.json", params={"to": to}).json()
    return answer


def the_mail(line: SettlementLine) -> StatementMail:
    found = select(StatementMail).where(StatementMail.line_id == line.id)
    return list(db.session.scalars(found.order_by(StatementMail.number)))[-1]


def carry_out(line: SettlementLine) -> None:
    mail = the_mail(line)
    mails.send({"mail_id": mail.id}, f"statement_mail:{mail.id}")


def actions(line: SettlementLine) -> list[str]:
    rows = select(AuditRow).where(AuditRow.entity == "settlement_line", AuditRow.entity_id == line.id)
    return [row.action for row in db.session.scalars(rows.order_by(AuditRow.seq))]


def test_the_statement_goes_to_the_supplier_once(
    sandbox: str, line: SettlementLine, supplier: Supplier
) -> None:
    with transaction():
        mails.ask_statement([line.id])
    assert db.session.query(StatementMail).filter_by(line_id=line.id).count() == 1
    outbox.drain()
    outbox.drain()
    [letter] = sent(sandbox, supplier.email)
    number, net = line.batch.number, f"{line.net:,}원"
    assert number in letter["subject"] and f"{number} 정산 대금 {net}을 지급했습니다." in letter["text"]
    assert "정산내역서를 첨부했습니다." in letter["text"] and letter["text"].count("볼 수 있습니다.") == 1
    slip = slips.for_lines([line.id])[line.id]
    [file] = letter["attachments"]
    assert file["fileName"] == f"정산내역서_{slips.number_of(slip)}.pdf"
    content = money.WEB.get(f"{sandbox}/mails/{letter['mailId']}/{file['position']}").content
    assert hashlib.sha256(content).hexdigest() == slip.sha256
    mail = the_mail(line)
    assert (mail.state, mail.message_id, mail.sent_to) == (
        MailState.SENT,
        letter["mailId"],
        mails.masked(supplier.email),
    )
    assert "mail_sent" in actions(line)
    assert re.fullmatch(r"메일 발송 \d{4}\.\d\d\.\d\d\. \d\d:\d\d", mails.of_lines([line.id])[line.id].text)


def test_neither_outbox_nor_trail_nor_letter_holds_what_is_nobodys_business(
    sandbox: str, line: SettlementLine, supplier: Supplier
) -> None:
    """R-AUD-1: no address in the outbox, masked in the trail; no account, name or link in the letter."""
    outbox.drain()
    message = db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail_statement")).one()
    assert message.payload == {"mail_id": the_mail(line).id} and message.done_at
    row = db.session.scalars(select(AuditRow).where(AuditRow.action == "mail_sent")).one()
    assert row.change["to"] == [None, mails.masked(supplier.email)] and row.change["to"][1].startswith(
        "bi***@"
    )
    [letter] = sent(sandbox, supplier.email)
    said = letter["subject"] + letter["text"]
    secret = (line.account_number, line.account_holder, supplier.representative, supplier.name, "http")
    assert not [word for word in secret if word in said]


def test_sent_and_killed_before_it_was_noted_it_is_sent_once(
    sandbox: str, line: SettlementLine, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-MSG-1: the key is the gateway's too."""
    mail = the_mail(line)
    with monkeypatch.context() as patch:
        patch.setattr(mails, "_write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            carry_out(line)
    db.session.rollback()
    assert mail.state is MailState.WAITING and len(sent(sandbox, supplier.email)) == 1
    carry_out(line)
    [letter] = sent(sandbox, supplier.email)
    assert (mail.state, mail.message_id) == (MailState.SENT, letter["mailId"])
    carry_out(line)
    assert actions(line).count("mail_sent") == 1


def test_the_address_is_looked_up_when_it_is_sent(
    sandbox: str, line: SettlementLine, supplier: Supplier
) -> None:
    old, supplier.email = supplier.email, f"new@{secrets.token_hex(6)}.example.com"
    db.session.commit()
    outbox.drain()
    assert sent(sandbox, old) == [] and len(sent(sandbox, supplier.email)) == 1


@pytest.mark.parametrize(
    ("email", "why"),
    [("bounce@example.com", "받을 수 없는 주소"), ("full@example.com", "가득"), ("", "이메일 주소")],
)
def test_what_cannot_arrive_is_told_to_the_supplier_and_stands_in_the_list(
    sandbox: str, line: SettlementLine, supplier: Supplier, officers: Officers, email: str, why: str
) -> None:
    supplier.email = email
    db.session.commit()
    outbox.drain()
    mail = the_mail(line)
    assert mail.state is MailState.REFUSED and why in (mail.refused_text or "")
    told = db.session.scalars(
        select(Notice).where(Notice.supplier_id == supplier.id, Notice.text.contains("메일"))
    )
    notice = told.one()
    assert why in notice.text and notice.link == "/supply/profile"
    assert db.session.scalars(select(OutboxMessage.done_at).where(OutboxMessage.kind == mails.KIND)).one()
    assert mails.counts(actor=officers.drafter)[MailTab.REFUSED] == 1

    supplier.email = f"good@{secrets.token_hex(6)}.example.com"
    db.session.commit()
    mails.send_again(actor=officers.drafter, line_id=line.id)
    assert mails.of_lines([line.id])[line.id].text == "메일 보내는 중"
    outbox.drain()
    assert len(sent(sandbox, supplier.email)) == 1
    [row] = mails.sendings(actor=officers.drafter)
    assert (row.mail.number, row.state) == (2, MailState.SENT), "the last sending of a line stands for it"
    assert mails.counts(actor=officers.drafter)[MailTab.REFUSED] == 0


def test_an_unreachable_gateway_is_tried_again_with_the_same_key(
    sandbox: str,
    line: SettlementLine,
    supplier: Supplier,
    officers: Officers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supplier.email = f"garbage@{secrets.token_hex(6)}.example.com"
    db.session.commit()
    with pytest.raises(Unknown):
        carry_out(line)
    assert the_mail(line).state is MailState.WAITING
    with pytest.raises(Conflict, match=r"mail\.waiting"):
        mails.send_again(actor=officers.drafter, line_id=line.id)
    monkeypatch.setattr(outbox, "MAX_TRIES", 1)
    with monkeypatch.context() as patch:
        patch.setattr(
            type(gateways.get().mail), "send", lambda *_, **__: (_ for _ in ()).throw(Unknown("down"))
        )
        assert outbox.drain().gave_up == 1
    sending = mails.of_lines([line.id])[line.id]
    assert sending.gave_up and "응답하지 않아" in sending.text
    assert mails.counts(actor=officers.drafter) == {
        MailTab.ALL: 1,
        MailTab.REFUSED: 1,
        MailTab.WAITING: 0,
        MailTab.SENT: 0,
    }
    mails.send_again(actor=officers.drafter, line_id=line.id)
    assert mails.counts(actor=officers.drafter)[MailTab.WAITING] == 1


def test_a_large_statement_stays_where_it_is(
    sandbox: str, line: SettlementLine, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "MOST_ATTACHED", 10)
    outbox.drain()
    [letter] = sent(sandbox, supplier.email)
    assert letter["attachments"] == [] and "첨부" not in letter["text"]
    assert letter["text"].count("볼 수 있습니다.") == 1


def test_a_transfer_that_failed_sends_no_statement(
    sandbox: str, programme: Programme, officers: Officers
) -> None:
    for number in ("110200000011", "110200000022"):
        supplier = factories.make_supplier()
        supplier.account_number = number
        ripe_payment(programme, supplier)
    db.session.commit()
    lines = lines_of(officers.settled(programme, "22"))
    asked = mails.of_lines([line.id for line in lines])
    assert [line.state.value for line in lines if line.id in asked] == ["paid"] and len(lines) == 2


def test_who_may_send_again_and_what(
    sandbox: str, programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    [line] = lines_of(officers.approved(programme))
    db.session.commit()
    with pytest.raises(Conflict, match=r"mail\.line"):
        mails.send_again(actor=officers.drafter, line_id=line.id)
    with pytest.raises(NotFound):
        mails.send_again(actor=officers.drafter, line_id=10**12)
    for role in set(Role) - {Role.FINANCE_OFFICER}:
        actor = Actor(id=officers.drafter.id, role=role, name="다른 역할", supplier_id=supplier.id)
        with pytest.raises(Denied):
            mails.send_again(actor=actor, line_id=line.id)
    for role in (Role.SUPPLIER, Role.DEMAND, Role.REVIEWER):
        with pytest.raises(Denied):
            mails.sendings(actor=Actor(id=1, role=role, name="다른 역할", supplier_id=supplier.id))


def test_many_lines_are_asked_for_in_one_statement(programme: Programme, officers: Officers) -> None:
    for _ in range(3):
        ripe_payment(programme, factories.make_supplier())
    lines = lines_of(officers.settled(programme))
    with transaction():
        mails.ask_statement([line.id for line in lines])
        mails.ask_statement([])
    found = mails.of_lines([line.id for line in lines])
    assert set(found) == {line.id for line in lines}
    keys = {f"statement_mail:{sending.id}" for sending in found.values()}
    put = select(OutboxMessage.key).where(OutboxMessage.kind == mails.KIND)
    assert set(db.session.scalars(put)) == keys
    assert db.session.query(Slip).filter_by(kind=SlipKind.SETTLEMENT).count() == 3
    assert all(sending.mail.asked_at <= clock.now() for sending in found.values())
