"""What comes next in a deal, in one sentence, for each state and each side (R-DEAL-1)."""

from __future__ import annotations

from app.models.deals import Deal, DealState
from app.models.threads import DealSide

_S, _COMPANY, _SUPPLIER = DealState, DealSide.COMPANY, DealSide.SUPPLIER

SENTENCES: dict[tuple[DealState, DealSide], str] = {
    (_S.CONSULTING, _COMPANY): (
        "공급기업의 답변을 기다리고 있습니다. 기한 안에 답하지 않으면 ‘불가’로 끝나고, 비용은 들지 않습니다."
    ),
    (_S.CONSULTING, _SUPPLIER): (
        "상담 내용을 확인하고 기한 안에 ‘거래수락’이나 ‘반려’로 답해 주세요. 메시지만 보내면 기한은 계속 "
        "흐릅니다."
    ),
    (_S.ACCEPTED, _COMPANY): (
        "공급기업이 요금제와 수량, 이용기간을 정해 결제를 요청하면 알림으로 알려 드립니다. 조건은 메시지로 "
        "상의해 주세요."
    ),
    (_S.ACCEPTED, _SUPPLIER): (
        "수요기업과 정한 요금제와 수량, 이용기간으로 결제요청을 보내 주세요. 보내기 전에 금액을 보여 "
        "드립니다."
    ),
    (_S.BILLED, _COMPANY): (
        "청구 내용을 확인하고 기한 안에 결제해 주세요. 내용이 다르면 결제하지 말고 메시지로 알려 주세요."
    ),
    (_S.BILLED, _SUPPLIER): (
        "수요기업의 결제를 기다리고 있습니다. 결제되면 알림으로 알려 드리니 서비스를 준비해 주세요."
    ),
    (_S.PAID, _COMPANY): "결제가 끝났습니다. 이용한 뒤 ‘서비스 정산(만족도)’에서 평가해 주세요.",
    (_S.PAID, _SUPPLIER): (
        "결제가 끝났습니다. 이용기간에 맞게 서비스를 제공해 주세요. 대금은 ‘공급대금 정산’에서 확인합니다."
    ),
    (_S.TURNED_DOWN, _COMPANY): "사유를 확인하고, 필요하면 내용을 고쳐 ‘다시 거래상담’을 요청해 주세요.",
    (_S.TURNED_DOWN, _SUPPLIER): "반려한 거래입니다. 수요기업이 ‘다시 거래상담’을 요청할 수 있습니다.",
    (_S.LAPSED, _COMPANY): "기한이 지나 끝난 거래입니다. 계속하려면 ‘다시 거래상담’을 요청해 주세요.",
    (_S.LAPSED, _SUPPLIER): (
        "기한이 지나 끝난 거래입니다. 수요기업이 ‘다시 거래상담’을 요청하면 새로 진행할 수 있습니다."
    ),
    (_S.WITHDRAWN, _COMPANY): "요청을 취소한 거래입니다. 필요하면 서비스 화면에서 새로 요청해 주세요.",
    (_S.WITHDRAWN, _SUPPLIER): "수요기업이 요청을 취소한 거래입니다. 따로 할 일이 없습니다.",
    (_S.PAYMENT_CANCELLED, _COMPANY): (
        "결제가 취소되었습니다. 다시 이용하려면 서비스 화면에서 거래상담을 새로 요청해 주세요."
    ),
    (_S.PAYMENT_CANCELLED, _SUPPLIER): (
        "결제가 취소되었습니다. 이미 정산된 대금이면 다음 정산에서 그만큼 빼고 지급합니다."
    ),
}
LATE = {
    _COMPANY: "기한이 지났습니다. 곧 ‘불가’로 처리되며, 그 뒤에 ‘다시 거래상담’을 요청할 수 있습니다.",
    _SUPPLIER: (
        "기한이 지나 더 처리할 수 없습니다. 수요기업이 ‘다시 거래상담’을 요청하면 새로 진행할 수 있습니다."
    ),
}
PAYING = {
    _COMPANY: "결제 결과를 확인하고 있습니다. 결과가 나올 때까지 다시 결제하지 마세요.",
    _SUPPLIER: "수요기업의 결제 결과를 확인하고 있습니다. 결과가 나오면 알림으로 알려 드립니다.",
}
"""While the outcome is unknown the press counts, not the deadline (R-VOU-3, R-PAY-4)."""


EVALUATED = "결제와 평가가 끝났습니다. 이용하면서 궁금한 점은 메시지로 공급기업에 물어보세요."
"""To the company that has nothing left to do (R-EVA-1)."""


def next_step(
    deal: Deal, side: DealSide, *, late: bool = False, paying: bool = False, evaluated: bool = False
) -> str:
    if paying:
        return PAYING[side]
    if evaluated and side is _COMPANY and deal.state is _S.PAID:
        return EVALUATED
    return LATE[side] if late else SENTENCES[deal.state, side]
