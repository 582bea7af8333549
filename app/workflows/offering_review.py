"""What the lead agency decides over services and their prices (R-CAT-5): with a checklist, and kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput
from app.models.catalogue import Offering, OfferingReview, OfferingState, OfferingVersion
from app.models.record import AuditRow
from app.policy import Actor
from app.workflows import offering_versions
from app.workflows.lifecycle import fire
from app.workflows.offering_lifecycle import OFFERING
from app.workflows.offering_versions import latest_version
from app.workflows.offerings import require_selected

NEW, PRICE = "new", "price"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to look at before an approval; `of` says of which: a service, or its new prices."""

    name: str
    label: str
    of: tuple[str, ...] = (NEW, PRICE)


CHECKLIST = (
    Check(name="category", label="분야가 서비스 내용과 맞습니다.", of=(NEW,)),
    Check(name="remote", label="비대면으로 제공하는 서비스이고 지원 제외 대상이 아닙니다.", of=(NEW,)),
    Check(name="words", label="서비스명, 소개, 설명이 사실과 맞고 과장이 없습니다.", of=(NEW,)),
    Check(name="picture", label="대표 이미지와 소개 자료가 알맞습니다.", of=(NEW,)),
    Check(name="evidence", label="가격 증빙의 금액이 요금제와 맞습니다."),
    Check(name="market", label="시장가와 같은 분야의 가격에 견주어 알맞습니다."),
    Check(name="plans", label="요금제의 단위와 이용기간이 분명합니다."),
    Check(name="change", label="가격을 바꾸는 까닭이 증빙에서 확인됩니다.", of=(PRICE,)),
)
REASONS = {
    "evidence_lacking": "가격 증빙에서 요금제의 금액을 확인할 수 없습니다.",
    "evidence_old": "가격 증빙이 오래되었습니다. 최근 6개월 안의 자료를 첨부해 주세요.",
    "price_high": "같은 분야의 가격보다 높습니다. 근거를 더 내거나 가격을 조정해 주세요.",
    "plan_unclear": "요금제의 단위나 이용기간이 분명하지 않습니다.",
    "category_differs": "분야가 서비스 내용과 다릅니다.",
    "not_remote": "비대면 서비스로 볼 수 없습니다.",
    "words_exaggerated": "설명에 사실과 다르거나 확인할 수 없는 내용이 있습니다.",
    "picture_unfit": "대표 이미지나 소개 자료를 다른 것으로 바꿔 주세요.",
}


def kind_of(offering: Offering) -> str:
    """What waits to be decided: new prices of what is sold, else the service."""
    return PRICE if offering.proposed_version_id is not None else NEW


def checklist(kind: str) -> list[Check]:
    return [check for check in CHECKLIST if kind in check.of]


def words(codes: Sequence[str], free: str) -> str:
    """What the supplier reads: the sentences of the reasons, then what was written.

    Raises InvalidInput `reason.code` for an unknown reason.
    """
    if any(code not in REASONS for code in codes):
        text = "목록에 없는 사유입니다. 화면을 새로 고쳐 다시 선택해 주세요."
        raise InvalidInput("reason.code", text, fields={"codes": text})
    return " ".join([*[REASONS[code] for code in codes], *([free.strip()] if free.strip() else [])])


def approve(
    *, actor: Actor, offering_id: int, checks: Collection[str], note: str = "", seen: int | None = None
) -> Offering:
    """Put a service on sale at the prices that were reviewed.

    Every point of the checklist is ticked, or `note` says why not; `seen` is the last row of its trail when
    it was looked at. Raises InvalidInput `offering.unchecked`, Denied, NotFound, Conflict (also
    `offering.changed`).
    """
    ticks = _ticks(NEW, checks, note)
    with transaction() as session:
        offering = _decide(offering_id, "approve", actor=actor)
        _refuse_unseen(offering_id, seen)
        require_selected(offering.supplier_id)
        _refuse_closed(offering)
        version = latest_version(offering_id=offering.id)
        offering_versions.put_on_sale(offering, version)
        offering.published_at = clock.now()
        _keep(offering, version, "approve", actor=actor, checks=ticks, reason=note)
        session.flush()
        return offering


def send_back(
    *, actor: Actor, offering_id: int, reason: str, codes: Sequence[str] = (), checks: Collection[str] = ()
) -> Offering:
    said = words(codes, reason)
    with transaction():
        offering = _decide(offering_id, "send_back", actor=actor, reason=said)
        version = latest_version(offering_id=offering.id)
        _keep(offering, version, "send_back", actor=actor, checks=_told(NEW, checks), reason=said)
        return offering


def suspend(*, actor: Actor, offering_id: int, reason: str) -> Offering:
    """Take a service off the catalogue; open deals go on (R-CAT-5)."""
    return _move(offering_id, "suspend", actor=actor, reason=reason)


def lift(*, actor: Actor, offering_id: int, reason: str) -> Offering:
    """Back to where it was suspended from: what its supplier had stopped stays stopped."""
    with transaction():
        lock(Offering, offering_id)
        action = "lift_stopped" if _was_stopped(offering_id) else "lift"
        return _move(offering_id, action, actor=actor, reason=reason)


def _was_stopped(offering_id: int) -> bool:
    last = (
        select(AuditRow.change["state"][0].astext)
        .where(
            AuditRow.entity == OFFERING.entity,
            AuditRow.entity_id == offering_id,
            AuditRow.action == "suspend",
        )
        .order_by(AuditRow.seq.desc())
        .limit(1)
    )
    return bool(db.session.scalar(last) == OfferingState.PAUSED.value)


def accept_price(
    *, actor: Actor, offering_id: int, checks: Collection[str], note: str = "", seen: int | None = None
) -> Offering:
    """Let the proposed prices hold for deals that begin from now on; ticks and `seen` as in `approve`."""
    ticks = _ticks(PRICE, checks, note)
    with transaction() as session:
        offering = _decide(offering_id, "accept_price", actor=actor)
        _refuse_unseen(offering_id, seen)
        version = offering_versions.proposed(offering)
        offering_versions.put_on_sale(offering, version)
        offering.proposed_version_id = None
        _keep(offering, version, "accept_price", actor=actor, checks=ticks, reason=note)
        session.flush()
        return offering


def decline_price(
    *, actor: Actor, offering_id: int, reason: str, codes: Sequence[str] = (), checks: Collection[str] = ()
) -> Offering:
    said = words(codes, reason)
    with transaction() as session:
        offering = _decide(offering_id, "decline_price", actor=actor, reason=said)
        version = offering_versions.proposed(offering)
        offering.proposed_version_id = None
        _keep(offering, version, "decline_price", actor=actor, checks=_told(PRICE, checks), reason=said)
        session.flush()
        return offering


def _refuse_closed(offering: Offering) -> None:
    """A category that was closed while the service waited takes no new ones (R-CAT-1)."""
    if not offering.category.is_open:
        name = offering.category.name
        text = f"'{name}' 분야는 닫혀서 새 서비스를 받지 않습니다. 분야를 바꾸도록 사유를 적어 반려해 주세요."
        raise Conflict("offering.category_closed", text)


def _refuse_unseen(offering_id: int, seen: int | None) -> None:
    """Sent back by one, changed and handed in again: it is no more what another was looking at.

    Asked after the move, under its lock: the trail has this decision's row and no other. What comes after a
    refusal is rolled back with it.
    """
    trail = select(func.max(AuditRow.seq)).where(
        AuditRow.entity == OFFERING.entity, AuditRow.entity_id == offering_id
    )
    if seen is not None and db.session.scalar(trail) != seen + 1:
        text = "화면을 연 뒤에 내용이 바뀌어 처리하지 않았습니다. 바뀐 내용을 확인한 뒤 다시 결정해 주세요."
        raise Conflict("offering.changed", text)


def _told(kind: str, checks: Collection[str]) -> dict[str, bool]:
    return {check.name: check.name in checks for check in checklist(kind)}


def _ticks(kind: str, checks: Collection[str], note: str) -> dict[str, bool]:
    ticks = _told(kind, checks)
    if not all(ticks.values()) and not note.strip():
        text = "확인하지 않은 항목이 있습니다. 모두 확인하거나, 그대로 승인하는 까닭을 의견에 적어 주세요."
        raise InvalidInput("offering.unchecked", text, fields={"reason": text})
    return ticks


def _move(offering_id: int, action: str, *, actor: Actor, reason: str) -> Offering:
    with transaction():
        offering = _decide(offering_id, action, actor=actor, reason=reason)
        version = db.session.get_one(OfferingVersion, offering.current_version_id or 0)
        _keep(offering, version, action, actor=actor, checks={}, reason=reason)
        return offering


def _decide(offering_id: int, action: str, *, actor: Actor, reason: str | None = None) -> Offering:
    with transaction():
        name = db.session.scalar(select(Offering.name).where(Offering.id == offering_id)) or ""
        stripped = (reason or "").strip() or None
        decided: Offering = fire(
            OFFERING,
            offering_id,
            action,
            actor=actor,
            reason=stripped,
            changes={"reason": stripped},
            name=name,
        )
        return decided


def _keep(
    offering: Offering,
    version: OfferingVersion,
    decision: str,
    *,
    actor: Actor,
    checks: dict[str, bool],
    reason: str,
) -> None:
    """What was decided over which version, with what was ticked."""
    db.session.add(
        OfferingReview(
            offering_id=offering.id,
            version_id=version.id,
            decision=decision,
            checks=checks,
            reason=reason.strip() or None,
            by_id=actor.id,
            by_name=actor.name,
            at=clock.now(),
        )
    )
    db.session.flush()
