"""What time alone brings about, in one place: late, twice, two at once and killed half-way are harmless, because each step is one small transaction."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import structlog
from django.db.models import Exists, F, OuterRef, Q, Subquery, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from applications.choices import CUSTOM_TIERS, LIVE_GRANTS, TEMPLATE_TIERS, AppBuild, CaseState, DecisionStatus, EnablementStatus, ReReviewCause
from applications.models import Application, Claim, Decision, Grant, ReReview, StoreEnablement
from applications.selectors.grants import tiers_on
from applications.services.decide import execute
from applications.services.enable import follow_tier
from applications.services.grants import expire_grant, list_expiring_untold, warn_of_expiry
from applications.services.re_review import open_re_review
from applications.services.review import expire_claim
from applications.services.standing import count_strikes_of, list_developers_to_count
from applications.services.submit import lapse, rerun_checks
from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import MerchantTier

log = structlog.get_logger(__name__)


def advance(*, now: datetime, seconds: float | None = None) -> Counter[str]:
    """Do everything that is due at ``now``; how many of each. What somebody else did meanwhile is left alone. Stops early after ``seconds``."""
    done: Counter[str] = Counter()
    started = time.monotonic()
    for name, due, act in _steps(now):
        for row in due():
            if seconds is not None and time.monotonic() - started > seconds:
                return done
            try:
                act(row)
            except BusinessError as error:  # it moved on since it was listed: the next sweep looks again
                log.info("sweep.skipped", step=name, code=error.code)
                done["skipped"] += 1
            else:
                done[name] += 1
            crash_point("applications.in_sweep")
    return done


Step = tuple[str, Callable[[], Iterable[Any]], Callable[[Any], Any]]


def _steps(now: datetime) -> list[Step]:
    """(what, rows that are due, the service that does one)."""
    cases, today = Application.objects, clock.local_day(now)
    return [
        (
            "executed",
            lambda: [
                row.case
                for row in Decision.objects.filter(status=DecisionStatus.WAITING, effective_after__lte=now).select_related("case").order_by("effective_after")
            ],
            lambda case: execute(case=case, now=now),
        ),
        (
            "claims_expired",
            lambda: [row.case for row in Claim.objects.filter(ended_at=None, lease_until__lte=now).select_related("case").order_by("lease_until")],
            lambda case: expire_claim(case=case, now=now),
        ),
        ("checked", lambda: list(cases.filter(state=CaseState.CHECKS_PENDING).order_by("pk")), lambda case: rerun_checks(case=case, now=now)),
        (
            "lapsed",
            lambda: list(cases.filter(state__in=[CaseState.CHANGES_REQUESTED, CaseState.AWAITING_MERCHANT], answer_by__lte=now).order_by("pk")),
            lambda case: lapse(case=case, now=now),
        ),
        ("counted", lambda: list_developers_to_count(now), lambda developer_id: count_strikes_of(developer_id, now=now)),
        (
            "grants_expired",
            lambda: list(Grant.objects.filter(status__in=LIVE_GRANTS, expires_at__lte=now).order_by("pk")),
            lambda grant: expire_grant(grant=grant, now=now),
        ),
        ("expiry_warned", lambda: list_expiring_untold(now), lambda grant: warn_of_expiry(grant=grant, now=now)),
        ("tiers_followed", lambda: _enablements_out_of_line(today), lambda row: follow_tier(enablement=row, now=now)),
        ("re_reviews", lambda: _grants_without_tier(today), lambda found: _re_review(*found, now=now)),
    ]


def _enablements_out_of_line(today: date) -> list[StoreEnablement]:
    """Uses of template grants that do not fit the merchant's tier of today: it fell, or it is back. What the app is now does not count, its grants do."""
    tiers = tiers_on(today)
    live = Grant.objects.filter(app=OuterRef("app"), status__in=LIVE_GRANTS)
    custom, template = Exists(live.filter(merchant=OuterRef("store__merchant"))), Exists(live.filter(build=AppBuild.TEMPLATE))
    rows = StoreEnablement.objects.exclude(status=EnablementStatus.OFF).annotate(custom=custom).filter(custom | template).select_related("store")
    found: list[StoreEnablement] = []
    for row in rows.order_by("pk"):
        fits = row.custom or tiers.get(row.store.merchant_id, "") in TEMPLATE_TIERS
        if (fits and row.tier_fell_on is not None) or (not fits and row.status == EnablementStatus.ON):
            found.append(row)
    return found


def _grants_without_tier(today: date) -> list[tuple[Grant, str]]:
    """Custom grants whose merchant is not premium today, with its tier, unless they were looked at for that very tier last."""
    tier = MerchantTier.objects.valid_on(today).filter(merchant=OuterRef("merchant")).values("tier")[:1]
    looks = ReReview.objects.filter(grant=OuterRef("pk"), cause=ReReviewCause.TIER)
    looks = looks.annotate(found=Coalesce(KT("facts__tier"), Value(""), output_field=TextField()))
    grants = Grant.objects.filter(build=AppBuild.CUSTOM, status__in=LIVE_GRANTS, merchant__isnull=False).annotate(
        tier=Coalesce(Subquery(tier), Value("")), looked_at=Subquery(looks.order_by("-pk").values("found")[:1])
    )
    found = grants.exclude(tier__in=CUSTOM_TIERS).filter(Q(looked_at=None) | ~Q(looked_at=F("tier")))
    return [(grant, grant.tier) for grant in found.order_by("pk")]


@in_transaction
def _re_review(grant: Grant, tier: str, *, now: datetime) -> None:
    open_re_review(grant, ReReviewCause.TIER, now=now, tier=tier)
