"""The reviewers' queue: whose it is, filters, search, order, and what it costs (R-SCR-3, R-SCR-3b)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, or_, select, text

from app import clock
from app.db import db
from app.errors import Denied
from app.models.applications import Application, ScreeningRound
from app.models.applications import ApplicationState as State
from app.models.companies import Company, CompanyKind
from app.policy import Actor, Role
from app.workflows import queue_reads, queue_search
from app.workflows.queue_time import QueueTime
from tests import factories as make
from tests.plans import analyze

pytestmark = pytest.mark.usefixtures("tx")
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
EVERY = {"states": list(State)}


class House:
    """One programme, two agencies with a reviewer each, and cases on demand."""

    def __init__(self) -> None:
        self.programme = make.make_programme()
        self.agency, self.other = make.make_agency(), make.make_agency()
        self.reviewer = make.make_actor(Role.REVIEWER, agency_id=self.agency.id)
        self.colleague = make.make_actor(Role.REVIEWER, agency_id=self.agency.id)
        self.stranger = make.make_actor(Role.REVIEWER, agency_id=self.other.id)
        self.officer = make.make_actor(Role.BUDGET_OFFICER, agency_id=make.make_agency(is_lead=True).id)

    def case(self, state: State = State.SCREENING, *, foreign: bool = False, **fields: Any) -> Application:
        names = {key: fields.pop(key) for key in ("name", "representative", "kind") if key in fields}
        agency = self.other if foreign else self.agency
        company = make.make_company(programme_id=self.programme.id, agency_id=agency.id, **names)
        return make.make_application(company=company, state=state, **fields)


@pytest.fixture
def house() -> Iterator[House]:
    with clock.at(NOW):
        yield House()


def keys(actor: Actor, **asked: Any) -> list[int]:
    return [row.application.id for row in queue_reads.queue(actor=actor, size=1_000, **asked)]


FILTERS: list[dict[str, Any]] = [
    {},
    EVERY,
    EVERY | {"flagged": True},
    {"search": "찾는"},
    {"unassigned": True},
    {"kind": CompanyKind.CORPORATE},
    {"late": True},
    {"again": True},
    {"age": "21-"},
]


@pytest.mark.parametrize("asked", FILTERS, ids=lambda asked: "-".join(asked) or "none")
def test_every_filter_shows_the_own_agency_only(asked: dict[str, Any], house: House) -> None:
    """R-ROLE-2: whatever the address asks for."""
    both = []
    for foreign in (False, True):
        old = {"submitted_at": NOW - timedelta(days=60), "flagged_at": NOW}
        case = house.case(name="찾는 기업", foreign=foreign, **old)
        rounds = {"application_id": case.id, "agency_id": case.agency_id, "programme_id": case.programme_id}
        db.session.add(ScreeningRound(**rounds, number=2, entered_at=NOW))
        both.append(case.id)
    db.session.flush()
    asked = asked | {"agency_id": house.other.id}
    assert keys(house.reviewer, **asked) == both[:1]
    assert queue_reads.ids(actor=house.reviewer, **asked) == both[:1]
    assert queue_reads.total(actor=house.reviewer, **asked) == 1
    assert keys(house.stranger, **asked) == both[1:]
    assert keys(house.officer, **asked) == both[1:]
    assert keys(house.officer, **asked | {"agency_id": None}) == both


def test_who_may_not_see_cases_sees_no_queue(house: House) -> None:
    finance = make.make_actor(Role.FINANCE_OFFICER, agency_id=house.agency.id)
    for read in (queue_reads.page, queue_reads.ids, queue_reads.counts, queue_reads.next_case):
        with pytest.raises(Denied):
            read(actor=finance)


def test_a_reviewer_without_an_agency_has_no_queue(house: House) -> None:
    house.case()
    homeless = Actor(id=1, role=Role.REVIEWER, name="무소속")
    assert keys(homeless) == [] and queue_reads.next_case(actor=homeless) is None


def test_filters_narrow_by_hands_kind_round_and_flag(house: House) -> None:
    mine = house.case(assigned_to_id=house.reviewer.id, kind=CompanyKind.SOLE)
    hers = house.case(assigned_to_id=house.colleague.id)
    free = house.case()
    late_flag = house.case(State.APPROVED, flagged_at=NOW)
    early_flag = house.case(State.SCREENED, flagged_at=NOW - timedelta(days=1))
    ask = lambda **asked: keys(house.reviewer, **asked)  # noqa: E731
    assert ask(mine=True) == [mine.id] and ask(kind=CompanyKind.SOLE) == [mine.id]
    assert ask(account_id=house.colleague.id) == [hers.id]
    assert ask(unassigned=True) == [free.id]
    assert ask(**EVERY, flagged=True) == [early_flag.id, late_flag.id]  # in the order of the edits
    assert ask(**EVERY) == [mine.id, hers.id, free.id, late_flag.id, early_flag.id]


def test_late_is_what_waits_longer_than_promised_in_business_days(house: House) -> None:
    """Ten business days before Monday 2020-11-16 is Monday 2020-11-02; a closing day moves it back."""
    on_time = house.case(submitted_at=datetime(2020, 11, 2, tzinfo=clock.KST))
    late = house.case(submitted_at=datetime(2020, 11, 1, 23, 59, tzinfo=clock.KST))
    older = house.case(submitted_at=datetime(2020, 10, 30, 12, tzinfo=clock.KST))
    house.case(State.ON_HOLD, submitted_at=older.submitted_at)
    rows = {row.application.id: row for row in queue_reads.queue(actor=house.reviewer)}
    assert rows[on_time.id].waiting_days == 10 and not rows[on_time.id].is_late
    # Sunday's case: the days after Sunday, Monday among them.
    assert rows[late.id].waiting_days == 11 and rows[late.id].is_late
    assert keys(house.reviewer, **EVERY, late=True) == [older.id, late.id]
    assert keys(house.reviewer, age="6-10") == [on_time.id]
    assert keys(house.reviewer, age="11-20") == [older.id, late.id]
    assert keys(house.reviewer, age="7-8") == []


def test_waiting_is_counted_as_the_clock_counts_it(house: House) -> None:
    time = QueueTime.read()
    for days in range(40):
        since = NOW - timedelta(days=days, hours=days)
        assert time.waited(house.programme.id, since) == clock.business_days_between(since, NOW)


SYLLABLES = "가나다한빛누리ab%_\\\\1 2(주)"


def _by_ilike(actor: Actor, word: str) -> set[int]:
    """What ILIKE answers, word by word."""
    statement = select(Application.id).join(Company, Company.id == Application.company_id)
    for part in word.split():
        either = (Company.name, Company.representative)
        statement = statement.where(or_(*[column.icontains(part, autoescape=True) for column in either]))
    return set(db.session.scalars(statement.where(Application.agency_id == actor.agency_id)))


@pytest.mark.parametrize("way", ["look up", "walk", "counted first"])
def test_a_search_answers_what_ilike_answers(way: str, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One letter, two letters, signs, several words: by each of the ways to the rows."""
    few, many = {"look up": (10**9, 10**9), "walk": (-1, -1), "counted first": (-1, 10**9)}[way]
    monkeypatch.setattr(queue_reads, "FEW", few)
    monkeypatch.setattr(queue_reads, "MANY", many)
    dice = random.Random(2020)
    for _ in range(60):
        drawn = ["".join(dice.choices(SYLLABLES, k=dice.randint(2, 8))).strip() or "가" for _ in range(2)]
        house.case(name=drawn[0], representative=drawn[1], foreign=dice.random() < 0.2)
    words = ["".join(dice.choices(SYLLABLES, k=dice.choice((1, 1, 2, 2, 3, 5)))).strip() for _ in range(120)]
    found = 0
    for word in filter(None, words):
        if queue_search.Search.read(word).has_number:
            continue  # a number may be a company's as well
        expected = _by_ilike(house.reviewer, word)
        assert set(keys(house.reviewer, search=word)) == expected, word
        assert queue_reads.total(actor=house.reviewer, search=word) == len(expected)
        assert set(queue_reads.ids(actor=house.reviewer, search=word)) == expected
        found += len(expected)
    assert found > 100


def test_a_search_finds_numbers_with_and_without_hyphens(house: House) -> None:
    case, other = house.case(), house.case()
    number = case.company.business_number
    for typed in (number, f"{number[:3]}-{number[3:5]}-{number[5:]}", f" {number} ", case.receipt_number):
        assert keys(house.reviewer, search=typed) == [case.id]
    shared = [case.id, other.id] if other.company.business_number[:3] == number[:3] else [case.id]
    assert keys(house.reviewer, search=number[:3]) == shared
    assert keys(house.reviewer, search=number[1:]) == []


@pytest.mark.parametrize("asked", [{}, EVERY, {"search": "주식"}, EVERY | {"flagged": True}], ids=str)
def test_a_walk_by_pages_meets_each_case_once_even_of_one_instant(
    asked: dict[str, Any], house: House
) -> None:
    expected = [
        house.case(
            [State.SCREENING, State.SCREENED][n % 2], submitted_at=NOW, flagged_at=NOW, name=f"주식회사 {n}"
        )
        for n in range(23)
    ]
    wanted = [case.id for case in expected if case.state in asked.get("states", [State.SCREENING])]
    met: list[int] = []
    after = None
    while rows := queue_reads.queue(actor=house.reviewer, size=5, after=after, **asked):
        met += [row.application.id for row in rows]
        after = rows[-1].cursor
    assert met == wanted
    assert met == queue_reads.ids(actor=house.reviewer, **asked)
    assert queue_reads.ids(actor=house.reviewer, limit=3, **asked) == wanted[:3]


def test_a_cursor_stands_where_its_case_stood(house: House) -> None:
    """The last flag of a page is cleared, and the next page still begins behind it."""
    first, second = (house.case(State.APPROVED, flagged_at=NOW + timedelta(n)) for n in range(2))
    cursor = queue_reads.queue(actor=house.reviewer, **EVERY, flagged=True)[0].cursor
    first.flagged_at = None
    db.session.flush()
    assert keys(house.reviewer, **EVERY, flagged=True, after=cursor) == [second.id]


@pytest.mark.parametrize("after", ["", "x", "-", "1-", "-1", "9" * 40, f"{'9' * 18}-1", "1-2-3", "１-２"])
def test_an_unreadable_cursor_breaks_nothing(after: str, house: House) -> None:
    house.case()
    assert len(keys(house.reviewer, after=after)) in (0, 1)


def test_totals_stop_at_a_thousand(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        house.case(name="같은 이름")
    monkeypatch.setattr(queue_reads, "COUNTED", 2)
    assert queue_reads.total(actor=house.reviewer) == 3
    assert queue_reads.counts(actor=house.reviewer)[State.SCREENING] == 3
    assert queue_reads.counts(actor=house.officer)[State.SCREENING] == 3
    assert (queue_reads.counted(2), queue_reads.counted(3)) == ("2", "2+")


def test_each_state_has_its_number(house: House) -> None:
    house.case(State.APPROVED, flagged_at=NOW)
    house.case(State.NOT_APPLIED, submitted_at=None)
    house.case(foreign=True)
    own, everybody = queue_reads.counts(actor=house.reviewer), queue_reads.counts(actor=house.officer)
    assert own == dict.fromkeys(State, 0) | {State.APPROVED: 1, queue_reads.FLAGGED: 1}
    assert everybody[State.SCREENING] == 1


# --- 결정 후 다음 ---------------------------------------------------------------------------------------


def test_the_next_case_is_the_oldest_that_is_nobody_elses(house: House) -> None:
    """R-SCR-3b"""
    instants = [NOW - timedelta(hours=9 - n) for n in range(5)]
    house.case(submitted_at=instants[0], assigned_to_id=house.colleague.id)
    house.case(submitted_at=instants[0], foreign=True)
    mine = house.case(submitted_at=instants[1], assigned_to_id=house.reviewer.id)
    free = house.case(submitted_at=instants[2])
    house.case(State.ON_HOLD, submitted_at=instants[0])
    follow = lambda **asked: queue_reads.next_case(actor=house.reviewer, **asked)  # noqa: E731
    assert follow() == mine.id
    assert follow(after=mine.id) == free.id
    assert follow(after=free.id) is None
    assert follow(states=[State.SCREENED]) is None
    # To the lead agency, each is free.
    screened = house.case(State.SCREENED, assigned_to_id=house.colleague.id)
    assert queue_reads.next_case(actor=house.officer, states=[State.SCREENED]) == screened.id


def _statements(call: Any) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []
    listen = lambda *args: seen.append((args[2], args[3]))  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        call()
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    return seen


def _visited(plan: dict[str, Any]) -> int:
    """Rows that the scans of a plan have met, kept and thrown away."""
    own = 0
    if plan.get("Relation Name") == "application":
        own = int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return own + sum(_visited(part) for part in plan.get("Plans", ()))


def test_the_next_case_costs_the_same_however_many_lie_before_it(house: House) -> None:
    """R-SCR-3b: one statement, a row for each pair of hands; what others hold is not even met."""

    def cost() -> int:
        [(statement, values)] = _statements(lambda: queue_reads.next_case(actor=house.reviewer))
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        explained = db.session.connection().exec_driver_sql(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values
        )
        return _visited(explained.scalar_one()[0]["Plan"])

    house.case(submitted_at=NOW + timedelta(hours=1))
    assert cost() <= 2
    for n in range(300):
        house.case(submitted_at=NOW - timedelta(minutes=n), assigned_to_id=house.colleague.id)
    analyze("application")
    assert cost() <= 2


def test_a_page_asks_as_often_whatever_is_searched_and_however_many_there_are(house: House) -> None:
    def asked(**filters: Any) -> int:
        return len(_statements(lambda: queue_reads.page(actor=house.reviewer, **filters)))

    house.case(name="하나 회사")
    few = asked(), asked(search="회사"), asked(**EVERY, late=True, kind=CompanyKind.SOLE)
    for _ in range(30):
        house.case(name="여러 회사")
    assert (asked(), asked(search="회사"), asked(**EVERY, late=True, kind=CompanyKind.SOLE)) == few
    assert few == (2, 3, 2)
