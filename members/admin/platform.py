"""Platform console: members, credit, orders, levels and tags of all stores."""

from __future__ import annotations

from django.contrib import admin

from backoffice.kernel.admin import PlatformModelAdmin
from backoffice.kernel.sites import platform_site
from members.admin.adjustments import CreditAdjustmentScreen
from members.admin.credit import CreditAccountScreen, CreditEntryScreen, CreditLotScreen
from members.admin.events import EventScreen
from members.admin.fans import FanScreen, PostScreen
from members.admin.holds import CreditHoldScreen
from members.admin.levels import LevelScreen, TagScreen
from members.admin.members import MemberScreen
from members.admin.orders import OrderLineScreen
from members.admin.payments import PaymentScreen
from members.admin.payouts import CreditPayoutScreen
from members.admin.policy import PlatformCreditPolicyScreen
from members.admin.proof import LedgerProofScreen
from members.admin.push_accounts import PushAccountScreen
from members.models import (
    CreditAccount,
    CreditAdjustment,
    CreditEntry,
    CreditHold,
    CreditLot,
    CreditPayout,
    CreditPolicy,
    Event,
    Fan,
    LedgerProof,
    Level,
    Member,
    OrderLine,
    Payment,
    Post,
    PushAccount,
    Tag,
)


@admin.register(Member, site=platform_site)
class MemberAdmin(MemberScreen, PlatformModelAdmin):
    list_display = ("member_no", "nickname", "store_name", *MemberScreen.list_display[2:])


@admin.register(CreditAccount, site=platform_site)
class CreditAccountAdmin(CreditAccountScreen, PlatformModelAdmin):
    list_display = (*CreditAccountScreen.list_display[:2], "store_name", *CreditAccountScreen.list_display[2:])


@admin.register(CreditLot, site=platform_site)
class CreditLotAdmin(CreditLotScreen, PlatformModelAdmin):
    list_display = (*CreditLotScreen.list_display[:2], "store_name", *CreditLotScreen.list_display[2:])


@admin.register(CreditEntry, site=platform_site)
class CreditEntryAdmin(CreditEntryScreen, PlatformModelAdmin):
    list_display = (*CreditEntryScreen.list_display[:2], "store_name", *CreditEntryScreen.list_display[2:])


@admin.register(OrderLine, site=platform_site)
class OrderLineAdmin(OrderLineScreen, PlatformModelAdmin):
    list_display = (*OrderLineScreen.list_display[:3], "store_name", *OrderLineScreen.list_display[3:])


@admin.register(Level, site=platform_site)
class LevelAdmin(LevelScreen, PlatformModelAdmin):
    pass


@admin.register(Tag, site=platform_site)
class TagAdmin(TagScreen, PlatformModelAdmin):
    pass


@admin.register(CreditHold, site=platform_site)
class CreditHoldAdmin(CreditHoldScreen, PlatformModelAdmin):
    pass


@admin.register(CreditPayout, site=platform_site)
class CreditPayoutAdmin(CreditPayoutScreen, PlatformModelAdmin):
    pass


@admin.register(CreditAdjustment, site=platform_site)
class CreditAdjustmentAdmin(CreditAdjustmentScreen, PlatformModelAdmin):
    pass


@admin.register(Payment, site=platform_site)
class PaymentAdmin(PaymentScreen, PlatformModelAdmin):
    pass


@admin.register(Event, site=platform_site)
class EventAdmin(EventScreen, PlatformModelAdmin):
    pass


@admin.register(CreditPolicy, site=platform_site)
class CreditPolicyAdmin(PlatformCreditPolicyScreen, PlatformModelAdmin):
    pass


@admin.register(LedgerProof, site=platform_site)
class LedgerProofAdmin(LedgerProofScreen, PlatformModelAdmin):
    pass


@admin.register(PushAccount, site=platform_site)
class PushAccountAdmin(PushAccountScreen, PlatformModelAdmin):
    pass


@admin.register(Fan, site=platform_site)
class FanAdmin(FanScreen, PlatformModelAdmin):
    pass


@admin.register(Post, site=platform_site)
class PostAdmin(PostScreen, PlatformModelAdmin):
    pass
