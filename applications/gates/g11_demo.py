"""G11: a demo is attached, its addresses are well-formed, and it shows all that a demo has to show."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.choices import DemoCover
from applications.facts import Facts
from applications.gates.base import Finding, Words, gate
from backoffice.kernel.outbound import AddressRefused, check_form


@gate(
    "G11",
    _("Demo"),
    {
        "demo_missing": Words(_("No demo is attached."), _("Add the address of a document (Yuque is a good place), another public address, or upload a file.")),
        "address_malformed": Words(
            _("“%(address)s” is not a public web address."), _("Write the whole address. It starts with https:// and a host name, without a log-in in it.")
        ),
        "file_missing": Words(_("The uploaded demo file is not there."), _("Upload the file again.")),
        "demo_incomplete": Words(
            _("The demo does not cover everything: %(number)d of %(all)d parts are ticked."),
            _("Show the full path of use, visual design or a working demo, user flow and user experience, and tick each."),
        ),
    },
)
def demo(facts: Facts) -> Iterator[Finding]:
    content = facts.content
    addresses = [address for address in (content.demo_url, content.demo_other_url) if address]
    if not addresses and content.demo_file is None:
        yield Finding("demo_missing")
        return
    for address in addresses:
        try:
            check_form(address)
        except AddressRefused:
            yield Finding("address_malformed", {"address": address[:200]})
    if content.demo_file is not None and not facts.is_demo_file_there:
        yield Finding("file_missing")
    covered = set(content.demo_covers) & set(DemoCover.values)
    if len(covered) < len(DemoCover.values):
        yield Finding("demo_incomplete", {"number": len(covered), "all": len(DemoCover.values)})
