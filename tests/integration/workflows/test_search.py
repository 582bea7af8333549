"""Search of the catalogue (R-CAT-2)."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text

from app.db import db
from app.models.catalogue import Offering, OfferingState, SupplierState
from app.models.programme import Programme
from app.workflows import catalogue, search
from app.workflows.catalogue import Filters, Sort
from tests import factories

SYLLABLES = "화상회의재택근무보안교육돌봄협업컨설팅가나다라마바사각갂갃힣한글"
ODD = ["XR", "100%", "A_B", "C++", "back\\slash", "a'b", "ㅎㅏ", "漢字"]


@pytest.fixture
def shelf(tx: Flask) -> Iterator[list[tuple[int, str]]]:
    """Three hundred services with made-up names: ids and texts."""
    dice = random.Random(20200801)
    category = factories.make_category()
    suppliers = [factories.make_supplier() for _ in range(5)]
    rows = []
    for _ in range(300):
        parts = ["".join(dice.choices(SYLLABLES, k=dice.randint(1, 5))) for _ in range(3)]
        parts += dice.sample(ODD, k=dice.randint(0, 2))
        supplier = dice.choice(suppliers)
        line = search.search_text(name=" ".join(parts), company=supplier.name, keywords=[])
        rows.append(
            {
                "supplier_id": supplier.id,
                "category_id": category.id,
                "name": " ".join(parts),
                "summary": "-",
                "description": "-",
                "keywords": [],
                "state": OfferingState.ON_SALE,
                "search_text": line,
                "created_at": supplier.joined_at,
                "rating_sum": 0,
                "rating_count": 0,
            }
        )
    made = db.session.execute(Offering.__table__.insert().returning(Offering.id, Offering.search_text), rows)
    kept = [(row.id, row.search_text) for row in made]
    db.session.commit()
    yield kept


def found(query: str) -> set[int]:
    return set(db.session.scalars(select(Offering.id).where(search.matching(query))))


def by_ilike(query: str) -> set[int]:
    """The same question to PostgreSQL's own substring search, one word at a time."""
    words = search.clean(query).split()
    literal = "position(lower(:w) IN lower(search_text)) > 0"
    hits: set[int] = set(db.session.scalars(select(Offering.id)))
    for word in words:
        hits &= set(db.session.scalars(text(f"SELECT id FROM offering WHERE {literal}"), {"w": word}))
    return hits


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.lists(
        st.one_of(
            st.text(alphabet=SYLLABLES, min_size=1, max_size=4),
            st.sampled_from([*ODD, "%", "_", "\\", "++", "xr", "'"]),
        ),
        max_size=3,
    ).map(" ".join)
)
def test_the_answer_is_that_of_a_plain_substring_search(shelf: list[tuple[int, str]], query: str) -> None:
    """R-CAT-2: every word, in any place, whole or in part."""
    assert found(query) == by_ilike(query)


def test_words_of_two_letters_and_parts_of_words(tx: Flask) -> None:
    """R-CAT-2"""
    offering = factories.make_offering(name="온라인 화상회의 플랫폼", keywords=["웨비나"])
    for query in ("화상", "상회", "화상회의", "온라인 플랫", "웨비", "의", "회의 온라인"):
        assert offering.id in found(query), query
    for query in ("화의", "상화", "웨비나화상", "온라인플랫폼"):
        assert offering.id not in found(query), query


@pytest.mark.parametrize("query", ["", "   ", "\x00", "\ud800", "\t\n"])
def test_an_empty_query_asks_for_everything(shelf: list[tuple[int, str]], query: str) -> None:
    assert len(found(query)) == 300


@pytest.mark.parametrize(
    "query", ["%", "_", "%%%", "' OR 1=1 --", "\\", "가" * 5000, "가 " * 500, "없\x00는말임"]
)
def test_an_odd_query_is_only_text(shelf: list[tuple[int, str]], query: str) -> None:
    assert len(found(query)) < 300


def test_decomposed_letters_are_found(tx: Flask) -> None:
    """As some systems type Hangul: in single letters that compose."""
    offering = factories.make_offering(name="재택근무 도구")
    assert offering.id in found(unicodedata.normalize("NFD", "재택근무"))


def test_a_query_uses_the_index(shelf: list[tuple[int, str]]) -> None:
    """R-CAT-2: two Korean letters find by index."""
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    statement = select(Offering.id).where(search.matching("화상"))
    compiled = statement.compile(db.engine, compile_kwargs={"literal_binds": True})
    plan = "\n".join(db.session.scalars(text(f"EXPLAIN {compiled}".replace(":", "\\:"))))
    assert "ix_offering_search_grams" in plan


def test_ranking_by_name_then_rating(tx: Flask) -> None:
    """A name that begins with the query first, then one that holds it, then by rating."""
    supplier = factories.make_supplier(name="협업나라")
    company = factories.make_offering(supplier=supplier, name="문서함", rating_sum=50, rating_count=2)
    inside = factories.make_offering(name="쉬운 협업")
    poor = factories.make_offering(name="협업 공간", rating_sum=30, rating_count=2)
    good = factories.make_offering(name="협업툴", rating_sum=25, rating_count=1)
    page = catalogue.page_of(q="협업")
    assert [o.id for o in page.items] == [good.id, poor.id, inside.id, company.id]
    assert page.sort is Sort.RELEVANCE


def test_sorting_and_categories(tx: Flask) -> None:
    """R-CAT-2"""
    category = factories.make_category()
    dear = factories.make_offering(price=900_000, category_id=category.id, rating_sum=20, rating_count=1)
    cheap = factories.make_offering(price=100_000, category_id=category.id)
    other = factories.make_offering(price=50_000)
    db.session.commit()

    def ids(category: int | None = None, sort: Sort | None = None) -> list[int]:
        return [o.id for o in catalogue.page_of(filters=Filters(category_id=category), sort=sort).items]

    assert ids(category=category.id, sort=Sort.PRICE) == [cheap.id, dear.id]
    assert ids(category=category.id, sort=Sort.RATING) == [dear.id, cheap.id]
    assert ids() == ids(sort=Sort.RELEVANCE) == [other.id, cheap.id, dear.id]
    assert ids(category=0) == []


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (Filters(), ["나", "다", "라", "마"]),
        (Filters(price_from=200_000), ["다", "라"]),
        (Filters(price_to=300_000), ["나", "다", "마"]),
        (Filters(price_from=200_000, price_to=300_000), ["다"]),
        (Filters(rating=Decimal(4)), ["나", "라"]),
        (Filters(rating=Decimal("4.5")), ["라"]),
        (Filters(supplier="업 나"), ["라", "마"]),
        (Filters(supplier="협업 나라"), ["라"]),
        (Filters(supplier="100%"), []),
    ],
)
def test_filters_by_price_rating_and_supplier(tx: Flask, filters: Filters, names: list[str]) -> None:
    """R-CAT-2. A rating counts as the list shows it, 3.96 is 4.0; a whole name means that company alone."""
    country, alike = (factories.make_supplier(name=name) for name in ("협업 나라", "협업 나라랩"))
    factories.make_offering(name="나", price=100_000, rating_sum=99, rating_count=5)
    factories.make_offering(name="다", price=300_000, rating_sum=15, rating_count=1)
    factories.make_offering(name="라", price=500_000, rating_sum=24, rating_count=1, supplier=country)
    factories.make_offering(name="마", price=150_000, supplier=alike)
    db.session.commit()
    assert sorted(o.name for o in catalogue.page_of(filters=filters).items) == names


def test_the_menu_counts_open_categories_of_the_programme(tx: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-CAT-1, R-JOIN-7a: a closed one is not shown, one that is not of the year neither."""
    first, second = (factories.make_category(position=place) for place in (1, 2))
    closed = factories.make_category(is_open=False)
    for category in (first, first, first, closed):
        factories.make_offering(category_id=category.id)
    factories.make_offering(category_id=first.id, state=OfferingState.DRAFT)
    db.session.commit()

    def counts(programme: Programme | None) -> dict[str, int]:
        return {each.code: n for each, n in catalogue.categories_with_counts(programme=programme)}

    assert counts(None) == {first.code: 3, second.code: 0}
    year = factories.make_programme(category_codes=[second.code])
    assert counts(year) == {second.code: 0}
    monkeypatch.setattr(catalogue, "COUNTED", 1)
    assert counts(None)[first.code] == 2


@pytest.fixture
def many(tx: Flask) -> Iterator[list[str]]:
    """Three thousand services, with letters of every kind; their texts."""
    dice = random.Random(20200817)
    category, supplier = factories.make_category(), factories.make_supplier(name="주식회사 가나다")
    rows = []
    for place in range(3_000):
        parts = ["".join(dice.choices(SYLLABLES, k=dice.randint(1, 6))) for _ in range(3)]
        parts += dice.sample([*ODD, "%", "_", "\\", "(주)", "e-러닝", "Zoom5", "a_b%c", "++"], k=2)
        dice.shuffle(parts)
        name = " ".join(parts)
        if place % 7 == 0:
            name = unicodedata.normalize("NFD", name)
        rows.append(
            {
                "supplier_id": supplier.id,
                "category_id": category.id,
                "name": name,
                "summary": "-",
                "description": "-",
                "keywords": [],
                "state": OfferingState.ON_SALE,
                "search_text": search.search_text(name=name, company=supplier.name, keywords=[parts[0]]),
                "created_at": supplier.joined_at,
                "rating_sum": 0,
                "rating_count": 0,
            }
        )
    texts = db.session.scalars(Offering.__table__.insert().returning(Offering.search_text), rows).all()
    db.session.commit()
    yield list(texts)


def word_from(dice: random.Random, texts: list[str]) -> str:
    """Something that somebody types: a part of what there is, or what there is not, at times decomposed."""
    source = dice.choice(texts).replace(" ", "") if dice.random() < 0.7 else SYLLABLES + "".join(ODD) + "%_\\"
    length = dice.choice((1, 2, 2, 2, 3, 5))
    start = dice.randrange(max(1, len(source) - length))
    word = source[start : start + length]
    if dice.random() < 0.2:
        word = "".join(dice.sample(word, len(word)))
    if dice.random() < 0.2:
        word = word.swapcase()
    return unicodedata.normalize("NFD", word) if dice.random() < 0.2 else word


def test_a_thousand_random_words_find_what_ilike_finds(many: list[str]) -> None:
    """R-CAT-2: of two letters and more, mixed, with punctuation, decomposed, with %, _ and backslash."""
    dice = random.Random(7)
    words = [word_from(dice, many) for _ in range(1_000)]
    hits = misses = 0
    for word in words:
        ours = found(word)
        assert ours == by_ilike_itself(word), repr(word)
        hits, misses = hits + bool(ours), misses + (not ours)
    assert sum(len(unicodedata.normalize("NFC", word)) == 2 for word in words) > 300
    assert hits > 500 and misses > 50


def by_ilike_itself(word: str) -> set[int]:
    """Escaped by the database's own functions, so that nothing is shared with what is tested."""
    escaped = r"regexp_replace(normalize(:w, NFC), '([%_\\])', '\\\1', 'g')"
    statement = text(f"SELECT id FROM offering WHERE search_text ILIKE '%' || {escaped} || '%'")
    return set(db.session.scalars(statement, {"w": word}))


@pytest.mark.parametrize(
    ("sort", "index"),
    [
        (Sort.LATEST, "ix_offering_latest"),
        (Sort.PRICE, "ix_offering_price"),
        (Sort.RATING, "ix_offering_rating"),
    ],
)
def test_browsing_can_walk_an_index_and_sort_nothing(
    shelf: list[tuple[int, str]], sort: Sort, index: str
) -> None:
    """A hundred thousand services are not sorted for the twelve of a page."""
    db.session.execute(text("SET LOCAL enable_sort = off"))
    seen = []

    def keep(*arguments: object) -> None:
        seen.append((arguments[2], arguments[3]))

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        catalogue.page_of(sort=sort, size=12)
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    statement, parameters = seen[-1]
    plan = "\n".join(
        row[0] for row in db.session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
    )
    assert index in plan and "Sort" not in plan, plan


def test_only_what_is_on_sale_by_a_selected_supplier_shows(tx: Flask) -> None:
    """R-SUP-1"""
    factories.make_offering(supplier=factories.make_supplier(state=SupplierState.SUSPENDED))
    factories.make_offering(state=OfferingState.SUSPENDED)
    shown = factories.make_offering()
    assert [o.id for o in catalogue.page_of().items] == [shown.id]


def test_pages_are_bounded_and_cost_the_same(
    shelf: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = catalogue.page_of(page=9999, size=50)
    assert (page.total, page.pages, page.page, len(page.items)) == (300, 6, 6, 50)
    assert catalogue.page_of(page=-3).page == 1
    counts = [statements(size) for size in (1, 60)]
    assert 0 < counts[0] == counts[1] <= 6
    monkeypatch.setattr(catalogue, "COUNTED", 100)
    capped = catalogue.page_of(size=50)
    assert (capped.total, capped.total_capped, capped.pages) == (100, True, 2)


def statements(size: int) -> int:
    """How many statements a page of this size asks, its rows' parties included."""
    seen = []

    def count(*arguments: object) -> None:
        seen.append(arguments[2])

    db.session.expire_all()
    event.listen(db.engine, "before_cursor_execute", count)
    try:
        page = catalogue.page_of(q="가", size=size)
        assert all(o.supplier.name and o.category.name for o in page.items)
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    return len(seen)
