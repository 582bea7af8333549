"""Refusals of a rule: what a person did that the programme does not allow, and what to do instead.

A refusal is an answer, not a bug: it carries a stable code (for tests and `--json`), a Korean sentence
that says what is wrong and what to do, and the HTTP status with which the screens answer.
"""


class Refusal(Exception):
    """A rule says no. Nothing was changed."""

    status = 409

    def __init__(self, code: str, text: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.fields = fields or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class InvalidInput(Refusal):
    """Something typed is wrong; `fields` says what, by field name."""

    status = 422


class Denied(Refusal):
    """The person may not do this, or not to this record."""

    status = 403

    def __init__(self, code: str = "denied", text: str = "이 작업을 할 권한이 없습니다.") -> None:
        super().__init__(code, text)


class NotFound(Refusal):
    """No such record, or none that this person may know of: the two are told apart by nobody."""

    status = 404

    def __init__(self, code: str = "not_found", text: str = "찾으시는 내용이 없습니다.") -> None:
        super().__init__(code, text)


class Conflict(Refusal):
    """The record is no longer in the state that the action starts from."""

    status = 409
