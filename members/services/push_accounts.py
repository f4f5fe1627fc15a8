"""Push accounts: their name and page, their figures folded together, the daily snapshot, and the numbers (†) that staff set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel import clock, ports
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.outbound import AddressRefused, check_form
from backoffice.kernel.sql import load_sql
from backoffice.kernel.tenancy.models import Store, User
from members.choices import PUSH_NUMBERS
from members.models import PushAccount, PushAccountSnapshot, PushNumber
from members.selectors.fans import get_push_numbers, list_account_figures

CHANGES_A_FOLD = 20_000
_ONE_FOLDS = "SELECT pg_try_advisory_xact_lock(hashtextextended('members.push_accounts', 0))"


class PushAccountRefused(BusinessError):
    """The account, or a number of pushes, cannot be set to this; nothing was changed."""

    code = "push_account_refused"


@dataclass(frozen=True)
class Folded:
    """Ids of the stores whose figures changed; ``more``: there are changes left for another call; ``waited``: somebody else is folding."""

    stores: tuple[int, ...] = ()
    more: bool = False
    waited: bool = False


@in_transaction
def set_push_account(*, store: Store, name: str, broadcast_url: str, by: User | None, now: datetime) -> PushAccount:
    """Name a store's push account and the page that its pushes open (https, a public host name). Empty: none yet."""
    name, broadcast_url = name.strip(), broadcast_url.strip()
    if len(name) > 100 or "\x00" in name:
        raise PushAccountRefused(_("A name has at most 100 characters."), code="name_invalid", field="name")
    if broadcast_url:
        try:
            if len(broadcast_url) > 500:
                raise AddressRefused("too long")
            check_form(broadcast_url, allow=())
        except AddressRefused as refused:
            sentence = _("A push cannot open this address. Use https:// with a public host name and port 443 or 8443.")
            raise PushAccountRefused(sentence, code="address_refused", field="broadcast_url") from refused
    with connection.cursor() as cursor:
        cursor.execute(load_sql("members", "push_accounts_open"))
    account = PushAccount.objects.select_for_update().get(store=store)
    fields = sorted(field for field, value in (("name", name), ("broadcast_url", broadcast_url)) if getattr(account, field) != value)
    if fields:
        account.name, account.broadcast_url = name, broadcast_url
        account.save(update_fields=["name", "broadcast_url"])
        record_event("push_account.changed", target=account, store=store, by=by, now=now, fields=fields)
    return account


@in_transaction
def fold_figures(*, now: datetime, most: int = CHANGES_A_FOLD) -> Folded:
    """Add up what changed since the last call, and tell who waits for marks (``ports.push_account_listeners``), in one transaction.

    Work grows with what changed; once a local day every account's windows are summed anew, and its figures at the end of yesterday are kept.
    Safe at any moment, twice, and at once: one folds, the others do nothing.
    """
    today, numbers = clock.local_day(now), get_push_numbers()
    windows: dict[str, Any] = {"today": today, "purchase_days": numbers.purchase_days, "post_days": numbers.post_days, "seen_days": numbers.seen_days}
    with connection.cursor() as cursor:
        cursor.execute(_ONE_FOLDS)
        if not cursor.fetchone()[0]:
            return Folded(waited=True)
        cursor.execute(load_sql("members", "push_accounts_open"))
        _keep_yesterday(now)
        cursor.execute("DROP TABLE IF EXISTS folded")
        cursor.execute(load_sql("members", "push_accounts_fold"), {"most": most})
        cursor.execute(load_sql("members", "push_accounts_fold_days"))
        cursor.execute(load_sql("members", "push_accounts_refresh"), windows)
        stores = tuple(sorted(row[0] for row in cursor.fetchall()))
        cursor.execute("DROP TABLE folded")
        cursor.execute("SELECT EXISTS (SELECT FROM members_pushaccountchange)")
        more = bool(cursor.fetchone()[0])
    if stores:
        for listener in ports.push_account_listeners:
            listener(stores, now)
    return Folded(stores, more)


def _keep_yesterday(now: datetime) -> None:
    """Once a local day, the figures with which yesterday ended: its windows, and the totals as they are now, at the first fold of the new day."""
    yesterday = clock.local_day(now) - timedelta(days=1)
    stores = list(PushAccount.objects.exclude(store__in=PushAccountSnapshot.objects.filter(day=yesterday).values("store")).values_list("pk", flat=True))
    if not stores:
        return
    figures = list_account_figures(stores, clock.day_start(yesterday))
    PushAccountSnapshot.objects.bulk_create(
        [
            PushAccountSnapshot(
                store_id=store_id,
                day=yesterday,
                fan_count=each.fans,
                subscriber_count=each.subscribers,
                returning_fan_count=each.returning_fans,
                seen_fan_count=each.seen_fans,
                post_count=each.posts_in_window,
            )
            for store_id, each in sorted(figures.items())
        ],
        ignore_conflicts=True,
    )


@in_transaction
def set_push_number(*, code: str, value: int, by: User | None, now: datetime) -> PushNumber:
    """Change a window or mark within its range. It holds from now on, and every figure follows at once."""
    number = PUSH_NUMBERS.get(code)
    if number is None:
        raise PushAccountRefused(_("There is no such number."), code="unknown_number")
    if not number.least <= value <= number.most:
        sentence = _("Between %(least)d and %(most)d, please.") % {"least": number.least, "most": number.most}
        raise PushAccountRefused(sentence, code="out_of_range", field="value")
    before = getattr(get_push_numbers(), code)
    row, _made = PushNumber.objects.update_or_create(code=code, defaults={"value": value, "changed_by": by, "changed_at": now})
    PushAccount.objects.update(figures_on=None)  # summed anew by the next fold
    record_event("push_number.changed", target=row, by=by, now=now, code=code, before=before, after=value)
    return row
