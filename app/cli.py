"""The operator's commands: the same verbs as the screens; `--json` answers name counts and refusals."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError

from app import clock
from app.demo import accounts as demo_accounts
from app.errors import NotFound, Refusal
from app.jobs import outbox, schedule, worker
from app.models.intake import IntakeFile
from app.policy import CLOCK, Actor, Role
from app.workflows import (
    clock_runs,
    clock_stops,
    deadlines,
    demonstration,
    intake,
    ledger,
    payment_resolution,
    programmes,
    reconciliation,
    reconciliation_words,
    record,
    settlement,
)
from app.workflows.reckoning import Kind

OPERATOR = Actor(id=None, role=Role.PROGRAMME_MANAGER, name="운영자(명령)")
"""Who stands at the machine: what they do is audited under this name."""

as_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _say(answer: Any, as_json_: bool, text: str) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False, default=_plain) if as_json_ else text)


def _instant(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """An ISO instant; without a zone it is Korean time."""
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("시각은 2020-11-16T09:00 처럼 적어 주세요.") from error
    return instant.astimezone(clock.KST) if instant.tzinfo else instant.replace(tzinfo=clock.KST)


at_option = click.option("--at", callback=_instant, help="As if it were this instant (ISO; Korean time).")


OUT_OF_REACH = Refusal(
    "database.out_of_reach",
    "데이터베이스에 연결할 수 없습니다. `make run`이 실행 중인지, KV_HOME이나 DATABASE_URL이 맞는지 "
    "확인해 주세요.",
)


def _refuse(refusal: Refusal, as_json_: bool) -> None:
    body = {"error": refusal.code, "text": refusal.text, "fields": refusal.fields}
    _say(body, as_json_, refusal.text)
    sys.exit(1)


class Group(AppGroup):
    """Commands that run in the programme's time and answer a refusal with its sentence and exit code 1.

    A `timeless` one asks neither clock nor database.
    """

    def command(self, *args: Any, timeless: bool = False, **kwargs: Any) -> Any:
        register = super().command(*args, **kwargs)

        def wrap(function: Callable[..., Any]) -> Any:
            def run(**options: Any) -> None:
                try:
                    if current_app.config["DEMO"] and not timeless:
                        demonstration.set_process_clock()
                    function(**options)
                except Refusal as refusal:
                    _refuse(refusal, bool(options.get("as_json")))
                except OperationalError:
                    _refuse(OUT_OF_REACH, bool(options.get("as_json")))

            run.__name__, run.__doc__ = function.__name__, function.__doc__
            run.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
            return register(run)

        return wrap


demo_group = Group("demo", help="The demonstration programme and its time (R-TIME-7).")
intake_group = Group("intake", help="K-Startup files (R-KST-1).")
deadlines_group = Group("deadlines", help="Deadlines (R-TIME).")
outbox_group = Group("outbox", help="Messages and jobs that must not be lost (R-MSG-1).")
payments_group = Group("payments", help="Payments of unknown outcome, and the gateways' books (R-PAY-4).")
ledger_group = Group("ledger", help="The ledger (R-MONEY-3).")
audit_group = Group("audit", help="The audit trail (R-AUD-1).")
settlement_group = Group("settlement", help="Settlement (R-SET-2).")


@demo_group.command("fill")
@as_json
def demo_fill_command(as_json: bool) -> None:
    """Fill the demonstration programme, once."""
    # Only here: the story is long, and told once.
    from app.demo.fill import fill

    counts = fill()
    _say(counts, as_json, ", ".join(f"{name} {number}" for name, number in counts.items()))


@demo_group.command("accounts", timeless=True)
@as_json
def demo_accounts_command(as_json: bool) -> None:
    """The demonstration's log-ins."""
    rows = demo_accounts.listed()
    lines = [f"{r['name']:<24} {r['login']:<16} {r['password']}" for r in rows]
    _say(rows, as_json, "\n".join(lines))


@demo_group.command("clock")
@click.option("--to", callback=_instant, help="Move forward to this instant.")
@click.option("--step", type=click.Choice(["hour", "day", "deadline"]), help="Move forward by a step.")
@as_json
def demo_clock_command(to: datetime | None, step: str | None, as_json: bool) -> None:
    """Show the demonstration's time, or move it forward."""
    if to is not None:
        demonstration.move_to(actor=OPERATOR, target=to)
    elif step is not None:
        demonstration.move(actor=OPERATOR, step=step)
    _say({"now": clock.now()}, as_json, clock.now().isoformat())


def _previewed(file: Path) -> IntakeFile:
    return intake.preview(
        actor=OPERATOR,
        programme_id=programmes.current().id,
        content=file.read_bytes(),
        file_name=file.name,
    )


@intake_group.command("preview")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def intake_preview(file: Path, as_json: bool) -> None:
    """What an import of FILE would do; nothing is taken in."""
    seen = _previewed(file)
    answer = {"rows": seen.rows, "good": seen.good, "already": seen.already, "refused": seen.refused}
    lines = [f"행 {seen.rows}, 반영 가능 {seen.good}, 이미 반영 {seen.already}, 거절 {len(seen.refused)}"]
    lines += [f"{r['row']}행 {r['column']}: {r['reason']}" for r in seen.refused]
    _say(answer, as_json, "\n".join(lines))


@intake_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Take in all good rows.")
@as_json
def intake_import(file: Path, yes: bool, as_json: bool) -> None:
    """Take in the good rows of FILE."""
    seen = _previewed(file)
    if not yes and not click.confirm(f"{seen.good}건을 반영할까요?"):
        _say({"imported": 0}, as_json, "반영하지 않았습니다.")
        return
    done = intake.confirm(actor=OPERATOR, intake_id=seen.id)
    answer = {"rows": done.rows, "imported": done.imported, "already": done.already, "refused": done.refused}
    _say(answer, as_json, f"{done.imported}건을 반영했습니다.")


@deadlines_group.command("explain")
@click.option("--kind", required=True, type=click.Choice(get_args(Kind)))
@click.option("--at", required=True, callback=_instant, help="When the count begins.")
@as_json
def deadlines_explain(kind: Kind, at: datetime, as_json: bool) -> None:
    """The deadline that begins at an instant, in words."""
    found = deadlines.explain(kind=kind, at=at, programme=programmes.current())
    _say({"deadline": found.deadline, "explanation": found.text}, as_json, found.text)


@deadlines_group.command("stop")
@click.option("--from", "starts_at", required=True, callback=_instant, help="When the clocks stop.")
@click.option("--to", "ends_at", required=True, callback=_instant, help="When they run on.")
@click.option("--reason", required=True, help="Told to everybody concerned.")
@click.option("--yes", is_flag=True, help="Stop them; it cannot be undone.")
@as_json
def deadlines_stop(starts_at: datetime, ends_at: datetime, reason: str, yes: bool, as_json: bool) -> None:
    """Stop the clocks for a period (R-TIME-5a); without --yes it says what would move, and asks."""
    own = programmes.current().id
    seen = clock_stops.preview(actor=OPERATOR, programme_id=own, starts_at=starts_at, ends_at=ends_at).moved
    text = f"늦춰지는 기한: 거래 {seen.deals}, 바우처 {seen.vouchers}, 예산 안내 {seen.offers}"
    if not yes and not click.confirm(f"{text}. 되돌릴 수 없습니다. 기한을 중지할까요?"):
        _say({"declared": False, **asdict(seen)}, as_json, "중지하지 않았습니다.")
        return
    done = clock_stops.declare(
        actor=OPERATOR, programme_id=own, starts_at=starts_at, ends_at=ends_at, reason=reason
    )
    clock_runs.work(run_id=done.id)
    moved = {"deals": done.moved_deals, "vouchers": done.moved_vouchers, "offers": done.moved_offers}
    _say({"declared": True, **moved}, as_json, ", ".join(f"{name} {n}" for name, n in moved.items()))


@deadlines_group.command("sweep")
@at_option
@as_json
def deadlines_sweep(at: datetime | None, as_json: bool) -> None:
    """Let every deadline that has passed do its work."""
    result = asdict(deadlines.sweep(at=at))
    _say(result, as_json, ", ".join(f"{name} {value}" for name, value in result.items()))


@outbox_group.command("drain")
@as_json
def outbox_drain(as_json: bool) -> None:
    """Send and do what is due."""
    result = asdict(outbox.drain())
    _say(result, as_json, ", ".join(f"{name} {value}" for name, value in result.items()))


@payments_group.command("resolve")
@as_json
def payments_resolve(as_json: bool) -> None:
    """Ask the gateways about payments of unknown outcome."""
    result = payment_resolution.resolve()
    _say(result, as_json, reconciliation_words.of_resolved(result))


@payments_group.command("reconcile")
@click.option("--since", callback=_instant, default="2000-01-01", help="Dated at or after this instant.")
@click.option("--until", callback=_instant, help="Dated before this instant; now where it is left out.")
@as_json
def payments_reconcile(since: datetime, until: datetime | None, as_json: bool) -> None:
    """Compare our payments with the gateways' books; exit code 1 where they differ."""
    # A payment is dated to the second, and one of this second belongs to it.
    books = reconciliation.compare(since=since, until=until or clock.now() + timedelta(seconds=1))
    _say(reconciliation_words.as_dict(books), as_json, reconciliation_words.of_books(books))
    if not books.agree:
        sys.exit(1)


def _verdict(problems: list[str], as_json_: bool) -> None:
    _say({"holds": not problems, "problems": problems}, as_json_, "\n".join(problems) or "이상 없음")
    if problems:
        sys.exit(1)


@ledger_group.command("verify")
@as_json
def ledger_verify(as_json: bool) -> None:
    """Check every journal, balance, hold, voucher and payable."""
    _verdict(ledger.verify(), as_json)


@audit_group.command("verify")
@as_json
def audit_verify(as_json: bool) -> None:
    """Check every chain and anchor."""
    _verdict(record.verify(), as_json)


@settlement_group.command("build")
@click.option("--cutoff", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day that counts.")
@click.option("--year", type=int, help="The programme's year; the latest where it is left out.")
@as_json
def settlement_build(cutoff: datetime, year: int | None, as_json: bool) -> None:
    """Draft a batch of everything that is ripe."""
    programme_id = next((row.id for row in programmes.programmes() if row.year == year), None)
    if year is not None and programme_id is None:
        raise NotFound("programme.not_found", f"{year}년 사업이 없습니다.")
    built = settlement.build(actor=CLOCK, cutoff=cutoff.date(), programme_id=programme_id)
    answer = {
        "batch": built.batch.number if built.batch else None,
        "lines": built.lines,
        "payments": built.payments,
        "gross": built.gross,
        "net": built.net,
    }
    _say(answer, as_json, ", ".join(f"{name} {value}" for name, value in answer.items()))


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest migration."""
    # Only here: web, worker and scheduler come through this module too, and never migrate.
    import alembic.command
    from alembic.config import Config

    settings = Config(str(Path(current_app.root_path).parent / "alembic.ini"))
    settings.attributes["url"] = current_app.config["SQLALCHEMY_DATABASE_URI"]
    alembic.command.upgrade(settings, "head")


@click.command("worker")
@click.option("--burst", is_flag=True, help="Do what waits and end.")
def worker_command(burst: bool) -> None:
    """Run jobs."""
    worker.run(current_app._get_current_object(), burst=burst)  # type: ignore[attr-defined]


@click.command("scheduler")
def scheduler_command() -> None:
    """Wake the jobs of the schedule."""
    schedule.Scheduler(current_app._get_current_object()).run()  # type: ignore[attr-defined]


def init_app(app: Flask) -> None:
    groups = [intake_group, deadlines_group, outbox_group, payments_group, ledger_group, audit_group]
    if app.config["DEMO"]:
        groups.append(demo_group)
    for group in [*groups, settlement_group]:
        app.cli.add_command(group)
    for command in (migrate_command, worker_command, scheduler_command):
        app.cli.add_command(command)
