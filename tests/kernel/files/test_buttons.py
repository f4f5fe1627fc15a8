"""The standard import and export buttons: the same engine and columns as everywhere, rows in reach only, nothing that runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from openpyxl import load_workbook

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.files.choices import BadRows, JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.services import apply_job, check_job, request_apply
from backoffice.kernel.tenancy.models import Seat, Store, User
from backoffice.kernel.tenancy.roles import Role
from members.models import CreditLot, Member, OrderLine
from tests.factories import NOON, make_level, make_member, make_merchant, make_store, make_user
from tests.loading import csv_of, load, outcome, problems
from tests.members.ledger import yuan

pytestmark = pytest.mark.django_db

CSV, GB18030, XLSX = "0", "1", "2"
CREDIT = csv_of("member_no,source_no,principal_amount,bonus_amount,opened_at,expires_at", "M1,A1,100,20,2026-01-05 08:30,2027-01-05", "M1,A2,0.50,,,")


@pytest.fixture
def store() -> Store:
    return make_store("YS01", merchant=make_merchant("YUNSHANG"))


@pytest.fixture
def owner(store: Store) -> User:
    return make_user(Role.MERCHANT_OWNER, merchant=store.merchant)


def client_of(user: User) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    return client


def hand_in(user: User, screen: str, text: str | bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile("file.csv", text if isinstance(text, bytes) else text.encode())
    return client_of(user).post(reverse(f"{screen}_import"), {"resource": "0", "import_file": file, **fields})


def export(user: User, screen: str, file_format: str = CSV, query: str = "") -> bytes:
    answer = client_of(user).post(reverse(f"{screen}_export") + query, {"resource": "0", "format": file_format})
    assert answer.status_code == 200, answer.status_code
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content)


def rows_of(content: bytes, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(encoding))))


def lots_of(store: Store) -> list[tuple[Any, ...]]:
    columns = ("account__member__member_no", "source_no", "principal_amount", "bonus_amount", "expires_at")
    return list(CreditLot.objects.filter(store=store).order_by("source_no").values_list(*columns))


def test_a_file_gives_the_same_rows_through_the_button_and_the_command(store: Store, owner: User) -> None:
    twin = make_store("YS02", merchant=store.merchant)
    for one in (store, twin):
        make_member(one, "M1")
    answer = hand_in(owner, "merchant:members_creditlot", CREDIT, store="YS01")

    job = ImportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, reverse("merchant:files_importjob_change", args=[job.pk]))
    assert (job.kind, job.store, job.console, job.uploaded_by, job.status) == ("credit", store, "merchant", owner, JobStatus.UPLOADED)
    assert not CreditLot.objects.exists(), "nothing is written before it was looked at"
    check_job(job=job, now=NOON)
    job.refresh_from_db()
    request_apply(job=job, on_bad_rows=BadRows.ABORT, control_total=yuan("120.50"), by=owner, now=NOON)
    by_button = apply_job(job=job, now=NOON)
    by_command = load("credit", CREDIT, store=twin, total="120.50")

    assert outcome(by_button) == outcome(by_command) == {"status": "APPLIED", "created": 2}
    assert lots_of(store) == lots_of(twin) != []


def test_a_store_that_is_not_the_users_is_answered_like_none(store: Store, owner: User) -> None:
    make_store("HS01")
    answers = [hand_in(owner, "merchant:members_member", csv_of("member_no", "M1"), store=code) for code in ("HS01", "NONE")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.context["form"].errors["store"] for answer in answers] == [["没有这家店铺，请检查店铺编码。"]] * 2
    assert not ImportJob.objects.exists()


def test_a_file_that_was_applied_is_told_on_the_form(store: Store, owner: User) -> None:
    text = csv_of("member_no", "M1")
    load("members", text, store=store)
    answer = hand_in(owner, "merchant:members_member", text, store="YS01")
    assert answer.context["form"].errors["import_file"]
    assert ImportJob.objects.count() == 1


@pytest.mark.parametrize("screen", ["members_member", "members_creditlot", "members_orderline"])
@pytest.mark.parametrize("act", ["import", "export"])
def test_an_analyst_reads_the_list_but_has_no_button(store: Store, screen: str, act: str) -> None:
    analyst = make_user(Role.MERCHANT_ANALYST, merchant=store.merchant)
    client = client_of(analyst)
    page = client.get(reverse(f"merchant:{screen}_changelist"))
    assert (page.status_code, reverse(f"merchant:{screen}_{act}") in page.content.decode()) == (200, False)
    assert client.get(reverse(f"merchant:{screen}_{act}")).status_code == 403
    assert client.post(reverse(f"merchant:{screen}_{act}"), {"resource": "0", "format": CSV}).status_code == 403


def test_the_buttons_stand_on_the_list_and_lead_to_pages(store: Store, owner: User) -> None:
    client = client_of(owner)
    page = client.get(reverse("merchant:members_member_changelist")).content.decode()
    for act in ("import", "export"):
        address = reverse(f"merchant:members_member_{act}")
        assert address in page
        shown = client.get(address).content.decode()
        assert "会员编号" in shown
        assert "手机号" in shown


def test_the_librarys_own_confirm_step_is_gone() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("merchant:members_member_process_import")


def test_an_export_holds_the_rows_in_reach_with_phones_masked(store: Store, owner: User) -> None:
    member = make_member(store, "M1", nickname="小林", phone="15400000001", level=make_level(store, "金卡"), growth=7, consent_source="MEMBER")
    make_member(make_store("HS01"), "FOREIGN", nickname="外人", phone="15400000002")
    content = export(owner, "merchant:members_member")

    assert content.startswith(b"\xef\xbb\xbf")
    assert b"FOREIGN" not in content
    assert b"15400000001" not in content
    [row] = rows_of(content)
    assert row["隐去的手机号"] == "154****0001"
    assert {name: row[name] for name in ("店铺编码", "会员编号", "昵称", "等级", "成长值", "入会时间", "营销同意")} == {
        "店铺编码": "YS01", "会员编号": "M1", "昵称": "小林", "等级": "金卡", "成长值": "7", "入会时间": "2026-11-22 12:00:00", "营销同意": "1",
    }  # fmt: skip
    event = AuditEvent.objects.get(verb="list.exported")
    assert (event.actor, event.facts["list"], event.facts["rows"], event.facts["format"]) == (owner, "members.member", 1, "CSV")
    assert member.nickname not in str(event.facts)


def test_a_seat_for_one_store_exports_only_that_one(store: Store) -> None:
    other = make_store("YS02", merchant=store.merchant)
    make_member(store, "M1")
    make_member(other, "M2")
    operator = make_user(Role.MERCHANT_OPERATOR, merchant=store.merchant, stores=[other])
    assert [row["会员编号"] for row in rows_of(export(operator, "merchant:members_member"))] == ["M2"]


def test_an_analysts_store_is_seen_but_not_exported(store: Store) -> None:
    """Operator of one merchant, analyst of another: the list shows both, the file holds what the operator's seat may take out."""
    other = make_store("HS01")
    make_member(store, "M1")
    make_member(other, "M2")
    user = make_user(Role.MERCHANT_OPERATOR, merchant=store.merchant)
    Seat.objects.create(user=user, role=Role.MERCHANT_ANALYST, merchant=other.merchant, all_stores=True)
    assert "M2" in client_of(user).get(reverse("merchant:members_member_changelist")).content.decode()
    assert [row["会员编号"] for row in rows_of(export(user, "merchant:members_member"))] == ["M1"]


def test_an_export_follows_the_filters_of_the_list(store: Store, owner: User) -> None:
    make_member(store, "M1")
    make_member(store, "M2", status="FROZEN")
    assert [row["会员编号"] for row in rows_of(export(owner, "merchant:members_member", query="?status__exact=FROZEN"))] == ["M2"]


@pytest.mark.parametrize("nickname", ["=1+1", "+86", "-2", "@SUM(A1)", "＝cmd", "\tx"])
def test_no_cell_of_an_export_runs_as_a_formula(store: Store, owner: User, nickname: str) -> None:
    make_member(store, "M1", nickname=nickname)
    assert rows_of(export(owner, "merchant:members_member"))[0]["昵称"] == f"'{nickname}"
    book = load_workbook(io.BytesIO(export(owner, "merchant:members_member", XLSX)))
    assert [cell.data_type for cell in next(book.active.iter_rows(min_row=2, min_col=3, max_col=3))] == ["s"]


def test_formats(store: Store, owner: User) -> None:
    make_member(store, "M1", nickname="龘𠀀")
    load("credit", CREDIT, store=store, total="120.50")
    assert rows_of(export(owner, "merchant:members_member", GB18030), "gb18030")[0]["昵称"] == "龘𠀀"
    sheet = load_workbook(io.BytesIO(export(owner, "merchant:members_creditlot", XLSX))).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["店铺编码", "会员编号", "充值单号", "本金", "权益金", "充值时间", "到期时间"],
        ["YS01", "M1", "A1", 100, 20, "2026-01-05 08:30:00", "2027-01-06 00:00:00"],
        ["YS01", "M1", "A2", 0.5, 0, "2026-11-22 12:00:00", None],
    ]


@pytest.mark.parametrize(
    ("screen", "kind", "model"), [("members_member", "members", Member), ("members_creditlot", "credit", CreditLot), ("members_orderline", "orders", OrderLine)]
)
def test_an_export_comes_back_unchanged(store: Store, owner: User, screen: str, kind: str, model: Any) -> None:
    make_member(store, "M1", nickname="小林", phone="15400000001", birthday="1990-05-01", consent_source="MEMBER")
    load("members", csv_of("member_no,nickname,tags,level", "M2,=1+1,老客;VIP,金卡"), store=make_level(store).store)
    load("credit", CREDIT, store=store, total="120.50")
    load("orders", csv_of("order_no,member_no,paid_at,amount,refunded_amount,refunded_at", "D1,M1,2026-01-05,10,4,2026-01-06"), store=store)
    before = list(model.objects.order_by("pk").values())

    job = load(kind, export(owner, f"merchant:{screen}"), total="120.50" if kind == "credit" else None)
    assert problems(job) == []
    assert (job.status, job.bad_count, job.updated_count, job.created_count, job.unchanged_count) == ("APPLIED", 0, 0, 0, len(before))
    assert list(model.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("screen", ["members_member", "members_creditlot", "members_orderline"])
def test_one_row_and_three_rows_take_the_same_queries(store: Store, owner: User, screen: str) -> None:
    def queries(rows: int) -> int:
        for number in range(rows):
            code = f"{rows}{number}"
            make_member(store, f"M{code}", level=make_level(store, f"L{code}", int(code)))
            load("members", csv_of("member_no,tags", f"M{code},甲;乙"), store=store)
            load("credit", csv_of("member_no,source_no,principal_amount", f"M{code},A{code},1"), store=store, total="1")
            load("orders", csv_of("order_no,member_no,paid_at,amount", f"D{code},M{code},2026-01-05,1"), store=store)
        client = client_of(owner)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = client.post(reverse(f"merchant:{screen}_export"), {"resource": "0", "format": CSV})
            assert len(rows_of(b"".join(answer.streaming_content))) == (1 if rows == 1 else 4)
        return len(captured)

    assert queries(1) == queries(3)


def test_the_stores_list_has_its_buttons_for_administrators() -> None:
    make_store("S1", merchant=make_merchant("A"), gateway_secret="s3cret-of-the-store", name="店")
    admin = make_user(Role.PLATFORM_ADMIN)
    content = export(admin, "platform:tenancy_store")
    assert b"s3cret" not in content
    assert [(row["商家编码"], row["店铺编码"], row["店铺名称"]) for row in rows_of(content)] == [("A", "S1", "店")]
    assert hand_in(admin, "platform:tenancy_store", csv_of("merchant,store,name", "A,S2,二店")).status_code == 302
    assert ImportJob.objects.get().kind == "stores"
