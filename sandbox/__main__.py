"""`python -m sandbox --port N [--book FILE] [--callback URL]`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.app import create_app
from sandbox.book import Book
from sandbox.courier import Courier
from sandbox.world import Keys, World


class QuietHandler(WSGIRequestHandler):
    """Logs method and path only: a query string may hold a key, and a body never belongs in a log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        logging.getLogger("sandbox.access").info("%s %s %s", self.command, self.path.partition("?")[0], code)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The outer world, played.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--book", help="SQLite file that survives a restart (default: in memory)")
    parser.add_argument("--callback", help="the platform; call-backs go to <callback>/callbacks/<system>")
    parser.add_argument("--public-url", default="", help="address under which browsers reach the sandbox")
    parser.add_argument("--quiet", action="store_true", help="say errors only")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s", stream=sys.stderr)
    if options.quiet:
        logging.getLogger("sandbox").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _stop)
    book = Book(options.book)
    world = World(book, Keys.from_environment(), Courier(options.callback), options.public_url)
    try:
        app = create_app(world)
        server = make_server(options.host, options.port, app, threaded=True, request_handler=QuietHandler)
    except (OSError, SystemExit):
        logging.getLogger("sandbox").error("port %d is in use: choose another with --port", options.port)
        return 1
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        book.close()
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
