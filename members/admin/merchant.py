"""Merchant console: members, credit, orders, levels and tags of the stores that the user's seats cover."""

from __future__ import annotations

from django.contrib import admin

from backoffice.kernel.admin import MerchantModelAdmin
from backoffice.kernel.sites import merchant_site
from members.admin.adjustments import CreditAdjustmentScreen
from members.admin.credit import CreditAccountScreen, CreditEntryScreen, CreditLotScreen
from members.admin.events import EventScreen
from members.admin.fans import FanScreen, PostScreen
from members.admin.holds import CreditHoldScreen
from members.admin.levels import CountedLevelScreen, TagScreen
from members.admin.members import MemberScreen
from members.admin.orders import OrderLineScreen
from members.admin.payments import PaymentScreen
from members.admin.payouts import CreditPayoutScreen
from members.admin.policy import CreditPolicyScreen
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
    Level,
    Member,
    OrderLine,
    Payment,
    Post,
    PushAccount,
    Tag,
)


@admin.register(Member, site=merchant_site)
class MemberAdmin(MemberScreen, MerchantModelAdmin):
    list_display = ("member_no", "nickname", "store_name", *MemberScreen.list_display[2:])
    list_filter = ("store", "level", *MemberScreen.list_filter[1:])


@admin.register(CreditAccount, site=merchant_site)
class CreditAccountAdmin(CreditAccountScreen, MerchantModelAdmin):
    list_display = (*CreditAccountScreen.list_display[:2], "store_name", *CreditAccountScreen.list_display[2:])


@admin.register(CreditLot, site=merchant_site)
class CreditLotAdmin(CreditLotScreen, MerchantModelAdmin):
    list_display = (*CreditLotScreen.list_display[:2], "store_name", *CreditLotScreen.list_display[2:])


@admin.register(CreditEntry, site=merchant_site)
class CreditEntryAdmin(CreditEntryScreen, MerchantModelAdmin):
    list_display = (*CreditEntryScreen.list_display[:2], "store_name", *CreditEntryScreen.list_display[2:])


@admin.register(OrderLine, site=merchant_site)
class OrderLineAdmin(OrderLineScreen, MerchantModelAdmin):
    list_display = (*OrderLineScreen.list_display[:3], "store_name", *OrderLineScreen.list_display[3:])


@admin.register(Level, site=merchant_site)
class LevelAdmin(CountedLevelScreen, MerchantModelAdmin):
    pass


@admin.register(Tag, site=merchant_site)
class TagAdmin(TagScreen, MerchantModelAdmin):
    pass


@admin.register(CreditHold, site=merchant_site)
class CreditHoldAdmin(CreditHoldScreen, MerchantModelAdmin):
    pass


@admin.register(CreditPayout, site=merchant_site)
class CreditPayoutAdmin(CreditPayoutScreen, MerchantModelAdmin):
    pass


@admin.register(CreditAdjustment, site=merchant_site)
class CreditAdjustmentAdmin(CreditAdjustmentScreen, MerchantModelAdmin):
    pass


@admin.register(Payment, site=merchant_site)
class PaymentAdmin(PaymentScreen, MerchantModelAdmin):
    pass


@admin.register(Event, site=merchant_site)
class EventAdmin(EventScreen, MerchantModelAdmin):
    pass


@admin.register(CreditPolicy, site=merchant_site)
class CreditPolicyAdmin(CreditPolicyScreen, MerchantModelAdmin):
    pass


@admin.register(PushAccount, site=merchant_site)
class PushAccountAdmin(PushAccountScreen, MerchantModelAdmin):
    pass


@admin.register(Fan, site=merchant_site)
class FanAdmin(FanScreen, MerchantModelAdmin):
    pass


@admin.register(Post, site=merchant_site)
class PostAdmin(PostScreen, MerchantModelAdmin):
    pass
