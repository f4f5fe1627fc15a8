"""The misbehaving gateway, here too."""

from tests.campaigns.conftest import gateway  # noqa: F401 - a fixture
