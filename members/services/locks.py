"""Row locks of this app, taken only here and in one global order: account, lot, store-day counter, person-day counter, message.

Every writer of a lot holds the lock of its account, so lots are not locked one by one. A member's row comes after its account.
"""

from __future__ import annotations

from members.models import CreditAccount, Level, Member, Person


def lock_account(account_id: int) -> CreditAccount | None:
    """The account, locked until the end of the transaction; None when there is none."""
    return CreditAccount.objects.select_for_update().filter(pk=account_id).first()


def lock_accounts(account_ids: set[int], *, skip_locked: bool = False) -> list[int]:
    """Ids of the accounts, locked in their order. With ``skip_locked`` those that somebody else has locked are left out instead of waited for."""
    return list(CreditAccount.objects.select_for_update(skip_locked=skip_locked).filter(pk__in=account_ids).order_by("pk").values_list("pk", flat=True))


def lock_account_of(member: Member) -> CreditAccount | None:
    """The member's account, locked; None when the member never had credit."""
    return CreditAccount.objects.select_for_update().filter(member=member).first()


def open_and_lock_account_of(member: Member) -> CreditAccount:
    """The member's account, locked; opened now when there was none. Two callers at once get the same one."""
    account = lock_account_of(member)
    if account is None:
        CreditAccount.objects.bulk_create([CreditAccount(store_id=member.store_id, member=member)], ignore_conflicts=True)
        account = CreditAccount.objects.select_for_update().get(member=member)
    return account


def lock_member(member: Member) -> Member:
    """The member as stored now, locked. After the account, if both are needed."""
    return Member.objects.select_for_update().get(pk=member.pk)


def lock_member_by_number(store_id: int, member_no: str) -> Member | None:
    """The member with this number in a store, locked; None when there is none."""
    return Member.objects.select_for_update().filter(store_id=store_id, member_no=member_no).first()


def lock_people(person_ids: set[int]) -> list[Person]:
    """People in order of their ids, locked."""
    return list(Person.objects.select_for_update().filter(pk__in=person_ids).order_by("pk"))


def lock_level(level: Level) -> Level | None:
    """The level as stored now, locked; None when it is gone."""
    return Level.objects.select_for_update().filter(pk=level.pk).first()
