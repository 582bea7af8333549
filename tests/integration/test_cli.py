"""The operator's commands: `--json` on each, a refusal as a sentence and exit code 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from app import cli, clock
from app.db import db
from app.models.payments import Payment
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import budget, programmes
from tests import money
from tests.conftest import rolled_back

HEADING = "아이디,기업명,기업구분,사업자등록번호,대표자명,휴대폰번호,이메일,운영기관,선정일,결제수단"
GOOD = (
    "abc,주식회사 한빛,법인,120-88-00767,김도현,010-1234-5678,ceo@example.kr,벤처기업협회,2020-11-01,제로페이"
)
MANAGER = Actor(id=None, role=Role.PROGRAMME_MANAGER, name="시험")
OFFICER = Actor(id=None, role=Role.BUDGET_OFFICER, name="시험")

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def with_commands(whole_site: Flask) -> Flask:
    cli.init_app(whole_site)
    return whole_site


@pytest.fixture
def programme(with_commands: Flask) -> Iterator[Programme]:
    with rolled_back(with_commands):
        made = programmes.create_programme(actor=MANAGER, year=2020)
        budget.fund(actor=MANAGER, programme_id=made.id, amount=100_000_000, key="1")
        for agency in programmes.operating_agencies():
            budget.allocate(
                actor=OFFICER, programme_id=made.id, agency_id=agency.id, amount=20_000_000, key=agency.code
            )
        db.session.commit()
        yield made


@pytest.fixture
def run(with_commands: Flask, programme: Programme) -> Run:
    def invoke(*words: str) -> Result:
        return with_commands.test_cli_runner().invoke(args=list(words))

    return invoke


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_deadline_is_explained(run: Run) -> None:
    """R-TIME-2's own example; an instant without a zone is Korean time."""
    found = answer(
        run("deadlines", "explain", "--kind", "consultation", "--at", "2020-09-29T15:00", "--json")
    )
    assert datetime.fromisoformat(found["deadline"]) == clock.end_of(date(2020, 10, 6))
    assert found["explanation"].startswith("2020.10.06.(화) 24:00까지, 영업일 2일")


@pytest.mark.parametrize(
    ("kind", "deadline"),
    [("payment", "2021-02-03"), ("first_payment", "2021-03-01"), ("full_use", "2021-10-01")],
)
def test_every_kind_has_its_deadline(run: Run, kind: str, deadline: str) -> None:
    """R-TIME-3, R-TIME-5: 31 January and one month is 28 February."""
    found = answer(run("deadlines", "explain", "--kind", kind, "--at", "2021-01-31T10:00:00+09:00", "--json"))
    assert found["deadline"] == f"{deadline}T00:00:00+09:00"


def test_clocks_are_stopped_from_the_command_line(run: Run) -> None:
    """R-TIME-5a: the same verbs as the screen; asked without --yes, and named in every explanation."""
    stop = ("deadlines", "stop", "--from", "2020-11-17T09:00", "--to", "2020-11-17T13:00", "--reason", "장애")
    assert run(*stop).exit_code == 1  # nobody answers the question
    moved = {"deals": 0, "vouchers": 0, "offers": 0}
    assert answer(run(*stop, "--yes", "--json")) == {"declared": True, **moved}
    found = answer(
        run("deadlines", "explain", "--kind", "consultation", "--at", "2020-11-16T15:00", "--json")
    )
    assert found["explanation"] == (
        "2020.11.19.(목) 04:00까지, 영업일 2일, 2020.11.17.(화) 09:00~13:00 중지(장애) 포함"
    )
    again = run(*stop, "--yes", "--json")
    assert (again.exit_code, json.loads(again.output)["error"]) == (1, "clock_stop.overlap")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_a_file_is_previewed_imported_and_found_taken_in(run: Run, tmp_path: Path, encoding: str) -> None:
    """R-KST-1"""
    file = tmp_path / "kstartup.csv"
    bad = GOOD.replace("abc", "xyz").replace("120-88-00767", "123-45-67890")
    file.write_bytes("\n".join([HEADING, GOOD, bad]).encode(encoding))
    seen = answer(run("intake", "preview", str(file), "--json"))
    assert (seen["rows"], seen["good"], seen["already"]) == (2, 1, 0)
    assert [(row["row"], row["column"]) for row in seen["refused"]] == [(3, "사업자등록번호")]
    assert answer(run("intake", "import", str(file), "--yes", "--json"))["imported"] == 1
    again = answer(run("intake", "preview", str(file), "--json"))
    assert (again["good"], again["already"]) == (0, 1)
    assert answer(run("ledger", "verify", "--json")) == {"holds": True, "problems": []}


def test_a_file_that_is_none_is_refused_with_a_sentence(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "photo.xlsx"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    result = run("intake", "preview", str(file), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["error"].startswith("intake.")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("deadlines", "sweep", "--at", "2020-12-01T00:00"), {"consultations", "bills", "vouchers_expired"}),
        (("outbox", "drain"), {"done", "failed", "gave_up"}),
        (("payments", "resolve"), {"asked", "paid", "failed", "unknown"}),
        (
            ("payments", "reconcile", "--since", "2999-01-01"),
            {"ours", "theirs", "undecided", "differences", "agree"},
        ),
        (("settlement", "build", "--cutoff", "2020-11-01"), {"batch", "lines", "payments", "gross", "net"}),
        (("audit", "verify"), {"holds", "problems"}),
    ],
)
def test_each_answers_in_json(run: Run, words: tuple[str, ...], names: set[str]) -> None:
    found = answer(run(*words, "--json"))
    assert names <= found.keys()


PERIOD = ("--since", "2033-03-03T09:00", "--until", "2033-03-03T12:00")


def test_the_books_are_compared_and_a_difference_is_exit_code_1(run: Run, sandbox_url: str) -> None:
    """R-PAY-4: to the won, and each difference by name."""
    with clock.at(datetime(2033, 3, 3, 10, tzinfo=clock.KST)):
        payer = money.make_payer(sandbox_url)
        paid = money.pay(payer, money.make_bill(payer, 300_000))
    order_id, db_id = paid.order_id, paid.id
    db.session.commit()
    found = answer(run("payments", "reconcile", *PERIOD, "--json"))
    assert (found["agree"], found["differences"], found["undecided"]) == (True, [], 0)
    assert found["ours"] == found["theirs"] == {"count": 1, "sum": 300_000}
    assert "두 장부가 일치합니다." in run("payments", "reconcile", *PERIOD).output

    payment = db.session.get_one(Payment, db_id)
    payment.order_id = "KV-another"
    db.session.commit()
    result = run("payments", "reconcile", *PERIOD, "--json")
    assert result.exit_code == 1
    kinds = {row["order_id"]: row["kind"] for row in json.loads(result.output)["differences"]}
    assert kinds == {order_id: "unknown_order", "KV-another": "only_ours"}
    result = run("payments", "reconcile", *PERIOD)
    assert result.exit_code == 1 and "우리가 모르는 주문" in result.output


def test_asking_says_in_words_what_came_of_it(run: Run, sandbox_url: str) -> None:
    assert run("payments", "resolve").output.strip() == "지금 확인할 차례인 결제가 없습니다."
    payer = money.make_payer(sandbox_url)
    for behaviour in ("52", "61"):
        payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour=behaviour)
        payment.ask_again_at = clock.real_now()
        db.session.commit()
    said = run("payments", "resolve").output.strip()
    assert said == "2건을 결제 기관에 확인했습니다: 결제성공 1, 결제실패 1"


def test_settlement_of_a_year_that_is_none_is_refused(run: Run) -> None:
    result = run("settlement", "build", "--cutoff", "2020-11-01", "--year", "1999", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["text"] == "1999년 사업이 없습니다."


def test_the_demonstration_is_offered_in_a_demonstration_only(run: Run) -> None:
    """R-TIME-7"""
    assert "No such command 'demo'" in run("demo", "accounts").output
