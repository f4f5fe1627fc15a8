"""The words of a notice, made when it is read, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from applications.choices import NoticeKind, StandingLevel
from applications.models import Notification
from backoffice.kernel import clock

TEXTS: Mapping[str, Any] = {
    NoticeKind.CHECKS_PENDING: _("%(app)s, %(case)s: a check is out of order. It runs again by itself; you have nothing to do."),
    NoticeKind.AWAITING_MERCHANT: _("%(app)s, %(case)s: waits for the merchant's confirmation until %(answer_by)s."),
    NoticeKind.QUEUED: _("%(app)s, %(case)s: is complete and waits for review."),
    NoticeKind.IN_REVIEW: _("%(app)s, %(case)s: is being reviewed."),
    NoticeKind.WITHDRAWN: _("%(app)s, %(case)s: was withdrawn."),
    NoticeKind.DECLINED: _("%(app)s, %(case)s: the merchant declined. Read why, change the application or withdraw it."),
    NoticeKind.STOPPED: _("%(app)s, %(case)s: was stopped by the checks. Read what to change."),
    NoticeKind.CHANGES_REQUESTED: _("%(app)s, %(case)s: changes are asked for. Answer by %(answer_by)s, or the application lapses."),
    NoticeKind.APPROVED: _("%(app)s, %(case)s: is approved."),
    NoticeKind.PARTIAL: _("%(app)s, %(case)s: is approved in part. Read what was not and why."),
    NoticeKind.REFUSED: _("%(app)s, %(case)s: is refused. Read why, and until when you can appeal."),
    NoticeKind.LAPSED: _("%(app)s, %(case)s: has lapsed, because no answer came in time. This costs nothing."),
    NoticeKind.APPEAL_UPHELD: _("%(app)s, %(case)s: your appeal was looked into, and the decision stands. Read the answer."),
    NoticeKind.APPEAL_OVERTURNED: _("%(app)s, %(case)s: your appeal was successful."),
    NoticeKind.STANDING: _("Your standing is now: %(level)s (score %(score)s of %(bar_score)s)."),
    NoticeKind.GRANT_SUSPENDED: _("%(app)s: “%(capability)s” is suspended. Reason: %(reason)s"),
    NoticeKind.GRANT_RESUMED: _("%(app)s: “%(capability)s” works again."),
    NoticeKind.GRANT_REVOKED: _("%(app)s: “%(capability)s” was revoked. Reason: %(reason)s"),
    NoticeKind.GRANT_EXPIRING: _("%(app)s: “%(capability)s” expires on %(until_at)s. Apply again before that to have it certified."),
    NoticeKind.GRANT_EXPIRED: _("%(app)s: “%(capability)s” has expired. Apply again to have it certified."),
    NoticeKind.CONFIRMATION_ASKED: _("%(developer)s applies for “%(app)s”, made for you (%(case)s). Confirm or decline by %(answer_by)s."),
    NoticeKind.MISSED_EARLIER: _("%(case)s: %(item)s was failed on content that passed before."),
}


@dataclass(frozen=True)
class NoticeText:
    title: str
    body: str


def notice_text(notice: Notification) -> NoticeText:
    """Title and text in the active language. Missing figures are shown as a dash."""
    params = {name: _shown(name, value) for name, value in notice.params.items()}
    return NoticeText(str(NoticeKind(notice.kind).label), str(TEXTS[notice.kind]) % _Dashes(params))


class _Dashes(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "-"


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("en" if (get_language() or "").startswith("en") else "zh-hans") or "-"
    if name == "level" and value in StandingLevel.values:
        return StandingLevel(value).label
    if name in ("answer_by", "until_at"):
        return f"{clock.to_local(datetime.fromisoformat(value)):%Y-%m-%d %H:%M}" if value else "-"
    return value
