"""Short words for tests of applications: a small opening table, developers, and cases brought to a state through the services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from applications.choices import ITEMS_ONCE, ITEMS_PER_CAPABILITY, N2_PARTS, CaseState, Item, Openness, Ruling, Verdict
from applications.models import App, Application, Capability, Category, Claim, Decision, PolicyVersion, RuleNumber
from applications.services.apps import create_app
from applications.services.decide import decide, execute, request_changes
from applications.services.policies import draft_policy, publish_policy, set_cell
from applications.services.review import claim, judge, write_reason
from applications.services.submit import begin_application, confirm_application, submit
from applications.services.sweep import advance
from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Developer, Merchant, User
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_developer, make_merchant, make_user

_serial = count(1)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=clock.local_zone())
UNDO = timedelta(seconds=120)
MINUTE = timedelta(minutes=1)
NOTE_MARK, NAME_MARK = "canary-note", "canary-reviewer"


def days(number: float) -> timedelta:
    return timedelta(days=number)


@dataclass(frozen=True)
class World:
    """Two capabilities open to both builds (``risky`` needs a second person), one for custom builds only, one that is not listed."""

    reader: Capability
    risky: Capability
    special: Capability
    unlisted: Capability
    beauty: Category
    toys: Category
    policy: PolicyVersion
    editor: User
    publisher: User


def make_world() -> World:
    caps = {
        code: Capability.objects.create(code=code, name=name, name_en=english, is_high_risk=code == "points.write")
        for code, name, english in [
            ("member.read", "读取会员", "Read members"),
            ("points.write", "写积分", "Write points"),
            ("level.custom", "自定义等级", "Custom levels"),
            ("coupon.send", "发券", "Send coupons"),
        ]
    }
    beauty = Category.objects.create(code="beauty", name="美妆", name_en="Beauty")
    toys = Category.objects.create(code="toys", name="玩具", name_en="Toys")
    editor, publisher = staff(Role.PLATFORM_SENIOR), staff(Role.PLATFORM_SENIOR)
    policy = draft_policy(by=editor, now=MONDAY - days(30))
    for code, openness in [("member.read", Openness.OPEN), ("points.write", Openness.OPEN), ("level.custom", Openness.CUSTOM_ONLY)]:
        set_cell(policy=policy, category=beauty, capability=caps[code], openness=openness, by=editor, now=MONDAY - days(30))
    publish_policy(policy=policy, by=publisher, now=MONDAY - days(30))
    return World(*caps.values(), beauty, toys, policy, editor, publisher)


def change_table(world: World, cells: Mapping[tuple[Category, Capability], str | None], *, now: datetime) -> PolicyVersion:
    """Publish the next version, with these cells changed."""
    draft = draft_policy(by=world.editor, now=now, based_on=PolicyVersion.objects.get(status="PUBLISHED"))
    for (category, capability), openness in cells.items():
        set_cell(policy=draft, category=category, capability=capability, openness=openness, by=world.editor, now=now)
    return publish_policy(policy=draft, by=world.publisher, now=now)


def staff(role: str = Role.PLATFORM_REVIEWER) -> User:
    return make_user(role, display_name=f"{NAME_MARK}-{next(_serial)}")


def onboarded(**fields: Any) -> Developer:
    return make_developer(onboarded_at=MONDAY - days(100), contact="ding-1", **fields)


def owner_of(developer: Developer) -> User:
    seat = developer.seats.filter(role=Role.DEVELOPER_OWNER).first()
    return seat.user if seat else make_user(Role.DEVELOPER_OWNER, developer=developer, email=f"owner{developer.pk}@example.com")


def merchant_owner(merchant: Merchant) -> User:
    seat = merchant.seats.filter(role=Role.MERCHANT_OWNER).first()
    return seat.user if seat else make_user(Role.MERCHANT_OWNER, merchant=merchant)


def make_app(developer: Developer, world: World, *, build: str = "TEMPLATE", category: Category | None = None, now: datetime = MONDAY) -> App:
    return create_app(
        developer=developer,
        code=f"app{next(_serial)}",
        name="积分乐园",
        form="MINI_PROGRAM",
        build=build,
        category=category or world.beauty,
        by=owner_of(developer),
        now=now,
    )


def good_content(*capabilities: Capability, **changes: Any) -> dict[str, Any]:
    """A draft that passes every gate for an onboarded developer."""
    asked = [
        {"capability": row.code, "scene": f"会员中心首页的第 {number} 屏使用 {row.code}", "value": f"会员因此得到第 {number} 项可感知的好处"}
        for number, row in enumerate(capabilities, start=1)
    ]
    content = {
        "contact_name": "李雷",
        "contact_dingtalk": "lilei",
        "audience_group": "国货集团",
        "demo_url": "https://www.yuque.com/demo/points",
        "demo_covers": ["FULL_PATH", "VISUAL", "USER_FLOW", "EXPERIENCE"],
        "capabilities": asked,
    }
    return content | changes


def make_draft(world: World, *capabilities: Capability, developer: Developer | None = None, app: App | None = None, **changes: Any) -> Application:
    if app is None:
        app = make_app(developer or onboarded(), world)
    return begin_application(app=app, by=owner_of(app.developer), now=MONDAY, content=good_content(*(capabilities or (world.reader,)), **changes))


def submitted(case: Application, *, now: datetime = MONDAY) -> Application:
    return submit(case=case, by=owner_of(case.developer), now=now).case


def queued(world: World, *capabilities: Capability, now: datetime = MONDAY, **changes: Any) -> Application:
    case = submitted(make_draft(world, *capabilities, **changes), now=now)
    assert case.state == CaseState.QUEUED, case.state
    return case


def queued_custom(world: World, *capabilities: Capability, now: datetime = MONDAY, merchant: Merchant | None = None) -> Application:
    """A custom build for a PREMIUM merchant, confirmed by it."""
    merchant = merchant or make_merchant(tier="PREMIUM")
    app = make_app(onboarded(), world, build="CUSTOM")
    case = submitted(make_draft(world, *(capabilities or (world.special,)), app=app, merchant=merchant.code, audience_group=""), now=now)
    return confirm_application(case=case, by=merchant_owner(merchant), now=now)


def claimed(case: Application, reviewer: User, *, now: datetime = MONDAY) -> Claim:
    return claim(case=case, by=reviewer, now=now)


def judge_all(held: Claim, *, fail: Sequence[str] = (), now: datetime = MONDAY, n2: Sequence[bool] = (False, False, False)) -> None:
    """Pass everything but ``fail``, whose reasons are written."""
    case, reviewer = held.case, held.reviewer
    common: dict[str, Any] = {"case": case, "token": held.token, "by": reviewer, "now": now}
    for item in ITEMS_ONCE:
        if item == Item.N2:
            judge(**common, item=item, parts=[True] * len(N2_PARTS) if item in fail else n2)
        else:
            judge(**common, item=item, answer=Verdict.FAIL if item in fail else Verdict.PASS)
        if item in fail:
            write_reason(**common, rule=item, fact=f"看到了 {item} 的问题", fix=f"请改正 {item}")
    for row in case.revision.requested.select_related("capability"):
        for item in ITEMS_PER_CAPABILITY:
            judge(**common, item=item, capability=row.capability, answer=Verdict.FAIL if item in fail else Verdict.PASS)
            if item in fail:
                write_reason(**common, rule=item, capability=row.capability, fact=f"看到了 {item} 的问题", fix=f"请改正 {item}")


def fresh(case: Application) -> Application:
    return Application.objects.select_related("app", "developer", "revision").get(pk=case.pk)


def review(
    case: Application,
    *,
    reviewer: User | None = None,
    fail: Sequence[str] = (),
    rulings: Mapping[str, str] | None = None,
    now: datetime = MONDAY,
    n2: Sequence[bool] = (False, False, False),
) -> Decision:
    """Claim, judge and decide: all granted, or with ``fail`` all refused."""
    held = claimed(case, reviewer or staff(), now=now)
    judge_all(held, fail=fail, now=now, n2=n2)
    codes = fresh(case).revision.requested.values_list("capability__code", flat=True)
    told = rulings or dict.fromkeys(codes, Ruling.REFUSE if fail else Ruling.GRANT)
    return decide(case=case, token=held.token, rulings=told, by=held.reviewer, now=now)


def approved(world: World, *capabilities: Capability, now: datetime = MONDAY, **changes: Any) -> Application:
    case = queued(world, *capabilities, now=now, **changes)
    review(case, now=now)
    execute(case=case, now=now + UNDO)
    return fresh(case)


def refused(world: World, *capabilities: Capability, fail: Sequence[str] = ("M1",), now: datetime = MONDAY, **changes: Any) -> Application:
    case = queued(world, *capabilities, now=now, **changes)
    review(case, fail=fail, now=now)
    advance(now=now + UNDO)
    return fresh(case)


def sent_back(case: Application, *, reviewer: User | None = None, fail: Sequence[str] = ("M1",), now: datetime = MONDAY) -> Application:
    """Changes asked for, and the time to undo is over."""
    held = claimed(case, reviewer or staff(), now=now)
    judge_all(held, fail=fail, now=now)
    request_changes(case=case, token=held.token, by=held.reviewer, now=now)
    execute(case=case, now=now + UNDO)
    return fresh(case)


def no_undo() -> None:
    """Rulings take effect at once."""
    RuleNumber.objects.update_or_create(code="undo_seconds", defaults={"value": 0, "changed_at": MONDAY})
