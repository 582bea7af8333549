"""What reads all day long is planned once: prepared statements outlive the ROLLBACK of a reading request."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.db import db

READ = text("SELECT id FROM agency WHERE id = :id")
KNOWN = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT id FROM agency%'")
TIMES = 12


def test_a_statement_stays_prepared(committed: Flask) -> None:
    for _ in range(TIMES):
        db.session.execute(READ, {"id": 1})
        db.session.rollback()
    assert db.session.scalar(KNOWN) == 1


def test_a_rollback_still_takes_back_what_was_written_and_mends_a_failure(committed: Flask) -> None:
    db.session.execute(text("INSERT INTO agency (code, name, phones, is_lead) VALUES ('x', 'x', '', false)"))
    db.session.rollback()
    assert db.session.scalar(text("SELECT count(*) FROM agency")) == 0
    with pytest.raises(ProgrammingError):
        db.session.execute(text("SELECT nothing FROM agency"))
    db.session.rollback()
    assert db.session.scalar(text("SELECT 1")) == 1
