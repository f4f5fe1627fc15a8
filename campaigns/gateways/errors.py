"""Why a hand-over did not work, as stored with the message: ``code`` or ``code: words of the gateway``."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

LONGEST = 500

_SENTENCES = {
    "rejected": _("The gateway will not send it"),
    "retry": _("The gateway asks to try again later"),
    "not_reached": _("The gateway could not be reached"),
    "no_answer": _("The gateway did not answer in time; the message may have gone out"),
    "bad_answer": _("The gateway's answer could not be read; the message may have gone out"),
    "no_result": _("The gateway's answer left this message out; it may have gone out"),
    "server_error": _("The gateway had an error of its own; the message may have gone out"),
    "too_many": _("The gateway is busy and asks to wait"),
    "call_refused": _("The gateway refused the call"),
    "redirected": _("The gateway answered with another address; redirects are not followed"),
    "address_refused": _("The gateway's address is not allowed"),
    "key_window": _("The time in which the gateway recognises a repeat is over; the message may have gone out"),
    "attempts": _("Tried too often"),
    "midnight": _("The day ended before the gateway answered; the message may have gone out"),
    "stopped": _("Sending was stopped while an answer was missing; the message may have gone out"),
    "no_text": _("The text of the card could not be filled in"),
    "receipt": _("The gateway reported that it could not deliver it"),
}


def error_text(code: str, words: object = "") -> str:
    """The stored form."""
    return f"{code}: {words}"[:LONGEST] if words else code


def describe_error(stored: str) -> str:
    """A sentence for people, in the language of the page; the gateway's own words stay as they came."""
    code, _colon, words = stored.partition(": ")
    sentence = _SENTENCES.get(code)
    if sentence is None:
        return stored
    return gettext("%(sentence)s (%(words)s)") % {"sentence": sentence, "words": words} if words else str(sentence)
