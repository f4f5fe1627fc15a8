from backoffice.kernel.tenancy.models.merchants import Merchant, MerchantBar, MerchantTier, Store
from backoffice.kernel.tenancy.models.users import Developer, Seat, SeatStore, User

__all__ = ["Developer", "Merchant", "MerchantBar", "MerchantTier", "Seat", "SeatStore", "Store", "User"]
