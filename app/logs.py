"""Logs: a static message and scalar ids; what could carry personal data is rejected (R-PAY-2, R-AUD-1)."""

from __future__ import annotations

import json
import logging
import re
import sys

from app import clock

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_LONG_DIGITS = re.compile(r"\d[\d\- ]{5,}\d")
# PostgreSQL's DETAIL quotes the row or the key that it refused, with whatever line breaks stand in it.
_DETAIL = re.compile(
    r"^DETAIL:.*?(?=\n\[SQL: |\n\n(?:The above|During handling)|\Z)", re.MULTILINE | re.DOTALL
)


class ScalarsOnly(logging.Filter):
    """Our own records carry numbers, flags and short words in `extra`; a longer text is dropped by name."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name in set(vars(record)) - _STANDARD:
            value = getattr(record, name)
            if not isinstance(value, int | bool | None) and not (isinstance(value, str) and len(value) <= 64):
                setattr(record, name, f"<{type(value).__name__}>")
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line; long runs of digits (cards, phones, accounts) are blotted out of every text."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": clock.real_now().isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _LONG_DIGITS.sub("#", record.getMessage()),
        }
        for name in sorted(set(vars(record)) - _STANDARD):
            value = getattr(record, name)
            line[name] = _LONG_DIGITS.sub("#", value) if isinstance(value, str) else value
        if record.exc_info:
            line["trace"] = _LONG_DIGITS.sub(
                "#", _DETAIL.sub("DETAIL: #", self.formatException(record.exc_info))
            )
        return json.dumps(line, ensure_ascii=False)


def configure() -> None:
    """Send everything from INFO up to standard error as JSON lines, once per process."""
    root = logging.getLogger()
    if any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(ScalarsOnly())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for noisy in ("httpx", "httpcore", "rq.worker", "rq.scheduler", "fontTools", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
