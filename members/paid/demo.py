"""Example data of paid membership, made through the services and files as people would: a store that sells, its holders, promises, complaints, a sanction.

Everything is invented. Called by the composition root; does nothing where somebody was invited or nominated already.
"""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from backoffice.kernel import clock
from backoffice.kernel.files.services import apply_job, create_job
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.users import create_user, grant_seat
from members.choices import MemberStatus
from members.models import Member
from members.paid.choices import ComplaintStatus, MembershipSource
from members.paid.models import BenefitIssue, BenefitPack, Complaint, Fulfilment, Nomination, PaidMembership, PaidProgram
from members.paid.services.auto_renew import set_consent
from members.paid.services.benefits import save_benefit
from members.paid.services.cancel import cancel
from members.paid.services.complaints import accept_complaint, dismiss_complaint, file_complaint, reply, rule
from members.paid.services.decorations import rule_on_decoration, set_modules, submit_decoration
from members.paid.services.fulfilment import mark_done
from members.paid.services.issue import expire_issues, issue_due, use_issue
from members.paid.services.nominations import invite_store, nominate_store, propose_nomination
from members.paid.services.packs import draft_pack, rule_on_pack, set_pack, submit_pack
from members.paid.services.programs import configure_program, create_program, place_live_card
from members.paid.services.purchases import buy
from members.paid.services.sanctions import impose_sanction

BEGUN, SOLD, LATE_RUN = 150, 120, 45
"""Days ago: the store was invited; its earlier holders came by file; the issue engine ran for the first time, two months late."""
MOST_HOLDERS = 300
BUYERS = 12
CODES = "唱片立减券"


@dataclass(frozen=True)
class Shops:
    """Codes of the stores: one sells, one waits in review, one wishes to, one loses it all to a sanction."""

    selling: str
    in_review: str
    wishing: str
    sanctioned: str


def load_demo(*, now: datetime, shops: Shops, owner: User | None = None) -> dict[str, int]:
    """Make the examples as of ``now``; ``owner`` is the merchant's person of the selling store. Returns what was made, nothing when it was there."""
    if Nomination.objects.exists():
        return {}
    _Stage(now, owner, Store.objects.select_related("merchant").get(code=shops.selling)).play(shops)
    return {
        "programs": PaidProgram.objects.count(),
        "holders": PaidMembership.objects.count(),
        "issues": BenefitIssue.objects.count(),
        "complaints": Complaint.objects.count(),
    }


class _Stage:
    def __init__(self, now: datetime, owner: User | None, selling: Store) -> None:
        self.now, self.selling = now, selling
        self.owner = owner or self._person("demo-store-owner", "示例店长", Role.MERCHANT_OWNER, merchant=selling.merchant)
        self.ops = self._person("demo-member-ops", "示例会员运营", Role.PLATFORM_MEMBER_OPS)
        self.industry = self._person("demo-industry-ops", "示例行业运营", Role.PLATFORM_INDUSTRY_OPS)

    def _person(self, username: str, name: str, role: str, **place: Any) -> User:
        """Somebody whose password nobody knows: an administrator sets one to log in as them."""
        user = create_user(username=username, password=secrets.token_urlsafe(24), display_name=name, by=None, now=self.ago(BEGUN + 1))
        grant_seat(user=user, role=role, by=None, now=self.ago(BEGUN + 1), **place)
        return user

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def play(self, shops: Shops) -> None:
        selling = self.selling
        invite_store(store=selling, reason="老客多，复购稳定", by=self.ops, now=self.ago(BEGUN))
        program = self._open(selling, "云上年卡", Decimal("99.00"), by=self.owner, begun=BEGUN)
        members = list(Member.objects.filter(store=selling, status=MemberStatus.ACTIVE).order_by("pk")[: MOST_HOLDERS + BUYERS])
        buyers, holders = members[:BUYERS], members[BUYERS:]
        self._holders_from_file(program, holders)
        self._buyers(program, buyers)
        self._uses()
        self._renewals(holders)
        self._complaints(program, buyers)
        self._in_review(Store.objects.get(code=shops.in_review))
        wishing = Store.objects.get(code=shops.wishing)
        propose_nomination(store=wishing, reason="门店会员多，想做付费会员", by=None, now=self.ago(3))
        self._sanctioned(Store.objects.get(code=shops.sanctioned))

    # --- the way in

    def _open(self, store: Store, name: str, fee: Decimal, *, by: User | None, begun: float) -> PaidProgram:
        """Drafted, reviewed, configured, decorated, live; a few days apart."""
        pack = self._draft(store, name, fee, by=by, now=self.ago(begun - 2))
        submit_pack(pack=pack, by=by, now=self.ago(begun - 3))
        rule_on_pack(pack=pack, ruling="APPROVED", by=self.ops, now=self.ago(begun - 5))
        program = PaidProgram.objects.get(pk=pack.program_id)
        configure_program(
            program=program, name=name, rank=1, stock_limit=1_000, terms_text="开通后 7 天内未使用任何权益可全额退款。", by=by, now=self.ago(begun - 6)
        )
        keys = list(pack.benefits.order_by("position").values_list("key", flat=True))
        decoration = set_modules(program=program, modules=keys, by=by, now=self.ago(begun - 7))
        submit_decoration(decoration=decoration, by=by, now=self.ago(begun - 7))
        rule_on_decoration(decoration=decoration, ruling="APPROVED", by=self.ops, now=self.ago(begun - 8))
        place_live_card(store=store, placed=True, by=by, now=self.ago(begun - 8))
        return PaidProgram.objects.get(pk=program.pk)

    def _draft(self, store: Store, name: str, fee: Decimal, *, by: User | None, now: datetime) -> BenefitPack:
        program = create_program(store=store, name=name, rank=1, by=by, now=now)
        pack = draft_pack(program=program, by=by, now=now)
        for kind, values in self._benefits(CODES if store == self.selling else ""):
            save_benefit(pack=pack, benefit=None, kind=kind, values=values, by=by, now=now)
        return set_pack(pack=pack, card_fee=fee, term_unit="YEAR", term_days=None, difference="普通会员没有开卡礼、月券和优先购。", by=by, now=now)

    def _benefits(self, pool: str) -> list[tuple[str, dict[str, Any]]]:
        window = {"window_from": self.ago(BEGUN).isoformat(), "window_to": self.ago(-200).isoformat()}
        free = {"value_amount": "0", "cost_amount": "0"}
        return [
            ("OPENING_GIFT", {"key": "gift", "title": "黑胶防尘袋", "gift": "黑胶防尘袋 10 枚", "value_amount": "30.00", "cost_amount": "8.00"}),
            (
                "MONTHLY_COUPON",
                {
                    "key": "coupon", "title": "满 99 减 20 月券", "coupon_amount": "20", "threshold": "99", "expiry": "DAYS", "expiry_days": "30",
                    "code_pool": pool, "value_amount": "20.00", "cost_amount": "10.00",
                },
            ),
            ("EARLY_ACCESS", {"key": "early", "title": "新碟优先购", "activity_id": "HY-1001", "hours_ahead": "24", **free, **window}),
            ("STORE_DISCOUNT", {"key": "discount", "title": "全店 95 折", "activity_id": "DPB-2001", "percent_off": "5", **free, **window}),
            (
                "CUSTOM",
                {
                    "key": "letter", "title": "店主手写荐碟信", "promise": "店主根据购买记录手写一封荐碟信", "delivery": "随包裹寄出", "owner": "客服组",
                    "evidence": "快递单号", "schedule": "AT_ONCE", "deadline_days": "7", "value_amount": "15.00", "cost_amount": "5.00",
                },
            ),
        ]  # fmt: skip

    def _in_review(self, store: Store) -> None:
        nominate_store(store=store, reason="行业标杆，权益包成熟", by=self.industry, now=self.ago(9))
        pack = self._draft(store, "读者卡", Decimal("68.00"), by=None, now=self.ago(4))
        submit_pack(pack=pack, by=None, now=self.ago(2))

    # --- holders

    def _holders_from_file(self, program: PaidProgram, holders: list[Member]) -> None:
        """Terms sold in the old system, and coupon codes; then the issue engine, late: it catches up on two months."""
        began = clock.local_day(self.ago(SOLD))
        rows = ["会员编号,方案名称,订单号,开通日期,到期日期,实付卡费"]
        for number, member in enumerate(holders):
            opened = began - timedelta(days=number % 60)
            # Some end in the days to come: these are reminded, or renew themselves.
            last_day = clock.local_day(self.ago(-(number % 9))) if number % 20 == 0 else ""
            rows.append(f"{member.member_no},{program.name},YS-OLD-{number:04d},{opened},{last_day},{'88.00' if number % 3 else ''}")
        self._file("paid_memberships", "旧系统付费会员.csv", rows, program.store, self.ago(SOLD))
        codes = [f"{CODES},YSLP{number:05d}" for number in range(5 * len(holders) + 10 * BUYERS)]
        self._file("coupon_codes", "唱片立减券.csv", ["券码清单,券码", *codes], program.store, self.ago(SOLD - 1))
        issue_due(now=self.ago(LATE_RUN))

    def _file(self, kind: str, name: str, rows: list[str], store: Store, now: datetime) -> None:
        content = io.BytesIO(("\r\n".join(rows) + "\r\n").encode())
        apply_job(job=create_job(kind=kind, content=content, file_name=name, store=store, console="command", by=None, now=now), now=now)

    def _buyers(self, program: PaidProgram, buyers: list[Member]) -> None:
        """Bought in the shop over the last four weeks: gift and letter at once."""
        for number, member in enumerate(buyers):
            at = self.ago(29.5 - 28 * number / BUYERS)
            order = f"YS-CARD-{number:03d}"
            buy(store=program.store, member=member, program=program, order_no=order, source=MembershipSource.API, paid_at=at, by=None, now=at)
        issue_due(now=self.now)
        letters = Fulfilment.objects.filter(store=program.store).order_by("issue__due_on", "pk")
        for number, letter in enumerate(letters[:5]):  # the rest is due, and what was promised three weeks ago late
            if number % 2 == 0:
                mark_done(fulfilment=letter, evidence=f"快递单号 SF10{number:04d}", by=self.owner, now=self.ago(14 - number))
        expire_issues(now=self.now)

    def _uses(self) -> None:
        """Coupons of those who came by file and gifts of the buyers; the buyers' coupons lapse soon, unused."""
        usable = BenefitIssue.objects.filter(status="ISSUED", expires_on__gt=clock.local_day(self.now))
        gifts = usable.filter(Q(benefit__kind="MONTHLY_COUPON", paid_membership__source=MembershipSource.FILE) | Q(benefit__kind="OPENING_GIFT"))
        for number, issue in enumerate(gifts.order_by("pk")[:120]):
            if number % 3 == 0:
                use_issue(issue=issue, reference=f"D{number:05d}", by=None, now=self.now)

    def _renewals(self, holders: list[Member]) -> None:
        """Three who agreed to renew, of those whose terms end in the days of the notice; one who cancelled."""
        ending = PaidMembership.objects.filter(
            member__in=holders, status="ACTIVE", ends_on__lte=clock.local_day(self.ago(-9)), ends_on__gt=clock.local_day(self.now)
        )
        for membership in ending.order_by("-ends_on", "pk")[:3]:
            set_consent(membership=membership, on=True, by=None, now=self.ago(1))
        last = PaidMembership.objects.filter(member__in=holders, status="ACTIVE", ends_on__gt=clock.local_day(self.ago(-60))).order_by("-pk").first()
        if last is not None:
            cancel(membership=last, reason="搬到外地", by=self.owner, now=self.now)

    # --- complaints

    def _complaints(self, program: PaidProgram, buyers: list[Member]) -> None:
        """One in each state but the proven one, which costs a merchant everything."""
        wanted = [one for one in ComplaintStatus if one != ComplaintStatus.PROVEN]
        for status, member in zip(wanted, buyers, strict=False):
            self._bring_to(self._complain(program, member, self.ago(12)), status)

    def _complain(self, program: PaidProgram, member: Member, at: datetime) -> Complaint:
        issue = BenefitIssue.objects.filter(member=member, benefit__key="letter").select_related("benefit").first()
        return file_complaint(
            store=program.store, member=member, program=program, benefit=issue.benefit if issue else None, issue=issue, text="说好的荐碟信一直没有收到。",
            evidence="客服聊天记录", by=self.ops, now=max(at, self.ago(11)),
        )  # fmt: skip

    def _bring_to(self, complaint: Complaint, status: str) -> None:
        if status == ComplaintStatus.FILED:
            return
        if status == ComplaintStatus.DISMISSED:
            dismiss_complaint(complaint=complaint, verdict="尚在承诺期限内", by=self.ops, now=self.ago(10))
            return
        # What still waits for the merchant was taken up a moment ago.
        accept_complaint(complaint=complaint, by=self.ops, now=self.ago(1) if status == ComplaintStatus.ACCEPTED else self.ago(9))
        if status == ComplaintStatus.ACCEPTED:
            return
        reply(complaint=complaint, text="已补寄，并附上一张明信片。", by=self.owner, now=self.ago(8))
        if status == ComplaintStatus.HONOURED:
            rule(complaint=complaint, status=status, verdict="商家已补寄，会员确认收到", by=self.ops, now=self.ago(6))
        elif status == ComplaintStatus.NOT_PROVEN:
            rule(complaint=complaint, status=status, verdict="快递显示已签收", by=self.ops, now=self.ago(6))

    def _sanctioned(self, store: Store) -> None:
        """A promise that was proven false and not honoured: the merchant loses paid membership, its holders keep theirs."""
        invite_store(store=store, reason="活动期招募", by=self.ops, now=self.ago(60))
        program = self._open(store, "家居卡", Decimal("49.00"), by=None, begun=60)
        members = list(Member.objects.filter(store=store, status=MemberStatus.ACTIVE).order_by("pk")[:5])
        for number, member in enumerate(members):
            at = self.ago(40 - number)
            buy(store=store, member=member, program=program, order_no=f"QH-CARD-{number}", source=MembershipSource.API, paid_at=at, by=None, now=at)
        if members:
            complaint = self._complain(program, members[0], self.ago(12))
            accept_complaint(complaint=complaint, by=self.ops, now=self.ago(10))
            impose_sanction(
                complaint=complaint, verdict="承诺的手写信从未寄出，且未答复", typed_merchant_code=store.merchant.code, by=self.ops, now=self.ago(2)
            )
