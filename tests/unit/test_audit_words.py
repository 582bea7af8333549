"""Acts, fields and events in Korean, as the audit trail and the ledger show them (R-AUD-1, R-MONEY-3)."""

from __future__ import annotations

import pytest

from app.backoffice import ledger_links
from app.models.record import AuditRow
from app.workflows import audit_reads, audit_words


def _row(entity: str, action: str, **change: tuple[object, object]) -> AuditRow:
    return AuditRow(entity=entity, entity_id=1, action=action, change={k: list(v) for k, v in change.items()})


@pytest.mark.parametrize(
    ("entity", "action", "label"),
    [
        ("settlement_hold", "place", "지급 보류"),
        ("deal_message", "send", "메시지 전송"),
        ("question", "mend", "답변 수정"),
        ("deal", "request", "거래상담 요청"),
        ("settlement_batch", "reconcile", "이체결과 반영"),
        ("settlement_line", "keep_back", "보류한 결제 제외"),
    ],
)
def test_an_act_is_named_in_korean(entity: str, action: str, label: str) -> None:
    assert audit_reads.label(_row(entity, action)) == label and entity in audit_reads.ENTITIES


def test_what_changed_is_told_in_the_words_of_the_screens() -> None:
    row = _row("settlement_batch", "approve", state=("submitted", "approved"), approved_by_id=(None, 7))
    assert audit_words.changes(row) == [("상태", "승인요청", "승인"), ("승인한 계정", "-", "7")]
    made = _row(
        "settlement_batch",
        "build",
        net=(0, 1_440_000),
        lines=(0, 3),
        approved_at=(None, "2020-11-16T00:43:01.1+00:00"),
    )
    assert audit_words.changes(made) == [
        ("지급액", "0원", "1,440,000원"),
        ("공급기업 수", "0", "3"),
        ("승인일시", "-", "2020.11.16. 09:43:01"),
    ]
    unknown = _row("question", "hide", is_private=(False, True), of_no_word=(None, "x"))
    assert audit_words.changes(unknown) == [("비공개", "아니오", "예"), ("of_no_word", "-", "x")]


def test_an_event_is_told_by_its_record_and_one_of_another_form_as_it_is() -> None:
    assert ledger_links.event("hold_back:payment:17:3") == "결제 17"
    assert ledger_links.event("allocation:agency_budget:4:2020-11-13") == "운영기관 예산 4"
    assert ledger_links.event("opening balance") == "opening balance"
    assert ledger_links.event("payment:nothing:1") == "payment:nothing:1"
