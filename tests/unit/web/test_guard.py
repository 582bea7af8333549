"""The headers, the refusals and the idle session (R-AUD-1), on a bare application."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, flash, render_template_string
from flask.testing import FlaskClient

from app import clock
from app.errors import Conflict, Denied
from app.web import confirm, csp, session
from app.web.limits import LOGIN_LIMIT, limiter


def _policy(response: Response) -> dict[str, str]:
    parts = response.headers["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (part.partition(" ") for part in parts)}


@pytest.fixture
def page(screens: Flask) -> None:
    screens.add_url_rule("/page", view_func=lambda: f"<script nonce={csp.nonce()}></script>")


@pytest.mark.usefixtures("page")
class TestPolicy:
    def test_nothing_inline_and_nothing_foreign(self, client: FlaskClient) -> None:
        policy = _policy(client.get("/page"))
        assert policy["default-src"] == "'none'"
        assert policy["object-src"] == policy["base-uri"] == "'none'"
        assert policy["frame-ancestors"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in " ".join(policy.values())
        assert not re.search(r"https?:|\*", policy["script-src"] + policy["style-src"])

    def test_forms_lead_to_ourselves_and_to_the_checkout(self, client: FlaskClient) -> None:
        assert _policy(client.get("/page"))["form-action"] == "'self' https://pay.example.test"

    def test_the_page_and_its_header_share_one_nonce_that_changes(self, client: FlaskClient) -> None:
        first, second = client.get("/page"), client.get("/page")
        nonces = [re.search(r"nonce=([\w-]+)", answer.text) for answer in (first, second)]
        assert nonces[0] and nonces[1]
        assert f"'nonce-{nonces[0][1]}'" in _policy(first)["script-src"]
        assert nonces[0][1] != nonces[1][1]

    def test_other_headers(self, client: FlaskClient) -> None:
        headers = client.get("/page").headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers

    def test_hsts_when_the_cookie_is_secure(self, screens: Flask) -> None:
        screens.config["SESSION_COOKIE_SECURE"] = True
        assert "max-age" in screens.test_client().get("/page").headers["Strict-Transport-Security"]


def test_a_pdf_may_be_framed_by_us_and_drawn_by_the_browser(screens: Flask, client: FlaskClient) -> None:
    screens.add_url_rule("/pdf", view_func=lambda: Response(b"%PDF", mimetype="application/pdf"))
    policy = _policy(client.get("/pdf"))
    assert policy["frame-ancestors"] == "'self'" and "default-src" not in policy


def test_a_post_without_a_token_is_refused_with_its_page_and_policy(
    screens: Flask, client: FlaskClient
) -> None:
    screens.add_url_rule("/act", view_func=lambda: "done", methods=["POST"])
    answer = client.post("/act")
    assert answer.status_code == 400
    assert "요청을 확인할 수 없습니다" in answer.text
    assert "script-src" in _policy(answer)


class TestErrorPages:
    def test_a_refusal_says_why(self, screens: Flask, client: FlaskClient) -> None:
        def refuse() -> str:
            raise Conflict("closed", "심사보류 상태에서만 다시 제출할 수 있습니다.")

        screens.add_url_rule("/refuse", view_func=refuse)
        answer = client.get("/refuse")
        assert answer.status_code == 409
        assert "심사보류 상태에서만 다시 제출할 수 있습니다." in answer.text
        as_json = client.get("/refuse", headers={"Accept": "application/json"})
        assert as_json.status_code == 409 and as_json.get_json()["error"] == "closed"
        fragment = client.get("/refuse", headers={"HX-Request": "true"})
        assert fragment.headers["HX-Retarget"] == "#flash" and "<html" not in fragment.text

    def test_denied_is_403(self, screens: Flask, client: FlaskClient) -> None:
        def deny() -> str:
            raise Denied()

        screens.add_url_rule("/deny", view_func=deny)
        assert client.get("/deny").status_code == 403

    def test_no_such_page_and_no_such_method(self, client: FlaskClient) -> None:
        absent = client.get("/absent")
        assert absent.status_code == 404 and "찾으시는 화면이 없습니다" in absent.text
        assert client.put("/login", headers={"Accept": "text/html"}).status_code in (400, 405)

    def test_a_bug_is_an_apology_without_details(self, screens: Flask, client: FlaskClient) -> None:
        def fail() -> str:
            raise ZeroDivisionError("a secret of the inside")

        screens.add_url_rule("/fail", view_func=fail)
        answer = client.get("/fail")
        assert answer.status_code == 500
        assert "일시적인 오류" in answer.text and "secret" not in answer.text

    def test_a_bug_in_the_layout_still_gets_its_page(self, screens: Flask, client: FlaskClient) -> None:
        def broken() -> list[object]:
            raise RuntimeError("no database")

        screens.extensions["role_menu"] = broken
        assert "찾으시는" not in client.get("/absent").text
        assert client.get("/absent").status_code == 500


class TestLimit:
    def test_the_eleventh_log_in_of_a_minute_waits(self, screens: Flask, client: FlaskClient) -> None:
        limited = limiter.limit(LOGIN_LIMIT)(lambda: "tried")
        screens.add_url_rule("/try", endpoint="try", view_func=limited)
        assert [client.get("/try").status_code for _ in range(11)] == [200] * 10 + [429]
        assert "요청이 너무 많습니다" in client.get("/try").text

    @staticmethod
    def _turned_away(screens: Flask, client: FlaskClient, limit: str, **sent: Any) -> str:
        """The page after one press too many of what takes one."""
        screens.config["WTF_CSRF_ENABLED"] = False

        def tried() -> str:
            return "tried"

        # Limits are kept by this name, for the whole process.
        tried.__qualname__ += f" {limit}"
        view = limiter.limit(limit, methods=["GET", "POST"])(tried)
        screens.add_url_rule("/press", endpoint="press", view_func=view, methods=["GET", "POST"])
        assert client.open("/press", **sent).status_code == 200
        answer = client.open("/press", **sent)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        return answer.text

    @pytest.mark.parametrize(
        ("limit", "wait"),
        [("1 per minute", r"(59|60)초"), ("1 per 10 minute", "10분"), ("1 per hour", "60분")],
    )
    def test_how_long_to_wait_is_that_of_the_limit(
        self, screens: Flask, client: FlaskClient, limit: str, wait: str
    ) -> None:
        page = self._turned_away(screens, client, limit)
        assert re.search(
            f"<p>{wait} 뒤에 다시 시도해 주세요. 이번 요청으로 변경된 내용은 없습니다.</p>", page
        )
        assert '<a class="krds-btn secondary medium" href="/press">다시 시도</a>' in page

    def test_a_press_leads_back_to_the_page_of_its_form(self, screens: Flask, client: FlaskClient) -> None:
        """Also where the form is sent to its own address."""
        here = "http://localhost/press"
        page = self._turned_away(screens, client, "1 per minute", method="POST", headers={"Referer": here})
        assert f'href="{here}">이전 화면</a>' in page and "다시 시도</a>" not in page

    @pytest.mark.parametrize("foreign", ["https://localhost.example.test/", "javascript:alert(1)", ""])
    def test_nobody_is_led_to_a_foreign_page(self, screens: Flask, client: FlaskClient, foreign: str) -> None:
        page = self._turned_away(screens, client, "1 per minute", method="POST", headers={"Referer": foreign})
        assert "이전 화면" not in page and "첫 화면</a>" in page


class TestIdleSession:
    @pytest.fixture
    def inside(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
        client.get("/enter")
        self.clock = clock.real_now()
        monkeypatch.setattr(session, "real_now", lambda: self.clock)
        client.get("/login")
        return client

    def test_thirty_idle_minutes_end_it_and_say_so(self, inside: FlaskClient) -> None:
        self.clock += timedelta(minutes=30)
        answer = inside.get("/login?tab=2")
        assert answer.status_code == 302
        assert answer.location == "/login?next=/login?tab%3D2" or "next=" in answer.location
        with inside.session_transaction() as cookie:
            assert "_user_id" not in cookie
            assert "30분 동안 이용이 없어" in cookie["_flashes"][0][1]

    def test_use_keeps_it_alive(self, inside: FlaskClient) -> None:
        for _ in range(3):
            self.clock += timedelta(minutes=29)
            assert inside.get("/login").status_code == 200

    def test_a_poll_is_no_use(self, inside: FlaskClient) -> None:
        for _ in range(3):
            self.clock += timedelta(minutes=9)
            assert inside.get("/login", headers={"X-Background": "1"}).status_code == 200
        self.clock += timedelta(minutes=3)
        assert inside.get("/login").status_code == 302

    def test_extension(self, screens: Flask, inside: FlaskClient) -> None:
        screens.config["WTF_CSRF_ENABLED"] = False
        self.clock += timedelta(minutes=29)
        assert inside.post("/session/extend").get_json() == {"remaining": 1800}

    def test_extension_comes_too_late(self, screens: Flask, inside: FlaskClient) -> None:
        screens.config["WTF_CSRF_ENABLED"] = False
        self.clock += timedelta(minutes=31)
        answer = inside.post("/session/extend")
        assert answer.status_code == 401 and answer.get_json()["login"] == "/login"

    def test_the_demonstrations_time_does_not_count(self, inside: FlaskClient) -> None:
        """R-TIME-7: sessions use the real clock."""
        clock.set_offset(timedelta(days=30))
        assert inside.get("/login").status_code == 200


class TestConfirmation:
    @pytest.fixture
    def asked(self, screens: Flask) -> FlaskClient:
        screens.config["WTF_CSRF_ENABLED"] = False

        def cancel() -> object:
            question = confirm.ask(question="취소할까요?", label="취소", reason_required=True)
            return question or "cancelled"

        screens.add_url_rule("/cancel", view_func=cancel, methods=["POST"])
        return screens.test_client()

    def test_the_first_press_is_asked_back_and_keeps_what_was_posted(self, asked: FlaskClient) -> None:
        answer = asked.post("/cancel", data={"plan": "3"})
        assert "취소할까요?" in answer.text
        assert '<input type="hidden" name="plan" value="3">' in answer.text

    def test_a_needed_reason_is_needed(self, asked: FlaskClient) -> None:
        assert "사유를 입력해 주세요." in asked.post("/cancel", data={"confirmed": "1", "reason": " "}).text

    def test_confirmed_goes_on(self, asked: FlaskClient) -> None:
        assert asked.post("/cancel", data={"confirmed": "1", "reason": "중복"}).text == "cancelled"


def test_flashes_are_announced(screens: Flask, client: FlaskClient) -> None:
    def told() -> str:
        flash("저장했습니다.", "success")
        flash("기한이 지났습니다.", "danger")
        return render_template_string('{% import "components/ui.html" as ui %}{{ ui.flash_messages() }}')

    screens.add_url_rule("/told", view_func=told)
    text = client.get("/told").text
    assert 'role="status"' in text and 'role="alert"' in text


def test_no_template_or_script_breaks_the_policy() -> None:
    """No inline style, script or handler in anything that we ship."""
    forbidden = re.compile(r'\sstyle="|\son[a-z]+="|href="javascript:|<style|<script(?![^>]*(src|nonce))')
    app_folder = Path(csp.__file__).parent.parent
    found = [
        str(path.relative_to(app_folder))
        for path in (app_folder / "templates").rglob("*.html")
        if forbidden.search(path.read_text())
    ]
    assert found == []
