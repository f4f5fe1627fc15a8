"""Import of a member file: ours, beside raw COPY of the clean rows into the same tables, and django-import-export, stock and tuned.

``python -m benchmarks.import_members [--rows 200000] [--rounds 3] [--peer-rows 30000]`` prints a table and one line of JSON. Everything runs in a
scratch database that is made and dropped. The file has one bad row in a hundred and its rows are in no order. Raw COPY loads the rows that ours
produced, in the order of the file, into person, identity and member with all their indexes and keys. Ours is timed from the stored file to the
commit, in a process of its own whose peak memory is told.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._scratch import scratch_database

HEADER = ["店铺编码", "会员编号", "昵称", "手机号", "入会时间", "生日", "等级", "成长值", "入会渠道", "营销同意"]
TABLES = ("members_person", "members_identity", "members_member")
MEMBER_COLUMNS = (
    "id, store_id, person_id, member_no, nickname, phone_encrypted, phone_hash, phone_masked, birthday, joined_at, join_channel, join_scene, level_id, growth, "
    "status, marketing_consent, consent_source, consent_version, consent_at, credit_cards_on, language, created_at, updated_at"
)
STORE, LEVELS = "BENCH", ("普通", "高级", "VIP")


def write_file(path: Path, rows: int, *, changed: float = 0, seed: int = 7) -> int:
    """A member file in random order; growth is the row's place in the file. Returns the number of bad rows."""
    dice = random.Random(seed)  # noqa: S311 - the same file every time
    order = list(range(rows))
    dice.shuffle(order)
    again = random.Random(seed + 1)  # noqa: S311
    bad = 0
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(HEADER)
        for place, number in enumerate(order):
            phone, joined, level = (
                f"1{30 + number // 10**8}{number % 10**8:08}",
                f"20{number % 25:02}-{number % 12 + 1:02}-{number % 28 + 1:02} {number % 24:02}:30:00",
                LEVELS[number % 3],
            )
            nickname = f"会员{number}" if again.random() >= changed else f"新名{number}"
            if place % 100 == 50:
                bad += 1
                mistake = place // 100 % 4
                phone = "1234" if mistake == 0 else phone
                joined = "05/01/2026" if mistake == 1 else joined
                level = "没有" if mistake == 2 else level
                nickname = "x" * 300 if mistake == 3 else nickname
            consent = ("1", "0", "")[number % 3]
            writer.writerow([STORE, f"M{number:08}", nickname, phone, joined, f"19{60 + number % 40}-0{number % 9 + 1}-15", level, place, "门店", consent])
    return bad


def execute(sql: str) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


def empty_tables() -> None:
    tables = "members_person, members_identity, members_member, members_membertag, members_tag, files_importjob, files_importproblem"
    execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    execute("CHECKPOINT")


def make_tenant() -> None:
    from backoffice.kernel.tenancy.models import Merchant, Store
    from members.models import Level

    store = Store.objects.create(code=STORE, name="Bench", merchant=Merchant.objects.create(code="bench", name="Bench"))
    Level.objects.bulk_create(Level(store=store, name=name, threshold=place * 1000) for place, name in enumerate(LEVELS))


def ours(path: Path, *, dry_run: bool = False) -> dict[str, Any]:
    """Import ``path`` in a process of its own -> seconds, figures and peak memory in MB."""
    from django.db import connection

    settings = connection.settings_dict
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    url = f"postgres://{settings['USER']}{password}@{str(settings['HOST']).replace('/', '%2F')}{port}/{settings['NAME']}"
    arguments = [sys.executable, "-m", "benchmarks.import_members", "--child", str(path), *(["--dry-run"] if dry_run else [])]
    connection.close()
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, env=os.environ | {"DATABASE_URL": url})
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def child(path: Path, *, dry_run: bool) -> None:
    import django

    django.setup()
    from backoffice.kernel import clock
    from backoffice.kernel.files.services import apply_job, check_job, create_job

    began = time.perf_counter()
    now = clock.database_now()
    with path.open("rb") as content:
        job = create_job(kind="members", content=content, file_name=path.name, store=None, console="command", by=None, now=now, on_bad_rows="skip")
    job = (check_job if dry_run else apply_job)(job=job, now=now)
    seconds = time.perf_counter() - began
    figures = {"created": job.created_count, "updated": job.updated_count, "unchanged": job.unchanged_count, "bad": job.bad_count, "status": job.status}
    print(json.dumps({"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "rows": job.rows_total, **figures}))


def keep_clean_rows(folder: Path) -> dict[str, Path]:
    """The rows ours produced, as files for raw COPY, each in the order of the file that was imported."""
    from django.db import connection

    queries = {
        "members_person (id, merged_into_id, created_at)": (
            "SELECT p.id, p.merged_into_id, p.created_at FROM members_person p JOIN members_member m ON m.person_id = p.id ORDER BY m.growth"
        ),
        "members_identity (id, value_hash, value_masked, seen_at, ended_at, kind_id, person_id)": (
            "SELECT i.id, i.value_hash, i.value_masked, i.seen_at, i.ended_at, i.kind_id, i.person_id "
            "FROM members_identity i JOIN members_member m ON m.person_id = i.person_id ORDER BY m.growth"
        ),
        f"members_member ({MEMBER_COLUMNS})": f"SELECT {MEMBER_COLUMNS} FROM members_member ORDER BY growth",  # noqa: S608
    }
    files = {}
    for target, query in queries.items():
        files[target] = folder / f"{target.partition(' ')[0]}.copy"
        with connection.cursor() as cursor, files[target].open("wb") as kept, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
            for piece in copy:
                kept.write(piece)
    return files


def raw_copy(files: dict[str, Path]) -> float:
    from django.db import connection, transaction

    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for target, path in files.items():
            with path.open("rb") as kept, cursor.copy(f"COPY {target} FROM STDIN") as copy:
                while piece := kept.read(1 << 18):
                    copy.write(piece)
    return time.perf_counter() - began


def import_export(path: Path, *, tuned: bool) -> float:
    """The same file through django-import-export with the same work: person by phone, identity, encrypted phone, level, consent."""
    import tablib
    from import_export import fields, resources, widgets
    from import_export.instance_loaders import CachedInstanceLoader

    from backoffice.kernel import clock
    from backoffice.kernel.files.columns import LocalMoment, Phone
    from backoffice.kernel.secrets import encrypt, lookup_hash, mask_phone
    from backoffice.kernel.tenancy.models import Store
    from members.models import Identity, Level, Member, Person

    now = clock.database_now()

    class MomentWidget(widgets.Widget):
        def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
            return LocalMoment().clean(value)

    class CachedForeignKey(widgets.ForeignKeyWidget):
        def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
            if not hasattr(self, "known"):
                self.known = {getattr(found, self.field): found for found in self.model.objects.all()}
            return self.known[value]

    key = CachedForeignKey if tuned else widgets.ForeignKeyWidget

    class MemberResource(resources.ModelResource):
        store = fields.Field("store", "店铺编码", widget=key(Store, "code"))
        member_no = fields.Field("member_no", "会员编号")
        nickname = fields.Field("nickname", "昵称")
        joined_at = fields.Field("joined_at", "入会时间", widget=MomentWidget())
        birthday = fields.Field("birthday", "生日", widget=widgets.DateWidget())
        level = fields.Field("level", "等级", widget=key(Level, "name"))
        growth = fields.Field("growth", "成长值", widget=widgets.IntegerWidget())
        join_channel = fields.Field("join_channel", "入会渠道")

        class Meta:
            model = Member
            import_id_fields = ("member_no",)
            fields = ("store", "member_no", "nickname", "joined_at", "birthday", "level", "growth", "join_channel")
            use_bulk = tuned
            batch_size = 1000
            skip_diff = tuned
            clean_model_instances = not tuned
            if tuned:
                instance_loader_class = CachedInstanceLoader

        def before_import(self, dataset: Any, **kwargs: Any) -> None:
            self.people: dict[bytes, Person] = {}
            if tuned:
                hashes = [lookup_hash("phone", phone) for phone in dataset["手机号"] if len(phone) == 11]
                people = Person.objects.bulk_create([Person(created_at=now) for _ in hashes], batch_size=1000)
                self.people = dict(zip(hashes, people, strict=True))
                Identity.objects.bulk_create(
                    [Identity(kind_id="phone", value_hash=value, value_masked="", person=person) for value, person in self.people.items()], batch_size=1000
                )

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            phone = Phone().clean(row["手机号"])
            value = lookup_hash("phone", phone)
            if not instance.person_id:
                if value not in self.people:
                    known = Identity.objects.filter(kind_id="phone", value_hash=value, ended_at=None).first()
                    person = known.person if known else Person.objects.create()
                    if known is None:
                        Identity.objects.create(kind_id="phone", value_hash=value, value_masked=mask_phone(phone), person=person)
                    instance.person = person
                else:
                    instance.person = self.people[value]
            instance.phone_encrypted, instance.phone_hash, instance.phone_masked = encrypt(phone), value, mask_phone(phone)
            instance.consent_at = now

        def get_instance(self, instance_loader: Any, row: Any) -> Any:
            return instance_loader.get_instance(row)

        def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            super().import_instance(instance, row, **kwargs)
            if not tuned:
                # validation runs before before_save_instance and asks for these
                instance.consent_at = now

        def validate_instance(self, instance: Any, *args: Any, **kwargs: Any) -> None:
            instance.clean_fields(exclude=["person", "consent_at"])

    with path.open(encoding="utf-8", newline="") as source:
        rows = list(csv.reader(source))
    good = [row for row in rows[1:] if len(row[3]) == 11 and row[4][:2] == "20" and row[6] in LEVELS and len(row[2]) <= 100]
    dataset = tablib.Dataset(*good, headers=rows[0])
    began = time.perf_counter()
    result = MemberResource().import_data(dataset, dry_run=False, raise_errors=True, use_transactions=True)
    seconds = time.perf_counter() - began
    assert not result.has_errors()
    assert Member.objects.count() == len(good), (Member.objects.count(), len(good))
    return seconds


def run(rows: int, rounds: int, peer_rows: int) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {}
    memory = 0

    def note(name: str, value: float) -> None:
        seconds.setdefault(name, []).append(value)
        print(f"  {name}: {value:.1f} s", file=sys.stderr, flush=True)

    with scratch_database("import"), tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_tenant()
        files = {name: folder / f"{name}.csv" for name in ("first", "tenth", "small")}
        bad = write_file(files["first"], rows)
        write_file(files["tenth"], rows, changed=0.1)
        peer_rows = min(peer_rows, rows)
        small_bad = write_file(files["small"], peer_rows)
        for turn in range(rounds):
            empty_tables()
            found = ours(files["first"])
            assert (found["created"], found["bad"], found["status"]) == (rows - bad, bad, "APPLIED"), found
            memory = max(memory, found["memory"])
            note("ours", found["seconds"])
            if turn == 0:
                clean = keep_clean_rows(folder)
            empty_tables()
            note("raw COPY", raw_copy(clean))
            # The rows that raw COPY left are those of the file: the same file again finds nothing to do.
            execute("VACUUM (ANALYZE) members_member")
            again = ours(files["first"])
            assert again["unchanged"] == rows - bad, again
            note("ours again, 0 % changed", again["seconds"])
            tenth = ours(files["tenth"])
            assert rows * 0.08 < tenth["updated"] < rows * 0.12, tenth
            note("ours again, 10 % changed", tenth["seconds"])
        for turn in range(rounds):
            empty_tables()
            note(f"ours, {peer_rows:,} rows", ours(files["small"])["seconds"])
            empty_tables()
            note(f"import-export tuned, {peer_rows:,} rows", import_export(files["small"], tuned=True))
            if turn == 0:
                empty_tables()
                note(f"import-export stock, {peer_rows:,} rows", import_export(files["small"], tuned=False))
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    rate = {name: (peer_rows - small_bad if "rows" in name else rows - bad) / value for name, value in middle.items()}
    small = f", {peer_rows:,} rows"
    ratios = {
        "ours / raw COPY": rate["ours"] / rate["raw COPY"],
        "unchanged again / raw COPY": rate["ours again, 0 % changed"] / rate["raw COPY"],
        "10 % changed again / raw COPY": rate["ours again, 10 % changed"] / rate["raw COPY"],
        "ours / import-export stock, same rows": rate[f"ours{small}"] / rate[f"import-export stock{small}"],
        "ours / import-export tuned, same rows": rate[f"ours{small}"] / rate[f"import-export tuned{small}"],
        "ours / import-export stock, rates": rate["ours"] / rate[f"import-export stock{small}"],
    }
    print(f"\n{'':44}{'seconds':>10}{'rows/s':>12}")
    for name, value in middle.items():
        print(f"{name:44}{value:10.1f}{rate[name]:12,.0f}")
    print(f"\n{'':44}{'ratio':>10}")
    for name, value in ratios.items():
        print(f"{name:44}{value:10.2f}")
    print(f"{'peak memory of the importing process, MB':44}{memory:10}")
    return {"subject": "import", "rows": rows, "rounds": rounds, "seconds": middle, "rows_per_second": rate, "ratios": ratios, "memory_mb": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--peer-rows", type=int, default=30_000)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DEPLOYMENT", "local")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    if options.child:
        child(options.child, dry_run=options.dry_run)
        return
    import django

    django.setup()
    result = run(options.rows, options.rounds or (3 if options.rows <= 300_000 else 1), options.peer_rows)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
