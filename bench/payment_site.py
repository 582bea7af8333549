"""The web application for `payment_http`: the real one, whose card company approves at once, in the process.

Beside it two endpoints of the peers. Served by `gunicorn 'bench.payment_site:site()'` with
the settings of production.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import clock, create_app, gateways
from app.access import current_actor, needs
from app.db import db, transaction
from app.gateways.card import Card
from app.gateways.payments import Approval
from app.models.payments import CardAuthentication
from app.policy import Permission
from app.portal.pay import PRESS_LIMIT
from app.web import csrf
from app.web.limits import limiter, per_account
from bench import payment_peers

JOBS = "BENCH_JOBS"
"""In the environment: what the ORM's payment asks of the outbox beside its messages."""
EMPTY, DURABLE, ORM = "/bench/empty", "/bench/durable/", "/bench/orm/"


@dataclass(frozen=True)
class AtOnce(Card):
    """Takes the money without a call: what is measured is ours."""

    def confirm(self, *, order_id: str, amount: int, **_: Any) -> Approval:
        return Approval(secrets.token_hex(8), order_id, amount, "12345678", clock.now(), "0007")


@csrf.exempt
@needs(Permission.PUBLIC)
def empty() -> ResponseReturnValue:
    """What a POST costs at least on this server: no log-in, no CSRF, no database."""
    return "", 204


@needs(Permission.PAYMENT_MAKE)
@limiter.limit(PRESS_LIMIT, key_func=per_account)
def durable(token: str) -> ResponseReturnValue:
    """What a press costs at least that keeps R-PAY-4: log-in, CSRF, limit, two commits of one row each."""
    for step in ("attempt", "outcome"):
        with transaction() as session:
            session.execute(ONE_ROW, {"key": f"{step}:{token}:{request.form['key']}"})
    return redirect(url_for("payments.index"))


ONE_ROW = text("INSERT INTO bench_row (key) VALUES (:key)")


@needs(Permission.PAYMENT_MAKE)
def by_orm(token: str) -> ResponseReturnValue:
    """The ORM's unit of work behind the same log-in and CSRF guard."""
    actor = current_actor()
    with Session(db.engine) as session:
        asked = session.scalars(select(CardAuthentication).where(CardAuthentication.token == token)).one()
        if asked.company_id != actor.company_id:
            raise LookupError(token)
        deal_id, order_id, last4 = asked.deal_id, asked.order_id, asked.last4
    key = request.form["key"]
    payment_id, total = payment_peers.hold(
        actor=actor, deal_id=deal_id, idempotency_key=key, order_id=order_id
    )
    approval = Approval(secrets.token_hex(8), order_id, total, "12345678", clock.now(), last4)
    jobs = [kind for kind in os.environ.get(JOBS, "").split(",") if kind]
    payment_peers.settle(payment_id=payment_id, approval=approval, jobs=jobs)
    return redirect(url_for("payments.result", payment_id=payment_id))


def site() -> Flask:
    """Called by gunicorn, in each of its processes."""
    app = create_app()
    outer = gateways.get()
    gateways._configured[:] = [replace(outer, card=AtOnce(outer.card.transport))]
    app.add_url_rule(EMPTY, "bench_empty", empty, methods=["POST"])
    app.add_url_rule(f"{DURABLE}<token>", "bench_durable", durable, methods=["POST"])
    app.add_url_rule(f"{ORM}<token>", "bench_orm", by_orm, methods=["POST"])
    return app
