"""What a supplier does with a whole service: 승인 요청, 판매 중단·재개, 내용 변경, 삭제 (R-CAT-5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Refusal
from app.policy import Permission
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.errors import refused
from app.workflows import offering_files, offering_own_reads, offerings


@dataclass(frozen=True, kw_only=True)
class Move:
    verb: Callable[..., Any]
    label: str
    question: str
    consequence: str
    done: str


MOVES = {
    "submit": Move(
        verb=offerings.submit,
        label="승인 요청",
        question="이 서비스의 승인을 요청할까요?",
        consequence="심사하는 동안에는 내용을 고칠 수 없습니다. 승인되면 바로 판매가 시작됩니다.",
        done="승인을 요청했습니다. 결과는 알림으로 알려 드립니다.",
    ),
    "stop": Move(
        verb=offerings.stop,
        label="판매 중단",
        question="이 서비스의 판매를 중단할까요?",
        consequence="목록에서 사라지고 새 거래상담을 받지 않습니다. 진행 중인 거래는 그대로 이어집니다.",
        done="판매를 중단했습니다. 언제든지 다시 시작할 수 있습니다.",
    ),
    "resume": Move(
        verb=offerings.resume,
        label="판매 재개",
        question="이 서비스의 판매를 다시 시작할까요?",
        consequence="승인된 내용과 가격으로 바로 목록에 나타납니다.",
        done="판매를 다시 시작했습니다.",
    ),
    "revise": Move(
        verb=offerings.revise,
        label="내용 변경",
        question="이 서비스의 내용을 변경할까요?",
        consequence="‘작성중’으로 돌아가며, 다시 승인을 받아야 판매할 수 있습니다. "
        "진행 중인 거래는 시작한 때의 요금제 그대로 이어집니다.",
        done="‘작성중’으로 바꾸었습니다. 내용을 고친 뒤 승인을 요청해 주세요.",
    ),
    "delete": Move(
        verb=offerings.delete_draft,
        label="삭제",
        question="이 서비스를 지울까요?",
        consequence="작성한 내용과 첨부한 파일이 모두 지워집니다. 되돌릴 수 없습니다.",
        done="서비스를 지웠습니다.",
    ),
}


@blueprint.post("/services/<int:offering_id>/<any(submit, stop, resume, revise, delete):action>")
@needs(Permission.OFFERING_WRITE)
def move_service(offering_id: int, action: str) -> ResponseReturnValue:
    actor, move = current_actor(), MOVES[action]
    here = url_for("supply.service", offering_id=offering_id)
    offering_own_reads.own_detail(actor=actor, offering_id=offering_id)
    question = confirm.ask(
        question=move.question, consequence=move.consequence, label=move.label, cancel_url=here
    )
    if question is not None:
        return question
    try:
        move.verb(actor=actor, offering_id=offering_id)
    except Refusal as refusal:
        return refused(refusal, to=here)
    flash(move.done, "success")
    return redirect(url_for("supply.services") if action == "delete" else here)


@blueprint.post("/services/<int:offering_id>/files/<int:file_id>/remove")
@needs(Permission.OFFERING_WRITE)
def remove_file(offering_id: int, file_id: int) -> ResponseReturnValue:
    actor = current_actor()
    here = url_for("supply.service", offering_id=offering_id)
    draft = offering_own_reads.own_detail(actor=actor, offering_id=offering_id)
    file = next((each for each in draft.files if each.id == file_id), None)
    if file is None:
        abort(404)
    question = confirm.ask(question=f"‘{file.file_name}’ 파일을 지울까요?", label="삭제", cancel_url=here)
    if question is not None:
        return question
    try:
        offering_files.remove(actor=actor, offering_id=offering_id, file_id=file_id)
    except Refusal as refusal:
        return refused(refusal, to=here)
    flash("파일을 지웠습니다.", "success")
    return redirect(here)
