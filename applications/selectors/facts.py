"""Gathers what the gates look at, in a fixed number of queries."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from applications.choices import SUBMITTED_STATES, CaseState, StandingLevel
from applications.content import Content
from applications.facts import CapabilityFacts, DeveloperFacts, Facts, MerchantFacts
from applications.models import App, Application, Capability, Category, DemoFile, DeveloperProfile, DeveloperStanding, RequestedCapability
from applications.selectors.numbers import Numbers, get_numbers
from applications.selectors.policies import Table, get_policy_in_force, table_of
from backoffice.kernel import clock
from backoffice.kernel.tenancy.choices import MerchantStatus
from backoffice.kernel.tenancy.models import Developer, Merchant, MerchantBar
from backoffice.kernel.tenancy.selectors.merchants import annotate_tier_on


def gather_facts(
    *,
    developer: Developer,
    content: Content,
    now: datetime,
    app: App | None = None,
    case: Application | None = None,
    table: Table | None = None,
    numbers: Numbers | None = None,
) -> Facts:
    """The facts about ``content`` of ``developer`` at ``now``. Without ``app`` and ``case``: nothing is written yet (eligibility)."""
    numbers = numbers or get_numbers()
    table = table or table_of(get_policy_in_force(), [content.category])
    category = Category.objects.filter(code=content.category).first() if content.category else None
    demo = content.demo_file
    return Facts(
        now=now,
        content=content,
        developer=developer_facts(developer, case=case),
        category_names=category.names if category else None,
        is_category_in_table=table.has_category(content.category),
        table=str(table.version.number) if table.version else "",
        merchants=tuple(find_merchants(content.merchant, now)) if content.merchant else (),
        capabilities=_capabilities(content, table, app, case),
        refused_as=_refused_as(app, content),
        most_open_cases=numbers.most_open_cases,
        is_demo_file_there=demo is not None and DemoFile.objects.filter(pk=demo, developer=developer).exists(),
    )


def developer_facts(developer: Developer, *, case: Application | None = None) -> DeveloperFacts:
    standing = DeveloperStanding.objects.filter(developer=developer).first()
    profile = DeveloperProfile.objects.filter(developer=developer).first()
    others = Application.objects.filter(developer=developer, state__in=SUBMITTED_STATES)
    if case is not None:
        others = others.exclude(pk=case.pk)
    return DeveloperFacts(
        is_onboarded=developer.onboarded_at is not None,
        level=standing.level if standing else StandingLevel.GOOD.value,
        score=standing.score if standing else 0,
        cool_down_until=standing.cool_down_until if standing else None,
        open_count=others.count(),
        bound_merchant=profile.bound_merchant_id if profile else None,
        has_intro=bool(profile and profile.company_intro),
        has_past_cases=bool(profile and profile.past_cases),
    )


def find_merchants(text: str, now: datetime) -> list[MerchantFacts]:
    """Merchants whose code is ``text``, else all whose name is exactly that, with the tier in force today."""
    merchants = annotate_tier_on(Merchant.objects.filter(Q(code=text) | Q(name=text)), clock.local_day(now)).order_by("pk")
    merchants = merchants.annotate(is_barred=Exists(MerchantBar.objects.filter(merchant=OuterRef("pk"), ended_at=None)))
    found = list(merchants[:10])
    by_code = [merchant for merchant in found if merchant.code == text]
    return [
        MerchantFacts(
            merchant.pk,
            merchant.name,
            getattr(merchant, "tier_now", "") or "",
            merchant.status == MerchantStatus.ACTIVE,
            bool(getattr(merchant, "is_barred", False)),
        )
        for merchant in by_code or found
    ]


def _capabilities(content: Content, table: Table, app: App | None, case: Application | None) -> tuple[CapabilityFacts, ...]:
    known = {capability.code: capability for capability in Capability.objects.filter(code__in=content.codes, is_active=True)}
    twins: dict[str, str] = {}
    if app is not None:
        held = RequestedCapability.objects.filter(app=app, holds_place=True, capability__code__in=content.codes).exclude(case=case)
        twins = {row.capability.code: row.case.number for row in held.select_related("capability", "case")}
    return tuple(
        CapabilityFacts(
            code,
            known[code].names if code in known else {"zh-hans": code, "en": code},
            is_known=code in known,
            openness=table.openness(content.category, code),
            twin=twins.get(code, ""),
        )
        for code in content.codes
    )


def _refused_as(app: App | None, content: Content) -> str:
    """Number of the app's last refused case if its content is this one."""
    if app is None:
        return ""
    last = Application.objects.filter(app=app, state=CaseState.REFUSED).select_related("revision").order_by("-closed_at", "-pk").first()
    return last.number if last is not None and last.revision is not None and last.revision.content_hash == content.content_hash() else ""
