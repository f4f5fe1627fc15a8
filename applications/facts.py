"""What the gates look at: everything about one submission, taken at one moment (``selectors/facts.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from applications.choices import AppBuild, Openness, StandingLevel
from applications.content import Content

Names = Mapping[str, str]
"""A name by language: ``{"zh-hans": ..., "en": ...}``."""


@dataclass(frozen=True)
class DeveloperFacts:
    """The developer as the gates see it. ``open_count`` does not count the case at hand."""

    is_onboarded: bool = True
    level: str = StandingLevel.GOOD
    score: int = 0
    cool_down_until: datetime | None = None
    open_count: int = 0
    bound_merchant: int | None = None
    has_intro: bool = False
    has_past_cases: bool = False


@dataclass(frozen=True)
class MerchantFacts:
    """The merchant of a custom build. ``tier`` is the one in force today, empty without one."""

    id: int
    name: str
    tier: str = ""
    is_active: bool = True
    is_barred: bool = False
    """Takes part in no new member feature, after a proven complaint."""


@dataclass(frozen=True)
class CapabilityFacts:
    """One capability asked for: what the opening table in force says, and the open case of the same app that asks for it too, if any."""

    code: str
    names: Names
    is_known: bool = True
    openness: str = Openness.CLOSED
    twin: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything gates may look at, taken at one moment. Gates read nothing else: no database, no clock, no settings."""

    now: datetime
    content: Content
    developer: DeveloperFacts = DeveloperFacts()
    category_names: Names | None = None
    """None: there is no such category."""
    is_category_in_table: bool = False
    table: str = ""
    """Number of the opening table in force; empty: none is."""
    merchants: tuple[MerchantFacts, ...] = ()
    """Merchants that the developer's text may mean."""
    capabilities: tuple[CapabilityFacts, ...] = ()
    refused_as: str = ""
    """Number of the last refused case of this app with exactly this content."""
    most_open_cases: int = 5
    is_demo_file_there: bool = False

    @property
    def is_custom(self) -> bool:
        return self.content.build == AppBuild.CUSTOM

    @property
    def merchant(self) -> MerchantFacts | None:
        """The merchant of a custom build, when it is clear which one."""
        return self.merchants[0] if len(self.merchants) == 1 else None
