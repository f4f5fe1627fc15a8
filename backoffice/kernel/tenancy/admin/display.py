"""Chips of the tenancy screens."""

from backoffice.kernel.admin.display import BAD, GOOD, PLAIN, WARN
from backoffice.kernel.tenancy.choices import MerchantStatus, MerchantTierCode, StoreStatus

MERCHANT_TONES = {MerchantStatus.ACTIVE: GOOD, MerchantStatus.SUSPENDED: BAD}
STORE_TONES = {StoreStatus.OPEN: GOOD, StoreStatus.CLOSED: PLAIN}
TIER_TONES = {MerchantTierCode.PREMIUM: GOOD, MerchantTierCode.POTENTIAL: WARN}
