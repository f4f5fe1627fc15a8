"""What a lot's page shows: what was paid and given, what is left, its payouts and its entries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import BUSY, EMPTY, chip, full_time, moment, row_url
from backoffice.kernel.money import format_yuan
from members.admin.member_page import Figure
from members.admin.rows import entry_rows, payout_rows, return_failed_chip
from members.models import CreditEntry, CreditPayout
from members.selectors.beside import with_entry_columns

ENTRIES_SHOWN = 200


def lot_page(screen: Any, lot: Any, now: datetime) -> dict[str, Any]:
    """Context of the page of a lot that came ``with_return_failed``. A fixed number of queries."""
    console = screen.admin_site.name
    entries = list(with_entry_columns(CreditEntry.objects.filter(account_id=lot.account_id, lot=lot)).order_by("-pk")[: ENTRIES_SHOWN + 1])
    if lot.expires_at is None:
        lapses = Figure(_("Lapses"), EMPTY, _("Never lapses"))
    else:
        lapses = Figure(_("Lapsed") if lot.expires_at <= now else _("Lapses"), full_time(lot.expires_at).split(" ")[0], full_time(lot.expires_at))
    return {
        "lot": lot,
        "member": lot.account.member,
        "account_url": row_url(console, lot.account),
        "store_name": lot.store.name,
        "opened": moment(lot.opened_at, now),
        "return_failed": return_failed_chip(lot),
        "extended": chip(_("Extended once"), BUSY, title=full_time(lot.extended_at)) if lot.extended_at else "",
        "figures": [
            Figure(_("Principal left"), format_yuan(lot.principal_left), _("of %(amount)s paid") % {"amount": format_yuan(lot.principal_amount)}),
            Figure(_("Bonus left"), format_yuan(lot.bonus_left), _("of %(amount)s given") % {"amount": format_yuan(lot.bonus_amount)}),
            Figure(_("Left together"), format_yuan(lot.principal_left + lot.bonus_left)),
            lapses,
        ],
        "payouts": payout_rows(CreditPayout.objects.filter(lot=lot).select_related("lot").order_by("-pk"), now, console),
        "entries": entry_rows(entries[:ENTRIES_SHOWN], now, console),
        "has_more": len(entries) > ENTRIES_SHOWN,
        "shown": ENTRIES_SHOWN,
    }
