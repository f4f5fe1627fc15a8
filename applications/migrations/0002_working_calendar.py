"""The working calendar as it is known: 2026 as the State Council announced it; of 2027 the statutory days with their days in lieu, to be confirmed."""

from datetime import date, timedelta

from django.db import migrations

# name, first day off, last day off, weekend days worked to make up
YEAR_2026 = [
    ("元旦", date(2026, 1, 1), date(2026, 1, 3), [date(2026, 1, 4)]),
    ("春节", date(2026, 2, 15), date(2026, 2, 23), [date(2026, 2, 14), date(2026, 2, 28)]),
    ("清明节", date(2026, 4, 4), date(2026, 4, 6), []),
    ("劳动节", date(2026, 5, 1), date(2026, 5, 5), [date(2026, 5, 9)]),
    ("端午节", date(2026, 6, 19), date(2026, 6, 21), []),
    ("中秋节", date(2026, 9, 25), date(2026, 9, 27), []),
    ("国庆节", date(2026, 10, 1), date(2026, 10, 7), [date(2026, 9, 20), date(2026, 10, 10)]),
]
YEAR_2027 = [
    ("元旦", date(2027, 1, 1), date(2027, 1, 3), []),
    ("春节", date(2027, 2, 5), date(2027, 2, 11), [date(2027, 1, 31), date(2027, 2, 14)]),
    ("清明节", date(2027, 4, 3), date(2027, 4, 5), []),
    ("劳动节", date(2027, 5, 1), date(2027, 5, 5), [date(2027, 5, 8)]),
    ("端午节", date(2027, 6, 9), date(2027, 6, 9), []),
    ("中秋节", date(2027, 9, 15), date(2027, 9, 15), []),
    ("国庆节", date(2027, 10, 1), date(2027, 10, 7), [date(2027, 9, 26), date(2027, 10, 9)]),
]


def fill(apps, schema_editor):
    day_model = apps.get_model("applications", "CalendarDay")
    rows = []
    for is_confirmed, year in ((True, YEAR_2026), (False, YEAR_2027)):
        for name, first, last, made_up in year:
            days_off = [first + timedelta(days=number) for number in range((last - first).days + 1)]
            rows += [day_model(day=day, is_working=False, name=name, is_confirmed=is_confirmed) for day in days_off]
            rows += [day_model(day=day, is_working=True, name=f"{name}调休", is_confirmed=is_confirmed) for day in made_up]
    day_model.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("applications", "0001_initial")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
