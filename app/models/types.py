"""Column types and mixins that the tables share."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Self, TypeVar

from sqlalchemy import BigInteger, DateTime, Dialect, LargeBinary, Text, TypeDecorator
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.orm import mapped_column

from app import clock, crypto

Key = Annotated[int, mapped_column(BigInteger, primary_key=True)]
Won = Annotated[int, mapped_column(BigInteger)]
E = TypeVar("E", bound=Enum)


class Labelled(Enum):
    """An enum whose members carry the Korean label of the screens and the tone of their badge."""

    label: str
    tone: str

    # The default of `label` is for `Kind("value")`, the look-up of a member.
    def __new__(cls, value: str, label: str = "", tone: str = "neutral") -> Self:
        member = object.__new__(cls)
        member._value_ = value
        member.label = label
        member.tone = tone
        return member


def enum_column(kind: type[E]) -> SqlEnum:
    """Text with a CHECK of the allowed values: readable in SQL, closed to typing errors."""
    return SqlEnum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=kind.__name__.lower(),
        values_callable=lambda members: [m.value for m in members],
    )


class EncryptedText(TypeDecorator[str]):
    """Personal data: AES-GCM at rest, plain in the process (R-AUD-1)."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else crypto.encrypt(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else crypto.decrypt(bytes(value))


class KoreanInstant(TypeDecorator[datetime]):
    """timestamptz that comes back in Korean time, whatever the server's zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(clock.KST)


LongText = Annotated[str, mapped_column(Text)]
Instant = Annotated[datetime, mapped_column(KoreanInstant)]
