"""The audit trail as the console shows it (R-AUD-1)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from app import clock, policy
from app.db import db
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import record
from app.workflows.abuse import ABUSE
from app.workflows.applications import APPLICATION
from app.workflows.bulk import BULK
from app.workflows.deal_lifecycle import DEAL
from app.workflows.holds import HOLD
from app.workflows.instruments import INSTRUMENT
from app.workflows.months import MONTH
from app.workflows.offering_lifecycle import OFFERING
from app.workflows.offers import OFFER
from app.workflows.paper_exports import EXPORT
from app.workflows.payment_lifecycle import PAYMENT
from app.workflows.posts import POST
from app.workflows.recon_lifecycle import ITEM
from app.workflows.settlement import BATCH, LINE
from app.workflows.statements import STATEMENT
from app.workflows.supplier_lifecycle import SUPPLIER
from app.workflows.suspicion import SUSPICION
from app.workflows.tax_invoices import TAX_INVOICE
from app.workflows.vouchers import VOUCHER

ENTITIES = {
    "abuse_report": "부정 신고",
    "accounting_month": "월마감",
    "account": "계정",
    "agency_budget": "운영기관 예산",
    "application": "신청",
    "bank_format": "은행 양식",
    "budget_offer": "예산 안내",
    "bulk_run": "일괄 처리",
    "category": "서비스 분야",
    "company": "수요기업",
    "deal": "거래",
    "deal_message": "거래 메시지",
    "demonstration": "시연 시각",
    "document": "서류",
    "evaluation": "평가",
    "instrument": "결제수단",
    "intake": "K-Startup 반입",
    "offering": "서비스",
    "offering_file": "서비스 자료",
    "paper_export": "문서 내려받기",
    "outbox_message": "발송·작업",
    "payment": "결제",
    "post": "게시글",
    "question": "서비스 문의",
    "programme": "사업",
    "settlement_batch": "정산",
    "settlement_hold": "지급 보류",
    "settlement_line": "정산 지급",
    "recon_item": "대사 차이",
    "slip": "전표",
    "statement_file": "일별 명세",
    "supplier": "공급기업",
    "suspicion": "의심 거래",
    "tax_invoice": "세금계산서",
    "supplier_key": "연동 키",
    "usage_report": "이용실적",
    "usage_warning": "이용 경고",
    "voucher": "바우처",
}

LIFECYCLES = (
    MONTH,
    TAX_INVOICE,
    APPLICATION,
    BULK,
    INSTRUMENT,
    VOUCHER,
    SUPPLIER,
    OFFERING,
    DEAL,
    PAYMENT,
    BATCH,
    LINE,
    STATEMENT,
    ITEM,
    OFFER,
    EXPORT,
    POST,
    HOLD,
    SUSPICION,
    ABUSE,
)
_ACTIONS = {(cycle.entity, edge.action): edge.label for cycle in LIFECYCLES for edge in cycle.edges}
_OTHERS = {
    "add": "추가 내용",
    "answer": "답변",
    "ask": "문의 등록",
    "hide": "숨김",
    "mend": "답변 수정",
    "move": "시각 이동",
    "note": "메모",
    "override": "대신 처리",
    "request": "거래상담 요청",
    "score": "점수 입력",
    "send": "메시지 전송",
    "show": "다시 공개",
    "write": "평가 등록",
    "add_signals": "신호 추가",
    "file": "신고 접수",
    "found": "발견",
    "name_parties": "신고 대상 지정",
    "place": "지급 보류",
    "read_contact": "연락처 열람",
    "read_file": "증거 자료 열람",
    "take_case": "사건 맡기",
    "account_holder_unanswered": "예금주 확인 응답 없음",
    "allocate": "예산 배정",
    "ask_account_holder": "예금주 확인",
    "assign": "배정",
    "begin": "등록",
    "build": "정산 작성",
    "change_account": "계좌 변경",
    "change_settings": "설정 변경",
    "choose": "결제수단 선택",
    "close": "닫기",
    "close_day": "휴무일 지정",
    "create": "등록",
    "delete": "삭제",
    "ask_bank": "예금주 조회",
    "ask_export": "문서 내려받기 요청",
    "download": "내려받기",
    "edit": "수정",
    "enter": "등록",
    "keep_back": "보류한 결제 제외",
    "keep_trial": "시산표 보관",
    "export_again": "이체파일 다시 받기",
    "exempt": "동명이인 확인",
    "withdraw_exemption": "동명이인 확인 취소",
    "join": "가입",
    "replace_document": "서류 교체",
    "tick": "확인 표시",
    "flag": "수정 알림",
    "clear_flag": "수정 확인",
    "forget_signups": "오래된 가입 신청서 삭제",
    "fund": "예산 편성",
    "import": "반영",
    "intake": "K-Startup 명단 반영",
    "lock": "잠김",
    "mail_again": "정산내역서 메일 다시 보내기",
    "mail_refused": "정산내역서 메일 발송 실패",
    "mail_sent": "정산내역서 메일 발송",
    "move_deadlines": "기한 연장",
    "offer": "예산 안내",
    "open": "열기",
    "preview": "미리보기",
    "read": "열람",
    "reorder": "순서 변경",
    "ask_report": "이용실적 요청",
    "cancel": "취소 시작",
    "end": "해제",
    "issue": "발급",
    "put_off": "기한 연장",
    "try_again": "다시 시도 예약",
    "give_up": "자동 처리 중단",
    "report": "제출",
    "revoke": "폐기",
    "stop": "이용 중지",
    "warn": "경고",
    "request_waiver": "예산포기 신청",
    "decline_waiver": "예산포기 반려",
    "register": "등록",
    "retry": "다시 시도",
    "draw_again": "문서 다시 만들기",
    "issue_billing": "청구내역서 발급",
    "ask_now": "결제 결과 확인 요청",
    "charge_returned": "잘못 승인된 금액 반환 확인",
    "return_charge": "잘못 승인된 금액 반환",
    "set_active": "사용 변경",
    "take_back": "예산 배정 회수",
    "take": "명세 반영",
    "ask_gateway": "결제 기관 재조회",
    "ask_supplier": "공급기업 문의",
    "evidence": "증빙 등록",
    "hold": "정산 보류",
    "set_password": "비밀번호 변경",
    "sign_in": "로그인",
    "sign_in_failed": "로그인 실패",
    "sign_in_initial": "초기 비밀번호 로그인",
    "stop_clock": "기한 중지",
    "submit": "접수",
    "tax_office": "국세청 재조회",
    "verify_account": "계좌 확인",
    "verify_person": "본인인증",
    "waitlist": "예산 대기",
}


def label(row: AuditRow) -> str:
    """The act in Korean: a lifecycle's own label, or the common word; else as the trail has it."""
    return _ACTIONS.get((row.entity, row.action)) or _OTHERS.get(row.action, row.action)


def trail(
    *,
    actor: Actor,
    entity: str = "",
    entity_id: int | None = None,
    who: str = "",
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    size: int = 50,
) -> list[AuditRow]:
    """Who did what, newest first; `who` is the actor's name, days are real Korean days. Raises Denied."""
    policy.require(actor, Permission.AUDIT_VIEW)
    statement = select(AuditRow).order_by(AuditRow.id.desc()).limit(size)
    conditions = [
        bool(entity) and AuditRow.entity == entity,
        entity_id is not None and AuditRow.entity_id == entity_id,
        bool(who) and AuditRow.actor_name == who,
        since is not None and AuditRow.recorded_at >= clock.start_of(since),
        until is not None and AuditRow.recorded_at < clock.end_of(until),
        before is not None and AuditRow.id < before,
    ]
    statement = statement.where(*[condition for condition in conditions if condition is not False])
    return list(db.session.scalars(statement))


def verify(*, actor: Actor) -> list[str]:
    """What is wrong with the trail. Raises Denied."""
    policy.require(actor, Permission.AUDIT_VIEW)
    return record.verify()
