"""서비스 승인 in the console: queue, checklist, evidence, decisions, suspension (R-CAT-5, R-FILE-1)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.db import db
from app.models.catalogue import Offering, OfferingReview, OfferingState
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import offering_files, offering_review, offerings
from app.workflows.offering_versions import PlanInput
from tests import factories as make
from tests.integration.workflows.shop import ALL, PDF, Shop, approve, fields, open_shop, submitted
from tests.integration.workflows.test_offering_review import ask


@pytest.fixture
def shop(world: Any) -> Shop:
    return open_shop()


def page_of(client: Any, offering: Offering) -> str:
    return client.get(f"/console/offerings/{offering.id}").get_data(as_text=True)


def test_the_page_has_checklist_prices_and_evidence(shop: Shop, browser: Any) -> None:
    for price in (240_000, 360_000, 480_000):
        make.make_offering(category_id=shop.category_id, price=price)
    offering = submitted(shop)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    page = page_of(client, offering)
    for check in offering_review.checklist("new"):
        assert check.label in page
    for words in ("30,000원", "같은 분야의 가격", "신규 등록", "가격표.pdf"):
        assert words in page
    assert "<dt>가운데 값</dt><dd>30,000원</dd>" in page and "<dt>최고</dt><dd>40,000원</dd>" in page
    file = offering_files.of_offering(offering_id=offering.id)[-1]
    assert f"/console/offerings/{offering.id}/file/{file.id}" in page
    handed = client.get(f"/console/offerings/{offering.id}/file/{file.id}")
    assert handed.data == PDF and handed.headers["Content-Disposition"].startswith("inline")
    look = db.session.scalars(select(AuditRow).where(AuditRow.entity == "offering_file")).one()
    assert (look.action, look.entity_id) == ("read", file.id)


def test_an_approval_with_every_tick_is_kept_with_them(shop: Shop, browser: Any, said: Any) -> None:
    offering = submitted(shop)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    text = said(client, f"/console/offerings/{offering.id}/approve", data={"checks": ALL["new"]})
    assert "'승인' 처리했습니다." in text.replace("&#39;", "'") and offering.state is OfferingState.ON_SALE
    review = db.session.scalars(select(OfferingReview)).one()
    assert all(review.checks.values()) and "지난 결정" in text


def test_a_missing_tick_comes_back_with_what_was_ticked(shop: Shop, browser: Any) -> None:
    offering = submitted(shop)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    address = f"/console/offerings/{offering.id}/approve"
    answer = client.post(address, data={"checks": ["category", "remote"], "codes": ["price_high"]})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "확인하지 않은 항목이 있습니다." in page
    assert page.count(" checked") == 3 and offering.state is OfferingState.IN_REVIEW
    client.post(address, data={"checks": ["category"], "reason": "나머지는 전화로 확인했습니다."})
    assert offering.state is OfferingState.ON_SALE
    assert "확인하지 않고 결정한 항목" in page_of(client, offering)


def test_what_was_not_looked_at_is_not_approved(shop: Shop, browser: Any, said: Any) -> None:
    """R-CAT-5: a colleague sent it back, and it came again at another price, while this page stood open."""
    offering = submitted(shop)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    address = f"/console/offerings/{offering.id}/approve"
    data = {"checks": ALL["new"], "seen": seen_on(page_of(client, offering))}
    offering_review.send_back(actor=shop.manager, offering_id=offering.id, reason="다시")
    dear = fields(shop, plans=[PlanInput(name="기본", price=9_000_000)])
    offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **dear)
    offerings.submit(actor=shop.seller, offering_id=offering.id)
    assert "화면을 연 뒤에 내용이 바뀌어" in said(client, address, data=data)
    assert offering.state is OfferingState.IN_REVIEW and offering.current_version_id is None
    assert db.session.scalars(select(OfferingReview.decision)).all() == ["send_back"]
    client.post(address, data=data | {"seen": seen_on(page_of(client, offering))})
    assert offering.state is OfferingState.ON_SALE and offering.lowest_price == 9_000_000


def test_other_prices_than_those_looked_at_are_not_approved(shop: Shop, browser: Any, said: Any) -> None:
    offering = approve(shop, submitted(shop))
    ask(shop, offering, 33_000)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    data = {"checks": ALL["price"], "seen": seen_on(page_of(client, offering))}
    offering_review.decline_price(actor=shop.manager, offering_id=offering.id, reason="다시")
    ask(shop, offering, 99_000)
    text = said(client, f"/console/offerings/{offering.id}/accept_price", data=data)
    assert "화면을 연 뒤에 내용이 바뀌어" in text and offering.lowest_price == 30_000


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_a_return_carries_its_reasons(shop: Shop, browser: Any, said: Any) -> None:
    offering = submitted(shop)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    address = f"/console/offerings/{offering.id}/send_back"
    empty = client.post(address, data={})
    assert empty.status_code == 422 and "사유를 입력해 주세요." in empty.get_data(as_text=True)
    said(client, address, data={"codes": ["evidence_lacking"], "reason": "2쪽을 더해 주세요."})
    assert offering.state is OfferingState.RETURNED
    assert offering.reason == f"{offering_review.REASONS['evidence_lacking']} 2쪽을 더해 주세요."


def test_old_and_new_prices_stand_side_by_side(shop: Shop, browser: Any, said: Any) -> None:
    offering = approve(shop, submitted(shop))
    ask(shop, offering, 33_000)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    page = page_of(client, offering)
    for words in ("30,000원", "33,000원", "+10.0%", "없앰", "가격을 바꾸는 까닭이", "새 가격표.pdf"):
        assert words in page
    assert "분야가 서비스 내용과 맞습니다." not in page
    said(client, f"/console/offerings/{offering.id}/accept_price", data={"checks": ALL["price"]})
    assert offering.lowest_price == 33_000 and offering.proposed_version_id is None
    late = said(client, f"/console/offerings/{offering.id}/accept_price", data={"checks": ALL["price"]})
    assert "승인할 가격 변경이 없습니다." in late


def test_after_a_decision_the_next_in_line(shop: Shop, browser: Any) -> None:
    first, second = submitted(shop, name="첫째"), submitted(shop, name="둘째")
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    data = {"checks": ALL["new"], "next": "1"}
    gone = client.post(f"/console/offerings/{first.id}/approve", data=data)
    assert gone.location.endswith(f"/console/offerings/{second.id}")
    assert 'name="next" id="next" value="1" checked' in page_of(client, second)
    gone = client.post(f"/console/offerings/{second.id}/approve", data=data)
    assert gone.location.endswith("/console/offerings/")
    third = submitted(shop, name="셋째")
    db.session.commit()
    stays = client.post(f"/console/offerings/{third.id}/approve", data={"checks": ALL["new"]})
    assert stays.location.endswith(f"/console/offerings/{third.id}")


@pytest.mark.parametrize(
    ("before", "move", "after"),
    [
        (OfferingState.ON_SALE, "suspend", OfferingState.SUSPENDED),
        (OfferingState.PAUSED, "suspend", OfferingState.SUSPENDED),
        (OfferingState.SUSPENDED, "lift", OfferingState.ON_SALE),
    ],
)
def test_a_service_is_suspended_and_lifted_with_a_reason(
    shop: Shop, browser: Any, before: OfferingState, move: str, after: OfferingState
) -> None:
    offering = make.make_offering(state=before)
    db.session.commit()
    client = browser(Role.PROGRAMME_MANAGER)
    assert f"/console/offerings/{offering.id}/{move}" in page_of(client, offering)
    address = f"/console/offerings/{offering.id}/{move}"
    for data in ({}, {"confirmed": "1"}):
        assert "사유" in client.post(address, data=data).get_data(as_text=True)
        assert offering.state is before
    client.post(address, data={"confirmed": "1", "reason": "신고 확인"})
    assert (offering.state, offering.reason) == (after, "신고 확인")
    assert db.session.scalars(select(OfferingReview.decision)).one() == move


def test_the_lists_filter_and_export(shop: Shop, browser: Any) -> None:
    new, sold = submitted(shop, name="새로 온 것"), approve(shop, submitted(shop, name="팔리는 것"))
    ask(shop, sold, 40_000)
    stopped = make.make_offering(name="멈춘 것", state=OfferingState.SUSPENDED)
    db.session.commit()
    client = browser(Role.AUDITOR)

    def rows(query: str) -> str:
        return client.get(f"/console/offerings/?{query}").get_data(as_text=True)

    assert new.name in rows("") and sold.name in rows("") and stopped.name not in rows("")
    assert new.name not in rows("kind=price") and sold.name in rows("kind=price")
    assert new.name not in rows("q=팔리는") and "조건에 맞는 서비스가 없습니다." in rows("category=999")
    assert stopped.name in rows("tab=all&state=suspended") and new.name not in rows("tab=all&state=suspended")
    for query in ("format=xlsx", "tab=all&format=xlsx"):
        assert client.get(f"/console/offerings/?{query}").data[:2] == b"PK"
    assert "새로 온 것" in client.get("/console/offerings/?format=csv").data.decode("utf-8-sig")


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.BUDGET_OFFICER, Role.FINANCE_OFFICER])
def test_who_only_reads_sees_no_button_and_decides_nothing(shop: Shop, browser: Any, role: Role) -> None:
    offering = submitted(shop)
    db.session.commit()
    client = browser(role)
    assert 'name="checks"' not in page_of(client, offering)
    for action in ("approve", "send_back", "suspend"):
        address = f"/console/offerings/{offering.id}/{action}"
        assert client.post(address, data={"checks": ALL["new"], "confirmed": "1"}).status_code == 403
    assert offering.state is OfferingState.IN_REVIEW
