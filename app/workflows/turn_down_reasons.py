"""Reasons of a 반려, ready to be chosen; the company reads the sentence as it stands here (R-DEAL-2a)."""

from __future__ import annotations

from app.errors import InvalidInput

REASONS = {
    "capacity": "지금은 새 이용기업을 받을 여력이 없습니다.",
    "function": "요청하신 기능은 이 서비스에서 제공하지 않습니다.",
    "size": "요청하신 인원이나 수량에 맞는 요금제가 없습니다.",
    "period": "요청하신 시작일이나 이용기간을 맞출 수 없습니다.",
    "budget": "말씀하신 금액으로는 제공할 수 없습니다.",
    "other_service": "다른 서비스가 더 알맞습니다. 자세한 내용은 아래에 적었습니다.",
    "no_answer": "상담에 필요한 내용을 여쭈었으나 답변을 받지 못했습니다.",
}


def compose(*, code: str, text: str) -> str:
    """What the company reads: the chosen sentence, what was written, or both.

    Raises InvalidInput where neither is given.
    """
    sentence = REASONS.get(code, "")
    written = text.strip()
    if not sentence and not written:
        wrong = "반려 사유를 고르거나 사유를 입력해 주세요."
        raise InvalidInput("reason_missing", wrong, fields={"reason": wrong})
    return "\n".join(part for part in (sentence, written) if part)
