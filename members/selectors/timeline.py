"""Everything that happened to one member, on one line of time: what this app knows, and what others add through the port."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import PLAIN, WARN
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.ports import TimelineItem, timeline_sources
from backoffice.kernel.tenancy.access import has_seat
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Console
from backoffice.kernel.tenancy.selectors.people import name_person
from members.choices import ConsentSource, EntryKind
from members.models import CreditEntry, Member, MemberStatusChange, OrderLine, PhoneChange
from members.selectors.people import list_identities
from members.selectors.tones import ENTRY_TONES, MEMBER_TONES

MINUS = "\N{MINUS SIGN}"
TOLD_VERBS = ("consent.recorded", "credit_cards.switched", "phone.revealed")


def list_timeline(member: Member, user: User, limit: int = 50) -> list[TimelineItem]:
    """The newest ``limit`` things about ``member``, newest first. The caller has checked that ``user`` may see the member.

    A number of queries that does not depend on how much happened: one per kind of thing.
    """
    items = [TimelineItem(member.joined_at, "joined", _("Joined"), _joined_body(member))]
    for source in (_identities, _status_changes, _phone_changes, _credit, _orders, _wishes, *timeline_sources):
        items += source(member, user, limit)
    items.sort(key=lambda item: item.at, reverse=True)
    return items[:limit]


def _joined_body(member: Member) -> str:
    parts = [part for part in (member.join_channel, member.join_scene) if part]
    return _("through %(channel)s") % {"channel": " · ".join(parts)} if parts else ""


def _identities(member: Member, user: User, limit: int) -> list[TimelineItem]:
    chinese = _is_chinese()
    items = []
    for identity in list_identities(member, user)[:limit]:
        kind = identity.kind.name_zh if chinese else identity.kind.name
        items.append(TimelineItem(identity.seen_at, "identity", _("Known by %(kind)s") % {"kind": kind}, identity.value_masked))
        if identity.ended_at is not None:
            items.append(TimelineItem(identity.ended_at, "identity", _("No longer known by %(kind)s") % {"kind": kind}, identity.value_masked))
    return items


def _is_chinese() -> bool:
    return (get_language() or "").startswith("zh")


def _status_changes(member: Member, user: User, limit: int) -> list[TimelineItem]:
    changes = MemberStatusChange.objects.filter(member=member).select_related("by").prefetch_related("by__seats").order_by("-happened_at", "-pk")[:limit]
    return [
        TimelineItem(
            change.happened_at,
            "status",
            _("Status changed from “%(from)s”") % {"from": change.get_from_status_display()},
            _with_actor(change.reason, change.by, user),
            change.get_to_status_display(),
            MEMBER_TONES.get(change.to_status, PLAIN),
        )
        for change in changes
    ]


def _phone_changes(member: Member, _user: User, limit: int) -> list[TimelineItem]:
    changes = PhoneChange.objects.filter(member=member).order_by("-happened_at", "-pk")[:limit]
    return [
        TimelineItem(change.happened_at, "phone", _("Phone changed"), f"{change.old_masked} → {change.new_masked}" if change.old_masked else change.new_masked)
        for change in changes
    ]


def _credit(member: Member, user: User, limit: int) -> list[TimelineItem]:
    """One item per movement: the entries of one key and kind, which may come from several lots and lines, count as one."""
    entries = list(CreditEntry.objects.filter(account__member=member).select_related("lot", "actor").prefetch_related("actor__seats").order_by("-pk")[:limit])
    return [_movement(list(parts), user) for _key, parts in groupby(entries, key=lambda entry: (entry.idempotency_key, entry.kind))]


def _movement(parts: list[CreditEntry], user: User) -> TimelineItem:
    newest, kind = parts[0], EntryKind(parts[0].kind)
    principal = sum((part.principal_amount for part in parts), ZERO)
    bonus = sum((part.bonus_amount for part in parts), ZERO)
    amount = signed_yuan(principal + bonus)
    if kind == EntryKind.CAPTURE:  # moves nothing, the hold did: what it made final is told without a sign
        principal = sum((part.captured_principal or ZERO for part in parts), ZERO)
        bonus = sum((part.captured_bonus or ZERO for part in parts), ZERO)
        amount = format_yuan(principal + bonus)
    body = _("Principal %(principal)s, bonus %(bonus)s, balance afterwards %(balance)s.") % {
        "principal": format_yuan(abs(principal)),
        "bonus": format_yuan(abs(bonus)),
        "balance": format_yuan(newest.balance_after),
    }
    if newest.order_no:
        body = sentences(body, _("Order %(order)s.") % {"order": newest.order_no})
    elif kind == EntryKind.TOP_UP:
        body = sentences(body, _("Top-up number %(number)s.") % {"number": newest.lot.source_no})
    told = _with_actor(sentences(body, newest.reason), newest.actor, user)
    return TimelineItem(newest.happened_at, "credit", kind.label, told, amount, ENTRY_TONES.get(kind, PLAIN))


def sentences(*parts: str) -> str:
    """Sentences one after the other: Chinese puts no space between them."""
    return ("" if _is_chinese() else " ").join(part for part in parts if part)


def signed_yuan(amount: Any) -> str:
    """``+1,234.50``, or with a true minus sign where money went out."""
    return f"{MINUS if amount < 0 else '+'}{format_yuan(abs(amount))}"


def _orders(member: Member, _user: User, limit: int) -> list[TimelineItem]:
    lines = list(OrderLine.objects.filter(member=member).order_by("-paid_at", "-pk")[:limit])
    return [_order(list(parts)) for _number, parts in groupby(lines, key=lambda line: line.order_no)]


def _order(lines: list[OrderLine]) -> TimelineItem:
    paid = sum((line.amount for line in lines), ZERO)
    credit = sum((line.credit_used for line in lines), ZERO)
    refunded = sum((line.refunded_amount for line in lines), ZERO)
    facts = [_("Order %(order)s.") % {"order": lines[0].order_no}]
    if len(lines) > 1:
        facts.append(ngettext("%(count)d line.", "%(count)d lines.", len(lines)) % {"count": len(lines)})
    if credit:
        facts.append(_("%(amount)s of it paid with credit.") % {"amount": format_yuan(credit)})
    if refunded:
        facts.append(_("%(amount)s refunded.") % {"amount": format_yuan(refunded)})
    status, tone = (_("Refunded"), WARN) if refunded and refunded == paid else (_("Partly refunded"), WARN) if refunded else ("", PLAIN)
    return TimelineItem(lines[0].paid_at, "order", _("Bought for %(amount)s yuan") % {"amount": format_yuan(paid)}, sentences(*facts), status, tone)


def _wishes(member: Member, user: User, limit: int) -> list[TimelineItem]:
    events = AuditEvent.objects.filter(target_type=Member._meta.label_lower, target_id=member.pk, verb__in=TOLD_VERBS)
    return [_wish(event, user) for event in events.select_related("actor").prefetch_related("actor__seats").order_by("-pk")[:limit]]


CONSENT_TITLES = {True: gettext_lazy("Agreed to marketing"), False: gettext_lazy("Took marketing consent back")}
CARD_TITLES = {True: gettext_lazy("Credit cards switched on"), False: gettext_lazy("Credit cards switched off")}


def _wish(event: AuditEvent, user: User) -> TimelineItem:
    at: datetime = event.happened_at
    if event.verb == "consent.recorded":
        source = ConsentSource(event.facts["source"]).label
        body = f"{source} · {event.facts['version']}" if event.facts["version"] else str(source)
        return TimelineItem(at, "consent", CONSENT_TITLES[event.facts["agrees"]], _with_actor(body, event.actor, user))
    if event.verb == "credit_cards.switched":
        return TimelineItem(at, "cards", CARD_TITLES[event.facts["on"]], _with_actor(event.reason, event.actor, user))
    return TimelineItem(at, "phone", _("Phone shown in full"), _with_actor(event.reason, event.actor, user))


def _with_actor(text: str, actor: User | None, user: User) -> str:
    """``text`` and who did it, as ``user`` may know: only staff of the platform read the names of staff."""
    if actor is None:
        return text
    console = Console.PLATFORM if has_seat(user, Console.PLATFORM) else Console.MERCHANT
    return " · ".join(part for part in (text, name_person(actor, console)) if part)
