"""create_app(): the wiring, in a fixed order and without logic."""

from __future__ import annotations

from typing import Any

from flask import Flask


def create_core(settings: dict[str, Any] | None = None) -> Flask:
    """Settings, keys, database, files and gateways: what workflows and jobs need, without any screen."""
    import config
    from app import crypto, gateways
    from app.db import db, keep_prepared, work_as_application_role
    from app.documents import store
    from app.workflows import slips

    app = Flask(__name__)
    app.config.update(config.load() if settings is None else settings)
    crypto.configure(app.config["DATA_KEY"])
    store.configure(app.config["FILES"])
    papers = {"demonstration": app.config["DEMO"], "payer": app.config["PAYER"]}
    slips.configure(base_url=app.config["BASE_URL"], **papers)
    gateways.configure(gateways.settings_from(app.config))
    db.init_app(app)
    with app.app_context():
        work_as_application_role(db.engine)
        keep_prepared(db.engine)
    return app


def create_app(settings: dict[str, Any] | None = None) -> Flask:
    """The web application; `settings` replaces what `config.load()` reads from the environment."""
    from flask_babel import Babel

    from app import access, backoffice, demo, logs, portal, web

    logs.configure()
    app = create_core(settings)
    Babel(app)
    access.init_app(app)
    web.init_app(app)
    access.guard(app)
    demo.init_app(app)
    portal.init_app(app)
    backoffice.init_app(app)
    access.check_declared(app)
    return app
