"""Runs the migrations over one connection; the address comes from the caller or from DATABASE_URL."""

import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import DateTime, LargeBinary, NullPool, create_engine, text

import app.models  # noqa: F401 - fills the metadata
from app.db import Base
from app.models.types import EncryptedText, KoreanInstant

# A migration waits for a lock only this long, so that payments behind it never stall; it is then run again.
LOCK_TIMEOUT = "2s"


def render_item(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Migrations name plain types only: they must run when the application's own have long changed."""
    if kind == "type" and isinstance(item, KoreanInstant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, EncryptedText):
        return "sa.LargeBinary()"
    return False


def compare_type(_: Any, __: Any, inspected: Any, mapped: Any, ___: Any) -> bool | None:
    if isinstance(mapped, KoreanInstant):
        return not isinstance(inspected, DateTime)
    if isinstance(mapped, EncryptedText):
        return not isinstance(inspected, LargeBinary)
    return None


def run() -> None:
    url = context.config.attributes.get("url") or os.environ["DATABASE_URL"]
    # No pool: what fails leaves no connection behind.
    with create_engine(url, poolclass=NullPool).connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=compare_type,
            render_item=render_item,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
