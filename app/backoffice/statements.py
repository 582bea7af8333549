"""일별 명세: a board of days with both books' sums, the files behind it, and taking one by hand (R-SET-3)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    attachment,
    everything,
    export_format,
    listed,
    spreadsheet,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.models.statements import StatementFile
from app.policy import Permission
from app.web.forms import YEARS, BaseForm, Required, UploadField, refusal_to_form
from app.workflows import matching, statements, statements_reads

MAX_MB = 40
BOARD: list[Column[Any]] = [
    Column("날짜", lambda r: r.day, kind="date"),
    Column("결제 기관", lambda r: r.system.label),
    Column("명세", lambda r: r.file.state.label if r.file else r.error or "없음"),
    Column("명세 건수", lambda r: r.file.rows if r.file else None, kind="number"),
    Column("명세 승인", lambda r: r.file.charged if r.file else None, kind="won"),
    Column("명세 취소", lambda r: r.file.cancelled if r.file else None, kind="won"),
    Column("수수료", lambda r: r.file.fee if r.file else None, kind="won"),
    Column("우리 승인", lambda r: r.ours.charged, kind="won"),
    Column("우리 취소", lambda r: r.ours.cancelled, kind="won"),
    Column("차액(명세-우리)", lambda r: r.gap, kind="won"),
    Column("읽지 못한 행", lambda r: len(r.file.errors) if r.file else None, kind="number"),
    Column("처리할 차이", lambda r: r.open_items, kind="number"),
]
LINES: list[Column[Any]] = [
    Column("행", lambda r: r.line.row, kind="number"),
    Column("구분", lambda r: "취소" if r.line.is_cancel else "승인"),
    Column("거래일시", lambda r: r.line.at, kind="instant"),
    Column("승인번호", lambda r: r.line.approval_number),
    Column("카드", lambda r: r.line.card or ""),
    Column("금액", lambda r: -r.line.amount if r.line.is_cancel else r.line.amount, kind="won"),
    Column("수수료", lambda r: r.line.fee, kind="won"),
    Column("입금예정일", lambda r: r.line.deposit_on, kind="date"),
    Column("입금액", lambda r: r.line.deposit, kind="won"),
    Column("명세 주문번호", lambda r: r.line.order_id or ""),
    Column("대조", lambda r: r.matched or "차이"),
    Column("우리 결제", lambda r: r.order_id or ""),
]


class FileForm(BaseForm):
    file = UploadField("일별 명세 파일", validators=[Required()], max_mb=MAX_MB)


class Statements(Page):
    permission = Permission.RECONCILE_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        board = statements_reads.board(actor=current_actor(), month=_month())
        if export_format():
            return spreadsheet(list(board.cells()), BOARD, name=f"일별명세_{board.month:%Y%m}")
        return self._board(board, FileForm(formdata=None))

    def _board(self, board: statements_reads.Board, form: FileForm) -> str:
        cells = [cell for cell in board.cells() if cell.file]
        return self.render(
            "backoffice/statements/board.html",
            board=board,
            form=form,
            max_mb=MAX_MB,
            sums={
                "files": len(cells),
                "gap": sum(cell.gap or 0 for cell in cells),
                "open": sum(cell.open_items for cell in board.cells()),
                "bad": sum(len(cell.file.errors) for cell in cells if cell.file),
            },
        )

    @expose("/take", methods=["POST"])
    @needs(Permission.RECONCILE_WORK)
    def take(self) -> ResponseReturnValue:
        """A file by hand: taken, and matched at once."""
        form = FileForm()
        if form.validate():
            upload = form.file.data
            try:
                file = statements.take(
                    actor=current_actor(), content=upload.read(), file_name=upload.filename or "statement.csv"
                )
            except Refusal as refusal:
                _tell(form, refusal)
            else:
                matched = matching.match(file_id=file.id)
                flash(_came_of(file, matched), "warning" if matched.opened or file.errors else "success")
                return redirect(url_for(".detail", id=file.id))
        board = statements_reads.board(actor=current_actor(), month=_month())
        return self._board(board, form), 422

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        page = statements_reads.file(actor=current_actor(), file_id=id)
        only_open = request.args.get("show") == "open"
        wanted: dict[str, Any] = {"file_id": id, "only_open": only_open}
        if export_format():
            rows = everything(statements_reads.lines, cursor="after", **wanted)
            name = f"명세_{page.file.system.label}_{page.file.day:%Y%m%d}"
            return spreadsheet(rows, LINES, name=name)
        return self.render(
            "backoffice/statements/file.html",
            page=page,
            file=page.file,
            only_open=only_open,
            listing=listed(statements_reads.lines, cursor="after", default_size=50, **wanted),
        )

    @expose("/<int:id>/original")
    def original(self, id: int) -> ResponseReturnValue:
        """The file as it came, to the byte."""
        name, content = statements_reads.original(actor=current_actor(), file_id=id)
        return attachment(content, name, "text/csv")


def _month() -> date | None:
    """`2020-11` or `202011` of the address."""
    digits = "".join(letter for letter in request.args.get("month", "") if letter in "0123456789")
    try:
        first = date(int(digits[:4]), int(digits[4:]), 1) if len(digits) == 6 else None
    except ValueError:
        return None
    return first if first and first.year in YEARS else None


def _tell(form: FileForm, refusal: Refusal) -> None:
    """A file taken before is as much about the file as one that does not parse."""
    if refusal.fields:
        refusal_to_form(form, refusal)
    else:
        form.form_errors.append(refusal.text)


def _came_of(file: StatementFile, matched: matching.Matched) -> str:
    bad = f", 읽지 못한 행 {len(file.errors):,}건" if file.errors else ""
    settled = f", 해소된 차이 {matched.settled:,}건" if matched.settled else ""
    return (
        f"{file.rows:,}건을 받아 {matched.lines + matched.offset:,}건이 맞았습니다. "
        f"새로 생긴 차이 {matched.opened:,}건{settled}{bad}"
    )
