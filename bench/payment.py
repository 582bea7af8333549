"""The database's part of a payment (R-PAY-4): hold and settle, without the gateway between them."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import make_url, select

from app.db import db, transaction
from app.gateways.payments import Approval
from app.models.applications import Application
from app.models.payments import PaymentState
from app.models.programme import AgencyBudget, Programme
from app.policy import CLOCK, Actor, Role
from app.workflows import budget, ledger, payments, vouchers
from bench.harness import ROUNDS, Claim, Result, in_turn, timed
from bench.world import NOW, PREPARER, World, load_companies, load_offerings, load_suppliers

SLICE = 60
SLICES = ROUNDS + 1
AMOUNT = 1_100_000
GRANT = AMOUNT * 9 // 10
OFFICER = Actor(id=None, role=Role.BUDGET_OFFICER, name="측정 준비")


def run(world: World) -> list[Result]:
    _load(world, SLICE * SLICES * 2)
    bills = iter(world.ids("SELECT id FROM deal WHERE id = company_id ORDER BY id"))
    plain = make_url(str(db.engine.url.render_as_string(False))).set(drivername="postgresql")
    with psycopg.connect(plain.render_as_string(False)) as connection:
        connection.execute("SET ROLE kvoucher_app")
        connection.commit()
        ours, theirs = in_turn(
            lambda: timed(lambda: _ours(itertools.islice(bills, SLICE))) / SLICE,
            lambda: timed(lambda: _theirs(connection, itertools.islice(bills, SLICE))) / SLICE,
        )
    db.session.remove()
    states = world.owner.execute("SELECT state, count(*) FROM payment GROUP BY state").fetchall()
    assert states == [("paid", SLICE * SLICES * 2)], states
    assert not ledger.verify()
    claim = Claim(
        name="payment",
        what="hold and settle by their verbs, two transactions with every check and message, per payment",
        against="the same rows by plain psycopg in one transaction, without a check",
        direction="at most",
    )
    return [Result(claim=claim, ours=ours, theirs=theirs)]


def _load(world: World, number: int) -> None:
    """Companies with a voucher and a card, and one bill each."""
    load_companies(world, number)
    load_suppliers(world, 50)
    load_offerings(world)
    run = world.owner.execute
    run(
        """INSERT INTO application (receipt_number, programme_id, company_id, agency_id, state, created_at,
                                    marks)
           SELECT 'B-' || id, programme_id, id, agency_id, 'approved', %s, '[]' FROM company""",
        (NOW,),
    )
    run(
        """INSERT INTO instrument (company_id, kind, state, chosen_at)
           SELECT id, 'personal_check', 'issued', %s FROM company""",
        (NOW,),
    )
    _grant(world, number)
    run(
        """INSERT INTO deal (programme_id, company_id, supplier_id, offering_id, version_id, state, memo,
                             requested_at, accepted_at, billed_at, due_at, plan_id, quantity, amount, tax,
                             period_from, period_to)
           SELECT c.programme_id, c.id, o.supplier_id, o.id, o.current_version_id, 'billed', '상담', %(now)s,
                  %(now)s, %(now)s, %(due)s, p.id, 1, %(amount)s, 0, %(from)s, %(to)s
             FROM company c
             JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM offering) o
               ON o.place = c.id %% 50
             JOIN plan p ON p.version_id = o.current_version_id ORDER BY c.id""",
        {
            "now": NOW,
            "due": NOW + timedelta(days=2),
            "amount": AMOUNT,
            "from": NOW.date(),
            "to": NOW.date() + timedelta(days=364),
        },
    )
    world.settle()


def _grant(world: World, number: int) -> None:
    """The vouchers and their money, by the verbs."""
    with transaction() as session:
        programme = session.get_one(Programme, world.programme_id)
        applications = list(session.scalars(select(Application).order_by(Application.id)))
        agency_id = applications[0].agency_id
        total = vouchers.worth(programme)[0] * number
        budget.fund(actor=PREPARER, programme_id=programme.id, amount=total, key="bench")
        budget.allocate(
            actor=OFFICER, programme_id=programme.id, agency_id=agency_id, amount=total, key="bench"
        )
        own = select(AgencyBudget.id).where(AgencyBudget.agency_id == agency_id)
        vouchers.grant_many(
            applications,
            programme=programme,
            budget_ids={agency_id: session.scalars(own).one()},
            selected_on={application.id: NOW.date() for application in applications},
            actor=CLOCK,
        )
    db.session.remove()


def _ours(bills: Iterator[int]) -> None:
    for deal_id in bills:
        # In this world a bill has the number of its company.
        payer = Actor(id=None, role=Role.DEMAND, name="결제담당", company_id=deal_id)
        order = payments.hold(
            actor=payer,
            deal_id=deal_id,
            idempotency_key=secrets.token_hex(8),
            order_id=payments.new_order_id(),
            card=True,
        )
        approval = Approval(secrets.token_hex(8), order.order_id, order.total, "12345678", NOW, "0007")
        paid = payments.settle(payment_id=order.payment_id, outcome=approval)
        assert paid.state is PaymentState.PAID
        # As at the end of a request.
        db.session.remove()


def _theirs(connection: psycopg.Connection[Any], bills: Iterator[int]) -> None:
    for deal_id in bills:
        with connection.transaction(), connection.cursor() as cursor:
            _pay(cursor, deal_id)


def _pay(cursor: psycopg.Cursor[Any], deal_id: int) -> None:
    """The rows that one payment leaves behind, as few statements as plain SQL needs for them."""
    run = cursor.execute
    run("SELECT programme_id, company_id, supplier_id FROM deal WHERE id = %s FOR UPDATE", (deal_id,))
    programme, company, supplier = _one(cursor)
    run("SELECT id FROM voucher WHERE company_id = %s FOR UPDATE", (company,))
    [voucher] = _one(cursor)
    run(
        """INSERT INTO payment (programme_id, deal_id, voucher_id, company_id, supplier_id, instrument_kind,
                                state, idempotency_key, order_id, grant_part, share_part, tax_part,
                                pressed_at, asked)
           VALUES (%s, %s, %s, %s, %s, 'personal_check', 'pending', %s, %s, %s, %s, 0, %s, 0) RETURNING id""",
        (programme, deal_id, voucher, company, supplier, *_keys(), GRANT, AMOUNT - GRANT, NOW),
    )
    [payment] = _one(cursor)
    held = ("voucher_grant", voucher, -GRANT, "hold", payment, GRANT)
    held += ("voucher_share", voucher, GRANT - AMOUNT, "hold", payment, AMOUNT - GRANT)
    _post(cursor, f"hold:payment:{payment}", programme, "hold", held)
    run(
        """UPDATE payment SET state = 'paid', paid_at = %s, payment_key = %s, approval_number = '12345678',
                              card_last4 = '0007' WHERE id = %s""",
        (NOW, secrets.token_hex(8), payment),
    )
    paid = ("hold", payment, -AMOUNT, "payable", supplier, AMOUNT)
    _post(cursor, f"payment:payment:{payment}", programme, "payment", paid)
    run("UPDATE deal SET state = 'paid', due_at = NULL, closed_at = %s WHERE id = %s", (NOW, deal_id))
    run("UPDATE voucher SET due_at = full_use_by WHERE id = %s", (voucher,))
    for entity, key, seq in (("payment", payment, 1), ("payment", payment, 2), ("deal", deal_id, 1)):
        run(
            """INSERT INTO audit_row (entity, entity_id, seq, action, actor_name, at, recorded_at, change,
                                      hash)
               VALUES (%s, %s, %s, 'pay', '시스템', %s, now(), %s, sha256(%s))""",
            (entity, key, seq, NOW, json.dumps({"state": ["a", "b"]}), secrets.token_bytes(300)),
        )
    _tell(cursor, deal_id, company, supplier)
    for kind in ("receipt", "statement"):
        _slip(cursor, kind, programme, company, supplier, payment)


def _one(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None
    return row


def _keys() -> tuple[str, str]:
    return secrets.token_hex(8), secrets.token_hex(10)


def _post(cursor: psycopg.Cursor[Any], key: str, programme: int, kind: str, legs: tuple[Any, ...]) -> None:
    cursor.execute(
        "INSERT INTO journal (event_key, programme_id, kind, at) VALUES (%s, %s, %s, %s) RETURNING id",
        (key, programme, kind, NOW),
    )
    [journal] = _one(cursor)
    values = ", ".join(["(%s, %s, %s, %s)"] * (len(legs) // 3))
    rows = [value for at in range(0, len(legs), 3) for value in (journal, *legs[at : at + 3])]
    cursor.execute(f"INSERT INTO posting (journal_id, account, owner_id, amount) VALUES {values}", rows)


def _tell(cursor: psycopg.Cursor[Any], deal_id: int, company: int, supplier: int) -> None:
    sides = ((f"deal:{deal_id}:1:company", company, None), (f"deal:{deal_id}:1:supplier", None, supplier))
    for key, to_company, to_supplier in sides:
        cursor.execute(
            "INSERT INTO notice (key, company_id, supplier_id, text, at) VALUES (%s, %s, %s, %s, %s)",
            (key, to_company, to_supplier, "결제가 완료되었습니다.", NOW),
        )
        _put(cursor, key, "sms", {"company_id": to_company, "supplier_id": to_supplier})


def _put(cursor: psycopg.Cursor[Any], key: str, kind: str, payload: dict[str, Any]) -> None:
    cursor.execute(
        """INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
           VALUES (%s, %s, %s, %s, now())""",
        (key, kind, json.dumps(payload), NOW),
    )


def _slip(
    cursor: psycopg.Cursor[Any], kind: str, programme: int, company: int, supplier: int, payment: int
) -> None:
    cursor.execute(
        """INSERT INTO slip_number (programme_id, kind, last) VALUES (%s, %s, 1)
           ON CONFLICT (programme_id, kind) DO UPDATE SET last = slip_number.last + 1 RETURNING last""",
        (programme, kind),
    )
    [number] = _one(cursor)
    data = json.dumps({"stamp": {"number": number}, "total": AMOUNT, "filler": "가" * 500})
    cursor.execute(
        """INSERT INTO slip (programme_id, kind, number, code, company_id, supplier_id, payment_id, data,
                             issued_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id""",
        (programme, kind, number, secrets.token_hex(8), company, supplier, payment, data, NOW),
    )
    [slip] = _one(cursor)
    _put(cursor, f"slip:{slip}", "render_slip", {"slip_id": slip})
