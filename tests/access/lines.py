"""How a line of the access table is written. See ``docs/access.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backoffice.kernel.tenancy.roles import Role

ADMIN, AUDITOR, MEMBER_OPS = Role.PLATFORM_ADMIN, Role.PLATFORM_AUDITOR, Role.PLATFORM_MEMBER_OPS
REVIEWERS = frozenset({Role.PLATFORM_REVIEWER, Role.PLATFORM_SENIOR, Role.PLATFORM_APPEALS})
INDUSTRY = Role.PLATFORM_INDUSTRY_OPS
OWNER, OPERATOR, ANALYST = Role.MERCHANT_OWNER, Role.MERCHANT_OPERATOR, Role.MERCHANT_ANALYST
DEV_OWNER, DEV_MEMBER = Role.DEVELOPER_OWNER, Role.DEVELOPER_MEMBER

PLATFORM = frozenset(role for role in Role if role.value.startswith("PLATFORM_"))
MERCHANT = frozenset({OWNER, OPERATOR, ANALYST})
DEVELOPER = frozenset({DEV_OWNER, DEV_MEMBER})
CONSOLE_ROLES = {"platform": PLATFORM, "merchant": MERCHANT, "developer": DEVELOPER}
NOBODY: frozenset[Role] = frozenset()


def roles(*parts: Role | Iterable[Role]) -> frozenset[Role]:
    """``roles(ADMIN, REVIEWERS)``: single roles and groups in one set."""
    found: set[Role] = set()
    for part in parts:
        found |= {part} if isinstance(part, Role) else set(part)
    return frozenset(found)


@dataclass(frozen=True)
class Line:
    """Who may use one surface. On the platform's console a role reaches all rows, on the others only its own; every role not named is denied.

    ``get`` is what an allowed GET answers; 405 marks an act that only a POST does. ``shows`` is False where an answer holds nothing of a row
    (a calendar script, a form to hand in a file). ``args`` fill an address that asks for more than a row.
    """

    surface: str
    allowed: frozenset[Role] = NOBODY
    get: int = 200
    shows: bool = True
    args: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class Table:
    """Lines by surface; a surface with two lines is a mistake."""

    lines: dict[str, Line] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        assert line.surface not in self.lines, f"{line.surface} has two lines"
        self.lines[line.surface] = line

    def page(self, surface: str, allowed: Iterable[Role], *, get: int = 200, shows: bool = False, args: tuple[str, ...] = ()) -> None:
        """An address that is not one row's, or not a model's at all."""
        self.add(Line(surface, frozenset(allowed), get, shows, args))

    def outside(self, surface: str, reason: str) -> None:
        """A surface that no console user's rights decide about: a command of the operator, a task, a machine's address. Says why."""
        self.add(Line(surface, reason=reason))

    def screen(
        self,
        name: str,
        *,
        read: Iterable[Role],
        add: Iterable[Role] = NOBODY,
        acts: Mapping[str, Iterable[Role]] | None = None,
        list_acts: Mapping[str, Iterable[Role]] | None = None,
        search: bool = False,
        filters: Iterable[str] = (),
        inlines: Iterable[str] = (),
        bulk: Mapping[str, Iterable[Role]] | None = None,
        choices: Iterable[str] = (),
        autocomplete: Iterable[str] = (),
        formats: Iterable[str] = (),
        lookups: Iterable[str] = (),
    ) -> None:
        """A model's screen (``merchant:members_member``): list, page, history and what it offers."""
        readers = frozenset(read)
        for page in ("changelist", "change"):
            self.add(Line(f"{name}_{page}", readers))
        self.add(Line(f"{name}_history", readers, shows=False))  # it names the row only, and not every name is a text of the owner
        self.add(Line(f"{name}_add", frozenset(add), shows=False))
        for act, allowed in (acts or {}).items():
            self.add(Line(f"{name}_{act}", frozenset(allowed), shows=False))
        for act, allowed in (list_acts or {}).items():
            self.add(Line(f"{name}_{act}", frozenset(allowed), shows=False))
        if search:
            self.add(Line(f"{name} search", readers))
        for action, allowed in (bulk or {}).items():
            self.add(Line(f"{name} bulk action {action}", frozenset(allowed)))
        offered = {"filter": filters, "inline": inlines, "choice": choices, "autocomplete": autocomplete, "format": formats, "look-up": lookups}
        for kind, names in offered.items():
            for one in names:
                self.add(Line(f"{name} {kind} {one}", readers))
