"""One migrated template database per run, cloned per worker; rollback per test where a test allows it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import make_url

import config
from app import clock, create_app, create_core
from app.db import db
from app.models.people import Account
from ops import testenv

ROOT = Path(__file__).parent.parent
TEMPLATE = "kvtemplate_"


def _migrations_digest() -> str:
    files = sorted((ROOT / "migrations").rglob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]


def _admin(url: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql", database="postgres")
    return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)


def _template(url: str) -> str:
    name = TEMPLATE + _migrations_digest()
    with _admin(url) as admin:
        admin.execute("SELECT pg_advisory_lock(20200801)")
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            building = f"{name}_{uuid.uuid4().hex[:6]}"
            admin.execute(f'CREATE DATABASE "{building}"')
            settings = Config(str(ROOT / "alembic.ini"))
            settings.attributes["url"] = make_url(url).set(database=building).render_as_string(False)
            command.upgrade(settings, "head")
            admin.execute(f'ALTER DATABASE "{building}" RENAME TO "{name}"')
    return name


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    with testenv.servers() as urls:
        yield urls


@pytest.fixture(scope="session")
def database_url(servers: tuple[str, str]) -> Iterator[str]:
    """A database of this run's own."""
    url, _ = servers
    template, name = _template(url), f"kvtest_{uuid.uuid4().hex[:10]}"
    with _admin(url) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield make_url(url).set(database=name).render_as_string(hide_password=False)
    with _admin(url) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """The played outer world, as a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        arguments = [sys.executable, "-m", "sandbox", "--port", str(port), "--book", f"{folder}/book.sqlite"]
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                httpx.get(f"{url}/messages.json")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def settings(
    database_url: str, servers: tuple[str, str], sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("home")
    env = os.environ | {
        "KV_ENV": "test",
        "DEMO": "0",
        "KV_HOME": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": servers[1],
        "SANDBOX_PORT": sandbox_url.rpartition(":")[2],
    }
    loaded = config.load(dict(env))
    return loaded | {"TESTING": True, "RATELIMIT_ENABLED": False, "SERVER_NAME": "localhost"}


@pytest.fixture(scope="session")
def app(settings: dict[str, Any]) -> Iterator[Flask]:
    """What workflows need, without screens."""
    core = create_core(settings)
    yield core
    with core.app_context():
        db.engine.dispose()


@pytest.fixture
def sandbox(app: Flask, sandbox_url: str) -> str:
    """The gateways reach the played outer world; its address."""
    return sandbox_url


@contextlib.contextmanager
def rolled_back(app: Flask) -> Iterator[Flask]:
    """Everything inside is rolled back, commits included.

    Flask-SQLAlchemy takes its engine from its own table, so that binding the session elsewhere would leak:
    the engine itself is swapped for a connection in a transaction.
    """
    with app.app_context():
        engines = db._app_engines[app]
        real = engines[None]
        connection = real.connect()
        outer = connection.begin()
        engines[None] = connection  # type: ignore[assignment]
        try:
            yield app
        finally:
            db.session.remove()
            outer.rollback()
            connection.close()
            engines[None] = real


@pytest.fixture
def tx(app: Flask) -> Iterator[Flask]:
    """Workflows in a transaction that is rolled back."""
    with rolled_back(app):
        yield app


@pytest.fixture(scope="session")
def whole_site(settings: dict[str, Any]) -> Iterator[Flask]:
    site = create_app(settings)
    yield site
    with site.app_context():
        db.engine.dispose()


class CleanSession(FlaskClient):
    """Fails when a request leaves uncommitted work in the session: transaction() is the only commit."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        # The test's application context outlives its requests; the person of one is not that of the next.
        g.pop("_login_user", None)
        response = super().open(*args, **kwargs)
        left = [*db.session.new, *db.session.dirty, *db.session.deleted]
        assert not left, f"a request left uncommitted work: {left}"
        return response


@pytest.fixture
def site(whole_site: Flask) -> Iterator[Flask]:
    """The whole web application in a transaction that is rolled back; `site.test_client()` is a browser."""
    whole_site.test_client_class = CleanSession
    whole_site.config["WTF_CSRF_ENABLED"] = False
    with rolled_back(whole_site):
        yield whole_site


@pytest.fixture
def log_in_as(site: Flask) -> Callable[[Account], FlaskClient]:
    """A browser in which this account is logged in (the log-in page itself has tests of its own)."""

    def browser(account: Account) -> FlaskClient:
        client = site.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"] = str(account.id)
            cookie["_fresh"] = True
        return client

    return browser


APPEND_ONLY = ("journal", "posting", "audit_row", "audit_anchor")


@pytest.fixture
def committed(app: Flask) -> Iterator[Flask]:
    """Real commits on real connections; the tables are emptied afterwards, as owner with triggers off."""
    with app.app_context():
        yield app
        db.session.remove()
        # All in one message, and for its transaction only: the connection goes on as it was.
        as_owner = ["SET LOCAL ROLE NONE", "SET LOCAL session_replication_role = replica"]
        emptied = [f'DELETE FROM "{table.name}"' for table in db.metadata.tables.values()]
        with db.engine.connect() as connection:
            connection.exec_driver_sql("; ".join(as_owner + emptied))
            connection.commit()


@pytest.fixture(autouse=True)
def _own_time() -> Iterator[None]:
    yield
    clock.set_offset(clock.timedelta())
