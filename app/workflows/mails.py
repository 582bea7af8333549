"""정산내역서 by mail, once it is paid: to the supplier's address as it is then (R-SET-2, R-MSG-1).

A sending is a row; the outbox carries it out, its key is the gateway's idempotency key. So it is sent once
whoever dies, and a further sending is another row, asked for by a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.orm import joinedload

from app import clock, gateways, policy
from app.db import db, lock, transaction
from app.documents import store
from app.errors import Conflict, NotFound
from app.gateways.errors import Refused
from app.gateways.mail import Attachment
from app.models.catalogue import Supplier
from app.models.mails import MailState, StatementMail
from app.models.record import OutboxMessage
from app.models.settlements import LineState, SettlementBatch, SettlementLine
from app.models.types import Labelled
from app.policy import CLOCK, Actor, Permission
from app.workflows import company_edits, record, slips

KIND = "mail_statement"
_KEY = "statement_mail:"
_LINE = "settlement_line"
"""As the audit trail names it. The settlement asks for mails: it cannot be asked here."""
MOST_ATTACHED = 5 * 1024 * 1024
"""A larger statement stays where it is; the mail says where."""
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]+")
NO_ADDRESS = "등록된 이메일 주소가 없거나 올바르지 않습니다. 기업정보에서 이메일 주소를 확인해 주세요."
PROFILE = "/supply/profile"

_ASK = text(f"""
WITH asked AS (
  INSERT INTO statement_mail (line_id, supplier_id, number, asked_at)
  SELECT l.id, l.supplier_id, 1, :at FROM settlement_line l WHERE l.id = ANY(:lines) ORDER BY l.id
  ON CONFLICT (line_id, number) DO NOTHING RETURNING id)
INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
SELECT '{_KEY}' || id, '{KIND}', jsonb_build_object('mail_id', id), :at, :real_at FROM asked
ON CONFLICT (key) DO NOTHING
""")  # noqa: S608 - no input in it


def ask_statement(line_ids: Sequence[int]) -> None:
    """Have the statements of these lines sent: inside the caller's transaction. Asked again, nothing."""
    about = {"lines": list(line_ids), "at": clock.now(), "real_at": clock.real_now()}
    db.session.execute(_ASK, about)


def send_again(*, actor: Actor, line_id: int) -> StatementMail:
    """One more sending, by who pays. Raises Denied, NotFound, Conflict `mail.line`, `mail.waiting`."""
    policy.require(actor, Permission.SETTLEMENT_PAY)
    with transaction() as session:
        line = lock(SettlementLine, line_id)
        if line.state is not LineState.PAID:
            text = "지급이 완료된 정산내역서만 보낼 수 있습니다. 이체 결과를 먼저 반영해 주세요."
            raise Conflict("mail.line", text)
        last = of_lines([line_id]).get(line_id)
        if last is not None and last.state is MailState.WAITING:
            raise Conflict("mail.waiting", "지금 보내는 중입니다. 잠시 뒤 결과를 확인해 주세요.")
        number = last.mail.number + 1 if last else 1
        mail = StatementMail(line_id=line_id, supplier_id=line.supplier_id, number=number)
        mail.asked_by_id, mail.asked_at = actor.id, clock.now()
        session.add(mail)
        session.flush()
        record.write(_LINE, line_id, "mail_again", actor=actor, change={"mail": (None, number)})
        record.put(f"{_KEY}{mail.id}", KIND, {"mail_id": mail.id})
        return mail


# --- the job ------------------------------------------------------------------------------------------


def send(payload: Mapping[str, Any], key: str, /) -> None:
    """The outbox handler of 'mail_statement'; run again after it was sent, it changes nothing.

    Raises the gateway's errors where the outcome is unknown: the outbox tries again with the same key.
    """
    mail_id = int(payload["mail_id"])
    ready = _ready(mail_id)
    if ready is None:
        return
    to, letter, attachment = ready
    if not company_edits.valid_email(to):
        _refuse(mail_id, to, NO_ADDRESS)
        return
    try:
        message_id = gateways.get().mail.send(
            to=to, subject=letter.subject, text=letter.text, idempotency_key=key, attachment=attachment
        )
    except Refused as refused:
        _refuse(mail_id, to, refused.korean)
        return
    with transaction():
        mail = lock(StatementMail, mail_id)
        if mail.sent_at is None:
            mail.sent_at, mail.sent_to, mail.message_id = clock.now(), masked(to), message_id
            _write(mail, "mail_sent")


@dataclass(frozen=True)
class _Letter:
    subject: str
    text: str


def _ready(mail_id: int) -> tuple[str, _Letter, Attachment | None] | None:
    """To whom and what, as it is now; None where it is decided. The paper is drawn where it is not yet."""
    with transaction() as session:
        mail = session.get(StatementMail, mail_id)
        if mail is None or mail.state is not MailState.WAITING:
            return None
        line, to = mail.line, session.get_one(Supplier, mail.supplier_id).email.strip()
        letters = {attached: _letter(line, attached=attached) for attached in (True, False)}
        slip = slips.for_lines([line.id]).get(line.id)
        if slip is None:
            raise NotFound("mail.statement", "정산내역서가 없습니다.")
        slip_id, name = slip.id, slips.file_name(slip)
    content = store.read(slips.render(slip_id))
    if len(content) > MOST_ATTACHED:
        return to, letters[False], None
    return to, letters[True], Attachment(name, "application/pdf", content)


def _letter(line: SettlementLine, *, attached: bool) -> _Letter:
    """Without anybody's name, account or link: a mail may go astray, and nobody shall learn to follow one."""
    number, day = line.batch.number, clock.write_day(clock.korean_day(line.paid_at or clock.now()))
    where = "로그인한 뒤 '공급대금 정산 > 정산내역서'에서"
    told = f"정산내역서를 첨부했습니다. {where}도" if attached else f"정산내역서는 {where}"
    return _Letter(
        f"[K-비대면바우처] 정산내역서 {number}",
        f"{day}에 {number} 정산 대금 {line.sent:,}원을 지급했습니다.\n\n{told} 볼 수 있습니다.\n"
        "내용이 다르면 고객센터에 문의해 주세요. 이 메일은 발신 전용입니다.",
    )


def _refuse(mail_id: int, to: str, why: str) -> None:
    """It can never arrive as it is: the supplier hears of it in the platform, finance sees it in the list."""
    with transaction():
        mail = lock(StatementMail, mail_id)
        if mail.state is not MailState.WAITING:
            return
        mail.refused_at, mail.refused_text, mail.sent_to = clock.now(), why, masked(to)
        _write(mail, "mail_refused")
        told = f"정산내역서를 메일로 보내지 못했습니다. {why}"
        key = f"{_KEY}{mail_id}:refused"
        record.tell([record.Message(key=key, text=told, supplier_id=mail.supplier_id, link=PROFILE)])


def _write(mail: StatementMail, action: str) -> None:
    db.session.flush()
    lock(SettlementLine, mail.line_id)
    change = {"mail": (None, mail.number), "to": (None, mail.sent_to)}
    record.write(_LINE, mail.line_id, action, actor=CLOCK, change=change)


def masked(address: str) -> str:
    """`fi***@example.com`: enough to know which of one's addresses it is."""
    local, at, domain = address.rpartition("@")
    return f"{local[:2]}***{at}{domain}" if at else "***" if address else ""


# --- what the pages show --------------------------------------------------------------------------------


class MailTab(Labelled):
    ALL = "all", "전체"
    REFUSED = "refused", "보내지 못함"
    WAITING = "waiting", "보내는 중"
    SENT = "sent", "보냄"


@dataclass(frozen=True)
class Sending:
    mail: StatementMail
    gave_up: bool
    """The gateway could not be reached for so long that the outbox gave up."""

    @property
    def id(self) -> int:
        return self.mail.id

    @property
    def state(self) -> MailState:
        return MailState.REFUSED if self.gave_up else self.mail.state

    @property
    def text(self) -> str:
        """Korean: what came of it, and when."""
        if self.mail.sent_at is not None:
            return f"메일 발송 {self.mail.sent_at:%Y.%m.%d. %H:%M}"
        if self.mail.refused_text is not None:
            return f"메일 발송 실패: {self.mail.refused_text}"
        return "메일 서버가 응답하지 않아 보내지 못했습니다." if self.gave_up else "메일 보내는 중"


_GAVE_UP = exists().where(
    OutboxMessage.key == func.concat(_KEY, StatementMail.id), OutboxMessage.gave_up_at.is_not(None)
)
_LAST = StatementMail.number == (
    select(func.max(StatementMail.number))
    .where(StatementMail.line_id == SettlementLine.id)
    .correlate(SettlementLine)
    .scalar_subquery()
)
_WAITS = StatementMail.sent_at.is_(None) & StatementMail.refused_at.is_(None)
_LOST = _WAITS & _GAVE_UP
_OF_TAB: dict[MailTab, list[ColumnElement[bool]]] = {
    MailTab.ALL: [],
    MailTab.REFUSED: [StatementMail.refused_at.is_not(None) | _LOST],
    MailTab.WAITING: [_WAITS, ~_GAVE_UP],
    MailTab.SENT: [StatementMail.sent_at.is_not(None)],
}


def of_lines(line_ids: Sequence[int]) -> dict[int, Sending]:
    """The last sending of each line, in one query. The caller has checked whose the lines are."""
    statement = (
        select(StatementMail, _LOST)
        .where(StatementMail.line_id.in_(line_ids))
        .order_by(StatementMail.line_id, StatementMail.number)
    )
    return {mail.line_id: Sending(mail, gave_up) for mail, gave_up in db.session.execute(statement)}


def sendings(
    *,
    actor: Actor,
    tab: MailTab = MailTab.ALL,
    batch_id: int | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[Sending]:
    """The last sending of each line, newest first; `q` is part of a supplier's name. Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    statement = (
        select(StatementMail, _LOST)
        .join(SettlementLine, SettlementLine.id == StatementMail.line_id)
        .where(_LAST, *_OF_TAB[tab], *_found(batch_id, q))
        .options(
            joinedload(StatementMail.line).joinedload(SettlementLine.supplier),
            joinedload(StatementMail.line).joinedload(SettlementLine.batch),
        )
        .order_by(StatementMail.id.desc())
        .limit(size)
    )
    if before is not None:
        statement = statement.where(StatementMail.id < before)
    return [Sending(mail, gave_up) for mail, gave_up in db.session.execute(statement)]


def counts(*, actor: Actor, batch_id: int | None = None, q: str = "") -> dict[MailTab, int]:
    """How many each tab holds. Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    columns = [
        func.count().filter(*conditions) if conditions else func.count() for conditions in _OF_TAB.values()
    ]
    statement = (
        select(*columns)
        .select_from(StatementMail)
        .join(SettlementLine, SettlementLine.id == StatementMail.line_id)
        .where(_LAST, *_found(batch_id, q))
    )
    return dict(zip(_OF_TAB, db.session.execute(statement).one(), strict=True))


def _found(batch_id: int | None, q: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if batch_id is not None:
        conditions.append(SettlementLine.batch_id == batch_id)
    if q:
        named = select(Supplier.id).where(Supplier.name.icontains(q, autoescape=True))
        conditions.append(SettlementLine.supplier_id.in_(named))
    return conditions


def batch_number(batch_id: int) -> str:
    """For the heading of a list that is filtered by it; empty where there is none."""
    return db.session.scalar(select(SettlementBatch.number).where(SettlementBatch.id == batch_id)) or ""
