"""What changed, in Korean: the fields of the audit trail and their values (R-AUD-1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app import clock
from app.models.record import AuditRow
from app.models.settlements import Evaluation
from app.workflows.audit_reads import LIFECYCLES

FIELDS = Evaluation.CRITERIA | {
    "state": "상태",
    "accepted_at": "수락일시",
    "account_holder": "예금주",
    "account_number": "계좌번호",
    "acted_at": "처리일시",
    "act_at": "처리 예정일시",
    "address": "주소",
    "agency_id": "운영기관",
    "allocated": "배정액",
    "amount": "금액",
    "answer": "답변",
    "answered_at": "답변일시",
    "approval_number": "승인번호",
    "approved_at": "승인일시",
    "approved_by_id": "승인한 계정",
    "ask_again_at": "다시 확인할 일시",
    "asked_at": "요청일시",
    "asked_by_id": "요청한 계정",
    "assigned_to_id": "배정된 계정",
    "bank_code": "은행",
    "billed_at": "결제요청 일시",
    "body": "내용",
    "bucket": "차이 구분",
    "cancel_pressed_at": "취소 요청일시",
    "cancel_reason": "취소 사유",
    "cancelled_at": "취소일시",
    "card_last4": "카드 끝 번호",
    "closed_at": "종결일시",
    "closed_by_id": "종결한 계정",
    "company_id": "수요기업",
    "deal_id": "거래",
    "decided_at": "결정일시",
    "decided_by_id": "결정한 계정",
    "document": "서류",
    "due_at": "기한",
    "entries": "분개 수",
    "evidence_sha256": "증빙의 해시",
    "expires_at": "만료일시",
    "exported_sha256": "이체파일의 해시",
    "failure_code": "실패 코드",
    "failure_text": "실패 사유",
    "finished_at": "완료일시",
    "funded": "편성액",
    "good": "반영 가능한 행",
    "granted": "지원금액",
    "held_at": "보류일시",
    "hidden_at": "숨긴 일시",
    "hidden_reason": "숨긴 사유",
    "imported": "반영한 행",
    "industry": "업종",
    "is_private": "비공개",
    "issued_at": "발급일시",
    "issuer_reference": "발급 번호",
    "kind": "구분",
    "kinds": "구분",
    "lines": "공급기업 수",
    "matched": "맞은 건",
    "matched_at": "대조일시",
    "name": "이름",
    "net": "지급액",
    "note": "내용",
    "offering_id": "서비스",
    "owner_id": "담당자",
    "paid_at": "결제일시",
    "payment_id": "결제",
    "payment_key": "결제 키",
    "payments": "결제 수",
    "period_from": "이용 시작일",
    "period_to": "이용 종료일",
    "phone": "휴대전화",
    "plan_id": "요금제",
    "proposed_at": "종결 요청일시",
    "proposed_by_id": "종결을 요청한 계정",
    "quantity": "수량",
    "reason": "사유",
    "reason_codes": "사유 코드",
    "refused": "거절한 행",
    "release_reason": "해제 요청 사유",
    "released_at": "해제일시",
    "released_by_id": "해제한 계정",
    "revoked_at": "폐기일시",
    "role": "역할",
    "rows": "행",
    "score": "점수",
    "screened_at": "심사확정 일시",
    "screened_by_id": "심사확정한 계정",
    "settled_by_file_id": "해소한 명세",
    "since": "시작",
    "submitted_at": "접수일시",
    "submitted_by_id": "요청한 계정",
    "supplier_id": "공급기업",
    "taken_back": "회수액",
    "tax": "세액",
    "total": "합계",
    "trial_sha256": "시산표의 해시",
    "until": "끝",
    "waitlisted_at": "대기 시작일시",
    "waiver_requested_at": "예산포기 신청일시",
    "year": "연도",
}
WON = frozenset({"allocated", "amount", "funded", "granted", "net", "taken_back", "tax", "total"})
_STATES = {(cycle.entity, state.value): state.label for cycle in LIFECYCLES for state in cycle.states}


def changes(row: AuditRow) -> list[tuple[str, str, str]]:
    """(field, before, after). A field that has no word here keeps its name: nothing is left out."""
    return [
        (FIELDS.get(name, name), _text(row.entity, name, before), _text(row.entity, name, after))
        for name, (before, after) in row.change.items()
    ]


def _text(entity: str, field: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "예" if value else "아니오"
    if field == "state":
        return _STATES.get((entity, str(value)), str(value))
    if isinstance(value, int) and field in WON:
        return f"{value:,}원"
    if isinstance(value, str) and field.endswith("_at"):
        return _instant(value)
    return str(value)


def _instant(value: str) -> str:
    """In Korean time, to the second; what is no instant stays as it is."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return f"{at.astimezone(clock.KST):%Y.%m.%d. %H:%M:%S}" if at.tzinfo else value
