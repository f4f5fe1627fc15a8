"""Rows of every model of ``applications`` for the access world, made through the services.

Developer A and B have the same cases: a draft that the checks stopped, one in review, changes asked for, refused with a strike and an appeal, granted, held.
A third developer without a mark makes a template app for everybody and a custom build for each merchant, which is marked as that merchant's. What only staff
may read carries the staff's mark, so that no developer's and no merchant's page may show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile

from applications import models
from applications.choices import ITEMS_ONCE, ITEMS_PER_CAPABILITY, AppBuild, AppForm, DemoCover, Item, Openness, ReReviewCause
from applications.models import App, Application, Capability, Category, ChecklistVerdict, DemoFile, Grant, PolicyVersion, Reason
from applications.services.appeals import file_appeal
from applications.services.apps import create_app
from applications.services.clients import create_client_of_app, switch_client_of_app
from applications.services.decide import decide, execute, release_hold, request_changes
from applications.services.enable import enable_app
from applications.services.grants import propose_revocation, suspend_grant
from applications.services.policies import draft_policy, publish_policy, set_cell
from applications.services.re_review import open_re_review
from applications.services.review import add_note, claim
from applications.services.standing import confirm_bar, propose_bar
from applications.services.submit import begin_application, confirm_application, submit, write_to_platform
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import Developer, Merchant, MerchantTier, Store, User
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_developer, make_merchant, make_user

READ, RISKY, SPECIAL = "member.read", "points.write", "level.custom"
NOTHING: Mapping[str, str] = {}
# Rows that hang on a case, on its revision or on its decision.
OF_CASES = {
    models.CaseEvent: "case", models.Revision: "case", models.RequestedCapability: "case", models.GateRun: "case", models.GateResult: "run__case",
    models.Claim: "case", models.ChecklistVerdict: "case", models.Reason: "case", models.InternalNote: "case", models.ApplicantMessage: "case",
    models.Decision: "case", models.DecisionItem: "decision__case", models.Appeal: "case", models.Grant: "decision__case",
    models.ReReview: "grant__decision__case", models.MerchantConfirmation: "case",
}  # fmt: skip


class Applications:
    """Makes the rows. ``marks``: developer A, developer B, merchant A, merchant B, staff, as ``tests/access/world.py`` names them."""

    def __init__(self, world: Any, marks: tuple[str, str, str, str, str]) -> None:
        self.world = world
        self.developer_marks, self.merchant_marks, self.staff_mark = marks[:2], marks[2:4], marks[4]
        self.now = database_now()
        self.reviewer, self.senior, self.admin = (world.users[role] for role in (Role.PLATFORM_REVIEWER, Role.PLATFORM_SENIOR, Role.PLATFORM_ADMIN))

    def ago(self, days: float) -> Any:
        return self.now - timedelta(days=days)

    def make(self) -> None:
        self._catalogue()
        self._third()
        for mark in self.developer_marks:
            self._developer(mark, self.world.rows[Developer][mark][0])
        for mark in self.merchant_marks:
            self._merchant(mark, self.world.rows[Merchant][mark][0])
        self._other_states()

    def _catalogue(self) -> None:
        staff = self.staff_mark
        self.category = Category.objects.create(code="beauty", name="美妆", name_en="Beauty")
        self.capabilities = {
            code: Capability.objects.create(code=code, name=name, name_en=english, is_high_risk=code == RISKY)
            for code, name, english in ((READ, "读取会员", "Read members"), (RISKY, "发放积分", "Issue points"), (SPECIAL, "自定义等级", "Custom levels"))
        }
        # No longer in use: nobody outside is offered them.
        self.world.put(staff, Category.objects.create(code="stopped", name=f"停用{staff}", is_active=False))
        self.world.put(staff, Capability.objects.create(code="stopped", name=f"停用{staff}", is_active=False))
        policy = self._table(based_on=None)
        publish_policy(policy=policy, by=self.admin, now=self.ago(59))
        self.world.put(staff, self._table(based_on=PolicyVersion.objects.get(pk=policy.pk)))
        self.world.put(staff, PolicyVersion.objects.get(pk=policy.pk))
        self.world.put(staff, policy.cells.first())
        self.world.put(staff, models.RuleNumber.objects.create(code="lease_minutes", value=30, changed_by=self.senior, changed_at=self.now))
        self.world.put(staff, models.CalendarDay.objects.create(day="2031-05-05", is_working=False, name=f"假日{staff}"))

    def _table(self, based_on: PolicyVersion | None) -> PolicyVersion:
        policy = draft_policy(by=self.senior, now=self.ago(60), note=f"说明{self.staff_mark}", based_on=based_on)
        if based_on is None:
            for code, openness in ((READ, Openness.OPEN), (RISKY, Openness.OPEN), (SPECIAL, Openness.CUSTOM_ONLY)):
                set_cell(policy=policy, category=self.category, capability=self.capabilities[code], openness=openness, by=self.senior, now=self.ago(60))
        return policy

    def _third(self) -> None:
        """What belongs to nobody in the matrix: a developer, and a premium merchant for whom others build."""
        self.third = make_developer("third", name="共用服务商", contact="third", onboarded_at=self.ago(300))
        self.third_owner = make_user(Role.DEVELOPER_OWNER, developer=self.third, username="third_developer", display_name="共用开发者")
        self.elsewhere = make_merchant("elsewhere", name="别处商家", tier="PREMIUM")
        self.elsewhere_owner = make_user(Role.MERCHANT_OWNER, merchant=self.elsewhere, username="elsewhere_owner", display_name="别处店主")
        app = self.app(self.third, self.third_owner, "template", "共用模板应用")
        self.template = self.granted(self.queued(app, self.third_owner, READ, at=self.ago(40)), self.ago(39)).app

    # --- steps

    def app(self, developer: Developer, by: User, code: str, name: str, build: str = AppBuild.TEMPLATE) -> App:
        return create_app(
            developer=developer, code=f"{developer.code}-{code}", name=name, form=AppForm.MINI_PROGRAM, build=build, category=self.category, by=by,
            now=self.ago(50),
        )  # fmt: skip

    def draft(self, app: App, by: User, *codes: str, at: Any = None, merchant: str = "", **changes: Any) -> Application:
        asked = [{"capability": code, "scene": f"{app.name}第{n}屏用到{code}", "value": f"{app.name}第{n}项好处：{code}"} for n, code in enumerate(codes, 1)]
        content = {
            "contact_name": f"联系{app.name}", "contact_dingtalk": "ding", "merchant": merchant, "audience_group": "" if merchant else f"集团{app.name}",
            "demo_url": f"https://www.yuque.com/demo/{app.code}", "demo_covers": DemoCover.values, "company_intro": f"公司{app.name}",
            "past_cases": f"案例{app.name}", "capabilities": asked,
        }  # fmt: skip
        return begin_application(app=app, by=by, now=at or self.ago(1), content=content | changes)

    def queued(self, app: App, by: User, *codes: str, at: Any = None, merchant: str = "") -> Application:
        case = submit(case=self.draft(app, by, *codes, at=at, merchant=merchant), by=by, now=at or self.ago(1)).case
        assert case.revision is not None, [(result.gate, result.code) for result in case.gate_runs.get().results.exclude(code="")]
        return case

    def judged(self, case: Application, at: Any, fail: str = "") -> int:
        """Claimed and judged; the claim's token. Written at once, because a call for each item takes most of the world's time."""
        held = claim(case=case, by=self.reviewer, now=at)
        common = {"case": case, "revision": case.revision, "judged_by": self.reviewer, "judged_at": at}
        verdicts = [
            ChecklistVerdict(**common, item=item, answer="FAIL" if item == fail else "PASS", parts=[False] * 3 if item == Item.N2 else [])
            for item in ITEMS_ONCE
        ]
        for row in case.revision.requested.all():
            verdicts += [ChecklistVerdict(**common, item=item, capability_id=row.capability_id, answer="PASS") for item in ITEMS_PER_CAPABILITY]
        ChecklistVerdict.objects.bulk_create(verdicts)
        if fail:
            Reason.objects.create(
                case=case, revision=case.revision, rule=fail, fact=f"事实{case.app.name}", fix=f"改法{case.app.name}", written_by=self.reviewer, written_at=at
            )
        return held.token

    def ruled(self, case: Application, at: Any, ruling: str, fail: str = "") -> Application:
        token = self.judged(case, at, fail)
        codes = case.revision.requested.values_list("capability__code", flat=True)
        decide(case=case, token=token, rulings=dict.fromkeys(codes, ruling), by=self.reviewer, now=at, message=f"说明{case.app.name}")
        return case

    def granted(self, case: Application, at: Any) -> Application:
        self.ruled(case, at, "GRANT")
        execute(case=case, now=at + timedelta(hours=1))
        return case

    # --- what each owner has

    def _developer(self, mark: str, developer: Developer) -> None:
        by = self.world.users[Role.DEVELOPER_OWNER] if mark == self.developer_marks[0] else self.world.rows[User][mark][0]
        apps = [self.app(developer, by, str(number), f"应用{mark}{number}") for number in range(6)]
        custom = self.app(developer, by, "custom", f"定制{mark}", AppBuild.CUSTOM)
        demo = DemoFile(
            developer=developer, file_name=f"{mark}.pdf", file_hash="0" * 64, file_size=4, uploaded_by=by, uploaded_at=self.now,
        )  # fmt: skip
        demo.file.save(f"{mark}.pdf", ContentFile(b"%PDF" + mark.encode()), save=True)
        stopped = self.draft(apps[0], by, READ, demo_url="", demo_file=demo.pk, contact_dingtalk="")
        submit(case=stopped, by=by, now=self.ago(1))
        in_review = self.queued(apps[1], by, READ)
        token = self.judged(in_review, self.now)
        # A reason of a review that goes on, a note and a bar that is only proposed: for staff alone.
        Reason.objects.create(
            case=in_review, revision=in_review.revision, rule="M1", fact=f"看到{self.staff_mark}", fix=f"改{self.staff_mark}", written_by=self.reviewer,
            written_at=self.now,
        )  # fmt: skip
        assert token == 1
        add_note(case=in_review, text=f"备注{self.staff_mark}", by=self.reviewer, now=self.now)
        write_to_platform(case=in_review, text=f"留言{mark}", by=by, now=self.now)
        sent_back = self.queued(apps[2], by, READ, at=self.ago(5))
        token = self.judged(sent_back, self.ago(4), "M4")
        request_changes(case=sent_back, token=token, by=self.reviewer, now=self.ago(4), message=f"请改{mark}")
        execute(case=sent_back, now=self.ago(3))
        refused = self.ruled(self.queued(apps[3], by, READ, at=self.ago(10)), self.ago(9), "REFUSE", "N1")
        if refused.decisions.get().status == "HELD":
            release_hold(case=refused, by=self.senior, now=self.ago(8.5))
        execute(case=refused, now=self.ago(8))
        file_appeal(decision=refused.decisions.get(), statement=f"申诉{mark}", by=by, now=self.ago(2))
        if mark != self.developer_marks[0]:  # one appeal that an officer would overturn, which another confirms or drops
            proposal = {"proposed_by": self.senior, "proposed_at": self.now, "proposed_grant": [READ], "proposed_answer": f"答复{self.staff_mark}"}
            models.Appeal.objects.filter(case=refused).update(**proposal)
        # Refused, and not appealed yet. An app that calls the API, and one whose client is switched off.
        later = self.ruled(self.queued(apps[5], by, READ, at=self.ago(7)), self.ago(6), "REFUSE", "M4")
        execute(case=later, now=self.ago(5))
        create_client_of_app(app=custom, by=None, now=self.now)
        create_client_of_app(app=apps[5], by=None, now=self.now)
        switch_client_of_app(app=apps[5], active=False, reason=f"停{mark}", by=by, now=self.now)
        granted = self.queued(custom, by, SPECIAL, at=self.ago(20), merchant=self.elsewhere.code)
        confirm_application(case=granted, by=self.elsewhere_owner, now=self.ago(19))
        granted = Application.objects.select_related("app", "developer", "revision", "merchant").get(pk=granted.pk)
        self.granted(granted, self.ago(18))
        open_re_review(Grant.objects.get(app=custom), ReReviewCause.DEMO, now=self.ago(1))
        held = self.ruled(self.queued(apps[4], by, RISKY), self.now, "GRANT")
        propose_bar(developer=developer, reason=f"禁止{self.staff_mark}", by=self.senior, now=self.now)
        cases = [stopped, in_review, sent_back, refused, later, granted, held]
        for row in (*apps, custom, demo, developer.profile, developer.standing, *developer.strikes.all(), *developer.bars.all()):
            self.world.put(mark, row)
        self._put_cases(mark, cases)
        for notice in developer.notifications.order_by("pk"):
            self.world.put(mark, notice)

    def _merchant(self, mark: str, merchant: Merchant) -> None:
        """A custom build that waits for the merchant's word, and a granted one that its stores use. Merchant B was premium until lately."""
        by = self.world.users[Role.MERCHANT_OWNER] if mark == self.merchant_marks[0] else self.world.rows[User][mark][0]
        app = self.app(self.third, self.third_owner, f"for-{merchant.code}", f"定制{mark}", AppBuild.CUSTOM)
        waiting = self.queued(self.app(self.third, self.third_owner, f"new-{merchant.code}", f"新定制{mark}", AppBuild.CUSTOM), self.third_owner, SPECIAL,
                              at=self.ago(40), merchant=merchant.code)  # fmt: skip
        used = self.queued(app, self.third_owner, SPECIAL, at=self.ago(40), merchant=merchant.code)
        confirm_application(case=used, by=by, now=self.ago(40))
        used = Application.objects.select_related("app", "developer", "revision", "merchant").get(pk=used.pk)
        self.granted(used, self.ago(39))
        for store_mark, rows in list(self.world.rows[Store].items()):
            if rows[0].merchant_id == merchant.pk:
                self.world.put(store_mark, enable_app(app=app, store=rows[0], by=by, now=self.ago(38)))
                self.world.put(store_mark, enable_app(app=self.template, store=rows[0], by=by, now=self.ago(38)))
        self.world.put(mark, app)
        self._put_cases(mark, [waiting, used])
        for notice in models.Notification.objects.filter(merchant=merchant):
            self.world.put(mark, notice)

    def _other_states(self) -> None:
        """Rows on which staff can do what comes second: resume, confirm, lift, onboard."""
        barred, merchant = self.world.rows[Developer][self.developer_marks[1]][0], self.world.rows[Merchant][self.merchant_marks[1]][0]
        suspend_grant(grant=Grant.objects.get(app__developer=barred), reason=f"核查{self.developer_marks[1]}", by=self.senior, now=self.now)
        propose_revocation(grant=Grant.objects.get(app__code=f"third-for-{merchant.code}"), reason=f"核查{self.staff_mark}", by=self.senior, now=self.now)
        confirm_bar(bar=barred.bars.get(), by=self.admin, now=self.now)
        self.world.put(self.staff_mark, make_developer("newcomer", name=f"新来{self.staff_mark}"))

    def _put_cases(self, mark: str, cases: list[Application]) -> None:
        for case in cases:
            self.world.put(mark, Application.objects.get(pk=case.pk))
        for model, path in OF_CASES.items():
            for row in model.objects.filter(**{f"{path}__in": [case.pk for case in cases]}).order_by("pk"):
                self.world.put(mark, row)


def was_premium(merchant: Merchant) -> MerchantTier:
    """An earlier time of a merchant that is something else today."""
    today = database_now().date()
    MerchantTier.objects.filter(merchant=merchant).update(valid_from=today - timedelta(days=20))
    return MerchantTier.objects.create(merchant=merchant, tier="PREMIUM", valid_from="2020-01-01", valid_to=today - timedelta(days=20))
