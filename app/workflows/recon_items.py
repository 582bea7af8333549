"""Clearing a difference (R-SET-3): whose it is, what was asked and found, and how it ends.

Every act needs a note and stays on record. A difference ends with evidence on file, by two people, or by
itself when a later file accounts for it; two differences of equal sums are matched by hand by two people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, tuple_

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import store
from app.errors import Conflict, InvalidInput, NotFound
from app.models.people import Account
from app.models.statements import (
    ItemAction,
    ItemState,
    ReconAct,
    ReconItem,
    StatementMatch,
)
from app.policy import GRANTS, Actor, Permission
from app.workflows import attachments, lifecycle, record
from app.workflows.attachments import HandedOut
from app.workflows.recon_lifecycle import ITEM
from app.workflows.statements import exclusive

MAX_NOTE = 500


def assign(*, actor: Actor, item_ids: Sequence[int], owner_id: int) -> int:
    """Give open differences to a person who may clear them; returns how many changed hands.

    Raises Denied, InvalidInput `recon.owner` or `recon.nothing_chosen`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    if not item_ids:
        raise InvalidInput("recon.nothing_chosen", "담당자를 정할 건을 선택해 주세요.")
    with transaction() as session:
        owner = session.get(Account, owner_id)
        if owner is None or not owner.is_active or Permission.RECONCILE_WORK not in GRANTS[owner.role]:
            text = "대사를 처리할 수 있는 담당자를 선택해 주세요."
            raise InvalidInput("recon.owner", text, fields={"owner": text})
        rows = [lock(ReconItem, key) for key in sorted(set(item_ids))]
        moved = [row for row in rows if row.state is not ItemState.CLOSED and row.owner_id != owner.id]
        for item in moved:
            change = {"owner_id": (item.owner_id, owner.id)}
            item.owner_id = owner.id
            _write(item, ItemAction.ASSIGN, actor, f"담당자: {owner.name}", change=change)
        return len(moved)


def add_evidence(*, actor: Actor, item_id: int, file_name: str, content: bytes, note: str) -> ReconItem:
    """Keep a paper that explains the difference, by its content (R-FILE-1).

    Raises Denied, NotFound, InvalidInput `document.*` or `recon.note`, Conflict `recon.closed`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    note = checked_note(note)
    incoming = attachments.take_in(file_name=file_name, content=content)
    with transaction():
        item = open_item(item_id)
        change = {"evidence_sha256": (item.evidence_sha256, incoming.sha256)}
        item.evidence_sha256 = incoming.sha256
        _write(
            item,
            ItemAction.EVIDENCE,
            actor,
            note,
            change=change,
            file_name=incoming.file_name,
            content_type=incoming.content_type,
            sha256=incoming.sha256,
        )
        return item


def evidence(*, actor: Actor, act_id: int) -> HandedOut:
    """A paper on file; the look is recorded (R-AUD-0). Raises Denied, NotFound."""
    policy.require(actor, Permission.RECONCILE_VIEW)
    with transaction() as session:
        act = session.get(ReconAct, act_id)
        if act is None or act.sha256 is None:
            raise NotFound()
        item = lock(ReconItem, act.item_id)
        record.write(ITEM.entity, item.id, "read", actor=actor, change={"evidence": (None, act.sha256)})
        found = str(act.file_name), str(act.content_type), act.sha256
    return HandedOut(found[0], found[1], store.read(found[2]))


def close(*, actor: Actor, item_id: int, reason: str) -> ReconItem:
    """End a difference by its evidence. Raises as `lifecycle.fire`, and Conflict `recon.no_evidence`."""
    policy.require(actor, Permission.RECONCILE_WORK)
    reason = checked_note(reason)
    with transaction():
        item = lock(ReconItem, item_id)
        if item.state is ItemState.OPEN and item.evidence_sha256 is None:
            raise Conflict(
                "recon.no_evidence",
                "등록한 증빙이 없어 혼자서는 종결할 수 없습니다. 증빙을 등록하거나, '종결 요청'으로 다른 "
                "담당자의 확인을 받아 주세요.",
            )
        changes = {"closed_by_id": actor.id, "closed_at": clock.now(), "note": reason}
        return _fire(item_id, "close", actor, reason, changes)


def propose(*, actor: Actor, item_id: int, reason: str) -> ReconItem:
    """Ask a second person to end a difference without evidence. Raises as `lifecycle.fire`."""
    policy.require(actor, Permission.RECONCILE_WORK)
    reason = checked_note(reason)
    changes = {"proposed_by_id": actor.id, "proposed_at": clock.now()}
    with transaction():
        return _fire(item_id, "propose", actor, reason, changes)


def propose_match(*, actor: Actor, item_id: int, other_id: int, reason: str) -> ReconItem:
    """Ask a second person to match a line and a payment of ours that are both left over.

    Of one system, both charged or both cancelled, of the same won: the day may differ, the amount never.
    Raises as `lifecycle.fire`, and Conflict `recon.no_match`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    reason = checked_note(reason)
    with transaction():
        items = _locked(item_id, other_id)
        if not _fit(items):
            raise Conflict(
                "recon.no_match",
                "두 건을 연결할 수 없습니다. 같은 결제 기관의 같은 금액이고, 한쪽은 명세에만 다른 쪽은 우리 "
                "장부에만 있어야 합니다. 화면을 새로 고쳐 연결할 수 있는 건을 확인해 주세요.",
            )
        for item in items:
            partner = other_id if item.id == item_id else item_id
            changes = {"proposed_by_id": actor.id, "proposed_at": clock.now(), "with_item_id": partner}
            _fire(item.id, "propose", actor, reason, changes, act=ItemAction.MATCH)
        return next(item for item in items if item.id == item_id)


def confirm(*, actor: Actor, item_id: int, reason: str) -> ReconItem:
    """End what another person asked to end; what was to be matched by hand is matched.

    Raises as `lifecycle.fire`, and Conflict `recon.matched_meanwhile`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    reason = checked_note(reason)
    with transaction():
        items = _with_partner(item_id)
        if any(item.with_item_id for item in items):
            _refuse_matched(items)
        changes = {"closed_by_id": actor.id, "closed_at": clock.now(), "note": reason}
        for item in items:
            _fire(item.id, "confirm", actor, reason, changes)
        if len(items) == 2:
            _match_by_hand(items)
        return next(item for item in items if item.id == item_id)


def send_back(*, actor: Actor, item_id: int, reason: str) -> ReconItem:
    """Turn a request down: the difference is open again. Raises as `lifecycle.fire`."""
    policy.require(actor, Permission.RECONCILE_WORK)
    reason = checked_note(reason)
    changes = dict.fromkeys(("proposed_by_id", "proposed_at", "with_item_id"))
    with transaction():
        items = _with_partner(item_id)
        for item in items:
            if item.id == item_id or item.state is ItemState.PROPOSED:
                _fire(item.id, "send_back", actor, reason, changes)
        return next(item for item in items if item.id == item_id)


def reopen(*, actor: Actor, item_id: int, reason: str) -> ReconItem:
    """Open a difference that a person closed; not one that both books account for.

    Raises as `lifecycle.fire`, and Conflict `recon.settled`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    reason = checked_note(reason)
    with transaction():
        item = lock(ReconItem, item_id)
        if item.settled_by_file_id is not None or item.with_item_id is not None:
            raise Conflict("recon.settled", "양쪽 장부가 맞는 것으로 확인된 건이라 다시 열 수 없습니다.")
        cleared = ("closed_by_id", "closed_at", "note", "proposed_by_id", "proposed_at")
        return _fire(item_id, "reopen", actor, reason, dict.fromkeys(cleared))


def checked_note(note: str) -> str:
    """Raises InvalidInput `recon.note`."""
    note = note.strip()
    if not 1 <= len(note) <= MAX_NOTE:
        text = f"처리 내용을 {MAX_NOTE}자까지 입력해 주세요."
        raise InvalidInput("recon.note", text, fields={"reason": text, "note": text})
    return note


def open_item(item_id: int) -> ReconItem:
    """Locked. Raises NotFound, Conflict `recon.closed`."""
    item = lock(ReconItem, item_id)
    if item.state is ItemState.CLOSED:
        raise Conflict("recon.closed", "이미 종결한 건입니다. 화면을 새로 고쳐 현재 상태를 확인해 주세요.")
    return item


def note_act(item: ReconItem, action: ItemAction, actor: Actor, note: str, **more: Any) -> int:
    """One act on a locked difference, on its page and in the trail; its number in the trail."""
    return _write(item, action, actor, note, change={}, **more)


def _write(
    item: ReconItem,
    action: ItemAction,
    actor: Actor,
    note: str,
    *,
    change: dict[str, tuple[Any, Any]],
    **more: Any,
) -> int:
    _keep(item.id, action, actor, note, **more)
    return record.write(ITEM.entity, item.id, action.value, actor=actor, change=change, reason=note)


def _keep(item_id: int, action: ItemAction, actor: Actor, note: str, **more: Any) -> None:
    about = {"item_id": item_id, "action": action, "note": note, "by_id": actor.id, "by_name": actor.name}
    db.session.add(ReconAct(**about, at=clock.now(), **more))
    db.session.flush()


def _fire(
    item_id: int,
    action: str,
    actor: Actor,
    reason: str,
    changes: dict[str, Any],
    act: ItemAction | None = None,
) -> ReconItem:
    """Move along an edge, which writes the trail, and keep the act beside the others."""
    item: ReconItem = lifecycle.fire(ITEM, item_id, action, actor=actor, reason=reason, changes=changes)
    _keep(item_id, act or ItemAction(action), actor, reason)
    return item


def _locked(*item_ids: int) -> list[ReconItem]:
    """In the order of their keys, whoever asks."""
    exclusive()
    return [lock(ReconItem, key) for key in sorted(set(item_ids))]


def _with_partner(item_id: int) -> list[ReconItem]:
    """The difference, and the one that it is to be matched with: the two move together."""
    exclusive()
    partner = db.session.scalar(select(ReconItem.with_item_id).where(ReconItem.id == item_id))
    return [lock(ReconItem, key) for key in sorted({item_id, partner or item_id})]


def _fit(items: list[ReconItem]) -> bool:
    """Whether one is a line without a payment, and the other a payment without a line, of the same won."""
    if len(items) != 2 or any(item.state is not ItemState.OPEN for item in items):
        return False
    lines = [item for item in items if item.line_id is not None and not item.ours]
    ours = [item for item in items if item.line_id is None]
    return (
        len(lines) == len(ours) == 1
        and lines[0].system is ours[0].system
        and lines[0].is_cancel is ours[0].is_cancel
        and lines[0].theirs == ours[0].ours
    )


def _refuse_matched(items: list[ReconItem]) -> None:
    """A file that came meanwhile may have accounted for one of the two."""
    line = [item.line_id for item in items if item.line_id is not None]
    ours = [(item.payment_id, item.is_cancel) for item in items if item.line_id is None]
    matched = select(StatementMatch.line_id).where(
        StatementMatch.line_id.in_(line)
        | tuple_(StatementMatch.payment_id, StatementMatch.is_cancel).in_(ours)
    )
    if db.session.scalars(matched).first() is not None:
        raise Conflict(
            "recon.matched_meanwhile", "그사이 다른 거래와 대조되었습니다. 연결 요청을 반려해 주세요."
        )


def _match_by_hand(items: list[ReconItem]) -> None:
    line = next(item for item in items if item.line_id is not None)
    ours = next(item for item in items if item.line_id is None)
    match = StatementMatch(
        line_id=line.line_id,
        payment_id=ours.payment_id,
        is_cancel=ours.is_cancel,
    )
    db.session.add(match)
    db.session.flush()
