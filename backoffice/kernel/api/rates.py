"""How fast one client may call: a bucket of calls for each, in the memory of the process. A wall against loops, not a quota."""

from __future__ import annotations

import threading
import time

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError

BURST_SECONDS = 5
"""So many seconds' calls may come at once."""
_buckets: dict[int, tuple[float, float]] = {}
_lock = threading.Lock()


class TooManyCalls(BusinessError):
    """The client calls faster than it may. Nothing was done."""

    code = "too_many_calls"


def take_call(client_id: int) -> None:
    """Take a call out of the client's bucket. Raises ``TooManyCalls`` when it is empty."""
    rate: int = settings.API_CALLS_PER_SECOND
    if not rate:
        return
    with _lock:
        now = time.monotonic()
        left, since = _buckets.get(client_id, (float(rate * BURST_SECONDS), now))
        left = min(float(rate * BURST_SECONDS), left + (now - since) * rate)
        if left < 1:
            _buckets[client_id] = left, now
            raise TooManyCalls(_("Too many calls. Wait a second, then send the same request again, under the same key."))
        _buckets[client_id] = left - 1, now
