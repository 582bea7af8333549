"""A throw-away PostgreSQL, as durable as the real one; for each entry a migrated database of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import make_url, select

import config
from app import clock, create_core, crypto
from app.db import db
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import programmes
from ops import postgres

ROOT = Path(__file__).parent.parent
TEMPLATE = "bench_template"
NOW = datetime(2020, 11, 16, 10, tzinfo=clock.KST)
PREPARER = Actor(id=None, role=Role.PROGRAMME_MANAGER, name="측정 준비")


@dataclass
class World:
    app: Flask
    owner: psycopg.Connection[Any]
    """As the tables' owner, each statement committed: for loading and VACUUM."""
    programme_id: int

    def settle(self) -> None:
        """After loading, and never on empty tables: their statistics would mislead every later plan."""
        self.owner.execute("VACUUM ANALYZE")

    def ids(self, query: str) -> list[int]:
        return [row[0] for row in self.owner.execute(query).fetchall()]  # type: ignore[call-overload,unused-ignore]


Fill = Callable[[World], None]


class Worlds(Protocol):
    def __call__(self, name: str, fill: Fill | None = None) -> AbstractContextManager[World]:
        """A world of this name; a copy of one that was filled so, which is done once for all that ask."""


@contextmanager
def server() -> Iterator[Worlds]:
    """Yields what makes a world. Never touches the server that DATABASE_URL names."""
    # Not in memory, where a commit would cost nothing.
    home = Path(tempfile.mkdtemp(prefix="kvbench-"))
    try:
        url = postgres.start(home, durable=True)
        _migrate(url)
        filled: dict[Fill, str] = {}

        def worlds(name: str, fill: Fill | None = None) -> AbstractContextManager[World]:
            if fill is not None and fill not in filled:
                with _world(url, f"filled_{len(filled)}", home) as world:
                    fill(world)
                filled[fill] = f"bench_filled_{len(filled)}"
            return _world(url, name, home, filled[fill] if fill else None)

        yield worlds
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


def _connect(url: str, database: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql", database=database)
    return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)


def _migrate(url: str) -> None:
    with _connect(url, "postgres") as admin:
        admin.execute(f'CREATE DATABASE "{TEMPLATE}"')
    settings = Config(str(ROOT / "alembic.ini"))
    settings.attributes["url"] = make_url(url).set(database=TEMPLATE).render_as_string(hide_password=False)
    command.upgrade(settings, "head")


@contextmanager
def _world(url: str, name: str, home: Path, filled: str | None = None) -> Iterator[World]:
    database = f"bench_{name}"
    with _connect(url, "postgres") as admin:
        # Copied file by file: the other way would write all of it to the log as well.
        copied = f'TEMPLATE "{filled or TEMPLATE}" STRATEGY file_copy'
        admin.execute(f'CREATE DATABASE "{database}" {copied}')
    own = make_url(url).set(database=database).render_as_string(hide_password=False)
    app = create_core(config.load({"KV_ENV": "test", "KV_HOME": str(home), "DATABASE_URL": own}))
    with _connect(url, database) as owner, app.app_context(), clock.at(NOW):
        for setting in ("fsync", "synchronous_commit"):
            value = owner.execute(f"SHOW {setting}").fetchone()
            assert value == ("on",), f"{setting} is off: nothing durable would be measured"
        programme_id = _programme(filled is not None)
        # An open snapshot would keep every VACUUM below from marking a page as visible to all.
        db.session.rollback()
        yield World(app, owner, programme_id)
        db.session.remove()
        db.engine.dispose()


def _programme(is_filled: bool) -> int:
    if is_filled:
        return db.session.scalars(select(Programme.id)).one()
    return programmes.create_programme(actor=PREPARER, year=2020).id


def load_companies(world: World, number: int) -> list[int]:
    """Demand companies of the first agency; the same made-up phone for all."""
    phone = crypto.encrypt("01000000000")
    world.owner.execute(
        """INSERT INTO company (programme_id, agency_id, name, kind, business_number, representative, phone,
                                email, address, industry, contact_name, contact_email, payment_contact_name,
                                joined_at)
           SELECT %s, (SELECT min(id) FROM agency WHERE NOT is_lead), '주식회사 시험' || n, 'corporate',
                  (1000000000 + n)::text, '대표' || n, %s, 'c' || n || '@example.kr', '서울특별시',
                  '소프트웨어', '담당', 'c' || n || '@example.kr', '담당', %s
             FROM generate_series(1, %s) n""",
        (world.programme_id, phone, NOW, number),
    )
    return world.ids("SELECT id FROM company ORDER BY id")


def load_suppliers(world: World, number: int) -> list[int]:
    """선정 suppliers."""
    world.owner.execute(
        """INSERT INTO supplier (name, business_number, representative, state, phone, email, address,
                                 introduction, joined_at)
           SELECT '공급' || n || ' 주식회사', (2000000000 + n)::text, '공급대표' || n, 'selected',
                  '02-555-0000', 's' || n || '@example.kr', '서울특별시', '', %s
             FROM generate_series(1, %s) n""",
        (NOW, number),
    )
    return world.ids("SELECT id FROM supplier ORDER BY id")


def load_offerings(world: World) -> None:
    """One service on sale for each supplier, with one version and one plan of 1,100,000 won."""
    world.owner.execute(
        """INSERT INTO offering (supplier_id, category_id, name, summary, description, keywords, state,
                                 lowest_price, rating_sum, rating_count, search_text, published_at,
                                 created_at)
           SELECT id, (SELECT min(id) FROM category), '화상회의 서비스' || id, '어디서나 회의',
                  '어디서나 회의합니다.', '{화상,회의}', 'on_sale', 1100000, 0, 0, '화상회의 서비스' || id,
                  %s, %s
             FROM supplier""",
        (NOW, NOW),
    )
    world.owner.execute(
        "INSERT INTO offering_version (offering_id, number, created_at) SELECT id, 1, %s FROM offering",
        (NOW,),
    )
    world.owner.execute(
        """INSERT INTO plan (version_id, name, price, unit, period_months)
           SELECT id, '기본', 1100000, '1년', 12 FROM offering_version"""
    )
    world.owner.execute(
        """UPDATE offering SET current_version_id = v.id
             FROM offering_version v WHERE v.offering_id = offering.id"""
    )
