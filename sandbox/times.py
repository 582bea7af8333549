"""The sandbox lives in real Korean time; a request that carries its own instant overrides it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.errors import ApiError

SEOUL = ZoneInfo("Asia/Seoul")


def now() -> datetime:
    return datetime.now(SEOUL)


def iso(instant: datetime) -> str:
    return instant.astimezone(SEOUL).isoformat(timespec="seconds")


def parse(text: str, *, field: str) -> datetime:
    """An instant with its offset; a bare local time would be ambiguous and is refused."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError("INVALID_REQUEST", f"{field} 값이 올바른 시각이 아닙니다.") from None
    if instant.tzinfo is None:
        raise ApiError("INVALID_REQUEST", f"{field} 값에 시간대가 없습니다.")
    return instant.astimezone(SEOUL)
