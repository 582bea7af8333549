"""The statements of the queue, one for each shape of question (R-SCR-3).

A shape says which filters are set; their values come as parameters. So each statement is put together once,
and a page costs its rows. Two ways lead to them: along each state's stretch of the queue, which an index
holds in order, or from the companies that the index of letters names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from app.models.applications import Application, ScreeningRound
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.models.people import Account
from app.models.programme import Agency

FLAGGED = "flagged"
Way = Literal["walk", "look up"]
# The tables themselves: rows of values, without the mapper's care for each.
_application, _company = Application.__table__, Company.__table__
_agency, _account, _round = Agency.__table__, Account.__table__, ScreeningRound.__table__
_A, _C = _application.c, _company.c


@dataclass(frozen=True)
class Shape:
    """Which filters are set."""

    everywhere: bool
    """All agencies, not the one of `agency_id`."""
    states: tuple[str, ...] = ()
    size: int = 20
    """How many at most. Written into the statement: a plan made for any number would be made for many."""
    flagged: bool = False
    """In the order of the edits after the decision, not of arrival."""
    held: bool = False
    unheld: bool = False
    kind: bool = False
    windows: int = 0
    """How many programmes say between which instants a case must have come to be as old as asked for."""
    again: bool = False
    words: int = 0
    numbered: bool = False
    lettered: bool = False
    behind: Literal["", "place", "id"] = ""


def _given(name: str, kind: Any = BigInteger) -> Any:
    return bindparam(name, type_=kind)


def _most(size: int) -> Any:
    return literal_column(str(int(size)))


def _constant(state: str) -> Any:
    return literal_column(f"'{State(state).value}'", Text)


def _place(shape: Shape) -> Any:
    return _A.flagged_at if shape.flagged else _A.submitted_at


def _own(everywhere: bool) -> list[ColumnElement[bool]]:
    return [] if everywhere else [_A.agency_id == _given("agency_id")]


def _cells() -> Subquery:
    """Every state that is asked for: each is one stretch of an index that is in order by itself."""
    return select(func.unnest(_given("states", ARRAY(Text))).label("state")).subquery("cells")


def _narrowed(shape: Shape) -> list[ColumnElement[bool]]:
    """Everything but agency, state and search."""
    conditions = [_place(shape).is_not(None), _A.submitted_at.is_not(None)]
    if shape.held:
        conditions.append(_A.assigned_to_id == _given("holder"))
    if shape.unheld:
        conditions.append(_A.assigned_to_id.is_(None))
    if shape.kind:
        # A value, not a join: the walk along the queue must stay a walk.
        of_kind = select(_C.kind == _given("kind", Text)).where(_C.id == _A.company_id)
        conditions.append(of_kind.scalar_subquery())
    if shape.windows:
        conditions.append(_within(shape.windows))
    if shape.again:
        # The number written out and the agency named, as the index of second rounds holds them: no plan made
        # for any value of a parameter may use a partial index.
        again = [_round.c.number > literal_column("1")]
        again += [] if shape.everywhere else [_round.c.agency_id == _given("agency_id")]
        conditions.append(_A.id.in_(select(_round.c.application_id).where(*again)))
    return conditions


def _within(programmes: int) -> ColumnElement[bool]:
    """Each programme has its own calendar; the outer bounds are what an index serves."""
    at, instant = _A.submitted_at, DateTime(timezone=True)
    each = [
        and_(
            _A.programme_id == _given(f"programme_{n}"),
            at >= _given(f"since_{n}", instant),
            at < _given(f"before_{n}", instant),
        )
        for n in range(programmes)
    ]
    outer = and_(at >= _given("since", instant), at < _given("before", instant))
    return and_(_A.state == "screening", outer, or_(*each))


def _behind(shape: Shape, place: Any, key: Any) -> list[ColumnElement[bool]]:
    if not shape.behind:
        return []
    seen_id = _given("seen_id")
    if shape.behind == "place":
        return [tuple_(place, key) > tuple_(_given("seen_at", DateTime(timezone=True)), seen_id)]
    seen = _application.alias("seen")
    last = select(seen.c.flagged_at if shape.flagged else seen.c.submitted_at, seen.c.id)
    return [tuple_(place, key) > last.where(seen.c.id == seen_id).scalar_subquery()]


# --- search -------------------------------------------------------------------------------------------


def _holds(shape: Shape) -> ColumnElement[bool]:
    """Every word in the name or in the representative's."""
    words = [_given(f"word_{n}", Text) for n in range(shape.words)]
    return and_(*[or_(_C.name.ilike(word), _C.representative.ilike(word)) for word in words])


def _numbered(shape: Shape) -> list[ColumnElement[bool]]:
    between = _C.business_number.between(_given("first_number", Text), _given("last_number", Text))
    return [between] if shape.numbered else []


def _found(shape: Shape) -> list[ColumnElement[bool]]:
    """The search as a condition on one application on the way."""
    if not shape.words:
        return []
    named = select(or_(_holds(shape), *_numbered(shape))).where(_C.id == _A.company_id)
    return [or_(named.scalar_subquery(), _A.receipt_number == _given("typed", Text))]


def _companies(shape: Shape) -> Subquery:
    """Companies that match, through the indexes, each once; the pairs of letters are checked again.

    What an earlier part has answered, a later one leaves out: to sort duplicates away would be to meet them
    all before the first.
    """
    own = [] if shape.everywhere else [_C.agency_id == _given("agency_id")]
    grams = func.public.query_grams(_given("phrase", Text))
    lettered = [_C.grams.contains(grams)] if shape.lettered else []
    received = select(_A.company_id).where(_A.receipt_number == _given("typed", Text)).scalar_subquery()
    parts = [
        select(_C.id).where(*lettered, _holds(shape), *own),
        select(_C.id).where(_C.id == received, ~_holds(shape), *own),
    ]
    for numbered in _numbered(shape):
        parts.append(select(_C.id).where(numbered, ~_holds(shape), _C.id != func.coalesce(received, 0), *own))
    return union_all(*parts).subquery("found")


# --- the two ways -------------------------------------------------------------------------------------


def _walk(shape: Shape, *columns: Any) -> Select[Any]:
    """Each state's stretch from the cursor on, as far as `size`; of these the first `size`."""
    place, size = _place(shape).label("place"), _most(shape.size)
    met = [*_own(shape.everywhere), *_narrowed(shape), *_found(shape), *_behind(shape, _place(shape), _A.id)]
    # The index of flags knows no states.
    states = (
        [_A.state.in_([_constant(state) for state in shape.states])]
        if shape.flagged
        else [_A.state == _constant(state) for state in shape.states]
    )
    stretches = [
        select(_A.id, place).where(state, *met).order_by(place, _A.id).limit(size) for state in states
    ]
    found = (
        union_all(*stretches).subquery("stretches")
        if len(stretches) > 1
        else stretches[0].subquery("stretch")
    )
    return select(found.c.id, found.c.place, *columns).order_by(found.c.place, found.c.id).limit(size)


def _joined(cells: Subquery, found: FromClause) -> Select[Any]:
    return select(*found.c).select_from(cells.join(found, true()))


def _look_up(shape: Shape, *columns: Any) -> Select[Any]:
    found = _companies(shape)
    statement = select(*columns).join(found, found.c.id == _A.company_id)
    return statement.where(
        *_own(shape.everywhere), _A.state.in_([_constant(state) for state in shape.states]), *_narrowed(shape)
    )


def _picked(shape: Shape, way: Way) -> Subquery:
    """Ids and places of one page, and how many match where the way has met them all."""
    if way == "walk":
        return _walk(shape, literal(None, BigInteger).label("total")).subquery("picked")
    place = _place(shape).label("place")
    found = _look_up(shape, _A.id, place, func.count().over().label("total")).subquery("met")
    ordered = select(*found.c).where(*_behind(shape, found.c.place, found.c.id))
    ordered = ordered.order_by(found.c.place, found.c.id)
    return ordered.limit(_most(shape.size)).subquery("picked")


@lru_cache(maxsize=512)
def page(shape: Shape, way: Way) -> Select[Any]:
    picked = _picked(shape, way)
    again = select(_round.c.id).where(_round.c.application_id == _A.id, _round.c.number > 1)
    company = (
        _C.name.label("company_name"),
        _C.kind,
        _C.business_number,
        _C.representative,
        _C.tax_office_state,
    )
    columns = "id receipt_number state submitted_at flagged_at waitlisted_at assigned_to_id score".split()
    columns += ["agency_id", "company_id", "programme_id"]
    return (
        select(
            picked.c.place,
            picked.c.total,
            *[_A[name] for name in columns],
            *company,
            _agency.c.name.label("agency_name"),
            _account.c.name.label("assigned_name"),
            again.exists().label("is_again"),
        )
        .select_from(picked)
        .join(_application, _A.id == picked.c.id)
        .join(_company, _C.id == _A.company_id)
        .join(_agency, _agency.c.id == _A.agency_id)
        .outerjoin(_account, _account.c.id == _A.assigned_to_id)
        .order_by(picked.c.place, picked.c.id)
    )


@lru_cache(maxsize=512)
def ids(shape: Shape, way: Way) -> Select[Any]:
    picked = _picked(shape, way)
    return select(picked.c.id).order_by(picked.c.place, picked.c.id)


@lru_cache(maxsize=512)
def total(shape: Shape, way: Way) -> Select[Any]:
    """How many match, at most the shape's `size`."""
    met = _walk(shape) if way == "walk" else _look_up(shape, _A.id).limit(_most(shape.size))
    return select(func.count()).select_from(met.subquery("met"))


@lru_cache(maxsize=8)
def counts(everywhere: bool, size: int) -> Any:
    """How many in each state and flagged, each at most `size`."""
    most = _most(size)
    cells, own = _cells(), _own(everywhere)
    in_state = select(_A.id).where(_A.state == cells.c.state, _A.submitted_at.is_not(None), *own)
    flagged = select(_A.id).where(_A.flagged_at.is_not(None), *own)
    # In the index's order, or the planner would read the table until it has met enough.
    some = in_state.order_by(_A.submitted_at).limit(most).lateral("some")
    others = flagged.limit(most).subquery("others")
    return union_all(
        select(cells.c.state, func.count()).select_from(cells.join(some, true())).group_by(cells.c.state),
        select(literal(FLAGGED), func.count()).select_from(others),
    )


@lru_cache(maxsize=8)
def next_case(everywhere: bool, behind: bool) -> Select[Any]:
    """The first of each stretch that is free: in nobody's hands, or in the holder's; everywhere, any."""
    cells, own = _cells(), _own(everywhere)
    shape = Shape(everywhere, behind="id" if behind else "")
    hands: list[list[ColumnElement[bool]]] = (
        [[]] if everywhere else [[_A.assigned_to_id.is_(None)], [_A.assigned_to_id == _given("holder")]]
    )
    firsts = [
        select(_A.id, _A.submitted_at)
        .where(_A.state == cells.c.state, _A.submitted_at.is_not(None), *own, *free)
        .where(*_behind(shape, _A.submitted_at, _A.id))
        # All are in the same hands; naming them leaves no index but the one that begins with them.
        .order_by(*[] if everywhere else [_A.assigned_to_id], _A.submitted_at, _A.id)
        .limit(1)
        .lateral(f"first_{number}")
        for number, free in enumerate(hands)
    ]
    found = union_all(*[_joined(cells, first) for first in firsts]).subquery("firsts")
    return select(found.c.id).order_by(found.c.submitted_at, found.c.id).limit(1)
