"""Turns the purchases of the source into members, orders and credit of the demo's shops.

Everything follows from the purchases, the day and the seed; nothing is read from a clock. Amounts
are whole fen, moments are naive local times of the platform's time zone, as merchants write them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter
from random import Random

from backoffice.demo.cdnow import Purchase
from backoffice.demo.names import RARE_EVERY, make_name, make_nickname, make_phone
from backoffice.demo.shops import JOIN_CHANNELS, LEVELS, REMINDED_SHOPS, SHOPS, TAGS, Shop

EXPIRY_WINDOW_DAYS = 7
REGULAR_EVERY = 490
"""One customer in so many, the best buyers first, is a member of eleven or twelve shops with credit
in each: more cards fall due on one day than the ten that the platform allows."""

TOP_UP_TIERS: tuple[tuple[int, int], ...] = (
    (50_00, 0),
    (100_00, 10_00),
    (200_00, 25_00),
    (300_00, 45_00),
    (500_00, 88_00),
    (1000_00, 200_00),
    (2000_00, 500_00),
)
"""Top-up offers of the shops: (principal, bonus) in fen."""


@dataclass(slots=True)
class CreditRow:
    """One top-up; ``expires_on`` is the last local day on which it may be spent."""

    member_no: str
    source_no: str
    principal_fen: int
    bonus_fen: int
    opened_at: datetime
    expires_on: date | None

    @property
    def total_fen(self) -> int:
        return self.principal_fen + self.bonus_fen


@dataclass(slots=True)
class MemberRow:
    """One member of one shop; ``person`` is the number of the customer, ``consent`` None is a blank."""

    person: int
    member_no: str
    nickname: str
    phone: str
    joined_at: datetime
    birthday: date | None
    channel: str
    consent: bool | None
    tags: tuple[str, ...]
    growth: int = 0
    lots: list[CreditRow] = field(default_factory=list)

    @property
    def level(self) -> str:
        """The step of the ladder that the growth reaches."""
        return LEVELS[bisect_right(LEVELS, self.growth, key=lambda step: step[0]) - 1][1]


@dataclass(slots=True)
class OrderRow:
    """One order line; ``member_no`` is None for a buyer who never joined and is named by the phone."""

    order_no: str
    line_no: int
    member_no: str | None
    phone: str
    paid_at: datetime
    amount_fen: int
    credit_used_fen: int
    refunded_fen: int
    refunded_at: datetime | None


@dataclass(slots=True)
class ShopRows:
    """What one shop's three files hold."""

    shop: Shop
    members: list[MemberRow] = field(default_factory=list)
    orders: list[OrderRow] = field(default_factory=list)
    credit: list[CreditRow] = field(default_factory=list)


@dataclass(slots=True)
class Population:
    """All rows of all shops; ``people`` is the number of humans behind the members."""

    shops: list[ShopRows]
    people: int


def make_population(purchases: Sequence[Purchase], *, today: date, latest: time, seed: int) -> Population:
    """Spread the customers over the shops; the last purchase falls on ``today``, by ``latest``.

    Every customer becomes a member of at least one shop and every purchase one order row.
    """
    return _Builder(purchases, today=today, latest=latest, seed=seed).build()


class _Builder:
    """Builds the rows customer by customer, with one stream of random numbers."""

    def __init__(self, purchases: Sequence[Purchase], *, today: date, latest: time, seed: int) -> None:
        self.today = today
        self.latest_minute = latest.hour * 60 + latest.minute
        self.shift = today - max(purchase.bought_on for purchase in purchases)
        self.rng = Random(seed)  # noqa: S311 the same seed must give the same files
        self.baskets = [list(group) for _, group in groupby(purchases, key=attrgetter("customer"))]
        self.rows = {shop.code: ShopRows(shop) for shop in SHOPS}
        self.weights = [shop.weight for shop in SHOPS]
        self.walk_in_shops = [shop for shop in SHOPS if shop.style.walk_ins]

    def build(self) -> Population:
        regulars = self._choose_regulars()
        for number, basket in enumerate(self.baskets):
            self._add_customer(number, basket, regular=number in regulars)
        for rows in self.rows.values():
            rows.orders.sort(key=attrgetter("paid_at"))
            rows.credit.sort(key=attrgetter("opened_at"))
            self._number_orders(rows)
            self._number_top_ups(rows)
        return Population(shops=list(self.rows.values()), people=len(self.baskets))

    def _choose_regulars(self) -> frozenset[int]:
        by_purchases = sorted(range(len(self.baskets)), key=lambda number: (-len(self.baskets[number]), number))
        return frozenset(by_purchases[: max(1, len(self.baskets) // REGULAR_EVERY)])

    def _add_customer(self, number: int, basket: list[Purchase], *, regular: bool) -> None:
        rng = self.rng
        birthday = date(rng.choices((1955, 1970, 1985, 1995), (8, 34, 40, 18))[0], 1, 1) + timedelta(days=rng.randrange(15 * 365))
        name = make_name(rng, female=rng.random() < 0.58, birth_year=birthday.year, rare=number % RARE_EVERY == RARE_EVERY - 1)
        phone = make_phone(number)
        shops = self._choose_shops(regular)
        bought = self._add_orders(basket, shops, phone)
        first_day = basket[0].bought_on + self.shift
        for shop in shops:
            lines = bought.get(shop.code, [])
            rows = self.rows[shop.code]
            joined_at = lines[0].paid_at if lines else self._some_moment_since(first_day)
            member = MemberRow(
                person=number,
                member_no=f"{shop.code}{len(rows.members) + 1:05d}",
                nickname=make_nickname(rng, name),
                phone=phone,
                joined_at=joined_at,
                birthday=birthday if rng.random() < 0.7 else None,
                channel=rng.choice(JOIN_CHANNELS),
                consent=rng.choices((True, False, None), (85, 8, 7))[0],
                tags=tuple(rng.sample(TAGS, rng.choices((0, 1, 2, 3), (55, 28, 12, 5))[0])),
                growth=sum(line.amount_fen - line.refunded_fen for line in lines) // 100,
            )
            rows.members.append(member)
            for line in lines:
                line.member_no = member.member_no
            if regular or rng.random() < (0.5 if lines else 0.25):
                self._add_credit(rows, member, lines, basket, must_live=regular)

    def _choose_shops(self, regular: bool) -> list[Shop]:
        rng = self.rng
        if regular:
            return rng.sample(REMINDED_SHOPS, rng.choice((11, 12)))
        home = rng.choices(SHOPS, self.weights)[0]
        more = rng.choices((0, 1, 2, 3, 5), (86, 9, 3, 1.5, 0.5))[0]
        others = [shop for shop in SHOPS if shop is not home]
        return [home, *rng.sample(others, more)]

    def _add_orders(self, basket: Iterable[Purchase], shops: list[Shop], phone: str) -> dict[str, list[OrderRow]]:
        """Give each purchase to a shop; return the lines by shop where the buyer is a member."""
        rng = self.rng
        bought: dict[str, list[OrderRow]] = {}
        moments: dict[tuple[str, date], datetime] = {}
        for place, purchase in enumerate(basket):
            shop = shops[0] if place == 0 or rng.random() < 0.55 else rng.choice(shops)
            if place and rng.random() < 0.03:
                shop = rng.choice(self.walk_in_shops)
            day = purchase.bought_on + self.shift
            paid_at = moments.get((shop.code, day))
            if paid_at is None:
                paid_at = moments[shop.code, day] = self._moment(day)
            line = OrderRow("", 1, None, phone, paid_at, purchase.amount_fen, 0, 0, None)
            self._maybe_refund(line)
            self.rows[shop.code].orders.append(line)
            if shop in shops:
                bought.setdefault(shop.code, []).append(line)
        return bought

    def _maybe_refund(self, line: OrderRow) -> None:
        rng = self.rng
        if line.amount_fen and rng.random() < 0.02:
            day = line.paid_at.date() + timedelta(days=rng.randint(1, 15))
            if day <= self.today:
                line.refunded_at = self._moment(day)
                line.refunded_fen = line.amount_fen if rng.random() < 0.7 else rng.randint(1, line.amount_fen)

    def _add_credit(self, rows: ShopRows, member: MemberRow, lines: list[OrderRow], basket: list[Purchase], *, must_live: bool) -> None:
        """Top-ups that grew out of purchases: an offer taken at the till, or change kept as credit."""
        rng = self.rng
        count = min(rng.choices((1, 2, 3, 4), (60, 25, 10, 5))[0], max(1, len(lines)))
        chosen = rng.sample(lines, count) if lines else []
        sources = [(line.paid_at, line.amount_fen) for line in chosen] or [(member.joined_at, basket[0].amount_fen)]
        for place, (opened_at, amount_fen) in enumerate(sorted(sources)):
            if amount_fen and rng.random() < 0.3:
                principal_fen, bonus_fen = amount_fen, amount_fen * rng.choice((0, 5, 8, 10)) // 100
            else:
                wanted = bisect_right(TOP_UP_TIERS, amount_fen, key=lambda tier: tier[0])
                principal_fen, bonus_fen = TOP_UP_TIERS[min(wanted, len(TOP_UP_TIERS) - 1)]
            lot = CreditRow(
                member_no=member.member_no,
                source_no="",
                principal_fen=principal_fen,
                bonus_fen=bonus_fen,
                opened_at=opened_at,
                expires_on=self._expiry(opened_at.date(), must_live=must_live and place == 0),
            )
            member.lots.append(lot)
            rows.credit.append(lot)
        self._use_credit(member, lines)

    def _expiry(self, opened_on: date, *, must_live: bool) -> date | None:
        """Some lots are over, some end within the reminder's window, some later, some never."""
        rng = self.rng
        over, soon, later, never = (0, 20, 55, 25) if must_live else (14, 13, 48, 25)
        kind = rng.choices(("over", "soon", "later", "never"), (over, soon, later, never))[0]
        if kind == "never":
            return None
        if kind == "soon":
            return self.today + timedelta(days=rng.randint(0, EXPIRY_WINDOW_DAYS))
        age = (self.today - opened_on).days
        if kind == "over" and age > 60:
            return opened_on + timedelta(days=rng.randint(30, age - 1))
        return self.today + timedelta(days=rng.randint(EXPIRY_WINDOW_DAYS + 1, 540))

    def _use_credit(self, member: MemberRow, lines: list[OrderRow]) -> None:
        """Some later orders were paid with credit; the order file records it and spends nothing."""
        rng = self.rng
        first_top_up = min(lot.opened_at for lot in member.lots)
        for line in lines:
            if line.paid_at > first_top_up and line.amount_fen and rng.random() < 0.25:
                line.credit_used_fen = line.amount_fen if rng.random() < 0.4 else rng.randint(1, line.amount_fen)

    def _moment(self, day: date) -> datetime:
        """A minute of shop hours of the day; on today itself a minute that is already past."""
        if day == self.today:
            return datetime.combine(day, _clock_time(self.rng.randint(0, self.latest_minute)))
        # The smaller of two: more people shop in the daytime than late at night.
        return datetime.combine(day, _clock_time(min(self.rng.randint(540, 1320), self.rng.randint(540, 1439))))

    def _some_moment_since(self, first_day: date) -> datetime:
        return self._moment(first_day + timedelta(days=self.rng.randint(0, (self.today - first_day).days)))

    @staticmethod
    def _number_orders(rows: ShopRows) -> None:
        """Number the lines in order of payment; what one buyer took at one moment is one order."""
        order_no, lines, last = "", 0, None
        for serial, line in enumerate(rows.orders, start=1):
            key = (line.paid_at, line.phone)
            if key != last or not rows.shop.style.line_numbers:
                order_no, lines, last = f"{rows.shop.code}-{line.paid_at:%y%m%d}-{serial:05d}", 0, key
            lines += 1
            line.order_no, line.line_no = order_no, lines

    @staticmethod
    def _number_top_ups(rows: ShopRows) -> None:
        for serial, lot in enumerate(rows.credit, start=1):
            lot.source_no = f"CZ{lot.opened_at:%y%m%d}{serial:05d}"


def _clock_time(minute: int) -> time:
    return time(minute // 60, minute % 60)
