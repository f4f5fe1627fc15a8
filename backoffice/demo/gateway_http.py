"""The HTTP side of the demo's gateway: connections, control endpoint, and how each fault answers."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from backoffice.demo.faults import PER_MESSAGE, Fault, FaultKind, Message, fault_from_json
from backoffice.demo.gateway_wire import MAX_BODY_BYTES, BatchRefusedError

if TYPE_CHECKING:
    from backoffice.demo.gateway import DemoGateway

CONTROL_PREFIX = "/_control/"
REDIRECT_PATH = "/elsewhere"


class GatewayServer(ThreadingHTTPServer):
    """Knows its open connections, so that stopping ends them."""

    daemon_threads = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], gateway: DemoGateway) -> None:
        self.gateway = gateway
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, GatewayHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the other side was faster

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class GatewayHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: GatewayServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the name is the base class's
        """The log file is the only log."""

    def do_GET(self) -> None:
        if self.path == f"{CONTROL_PREFIX}stats":
            self._answer_json(200, self.server.gateway.stats)
        else:
            self._answer_json(404, {"error": "not found"})

    def do_DELETE(self) -> None:
        if self.path == f"{CONTROL_PREFIX}faults":
            self.server.gateway.clear_faults()
            self._answer_json(200, {})
        else:
            self._answer_json(404, {"error": "not found"})

    def do_POST(self) -> None:
        gateway = self.server.gateway
        length = self.headers.get("Content-Length") or ""
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer_json(413, {"error": "Content-Length is missing or too large"})
            return
        body = self.rfile.read(int(length))
        path = urlsplit(self.path).path
        if path == f"{CONTROL_PREFIX}faults":
            self._add_fault(body)
            return
        if path == REDIRECT_PATH:
            self._turn_away(BatchRefusedError(400, "the redirect was followed"))
            return
        try:
            batch_id, messages = gateway.check_batch(self.headers, body)
        except BatchRefusedError as refusal:
            self._turn_away(refusal)
            return
        fault = gateway.faults.take()
        results = gateway.deliver(batch_id, messages, fault) if fault is None or fault.is_delivering else []
        gateway.note_call(batch_id, len(messages), fault.http_status if fault else 200, fault)
        if fault is None:
            self._answer_json(200, {"results": results})
        else:
            self._commit(fault, messages, results)

    def _turn_away(self, refusal: BatchRefusedError) -> None:
        self.server.gateway.note_refusal(refusal)
        self._answer_json(refusal.status, {"error": refusal.reason})

    def _add_fault(self, body: bytes) -> None:
        try:
            self.server.gateway.faults.add(fault_from_json(json.loads(body)))
        except (ValueError, AttributeError) as error:
            self._answer_json(400, {"error": str(error)})
        else:
            self._answer_json(200, {"waiting": len(self.server.gateway.faults)})

    def _commit(self, fault: Fault, messages: list[Message], results: list[dict[str, str | None]]) -> None:
        """Answer in the way that the fault says."""
        if fault.kind is FaultKind.MISSING_RESULTS:
            results = [result for place, result in enumerate(results) if not fault.hits(place, messages[place])]
        answer = json.dumps({"results": results}).encode()
        match fault.kind:
            case kind if kind in PER_MESSAGE:
                self._answer(200, answer)
            case FaultKind.DELAY:
                self._wait(fault.seconds)
                self._answer(200, answer)
            case FaultKind.TIMEOUT | FaultKind.TIMEOUT_DELIVERED:
                self._wait(fault.seconds)
                self.close_connection = True
            case FaultKind.RESET:
                self.close_connection = True
            case FaultKind.CUT:
                self._start_answer(200, len(answer))
                self.wfile.write(answer[: len(answer) // 2])
                self.close_connection = True
            case FaultKind.DRIP:
                self._start_answer(200, len(answer))
                for place in range(len(answer)):
                    self.wfile.write(answer[place : place + 1])
                    self.wfile.flush()
                    self._wait(fault.seconds / len(answer))
            case FaultKind.WRONG_JSON:
                self._answer(200, fault.body.encode())
            case FaultKind.REDIRECT:
                self._answer_json(fault.http_status, {}, {"Location": f"http://{self.server.gateway.netloc}{REDIRECT_PATH}"})
            case FaultKind.TOO_MANY:
                self._answer_json(fault.http_status, {"error": fault.error}, {"Retry-After": fault.retry_after})
            case _:
                self._answer_json(fault.http_status, {"error": fault.error})

    def _wait(self, seconds: float) -> None:
        self.server.gateway.released.wait(seconds)

    def _answer_json(self, status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self._answer(status, json.dumps(content).encode(), headers)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._start_answer(status, len(body), headers)
        self.wfile.write(body)

    def _start_answer(self, status: int, length: int, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
