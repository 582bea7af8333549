"""R-SET-3: daily files are fetched each morning or uploaded, and each is taken once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.documents import store
from app.errors import Conflict, Denied, InvalidInput
from app.gateways.errors import Unavailable
from app.gateways.payments import PaymentGateway
from app.jobs import outbox
from app.models.statements import (
    StatementFetch,
    StatementFile,
    StatementLine,
    StatementState,
    StatementSystem,
)
from app.policy import CLOCK, Actor, Role
from app.workflows import record, statements
from app.workflows.statements import LOOK_BACK, OFTEN, REACH
from tests import factories, settled
from tests.integration.workflows.reconciling import DAY, File, Row

pytestmark = pytest.mark.usefixtures("tx")
ONE = timedelta(days=1)
CARD, ZEROPAY = StatementSystem.CARD, StatementSystem.ZEROPAY
LINE = Row("00000001", 300_000, clock.start_of(DAY), order="KV1")


def officer(role: Role = Role.FINANCE_OFFICER) -> Actor:
    made = factories.make_actor(role)
    db.session.commit()
    return made


def upload(content: bytes, actor: Actor | None = None, name: str = "명세.csv") -> StatementFile:
    return statements.take(actor=actor or officer(), content=content, file_name=name)


def files() -> int:
    return db.session.scalar(select(func.count()).select_from(StatementFile)) or 0


def test_an_uploaded_file_is_kept_with_its_lines_and_its_bad_rows() -> None:
    bad = [["D", "보류", "2020-11-10 10:00:00", "00000002", *["1"] * 9]]
    content = File(rows=[LINE], raw=bad, trailer=["T", "2", "300000", "0"]).content()
    who = officer()
    file = upload(content, who)
    assert (file.system, file.day, file.state, file.rows) == (CARD, DAY, StatementState.TAKEN, 2)
    assert (file.charged, file.cancelled, file.fee, file.taken_by_id) == (300_000, 0, 80, who.id)
    [error] = file.errors
    assert error["row"] == 4 and error["text"].startswith("D,보류,") and "거래 구분" in error["reason"]
    [line] = db.session.scalars(select(StatementLine))
    assert (line.row, line.approval_number, line.amount, line.day) == (3, "00000001", 300_000, DAY)
    assert (line.order_id, line.card, line.fee, line.deposit) == ("KV1", "****-****-****-1234", 80, 300_000)
    assert store.read(file.sha256) == content and record.verify() == []


def test_the_outbox_matches_what_was_taken() -> None:
    """Committed with the file: it is never left lying, whoever dies."""
    file = upload(File(rows=[LINE]).content())
    assert outbox.drain().done == 1
    db.session.refresh(file)
    assert file.state is StatementState.MATCHED and file.matched_at is not None
    assert outbox.drain().done == 0


def test_many_lines_come_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "LINES_AT_ONCE", 3)
    rows = [Row(f"{n:08}", 1_000 + n, clock.start_of(DAY)) for n in range(8)]
    file = upload(File(rows=[*rows, rows[7], rows[7]]).content())
    found = list(db.session.scalars(select(StatementLine).order_by(StatementLine.row)))
    assert [line.row for line in found] == list(range(3, 13)) and file.rows == 10
    assert [line.copy for line in found] == [0] * 8 + [1, 2]


def test_the_same_file_is_taken_once() -> None:
    content = File(rows=[LINE]).content()
    upload(content)
    with pytest.raises(Conflict) as refused:
        upload(content, name="다른이름.csv")
    assert refused.value.code == "statement.taken" and "한 번만" in refused.value.text
    assert files() == 1


def test_a_day_is_taken_once_whatever_the_file_says() -> None:
    upload(File(rows=[LINE]).content())
    with pytest.raises(Conflict) as refused:
        upload(File(rows=[]).content())
    assert refused.value.code == "statement.day_taken"
    upload(File(day=DAY, system=ZEROPAY).content())
    assert files() == 2


@pytest.mark.parametrize(
    "content, code",
    [
        (b"", "empty"),
        ("날짜,금액".encode(), "header"),
        (File(rows=[LINE], trailer=["T", "2", "300000", "0"]).content(), "count"),
        (File(rows=[LINE], trailer=["T", "1", "300001", "0"]).content(), "total"),
        (File(rows=[LINE], trailer=["T", "1"]).content(), "trailer"),
    ],
    ids=["empty", "header", "count", "total", "trailer"],
)
def test_a_file_that_does_not_hold_leaves_nothing(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        upload(content)
    assert refused.value.code == f"statement.{code}" and refused.value.fields["file"]
    assert files() == 0


def test_a_file_may_not_be_larger_than_a_day_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MOST_BYTES", 10)
    with pytest.raises(InvalidInput, match="용량"):
        upload(File(rows=[LINE]).content())


@pytest.mark.parametrize(
    "role",
    [Role.AUDITOR, Role.BUDGET_OFFICER, Role.SYSTEM_ADMIN, Role.REVIEWER, Role.SUPPLIER, Role.DEMAND],
)
def test_who_may_not_take_files(role: Role) -> None:
    who = officer(role)
    with pytest.raises(Denied):
        upload(File().content(), who)
    assert files() == 0


# -- fetching ------------------------------------------------------------------------------------------------


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[date]]:
    """The gateways hand out these files; what was asked for is listed."""

    def play(answer: Callable[[date], bytes | None]) -> list[date]:
        asked: list[date] = []

        def statement(_: PaymentGateway, *, day: date) -> bytes | None:
            asked.append(day)
            return answer(day)

        monkeypatch.setattr(PaymentGateway, "statement", statement)
        return asked

    return play


def at(hour: int, day: date = DAY) -> object:
    return clock.at(clock.start_of(day) + timedelta(hours=hour))


def empty(system: StatementSystem) -> Callable[[date], bytes]:
    return lambda day: File(day, system).content()


def fetch(system: StatementSystem = CARD) -> int:
    return sum(statements.fetch(system=system, day=day) for day in statements.missing(system))


def test_each_morning_the_file_of_the_day_before(played: Callable[..., list[date]]) -> None:
    with at(8):  # type: ignore[attr-defined]
        assert statements.missing(CARD) == [DAY - n * ONE for n in range(1, LOOK_BACK + 1)]
        asked = played(empty(CARD))
        assert fetch() == LOOK_BACK and len(asked) == LOOK_BACK
        assert statements.missing(CARD) == [] and fetch() == 0
    with at(6, DAY + ONE):  # type: ignore[attr-defined]
        assert statements.missing(CARD) == []
    with at(7, DAY + ONE):  # type: ignore[attr-defined]
        assert statements.missing(CARD) == [DAY]
    with at(9, DAY + 3 * ONE):  # type: ignore[attr-defined]
        assert statements.missing(CARD) == [DAY + 2 * ONE, DAY + ONE, DAY]


@pytest.fixture
def begun(tx: object) -> None:
    """The programme of 2020, and a payment by card of 3 November, the first one."""
    programme, supplier = factories.make_programme(year=2020), factories.make_supplier()
    paid_at = clock.start_of(DAY - 7 * ONE) + timedelta(hours=10)
    with clock.at(paid_at):
        settled.make_paid(programme, supplier, 300_000, paid_at=paid_at)


@pytest.mark.usefixtures("begun")
def test_nothing_is_asked_for_from_before_the_first_payment(played: Callable[..., list[date]]) -> None:
    with at(8):  # type: ignore[attr-defined]
        assert statements.missing(CARD) == [DAY - n * ONE for n in range(1, 8)]
        assert len(statements.missing(ZEROPAY)) == LOOK_BACK
        upload(File(date(2020, 1, 1)).content())
        upload(File(date(2020, 1, 1), ZEROPAY).content())
        assert statements.missing(CARD) == [DAY - n * ONE for n in range(1, 8)]
        assert len(statements.missing(ZEROPAY)) == LOOK_BACK


@pytest.mark.usefixtures("begun")
def test_the_newest_days_come_first_however_many_are_due() -> None:
    upload(File(DAY - 7 * ONE).content())
    with at(8, DAY + 90 * ONE):  # type: ignore[attr-defined]
        due = statements.missing(CARD)
    assert due == [DAY + n * ONE for n in range(89, 89 - statements.MOST_AT_ONCE, -1)]


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize(
    "day, code, says",
    [
        (DAY, "not_over", "아직 끝나지 않은 날"),
        (DAY + ONE, "not_over", "그날이 지난 뒤에"),
        (date(2099, 1, 1), "not_over", "아직 끝나지 않은 날"),
        (date(2019, 12, 31), "before", r"2020\.01\.01\.\(수\)보다 앞선 날"),
        (date(1999, 1, 1), "before", "사업 기간의 명세를 올려 주세요"),
    ],
    ids=["today", "tomorrow", "far-ahead", "the-day-before-the-programme", "ancient"],
)
def test_a_file_of_a_day_that_cannot_be_is_not_taken(
    played: Callable[..., list[date]], day: date, code: str, says: str
) -> None:
    """R-SET-3: a day is taken once, so that one of a wrong day would stand in the way of the right one."""
    content = File(day).content()
    with at(12):  # type: ignore[attr-defined]
        who = officer()
        with pytest.raises(InvalidInput, match=says) as refused:
            upload(content, who)
        assert refused.value.code == f"statement.{code}" and refused.value.fields["file"]
        played(lambda _: content)
        assert not statements.fetch(system=CARD, day=day)
    assert files() == 0 and re.search(says, db.session.scalars(select(StatementFetch.error)).one())


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize("day", [DAY - ONE, date(2020, 1, 1)], ids=["yesterday", "the-first-day"])
def test_a_file_of_a_day_that_is_over_is_taken(day: date) -> None:
    with at(0):  # type: ignore[attr-defined]
        assert upload(File(day).content()).day == day


@pytest.mark.usefixtures("begun")
def test_an_empty_day_is_asked_for_once_and_no_day_for_ever(played: Callable[..., list[date]]) -> None:
    """A file without lines is a statement too; what is older than the reach is left to be uploaded."""
    upload(File(DAY - 7 * ONE).content())
    asked = played(empty(CARD))
    with at(8, DAY + 200 * ONE):  # type: ignore[attr-defined]
        while fetch():
            pass
        assert len(asked) == len(set(asked)) == REACH
        assert min(asked) == DAY + (199 - REACH + 1) * ONE
        assert statements.missing(CARD) == []
    assert files() == REACH + 1


def test_what_does_not_come_is_asked_for_by_the_hour_then_by_the_day(
    played: Callable[..., list[date]],
) -> None:
    asked, day = played(lambda _: None), DAY - ONE
    for hour in range(8, 8 + 72):
        with at(hour):  # type: ignore[attr-defined]
            if day in statements.missing(CARD):
                statements.fetch(system=CARD, day=day)
    assert len(asked) == OFTEN + 1 + 1
    with at(8, DAY + 5 * ONE):  # type: ignore[attr-defined]
        assert day in statements.missing(CARD)


def test_one_system_out_of_reach_does_not_stop_the_other(
    played: Callable[..., list[date]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(gateway: PaymentGateway, *, day: date) -> bytes:
        if gateway is statements.gateway_of(CARD):
            raise Unavailable("card: refused")
        return File(day, ZEROPAY).content()

    monkeypatch.setattr(PaymentGateway, "statement", answer)
    with at(8):  # type: ignore[attr-defined]
        assert statements.fetch_due() == LOOK_BACK
        [failed] = db.session.scalars(select(StatementFetch))
        assert (failed.system, failed.tries) == (CARD, 1) and "연결하지 못했습니다" in failed.error
        assert failed.day not in statements.missing(CARD)
    with at(10):  # type: ignore[attr-defined]
        assert failed.day in statements.missing(CARD)


def test_a_file_that_is_not_there_yet_is_asked_for_again_after_an_hour(
    played: Callable[..., list[date]],
) -> None:
    played(lambda day: None)
    with at(8):  # type: ignore[attr-defined]
        assert not statements.fetch(system=CARD, day=DAY - ONE)
        assert "아직" in db.session.scalars(select(StatementFetch.error)).one()
    played(empty(CARD))
    with at(10):  # type: ignore[attr-defined]
        assert statements.fetch(system=CARD, day=DAY - ONE)
    assert db.session.scalars(select(StatementFetch)).all() == []


@pytest.mark.parametrize(
    "answer, says",
    [
        (lambda day: File(day, trailer=["T", "9", "0", "0"]).content(), "건수"),
        (lambda day: File(day - ONE).content(), "의 파일이 왔습니다"),
        (lambda day: File(day, ZEROPAY).content(), "의 파일이 왔습니다"),
        (lambda day: b"<html>", "머리글"),
    ],
    ids=["trailer-wrong", "another-day", "another-system", "no-statement-at-all"],
)
def test_a_fetched_file_that_does_not_hold_says_so_on_the_board(
    played: Callable[..., list[date]], answer: Callable[[date], bytes], says: str
) -> None:
    played(answer)
    with at(8):  # type: ignore[attr-defined]
        assert not statements.fetch(system=CARD, day=DAY - ONE)
    failed = db.session.scalars(select(StatementFetch)).one()
    assert says in failed.error and files() == 0


def test_a_file_that_somebody_uploaded_meanwhile(played: Callable[..., list[date]]) -> None:
    played(lambda day: File(day, rows=[LINE]).content())
    upload(File(DAY - ONE).content())
    with at(8):  # type: ignore[attr-defined]
        assert not statements.fetch(system=CARD, day=DAY - ONE)
    assert files() == 1


def test_the_clock_takes_files_without_a_person() -> None:
    assert statements.take(actor=CLOCK, content=File().content(), file_name="x.csv").taken_by_id is None
