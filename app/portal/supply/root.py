"""The blueprint that the pages of the supplier's side hang on."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("supply", __name__, url_prefix="/supply")
