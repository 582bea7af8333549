"""Column types: labelled enums, personal data, Korean instants."""

import base64
from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from app import clock, crypto
from app.db import NAMING
from app.models.types import EncryptedText, KoreanInstant, Labelled, enum_column

DIALECT = postgresql.dialect()


class Colour(Labelled):
    RED = "red", "빨강", "danger"
    GREY = "grey", "회색"


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setattr(crypto, "_key", None)
    crypto.configure(base64.b64encode(bytes(32)).decode())


def test_a_labelled_member_is_its_value_with_label_and_tone():
    assert Colour("red") is Colour.RED
    assert [(c.value, c.label, c.tone) for c in Colour] == [
        ("red", "빨강", "danger"),
        ("grey", "회색", "neutral"),
    ]


def test_an_enum_column_is_text_with_a_named_check_of_its_values():
    table = Table(
        "t", MetaData(naming_convention=NAMING), Column("id", Integer), Column("c", enum_column(Colour))
    )
    ddl = str(CreateTable(table).compile(dialect=DIALECT))
    assert "c VARCHAR(40)" in ddl
    assert "CONSTRAINT ck_t_colour CHECK (c IN ('red', 'grey'))" in ddl


def test_encrypted_text_goes_out_sealed_and_comes_back_plain(key):
    """R-AUD-1"""
    column = EncryptedText()
    sealed = column.process_bind_param("01012345678", DIALECT)
    assert isinstance(sealed, bytes) and b"0101234" not in sealed
    assert column.process_result_value(memoryview(sealed), DIALECT) == "01012345678"
    assert column.process_bind_param(None, DIALECT) is None
    assert column.process_result_value(None, DIALECT) is None


def test_an_instant_comes_back_in_korean_time():
    """R-TIME-1: whatever the server's zone."""
    column = KoreanInstant()
    read = column.process_result_value(datetime(2020, 11, 15, 15, 0, tzinfo=UTC), DIALECT)
    assert read is not None and read.tzinfo is clock.KST
    assert read.isoformat() == "2020-11-16T00:00:00+09:00"
    assert column.process_result_value(None, DIALECT) is None
