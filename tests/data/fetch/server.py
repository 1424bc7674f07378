"""A web server in a thread, with the faults that real ones have, and a log of what it was asked and what it sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request; `sent` counts the bytes of the answer's body, `done` is set after the last of them."""

    path: str
    range: str | None
    if_range: str | None
    sent: int = 0
    done: threading.Event = field(default_factory=threading.Event)


@dataclass
class Page:
    """What stands at a path. `breaks`: how many answers end after half of their bytes; `pause`: event to wait for there."""

    content: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    heeds_if_range: bool = True
    tells_length: bool = True
    breaks: int = 0
    endless: bool = False
    pause: threading.Event | None = None
    content_range: str | None = None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []

    def put(self, path: str, page: Page) -> str:
        self.pages[path] = page
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing is printed: a client that hangs up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = Asked(self.path, self.headers["Range"], self.headers["If-Range"])
        self.server.asked.append(asked)
        try:
            self._answer(self.server.pages[self.path], asked)
        finally:
            asked.done.set()

    def _answer(self, page: Page, asked: Asked) -> None:
        start, status = 0, page.status
        known = [page.headers.get("ETag"), page.headers.get("Last-Modified")]
        if asked.range and page.ranges and (asked.if_range in [None, *known] or not page.heeds_if_range):
            start, status = int(asked.range.removeprefix("bytes=").removesuffix("-")), 206
        total = len(page.content)
        body = page.content[start:]
        if status == 206 and not body:
            status = 416
        self.send_response(status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if page.tells_length:
            self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", page.content_range or f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        if page.breaks:
            page.breaks -= 1
            body = body[: len(body) // 2]
        self._send(asked, body)
        if page.pause is not None:
            page.pause.wait(30)
        while page.endless and asked.sent < 2**28:
            self._send(asked, bytes(2**16))

    def _send(self, asked: Asked, body: bytes) -> None:
        asked.sent += len(body)
        self.wfile.write(body)


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
