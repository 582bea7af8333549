"""Every lifecycle of the product, found by itself: complete, and closed to every other move."""

import importlib
import pkgutil
from types import SimpleNamespace

import pytest
from sqlalchemy import text

import app.workflows
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.types import Labelled
from app.policy import GRANTS, Actor, Role
from app.workflows import lifecycle as engine
from app.workflows.lifecycle import Lifecycle

# Where a record's way ends. A state left out here must have an exit.
FINAL = {
    "abuse_report": {"closed"},
    "settlement_hold": {"released"},
    "suspicion": {"cleared", "confirmed"},
    "accounting_month": set(),
    "tax_invoice": {"voided"},
    "application": {"approved", "rejected"},
    "payment": {"failed", "cancelled"},
    "bulk_run": {"done"},
    "paper_export": {"cancelled", "expired"},
    "budget_offer": {"declined", "lapsed", "used", "withdrawn"},
    "deal": {"turned_down", "lapsed", "withdrawn", "payment_cancelled"},
    "instrument": {"issued"},
    "offering": set(),
    "post": set(),
    "settlement_batch": {"closed", "discarded"},
    "settlement_line": {"paid", "held"},
    "statement_file": {"matched"},
    "recon_item": set(),
    "supplier": {"rejected"},
    "voucher": {"waived", "revoked", "expired"},
}


SIDES = (Role.DEMAND, Role.SUPPLIER, Role.REVIEWER, Role.MANAGER)


def found() -> list[Lifecycle]:
    modules = [
        importlib.import_module(f"{app.workflows.__name__}.{module.name}")
        for module in pkgutil.iter_modules(app.workflows.__path__)
    ]
    all_of_them = {
        id(value): value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Lifecycle)
    }
    return sorted(all_of_them.values(), key=lambda lifecycle: lifecycle.entity)


LIFECYCLES = found()
EDGES = [(lifecycle, edge) for lifecycle in LIFECYCLES for edge in lifecycle.edges]
WRONG = [
    (lifecycle, action, state)
    for lifecycle in LIFECYCLES
    for action in dict.fromkeys(edge.action for edge in lifecycle.edges)
    for state in lifecycle.states
    if state not in {edge.source for edge in lifecycle.of(action)}
]


def name(value):
    if isinstance(value, Lifecycle):
        return value.entity
    if isinstance(value, Role):
        return value.value
    if isinstance(value, engine.Edge):
        return f"{value.source.value}-{value.action}"
    return value.value if isinstance(value, Labelled) else str(value)


each = pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=name)
each_edge = pytest.mark.parametrize(("lifecycle", "edge"), EDGES, ids=name)


@pytest.fixture
def fire(tx, monkeypatch):
    """fire() on a record that is in a given state, with everything else as the real thing."""

    def run(lifecycle, action, state, *, role=None, reason="사유", **fields):
        edges = lifecycle.of(action)
        actor = actor_as(role or holders(edges[0])[0])
        others = {attribute: 2 for edge in edges for attribute in edge.other_than}
        row = SimpleNamespace(
            state=state, **{"company_id": 1, "supplier_id": 1, "agency_id": 1} | others | fields
        )
        monkeypatch.setattr(engine, "lock", lambda model, key: row)
        try:
            engine.fire(lifecycle, 1, action, actor=actor, reason=reason)
        finally:
            assert row.state is state
            assert not db.session.execute(text("SELECT 1 FROM audit_row UNION SELECT 1 FROM notice")).first()

    return run


def holders(edge: engine.Edge) -> list[Role]:
    return [role for role in Role if edge.permission in GRANTS[role]]


def actor_as(role: Role) -> Actor:
    ids = {"company_id": 1, "supplier_id": 1, "agency_id": 1}
    return Actor(id=None if role is Role.SYSTEM else 1, role=role, name="사람", **ids)


@each
def test_a_decision_that_asks_is_not_called_as_the_way_out_of_its_question(lifecycle):
    """'취소' beside '취소' says nothing."""
    assert "취소" not in [edge.label for edge in lifecycle.edges if edge.confirm]


def test_all_lifecycles_of_the_domain_are_here():
    assert [lifecycle.entity for lifecycle in LIFECYCLES] == sorted(FINAL)


@each
def test_every_state_can_be_reached(lifecycle):
    reached = set(lifecycle.initial)
    while more := {edge.target for edge in lifecycle.edges if edge.source in reached} - reached:
        reached |= more
    assert reached == set(lifecycle.states)


@each
def test_final_states_have_no_exit_and_all_others_have_one(lifecycle):
    leaving = {edge.source for edge in lifecycle.edges}
    assert {state.value for state in lifecycle.states if state not in leaving} == FINAL[lifecycle.entity]


@each
def test_an_action_leads_from_a_state_to_one_place_only(lifecycle):
    pairs = [(edge.action, edge.source) for edge in lifecycle.edges]
    assert len(pairs) == len(set(pairs))
    for action in {edge.action for edge in lifecycle.edges}:
        assert len({edge.label for edge in lifecycle.of(action)}) == 1, "one button, one word"


@each
def test_the_table_speaks_of_its_own_states_and_columns(lifecycle):
    assert lifecycle.model.__table__.c.state.type.enum_class is lifecycle.states
    for edge in lifecycle.edges:
        assert isinstance(edge.source, lifecycle.states) and isinstance(edge.target, lifecycle.states)
        for attribute in edge.other_than:
            assert hasattr(lifecycle.model, attribute)
        for tell in edge.tell:
            assert hasattr(lifecycle.model, f"{tell.to}_id")
            assert tell.to in ("company", "supplier")
            assert tell.text.format(reason="사유", name="이름")


@each_edge
def test_somebody_may_fire_it_and_everybody_else_is_denied(lifecycle, edge, fire):
    assert holders(edge)
    allowed = {role for other in lifecycle.of(edge.action) for role in holders(other)}
    for stranger in set(Role) - allowed:
        # The system administrator owns no record at all, and is not even told that there is one.
        with pytest.raises(NotFound if stranger is Role.SYSTEM_ADMIN else Denied):
            fire(lifecycle, edge.action, edge.source, role=stranger)


SIDED = [(lifecycle, edge, role) for lifecycle, edge in EDGES for role in holders(edge) if role in SIDES]


@pytest.mark.parametrize(("lifecycle", "edge", "role"), SIDED, ids=name)
def test_anothers_record_is_not_found(lifecycle, edge, role, fire):
    """R-ROLE-2, for every edge that one of the two sides or an operating agency fires."""
    strange = {"company_id": 9, "supplier_id": 9, "agency_id": 9}
    with pytest.raises(NotFound):
        fire(lifecycle, edge.action, edge.source, role=role, **strange)


@pytest.mark.parametrize(("lifecycle", "edge"), [e for e in EDGES if e[1].needs_reason], ids=name)
def test_without_the_reason_that_it_needs_it_is_refused(lifecycle, edge, fire):
    with pytest.raises(InvalidInput) as refused:
        fire(lifecycle, edge.action, edge.source, role=holders(edge)[0], reason="  ")
    assert refused.value.code == "reason_missing"


@pytest.mark.parametrize(("lifecycle", "edge"), [e for e in EDGES if e[1].other_than], ids=name)
def test_the_person_of_the_earlier_step_is_refused(lifecycle, edge, fire):
    """R-ROLE-4"""
    for attribute in edge.other_than:
        with pytest.raises(Denied) as refused:
            fire(lifecycle, edge.action, edge.source, role=holders(edge)[0], **{attribute: 1})
        assert refused.value.code == "same_person"


@pytest.mark.parametrize(("lifecycle", "action", "state"), WRONG, ids=name)
def test_from_any_other_state_it_is_refused_in_korean(lifecycle, action, state, fire):
    with pytest.raises(Conflict) as refused:
        fire(lifecycle, action, state)
    assert refused.value.code == f"{lifecycle.entity}.{action}.state"
    assert f"'{state.label}'" in refused.value.text
    for edge in lifecycle.of(action):
        assert edge.source.label in refused.value.text
