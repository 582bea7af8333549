"""Addresses of static files are worked out once, and still follow where the platform is mounted."""

from flask import Flask, render_template_string, url_for

from app.web import assets


def _site() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/list", "list", lambda: "")
    app.jinja_env.globals["url_for"] = assets.address
    return app


def test_the_same_address_as_flasks_own() -> None:
    app = _site()
    with app.test_request_context("/"):
        page = render_template_string(
            "{{ url_for('static', filename='css/a.css', v='2') }} {{ url_for('list', q='가') }}"
        )
        assert page.split() == [
            url_for("static", filename="css/a.css", v="2").replace("&", "&amp;"),
            url_for("list", q="가"),
        ]


def test_an_address_follows_the_mount() -> None:
    app = _site()
    with app.test_request_context("/"):
        assert assets.address("static", filename="a.js") == "/static/a.js"
    with app.test_request_context("/", base_url="http://host/voucher"):
        assert assets.address("static", filename="a.js") == "/voucher/static/a.js"
