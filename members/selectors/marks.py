"""How far a push account is from each mark that pushes ask for."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from members.selectors.fans import AccountFigures, PushNumbers


@dataclass(frozen=True)
class MarkPart:
    """One figure of a mark: ``have`` of ``need``. Of a share both are counted in fans, so that nothing is rounded."""

    label: str
    have: int
    need: int
    told: str

    @property
    def is_met(self) -> bool:
        return self.have >= self.need

    @property
    def percent(self) -> int:
        return 100 if self.is_met else min(99, self.have * 100 // self.need)


@dataclass(frozen=True)
class Mark:
    """A mark: met when each of its parts is. ``code`` is SUBSCRIPTION, FIRST_WIN_BACK or SECOND_WIN_BACK."""

    code: str
    title: str
    parts: tuple[MarkPart, ...]

    @property
    def is_met(self) -> bool:
        return all(part.is_met for part in self.parts)


def list_marks(figures: AccountFigures, numbers: PushNumbers) -> list[Mark]:
    """The three marks as ``figures`` meet them. No query."""
    first, second = numbers.first_returning_fans, numbers.second_returning_fans
    return [
        Mark("SUBSCRIPTION", _("Subscription push"), (_counted(_("Subscribers"), figures.subscribers, numbers.subscription_subscribers),)),
        Mark(
            "FIRST_WIN_BACK",
            _("First win-back"),
            (
                _counted(_("Returning fans"), figures.returning_fans, first),
                _counted(_("Posts in %(days)d days") % {"days": numbers.post_days}, figures.posts_in_window, numbers.first_posts),
            ),
        ),
        Mark("SECOND_WIN_BACK", _("Second win-back"), (_counted(_("Returning fans"), figures.returning_fans, second), _revisits(figures, numbers))),
    ]


def _counted(label: str, have: int, need: int) -> MarkPart:
    return MarkPart(label, have, need, _("%(have)s of %(need)s") % {"have": f"{have:,}", "need": f"{need:,}"})


def _revisits(figures: AccountFigures, numbers: PushNumbers) -> MarkPart:
    """Seen fans against the least number that makes the asked share of all fans; without fans nothing is met."""
    percent = numbers.second_revisit_percent
    need = max(1, -(-figures.fans * percent // 100))
    told = _("%(rate)s of %(need)d %%") % {"rate": f"{figures.revisit_rate * 100:.2f} %", "need": percent}
    return MarkPart(_("Fans seen again in %(days)d days") % {"days": numbers.seen_days}, figures.seen_fans, need, told)
