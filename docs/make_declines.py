"""`make docs`: writes declines.md from the table of declines that the application itself answers with."""

from __future__ import annotations

from pathlib import Path

from app.gateways.declines import DECLINES, Decline, Then

PATH = Path(__file__).parent / "declines.md"
HEADING = """# When a payment or a cancellation is declined

Made by `make docs` from `app/gateways/declines.py`; do not edit. The codes are those of the Korean payment
gateways; the sandbox plays them by the number that is used (docs/sandbox.md). A person reads the sentence on
the result page, in '서비스 결제 관리' and in 알림. A code that stands in no table is told by its name.

A card number, expiry or stopped card that is found out when the code is asked for stands at its field, and
nothing was pressed: no payment is made. No answer, an answer that cannot be read, or an error of the gateway
(HTTP 5xx) is no decline: the outcome is unknown, and is asked for (docs/operations.md).
"""


def document() -> str:
    parts = [HEADING]
    for then in Then:
        rows = [(code, decline) for code, decline in DECLINES.items() if decline.then is then]
        parts.append(f"## {then.name.capitalize()}\n\nWhat the platform does: {then.value}.\n")
        parts.append(
            "| code | what a person reads |\n| --- | --- |\n" + "\n".join(_row(*row) for row in rows)
        )
        parts[-1] += "\n"
    return "\n".join(parts)


def _row(code: str, decline: Decline) -> str:
    said = decline.korean
    if decline.of_zeropay:
        said += f"<br>ZeroPay: {decline.of_zeropay}"
    return f"| `{code}` | {said} |"


if __name__ == "__main__":
    PATH.write_text(document())
