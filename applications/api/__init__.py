"""The part of the HTTP API about what apps were granted."""

from applications.api.grants import router

__all__ = ["router"]
