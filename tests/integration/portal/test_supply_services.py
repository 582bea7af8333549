"""The supplier's services from the draft to new prices, and its own data (R-CAT-5, R-SUP-1, R-SET-1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.db import db
from app.models.catalogue import Offering, OfferingState, Plan, Supplier, SupplierState
from app.models.people import Account
from app.policy import Role
from app.workflows import offering_files, offering_review, suppliers
from tests import factories
from tests.integration.workflows.shop import PDF, PNG

LogIn = Callable[[Account], FlaskClient]


@pytest.fixture
def supplier(site: Any) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def seller(supplier: Supplier, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=supplier.id))


def _typed(**changes: Any) -> dict[str, Any]:
    from app.models.programme import Programme

    if not db.session.scalar(select(Programme.id)):
        factories.make_programme()
    typed = {
        "category_id": factories.make_category().id,
        "name": "한결 화상회의",
        "summary": "설치 없이 쓰는 화상회의",
        "description": "백 명까지 함께 회의합니다.",
        "keywords": "화상회의, 웨비나,원격",
        "plan1_name": "기본",
        "plan1_price": "1,100,000",
        "plan1_unit": "1년",
        "plan1_months": "12",
        "plan2_unit": "월",
        "plan2_months": "12",
    }
    return typed | changes


def _mine(supplier: Supplier) -> Offering:
    return db.session.scalars(select(Offering).where(Offering.supplier_id == supplier.id)).one()


def _plans(version_id: int | None) -> list[tuple[str, int]]:
    rows = db.session.scalars(select(Plan).where(Plan.version_id == version_id).order_by(Plan.id))
    return [(plan.name, plan.price) for plan in rows]


def _files() -> dict[str, Any]:
    return {
        "picture": (BytesIO(PNG), "회의실.png"),
        "evidence": [(BytesIO(PDF), "가격표.pdf")],
    }


def test_a_new_service_is_a_draft_and_is_shown_as_it_will_be(seller: FlaskClient, supplier: Supplier) -> None:
    assert "서비스 등록" in seller.get("/supply/services/new").text
    answer = seller.post("/supply/services/new", data=_typed() | _files(), follow_redirects=True)
    assert "서비스를 저장했습니다." in answer.text
    for words in (
        "한결 화상회의",
        "1,100,000원",
        "화상회의, 웨비나, 원격",
        "승인 요청",
        "작성중",
        "가격표.pdf",
    ):
        assert words in answer.text
    made = _mine(supplier)
    assert made.state is OfferingState.DRAFT and made.keywords == ["화상회의", "웨비나", "원격"]
    (picture,) = offering_files.picture_ids([made.id]).values()
    assert f"/supply/services/{made.id}/files/{picture}" in answer.text
    shown = seller.get(f"/supply/services/{made.id}/files/{picture}")
    assert shown.data == PNG and shown.mimetype == "image/png"
    assert f"/supply/services/{made.id}/files/{picture}" in seller.get("/supply/services").text


def test_a_draft_is_saved_half_filled_and_says_what_it_lacks(seller: FlaskClient, supplier: Supplier) -> None:
    """임시저장 stays in the form; 승인 요청 is not offered while something is missing."""
    data = {"category_id": _typed()["category_id"], "name": "이름만", "then": "stay"}
    answer = seller.post("/supply/services/new", data=data, follow_redirects=True)
    assert "임시저장했습니다." in answer.text and 'value="이름만"' in answer.text
    made = _mine(supplier)
    page = seller.get(f"/supply/services/{made.id}").text
    for words in ("승인을 요청하기 전에 채울 것", "대표 이미지를 첨부해 주세요.", "가격 증빙을 하나 이상"):
        assert words in page
    assert f"/supply/services/{made.id}/submit" not in page
    forced = seller.post(f"/supply/services/{made.id}/submit", data={"confirmed": "1"}, follow_redirects=True)
    assert "승인을 요청하려면 먼저 채워 주세요." in forced.text and made.state is OfferingState.DRAFT


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"name": " "}, "서비스명을 입력해 주세요."),
        ({"category_id": "0"}, "분야를 선택해 주세요."),
        ({"plan1_price": ""}, "요금제 1의 가격을 입력해 주세요."),
        ({"plan1_price": "백만 원"}, "금액은 원 단위 숫자로 입력해 주세요."),
        ({"plan2_name": "기본", "plan2_price": "5000"}, "요금제 이름이 겹칩니다."),
        ({"plan1_months": "61"}, "1에서 60 사이로 입력해 주세요."),
        ({"plan1_months": ""}, "요금제 1의 이용기간을 입력해 주세요."),
        ({"keywords": ",".join(f"말{n}" for n in range(11))}, "검색어는 10개까지"),
        ({"picture": (BytesIO(PDF), "그림.png")}, "그림.png: JPEG, PNG 파일만 등록할 수 있습니다."),
        ({"brochure": (BytesIO(PNG), "소개.pdf")}, "소개.pdf: PDF 파일만 등록할 수 있습니다."),
        ({"evidence": (BytesIO(b"<html>"), "가격.html")}, "가격.html: PDF, JPEG, PNG 파일만"),
    ],
)
def test_a_wrong_service_comes_back_with_what_was_typed(
    seller: FlaskClient, supplier: Supplier, changes: dict[str, Any], sentence: str
) -> None:
    answer = seller.post("/supply/services/new", data=_typed(**changes))
    assert answer.status_code == 422
    assert sentence in answer.text and "설치 없이 쓰는 화상회의" in answer.text
    assert not db.session.scalar(select(Offering.id).where(Offering.supplier_id == supplier.id))


def test_files_that_were_taken_in_stay_while_something_else_is_mended(
    seller: FlaskClient, supplier: Supplier
) -> None:
    """A browser forgets chosen files; a token that somebody made up is nothing."""
    wrong = seller.post("/supply/services/new", data=_typed(plan1_price="") | _files())
    kept = re.findall(r'name="kept"[^>]*value="([^"]+)"', wrong.text)
    assert len(kept) == 2 and "대표 이미지: 회의실.png" in wrong.text
    seller.post("/supply/services/new", data=_typed() | {"kept": [*kept, kept[0] + "x", "made.up"]})
    made = _mine(supplier)
    files = offering_files.of_offering(offering_id=made.id)
    assert [(file.kind.value, file.file_name) for file in files] == [
        ("picture", "회의실.png"),
        ("evidence", "가격표.pdf"),
    ]


def test_anothers_kept_files_are_nothing(seller: FlaskClient, supplier: Supplier, log_in_as: LogIn) -> None:
    wrong = seller.post("/supply/services/new", data=_typed(plan1_price="") | _files())
    kept = re.findall(r'name="kept"[^>]*value="([^"]+)"', wrong.text)
    other = factories.make_supplier()
    stranger = log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=other.id))
    stranger.post("/supply/services/new", data=_typed() | {"kept": kept})
    assert offering_files.of_offering(offering_id=_mine(other).id) == []


def test_all_that_is_wrong_is_summed_up_in_the_order_of_the_page(
    seller: FlaskClient, supplier: Supplier
) -> None:
    """분야 first, plans after it."""
    page = seller.post("/supply/services/new", data=_typed(category_id="0", name="", plan1_price="")).text
    summary = page.partition("kv-error-summary")[2].partition("</ul>")[0]
    sentences = ("분야를 선택해 주세요.", "서비스명을 입력해 주세요.", "요금제 1의 가격을 입력해 주세요.")
    places = [summary.index(sentence) for sentence in sentences]
    assert places == sorted(places)


def test_the_returned_service_shows_why_and_is_mended_and_submitted(
    seller: FlaskClient, supplier: Supplier
) -> None:
    seller.post("/supply/services/new", data=_typed() | _files())
    made = _mine(supplier)
    here = f"/supply/services/{made.id}"
    asked = seller.post(f"{here}/submit")
    assert "이 서비스의 승인을 요청할까요?" in asked.text and made.state is OfferingState.DRAFT
    done = seller.post(f"{here}/submit", data={"confirmed": "1"}, follow_redirects=True)
    assert "승인을 요청했습니다." in done.text and made.state is OfferingState.IN_REVIEW
    locked = seller.get(f"{here}/edit", follow_redirects=True)
    assert "상태에서는 내용을 고칠 수 없습니다." in locked.text
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    offering_review.send_back(actor=manager, offering_id=made.id, reason="가격 근거를 적어 주세요.")
    assert "가격 근거를 적어 주세요." in seller.get(here).text
    form = seller.get(f"{here}/edit").text
    assert (
        "가격 근거를 적어 주세요." in form and 'value="1,100,000"' in form and 'value="한결 화상회의"' in form
    )
    saved = seller.post(f"{here}/edit", data=_typed(plan1_price="990,000"), follow_redirects=True)
    assert "990,000원" in saved.text
    assert "반려" in seller.get("/supply/services?state=returned").text


def test_a_supplier_that_is_not_selected_may_not_submit(seller: FlaskClient, supplier: Supplier) -> None:
    """R-SUP-1"""
    supplier.state = SupplierState.SCREENING
    seller.post("/supply/services/new", data=_typed() | _files())
    made = _mine(supplier)
    answer = seller.post(f"/supply/services/{made.id}/submit", data={"confirmed": "1"}, follow_redirects=True)
    assert "선정된 공급기업만 서비스를 판매할 수 있습니다." in answer.text
    assert made.state is OfferingState.DRAFT


def _new_prices(**changes: Any) -> dict[str, Any]:
    return {
        "plan1_name": "기본",
        "plan1_price": "1,200,000",
        "plan1_unit": "1년",
        "plan1_months": "12",
        "evidence": [(BytesIO(PDF), "새 가격표.pdf")],
    } | changes


def test_new_prices_wait_while_the_old_sell_on(seller: FlaskClient, supplier: Supplier) -> None:
    """R-CAT-5"""
    offering = factories.make_offering(supplier=supplier, price=1_100_000)
    here = f"/supply/services/{offering.id}"
    assert 'value="1,100,000"' in seller.get(f"{here}/prices").text
    answer = seller.post(f"{here}/prices", data=_new_prices(), follow_redirects=True)
    assert "승인되기 전까지는 지금 가격으로 판매합니다." in answer.text
    assert "1,100,000원" in answer.text and "1,200,000원" in answer.text and "새 가격표.pdf" in answer.text
    assert _plans(offering.current_version_id) == [("기본", 1_100_000)]
    assert _plans(offering.proposed_version_id) == [("기본", 1_200_000)]
    twice = seller.post(f"{here}/prices", data=_new_prices())
    assert twice.status_code == 422 and "가격 변경이 이미 승인을 기다립니다." in twice.text
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    offering_review.decline_price(actor=manager, offering_id=offering.id, reason="인상 근거가 부족합니다.")
    page = seller.get(here).text
    assert "인상 근거가 부족합니다." in page and "가격 이력" in page and "2차" in page


def test_new_prices_without_a_proof_come_back(seller: FlaskClient, supplier: Supplier) -> None:
    offering = factories.make_offering(supplier=supplier)
    answer = seller.post(f"/supply/services/{offering.id}/prices", data=_new_prices(evidence=[]))
    assert answer.status_code == 422 and "가격 증빙을 하나 이상 첨부해 주세요." in answer.text
    assert 'value="1,200,000"' in answer.text and offering.proposed_version_id is None


def test_a_draft_has_no_prices_to_change(seller: FlaskClient, supplier: Supplier) -> None:
    seller.post("/supply/services/new", data=_typed())
    made = _mine(supplier)
    answer = seller.get(f"/supply/services/{made.id}/prices", follow_redirects=True)
    assert "현재 상태가 &#39;작성중&#39;이라서" in answer.text


@pytest.mark.parametrize(
    ("before", "move", "after", "said"),
    [
        (OfferingState.ON_SALE, "stop", OfferingState.PAUSED, "판매를 중단했습니다."),
        (OfferingState.PAUSED, "resume", OfferingState.ON_SALE, "판매를 다시 시작했습니다."),
        (OfferingState.PAUSED, "revise", OfferingState.DRAFT, "‘작성중’으로 바꾸었습니다."),
    ],
)
def test_the_supplier_moves_its_service_itself_and_is_asked_first(
    seller: FlaskClient,
    supplier: Supplier,
    before: OfferingState,
    move: str,
    after: OfferingState,
    said: str,
) -> None:
    offering = factories.make_offering(supplier=supplier, state=before)
    here = f"/supply/services/{offering.id}"
    assert f'action="{here}/{move}"' in seller.get(here).text
    assert "할까요?" in seller.post(f"{here}/{move}").text and offering.state is before
    done = seller.post(f"{here}/{move}", data={"confirmed": "1"}, follow_redirects=True)
    assert said in done.text and offering.state is after


def test_what_the_lead_agency_stopped_says_why_and_offers_no_way_back(
    seller: FlaskClient, supplier: Supplier
) -> None:
    offering = factories.make_offering(
        supplier=supplier, state=OfferingState.SUSPENDED, reason="신고를 확인하고 있습니다."
    )
    db.session.commit()
    here = f"/supply/services/{offering.id}"
    page = seller.get(here).text
    assert "신고를 확인하고 있습니다." in page and f"{here}/resume" not in page
    refused = seller.post(f"{here}/resume", data={"confirmed": "1"}, follow_redirects=True)
    assert "현재 상태가 &#39;판매중지&#39;이라서" in refused.text
    assert offering.state is OfferingState.SUSPENDED


def test_a_draft_is_thrown_away_after_a_question(seller: FlaskClient, supplier: Supplier) -> None:
    seller.post("/supply/services/new", data=_typed() | _files())
    here = f"/supply/services/{_mine(supplier).id}"
    assert "되돌릴 수 없습니다." in seller.post(f"{here}/delete").text
    done = seller.post(f"{here}/delete", data={"confirmed": "1"}, follow_redirects=True)
    assert "서비스를 지웠습니다." in done.text and seller.get(here).status_code == 404


def test_a_file_is_taken_away_after_a_question(seller: FlaskClient, supplier: Supplier) -> None:
    seller.post("/supply/services/new", data=_typed() | _files())
    made = _mine(supplier)
    proof = next(f for f in offering_files.of_offering(offering_id=made.id) if f.file_name == "가격표.pdf")
    address = f"/supply/services/{made.id}/files/{proof.id}"
    assert "파일을 지울까요?" in seller.post(f"{address}/remove").text
    done = seller.post(f"{address}/remove", data={"confirmed": "1"}, follow_redirects=True)
    assert "파일을 지웠습니다." in done.text and address not in done.text
    assert seller.post(f"{address}/remove", data={"confirmed": "1"}).status_code == 404


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", ""),
        ("GET", "/edit"),
        ("POST", "/edit"),
        ("POST", "/submit"),
        ("POST", "/stop"),
        ("POST", "/delete"),
        ("POST", "/prices"),
        ("GET", "/files/1"),
        ("POST", "/files/1/remove"),
    ],
)
def test_anothers_service_is_not_there(seller: FlaskClient, method: str, path: str) -> None:
    factories.make_programme()
    offering = factories.make_offering()
    answer = seller.open(f"/supply/services/{offering.id}{path}", method=method, data={"confirmed": "1"})
    assert answer.status_code == 404


def test_services_are_listed_by_state_and_paged(seller: FlaskClient, supplier: Supplier) -> None:
    for place in range(11):
        factories.make_offering(supplier=supplier, name=f"판매 서비스 {place:02}")
    factories.make_offering(supplier=supplier, name="멈춘 서비스", state=OfferingState.SUSPENDED)
    page = seller.get("/supply/services?state=on_sale&size=10").text
    assert "총 <strong>11</strong>건" in page and "판매 서비스 10" in page
    assert "멈춘 서비스" not in page and 'rel="next"' in page
    assert "멈춘 서비스" in seller.get("/supply/services").text


def test_home_counts_the_services_and_says_what_to_do(seller: FlaskClient, supplier: Supplier) -> None:
    assert "판매할 서비스를 등록해 주세요." in seller.get("/supply").text
    factories.make_offering(supplier=supplier, state=OfferingState.RETURNED)
    supplier.account_verified_at = None
    page = seller.get("/supply").text
    assert "반려된 서비스 1건을 고쳐서" in page and "정산 계좌를 전문기관이 확인하고 있습니다." in page


def test_the_profile_is_edited_and_what_was_screened_stays(seller: FlaskClient, supplier: Supplier) -> None:
    assert supplier.name in seller.get("/supply/profile").text
    form = seller.get("/supply/profile/edit").text
    assert 'name="representative"' not in form and 'name="address"' in form
    data = {"phone": "02-777-1234", "email": "new@example.kr", "address": "서울 중구 1", "introduction": ""}
    answer = seller.post("/supply/profile/edit", data=data, follow_redirects=True)
    assert "기업정보를 저장했습니다." in answer.text and "02-777-1234" in answer.text
    wrong = seller.post("/supply/profile/edit", data=data | {"email": "주소 아님", "phone": "12"})
    assert wrong.status_code == 422 and "전화번호를 다시 확인해 주세요." in wrong.text
    wrong = seller.post("/supply/profile/edit", data=data | {"email": "주소 아님"})
    assert "이메일 주소를 확인해 주세요." in wrong.text and "주소 아님" in wrong.text


def test_another_account_is_asked_about_and_a_wrong_one_comes_back(
    seller: FlaskClient, supplier: Supplier
) -> None:
    """R-SET-1"""
    before = supplier.account_number
    data = {"bank_code": "004", "account_number": "123-456-7890123", "account_holder": supplier.name}
    assert "정산 계좌를 바꿀까요?" in seller.post("/supply/profile/account", data=data).text
    wrong = seller.post("/supply/profile/account", data=data | {"account_number": "12", "confirmed": "1"})
    assert wrong.status_code == 422 and "계좌번호를 숫자 7~14자리로 입력해 주세요." in wrong.text
    assert supplier.account_number == before and supplier.account_verified_at is not None


def test_a_supplier_in_supplement_sees_why_and_resubmits(seller: FlaskClient, supplier: Supplier) -> None:
    """R-SUP-1"""
    supplier.state = SupplierState.SCREENING
    db.session.flush()
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    suppliers.ask_supplement(actor=manager, supplier_id=supplier.id, reason="통장 사본을 확인할 수 없습니다.")
    assert "신청 내용을 보완해서 다시 제출해 주세요." in seller.get("/supply").text
    page = seller.get("/supply/profile").text
    assert "통장 사본을 확인할 수 없습니다." in page and "보완 제출" in page
    assert 'name="representative"' in seller.get("/supply/profile/edit").text
    assert "보완한 내용을 제출할까요?" in seller.post("/supply/profile/resubmit").text
    done = seller.post("/supply/profile/resubmit", data={"confirmed": "1"}, follow_redirects=True)
    assert "보완한 내용을 제출했습니다." in done.text
    assert db.session.get_one(Supplier, supplier.id).state is SupplierState.SCREENING
    again = seller.post("/supply/profile/resubmit", data={"confirmed": "1"}, follow_redirects=True)
    assert "현재 상태가 &#39;심사중&#39;이라서" in again.text
