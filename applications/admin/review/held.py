"""Held decisions: the second person sees what releasing or returning will do, and does it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from applications.admin.parts import FactsDialog, WhyDialog
from applications.admin.review.words import listed
from applications.choices import RELEASE, AppBuild, CaseState, DecisionKind, DecisionStatus, HoldCause, Ruling
from applications.models import Application, Decision, StoreEnablement
from applications.selectors.applicant import list_reasons_written
from applications.selectors.numbers import get_numbers
from applications.services.decide import release_hold, return_hold
from applications.services.standing import points_at_stake
from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import full_time
from backoffice.kernel.clock import database_now


def _is_held(case: Application) -> bool:
    return case.state == CaseState.HELD


def _held_ruling(case: Application) -> Decision:
    """Read anew for each dialog, not for each line of it."""
    return Decision.objects.select_related("proposed_by", "revision").prefetch_related("items__capability").get(case=case, status=DecisionStatus.HELD)


class _HeldDialog(FactsDialog):
    """Facts that both dialogs begin with."""

    def ruling(self) -> Decision:
        if not hasattr(self, "_ruling"):
            self._ruling = _held_ruling(self.obj)
        return self._ruling

    def facts(self) -> Iterable[tuple[Any, Any]]:
        ruling = self.ruling()
        yield _("Application"), f"{self.obj.number} {self.obj.app.name}"
        yield _("Developer"), self.obj.developer.name
        yield pgettext("review", "Decision"), DecisionKind(ruling.kind).label
        for item in ruling.items.all():
            yield item.capability, Ruling(item.ruling).label
        yield _("Held because"), listed(HoldCause(code).label for code in ruling.hold_causes if code in HoldCause.values)
        yield _("By"), f"{ruling.proposed_by} · {full_time(ruling.proposed_at)}"


class ReleaseDialog(_HeldDialog):
    """What takes effect, for whom, from when."""

    def facts(self) -> Iterable[tuple[Any, Any]]:
        yield from super().facts()
        ruling, numbers = self.ruling(), get_numbers()
        granted = [item.capability for item in ruling.items.all() if item.ruling == Ruling.GRANT]
        if granted:
            yield _("It opens"), listed(granted)
            yield _("For"), self._audience()
            yield _("Until"), ngettext("%(n)d day from then on", "%(n)d days from then on", numbers.grant_days) % {"n": numbers.grant_days}
        if ruling.kind == DecisionKind.REFUSED:
            points = points_at_stake(ruling.revision_id)
            if points:
                yield _("Strike"), ngettext("%(n)d point", "%(n)d points", points) % {"n": points}
        for reason in list_reasons_written(ruling.revision) if ruling.kind != DecisionKind.APPROVED else []:
            yield f"{reason.rule} {reason.title}", f"{reason.fact} → {reason.fix}"

    def _audience(self) -> str:
        app = self.obj.app
        if app.build == AppBuild.CUSTOM:
            return self.obj.merchant.name if self.obj.merchant else ""
        stores = StoreEnablement.objects.filter(app=app, status="ON").count()
        return ngettext(
            "%(n)d store that uses the app, and every store that turns it on", "%(n)d stores that use the app, and every store that turns it on", stores
        ) % {"n": stores}

    def sentence(self) -> Any:
        minutes = get_numbers().undo_seconds // 60
        return ngettext(
            "It takes effect in %(n)d minute, when the developer is told. Until then you can undo it.",
            "It takes effect in %(n)d minutes, when the developer is told. Until then you can undo it.",
            minutes,
        ) % {"n": minutes}


class ReturnDialog(_HeldDialog, WhyDialog):
    """Back to the queue with a word for the next reviewer."""

    def sentence(self) -> Any:
        return _("The application goes back to the queue with your note for the next reviewer. Nothing of it is seen outside; the clock runs on.")


class HeldActs:
    """Mixin of the applications' screen."""

    @tenant_action(permission=RELEASE, title=pgettext_lazy("review", "Release"), form=ReleaseDialog, icon="lock_open", available=_is_held)
    def release_hold(self, request: HttpRequest, case: Application, form: Any) -> str:
        decision = release_hold(case=case, by=person(request), now=database_now())
        return _("Released: %(number)s, %(kind)s.") % {"number": case.number, "kind": DecisionKind(decision.kind).label}

    @tenant_action(permission=RELEASE, title=pgettext_lazy("review", "Return"), form=ReturnDialog, icon="undo", available=_is_held)
    def return_hold(self, request: HttpRequest, case: Application, form: Any) -> str:
        return_hold(case=case, note=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("%(number)s is back in the queue, with your note.") % {"number": case.number}
