"""What the played systems answer when they do not answer properly."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal in the `{code, message}` form of the Korean payment gateways."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


class LostAnswer(Exception):
    """The work is done (or not), and the connection closes without an answer."""
