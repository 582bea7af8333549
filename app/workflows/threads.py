"""What the two sides of a deal write to each other, with files (R-DEAL-2a, R-FILE-1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.korean import way_mark
from app.models.deals import Deal, DealState
from app.models.record import AuditRow
from app.models.threads import DealFile, DealMessage, DealSide
from app.policy import Actor, Permission
from app.workflows import attachments, record
from app.workflows.attachments import Incoming

MAX_TEXT = 2000
MOST_FILES = 5
MOST_MEGABYTES = 10
"""Of one file: five of them stay below what one request may carry."""
AFTER_THE_END = timedelta(days=30)
"""A deal that came to nothing is talked about for so long; a paid one, as long as it stands."""
ENDED = (DealState.TURNED_DOWN, DealState.LAPSED, DealState.WITHDRAWN, DealState.PAYMENT_CANCELLED)
_WRITES = {DealSide.COMPANY: Permission.DEAL_REQUEST, DealSide.SUPPLIER: Permission.DEAL_ANSWER}
_ENTITY = "deal_message"


def side_of(actor: Actor) -> DealSide | None:
    """On which side of its deals a person stands; staff on none."""
    return next((side for side, permission in _WRITES.items() if actor.may(permission)), None)


def open_until(deal: Deal) -> datetime | None:
    """From when the thread can only be read; None while the deal is under way or paid."""
    if deal.state not in ENDED or deal.closed_at is None:
        return None
    return clock.end_of(clock.korean_day(deal.closed_at + AFTER_THE_END))


def closed_text(deal: Deal) -> str | None:
    """Why nothing more can be written, and what to do; None while the thread is open."""
    until = open_until(deal)
    if until is None or clock.now() < until:
        return None
    return (
        f"'{deal.state.label}'{way_mark(deal.state.label)} 끝난 지 {AFTER_THE_END.days}일이 지나 "
        "메시지를 더 보낼 수 없습니다. 주고받은 메시지와 파일은 계속 볼 수 있고, "
        "새로 상담하려면 거래상담을 다시 요청해야 합니다."
    )


def post(
    *, actor: Actor, deal_id: int, text: str, token: str, files: Sequence[tuple[str, bytes]] = ()
) -> DealMessage:
    """Send a message with up to five files (name, content); the other side is told, once for each message.

    `token` comes with the form: the same one again answers with the message that stands, whatever else it
    carries. Raises NotFound, Denied, Conflict `thread.closed`, InvalidInput with the fields `text`, `files`.
    """
    side = side_of(actor)
    deal = db.session.get(Deal, deal_id)
    if deal is None:
        raise NotFound()
    policy.require_own(actor, deal)
    if side is None:
        raise Denied()
    text = _checked(text, files)
    incoming = [_take_in(name, content) for name, content in files]
    with transaction() as session:
        deal = lock(Deal, deal_id)
        if (earlier := _sent_before(deal_id, side, token)) is not None:
            return earlier
        if (closed := closed_text(deal)) is not None:
            raise Conflict("thread.closed", closed)
        message = DealMessage(
            deal_id=deal_id, side=side, author_id=actor.id, author_name=actor.name, text=text, at=clock.now()
        )
        message.files = [DealFile(**vars(file)) for file in incoming]
        session.add(message)
        session.flush()
        _write(message, token, actor)
        _tell(deal, message)
        return message


def _checked(text: str, files: Sequence[tuple[str, bytes]]) -> str:
    # A browser counts a line's end as one letter and sends it as two.
    text = text.strip().replace("\r\n", "\n")
    if not text and not files:
        wrong = "보낼 내용을 입력하거나 파일을 첨부해 주세요."
        raise InvalidInput("thread.empty", wrong, fields={"text": wrong})
    if len(text) > MAX_TEXT:
        wrong = f"메시지는 {MAX_TEXT:,}자까지 쓸 수 있습니다. 지금은 {len(text):,}자입니다."
        raise InvalidInput("thread.text", wrong, fields={"text": wrong})
    if len(files) > MOST_FILES:
        wrong = f"파일은 한 번에 {MOST_FILES}개까지 첨부할 수 있습니다. 나머지는 다음 메시지로 보내 주세요."
        raise InvalidInput("thread.files", wrong, fields={"files": wrong})
    return text


def _take_in(name: str, content: bytes) -> Incoming:
    if len(content) >= MOST_MEGABYTES * 1024 * 1024:
        wrong = f"{name}: 파일이 너무 큽니다. {MOST_MEGABYTES}MB 미만의 파일만 첨부할 수 있습니다."
        raise InvalidInput("document.size", wrong, fields={"files": wrong})
    try:
        return attachments.take_in(file_name=name, content=content)
    except InvalidInput as refusal:
        wrong = f"{name}: {refusal.text}"
        raise InvalidInput(refusal.code, wrong, fields={"files": wrong}) from refusal


def _sent_before(deal_id: int, side: DealSide, token: str) -> DealMessage | None:
    """The message that this form has already sent; the deal's lock makes two presses come in turn."""
    if not token:
        return None
    sent = (
        select(AuditRow.entity_id)
        .join(DealMessage, DealMessage.id == AuditRow.entity_id)
        .where(AuditRow.entity == _ENTITY, DealMessage.deal_id == deal_id, DealMessage.side == side)
        .where(AuditRow.change["form"][1].astext == _digest(token))
    )
    found = db.session.scalar(sent)
    return None if found is None else db.session.get_one(DealMessage, found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(message: DealMessage, token: str, actor: Actor) -> None:
    """The trail proves what was written and sent without repeating it."""
    change = {
        "deal_id": (None, message.deal_id),
        "text_sha256": (None, _digest(message.text)),
        "files_sha256": (None, [file.sha256 for file in message.files]),
        "form": (None, _digest(token) if token else None),
    }
    record.write(_ENTITY, message.id, "send", actor=actor, change=change)


def _tell(deal: Deal, message: DealMessage) -> None:
    by_company = message.side is DealSide.COMPANY
    sender = deal.company.name if by_company else deal.supplier.name
    attached = f" (첨부파일 {len(message.files)}개)" if message.files else ""
    record.tell(
        [
            record.Message(
                key=f"deal_message:{message.id}",
                text=f"{sender}에서 '{deal.offering.name}' 거래에 메시지를 보냈습니다.{attached}",
                company_id=None if by_company else deal.company_id,
                supplier_id=deal.supplier_id if by_company else None,
                link=f"/supply/deals/{deal.id}" if by_company else f"/deals/{deal.id}",
            )
        ]
    )
