"""How often a supplier's system may ask (R-SET-1a): one at one address, told to wait in its own terms."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from app.portal import api
from app.web.limits import limiter


def ask(client: FlaskClient, key: str) -> int:
    return client.get("/api/v1/openapi.json", headers={"X-KV-Key": key}).status_code


def test_the_121st_request_of_a_minute_waits_and_another_system_does_not(
    screens: Flask, client: FlaskClient
) -> None:
    screens.config["BASE_URL"] = "http://localhost"
    screens.register_blueprint(api.blueprint)
    limiter.reset()
    assert [ask(client, "kvk_1") for _ in range(121)] == [200] * 120 + [429]
    answer = client.get("/api/v1/openapi.json", headers={"X-KV-Key": "kvk_1"})
    assert answer.json == {"code": "api.http_429", "message": api._SAID[429]}
    assert int(answer.headers["Retry-After"]) > 0
    assert ask(client, "kvk_2") == 200
