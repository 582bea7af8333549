"""Log-in, lock, and the way back in by phone."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, InvalidInput
from app.models.people import Account, Verification
from app.models.record import OutboxMessage
from app.policy import Role
from app.workflows import accounts, password_reset, passwords
from tests import factories

pytestmark = pytest.mark.usefixtures("tx")
PASSWORD, NEW = "Correct-horse-7", "Battery-staple-8"


@pytest.fixture
def account(tx: object) -> Account:
    account: Account = factories.make_account(
        Role.DEMAND, login="Kim.Daepyo", phone="01012349876", password_hash=passwords.hash_password(PASSWORD)
    )
    db.session.commit()
    return account


def sign_in(password: str = PASSWORD, login: str = "kim.daepyo") -> accounts.SignIn:
    return accounts.authenticate(login=login, password=password, ip="10.0.0.7")


def deliver() -> list[str]:
    """Let the outbox's handler run, as the relay would; what was put."""
    rows = db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "password_code")).all()
    for row in rows:
        password_reset.send_code(row.payload, row.key)
    return [row.key for row in rows]


def code(sandbox: str, phone: str = "01012349876") -> str:
    messages = [m for m in httpx.get(f"{sandbox}/messages.json").json() if m["to"] == phone]
    return str(messages[0]["text"]).split("[")[2][:6]


def test_log_in_by_any_case_and_its_actor(account: Account) -> None:
    """R-ROLE-1"""
    assert sign_in().account_id == account.id
    actor = accounts.actor_for(account_id=account.id, ip="10.0.0.7")
    assert actor is not None and (actor.company_id, actor.role) == (account.company_id, Role.DEMAND)
    account.is_active = False
    assert accounts.actor_for(account_id=account.id) is None
    with pytest.raises(accounts.SignInRefused, match="account.closed"):
        sign_in()


def test_five_failures_lock_for_a_quarter_of_an_hour(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-AUD-1"""
    for _ in range(4):
        with pytest.raises(accounts.SignInRefused, match="account.wrong"):
            sign_in("wrong")
    with pytest.raises(accounts.SignInRefused, match="account.locked"):
        sign_in("wrong")
    with pytest.raises(accounts.SignInRefused, match="account.locked"):
        sign_in()
    later = clock.real_now() + accounts.LOCKED_FOR
    monkeypatch.setattr(clock, "real_now", lambda: later)
    assert sign_in().account_id == account.id


def test_an_unknown_login_is_told_like_a_wrong_password_and_costs_a_hash(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-AUD-1"""
    asked: list[str | None] = []
    real = passwords.verify
    monkeypatch.setattr(passwords, "verify", lambda h, p: asked.append(h) or real(h, p))
    with pytest.raises(accounts.SignInRefused) as unknown:
        sign_in(login="nobody")
    with pytest.raises(accounts.SignInRefused) as wrong:
        sign_in("wrong")
    assert (unknown.value.code, unknown.value.text) == (wrong.value.code, wrong.value.text)
    assert asked == [None, account.password_hash]


def test_an_old_hash_is_made_anew(account: Account) -> None:
    from argon2 import PasswordHasher

    account.password_hash = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    sign_in()
    assert not passwords.needs_rehash(account.password_hash) and passwords.verify(
        account.password_hash, PASSWORD
    )


@pytest.mark.parametrize(
    "weak", ["short-1", "onlyletterslong", "kim.daepyo-2020", "aaaa-12345-bbbb", "1" * 101]
)
def test_a_weak_password_is_refused(account: Account, weak: str) -> None:
    with pytest.raises(InvalidInput, match="password.weak"):
        accounts.set_password(actor=account.actor(), current=PASSWORD, new=weak)


def test_a_new_password_needs_the_current_one(account: Account) -> None:
    with pytest.raises(InvalidInput, match="account.current_wrong"):
        accounts.set_password(actor=account.actor(), current="no", new=NEW)
    accounts.set_password(actor=account.actor(), current=PASSWORD, new=NEW)
    assert sign_in(NEW).account_id == account.id


def test_the_way_back_in_by_phone(account: Account, sandbox: str) -> None:
    """R-KST-2"""
    token = password_reset.request(login="kim.daepyo", phone="010-1234-9876")
    with pytest.raises(Conflict, match="verification.not_verified"):
        password_reset.finish(token=token, new_password=NEW)
    assert deliver() == deliver(), "the job may run twice"
    assert code(sandbox) not in str(db.session.scalars(select(OutboxMessage.payload)).all())
    password_reset.confirm(token=token, code=code(sandbox))
    password_reset.finish(token=token, new_password=NEW)
    assert sign_in(NEW).account_id == account.id
    with pytest.raises(Conflict, match="verification.not_verified"):
        password_reset.finish(token=token, new_password="Third-password-9")


def test_it_never_tells_whether_a_login_exists(account: Account) -> None:
    """R-KST-2: the same answers, and no message goes out."""
    for login, phone in (("nobody", "01012349876"), ("kim.daepyo", "01000000000"), ("kim.daepyo", "")):
        token = password_reset.request(login=login, phone=phone)
        with pytest.raises(InvalidInput, match="verification.code"):
            password_reset.confirm(token=token, code="123456")
    assert deliver() == []


def test_codes_run_out_of_time_tries_and_sendings(
    account: Account, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-KST-2"""
    token = password_reset.request(login="kim.daepyo", phone="01012349876")
    deliver()
    right = code(sandbox)
    for _ in range(password_reset.MOST_TRIES):
        with pytest.raises(InvalidInput, match="verification.code"):
            password_reset.confirm(token=token, code="000000" if right != "000000" else "111111")
    with pytest.raises(Conflict, match="verification.tries"):
        password_reset.confirm(token=token, code=right)
    token = password_reset.request(login="kim.daepyo", phone="01012349876")
    for _ in range(4):
        password_reset.resend(token=token)
    with pytest.raises(Conflict, match="verification.too_many"):
        password_reset.resend(token=token)
    later = clock.real_now() + password_reset.CODE_FOR
    monkeypatch.setattr(clock, "real_now", lambda: later)
    with pytest.raises(Conflict, match="verification.expired"):
        password_reset.confirm(token=token, code=right)


def test_the_initial_password_leads_to_the_phone_and_a_new_password(sandbox: str) -> None:
    """R-KST-4"""
    account = factories.make_account(
        Role.DEMAND, login="abc", phone="01012341111", opens_by_code_only=True, password_hash=None
    )
    assert accounts.authenticate(login="abc", password="abc1", ip=None).code_only
    assert accounts.actor_for(account_id=account.id) is None, "nobody is logged in by it"
    token = password_reset.begin(account_id=account.id)
    deliver()
    password_reset.confirm(token=token, code=code(sandbox, "01012341111"))
    password_reset.finish(token=token, new_password=NEW)
    assert not accounts.authenticate(login="abc", password=NEW, ip=None).code_only
    with pytest.raises(accounts.SignInRefused, match="account.wrong"):
        accounts.authenticate(login="abc", password="abc1", ip=None)


def test_not_more_than_five_codes_an_hour(account: Account) -> None:
    """R-KST-4: nobody's phone is flooded."""
    for _ in range(password_reset.MOST_PER_HOUR):
        password_reset.begin(account_id=account.id)
    with pytest.raises(Conflict, match="account.too_many_codes"):
        password_reset.begin(account_id=account.id)
    token = password_reset.request(login="kim.daepyo", phone="01012349876")
    row = db.session.scalars(select(Verification).where(Verification.token == token)).one()
    assert row.account_id is None


def test_an_administrator_makes_and_closes_accounts() -> None:
    """R-ROLE-1"""
    admin = factories.make_actor(Role.SYSTEM_ADMIN)
    agency = factories.make_agency()
    db.session.commit()
    made = accounts.create(
        actor=admin,
        login="reviewer.new",
        password=PASSWORD,
        role=Role.REVIEWER,
        name="심사원",
        agency_id=agency.id,
    )
    with pytest.raises(InvalidInput, match="account.login_taken"):
        accounts.create(
            actor=admin,
            login="Reviewer.New",
            password=PASSWORD,
            role=Role.REVIEWER,
            name="둘",
            agency_id=agency.id,
        )
    assert not accounts.set_active(actor=admin, account_id=made.id, active=False, reason="퇴사").is_active
    with pytest.raises(Conflict, match="account.own"):
        accounts.set_active(actor=admin, account_id=admin.id or 0, active=False, reason="실수")


def test_nobody_gets_a_log_in_of_the_system() -> None:
    """R-ROLE-1: the clock's permission belongs to no account."""
    admin = factories.make_actor(Role.SYSTEM_ADMIN)
    db.session.commit()
    with pytest.raises(InvalidInput, match="account.role"):
        accounts.create(actor=admin, login="clockwork", password=PASSWORD, role=Role.SYSTEM, name="시계")
