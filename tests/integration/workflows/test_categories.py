"""The catalogue's categories in the hands of the lead agency (R-CAT-1, R-JOIN-7a)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Category
from app.models.record import AuditRow
from app.policy import CLOCK, Actor, Role
from app.workflows import catalogue, categories, programmes
from app.workflows.programme_presets import CATEGORIES
from tests import factories


@pytest.fixture
def keeper(tx: Flask) -> Actor:
    programmes.create_programme(actor=CLOCK, year=2020)
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


def names() -> list[str]:
    return list(categories.names().values())


def key_of(name: str) -> int:
    return db.session.scalars(select(Category.id).where(Category.name == name)).one()


def trail(category_id: int) -> list[tuple[str, dict[str, object]]]:
    rows = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == "category", AuditRow.entity_id == category_id)
        .order_by(AuditRow.seq)
    )
    return [(row.action, row.change) for row in rows]


def test_a_category_is_added_renamed_and_put_in_its_place(keeper: Actor) -> None:
    added = categories.add(actor=keeper, name=" 비대면  법률 상담 ")
    assert names()[-1] == "비대면 법률 상담" and len(names()) == 7
    categories.rename(actor=keeper, category_id=added.id, name="비대면 법률")
    categories.move(actor=keeper, category_id=added.id, up=True)
    assert names()[-2] == "비대면 법률"
    categories.move(actor=keeper, category_id=added.id, up=False)
    categories.move(actor=keeper, category_id=added.id, up=False)  # the last goes no further
    assert names()[-1] == "비대면 법률"
    assert trail(added.id) == [
        ("create", {"name": [None, "비대면 법률 상담"]}),
        ("edit", {"name": ["비대면 법률 상담", "비대면 법률"]}),
        ("reorder", {"position": [7, 6]}),
        ("reorder", {"position": [6, 7]}),
    ]


def test_a_closed_one_is_not_shown_and_what_stands_in_it_stays(keeper: Actor) -> None:
    key = key_of(CATEGORIES["care"])
    offering = factories.make_offering(category_id=key)
    categories.set_open(actor=keeper, category_id=key, is_open=False)
    categories.set_open(actor=keeper, category_id=key, is_open=False)  # twice is once
    assert CATEGORIES["care"] not in [each.name for each in programmes.categories()]
    assert CATEGORIES["care"] not in [
        each.name for each, _ in catalogue.categories_with_counts(programme=programmes.current())
    ]
    assert [found.id for found in catalogue.page_of().items] == [offering.id]
    categories.set_open(actor=keeper, category_id=key, is_open=True)
    assert CATEGORIES["care"] in [each.name for each in programmes.categories()]
    assert [action for action, _ in trail(key)] == ["close", "open"]


def test_the_last_open_one_stays_open(keeper: Actor) -> None:
    first, *rest = [each.id for each in programmes.categories()]
    for key in rest:
        categories.set_open(actor=keeper, category_id=key, is_open=False)
    db.session.commit()
    with pytest.raises(Conflict, match=r"category\.last"):
        categories.set_open(actor=keeper, category_id=first, is_open=False)


@pytest.mark.parametrize("name", [" ", "가" * 31, CATEGORIES["video"]])
def test_a_name_is_there_short_and_its_own(keeper: Actor, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        categories.add(actor=keeper, name=name)
    assert list(refused.value.fields) == ["name"]
    with pytest.raises(InvalidInput):
        categories.rename(actor=keeper, category_id=key_of(CATEGORIES["care"]), name=name)
    same = key_of(CATEGORIES["video"])
    assert categories.rename(actor=keeper, category_id=same, name=CATEGORIES["video"]).id == same


def test_what_was_added_can_be_chosen_for_the_year(keeper: Actor) -> None:
    """R-JOIN-7a"""
    added = categories.add(actor=keeper, name="비대면 법률")
    year = programmes.current()
    programmes.change_settings(actor=keeper, programme_id=year.id, category_codes=["video", added.code])
    assert [each.name for each in programmes.categories()] == [CATEGORIES["video"], "비대면 법률"]
    with pytest.raises(InvalidInput):
        programmes.change_settings(actor=keeper, programme_id=year.id, category_codes=["없는 분야"])


def test_shelves_count_what_stands_in_them(keeper: Actor) -> None:
    key = key_of(CATEGORIES["video"])
    factories.make_offering(category_id=key)
    factories.make_offering(category_id=key, state=factories.OfferingState.DRAFT)
    found = {shelf.id: shelf for shelf in categories.shelves(actor=keeper)}
    assert (found[key].on_sale, found[key].all) == (1, 2)
    assert (found[key_of(CATEGORIES["care"])].all, len(found)) == (0, 6)


@pytest.mark.parametrize("role", [Role.BUDGET_OFFICER, Role.AUDITOR, Role.MANAGER, Role.SUPPLIER])
def test_others_keep_their_hands_off(keeper: Actor, role: Role) -> None:
    actor, key = factories.make_actor(role), key_of(CATEGORIES["video"])
    db.session.commit()
    if role is Role.AUDITOR:
        assert len(categories.shelves(actor=actor)) == 6, "reads everything (R-ROLE-3)"
    else:
        with pytest.raises(Denied):
            categories.shelves(actor=actor)
    for act in (
        lambda: categories.add(actor=actor, name="새 분야"),
        lambda: categories.rename(actor=actor, category_id=key, name="새 분야"),
        lambda: categories.move(actor=actor, category_id=key, up=True),
        lambda: categories.set_open(actor=actor, category_id=key, is_open=False),
    ):
        with pytest.raises(Denied):
            act()
    with pytest.raises(NotFound):
        categories.rename(actor=keeper, category_id=0, name="새 분야")
