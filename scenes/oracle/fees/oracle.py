#!/usr/bin/env python3
"""Oracle for cancellation fees of Japanese package tours.

Reads cases, one JSON object a line, on stdin and writes one answer a line. The format is in format.md, the rules
and their articles are in README.md. Written from the rule text and the calendar alone: it shares nothing with the
engine it judges, not even a table, and it prefers plain counting to speed.
"""
import json
import re
import sys
from datetime import date, datetime, timedelta

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE_CHANNELS = ("phone", "counter", "email", "fax")
PRODUCTS = ("domestic", "domestic_charter_ship", "overseas_air", "overseas_charter_air", "overseas_ship", "tickets")
MAX_PRICE = 100_000_000
MAX_PARTICIPANTS = 1000
SEARCH_DAYS = 400  # an office closed for longer than this counts as never opening
TOP_DAY = 9999


class Refused(Exception):
    """The case has no answer; the argument is the error code of format.md."""


# ---- reading a case ---------------------------------------------------------------------------------------------

def read_date(text):
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise Refused("bad_case")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("bad_case") from None


def read_moment(text):
    """A moment on Japan's clock, as a naive datetime: Japan has one offset and no summer time."""
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+09:00"
    if not isinstance(text, str) or not re.fullmatch(form, text):
        raise Refused("bad_case")
    try:
        return datetime.fromisoformat(text[:19])
    except ValueError:
        raise Refused("bad_case") from None


def read_integer(value, low, high, code="bad_case"):
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refused(code)
    return value


def read_clock(text):
    """Minutes after midnight; "24:00" is the end of the day."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{2}:[0-9]{2}", text):
        raise Refused("bad_office")
    minutes = int(text[:2]) * 60 + int(text[3:])
    if int(text[3:]) > 59 or minutes > 24 * 60:
        raise Refused("bad_office")
    return minutes


# ---- the office of application ----------------------------------------------------------------------------------

class Office:
    def __init__(self, definition):
        try:
            self.weekly = [self.read_hours(definition["weekly"][name]) for name in WEEKDAYS]
            self.closed_on_holidays = definition["closed_on_national_holidays"]
            self.holidays = {read_date(d) for d in definition["national_holidays"]}
            self.closed = {read_date(d) for d in definition["closed_days"]}
            self.special = {read_date(d): self.read_hours(h) for d, h in definition["special_hours"].items()}
        except (KeyError, TypeError, AttributeError, Refused):
            raise Refused("bad_office") from None
        if not isinstance(self.closed_on_holidays, bool):
            raise Refused("bad_office")

    @staticmethod
    def read_hours(intervals):
        if not isinstance(intervals, list):
            raise Refused("bad_office")
        hours = []
        for interval in intervals:
            if not isinstance(interval, list) or len(interval) != 2:
                raise Refused("bad_office")
            start, end = read_clock(interval[0]), read_clock(interval[1])
            if start >= end or (hours and start < hours[-1][1]):
                raise Refused("bad_office")
            hours.append((start, end))
        return hours

    def hours_on(self, day):
        """Opening intervals of a calendar day, weightiest statement first."""
        if day in self.special:
            return self.special[day]
        if day in self.closed:
            return []
        if self.closed_on_holidays and day in self.holidays:
            return []
        return self.weekly[day.weekday()]

    def is_open(self, moment):
        seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
        return any(start * 60 <= seconds < end * 60 for start, end in self.hours_on(moment.date()))

    def next_opening_day(self, moment):
        """The date of the first opening after a moment at which the office is closed."""
        seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
        if any(start * 60 > seconds for start, _ in self.hours_on(moment.date())):
            return moment.date()
        for ahead in range(1, SEARCH_DAYS + 1):
            day = moment.date() + timedelta(days=ahead)
            if self.hours_on(day):
                return day
        raise Refused("office_never_opens")


# ---- when the request counts ------------------------------------------------------------------------------------

class Timing:
    """phase: before | departure_day | after_start | no_show. days and effective_date are None where nothing is
    counted."""

    def __init__(self, phase, days, effective_date, date_rule):
        self.phase, self.days, self.effective_date, self.date_rule = phase, days, effective_date, date_rule


def effective_date_of(requested, channel, office):
    if channel == "web":
        return requested.date(), "instant"
    if office.is_open(requested):
        return requested.date(), "office_hours"
    return office.next_opening_day(requested), "next_opening"


def timing_of(case, offices, departure, service_start, contract):
    if case["event"] == "no_show":
        return Timing("no_show", None, None, "none")
    requested = read_moment(case["request_at"])
    if requested.date() < contract:
        raise Refused("before_contract")
    channel = case["channel"]
    office = office_of(case, offices)
    if requested >= service_start:
        return Timing("after_start", None, None, "none")
    effective, date_rule = effective_date_of(requested, channel, office)
    if effective > departure:
        # Told before the start, though nobody was there to read it: neither 旅行開始後 nor 無連絡 (README, I-6).
        effective, date_rule = departure, "held_at_departure"
    days = (departure - effective).days  # the day before departure is the first
    return Timing("before" if days else "departure_day", days, effective, date_rule)


def office_of(case, offices):
    if case["channel"] == "web":
        return None
    office = case["office"]
    if isinstance(office, str):
        if office not in offices:
            raise Refused("bad_office")
        return offices[office]
    return Office(office)


# ---- the standard table (標準旅行業約款 募集型企画旅行契約の部 別表第一) -------------------------------------------------

def is_peak(day):
    """旅行開始日がピーク時: 12-20 to 01-07, 04-27 to 05-06, 07-20 to 08-31, both ends included."""
    md = (day.month, day.day)
    return md >= (12, 20) or md <= (1, 7) or (4, 27) <= md <= (5, 6) or (7, 20) <= md <= (8, 31)


def standard_domestic(timing, day_trip):
    if timing.phase in ("after_start", "no_show"):
        return "D1.ho", 100
    if timing.days == 0:
        return "D1.ni", 50
    if timing.days == 1:
        return "D1.ha", 40
    if timing.days <= 7:
        return "D1.ro", 30
    if timing.days <= (10 if day_trip else 20):
        return "D1.i", 20
    return "D1.none", 0


def standard_overseas_air(timing, departure):
    if timing.phase in ("after_start", "no_show"):
        return "O1.ni", 100
    if timing.days <= 2:
        return "O1.ha", 50
    if timing.days <= 30:
        return "O1.ro", 20
    if timing.days <= 40 and is_peak(departure):
        return "O1.i", 10
    return "O1.none", 0


def standard_overseas_charter_air(timing):
    if timing.phase in ("after_start", "no_show") or timing.days <= 3:
        return "O2.ni", 100
    if timing.days <= 20:
        return "O2.ha", 80
    if timing.days <= 30:
        return "O2.ro", 50
    if timing.days <= 90:
        return "O2.i", 20
    return "O2.none", 0


def standard_row(case, timing, departure):
    """(rule id, percent), or None where 別表第一 leaves the amount to another rule."""
    if case["product"] == "domestic":
        return standard_domestic(timing, case["day_trip"])
    if case["product"] == "overseas_air":
        return standard_overseas_air(timing, departure)
    if case["product"] == "overseas_charter_air":
        return standard_overseas_charter_air(timing)
    return None


# ---- product-specific tables ------------------------------------------------------------------------------------

def read_rule(rule):
    if not isinstance(rule, dict) or not isinstance(rule.get("id"), str):
        raise Refused("bad_table")
    after = rule.get("after_start", False)
    if not isinstance(after, bool) or ("percent" in rule) == ("fixed" in rule):
        raise Refused("bad_table")
    if "percent" in rule:
        read_integer(rule["percent"], 0, 100, "bad_table")
    else:
        read_integer(rule["fixed"], 0, MAX_PRICE, "bad_table")
    if rule.get("cap") is not None:
        read_integer(rule["cap"], 0, MAX_PRICE, "bad_table")
    if after:
        if "from_day" in rule or "to_day" in rule:
            raise Refused("bad_table")
        return rule
    last = read_integer(rule.get("to_day"), 0, TOP_DAY, "bad_table")
    if rule.get("from_day") is not None:
        read_integer(rule["from_day"], last, TOP_DAY, "bad_table")
    elif "from_day" not in rule:
        raise Refused("bad_table")
    return rule


def rule_covers(rule, day):
    return rule["to_day"] <= day and (rule["from_day"] is None or day <= rule["from_day"])


def check_table(table):
    if not isinstance(table, dict) or not isinstance(table.get("id"), str) or not isinstance(table.get("rules"), list):
        raise Refused("bad_table")
    rules = [read_rule(rule) for rule in table["rules"]]
    if len({rule["id"] for rule in rules}) != len(rules):
        raise Refused("bad_table")
    if sum(1 for rule in rules if rule.get("after_start")) > 1:
        raise Refused("bad_table")
    by_day = [rule for rule in rules if not rule.get("after_start")]
    for i, one in enumerate(by_day):
        for other in by_day[i + 1:]:
            # Two ranges meet exactly where the nearer end of one lies inside the other.
            if rule_covers(one, other["to_day"]) or rule_covers(other, one["to_day"]):
                raise Refused("bad_table")


def read_table_date(text):
    try:
        return read_date(text)
    except Refused:
        raise Refused("bad_table") from None


def table_in_force(tables, contract):
    if not isinstance(tables, list):
        raise Refused("bad_table")
    found = []
    for table in tables:
        check_table(table)
        first = read_table_date(table.get("valid_from"))
        last = None if table.get("valid_to", "") is None else read_table_date(table.get("valid_to"))
        if first <= contract and (last is None or contract <= last):
            found.append(table)
    if len(found) > 1:
        raise Refused("bad_table")
    return found[0] if found else None


def table_rule(table, timing):
    for rule in table["rules"]:
        if rule.get("after_start"):
            if timing.phase in ("after_start", "no_show"):
                return rule
        elif timing.days is not None and rule_covers(rule, timing.days):
            return rule
    return None


def table_fee(table, timing, price, standard):
    """(fee per participant, rule id, percent, what lowered it)"""
    rule = table_rule(table, timing)
    if rule is None:
        return 0, "T." + table["id"] + ".none", 0, "none"
    percent = rule.get("percent")
    amount = rule["fixed"] if percent is None else price * percent // 100
    limited = "none"
    limits = [("cap", rule.get("cap")), ("price", price)]
    if standard is not None:
        limits.append(("standard", price * standard[1] // 100))
    for name, limit in limits:
        if limit is not None and amount > limit:
            amount, limited = limit, name
    return amount, "T." + table["id"] + "." + rule["id"], percent, limited


# ---- one case ---------------------------------------------------------------------------------------------------

def check_case(case):
    if case["product"] not in PRODUCTS or not isinstance(case["day_trip"], bool):
        raise Refused("bad_case")
    if case["event"] not in ("cancel", "no_show"):
        raise Refused("bad_case")
    if case["event"] == "cancel" and case["channel"] != "web" and case["channel"] not in OFFICE_CHANNELS:
        raise Refused("bad_case")
    read_integer(case["price"], 0, MAX_PRICE)
    booked = read_integer(case["participants_booked"], 1, MAX_PARTICIPANTS)
    read_integer(case["participants_cancelled"], 1, booked)


def answer(case, offices):
    check_case(case)
    departure = read_date(case["departure"])
    service_start = read_moment(case["service_start"])
    contract = read_date(case["contract_date"])
    if service_start.date() != departure or contract > departure:
        raise Refused("bad_case")
    timing = timing_of(case, offices, departure, service_start, contract)
    standard = standard_row(case, timing, departure)
    table = table_in_force(case["tables"], contract)
    if table is not None:
        fee, rule, percent, limited = table_fee(table, timing, case["price"], standard)
    elif standard is not None:
        rule, percent = standard
        fee, limited = case["price"] * percent // 100, "none"
    else:
        raise Refused("no_table")
    return {
        "fee_per_participant": fee,
        "fee_total": fee * case["participants_cancelled"],
        "rule": rule,
        "percent": percent,
        "limited_by": limited,
        "phase": timing.phase,
        "days": timing.days,
        "effective_date": timing.effective_date.isoformat() if timing.effective_date else None,
        "date_rule": timing.date_rule,
    }


def answer_or_error(case, offices):
    try:
        return {"id": case["id"], **answer(case, offices)}
    except Refused as refusal:
        return {"id": case["id"], "error": refusal.args[0]}
    except (KeyError, TypeError, OverflowError):
        return {"id": case.get("id"), "error": "bad_case"}


def main():
    offices = {}
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            item = None
        if not isinstance(item, dict):
            sys.stdout.write(json.dumps({"id": None, "error": "bad_case"}) + "\n")
        elif "office_definition" in item:
            try:
                offices[item["office_definition"]["id"]] = Office(item["office_definition"])
            except (KeyError, TypeError, Refused):
                sys.exit(f"line {number}: bad office definition")
        else:
            sys.stdout.write(json.dumps(answer_or_error(item, offices), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
