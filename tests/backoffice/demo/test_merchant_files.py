"""The demo's files hold what their manifest says, in forms that real merchants' files have."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from backoffice.demo.cdnow import SOURCE_PATH
from backoffice.demo.manifest import Manifest
from backoffice.demo.merchant_files import write_files
from tests.backoffice.demo.reading import CHINESE, COLUMNS, ENGLISH, REQUIRED, read_table, to_day, to_moment, to_money, to_phone

TODAY = date(2026, 11, 23)
DUE_BEFORE = time(14, 20)
PHONE = re.compile(r"1[3-9][0-9]{9}")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Manifest:
    """The whole demo, as ``make demo`` writes it."""
    return write_files(tmp_path_factory.mktemp("demo"), TODAY, due_before=DUE_BEFORE, gateway_url="http://127.0.0.1:8025/messages")


@pytest.fixture(scope="module")
def tables(manifest) -> dict[str, list[dict]]:
    """Rows of each main file by its name."""
    return {entry.name: read_table(manifest.path(entry), entry.encoding)[1] for entry in manifest.files}


@pytest.fixture(scope="module")
def source() -> list[dict[str, str]]:
    with gzip.open(SOURCE_PATH, "rt", newline="") as lines:
        return list(csv.DictReader(lines))


def rows_of(manifest, tables, kind):
    """(store, row) of all files of one kind."""
    return [(entry.store, row) for entry in manifest.of_kind(kind) for row in tables[entry.name]]


def test_every_file_has_the_declared_rows_and_only_columns_of_its_kind(manifest):
    assert Counter(entry.kind for entry in manifest.files) == {"stores": 1, "members": 14, "credit": 14, "orders": 14}
    for entry in (*manifest.files, *manifest.extra_files):
        header, rows = read_table(manifest.path(entry), entry.encoding)
        assert len(rows) == entry.rows > 0, entry.name
        assert set(header) <= CHINESE.keys() or set(header) <= ENGLISH, entry.name
        columns = {CHINESE.get(name, name) for name in header}
        assert len(columns) == len(header)
        assert REQUIRED[entry.kind] <= columns <= COLUMNS[entry.kind], entry.name


def test_the_encodings_are_those_of_real_files(manifest):
    assert {entry.encoding for entry in manifest.files} == {"utf-8", "utf-8-sig", "gb18030", "utf-16", "xlsx"}
    four_bytes = re.compile(rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]")
    for entry in manifest.files:
        content = manifest.path(entry).read_bytes()
        beginning = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": (b"\xff\xfe", b"\xfe\xff"), "xlsx": b"PK\x03\x04"}.get(entry.encoding)
        if beginning:
            assert content.startswith(beginning), entry.name
        else:
            assert not content.startswith((b"\xef\xbb\xbf", b"\xff\xfe")), entry.name
        if entry.encoding == "gb18030":
            with pytest.raises(UnicodeDecodeError):
                content.decode("utf-8")
            if entry.kind == "members":
                assert four_bytes.search(content), entry.name


def test_rare_characters_and_compound_surnames_are_among_the_names(manifest, tables):
    nicknames = [row["nickname"] for _, row in rows_of(manifest, tables, "members")]
    assert any("㐀" in name for name in nicknames)
    assert any("𠀀" in name for name in nicknames)
    assert any(name.startswith(("欧阳", "上官", "司马", "诸葛")) for name in nicknames)


def test_every_customer_is_a_member_under_one_phone_that_nobody_else_has(manifest, tables, source):
    phones_by_store = defaultdict(list)
    birthdays = defaultdict(set)
    for store, row in rows_of(manifest, tables, "members"):
        phone = to_phone(row["phone"])
        assert PHONE.fullmatch(phone)
        assert phone.startswith("154"), "a prefix that no operator has"
        phones_by_store[store].append(phone)
        birthdays[phone].add(to_day(row["birthday"]))
    for store, phones in phones_by_store.items():
        assert len(set(phones)) == len(phones), store
    assert all(len(days - {None}) <= 1 for days in birthdays.values()), "one phone, two birthdays"
    assert len(birthdays) == len({row["customer"] for row in source}) == 23_570 == manifest.people
    assert sum(len(phones) for phones in phones_by_store.values()) == manifest.members > 23_570


def test_some_people_are_members_of_more_stores_than_the_platform_cap(manifest, tables):
    stores_of = Counter(to_phone(row["phone"]) for _, row in rows_of(manifest, tables, "members"))
    assert max(stores_of.values()) == 12
    assert sum(1 for count in stores_of.values() if count > 10) >= 20


def test_member_numbers_are_unique_in_a_store(manifest, tables):
    for entry in manifest.of_kind("members"):
        numbers = [row["member_no"] for row in tables[entry.name]]
        assert len(set(numbers)) == len(numbers)


def test_every_purchase_is_an_order_row_and_the_yuan_add_up(manifest, tables, source):
    orders = rows_of(manifest, tables, "orders")
    dollars = sum((Decimal(row["dollars"]) for row in source), Decimal(0))
    assert len(orders) == len(source) == 69_659 == manifest.orders
    assert sum(to_money(row["amount"]) for _, row in orders) == dollars * 7
    for entry in manifest.of_kind("orders"):
        assert sum(to_money(row["amount"]) for row in tables[entry.name]) == entry.amount_total, entry.name


def test_the_last_purchase_is_today_and_nothing_lies_in_the_future(manifest, tables, source):
    shift = TODAY - date.fromisoformat(max(row["date"] for row in source))
    expected_days = Counter(date.fromisoformat(row["date"]) + shift for row in source)
    latest = datetime.combine(TODAY, DUE_BEFORE)
    orders = rows_of(manifest, tables, "orders")
    assert Counter(to_day(row["paid_at"]) for _, row in orders) == expected_days
    for _, row in orders:
        assert to_moment(row["paid_at"]) <= latest
        refunded_at = to_moment(row["refunded_at"])
        assert refunded_at is None or to_moment(row["paid_at"]) < refunded_at <= latest
    assert all(to_moment(row["joined_at"]) <= latest for _, row in rows_of(manifest, tables, "members"))
    assert all(to_moment(row["opened_at"]) <= latest for _, row in rows_of(manifest, tables, "credit"))


def test_order_amounts_fit_together(manifest, tables):
    used = refunded = 0
    for _, row in rows_of(manifest, tables, "orders"):
        amount = to_money(row["amount"])
        assert 0 <= to_money(row["credit_used"]) <= amount
        assert 0 <= to_money(row["refunded_amount"]) <= amount
        assert (to_money(row["refunded_amount"]) > 0) == (to_moment(row["refunded_at"]) is not None)
        used += to_money(row["credit_used"]) > 0
        refunded += to_money(row["refunded_amount"]) > 0
    assert used > 1000
    assert refunded > 500


def test_orders_name_members_of_the_store_or_strangers_by_phone(manifest, tables):
    walk_ins = 0
    for entry in manifest.of_kind("orders"):
        members = {row["member_no"]: to_phone(row["phone"]) for row in tables[entry.name.replace("orders", "members")]}
        keys = [(row["order_no"], row.get("line_no", "1")) for row in tables[entry.name]]
        assert len(set(keys)) == len(keys), entry.name
        for row in tables[entry.name]:
            if row["member_no"]:
                assert row["member_no"] in members
                assert not row.get("identity_kind")
            else:
                assert row["identity_kind"] == "phone"
                assert PHONE.fullmatch(row["identity_value"])
                assert row["identity_value"] not in members.values()
                walk_ins += 1
    assert walk_ins > 100


def test_control_totals_are_the_files_sums_to_the_fen(manifest, tables):
    for entry in manifest.of_kind("credit"):
        rows = tables[entry.name]
        assert sum(to_money(row["principal_amount"]) + to_money(row["bonus_amount"]) for row in rows) == entry.control_total, entry.name
        assert all(to_money(row["principal_amount"]) > 0 for row in rows)
    assert sum(entry.control_total for entry in manifest.of_kind("credit")) == manifest.credit_total > 1_000_000
    assert manifest.credit_total.as_tuple().exponent == -2
    assert all(entry.control_total is None for entry in manifest.files if entry.kind != "credit")


def test_credit_belongs_to_members_and_ends_after_it_began(manifest, tables):
    kinds = Counter()
    expired = Decimal(0)
    for entry in manifest.of_kind("credit"):
        members = {row["member_no"]: to_day(row["joined_at"]) for row in tables[entry.name.replace("credit", "members")]}
        sources = [row["source_no"] for row in tables[entry.name]]
        assert len(set(sources)) == len(sources), entry.name
        for row in tables[entry.name]:
            opened_on, expires_on = to_day(row["opened_at"]), to_day(row["expires_at"])
            assert members[row["member_no"]] <= opened_on
            assert expires_on is None or opened_on <= expires_on
            kinds[kind_of_expiry(expires_on)] += 1
            if expires_on and expires_on < TODAY:
                expired += to_money(row["principal_amount"]) + to_money(row["bonus_amount"])
    assert all(kinds[kind] > 500 for kind in ("over", "soon", "later", "never")), kinds
    assert expired == manifest.credit_expired == manifest.credit_total - manifest.credit_live


def kind_of_expiry(expires_on: date | None) -> str:
    if expires_on is None:
        return "never"
    if expires_on < TODAY:
        return "over"
    return "soon" if expires_on <= TODAY + timedelta(days=7) else "later"


def test_the_expected_reminders_follow_from_the_files_alone(manifest, tables):
    reminding = {row["store"] for _, row in rows_of(manifest, tables, "stores") if row["reminders"] == "是"}
    assert len(reminding) == 13
    due, cards_of = Counter(), Counter()
    for entry in manifest.of_kind("credit"):
        if entry.store not in reminding:
            continue
        phones = {row["member_no"]: to_phone(row["phone"]) for row in tables[entry.name.replace("credit", "members")]}
        expiries = defaultdict(set)
        for row in tables[entry.name]:
            expiries[row["member_no"]].add(kind_of_expiry(to_day(row["expires_at"])))
        for member_no, kinds in expiries.items():
            if kinds != {"over"}:
                due["EXPIRY_REMINDER" if "soon" in kinds else "BALANCE_REMINDER"] += 1
                cards_of[phones[member_no]] += 1
    held_back = sum(max(0, cards - 10) for cards in cards_of.values())
    assert manifest.expected.due == due
    assert manifest.expected.platform_cap == held_back > 40
    assert manifest.expected.sent == due.total() - held_back


def test_stores_file_lists_every_store_with_its_gateway(manifest, tables):
    rows = tables["stores.csv"]
    assert len({row["merchant"] for row in rows}) == manifest.merchants >= 5
    assert len({row["store"] for row in rows}) == len(rows) == manifest.stores >= 12
    assert {row["gateway_url"] for row in rows} == {"http://127.0.0.1:8025/messages"}
    assert {row["store"]: row["gateway_secret"] for row in rows if row["gateway_secret"]} == manifest.gateway_secrets
    assert 0 < len(manifest.gateway_secrets) < len(rows)
    assert {row["tier"] for row in rows} == {"PREMIUM", "POTENTIAL", "STANDARD", "优质商家", "潜力商家", "普通商家"}


@pytest.mark.parametrize("due_before", [time(0, 0), time(0, 7), time(14, 20), time(23, 59)])
def test_send_times_are_past_whatever_the_hour(tmp_path, due_before):
    manifest = write_files(tmp_path, TODAY, due_before=due_before, customers=50)
    rows = read_table(tmp_path / "stores.csv", "utf-8-sig")[1]
    assert all(re.fullmatch(r"[0-2][0-9]:[0-5][0-9]", row["reminder_time"]) for row in rows)
    assert max(time.fromisoformat(row["reminder_time"]) for row in rows) <= due_before
    assert manifest.orders == sum(entry.rows for entry in manifest.of_kind("orders"))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    def contents(name: str, seed: int) -> dict[str, bytes]:
        write_files(tmp_path / name, TODAY, seed, customers=300)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    first = contents("first", 1)
    assert len(first) == 44
    assert contents("second", 1) == first
    other = contents("third", 2)
    assert other.keys() == first.keys()
    assert all(other[name] != first[name] for name in first)


def test_manifest_as_json_is_plain_and_keeps_the_secrets(manifest):
    text = json.dumps(manifest.as_json(), ensure_ascii=False)
    assert json.loads(text)["credit_total"] == str(manifest.credit_total)
    assert json.loads(text)["expected"]["sent"] == manifest.expected.sent
    assert not any(secret in text for secret in manifest.gateway_secrets.values())
    assert not any(secret in repr(manifest) for secret in manifest.gateway_secrets.values())


def test_gateway_secrets_are_written_for_the_owner_only(manifest, tmp_path: Path):
    path = tmp_path / "secrets.json"
    manifest.write_gateway_secrets(path, "platform-secret")
    assert json.loads(path.read_text()) == {"default": "platform-secret", "stores": manifest.gateway_secrets}
    assert path.stat().st_mode & 0o077 == 0
