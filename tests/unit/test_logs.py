"""Logs carry a static message and scalars, never personal data (R-PAY-2, R-AUD-1)."""

import io
import json
import logging

import pytest

from app import logs


@pytest.fixture
def line():
    """Log through the real filter and formatter and read the line back."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    handler.addFilter(logs.ScalarsOnly())
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)

    def write(message, *args, **kwargs):
        logger.log(kwargs.pop("level", logging.INFO), message, *args, **kwargs)
        text = stream.getvalue()
        assert text.count("\n") == 1, "one line for one record"
        return json.loads(text)

    yield write
    logger.removeHandler(handler)
    logger.propagate = True


def test_a_line_says_when_where_and_what_with_its_ids(line):
    written = line("payment confirmed", extra={"payment_id": 17, "retry": False, "state": "paid", "by": None})
    assert written.pop("at").endswith("+09:00")
    assert written == {
        "level": "INFO",
        "logger": "tests.logs",
        "message": "payment confirmed",
        "payment_id": 17,
        "retry": False,
        "state": "paid",
        "by": None,
    }


@pytest.mark.parametrize(
    "secret", ["4111 1111 1111 1111", "4111-1111-1111-1111", "01012345678", "010-1234-5678", "110123456789"]
)
def test_cards_phones_and_accounts_are_blotted_out_wherever_a_text_stands(line, secret):
    written = line("sent to %s now", secret, extra={"to": secret})
    assert (written["message"], written["to"]) == ("sent to # now", "#")


def test_a_trace_is_kept_and_blotted_out(line):
    try:
        raise ValueError("card 4111111111111111 refused")
    except ValueError:
        written = line("gateway failed", exc_info=True, level=logging.ERROR)
    assert "ValueError: card # refused" in written["trace"]
    assert "4111" not in json.dumps(written)


def test_the_row_that_the_database_refused_is_left_out_of_a_trace(line):
    row = "(1, 홍길동,\nhong@example.kr)"
    try:
        raise ValueError(f"violates check\nDETAIL:  Failing row contains {row}.\n[SQL: x]")
    except ValueError:
        written = line("insert failed", exc_info=True, level=logging.ERROR)
    trace = written["trace"]
    assert "ValueError: violates check" in trace and trace.endswith("DETAIL: #\n[SQL: x]")
    assert "홍길동" not in trace and "hong@" not in trace


@pytest.mark.parametrize("value", [{"phone": "1"}, ["홍길동"], object(), "길" * 65, b"x"])
def test_what_is_no_scalar_is_dropped_by_the_name_of_its_type(line, value):
    assert line("x", extra={"value": value})["value"] == f"<{type(value).__name__}>"


def test_configure_adds_one_handler_however_often_it_is_called(monkeypatch):
    root = logging.Logger("root-of-this-test")
    monkeypatch.setattr(
        logging, "getLogger", lambda name=None: root if name is None else logging.Logger(name)
    )
    logs.configure()
    logs.configure()
    assert [type(h.formatter) for h in root.handlers] == [logs.JsonLines]
    assert any(isinstance(f, logs.ScalarsOnly) for f in root.handlers[0].filters)
    assert root.level == logging.INFO
