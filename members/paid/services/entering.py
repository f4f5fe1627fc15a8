"""The door through which a merchant's act on its paid membership goes: right, bar, lock, and whether the program is still going."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import NotFound
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.paid.choices import NominationStatus, ProgramStatus
from members.paid.models import Nomination, PaidProgram
from members.paid.services.locks import lock_program
from members.paid.services.rights import PaidRefused, require_in_store

CONFIGURE = "paid.configure_program"


def enter_program(program: PaidProgram, *, by: User | None, permission: str = CONFIGURE) -> PaidProgram:
    """The program, locked, for somebody who may change it. Raises ``MerchantBarred``, and ``PaidRefused`` (``program_over``) for a closed or revoked one."""
    require_in_store(by, permission, program.store_id)
    require_no_bar(program.store_id)
    return going(program)


def going(program: PaidProgram) -> PaidProgram:
    """The program, locked, that is neither closed nor revoked."""
    stored = lock_program(program.pk)
    if stored is None:
        raise NotFound(_("There is no such row."))
    if stored.status in (ProgramStatus.CLOSED, ProgramStatus.REVOKED):
        raise PaidRefused(_("This program has ended. Nothing in it can be changed."), code="program_over")
    return stored


def require_open_nomination(store_id: int) -> Nomination:
    """The store's open invitation or nomination, locked: it does not end while something begins under it."""
    nomination = Nomination.objects.select_for_update().filter(store_id=store_id, status=NominationStatus.OPEN).first()
    if nomination is None:
        raise PaidRefused(
            _("Paid membership is by invitation, or by nomination through your industry contact. This store has neither yet."), code="no_nomination"
        )
    return nomination


def said(reason: str, *, least: int = 2) -> str:
    """A reason as it is kept. Raises ``PaidRefused`` (``reason_missing``)."""
    reason = reason.strip()
    if len(reason) < least:
        raise PaidRefused(_("Say why, in a sentence."), code="reason_missing", field="reason")
    return reason[:500]
