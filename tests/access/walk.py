"""Walks cells of the matrix and says what is wrong with each answer. Returns breaches instead of failing, so that sabotage can be measured.

Everything here must change nothing (foreign or denied POSTs too), so every request runs in a READ ONLY transaction: a write is a breach.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.urls import reverse

from tests.access.lines import CONSOLE_ROLES, Line
from tests.access.surfaces import screens, url_patterns
from tests.access.table import TABLE
from tests.access.world import MARKS, World

BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"
ADDRESS = {"platform": "/admin/", "merchant": "/merchant/", "developer": "/developer/"}
MISSING = 987654321
MALFORMED = ("abc", "-1", "0", "9" * 20, "%00", "1'--", "１２３４５６７", "../1")
_NOISE = (
    (re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"'), b""),
    (re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:[\d.]+)?(\+\d\d:\d\d)?"), b"T"),
)


@dataclass(frozen=True)
class Answer:
    """What a request brought back; ``error`` instead of a status when it raised."""

    status: int
    location: str = ""
    body: bytes = b""
    error: str = ""
    listed: tuple[Any, ...] | None = None

    def like(self, other: Answer, *ids: Any) -> bool:
        """Whether two answers cannot be told apart, but for the number that was asked for."""
        return (self.status, _plain(self.location.encode(), ids), _plain(self.body, ids)) == (
            other.status,
            _plain(other.location.encode(), ids),
            _plain(other.body, ids),
        )

    def marks(self) -> set[str]:
        """Owners' marks in headers and body."""
        text = self.body + self.location.encode()
        return {mark for mark in MARKS if mark.encode() in text or mark.lower().encode() in text}


def _plain(text: bytes, ids: Iterable[Any]) -> bytes:
    for pattern, replacement in _NOISE:
        text = pattern.sub(replacement, text)
    for one in sorted({str(value) for value in ids}, key=len, reverse=True):
        text = re.sub(rb"(?<!\d)" + re.escape(one.encode()) + rb"(?!\d)", b"ID", text)
    return text


@dataclass
class Walk:
    """One user's way through surfaces; ``who`` is a role, ``anonymous``, or a special user of the world."""

    world: World
    who: str
    breaches: list[str] = field(default_factory=list)
    cells: int = 0

    def __post_init__(self) -> None:
        self.client = Client(headers={"accept-language": "zh-hans"})
        if self.who != "anonymous":
            self.client.force_login(self.world.users[self.who], backend=BACKEND)
        self.reach = self.world.reach(self.who)
        self.screens = screens()
        self.routes = url_patterns()

        # Platform staff see every store: nothing on their pages can be foreign. One role reads them, for the others the answer's kind is enough.
        self.renders = self.console != "platform" or self.who == "PLATFORM_ADMIN"

    # --- requests

    @contextmanager
    def _pages(self) -> Iterator[None]:
        """Leaves out the making of pages that nobody looks into: it is nine tenths of the time."""
        if self.renders:
            yield
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SimpleTemplateResponse, "rendered_content", "")
            yield

    def ask(self, url: str, post: dict[str, Any] | None = None, *, may_write: bool = False, **query: Any) -> Answer:
        """GET, or POST when ``post`` is given, in a transaction that cannot write; ``may_write`` undoes instead what an allowed act writes."""
        self.cells += 1
        try:
            with self._pages(), transaction.atomic():
                if not may_write:
                    with connection.cursor() as cursor:
                        cursor.execute("SET LOCAL transaction_read_only = on")
                got = self.client.get(url, query) if post is None else self.client.post(url, post)
                body = b"".join(got.streaming_content) if got.streaming else got.content
                cl = got.context.get("cl") if got.context is not None else None
                listed = tuple(row.pk for row in cl.result_list) if cl is not None else None
                transaction.set_rollback(True)
            return Answer(got.status_code, got.headers.get("Location", ""), body, listed=listed)
        except DatabaseError as error:
            return Answer(0, error=f"wrote: {error}".splitlines()[0])
        except Exception as error:  # noqa: BLE001 - a server error on one address is one breach, not the end of the walk
            return Answer(0, error=f"raised {type(error).__name__}: {error}".splitlines()[0])

    def breach(self, line: Line | str, text: str) -> None:
        self.breaches.append(f"{self.who} {line if isinstance(line, str) else line.surface}: {text}")

    # --- what a line means for this user

    @property
    def console(self) -> str | None:
        """Console of the user's seats, None for whom none opens."""
        return next((console for console, members in CONSOLE_ROLES.items() if self.who in members), None)

    def may(self, line: Line) -> bool:
        return self.who in line.allowed

    def lines(self) -> Iterator[Line]:
        for surface, line in TABLE.lines.items():
            if surface in self.routes and ":" in surface and surface.split(":")[0] in CONSOLE_ROLES:
                yield line

    # --- cells

    def walk(self, only: Iterable[str] | None = None, *, until_first: bool = False) -> list[str]:
        """All address cells of this user, or those of surfaces that begin with one of ``only``; ``until_first`` stops at a breach."""
        chosen = None if only is None else tuple(only)
        for line in self.lines():
            if until_first and self.breaches:
                break
            if chosen is not None and not line.surface.startswith(chosen):
                continue
            console = line.surface.split(":")[0]
            if console != self.console:
                self._outsider(line, console)
            elif "object_id" in self.routes[line.surface][0]:
                self._object_page(line)
            else:
                self._page(line)
        return self.breaches

    def _url(self, line: Line, *args: Any) -> str:
        route = self.routes[line.surface][0]
        if line.surface.endswith("(?P<url>.*)$"):
            return f"/{route.split('(')[0]}no/such/page/"
        return reverse(line.surface, args=args or line.args)

    def _outsider(self, line: Line, console: str) -> None:
        """Who has no seat in the console sees its log-in page, whatever they ask for."""
        url = self._url(line, MISSING) if "object_id" in self.routes[line.surface][0] else self._url(line)
        answer = self.ask(url)
        if line.surface == f"{console}:login":
            right = answer.status == 200
        elif line.surface == f"{console}:logout":
            right = answer.status == 302 and answer.location == ADDRESS[console]
        else:
            right = answer.status == 302 and answer.location.startswith(f"{ADDRESS[console]}login/")
        if not right:
            self.breach(line, f"an outsider got {answer.status} {answer.location} {answer.error}")

    def _page(self, line: Line) -> None:
        answer = self.ask(self._url(line))
        self._no_foreign_mark(line, answer)
        if not self.may(line):
            if answer.status not in (403, 404):
                self.breach(line, f"denied, but got {answer.status} {answer.error}")
            if line.get != 405:
                return
            refused = self.ask(self._url(line), post={"_form_submitted": "True"})
            if refused.status not in (403, 404):
                self.breach(line, f"denied, but POST got {refused.status} {refused.error}")
            return
        if answer.status != line.get:
            self.breach(line, f"allowed, but got {answer.status} {answer.error}")
        elif self.renders and line.shows and line.surface.endswith("_changelist"):
            wanted = self._own_marks(line)
            if not wanted or not wanted <= answer.marks():
                self.breach(line, f"the list shows {answer.marks()}, not {wanted}")

    def _model(self, line: Line) -> type[models.Model]:
        return self._screen(line).model  # type: ignore[no-any-return]

    def _screen(self, line: Line) -> Any:
        fitting = [name for name in self.screens if line.surface.startswith(f"{name}_")]
        return self.screens[max(fitting, key=len)]

    def _own_marks(self, line: Line) -> set[str]:
        return {mark for mark, rows in self.world.rows[self._model(line)].items() if rows and mark in self.reach}

    def _object_page(self, line: Line) -> None:
        rows = self.world.rows[self._model(line)]
        if not rows:
            self.breach(line, f"tests/access/world.py makes no {self._model(line).__name__}")
            return
        submitted = {"_form_submitted": "True", "reason": "x"}
        missing, missing_post = self.ask(self._url(line, MISSING)), self.ask(self._url(line, MISSING), post=submitted)
        if missing.status not in ((404, 405) if line.get == 405 else (404,) if self.may(line) else (403, 404)):
            self.breach(line, f"a missing row got {missing.status} {missing.error}")
        if missing_post.status not in (403, 404, 405):
            self.breach(line, f"POST to a missing row got {missing_post.status} {missing_post.error}")
        for mark, owned in rows.items():
            if mark not in self.reach:
                row = owned[0]
                for got, other, how in (
                    (self.ask(self._url(line, row.pk)), missing, "GET"),
                    (self.ask(self._url(line, row.pk), post=submitted), missing_post, "POST"),
                ):
                    if not got.like(other, row.pk, MISSING):
                        self.breach(line, f"{how} of a foreign row got {got.status} {got.error}, of a missing one {other.status}")
                    self._no_foreign_mark(line, got)
        own = {mark: owned for mark, owned in rows.items() if mark in self.reach}
        if self.console == "platform":
            own = dict(list(own.items())[:1]) if line.surface.endswith(("_change", "_history")) else own
        self._own_rows(line, own, submitted)
        if self.may(line) and self.who in ("PLATFORM_ADMIN", "MERCHANT_OWNER", "DEVELOPER_OWNER"):
            self._malformed(line, missing)

    def _own_rows(self, line: Line, own: dict[str, list[Any]], submitted: dict[str, str]) -> None:
        answered = False
        for mark, owned in own.items():
            for row in owned:
                # A file handed out is audited; nobody else's GET may write.
                answer = self.ask(self._url(line, row.pk), may_write=self.may(line) and line.surface.endswith(("_file", "_bad_rows")))
                self._no_foreign_mark(line, answer)
                if not self.may(line):
                    refused = self.ask(self._url(line, row.pk), post=submitted)
                    for got, how in ((answer, "GET"), (refused, "POST")):
                        if got.status not in (403, 404) and not (got.status == 405 and (how == "POST" or line.get == 405)):
                            self.breach(line, f"denied, but {how} of the own row got {got.status} {got.error}")
                    return
                if answer.status == 404 and self._may_be_unavailable(line):
                    continue
                if answer.status != line.get:
                    self.breach(line, f"allowed, but the own row got {answer.status} {answer.error}")
                    return
                if self.renders and line.shows and mark not in answer.marks():
                    self.breach(line, f"the page of {mark} does not show it")
                answered = True
                break
            if answered and self.console == "platform":
                return
        if own and not answered:
            self.breach(line, "no own row answered")

    def _may_be_unavailable(self, line: Line) -> bool:
        """Acts that only fit some states answer 404 on other rows."""
        screen = self._screen(line)
        fitting = [name for name in self.screens if line.surface.startswith(f"{name}_")]
        method = getattr(screen, line.surface.removeprefix(f"{max(fitting, key=len)}_"), None)
        return getattr(method, "available", None) is not None

    def _malformed(self, line: Line, missing: Answer) -> None:
        base = self._url(line, "PLACE")
        for text in MALFORMED:
            got = self.ask(base.replace("PLACE", text))
            if got.status != missing.status:
                self.breach(line, f"the malformed number {text} got {got.status} {got.error}")

    def _no_foreign_mark(self, line: Line | str, answer: Answer) -> None:
        foreign = answer.marks() - self.reach
        if foreign:
            self.breach(line, f"shows {sorted(foreign)}")
