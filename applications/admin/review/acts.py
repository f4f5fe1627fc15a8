"""What a reviewer does on one case. Each act is a POST; from the page's script it is answered with JSON, otherwise with a page.

A refusal leaves everything typed where it is and says why in a sentence: on the page, or beside the item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from applications.admin.review.case_page import find_desk, show_case, words_context
from applications.admin.review.outlook import ask_now, outlook_of
from applications.admin.review.typed import Typed, name_of, read_typed, save_typed, stored_lines
from applications.choices import DecisionKind, DecisionStatus
from applications.models import Decision
from applications.selectors.desk import Desk
from applications.services.decide import decide, request_changes, undo
from applications.services.door import ClaimLost
from applications.services.review import add_note, claim, claim_next, release_claim, renew_claim, write_to_applicant
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import ago, full_time, row_url
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError, StateConflict

SCRIPT = "review"
"""Value of ``X-Requested-With`` in requests of the page's own script."""


@dataclass(frozen=True)
class Decided:
    """What the user has just decided: for the strip on the next page."""

    id: int
    number: str
    app: str
    url: str
    sentence: str
    may_undo: bool


def read_decided(request: HttpRequest, now: datetime) -> Decided | None:
    """``?decided=<id of the case>``: its live ruling, if the user made it."""
    number = request.GET.get("decided", "")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    live = Decision.objects.filter(case=int(number), status__in=[DecisionStatus.HELD, DecisionStatus.WAITING])
    decision = live.select_related("case__app").filter(proposed_by=person(request)).first()
    if decision is None:
        return None
    may_undo = decision.status == DecisionStatus.WAITING and decision.effective_after is not None and decision.effective_after > now
    kind = DecisionKind(decision.kind).label
    if decision.status == DecisionStatus.HELD:
        sentence = _("%(kind)s. A second person has to release it.") % {"kind": kind}
    elif may_undo and decision.effective_after is not None:
        sentence = _("%(kind)s. It takes effect %(when)s.") % {"kind": kind, "when": ago(decision.effective_after, now)}
    else:
        sentence = _("%(kind)s. It takes effect now.") % {"kind": kind}
    return Decided(decision.case_id, decision.case.number, decision.case.app.name, row_url("platform", decision.case), sentence, may_undo)


def next_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """Take the case that is due first and open it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return _open_next(screen, request)


def _open_next(screen: Any, request: HttpRequest, decided: int | None = None) -> HttpResponse:
    taken = claim_next(by=person(request), now=database_now())
    query = f"?decided={decided}" if decided else ""
    if taken is not None:
        return HttpResponseRedirect(row_url(screen.admin_site.name, taken.case) + query)
    messages.info(request, _("Nothing waits for review any more."))
    return HttpResponseRedirect(_queue(screen) + query)


def _queue(screen: Any) -> str:
    return reverse(f"{screen.admin_site.name}:applications_queue")


def work_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """``act`` says what; see ``ACTS``."""
    desk = find_desk(screen, request, object_id)
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise Http404
    typed = read_typed(desk, request.POST) if "typed" in request.POST else Typed(stored_lines(desk))
    try:
        return act(_Call(screen, request, desk, typed))
    except BusinessError as error:
        return _refused(_Call(screen, request, desk, typed), error)


@dataclass(frozen=True)
class _Call:
    """One act on one case: who asks for it, with what on the page."""

    screen: Any
    request: HttpRequest
    desk: Desk
    typed: Typed

    @property
    def common(self) -> dict[str, Any]:
        return {"case": self.desk.case, "by": person(self.request), "now": self.desk.now}

    @property
    def token(self) -> int:
        """Of the claim under which the page was shown; 0, which no claim has, for anything else."""
        given = self.request.POST.get("token", "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0

    @property
    def is_script(self) -> bool:
        return self.request.headers.get("X-Requested-With") == SCRIPT

    @property
    def plays(self) -> bool:
        return "typed" not in self.request.POST or self.request.POST.get("play") == "on"

    def again(self) -> _Call:
        """With the case as it is now."""
        return replace(self, desk=find_desk(self.screen, self.request, str(self.desk.case.pk)))

    def to_case(self) -> HttpResponse:
        return HttpResponseRedirect(row_url(self.screen.admin_site.name, self.desk.case))


def _refused(call: _Call, error: BusinessError) -> HttpResponse:
    """The sentence, with everything typed still there. 409 when the case is no longer the reviewer's."""
    is_lost = isinstance(error, (ClaimLost, StateConflict))
    sentence = str(error)
    fresh = call.again()
    if is_lost and fresh.desk.case.holder_name and not fresh.desk.is_held_by(person(call.request).pk):
        sentence = _("%(sentence)s Now with: %(name)s.") % {"sentence": sentence, "name": fresh.desk.case.holder_name}
    if call.is_script:
        return JsonResponse({"sentence": sentence, "lost": is_lost}, status=409 if is_lost else 422)
    return show_case(call.screen, call.request, fresh.desk, call.typed, sentence=sentence, play=call.plays, status=409 if is_lost else 422)


# --- claims


def _claim(call: _Call) -> HttpResponse:
    """What was typed before the claim was lost stays on the page."""
    claim(**call.common)
    if "typed" not in call.request.POST:
        return call.to_case()
    fresh = call.again()
    sentence = _("The application is yours again. Look at what others did meanwhile; what you had typed is still here, and is saved when you go on.")
    return show_case(call.screen, call.request, fresh.desk, call.typed, sentence=sentence, play=call.plays)


def _release(call: _Call) -> HttpResponse:
    if "typed" in call.request.POST:
        save_typed(call.desk, call.typed, token=call.token, by=person(call.request), now=call.desk.now)
    release_claim(**call.common, token=call.token)
    messages.success(call.request, _("%(number)s is back in the queue. What was judged stays.") % {"number": call.desk.case.number})
    return HttpResponseRedirect(_queue(call.screen))


def _renew(call: _Call) -> HttpResponse:
    until = renew_claim(**call.common, token=call.token)
    return JsonResponse({"lease": full_time(until)})


# --- the verdict


def _look(call: _Call) -> HttpResponse:
    """What would follow from the page as it stands; saves nothing."""
    return JsonResponse(_answer(call.request, call.desk, call.typed))


def _save(call: _Call) -> HttpResponse:
    """Keep what is judged and explained so far."""
    errors = save_typed(call.desk, call.typed, token=call.token, by=person(call.request), now=call.desk.now)
    fresh = call.again()
    typed = replace(call.typed, errors=errors)
    if call.is_script:
        return JsonResponse(_answer(call.request, fresh.desk, typed))
    sentence = _("Not everything could be saved: see beside the items.") if errors else _("Saved.")
    return show_case(call.screen, call.request, fresh.desk, typed, sentence=sentence, play=call.plays)


def _answer(request: HttpRequest, desk: Desk, typed: Typed) -> Mapping[str, Any]:
    outlook = outlook_of(desk, typed, ask_now(desk))
    context = {"outlook": outlook, "is_open": True}
    return {
        "outlook": render_to_string("applications/review/outlook.html", context, request),
        "confirm": render_to_string("applications/review/confirm.html", context, request),
        "rulings": outlook.rulings,
        "errors": {name_of(key): sentence for key, sentence in typed.errors.items()},
        "lease": full_time(desk.case.held_until) if desk.case.held_until else "",
        "is_ready": not outlook.objections,
    }


def _decide(call: _Call) -> HttpResponse:
    """Save what is on the page, then rule or ask for changes, as the page says."""
    errors = save_typed(call.desk, call.typed, token=call.token, by=person(call.request), now=call.desk.now)
    if errors:
        sentence = _("Nothing was decided: see beside the items.")
        return show_case(call.screen, call.request, call.again().desk, replace(call.typed, errors=errors), sentence=sentence, play=call.plays, status=422)
    if call.typed.outcome == "changes":
        request_changes(**call.common, token=call.token, message=call.typed.message)
    else:
        fresh = call.again()
        rulings = outlook_of(fresh.desk, call.typed, ask_now(fresh.desk)).rulings
        decide(**call.common, token=call.token, rulings=rulings, message=call.typed.message)
    number = call.desk.case.pk
    if call.plays:
        return _open_next(call.screen, call.request, number)
    return HttpResponseRedirect(f"{_queue(call.screen)}?decided={number}")


def _undo(call: _Call) -> HttpResponse:
    case = undo(**call.common)
    messages.success(call.request, _("Undone: %(number)s is as it was before. Nothing of it was seen outside.") % {"number": case.number})
    return call.to_case()


# --- words


def _note(call: _Call) -> HttpResponse:
    add_note(**call.common, text=call.request.POST.get("note", ""))
    return _words(call)


def _write(call: _Call) -> HttpResponse:
    write_to_applicant(**call.common, token=call.token, text=call.request.POST.get("text", ""))
    return _words(call)


def _words(call: _Call) -> HttpResponse:
    if not call.is_script:
        return call.to_case()
    return JsonResponse({"words": render_to_string("applications/review/words.html", {"page": words_context(call.again().desk)}, call.request)})


ACTS: Mapping[str, Callable[[_Call], HttpResponse]] = {
    "claim": _claim,
    "release": _release,
    "renew": _renew,
    "look": _look,
    "save": _save,
    "decide": _decide,
    "undo": _undo,
    "note": _note,
    "write": _write,
}
