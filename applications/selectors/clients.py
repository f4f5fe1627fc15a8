"""The app behind an API client."""

from __future__ import annotations

from applications.models import App


def get_app_code(client_id: int) -> str:
    """Code of the app that calls by the client (``ApiClient``'s primary key); empty when none does."""
    return App.objects.filter(api_client_id=client_id).values_list("code", flat=True).first() or ""
