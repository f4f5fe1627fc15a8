"""Row locks of this app, taken only here and in one global order: developer's standing, case, opening table (shared), grants, apps in stores.

Whatever counts a developer's cases, stops or strikes holds the lock of its standing; whatever moves a case holds the case's.
"""

from __future__ import annotations

from collections.abc import Collection

from applications.choices import PolicyStatus
from applications.models import Application, DeveloperStanding, Grant, PolicyVersion, StoreEnablement
from backoffice.kernel.sql import fetch_all


def lock_developer(developer_id: int) -> DeveloperStanding:
    """The developer's standing, locked; made now when there was none. Two callers at once get the same row."""
    row = DeveloperStanding.objects.select_for_update().filter(pk=developer_id).first()
    if row is None:
        DeveloperStanding.objects.bulk_create([DeveloperStanding(developer_id=developer_id)], ignore_conflicts=True)
        row = DeveloperStanding.objects.select_for_update().get(pk=developer_id)
    return row


def lock_case(case_id: int) -> Application | None:
    """The case as stored now, locked; None when there is none."""
    return Application.objects.select_for_update(of=("self",)).select_related("app__category", "developer", "revision").filter(pk=case_id).first()


def lock_next_queued(*, developers: Collection[int] = (), merchants: Collection[int] = ()) -> Application | None:
    """The queued case that is due first and that nobody is taking at this moment, locked. None of these developers or merchants."""
    waiting = Application.objects.select_for_update(of=("self",), skip_locked=True).filter(state="QUEUED")
    waiting = waiting.exclude(developer__in=developers).exclude(merchant__in=merchants)
    return waiting.order_by("due_at", "id").first()


def share_policy_in_force() -> PolicyVersion | None:
    """The opening table in force, which stays so until the end of the transaction: publishing another one waits."""
    for _again in range(3):
        found = fetch_all("SELECT id FROM applications_policyversion WHERE status = %(status)s FOR SHARE", {"status": PolicyStatus.PUBLISHED.value})
        if found:
            return PolicyVersion.objects.get(pk=found[0]["id"])
        if not PolicyVersion.objects.filter(status=PolicyStatus.PUBLISHED).exists():
            return None
    return None


def lock_policies() -> list[PolicyVersion]:
    """The version in force, and every draft, locked in order of their ids."""
    return list(PolicyVersion.objects.select_for_update().exclude(status=PolicyStatus.RETIRED).order_by("pk"))


def lock_policy(policy_id: int) -> PolicyVersion:
    return PolicyVersion.objects.select_for_update().get(pk=policy_id)


def lock_grant(grant_id: int) -> Grant:
    """The grant as stored now, locked."""
    return Grant.objects.select_for_update(of=("self",)).select_related("app__developer", "capability").get(pk=grant_id)


def lock_enablement(app_id: int, store_id: int) -> StoreEnablement | None:
    return StoreEnablement.objects.select_for_update(of=("self",)).filter(app_id=app_id, store_id=store_id).first()
