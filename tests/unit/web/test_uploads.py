"""Answers to a form that is sent with its progress shown."""

from __future__ import annotations

import pytest
from flask import Flask, redirect

from app.web import uploads


@pytest.fixture
def small() -> Flask:
    app = Flask(__name__)
    uploads.init_app(app)
    app.add_url_rule("/hand-in", view_func=lambda: redirect("/done"), methods=["POST"], endpoint="hand_in")
    app.add_url_rule("/wrong", view_func=lambda: ("다시", 422), methods=["POST"], endpoint="wrong")
    return app


def test_a_script_is_told_where_to_go_and_follows_nothing(small: Flask) -> None:
    answer = small.test_client().post("/hand-in", headers={uploads.ASKS: "1"})
    assert (answer.status_code, answer.headers[uploads.GO_TO], answer.data) == (204, "/done", b"")
    assert "Location" not in answer.headers


def test_a_plain_form_is_led_on_as_ever(small: Flask) -> None:
    answer = small.test_client().post("/hand-in")
    assert (answer.status_code, answer.location) == (302, "/done")


def test_a_page_that_says_what_is_wrong_is_sent_whole(small: Flask) -> None:
    answer = small.test_client().post("/wrong", headers={uploads.ASKS: "1"})
    assert (answer.status_code, answer.get_data(as_text=True)) == (422, "다시")
