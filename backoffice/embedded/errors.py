from __future__ import annotations


class ServiceError(Exception):
    """An embedded server cannot be used; the message is one sentence that says what to do."""
