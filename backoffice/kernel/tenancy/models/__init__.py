from backoffice.kernel.tenancy.models.merchants import Merchant, MerchantTier, Store
from backoffice.kernel.tenancy.models.users import Developer, Seat, SeatStore, User

__all__ = ["Developer", "Merchant", "MerchantTier", "Seat", "SeatStore", "Store", "User"]
