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
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import budget, programmes
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
        (("payments", "reconcile"), {"checked", "differences"}),
        (("settlement", "build", "--cutoff", "2020-11-01"), {"batch", "lines", "payments", "gross", "net"}),
        (("audit", "verify"), {"holds", "problems"}),
    ],
)
def test_each_answers_in_json(run: Run, words: tuple[str, ...], names: set[str]) -> None:
    found = answer(run(*words, "--json"))
    assert names <= found.keys()


def test_settlement_of_a_year_that_is_none_is_refused(run: Run) -> None:
    result = run("settlement", "build", "--cutoff", "2020-11-01", "--year", "1999", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["text"] == "1999년 사업이 없습니다."


def test_the_demonstration_is_offered_in_a_demonstration_only(run: Run) -> None:
    """R-TIME-7"""
    assert "No such command 'demo'" in run("demo", "accounts").output
