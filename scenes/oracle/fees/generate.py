#!/usr/bin/env python3
"""Random fee cases over 2025-2027: generate.py SEED COUNT [--products a,b] [--holidays FILE]

Writes the office definitions and then COUNT cases, in the format of format.md. The same seed gives the same lines.
The moments are drawn near the places where a fee changes: day borders, opening and closing seconds, holidays,
year ends, the start of service. Nothing is taken from the oracle: the generator knows no fee.
"""
import argparse
import json
import os
import random
import sys
from datetime import date, datetime, time, timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
HOLIDAYS = os.path.join(HERE, "..", "..", "..", "..", "shared", "data", "holidays", "jp_national_holidays_2016-2030.csv")
FIRST, LAST = date(2025, 1, 1), date(2027, 12, 31)
PRODUCTS = ("domestic", "domestic_charter_ship", "overseas_air", "overseas_charter_air", "overseas_ship", "tickets")
WEIGHTS = {"domestic": 50, "overseas_air": 25, "tickets": 10, "overseas_charter_air": 6, "domestic_charter_ship": 4,
           "overseas_ship": 5}
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Days at which some table changes its rate, and one to each side.
EDGES = sorted({d + s for d in (0, 1, 2, 3, 7, 8, 10, 14, 20, 21, 30, 31, 40, 41, 90) for s in (-1, 0, 1) if d + s >= 0})
PEAK_ENDS = ((12, 19), (12, 20), (1, 7), (1, 8), (4, 26), (4, 27), (5, 6), (5, 7), (7, 19), (7, 20), (8, 31), (9, 1))


def read_holidays(path):
    with open(path, encoding="utf-8") as file:
        days = [line.split(",")[0] for line in file.read().splitlines()[1:]]
    return [d for d in days if "2024-12-01" <= d <= "2028-12-31"]


def year_end():
    days = []
    for year in range(2023, 2028):
        days += [f"{year}-12-{d}" for d in (29, 30, 31)] + [f"{year + 1}-01-0{d}" for d in (1, 2, 3)]
    return days


def offices(holidays):
    """The two call desks of the case document, and a shop in a mall that keeps other days: with a late Saturday, a
    weekday off and open holidays, it tells weekday rules from holiday rules."""
    def weekdays(hours):
        return {name: (hours if name not in ("sat", "sun") else []) for name in WEEK}
    mall = {name: [["10:00", "20:00"]] for name in WEEK}
    mall["wed"] = []
    mall["sat"] = [["10:00", "24:00"]]
    return [
        {"id": "tokyo", "weekly": weekdays([["10:00", "14:00"], ["15:00", "19:00"]]),
         "closed_on_national_holidays": True, "national_holidays": holidays, "closed_days": year_end(),
         "special_hours": {"2025-05-03": [["10:00", "15:00"]], "2026-05-02": [["10:00", "15:00"]],
                           "2027-05-03": [["10:00", "15:00"]], "2026-12-29": [["10:00", "12:00"]]}},
        {"id": "sapporo", "weekly": weekdays([["09:00", "12:00"], ["13:00", "17:00"]]),
         "closed_on_national_holidays": True, "national_holidays": holidays,
         "closed_days": year_end() + ["2025-08-14", "2025-08-15", "2026-08-14", "2027-08-13"], "special_hours": {}},
        {"id": "mall", "weekly": mall, "closed_on_national_holidays": False, "national_holidays": holidays,
         "closed_days": ["2025-01-01", "2026-01-01", "2027-01-01", "2028-01-01"],
         "special_hours": {"2025-12-31": [["10:00", "17:00"]], "2026-12-31": [["10:00", "17:00"]]}},
    ]


class Maker:
    def __init__(self, seed, products, desks):
        self.random = random.Random(seed)
        self.products = products
        self.weights = [WEIGHTS[p] for p in products]
        self.desks = {desk["id"]: desk for desk in desks}
        self.holidays = [date.fromisoformat(d) for d in desks[0]["national_holidays"]
                         if FIRST.isoformat() <= d <= LAST.isoformat()]

    def departure(self):
        r = self.random
        kind = r.random()
        if kind < 0.5:
            return FIRST + timedelta(days=r.randrange((LAST - FIRST).days + 1))
        year = r.randrange(2025, 2028)
        if kind < 0.65:
            return date(year, *r.choice(PEAK_ENDS))
        if kind < 0.75:
            return max(FIRST, min(LAST, date(year, 12, 31) + timedelta(days=r.randrange(-9, 22))))
        near = r.choice(self.holidays) + timedelta(days=r.choice((0, 1, 2, 7, 8, 10, 20, 30, 40)))
        return max(FIRST, min(LAST, near))

    def start_time(self):
        r = self.random
        if r.random() < 0.1:
            return r.choice((time(0, 0), time(0, 0, 1), time(23, 59, 59), time(10, 0), time(19, 0)))
        return time(r.randrange(5, 24), r.choice((0, 15, 30, 45)))

    def lead(self):
        r = self.random
        return r.choice(EDGES) if r.random() < 0.7 else r.randrange(0, 121)

    def clock(self, desk, weekday):
        """A second of the day, mostly at an edge."""
        r = self.random
        kind = r.random()
        if kind < 0.25:
            return r.choice((0, 1, 86399, 86398))
        if kind < 0.65:
            hours = desk["weekly"][WEEK[weekday]] or desk["weekly"]["mon"]
            text = r.choice(r.choice(hours))
            edge = int(text[:2]) * 3600 + int(text[3:]) * 60
            return max(0, min(86399, edge + r.choice((-60, -1, 0, 1, 60))))
        return r.randrange(86400)

    def request(self, start, desk):
        r = self.random
        if r.random() < 0.06:
            return start + timedelta(seconds=r.choice((-3600, -60, -1, 0, 1, 60, 86400)))
        kind = r.random()
        day = start.date() - timedelta(days=self.lead())
        if kind < 0.15:  # just before a closure, so that the next opening falls behind a border of the table
            day = start.date() - timedelta(days=self.lead() + r.randrange(1, 7))
        elif kind < 0.25:
            day = r.choice(self.holidays) + timedelta(days=r.choice((-1, 0, 1)))
            if not 0 <= (start.date() - day).days <= 120:
                day = start.date() - timedelta(days=self.lead())
        return datetime.combine(day, time()) + timedelta(seconds=self.clock(desk, day.weekday()))

    def rules(self):
        r = self.random
        borders = sorted(r.sample((0, 1, 2, 3, 7, 10, 14, 20, 21, 30, 40, 60, 90), r.randrange(2, 6)))
        rules = []
        upper = None if r.random() < 0.3 else borders[-1] + r.randrange(0, 30)
        for n, low in enumerate(reversed(borders)):
            if r.random() < 0.9:  # a gap now and then: days for which the table states nothing
                rules.append({"id": f"r{n}", "from_day": upper, "to_day": low, **self.amount()})
            upper = low - 1
        if r.random() < 0.85:
            rules.append({"id": "after", "after_start": True, **self.amount(high=True)})
        r.shuffle(rules)
        return rules

    def amount(self, high=False):
        r = self.random
        if r.random() < 0.3:
            return {"fixed": r.choice((0, 1, 550, 1100, 3000, 10000, 50000, 150000))}
        amount = {"percent": r.choice((80, 100)) if high else r.choice((0, 1, 5, 10, 15, 20, 25, 30, 33, 40, 50, 80, 100))}
        if r.random() < 0.25:
            amount["cap"] = r.choice((0, 1000, 5000, 50000, 100000))
        return amount

    def tables(self, product, contract):
        r = self.random
        must = product in ("domestic_charter_ship", "overseas_ship", "tickets")
        if r.random() > (0.98 if must else 0.3):
            return []
        day = timedelta(days=1)
        first = contract - r.choice((0, 1, 30, 200)) * day
        last = r.choice((None, contract, contract + 90 * day))
        tables = [self.table("now", first, last), self.table("old", first - 365 * day, first - day)]
        if last is not None:
            tables.append(self.table("next", last + day, None))
        if not must and r.random() < 0.1:
            tables = tables[1:]  # no table in force: the standard table counts
        r.shuffle(tables)
        return tables

    def table(self, name, first, last):
        return {"id": name, "valid_from": first.isoformat(), "valid_to": last and last.isoformat(),
                "rules": self.rules()}

    def price(self):
        r = self.random
        kind = r.random()
        if kind < 0.02:
            return r.choice((0, 1, 2, 3, 100_000_000))
        if kind < 0.5:
            return r.randrange(10, 6000) * 100
        return r.randrange(1, 1_000_000)

    def case(self, number):
        r = self.random
        product = r.choices(self.products, self.weights)[0]
        departure = self.departure()
        start = datetime.combine(departure, self.start_time())
        office = r.choices(tuple(self.desks), (45, 40, 15))[0]
        requested = self.request(start, self.desks[office])
        event = "no_show" if r.random() < 0.04 else "cancel"
        latest = min(requested.date(), departure)
        contract = latest - timedelta(days=r.choice((0, 0, 1, 3, 10, 30, 60, 120)))
        booked = r.randrange(1, 9)
        return {
            "id": f"g{number:07d}", "product": product,
            "day_trip": r.random() < 0.4 if product.startswith("domestic") else False,
            "departure": departure.isoformat(), "service_start": start.isoformat() + "+09:00",
            "contract_date": contract.isoformat(), "price": self.price(), "participants_booked": booked,
            "participants_cancelled": r.randrange(1, booked + 1), "event": event,
            "channel": None if event == "no_show" else r.choice(("web", "web", "phone", "counter", "email", "fax", "phone")),
            "request_at": None if event == "no_show" else requested.isoformat() + "+09:00",
            "office": office, "tables": self.tables(product, contract),
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--products", default=",".join(PRODUCTS))
    parser.add_argument("--holidays", default=HOLIDAYS)
    args = parser.parse_args()
    products = args.products.split(",")
    if any(p not in PRODUCTS for p in products):
        parser.error("unknown product")
    desks = offices(read_holidays(args.holidays))
    maker = Maker(args.seed, products, desks)
    write = sys.stdout.write
    for desk in desks:
        write(json.dumps({"office_definition": desk}, separators=(",", ":")) + "\n")
    for number in range(args.count):
        write(json.dumps(maker.case(number), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
