"""원장, read only: journals, the postings of one account, the trial balance (R-MONEY-3)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import current_actor
from app.backoffice import ledger_links
from app.backoffice.parts import (
    Page,
    chosen,
    day_of,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.models.ledger import JournalKind, LedgerAccount
from app.policy import Permission
from app.workflows import ledger_reads
from app.workflows.ledger_trace import TraceKind

JOURNAL_COLUMNS: list[Column[Any]] = [
    Column("번호", lambda r: r.journal.id, kind="number"),
    Column("일시", lambda r: r.journal.at, kind="instant"),
    Column("구분", lambda r: r.journal.kind.label),
    Column("금액", lambda r: r.amount, kind="won"),
    Column("사건", lambda r: ledger_links.event(r.journal.event_key)),
    Column("사건 키", lambda r: r.journal.event_key),
    Column("처리자", lambda r: r.actor_name),
]
POSTING_COLUMNS: list[Column[Any]] = [
    Column("분개", lambda r: r.journal.id, kind="number"),
    Column("일시", lambda r: r.journal.at, kind="instant"),
    Column("구분", lambda r: r.journal.kind.label),
    Column("증감", lambda r: r.posting.amount, kind="won"),
    Column("사건", lambda r: ledger_links.event(r.journal.event_key)),
    Column("사건 키", lambda r: r.journal.event_key),
]
TRIAL_COLUMNS: list[Column[Any]] = [
    Column("계정", lambda r: r.account.label),
    Column("전월 이월", lambda r: r.brought, kind="won"),
    Column("당월 들어옴", lambda r: r.arrived, kind="won"),
    Column("당월 나감", lambda r: r.left, kind="won"),
    Column("들어옴", lambda r: r.ever_arrived, kind="won"),
    Column("나감", lambda r: r.ever_left, kind="won"),
    Column("잔액", lambda r: r.balance, kind="won"),
]
# Every posting of a period, as an accountant takes it over into another book.
ENTRY_COLUMNS: list[Column[Any]] = [
    Column("분개", lambda r: r.journal.id, kind="number"),
    Column("일시", lambda r: r.journal.at, kind="instant"),
    Column("구분", lambda r: r.journal.kind.label),
    Column("계정", lambda r: r.posting.account.label),
    Column("누구의", lambda r: r.owner),
    Column("들어옴", lambda r: max(r.posting.amount, 0), kind="won"),
    Column("나감", lambda r: max(-r.posting.amount, 0), kind="won"),
    Column("사건", lambda r: ledger_links.event(r.journal.event_key)),
    Column("사건 키", lambda r: r.journal.event_key),
    Column("귀속월", lambda r: f"{r.journal.belongs_to:%Y-%m}" if r.journal.belongs_to else ""),
    Column("처리자", lambda r: r.actor_name),
]


class Journals(Page):
    permission = Permission.LEDGER_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        found: dict[str, Any] = {
            "kind": chosen(JournalKind, "kind"),
            "since": day_of("since"),
            "until": day_of("until"),
            "event": typed("event"),
            "about": self._about(),
        }
        if export_format():
            return spreadsheet(everything(ledger_reads.journals, **found), JOURNAL_COLUMNS, name="원장")
        listing = listed(ledger_reads.journals, **found)
        return self.render(
            "backoffice/ledger/journals.html",
            listing=listing,
            kinds=JournalKind,
            records=[(kind.entity, kind.label) for kind in TraceKind],
            record_of=ledger_links.record,
            event_of=ledger_links.event,
            **found,
        )

    @staticmethod
    def _about() -> tuple[str, int] | None:
        """The record that the address names: its kind and its number."""
        entity, key = typed("record"), number_of("number")
        known = entity in {kind.entity for kind in TraceKind}
        return (entity, key) if known and key is not None else None

    @expose("/postings")
    def postings(self) -> ResponseReturnValue:
        found: dict[str, Any] = {
            "account": chosen(LedgerAccount, "account"),
            "kind": chosen(JournalKind, "kind"),
            "since": day_of("since"),
            "until": day_of("until"),
        }
        read = ledger_reads.postings
        if export_format():
            return spreadsheet(everything(read, **found), ENTRY_COLUMNS, name="원장 기입")
        return self.render(
            "backoffice/ledger/postings.html",
            listing=listed(read, default_size=50, **found),
            accounts=[(one.value, one.label) for one in LedgerAccount],
            kinds=[(one.value, one.label) for one in JournalKind],
            owner_of=ledger_links.owner,
            **found,
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        view = ledger_reads.journal(actor=current_actor(), journal_id=id)
        return self.render(
            "backoffice/ledger/journal.html",
            view=view,
            journal=view.journal,
            owner_of=ledger_links.owner,
            record=ledger_links.record(view.journal.event_key),
            event=ledger_links.event(view.journal.event_key),
        )

    @expose("/account/<account>/<int:owner_id>")
    def account(self, account: str, owner_id: int) -> ResponseReturnValue:
        kind = next((member for member in LedgerAccount if member.value == account), None)
        if kind is None:
            abort(404)
        view = ledger_reads.account(actor=current_actor(), account=kind, owner_id=owner_id)
        place: dict[str, Any] = {"account": kind, "owner_id": owner_id}
        if export_format():
            rows = everything(ledger_reads.account_postings, **place)
            return spreadsheet(rows, POSTING_COLUMNS, name=f"{kind.label}_{view.owner}")
        listing = listed(ledger_reads.account_postings, default_size=50, **place)
        return self.render(
            "backoffice/ledger/account.html",
            view=view,
            listing=listing,
            record_of=ledger_links.record,
            event_of=ledger_links.event,
            owner=ledger_links.owner(kind, owner_id),
        )


class TrialBalance(Page):
    permission = Permission.LEDGER_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        until = day_of("until")
        rows = ledger_reads.trial_balance(actor=current_actor(), until=until)
        if export_format():
            return spreadsheet(rows, TRIAL_COLUMNS, name="시산표")
        total = sum(row.balance for row in rows)
        month = (until or clock.today()).replace(day=1)
        return self.render("backoffice/ledger/trial.html", rows=rows, until=until, total=total, month=month)

    @expose("/verify", methods=["POST"])
    def verify(self) -> ResponseReturnValue:
        """Reads only; a POST, since it goes over the whole ledger."""
        problems = ledger_reads.verify(actor=current_actor())
        if not problems:
            flash("원장을 검증했습니다. 모든 분개의 합과 잔액이 맞습니다.", "success")
            return redirect(url_for(".index"))
        return self.render("backoffice/ledger/problems.html", problems=problems, back=url_for(".index"))
