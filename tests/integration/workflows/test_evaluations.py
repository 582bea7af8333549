"""R-EVA-1: one evaluation per paid deal, never changed; the average feeds 서비스 평점."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Offering
from app.models.deals import DealState
from app.models.payments import Payment
from app.policy import Actor, Role
from app.workflows import evaluations, messages, offerings_reads
from tests import factories
from tests.settled import make_paid

pytestmark = pytest.mark.usefixtures("tx")
SCORES = {"quality": 5, "usability": 4, "support": 4, "price": 3, "recommend": 5}


@pytest.fixture
def payment(tx: object) -> Payment:
    return make_paid(factories.make_programme(), factories.make_supplier())


@pytest.fixture
def buyer(payment: Payment) -> Actor:
    return factories.make_actor(Role.DEMAND, company_id=payment.company_id)


def test_written_once_it_feeds_the_rating(payment: Payment, buyer: Actor) -> None:
    assert [deal.id for deal in evaluations.waiting(actor=buyer)] == [payment.deal_id]
    assert evaluations.counts(actor=buyer) == (1, 0)
    written = evaluations.write(
        actor=buyer, deal_id=payment.deal_id, scores=SCORES, comment="  잘 쓰고 있습니다. "
    )
    assert (written.total, written.average, written.comment) == (21, "4.2", "잘 쓰고 있습니다.")
    offering = db.session.get_one(Offering, payment.deal.offering_id, populate_existing=True)
    assert (offering.rating_sum, offering.rating_count) == (21, 1)
    assert offerings_reads.rating_text(offering) == "4.2"
    assert evaluations.waiting(actor=buyer) == [] and evaluations.counts(actor=buyer) == (0, 1)
    [done] = evaluations.done(actor=buyer)
    assert done.id == written.id and done.deal.offering.name == offering.name
    with pytest.raises(Conflict) as again:
        evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=SCORES, comment="다시")
    assert again.value.code == "evaluation.exists"
    assert db.session.get_one(Offering, offering.id, populate_existing=True).rating_count == 1


def test_the_database_itself_refuses_a_second_one(payment: Payment, buyer: Actor) -> None:
    evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=SCORES, comment="좋음")
    copy = text("""INSERT INTO evaluation (deal_id, company_id, supplier_id, offering_id, quality, usability,
                     support, price, recommend, comment, at)
                   SELECT deal_id, company_id, supplier_id, offering_id, 1, 1, 1, 1, 1, '', at
                     FROM evaluation""")
    with pytest.raises(Exception, match="uq_evaluation_deal_id"):
        db.session.execute(copy)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quality": 0}, "quality"),
        ({"price": 6}, "price"),
        ({"support": "3"}, "support"),
        ({"recommend": None}, "recommend"),
        ({"usability": True}, "usability"),
    ],
)
def test_scores_run_from_1_to_5(
    payment: Payment, buyer: Actor, change: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=SCORES | change, comment="좋음")  # type: ignore[operator]
    assert set(refused.value.fields) == {field}


@pytest.mark.parametrize("comment", ["", "   ", "가" * 1_001])
def test_a_comment_is_needed_and_bounded(payment: Payment, buyer: Actor, comment: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=SCORES, comment=comment)
    assert set(refused.value.fields) == {"comment"}


def test_only_the_company_of_a_paid_deal_evaluates(payment: Payment, buyer: Actor) -> None:
    with pytest.raises(NotFound):
        evaluations.write(
            actor=factories.make_actor(Role.DEMAND), deal_id=payment.deal_id, scores=SCORES, comment="남"
        )
    with pytest.raises(Denied):
        evaluations.write(
            actor=factories.make_actor(Role.SUPPLIER, supplier_id=payment.supplier_id),
            deal_id=payment.deal_id,
            scores=SCORES,
            comment="자화자찬",
        )
    payment.deal.state = DealState.PAYMENT_CANCELLED
    db.session.flush()
    with pytest.raises(Conflict) as refused:
        evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=SCORES, comment="취소됨")
    assert refused.value.code == "evaluation.not_paid" and "결제취소" in refused.value.text


def test_who_reads_an_evaluation(payment: Payment, buyer: Actor) -> None:
    written = evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=SCORES, comment="좋음")
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=payment.supplier_id)
    for actor in (buyer, seller, factories.make_actor(Role.AUDITOR)):
        assert evaluations.get(actor=actor, evaluation_id=written.id).id == written.id
    for role in (Role.DEMAND, Role.SUPPLIER, Role.REVIEWER, Role.SYSTEM_ADMIN):
        with pytest.raises(NotFound):
            evaluations.get(actor=factories.make_actor(role), evaluation_id=written.id)
    [public] = evaluations.of_offering(payment.deal.offering_id)
    assert public.company == "주식회사 시" + "*" * (len(payment.deal.company.name) - 6)
    assert public.scores["가격 적정성"] == 3 and public.average == "4.2"


def test_the_supplier_is_told_and_reads_its_notice(payment: Payment, buyer: Actor) -> None:
    """R-MSG-1"""
    evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=SCORES, comment="좋음")
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=payment.supplier_id)
    assert messages.unread(actor=seller) == 1
    [notice] = messages.notices(actor=seller)
    assert "4.2점" in notice.text
    with pytest.raises(NotFound):
        messages.mark_read(actor=factories.make_actor(Role.SUPPLIER), notice_id=notice.id)
    assert messages.mark_read(actor=seller, notice_id=notice.id) == 1
    assert messages.mark_read(actor=seller) == 0 and messages.unread(actor=seller) == 0
    assert messages.unread(actor=buyer) == 0
    with pytest.raises(Denied):
        messages.notices(actor=factories.make_actor(Role.AUDITOR))


def test_lists_go_on_from_a_key(payment: Payment, buyer: Actor) -> None:
    company = payment.deal.company
    supplier = factories.make_supplier()
    programme = db.session.get_one(factories.Programme, payment.programme_id)
    for _ in range(4):
        make_paid(programme, supplier, company=company)
    first = evaluations.waiting(actor=buyer, size=3)
    rest = evaluations.waiting(actor=buyer, size=3, before=first[-1].id)
    assert len(first) == 3 and len(rest) == 2
    assert [d.id for d in first + rest] == sorted((d.id for d in first + rest), reverse=True)


@pytest.mark.parametrize(
    ("total", "count", "shown"),
    [(0, 0, None), (25, 1, "5.0"), (21, 1, "4.2"), (43, 2, "4.3"), (64, 3, "4.3")],
)
def test_the_average_is_rounded_half_up_in_whole_numbers(total: int, count: int, shown: str | None) -> None:
    assert offerings_reads.rating_text(Offering(rating_sum=total, rating_count=count)) == shown


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("주식회사 가나다라", "주식회사 가***"),
        ("㈜한빛", "㈜한**"),
        ("가나상사", "가***"),
        ("(주)나", "(주)나**"),
    ],
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert evaluations.masked_company(name) == masked
