"""The nightly proof of the ledger: its badge, its days, and the page of a day on which something differed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.kernel import clock
from backoffice.kernel.admin.display import BAD, EMPTY, GOOD, WARN, chip, count, full_time, moment, money, row_link, row_url
from backoffice.kernel.admin.scoping import permission_of, reach
from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.roles import Console
from members.admin.member_page import Figure
from members.models import CreditAccount, CreditEntry, CreditLot, LedgerProof
from members.selectors.proof import latest_proof

STALE_DAYS = 1
"""A proof of the day before yesterday or older says nothing about now."""

RULES: dict[str, Any] = {
    "balance_is_sum_of_entries": gettext_lazy("The balance of the account is not the sum of its entries."),
    "balance_is_sum_of_lots": gettext_lazy("The balance of the account is not what is left in its lots."),
    "balance_is_balance_after_last_entry": gettext_lazy("The balance of the account is not the balance after its last entry."),
    "held_is_what_holds_took": gettext_lazy("What the account tells as held is not what its open holds took."),
    "store_is_the_members": gettext_lazy("The account names another store than its member."),
    "principal_left_is_sum_of_entries": gettext_lazy("The principal left in the lot is not the sum of its entries."),
    "bonus_left_is_sum_of_entries": gettext_lazy("The bonus left in the lot is not the sum of its entries."),
    "store_is_the_accounts": gettext_lazy("The lot names another store than its account."),
    "entries_name_the_lots_account": gettext_lazy("Entries of the lot name another account than the lot does."),
    "entries_name_the_lots_store": gettext_lazy("Entries of the lot name another store than the lot does."),
    "lot_exists": gettext_lazy("The entry names a lot that does not exist."),
    "parts_of_a_key_follow_each_other": gettext_lazy("Of the entries of one movement a part is missing, or came with another request."),
}
ROWS: dict[str, tuple[Any, Any]] = {
    "account": (CreditAccount, gettext_lazy("Credit account")),
    "lot": (CreditLot, gettext_lazy("Credit lot")),
    "entry": (CreditEntry, gettext_lazy("Credit entry")),
}


def proof_chip(proof: LedgerProof) -> str:
    if proof.finished_at is None:
        return chip(_("Running"), WARN)
    if not proof.difference_count:
        return chip(_("Whole"), GOOD)
    return chip(ngettext("%(n)s difference", "%(n)s differences", proof.difference_count) % {"n": f"{proof.difference_count:,}"}, BAD)


def is_stale(proof: LedgerProof, today: date) -> bool:
    return (today - proof.local_day).days > STALE_DAYS


def badge(proof: LedgerProof | None, now: datetime) -> tuple[str, str, str]:
    """Word, tone and sentence about the newest proof, for the platform."""
    if proof is None:
        return _("Never proved"), WARN, _("The first proof runs at 3 in the morning.")
    figures = _("%(day)s: %(accounts)s accounts, %(entries)s entries, %(balance)s yuan.") % {
        "day": proof.local_day.isoformat(),
        "accounts": f"{proof.account_count:,}",
        "entries": f"{proof.entry_count:,}",
        "balance": format_yuan(proof.balance),
    }
    if proof.difference_count:
        n = proof.difference_count
        return ngettext("%(n)s difference", "%(n)s differences", n) % {"n": f"{n:,}"}, BAD, figures
    if is_stale(proof, clock.local_day(now)):
        return _("Too old"), WARN, figures
    return _("Whole"), GOOD, figures


def proof_line(request: HttpRequest, console: str) -> str:
    """The discreet line for merchants: when every account was last found whole, or that one of theirs was not."""
    if console == Console.PLATFORM:
        return ""
    proof = latest_proof()
    if proof is None:
        return ""
    if proof.difference_count and _touches(request, console, proof):
        return _("The proof of %(day)s found a difference in your ledger. The platform looks into it.") % {"day": proof.local_day.isoformat()}
    if proof.difference_count:
        proof = LedgerProof.objects.filter(finished_at__isnull=False, difference_count=0).order_by("-local_day").first()
        if proof is None:
            return ""
    return _("Ledger proved on %(day)s: entries, lots and balances agree.") % {"day": proof.local_day.isoformat()}


def _touches(request: HttpRequest, console: str, proof: LedgerProof) -> bool:
    """Whether a row that the proof names is one of the user's stores."""
    for what, (model, _title) in ROWS.items():
        numbers = [difference["id"] for difference in proof.differences if difference.get("what") == what]
        if numbers and reach(request.user, console, model.objects.filter(pk__in=numbers), permission_of(model, "view")).exists():
            return True
    return False


class LedgerProofScreen:
    """Days, newest first; the page of a day names what differed."""

    big_list = True
    list_display: tuple[str, ...] = ("day", "state", "accounts_column", "entries_column", "balance_column", "finished")
    list_display_links = ("day",)
    fields = ("local_day",)
    change_form_template = "members/ledger_proof_page.html"
    empty_text = gettext_lazy("No proof yet. The first runs at 3 in the morning.")
    admin_site: Any

    @admin.display(description=gettext_lazy("Local day"))
    def day(self, proof: LedgerProof) -> str:
        return proof.local_day.isoformat()

    @admin.display(description=gettext_lazy("Result"))
    def state(self, proof: LedgerProof) -> str:
        return proof_chip(proof)

    @admin.display(description=gettext_lazy("Accounts"))
    def accounts_column(self, proof: LedgerProof) -> str:
        return count(proof.account_count)

    @admin.display(description=gettext_lazy("Entries"))
    def entries_column(self, proof: LedgerProof) -> str:
        return count(proof.entry_count)

    @admin.display(description=gettext_lazy("Balance of all accounts"))
    def balance_column(self, proof: LedgerProof) -> str:
        return money(proof.balance)

    @admin.display(description=gettext_lazy("Finished"))
    def finished(self, proof: LedgerProof) -> str:
        return moment(proof.finished_at)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        proof = kwargs.get("obj")
        if proof is not None:
            title = _("Proof of the ledger, %(day)s") % {"day": proof.local_day.isoformat()}
            context |= {"title": title, "subtitle": None, "page": proof_page(self.admin_site.name, proof)}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer


def proof_page(console: str, proof: LedgerProof) -> dict[str, Any]:
    """Context of one day's page. One query a kind of row, however many differ."""
    found = _rows_of(proof)
    return {
        "proof": proof,
        "state": proof_chip(proof),
        "finished": full_time(proof.finished_at) if proof.finished_at else "",
        "figures": [
            Figure(_("Accounts"), f"{proof.account_count:,}"),
            Figure(_("Entries"), f"{proof.entry_count:,}"),
            Figure(_("Balance of all accounts"), format_yuan(proof.balance)),
        ],
        "differences": [_difference(difference, found, console) for difference in proof.differences],
        "not_named": max(0, proof.difference_count - len(proof.differences)),
    }


def _rows_of(proof: LedgerProof) -> dict[tuple[str, int], Any]:
    """The rows that the proof names, as far as they exist now, with account, member and store."""
    found: dict[tuple[str, int], Any] = {}
    for what, (model, _title) in ROWS.items():
        numbers = [difference["id"] for difference in proof.differences if difference.get("what") == what]
        path = "member" if what == "account" else "account__member"
        for row in model.objects.select_related("store", path).filter(pk__in=numbers) if numbers else ():
            found[what, row.pk] = row
    return found


def _difference(difference: dict[str, Any], found: dict[tuple[str, int], Any], console: str) -> dict[str, Any]:
    what, number, rule = difference.get("what", ""), difference.get("id", 0), difference.get("rule", "")
    model, title = ROWS.get(what, (None, what))
    row = found.get((what, number))
    account = None if row is None else row if what == "account" else row.account
    return {
        "row": row_link(console, row, f"{title} #{number}") if row is not None else f"{title} #{number}",
        "exists": row is not None or model is None,
        "rule": RULES.get(rule, rule),
        "told": difference.get("told") or EMPTY,
        "proved": difference.get("proved") or EMPTY,
        "account": account,
        "account_url": row_url(console, account) if account is not None else "",
        "member": f"{account.member.nickname} {account.member.member_no}".strip() if account is not None else EMPTY,
        "store": row.store.name if row is not None else EMPTY,
    }
