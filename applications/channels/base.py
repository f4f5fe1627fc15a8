"""What a channel says when it did not send. Texts are codes for staff, never words of the notice."""

from __future__ import annotations


class TryAgain(Exception):
    """Not sent, as far as is known; it may work later."""


class Failed(Exception):
    """Not sent, and trying again would not help."""


class Skipped(Exception):
    """Not sent on purpose: not wanted, or there is nowhere to send it."""
