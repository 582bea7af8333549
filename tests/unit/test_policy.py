"""Who may do what, and to whose records (R-ROLE-1 to R-ROLE-4)."""

from types import SimpleNamespace

import pytest

from app import policy
from app.errors import Denied, NotFound
from app.policy import CLOCK, GRANTS, Actor, Permission, Role

SIDES = {
    Role.DEMAND: "company_id",
    Role.SUPPLIER: "supplier_id",
    Role.REVIEWER: "agency_id",
    Role.MANAGER: "agency_id",
}
LEAD = [r for r in Role if r.is_staff and not r.is_operating_agency and r is not Role.SYSTEM_ADMIN]


def actor(role: Role, **fields) -> Actor:
    return Actor(id=7, role=role, name="사람", **fields)


def test_every_role_has_a_korean_label_and_a_row_of_permissions():
    assert set(policy.ROLE_LABELS) == set(GRANTS) == set(Role)
    assert len({role.label for role in Role}) == len(Role)


def test_every_permission_is_granted_to_somebody():
    granted = frozenset.union(*GRANTS.values()) | {Permission.PUBLIC, Permission.LOGGED_IN}
    assert granted == set(Permission)


def test_the_auditor_reads_and_changes_nothing():
    """R-ROLE-3"""
    reads = {p for p in Permission if p.value.endswith(".view")} | {Permission.CONSOLE}
    assert GRANTS[Role.AUDITOR] <= reads


def test_the_system_administrator_decides_nothing():
    """Domain section 1: accounts and settings, no decisions."""
    accounts_and_machinery = {"console", "account.manage", "operations.view", "operations.manage"}
    assert {p.value for p in GRANTS[Role.SYSTEM_ADMIN]} <= accounts_and_machinery | {"programme.settings"}


def test_who_screens_does_not_confirm_budgets_and_the_other_way_round():
    """R-ROLE-4: already the roles part the two."""
    screens = {r for r in Role if Permission.SCREENING_DECIDE in GRANTS[r]}
    confirms = {r for r in Role if Permission.BUDGET_CONFIRM in GRANTS[r]}
    assert screens == {Role.REVIEWER, Role.MANAGER}
    assert confirms == {Role.BUDGET_OFFICER}


def test_public_is_for_anyone_and_logged_in_for_accounts_only():
    nobody = Actor(id=None, role=Role.DEMAND, name="")
    assert nobody.may(Permission.PUBLIC)
    assert not nobody.may(Permission.LOGGED_IN)
    assert actor(Role.AUDITOR).may(Permission.LOGGED_IN)
    assert not CLOCK.may(Permission.LOGGED_IN)


def test_the_clock_has_its_own_permission_and_nobody_else_has_it():
    assert GRANTS[Role.SYSTEM] == {Permission.CLOCKWORK}
    assert [r for r in Role if Permission.CLOCKWORK in GRANTS[r]] == [Role.SYSTEM]


@pytest.mark.parametrize("role", list(Role), ids=lambda r: r.value)
def test_require_raises_denied_for_everything_that_is_not_granted(role):
    for permission in set(Permission) - {Permission.PUBLIC, Permission.LOGGED_IN}:
        if permission in GRANTS[role]:
            policy.require(actor(role), permission)
        else:
            with pytest.raises(Denied):
                policy.require(actor(role), permission)


@pytest.mark.parametrize(("role", "attribute"), SIDES.items(), ids=lambda v: getattr(v, "value", v))
def test_a_side_owns_only_what_bears_its_own_id(role, attribute):
    """R-ROLE-2"""
    mine = actor(role, **{attribute: 3})
    assert policy.owns(mine, SimpleNamespace(**{attribute: 3}))
    assert not policy.owns(mine, SimpleNamespace(**{attribute: 4}))
    assert not policy.owns(mine, SimpleNamespace())
    assert policy.side(mine) == (attribute, 3)


@pytest.mark.parametrize(("role", "attribute"), SIDES.items(), ids=lambda v: getattr(v, "value", v))
def test_an_actor_without_a_side_owns_nothing_not_even_what_is_nobodys(role, attribute):
    """R-ROLE-2: None equals None, and must not open a record."""
    assert not policy.owns(actor(role), SimpleNamespace(**{attribute: None}))


def test_lead_agency_and_clock_own_all_and_the_system_administrator_nothing():
    record = SimpleNamespace(company_id=1)
    assert all(policy.owns(actor(role), record) for role in LEAD)
    assert policy.owns(CLOCK, record)
    assert not policy.owns(actor(Role.SYSTEM_ADMIN), record)


def test_anothers_record_is_not_found_rather_than_denied():
    """R-ROLE-2: that it exists is nobody else's business."""
    with pytest.raises(NotFound):
        policy.require_own(actor(Role.DEMAND, company_id=1), SimpleNamespace(company_id=2))


def test_the_same_person_may_not_do_both_steps():
    """R-ROLE-4"""
    person = actor(Role.FINANCE_OFFICER)
    policy.require_other_person(person, None, 8)
    policy.require_other_person(CLOCK, None)
    with pytest.raises(Denied) as refused:
        policy.require_other_person(person, None, 7)
    assert refused.value.code == "same_person"
    assert "다른 담당자" in refused.value.text
