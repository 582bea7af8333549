"""감사기록: who did what, when, to which record (R-AUD-1)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor
from app.backoffice.parts import (
    Page,
    day_of,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.policy import Permission
from app.workflows import audit_reads
from app.workflows.audit_reads import ENTITIES
from app.workflows.audit_words import changes

COLUMNS: list[Column[Any]] = [
    Column("번호", lambda r: r.id, kind="number"),
    Column("기록 일시", lambda r: r.recorded_at, kind="instant"),
    Column("사업 일시", lambda r: r.at, kind="instant"),
    Column("대상", lambda r: ENTITIES.get(r.entity, r.entity)),
    Column("대상 번호", lambda r: r.entity_id, kind="number"),
    Column("행위", audit_reads.label),
    Column("처리자", lambda r: r.actor_name),
    Column("IP", lambda r: r.ip or ""),
    Column("사유", lambda r: r.reason or ""),
    Column("변경", lambda r: ", ".join(f"{n}: {b} → {a}" for n, b, a in changes(r))),
]


class Audit(Page):
    permission = Permission.AUDIT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        found: dict[str, Any] = {
            "entity": typed("entity"),
            "entity_id": number_of("entity_id"),
            "who": typed("who"),
            "since": day_of("since"),
            "until": day_of("until"),
        }
        if export_format():
            return spreadsheet(everything(audit_reads.trail, **found), COLUMNS, name="감사기록")
        listing = listed(audit_reads.trail, default_size=50, **found)
        return self.render(
            "backoffice/audit/list.html",
            listing=listing,
            entities=ENTITIES,
            changes=changes,
            label=audit_reads.label,
            **found,
        )

    @expose("/verify", methods=["POST"])
    def verify(self) -> ResponseReturnValue:
        problems = audit_reads.verify(actor=current_actor())
        if not problems:
            flash("감사기록을 검증했습니다. 고치거나 지운 흔적이 없습니다.", "success")
            return redirect(url_for(".index"))
        return self.render("backoffice/ledger/problems.html", problems=problems, back=url_for(".index"))
