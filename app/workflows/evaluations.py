"""서비스 정산(만족도): one evaluation per paid deal, never changed, which feeds 서비스 평점 (R-EVA-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.catalogue import Offering
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.settlements import Evaluation
from app.policy import Actor, Permission, Role
from app.workflows import record, usage_warnings

COMMENT_MAX = 1_000
CRITERIA: dict[str, str] = Evaluation.CRITERIA


@dataclass(frozen=True)
class PublicEvaluation:
    """As the service's page shows it: the company's name masked."""

    id: int
    company: str
    scores: dict[str, int]
    """By the criterion's Korean name."""
    average: str
    comment: str
    at: datetime


def write(*, actor: Actor, deal_id: int, scores: Mapping[str, int], comment: str) -> Evaluation:
    """Evaluate a paid deal: five criteria from 1 to 5 and a comment, once and for good.

    Raises InvalidInput, NotFound (another's deal), Conflict `evaluation.not_paid` and `evaluation.exists`.
    """
    policy.require(actor, Permission.EVALUATION_WRITE)
    comment = comment.strip()
    _check(scores, comment)
    with transaction() as session:
        deal = lock(Deal, deal_id)
        policy.require_own(actor, deal)
        if deal.state is not DealState.PAID:
            raise Conflict(
                "evaluation.not_paid",
                f"현재 상태가 '{deal.state.label}'이라서 평가할 수 없습니다. "
                "결제완료된 거래만 평가할 수 있습니다.",
            )
        if session.scalar(select(Evaluation.id).where(Evaluation.deal_id == deal_id)):
            raise Conflict(
                "evaluation.exists", "이미 평가한 거래입니다. 평가는 한 번만 할 수 있고 고칠 수 없습니다."
            )
        evaluation = Evaluation(
            deal_id=deal_id,
            company_id=deal.company_id,
            supplier_id=deal.supplier_id,
            offering_id=deal.offering_id,
            comment=comment,
            at=clock.now(),
            **{name: scores[name] for name in CRITERIA},
        )
        session.add(evaluation)
        session.flush()
        session.execute(
            update(Offering)
            .where(Offering.id == deal.offering_id)
            .values(rating_sum=Offering.rating_sum + evaluation.total, rating_count=Offering.rating_count + 1)
        )
        _tell(actor, evaluation)
        return evaluation


def _tell(actor: Actor, evaluation: Evaluation) -> None:
    change = {name: (None, getattr(evaluation, name)) for name in CRITERIA}
    record.write("evaluation", evaluation.id, "write", actor=actor, change=change)
    message = record.Message(
        key=f"evaluation:{evaluation.id}",
        supplier_id=evaluation.supplier_id,
        text=f"수요기업이 서비스를 평가했습니다. 평점 {evaluation.average}점",
        link=f"/supply/evaluations/{evaluation.id}",
    )
    record.tell([message])
    # Who evaluates a service has used it: a warning of no use is over (R-SET-1a).
    usage_warnings.end_where_used([evaluation.deal_id])


def _check(scores: Mapping[str, int], comment: str) -> None:
    fields = {
        name: f"'{label}' 점수를 1점에서 5점 사이로 골라 주세요."
        for name, label in CRITERIA.items()
        if type(scores.get(name)) is not int or not 1 <= scores[name] <= 5
    }
    if not comment:
        fields["comment"] = "평가 의견을 입력해 주세요."
    elif len(comment) > COMMENT_MAX:
        fields["comment"] = (
            f"평가 의견은 {COMMENT_MAX:,}자까지 쓸 수 있습니다. 지금은 {len(comment):,}자입니다."
        )
    if fields:
        raise InvalidInput("evaluation.invalid", "입력한 내용을 다시 확인해 주세요.", fields=fields)


def _company(actor: Actor) -> int:
    policy.require(actor, Permission.DEMAND_VIEW)
    if actor.company_id is None:
        raise NotFound()
    return actor.company_id


def _open_deals(company_id: int) -> list[ColumnElement[bool]]:
    evaluated = select(Evaluation.id).where(Evaluation.deal_id == Deal.id).exists()
    return [Deal.company_id == company_id, Deal.state == DealState.PAID, ~evaluated]


def waiting(*, actor: Actor, before: int | None = None, size: int = 20) -> list[Deal]:
    """평가대기: the company's paid deals without an evaluation, newest first; `before` is a deal's id."""
    statement = select(Deal).where(*_open_deals(_company(actor)))
    if before is not None:
        statement = statement.where(Deal.id < before)
    statement = statement.options(joinedload(Deal.offering), joinedload(Deal.supplier))
    return list(db.session.execute(statement.order_by(Deal.id.desc()).limit(size)).scalars())


def done(*, actor: Actor, before: int | None = None, size: int = 20) -> list[Evaluation]:
    """평가완료: the company's evaluations, newest first; `before` is an evaluation's id."""
    statement = select(Evaluation).where(Evaluation.company_id == _company(actor))
    if before is not None:
        statement = statement.where(Evaluation.id < before)
    deal = joinedload(Evaluation.deal)
    statement = statement.options(deal.joinedload(Deal.offering), deal.joinedload(Deal.supplier))
    return list(db.session.execute(statement.order_by(Evaluation.id.desc()).limit(size)).scalars())


def counts(*, actor: Actor) -> tuple[int, int]:
    """How many wait and how many are done."""
    company_id = _company(actor)
    open_deals = select(func.count()).select_from(Deal).where(*_open_deals(company_id))
    evaluated = select(func.count()).select_from(Evaluation).where(Evaluation.company_id == company_id)
    row = db.session.execute(select(open_deals.scalar_subquery(), evaluated.scalar_subquery())).one()
    return row[0], row[1]


def get(*, actor: Actor, evaluation_id: int) -> Evaluation:
    """One evaluation, for the company that wrote it, its supplier, or the lead agency. Raises NotFound."""
    deal = joinedload(Evaluation.deal)
    statement = (
        select(Evaluation)
        .where(Evaluation.id == evaluation_id)
        .options(deal.joinedload(Deal.offering), deal.joinedload(Deal.supplier))
    )
    evaluation = db.session.execute(statement).scalar_one_or_none()
    if evaluation is None:
        raise NotFound()
    policy.require_own(actor, evaluation)
    if actor.role not in (Role.DEMAND, Role.SUPPLIER):
        policy.require(actor, Permission.DEAL_VIEW)
    return evaluation


def of_deal(*, actor: Actor, deal_id: int) -> Evaluation | None:
    """The company's own evaluation of a deal, if it has written one."""
    statement = select(Evaluation).where(
        Evaluation.deal_id == deal_id, Evaluation.company_id == _company(actor)
    )
    return db.session.execute(statement).scalar_one_or_none()


def of_offering(offering_id: int, /, *, before: int | None = None, size: int = 10) -> list[PublicEvaluation]:
    """서비스 평점 of a service, newest first. Public: names are masked."""
    statement = (
        select(Evaluation, Company.name)
        .join(Company, Company.id == Evaluation.company_id)
        .where(Evaluation.offering_id == offering_id)
        .order_by(Evaluation.id.desc())
        .limit(size)
    )
    if before is not None:
        statement = statement.where(Evaluation.id < before)
    return [
        PublicEvaluation(
            id=row.id,
            company=masked_company(name),
            scores={label: getattr(row, field) for field, label in CRITERIA.items()},
            average=row.average,
            comment=row.comment,
            at=row.at,
        )
        for row, name in db.session.execute(statement)
    ]


def masked_company(name: str) -> str:
    """`주식회사 가나다라` as `주식회사 가***`: the legal form stays, of the name its first letter."""
    for form in ("주식회사", "유한회사", "㈜", "(주)"):
        if name.startswith(form):
            rest = name[len(form) :]
            blank = " " if rest.startswith(" ") else ""
            return f"{form}{blank}{_masked(rest.strip())}"
    return _masked(name)


def _masked(name: str) -> str:
    return name[:1] + "*" * max(len(name) - 1, 2)
