"""What a company can do when it may not deal: the next step at each refusal, with where it is done.

The sentence of a refusal stands where the rule does; docs/refusals.md lists both, checked against the code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WayOut:
    text: str
    label: str = ""
    link: str = ""
    """Of a page that everybody who meets the refusal may open."""


_SEARCH = ("서비스 찾아보기", "/services")
_STATUS = ("심사 및 예산확인", "/company/status")
_VOUCHER = ("나의 바우처", "/company")
_ENDED = WayOut("새로 거래할 수는 없고, 지금까지의 거래와 결제 내역은 계속 볼 수 있습니다.", *_VOUCHER)

WAYS_OUT: dict[str, WayOut] = {
    "voucher.none": WayOut("심사와 예산확정이 어디까지 왔는지 확인해 주세요.", *_STATUS),
    "voucher.spent": WayOut(
        "결제를 취소하면 그 금액을 다시 쓸 수 있습니다.", "서비스 결제 관리", "/payments"
    ),
    "voucher.waived": _ENDED,
    "voucher.revoked": _ENDED,
    "voucher.expired": _ENDED,
    "voucher.deadline": _ENDED,
    "voucher.waiver_requested": WayOut(
        "전문기관이 예산포기를 처리하면 알림으로 알려 드립니다. 신청이 반려되면 다시 쓸 수 있습니다.",
        *_VOUCHER,
    ),
    "offering.not_on_sale": WayOut("같은 분야의 다른 서비스를 찾아 주세요.", *_SEARCH),
    "offering.category": WayOut("올해 지원하는 분야의 서비스를 찾아 주세요.", *_SEARCH),
    "deal.self": WayOut("다른 공급기업의 서비스를 찾아 주세요.", *_SEARCH),
    "deal.open_consultation": WayOut(
        "먼저 요청한 거래상담의 답변을 기다리거나 메시지를 보내 주세요.", "서비스 요청", "/deals"
    ),
    "deal.again.state": WayOut("거래의 현재 상태를 확인해 주세요.", "서비스 요청", "/deals"),
    "deal.again.twice": WayOut("다시 요청한 거래상담에서 이어서 진행해 주세요.", "서비스 요청", "/deals"),
    "deal.late": WayOut(
        "‘반려/불가’ 탭에서 다시 거래상담을 요청해 주세요.", "반려/불가", "/deals?tab=closed"
    ),
    "deal.payment_pending": WayOut("결제 결과가 나올 때까지 기다려 주세요.", "서비스 결제 관리", "/payments"),
    "thread.closed": WayOut("서비스 화면에서 거래상담을 새로 요청해 주세요.", *_SEARCH),
}


def way_out(code: str) -> WayOut | None:
    """None for a refusal that is mended on the very page: something typed."""
    return WAYS_OUT.get(code)
