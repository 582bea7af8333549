"""The application's way through screening (R-SCR-1 to R-SCR-3b); the budget's part is budget.py."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import DocumentKind
from app.models.people import Account
from app.models.programme import Programme, SelectionOrder
from app.policy import Actor, Permission, Role
from app.workflows import company_edits, lifecycle, record, required_papers, rounds, screening_reasons
from app.workflows.lifecycle import Edge, Lifecycle, Tell

MOST_NOTE = 1_000

_REJECT = {
    "action": "reject",
    "label": "탈락",
    "target": State.REJECTED,
    "permission": Permission.SCREENING_DECIDE,
    "needs_reason": True,
    "confirm": "심사탈락은 되돌릴 수 없습니다. 이 기업은 올해 사업에 다시 신청할 수 없습니다. "
    "탈락으로 결정할까요?",
    "tell": (Tell(to="company", text="심사 결과 심사탈락되었습니다. 사유: {reason}"),),
}

APPLICATION = Lifecycle(
    "application",
    Application,
    # 승인 from the start: selected at K-Startup with an instrument chosen (R-KST-2).
    (State.NOT_APPLIED, State.SCREENING, State.APPROVED),
    (
        Edge(
            action="apply",
            label="사업 신청",
            source=State.NOT_APPLIED,
            target=State.SCREENING,
            permission=Permission.APPLICATION_SUBMIT,
            tell=(Tell(to="company", text="사업 신청이 접수되어 심사중입니다."),),
        ),
        Edge(
            action="hold",
            label="보류",
            source=State.SCREENING,
            target=State.ON_HOLD,
            permission=Permission.SCREENING_DECIDE,
            needs_reason=True,
            tell=(
                Tell(to="company", text="심사가 보류되었습니다. 고쳐서 다시 제출해 주세요. 사유: {reason}"),
            ),
        ),
        Edge(
            action="resubmit",
            label="수정 제출",
            source=State.ON_HOLD,
            target=State.SCREENING,
            permission=Permission.APPLICATION_SUBMIT,
        ),
        Edge(
            action="screen",
            label="심사확정",
            source=State.SCREENING,
            target=State.SCREENED,
            permission=Permission.SCREENING_DECIDE,
            tell=(Tell(to="company", text="심사확정되었습니다. 예산이 확정되면 바우처를 쓸 수 있습니다."),),
        ),
        Edge(source=State.SCREENING, **_REJECT),  # type: ignore[arg-type]
        Edge(source=State.ON_HOLD, **_REJECT),  # type: ignore[arg-type]
        Edge(
            action="approve",
            label="예산확정",
            source=State.SCREENED,
            target=State.APPROVED,
            permission=Permission.BUDGET_CONFIRM,
            other_than=("screened_by_id",),
            confirm="예산을 확정하면 바우처가 만들어집니다. 예산확정할까요?",
            tell=(
                Tell(
                    to="company",
                    text="예산이 확정되어 승인되었습니다. '바우처 신청'에서 결제수단을 발급받아 주세요.",
                ),
            ),
        ),
        Edge(
            action="send_back",
            label="반송",
            source=State.SCREENED,
            target=State.SCREENING,
            permission=Permission.BUDGET_CONFIRM,
            needs_reason=True,
            other_than=("screened_by_id",),
        ),
    ),
)


def of_company(company_id: int) -> Application:
    """Raises NotFound."""
    found = db.session.scalar(select(Application).where(Application.company_id == company_id))
    if found is None:
        raise NotFound("application.none", "신청 내역이 없습니다.")
    return found


def own(*, actor: Actor) -> Application:
    if actor.company_id is None:
        raise NotFound("application.none", "신청 내역이 없습니다.")
    return of_company(actor.company_id)


def apply(*, actor: Actor) -> Application:
    """'사업 신청' of a company from K-Startup (R-KST-3).

    Raises InvalidInput `application.incomplete`, Ineligible, Conflict, NotFound.
    """
    application_id = own(actor=actor).id
    lacking = company_edits.missing_for_application(actor=actor)
    if lacking:
        raise InvalidInput(
            "application.incomplete", f"사업 신청 전에 다음을 마쳐 주세요: {', '.join(lacking)}"
        )
    company_edits.refuse_ineligible(actor=actor)
    company_edits.ask_tax_office(actor=actor)
    return _enter(application_id, "apply", actor=actor)


def resubmit(*, actor: Actor) -> Application:
    """Back into the queue, at its end; the tax office is asked for a number of which it said nothing so far.

    Raises Ineligible (tax_office.refuse_closed), Conflict, NotFound.
    """
    application = own(actor=actor)
    if application.state is State.ON_HOLD and application.company.tax_office_state is None:
        company_edits.ask_tax_office(actor=actor)
    return _enter(application.id, "resubmit", actor=actor)


def _enter(application_id: int, action: str, *, actor: Actor) -> Application:
    changes = {"submitted_at": clock.now()}
    with transaction():
        fired = lifecycle.fire(APPLICATION, application_id, action, actor=actor, changes=changes)
        rounds.enter([application_id])
    return fired  # type: ignore[no-any-return]


def hold(
    *,
    actor: Actor,
    application_id: int,
    reason: str,
    marks: Sequence[str] = (),
    codes: Sequence[str] = (),
    override: str = "",
) -> Application:
    """'보류' (R-SCR-3a): `marks` names the fields and documents to mend, `codes` the reasons of the list.

    `override`: why a manager decides what somebody else has in hand. Raises as `fire`, and Conflict
    `application.assigned_elsewhere`, InvalidInput `override_missing`, `reason.code`, `marks.unknown`.
    """
    words = screening_reasons.words(codes, reason)
    _require_known(marks)
    changes: dict[str, object] = {"marks": list(marks)}
    return _decide(
        application_id, "hold", actor=actor, reason=words, changes=changes, codes=codes, override=override
    )


def _require_known(marks: Sequence[str]) -> None:
    known = {*company_edits.ALSO_EDITABLE, *[kind.value for kind in DocumentKind]}
    if not known.issuperset(marks):
        text = "고칠 항목으로 표시할 수 없는 항목이 있습니다. 화면을 새로 고쳐 다시 선택해 주세요."
        raise InvalidInput("marks.unknown", text, fields={"marks": text})


def screen(*, actor: Actor, application_id: int, override: str = "") -> Application:
    """'심사확정'. Raises NotFound, Denied, Conflict, as `hold`.

    Conflict also `application.score_missing`, `application.documents_missing` (R-JOIN-2).
    """
    return _decide(application_id, "screen", actor=actor, changes=_screened(actor), override=override)


def screen_many(*, actor: Actor, application_ids: Sequence[int]) -> list[int]:
    """'심사확정' of many of one's own agency, by a manager (R-ROLE-3). Returns those done.

    Left out is what cannot be: another state, in somebody else's hands (whom only a reason overrides),
    nobody's score where the programme selects by score, a required document missing.
    """
    policy.require(actor, Permission.SCREENING_BULK)
    scored = select(Programme.id).where(Programme.selection_order == SelectionOrder.SCORE)
    also = [
        Application.agency_id == actor.agency_id,
        or_(Application.score.is_not(None), Application.programme_id.not_in(scored)),
        or_(Application.assigned_to_id.is_(None), Application.assigned_to_id == actor.id),
    ]
    with transaction():
        lacking = required_papers.lacking(application_ids)
        done = lifecycle.fire_many(
            APPLICATION,
            [application_id for application_id in application_ids if application_id not in lacking],
            "screen",
            actor=actor,
            source=State.SCREENING,
            changes=_screened(actor),
            also=also,
        )
        rounds.leave(done, "screen", actor=actor)
    return done


def _screened(actor: Actor) -> dict[str, object]:
    return {"screened_by_id": actor.id, "screened_at": clock.now(), "marks": []}


def reject(
    *, actor: Actor, application_id: int, reason: str, codes: Sequence[str] = (), override: str = ""
) -> Application:
    """'심사탈락', final (R-JOIN-6). Raises as `hold`."""
    words = screening_reasons.words(codes, reason)
    return _decide(
        application_id, "reject", actor=actor, reason=words, changes={}, codes=codes, override=override
    )


def _decide(
    application_id: int,
    action: str,
    *,
    actor: Actor,
    reason: str | None = None,
    changes: dict[str, object],
    codes: Sequence[str] = (),
    override: str = "",
) -> Application:
    kept = {**changes, "reason": (reason or "").strip() or None, "reason_codes": list(codes)}
    with transaction():
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        fired = lifecycle.fire(APPLICATION, application_id, action, actor=actor, reason=reason, changes=kept)
        _require_hands(application, actor, override)
        if action == "screen":
            _require_complete(application)
        rounds.leave([application_id], action, actor=actor, reason_codes=codes)
    return fired  # type: ignore[no-any-return]


def _require_hands(application: Application, actor: Actor, override: str) -> None:
    """A case in somebody else's hands is theirs; a manager may override, and says why (R-ROLE-3)."""
    if application.assigned_to_id in (None, actor.id):
        return
    holder = db.session.get_one(Account, application.assigned_to_id)
    if actor.role is not Role.MANAGER:
        raise Conflict(
            "application.assigned_elsewhere",
            f"{holder.name}님이 맡은 건입니다. 관리자에게 배정을 바꿔 달라고 요청해 주세요.",
        )
    if not override.strip():
        text = f"{holder.name}님이 맡은 건을 대신 처리하는 사유를 입력해 주세요."
        raise InvalidInput("override_missing", text, fields={"override": text})
    record.write("application", application.id, "override", actor=actor, reason=override.strip())


def _require_complete(application: Application) -> None:
    """Nothing is confirmed without its papers, or without points where they select (R-JOIN-2, R-JOIN-7a)."""
    lacks = required_papers.lacking([application.id]).get(application.id)
    if lacks:
        raise Conflict(
            "application.documents_missing",
            f"제출되지 않은 서류가 있어 심사확정할 수 없습니다: {', '.join(kind.label for kind in lacks)}. "
            "보류하고 서류를 요청해 주세요.",
        )
    programme = db.session.get_one(Programme, application.programme_id)
    if programme.selection_order is SelectionOrder.SCORE and application.score is None:
        raise Conflict(
            "application.score_missing", "이 사업은 평가점수 순으로 선정합니다. 먼저 점수를 입력해 주세요."
        )


def set_score(*, actor: Actor, application_id: int, score: int) -> Application:
    """Points of the screening, 0 to 100 (R-JOIN-7a). Raises InvalidInput, Conflict, Denied, NotFound."""
    policy.require(actor, Permission.SCREENING_DECIDE)
    if not 0 <= score <= 100:
        text = "점수는 0에서 100 사이의 정수로 입력해 주세요."
        raise InvalidInput("application.score", text, fields={"score": text})
    with transaction():
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        if application.state not in (State.SCREENING, State.ON_HOLD):
            APPLICATION.pick("screen", application.state)
        if application.score != score:
            change = {"score": (application.score, score)}
            application.score = score
            record.write("application", application.id, "score", actor=actor, change=change)
        return application


def add_note(*, actor: Actor, application_id: int, text: str) -> Application:
    """A note among colleagues, in the case's history; the company does not see it (R-SCR-3).

    Raises InvalidInput `application.note`, Denied, NotFound.
    """
    policy.require(actor, Permission.SCREENING_DECIDE)
    words = text.strip()
    if not 0 < len(words) <= MOST_NOTE:
        told = f"메모를 {MOST_NOTE:,}자 안에서 입력해 주세요."
        raise InvalidInput("application.note", told, fields={"note": told})
    with transaction():
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        record.write("application", application.id, "note", actor=actor, reason=words)
        return application


def clear_flag(*, actor: Actor, application_id: int) -> Application:
    """The agency has looked at an edit made after 심사확정 (R-SCR-2)."""
    policy.require(actor, Permission.SCREENING_DECIDE)
    with transaction():
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        if application.flagged_at is not None:
            change = {"flagged_at": (application.flagged_at, None)}
            application.flagged_at = None
            record.write("application", application.id, "clear_flag", actor=actor, change=change)
        return application
