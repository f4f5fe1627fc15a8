"""Reads of merchants and stores for screens."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from django.db import models

from backoffice.kernel.tenancy.models import Merchant, MerchantTier

M = TypeVar("M", bound=models.Model)


def annotate_tier_on(queryset: models.QuerySet[Merchant], day: date) -> models.QuerySet[Merchant]:
    """Adds ``tier_now``: the code of the tier in force on ``day``, None without one."""
    return queryset.annotate(tier_now=models.Subquery(MerchantTier.objects.filter(merchant=models.OuterRef("pk")).valid_on(day).values("tier")[:1]))
