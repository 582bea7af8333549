"""Search of the catalogue (R-CAT-2): ours by the index on pairs of syllables, theirs by ILIKE, and by ILIKE
with a plain trigram index, which has nothing to offer for two letters.

What is measured is what a list shows: the ids of the best, ranked, not of any that fit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import joinedload

from app.db import db
from app.models.catalogue import Offering
from app.workflows import catalogue, search
from app.workflows.catalogue import Filters, Sort
from bench.harness import SLICE_SECONDS, Claim, Result, Side, in_turn, per_call
from bench.world import NOW, World, load_suppliers

SERVICES = 100_000
SUPPLIERS = 500
SHOWN = 20
# Every initial with every vowel, without final consonants: enough that most pairs are rare.
SYLLABLES = "".join(chr(0xAC00 + 28 * place) for place in range(19 * 21))

WORDS = 5
HITS = range(100, 401)


def run(world: World) -> list[Result]:
    _load(world)
    typical, rare, common = (_words(world, hits) for hits in (HITS, range(1, 10), range(3_000, 10_000)))
    return [
        _statement("search", "100 to 400 hits", typical, bar=20, binding=True),
        _trigram(world, typical),
        _statement("search-rare", "1 to 9 hits", rare, bar=100, binding=True, seconds=0.5),
        _statement("search-common", "3,000 to 9,999 hits", common, seconds=0.5),
        _page(typical),
    ]


def _load(world: World) -> None:
    """Services named from words of which few are common and most are rare, as in any language."""
    suppliers = load_suppliers(world, SUPPLIERS)
    [category, *_] = world.ids("SELECT id FROM category ORDER BY id")
    columns = (
        "supplier_id, category_id, name, summary, description, keywords, state, lowest_price, rating_sum,"
        " rating_count, search_text, published_at, created_at"
    )
    with world.owner.cursor() as cursor, cursor.copy(f"COPY offering ({columns}) FROM STDIN") as copy:
        for place, (name, keywords) in enumerate(_texts()):
            supplier = place % SUPPLIERS
            company = f"공급{supplier + 1} 주식회사"
            found_by = search.search_text(name=name, company=company, keywords=keywords)
            rating = (place * 7 % 25, place % 6)
            row = (suppliers[supplier], category, name, name, name, keywords, "on_sale", 330_000 + place)
            copy.write_row((*row, *rating, found_by, NOW, NOW))
    world.settle()


def _texts() -> Iterator[tuple[str, list[str]]]:
    dice = random.Random(2020)  # noqa: S311 - the same texts in every run
    words = ["".join(dice.choices(SYLLABLES, k=dice.choice((2, 2, 3)))) for _ in range(8_000)]
    weights = list(accumulate(1 / rank for rank in range(5, 8_005)))
    for place in range(SERVICES):
        drawn = dice.choices(words, cum_weights=weights, k=6)
        yield f"{drawn[0]}{drawn[1]} {drawn[2]} 서비스{place}", drawn[3:]


def _words(world: World, hits: range) -> list[str]:
    """Two-letter words with that many hits, spread evenly over them."""
    found = world.owner.execute(
        """SELECT gram, count(*) FROM offering, unnest(search_grams) gram
            WHERE char_length(gram) = 2 AND gram ~ '^[가-힣]+$' GROUP BY gram ORDER BY count(*), gram"""
    ).fetchall()
    fitting = [gram for gram, count in found if count in hits]
    assert len(fitting) >= WORDS, f"too few words with {hits} hits"
    return [fitting[(2 * place + 1) * len(fitting) // (2 * WORDS)] for place in range(WORDS)]


def _statement(
    name: str,
    hits: str,
    words: list[str],
    *,
    bar: float | None = None,
    binding: bool = False,
    seconds: float = SLICE_SECONDS,
) -> Result:
    """The search alone: one statement, the ids of the best."""
    ours = [_best(word, search.matching(word)) for word in words]
    theirs = [_best(word, _by_ilike(word)) for word in words]
    assert _ids(ours) == _ids(theirs), "ours and ILIKE answer differently"
    times = in_turn(
        lambda: per_call(lambda: _ids(ours), seconds=seconds) / WORDS,
        lambda: per_call(lambda: _ids(theirs), seconds=seconds) / WORDS,
    )
    claim = Claim(
        name=name,
        what=f"a two-letter Korean word with {hits} among {SERVICES:,} services, the best {SHOWN}",
        against="the same statement with ILIKE over the same text instead of the index",
        bar=bar,
        binding=binding,
    )
    return Result(claim=claim, ours=times[0], theirs=times[1])


def _trigram(world: World, words: list[str]) -> Result:
    """The peer's index stands only while it is measured; the planner is free to use it or not."""
    ours = [_best(word, search.matching(word)) for word in words]
    theirs = [_best(word, _by_ilike(word)) for word in words]
    measured = in_turn(
        lambda: per_call(lambda: _ids(ours)) / WORDS,
        lambda: _with_trigrams(world, lambda: per_call(lambda: _ids(theirs)) / WORDS),
    )
    claim = Claim(
        name="search-trigram",
        what=f"the same words as in `search`, the best {SHOWN}",
        against="the same statement with ILIKE and a GIN index of pg_trgm on that text",
        bar=10,
        binding=True,
    )
    return Result(claim=claim, ours=measured[0], theirs=measured[1])


def _with_trigrams(world: World, work: Side) -> float:
    """Ours is never planned beside the peer's index."""
    world.owner.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    world.owner.execute(
        "CREATE INDEX IF NOT EXISTS peer_trigrams ON offering USING gin (search_text gin_trgm_ops)"
    )
    try:
        return work()
    finally:
        db.session.remove()
        world.owner.execute("DROP INDEX peer_trigrams")


def _best(word: str, condition: ColumnElement[bool]) -> Select[int]:
    found = select(Offering.id).join(Offering.supplier)
    ranked = catalogue.order(Sort.RELEVANCE, word)
    return found.where(*catalogue.on_sale(), condition).order_by(*ranked).limit(SHOWN)


def _by_ilike(word: str) -> ColumnElement[bool]:
    return Offering.search_text.ilike(f"%{word}%")


def _ids(statements: Sequence[Select[int]]) -> list[list[int]]:
    return [list(db.session.scalars(statement)) for statement in statements]


def _page(words: list[str]) -> Result:
    """What a person waits for in the workflows: count and rows with supplier and category, as objects."""

    def ours() -> list[list[int]]:
        answers = []
        for word in words:
            found = catalogue.page_of(filters=Filters(), q=word, sort=Sort.RELEVANCE, size=SHOWN)
            answers.append([found.total, *(offering.id for offering in found.items)])
            db.session.remove()
        return answers

    def theirs() -> list[list[int]]:
        return [_page_by_ilike(word) for word in words]

    assert ours() == theirs(), "ours and ILIKE answer differently"
    times = in_turn(
        lambda: per_call(ours, seconds=0.5) / WORDS,
        lambda: per_call(theirs, seconds=0.5) / WORDS,
    )
    claim = Claim(
        name="search-page",
        what="the same words as in `search`, with the count and the ORM's objects for a page",
        against="the same two queries with ILIKE",
    )
    return Result(claim=claim, ours=times[0], theirs=times[1])


def _page_by_ilike(word: str) -> list[int]:
    conditions = [*catalogue.on_sale(), _by_ilike(word)]
    found = select(Offering).join(Offering.supplier).where(*conditions)
    counted = found.with_only_columns(Offering.id).limit(catalogue.COUNTED + 1).subquery()
    total = db.session.scalar(select(func.count()).select_from(counted)) or 0
    page = (
        found.options(joinedload(Offering.supplier), joinedload(Offering.category))
        .order_by(*catalogue.order(Sort.RELEVANCE, word))
        .limit(SHOWN)
    )
    answer = [min(total, catalogue.COUNTED), *(offering.id for offering in db.session.scalars(page))]
    db.session.remove()
    return answer
