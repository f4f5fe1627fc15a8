"""Example data of capability applications, made through the services as people would: an opening table, developers new and settled, cases in every state.

Everything is invented and says so (``示例``). Called by the composition root; does nothing where an opening table exists already.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from applications.choices import (
    CUSTOM_TIERS,
    ITEMS_ONCE,
    ITEMS_PER_CAPABILITY,
    TEMPLATE_TIERS,
    AppBuild,
    AppForm,
    CaseState,
    DemoCover,
    Item,
    Openness,
    ReReviewCause,
)
from applications.facts import Facts
from applications.gates.base import GATES, Finding
from applications.models import App, Application, Capability, Category, Claim, Decision, Grant, PolicyVersion
from applications.selectors.grants import tiers_on
from applications.services.appeals import file_appeal
from applications.services.apps import announce_change, create_app
from applications.services.decide import decide, execute, release_hold, request_changes
from applications.services.enable import enable_app
from applications.services.grants import propose_revocation, suspend_grant
from applications.services.policies import draft_policy, publish_policy, set_cell
from applications.services.review import add_note, claim, judge, release_claim, write_reason
from applications.services.standing import propose_bar
from applications.services.submit import begin_application, confirm_application, lapse, save_draft, submit, withdraw
from backoffice.kernel import clock
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Developer, Merchant, Seat, Store, User
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.developers import create_developer, onboard_developer
from backoffice.kernel.tenancy.services.users import create_user, grant_seat

NOTE = "示例数据：并非平台真实的能力开放表"
CAPABILITIES = [
    ("member.read", "读取会员资料", "Read member profiles", False),
    ("level.read", "读取会员等级", "Read member levels", False),
    ("points.write", "发放积分", "Issue points", True),
    ("benefit.issue", "发放会员权益", "Issue member benefits", True),
    ("task.checkin", "会员签到任务", "Check-in tasks", False),
    ("level.custom", "自定义成长规则", "Custom growth rules", False),
]
CATEGORIES = [
    ("beauty", "美妆护肤", "Beauty"),
    ("apparel", "服饰鞋包", "Apparel"),
    ("maternity", "母婴", "Mother and baby"),
    ("food", "食品生鲜", "Food"),
    ("electronics", "数码家电", "Electronics"),
    ("books", "图书音像", "Books and music"),
    ("jewelry", "珠宝收藏（示例：不在开放表中）", "Jewelry (example: not in the table)"),
]
OPEN, CUSTOM, CLOSED = Openness.OPEN, Openness.CUSTOM_ONLY, Openness.CLOSED
TABLE: Mapping[str, Sequence[str | None]] = {
    "beauty": (OPEN, OPEN, OPEN, OPEN, OPEN, CUSTOM),
    "apparel": (OPEN, OPEN, OPEN, CUSTOM, OPEN, CUSTOM),
    "maternity": (OPEN, OPEN, CUSTOM, CUSTOM, OPEN, None),
    "food": (OPEN, OPEN, OPEN, CLOSED, OPEN, None),
    "electronics": (OPEN, OPEN, CUSTOM, CLOSED, None, CUSTOM),
    "books": (OPEN, OPEN, OPEN, OPEN, OPEN, CUSTOM),
}
"""Openness by category, in the order of ``CAPABILITIES``; None: not listed, and so closed."""


@dataclass(frozen=True)
class DemoSummary:
    """How many cases stand in which state after loading."""

    cases: Mapping[str, int]
    policy: int | None


def load_demo(*, now: datetime, developer: Developer | None = None, reviewer: User | None = None, merchant: Merchant | None = None) -> DemoSummary:
    """Make the examples, as of ``now``. ``developer``, ``reviewer`` and ``merchant`` (of the custom builds): those of the demo's log-ins, otherwise
    they are made or chosen.

    Custom builds and uses by stores need a merchant with the tier for it; without one those examples are left out.
    """
    if PolicyVersion.objects.exists():
        return DemoSummary({}, None)
    stage = _Stage(now, developer, reviewer, merchant)
    stage.play()
    states = Application.objects.values_list("state", flat=True)
    return DemoSummary({state: list(states).count(state) for state in CaseState.values}, stage.policy.number)


class _Stage:
    """The people of the examples and what they do, in the order in which it happened."""

    def __init__(self, now: datetime, developer: Developer | None, reviewer: User | None, merchant: Merchant | None) -> None:
        self.now = now
        self.merchant = merchant
        self.serial = count(1)
        self.reviewer = reviewer or self._person("demo-reviewer", "示例审核员", Role.PLATFORM_REVIEWER)
        self.senior = self._person("demo-senior", "示例高级审核员", Role.PLATFORM_SENIOR)
        self.second = self._person("demo-senior-2", "示例高级审核员二", Role.PLATFORM_SENIOR)
        self.settled = developer or create_developer(code="DEMO-SETTLED", name="示例服务商（已入驻）", contact="demo-settled", by=None, now=self.ago(60))
        if self.settled.onboarded_at is None:
            onboard_developer(developer=self.settled, by=None, now=self.ago(60))
            self.settled.refresh_from_db()
        self.newcomer = create_developer(code="DEMO-NEW", name="示例服务商（首次申请）", contact="demo-new", by=None, now=self.ago(20))
        self.partner = create_developer(code="DEMO-PARTNER", name="示例服务商（同行）", contact="demo-partner", by=None, now=self.ago(60))
        onboard_developer(developer=self.partner, by=None, now=self.ago(60))
        self.partner.refresh_from_db()
        self.offender = create_developer(code="DEMO-STRIKES", name="示例服务商（有违规记分）", contact="demo-strikes", by=None, now=self.ago(60))
        onboard_developer(developer=self.offender, by=None, now=self.ago(60))
        self.offender.refresh_from_db()
        self.owners = {one.pk: self._owner(one) for one in (self.settled, self.partner, self.newcomer, self.offender)}
        self.policy = self._opening_table()

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def with_tiers(self, days: float) -> datetime:
        """So many days ago, or now where merchants have had no tier for so long."""
        return self.ago(days) if tiers_on(clock.local_day(self.ago(days))) else self.now

    def _person(self, username: str, name: str, role: str, **place: Any) -> User:
        """Somebody whose password nobody knows: an administrator sets one to log in as them."""
        user = create_user(username=username, password=secrets.token_urlsafe(24), display_name=name, by=None, now=self.ago(61))
        grant_seat(user=user, role=role, by=None, now=self.ago(61), **place)
        return user

    def _owner(self, developer: Developer) -> User:
        seat = Seat.objects.filter(developer=developer, role=Role.DEVELOPER_OWNER, revoked_at=None).select_related("user").first()
        return seat.user if seat else self._person(f"{developer.code.lower()}-owner", f"{developer.name}负责人", Role.DEVELOPER_OWNER, developer=developer)

    def _opening_table(self) -> PolicyVersion:
        capabilities = [
            Capability.objects.create(code=code, name=name, name_en=english, is_high_risk=risky, description=f"示例能力：{name}")
            for code, name, english, risky in CAPABILITIES
        ]
        categories = {code: Category.objects.create(code=code, name=name, name_en=english) for code, name, english in CATEGORIES}
        draft = draft_policy(by=self.senior, now=self.ago(60), note=NOTE, is_example=True)
        for category, row in TABLE.items():
            for capability, openness in zip(capabilities, row, strict=True):
                if openness is not None:
                    set_cell(policy=draft, category=categories[category], capability=capability, openness=openness, by=self.senior, now=self.ago(60))
        return publish_policy(policy=draft, by=self.second, now=self.ago(59))

    def app(self, developer: Developer, name: str, category: str, *, build: str = AppBuild.TEMPLATE, form: str = AppForm.MINI_PROGRAM) -> App:
        return create_app(
            developer=developer,
            code=f"demo-{next(self.serial)}",
            name=f"{name}（示例）",
            form=form,
            build=build,
            category=Category.objects.get(code=category),
            by=self.owners[developer.pk],
            now=self.ago(50),
        )

    def draft(self, app: App, codes: Sequence[str], at: datetime, **changes: Any) -> Application:
        names = {row.code: row.name for row in Capability.objects.filter(code__in=codes)}
        asked = [
            {
                "capability": code,
                "scene": f"会员进入“{app.name}”首页后，在第 {number} 步用到{names[code]}，并先看到会员身份和等级说明。",
                "value": f"会员通过{names[code]}感受到自己的等级待遇；商家得到第 {number} 项可衡量的复购提升。",
            }
            for number, code in enumerate(codes, start=1)
        ]
        content = {
            "contact_name": "张三（示例）",
            "contact_dingtalk": "demo-zhangsan",
            "audience_group": "" if app.build == AppBuild.CUSTOM else "示例集团",
            "audience_stage": "" if app.build == AppBuild.CUSTOM else "成长期",
            "demo_url": f"https://www.yuque.com/demo/{app.code}",
            "demo_covers": DemoCover.values,
            "company_intro": "示例公司，十二人团队，专注会员运营工具。",
            "past_cases": "示例案例：为三家品牌搭建会员签到，复购率提升 8%。",
            "capabilities": asked,
        }
        return begin_application(app=app, by=self.owners[app.developer_id], now=at, content=content | changes)

    def submitted(self, app: App, codes: Sequence[str], at: datetime, **changes: Any) -> Application:
        case = self.draft(app, codes, at, **changes)
        return submit(case=case, by=self.owners[app.developer_id], now=at).case

    def judged(self, case: Application, at: datetime, fail: Mapping[str, tuple[str, str]]) -> Claim:
        """Claimed and judged wholly; ``fail``: item -> (fact, fix)."""
        held = claim(case=case, by=self.reviewer, now=at)
        common: dict[str, Any] = {"case": case, "token": held.token, "by": self.reviewer, "now": at}
        for item in ITEMS_ONCE:
            answer = None if item == Item.N2 else "FAIL" if item in fail else "PASS"
            judge(**common, item=item, answer=answer, parts=(item in fail, item in fail, item in fail) if item == Item.N2 else ())
            if item in fail:
                write_reason(**common, rule=item, fact=fail[item][0], fix=fail[item][1])
        for row in Application.objects.get(pk=case.pk).requested.filter(holds_place=True).select_related("capability"):
            for item in ITEMS_PER_CAPABILITY:
                judge(**common, item=item, capability=row.capability, answer="PASS")
        return held

    def ruled(self, case: Application, at: datetime, rulings: Mapping[str, str], *, fail: Mapping[str, tuple[str, str]] | None = None) -> Decision:
        held = self.judged(case, at, fail or {})
        return decide(case=case, token=held.token, rulings=rulings, by=self.reviewer, now=at)

    def in_effect(self, case: Application, at: datetime, rulings: Mapping[str, str], *, fail: Mapping[str, tuple[str, str]] | None = None) -> Decision:
        decision = self.ruled(case, at, rulings, fail=fail)
        if decision.hold_causes:
            release_hold(case=case, by=self.second, now=at + timedelta(minutes=30))
            at += timedelta(minutes=30)
        execute(case=case, now=at + timedelta(hours=1))
        return decision

    def play(self) -> None:
        forced = {Item.N1.value: ("游戏进行到一半弹出入会页，不入会不能继续。", "把入会说明放到开始之前，允许不入会也能玩完。")}
        thin = {Item.M4.value: ("看不到等级和成长值随任务变化。", "在任务完成页展示成长值变化和距下一等级的差距。")}
        # Approved, one of them with a high-risk capability, and used by stores.
        granted = self.app(self.settled, "会员签到日历", "books")
        self.in_effect(self.submitted(granted, ["member.read", "task.checkin"], self.ago(40)), self.ago(39), {"member.read": "GRANT", "task.checkin": "GRANT"})
        self.in_effect(self.submitted(granted, ["points.write"], self.ago(30)), self.ago(29), {"points.write": "GRANT"})
        self._enable(granted, self.with_tiers(28))
        # Approved in part.
        partial = self.submitted(self.app(self.settled, "等级权益墙", "beauty", form=AppForm.WIDGET), ["member.read", "level.read"], self.ago(25))
        held = self.judged(partial, self.ago(24), {})
        level = Capability.objects.get(code="level.read")
        common: dict[str, Any] = {"case": partial, "token": held.token, "by": self.reviewer, "now": self.ago(24)}
        judge(**common, item="S1", capability=level, answer="FAIL")
        write_reason(**common, rule="S1", capability=level, fact="演示流程中没有使用会员等级。", fix="补充等级的使用步骤，或去掉这项能力。")
        decide(case=partial, token=held.token, rulings={"member.read": "GRANT", "level.read": "NOT_NEEDED"}, by=self.reviewer, now=self.ago(24))
        execute(case=partial, now=self.ago(23.9))
        # Refused with strikes; one of them appealed.
        for number, item in enumerate((forced, forced)):
            case = self.submitted(self.app(self.offender, f"入会小游戏 {number + 1}", "apparel"), ["member.read"], self.ago(20 - 16 * number))
            decision = self.in_effect(case, self.ago(19 - 16 * number), {"member.read": "REFUSE"}, fail=item)
        file_appeal(decision=decision, statement="示例申诉：弹窗出现在游戏结束之后。", by=self.owners[self.offender.pk], now=self.ago(2))
        propose_bar(developer=self.offender, reason="示例理由：两次以强制入会的方式提交。", by=self.senior, now=self.ago(1))
        # Changes asked for; lapsed; withdrawn.
        self._sent_back(self.app(self.settled, "生日惊喜", "food"), self.ago(3), thin)
        late = self._sent_back(self.app(self.newcomer, "旧版抽奖", "food"), self.ago(18), thin)
        lapse(case=late, now=self.ago(2))
        case = self.submitted(self.app(self.settled, "试运行小部件", "food", form=AppForm.WIDGET), ["member.read"], self.ago(6))
        withdraw(case=case, by=self.owners[self.settled.pk], now=self.ago(5))
        # With the platform now: waiting, in review with a note, held, just decided, checks out of order.
        self.submitted(self.app(self.newcomer, "新客欢迎礼", "beauty"), ["member.read", "level.read"], self.ago(1))
        case = self._sent_back(self.app(self.settled, "会员拼图", "apparel"), self.ago(5), thin)
        self._answered(case, self.ago(2))
        claim(case=case, by=self.reviewer, now=self.now)
        add_note(case=case, text="示例备注：演示与上一版很像，核对差异。", by=self.reviewer, now=self.now)
        case = self.submitted(self.app(self.partner, "权益兑换厅", "beauty"), ["benefit.issue"], self.ago(2))
        self.ruled(case, self.ago(0.2), {"benefit.issue": "GRANT"})
        case = self.submitted(self.app(self.newcomer, "积分早餐", "food"), ["member.read"], self.ago(2))
        self.ruled(case, self.now, {"member.read": "GRANT"})
        with _out_of_order("G12"):
            self.submitted(self.app(self.offender, "等级问答", "beauty"), ["level.read"], self.now)
        for developer, name in ((self.partner, "入会抽签"), (self.newcomer, "入会转盘")):  # looked at, and failing in the same one item
            case = self.submitted(self.app(developer, name, "apparel"), ["member.read"], self.ago(2))
            looked_at = self.judged(case, self.ago(0.3), forced)
            release_claim(case=case, token=looked_at.token, by=self.reviewer, now=self.ago(0.3))
        # Stopped at the gates, and never submitted.
        stopped = self.draft(self.app(self.newcomer, "珠宝鉴赏会", "jewelry"), ["member.read"], self.ago(1))
        submit(case=stopped, by=self.owners[self.newcomer.pk], now=self.ago(1))
        self.draft(self.app(self.offender, "换季衣橱", "apparel"), ["level.custom"], self.ago(0.5))
        self.draft(self.app(self.settled, "会员穿搭日记", "apparel"), ["member.read"], self.ago(0.5))
        self._custom()
        self._looked_after(partial)
        self._next_table()

    def _sent_back(self, app: App, at: datetime, fail: Mapping[str, tuple[str, str]]) -> Application:
        case = self.submitted(app, ["member.read"], at)
        held = self.judged(case, at + timedelta(hours=2), fail)
        request_changes(case=case, token=held.token, by=self.reviewer, now=at + timedelta(hours=2), message="示例说明：请按原因修改后再次提交。")
        execute(case=case, now=at + timedelta(hours=3))
        return case

    def _answered(self, case: Application, at: datetime) -> None:
        """The developer's second revision: another demo, and the scene told anew."""
        stored = Application.objects.get(pk=case.pk)
        asked = [{**one, "scene": f"{one['scene']}任务完成页展示成长值变化和距下一等级的差距。"} for one in stored.draft["capabilities"]]
        content = {"demo_url": f"{stored.draft['demo_url']}-v2", "capabilities": asked}
        save_draft(case=stored, content=content, draft_version=stored.draft_version, by=self.owners[stored.developer_id], now=at)
        submit(case=stored, by=self.owners[stored.developer_id], now=at)

    def _looked_after(self, partial: Application) -> None:
        """Grants with which something is the matter: suspended, to be looked at again, revocation proposed."""
        suspended = Grant.objects.get(decision__case=partial)
        suspend_grant(grant=suspended, reason="示例理由：演示与线上版本不一致，等待说明。", by=self.senior, now=self.ago(1))
        app = self.app(self.partner, "会员打卡", "books")
        self.in_effect(self.submitted(app, ["member.read", "task.checkin"], self.ago(15)), self.ago(14), {"member.read": "GRANT", "task.checkin": "GRANT"})
        announce_change(app=app, cause=ReReviewCause.DEMO, by=self.owners[self.partner.pk], now=self.ago(3))
        grant = Grant.objects.get(app=app, capability__code="task.checkin")
        propose_revocation(grant=grant, reason="示例理由：签到页面长期无法打开。", by=self.senior, now=self.ago(1))

    def _next_table(self) -> None:
        """A draft of the next opening table. It would turn round the calendar's grant of points."""
        draft = draft_policy(by=self.senior, now=self.ago(1), based_on=self.policy, note=f"{NOTE}，下一版草稿", is_example=True)
        category, capability = Category.objects.get(code="books"), Capability.objects.get(code="points.write")
        set_cell(policy=draft, category=category, capability=capability, openness=CUSTOM, by=self.senior, now=self.ago(1))

    def _enable(self, app: App, at: datetime) -> None:
        """Two stores of each tier that may use a template app, through somebody who may."""
        tiers = tiers_on(clock.local_day(at))
        for tier in TEMPLATE_TIERS:
            stores = Store.objects.filter(merchant__in=[pk for pk, code in tiers.items() if code == tier], status=StoreStatus.OPEN)
            for store in stores.select_related("merchant").order_by("pk")[:2]:
                enable_app(app=app, store=store, by=self._merchant_owner(store.merchant), now=at)

    def _custom(self) -> None:
        """Custom builds for a premium merchant: one confirmed and queued, one waiting for the merchant's word."""
        at = self.with_tiers(1)
        tiers = tiers_on(clock.local_day(at))
        fitting = Merchant.objects.filter(pk__in=[pk for pk, code in tiers.items() if code in CUSTOM_TIERS]).order_by("pk")
        merchant = next((one for one in fitting if one == self.merchant), fitting.first())
        if merchant is None:
            return
        for number, is_confirmed in enumerate((True, False)):
            app = self.app(self.settled, f"品牌成长体系 {number + 1}", "beauty", build=AppBuild.CUSTOM)
            case = self.submitted(app, ["level.custom"], at, merchant=merchant.code)
            if is_confirmed:
                confirm_application(case=case, by=self._merchant_owner(merchant), now=max(at, self.ago(0.5)))

    def _merchant_owner(self, merchant: Merchant) -> User:
        seat = Seat.objects.filter(merchant=merchant, role=Role.MERCHANT_OWNER, all_stores=True, revoked_at=None).select_related("user").first()
        return seat.user if seat else self._person(f"demo-owner-{merchant.pk}", f"{merchant.name}（示例店主）", Role.MERCHANT_OWNER, merchant=merchant)


@contextmanager
def _out_of_order(code: str) -> Iterator[None]:
    """One gate breaks for a moment, as a checker that depends on something might."""
    gate = GATES.get(code)

    def breaks(_facts: Facts) -> list[Finding]:
        raise RuntimeError("out of order, for the demo")

    GATES._entries[code] = replace(gate, check=breaks)
    try:
        yield
    finally:
        GATES._entries[code] = gate
