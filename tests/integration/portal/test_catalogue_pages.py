"""The catalogue's list, main page and detail: what narrows them, and what they cost (R-CAT-1 to R-CAT-3)."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app import clock
from app.db import db, transaction
from app.models.catalogue import Category, Offering, OfferingFile, OfferingFileKind, Wish
from app.models.deals import Deal, DealState
from app.models.programme import VatMode
from app.models.questions import Question
from app.models.settlements import Evaluation
from app.policy import Role
from app.workflows import programmes
from tests import factories
from tests.integration.portal.buying import LogIn, log_in, path_of
from tests.market import MONDAY, Market, make_market

MOST_QUERIES = 6


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    with transaction():
        return make_market(price=1_200_000)


def page(site: Flask | FlaskClient, address: str) -> str:
    browser = site.test_client() if isinstance(site, Flask) else site
    answer = browser.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.get_data(as_text=True))


def shown(text: str, offerings: list[Offering]) -> list[str]:
    return [offering.name for offering in offerings if offering.name in text]


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement that reaches the database, without the savepoints in which a test lives."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("SAVEPOINT"):
            seen.append(statement)

    db.session.expire_all()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_filters_live_in_the_address_and_take_amounts_as_they_are_typed(site: Flask, market: Market) -> None:
    cheap = factories.make_offering(name="헐한 것", price=90_000)
    middle = factories.make_offering(name="중간 것", price=300_000, rating_sum=23, rating_count=1)
    dear = factories.make_offering(name="비싼 것", price=2_000_000)
    rows = [cheap, middle, dear]
    text = page(site, "/services?price_from=100,000원&price_to=1 000 000")
    assert shown(text, rows) == ["중간 것"]
    assert "가격 100,000원~1,000,000원" in text and 'value="100,000"' in text
    assert shown(page(site, "/services?rating=4.5"), rows) == ["중간 것"]
    assert shown(page(site, f"/services?supplier={dear.supplier.name}"), rows) == ["비싼 것"]
    assert shown(page(site, "/services?rating=뭔가&size=999&sort=none&page=-7&category=none"), rows) == [
        "헐한 것",
        "중간 것",
        "비싼 것",
    ]


def test_what_is_mistyped_filters_nothing_and_is_said(site: Flask, market: Market) -> None:
    text = page(site, "/services?price_from=백만원")
    assert "금액은 원 단위 숫자로 입력해 주세요." in text and market.offering.name in text
    assert 'value="백만원"' in text
    text = page(site, "/services?price_from=500000&price_to=100000")
    assert "최대 가격은 최소 가격과 같거나 커야 합니다." in text and market.offering.name in text


def test_each_active_filter_is_a_chip_that_takes_it_away(site: Flask, market: Market) -> None:
    category = db.session.get_one(Category, market.offering.category_id)
    text = page(
        site, f"/services?q=화상&category={category.code}&price_from=1000&rating=4&supplier=공급&sort=price"
    )
    for label in ("검색어 화상", f"분야 {category.name}", "가격 1,000원~", "평점 4점 이상", "공급기업 공급"):
        assert label in text
    chip = text[text.index("검색어 화상") - 200 : text.index("검색어 화상")]
    assert "q=%ED%99%94" not in chip.rsplit("href=", 1)[1] and "sort=price" in chip.rsplit("href=", 1)[1]
    assert "모든 조건 지우기" in text
    assert "kv-chips" not in page(site, "/services?sort=price")


def test_an_empty_list_says_what_to_do(site: Flask, market: Market) -> None:
    assert "가격 범위를 넓히거나" in page(site, "/services?price_from=99,000,000")
    assert "조건을 하나씩 빼 보세요" in page(site, "/services?q=없는말")
    empty = factories.make_category()
    assert "아직 판매 중인 서비스가 없습니다." in page(site, f"/services?category={empty.code}")


def test_a_wish_leads_back_to_the_list_as_it_was_narrowed(
    site: Flask, market: Market, log_in_as: LogIn
) -> None:
    """R-CAT-4"""
    browser = log_in(log_in_as, market.buyer.id)
    text = page(browser, "/services?price_from=1,000&sort=price")
    assert 'name="at" value="price_from=1,000&sort=price"' in text
    form = {"back": "list", "at": "price_from=1,000&sort=price\r\nX-Bad: 1"}
    answer = browser.post(f"/services/{market.offering.id}/wish", data=form)
    assert path_of(answer) == "/services?price_from=1%2C000&sort=price%0D%0AX-Bad%3A+1"
    assert "찜 해제" in page(browser, "/services")


def test_sizes_and_the_tick_boxes_of_the_comparison(site: Flask, market: Market) -> None:
    for n in range(13):
        factories.make_offering(supplier=market.supplier, name=f"묶음{n:02}")
    first = page(site, "/services?sort=latest")
    assert "1 / 2" in first and first.count("data-compare>") == 12
    whole = page(site, "/services?sort=latest&size=24")
    assert "1 / 2" not in whole and whole.count("data-compare>") == 14
    assert 'form="compare-form"' in whole and 'id="compare-form"' in whole


def test_prices_name_the_tax_of_the_year(site: Flask, market: Market) -> None:
    """R-MONEY-2a, R-MONEY-2b"""
    address = f"/services/{market.offering.id}"
    text = page(site, address)
    assert "부가세 포함" in text and "1,090,909원" in text and "109,091원" in text
    assert "100,000원" in text and "1,200,000원 ÷ 12개월" in text
    with transaction():
        market.programme.vat_mode = VatMode.BORNE
    text = page(site, address)
    assert "부가세 별도" in text and "120,000원은 기업이 따로 냅니다. 모두 1,320,000원입니다." in text
    assert "부가세 별도" in page(site, "/services")


def test_a_request_says_what_happens_next_and_until_when(site: Flask, market: Market) -> None:
    """R-TIME-2, R-TIME-5a"""
    text = page(site, f"/services/{market.offering.id}")
    assert "2020.11.18.(수) 24:00까지, 영업일 2일" in text


def test_who_has_asked_already_is_led_to_the_deal(site: Flask, market: Market, log_in_as: LogIn) -> None:
    browser = log_in(log_in_as, market.buyer.id)
    browser.post(f"/services/{market.offering.id}/request", data={"memo": "열 명이 씁니다."})
    deal = db.session.query(Deal).one()
    text = page(browser, f"/services/{market.offering.id}")
    assert "답변을 기다리는 거래상담이 있습니다" in text and f'href="/deals/{deal.id}"' in text


def test_the_marks_of_each_criterion_are_spread(site: Flask, market: Market) -> None:
    fill(market, 3)
    text = page(site, f"/services/{market.offering.id}")
    assert "항목별 평점" in text and text.count("<meter") == 5
    assert "3.7" in text  # 3, 4 and 4 of three companies


def test_picture_and_brochure_are_linked_where_there_are_some(site: Flask, market: Market) -> None:
    """R-FILE-1"""
    assert "/files/" not in page(site, "/services")
    kinds = (OfferingFileKind.PICTURE, OfferingFileKind.BROCHURE)
    with transaction():
        picture, brochure = (add_file(market.offering, kind) for kind in kinds)
        add_file(market.offering, OfferingFileKind.EVIDENCE, version_id=market.offering.current_version_id)
    source = f'src="/services/{market.offering.id}/files/{picture.id}"'
    assert source in page(site, "/services") and source in page(site, "/")
    text = page(site, f"/services/{market.offering.id}")
    assert source in text and f'href="/services/{market.offering.id}/files/{brochure.id}"' in text
    assert "가격 증빙.png" not in text


def test_a_file_that_is_not_for_all_is_not_there(site: Flask, market: Market) -> None:
    proof = add_file(
        market.offering, OfferingFileKind.EVIDENCE, version_id=market.offering.current_version_id
    )
    other = factories.make_offering()
    with transaction():
        picture = add_file(market.offering, OfferingFileKind.PICTURE)
    browser = site.test_client()
    assert browser.get(f"/services/{market.offering.id}/files/{proof.id}").status_code == 404
    assert browser.get(f"/services/{other.id}/files/{picture.id}").status_code == 404


def add_file(offering: Offering, kind: OfferingFileKind, **fields: Any) -> OfferingFile:
    row = OfferingFile(
        offering_id=offering.id,
        kind=kind,
        file_name=f"{kind.label}.png",
        content_type="image/png",
        size=1_000,
        sha256="0" * 64,
        uploaded_at=clock.now(),
        **fields,
    )
    db.session.add(row)
    db.session.flush()
    return row


def test_every_public_page_has_the_search_bar(site: Flask, market: Market, log_in_as: LogIn) -> None:
    """R-CAT-2"""
    addresses = ["/", "/about", "/notices", "/suppliers", "/companies", "/support", "/services", "/terms"]
    addresses += ["/privacy", f"/services/{market.offering.id}", "/services/compare", "/login", "/signup"]
    addresses += [f"/services/{market.offering.id}/questions", "/slips/check"]
    with transaction():
        programmes.create_programme(actor=factories.make_actor(Role.PROGRAMME_MANAGER), year=2020)
    seller = log_in(log_in_as, market.seller.id)
    for browser in (site.test_client(), seller):
        for address in addresses:
            answer = browser.get(address, follow_redirects=True)
            assert 'id="site-search"' in answer.get_data(as_text=True), address


def fill(market: Market, number: int) -> None:
    """That many paid and evaluated deals, and questions, of as many companies."""
    with transaction() as session:
        for n in range(number):
            company = factories.make_company(programme_id=market.programme.id)
            deal = Deal(
                programme_id=market.programme.id,
                company_id=company.id,
                supplier_id=market.supplier.id,
                offering_id=market.offering.id,
                version_id=market.offering.current_version_id,
                state=DealState.PAID,
                memo="상담",
                requested_at=clock.now(),
            )
            session.add(deal)
            session.flush()
            session.add(
                Evaluation(
                    deal_id=deal.id,
                    company_id=company.id,
                    supplier_id=market.supplier.id,
                    offering_id=market.offering.id,
                    comment="잘 씁니다.",
                    at=clock.now(),
                    **dict.fromkeys(Evaluation.CRITERIA, 4 if n % 3 else 3),
                )
            )
            session.add(
                Question(
                    offering_id=market.offering.id,
                    supplier_id=market.supplier.id,
                    company_id=company.id,
                    body=f"질문 {n}",
                    asked_at=clock.now(),
                )
            )
        offering = session.get_one(Offering, market.offering.id)
        offering.rating_sum, offering.rating_count = 20 * number, number


def crowd(market: Market, number: int) -> None:
    """Services with a picture each, on the company's wish list."""
    with transaction() as session:
        for _ in range(number):
            offering = factories.make_offering(supplier=market.supplier)
            add_file(offering, OfferingFileKind.PICTURE)
            session.add(Wish(company_id=market.company.id, offering_id=offering.id, at=clock.now()))


@pytest.mark.parametrize("who", ["visitor", "buyer", "seller"])
def test_list_and_detail_ask_six_queries_at_most_whatever_the_numbers(
    site: Flask, market: Market, log_in_as: LogIn, who: str
) -> None:
    """The log-in, the wishes and the programme's clocks included."""
    browser = site.test_client()
    if who != "visitor":
        browser = log_in(log_in_as, getattr(market, who).id)
    detail = f"/services/{market.offering.id}"
    addresses = ("/services?size=48", "/services?q=화상&sort=rating&price_from=1&size=48", detail)
    addresses += (f"{detail}/questions", f"/services/compare?id={market.offering.id}")
    crowd(market, 5)
    fill(market, 5)
    few = [number_of_queries(browser, address) for address in addresses]
    crowd(market, 55)
    fill(market, 55)
    many = [number_of_queries(browser, address) for address in addresses]
    assert few == many
    assert max(many) <= MOST_QUERIES, dict(zip(addresses, many, strict=True))


def number_of_queries(browser: FlaskClient, address: str) -> int:
    with counted() as seen:
        assert browser.get(address).status_code == 200
    return len(seen)


def test_the_main_page_and_the_wish_list_cost_the_same_whatever_the_numbers(
    site: Flask, market: Market, log_in_as: LogIn
) -> None:
    browser: FlaskClient = log_in(log_in_as, market.buyer.id)

    def measure() -> list[int]:
        return [number_of_queries(browser, address) for address in ("/", "/wishlist")]

    crowd(market, 2)
    few = measure()
    crowd(market, 60)
    assert few == measure()
