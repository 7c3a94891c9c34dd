#!/usr/bin/env python3
"""Counts every number of the claims again, straight from the captured files and without any of our program, and compares.

    tollhouse --json claims citylab-2017 >claims.json
    ops/check_claims.py CAPTURES claims.json [--table]

The warehouse must hold what `ops/check_captures` imports. Needs nothing but Python: workbooks of the FBI are read here too.
A claim or a column that is not counted here fails, and so does one that is counted and not claimed. What came of each test and each
verdict are judged again too, from the numbers counted here and from what the set of claims expects of them. --table prints what
was compared as a table for a page.
"""

import argparse
import csv
import json
import math
import pathlib
import re
import struct
import sys
import tomllib
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

WEST_VIRGINIA = "54"
FIRST, LAST = 1999, 2015

# ---- Files ---------------------------------------------------------------------------------------------------------


def wonder(path: pathlib.Path) -> list[dict[str, str]]:
    """The rows of an export of CDC WONDER: everything above its footer, without totals."""
    text = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
    lines = text.split("\n")
    end = next(place for place, line in enumerate(lines) if line.startswith('"---"'))
    rows = csv.DictReader(lines[:end], delimiter="\t")
    return [row for row in rows if not row["Notes"]]


def table(path: pathlib.Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def number(text: str) -> int | None:
    text = text.replace(",", "")
    return int(text) if re.fullmatch(r"\d+", text) else None


def decimal(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


class Workbook:
    """The first sheet of an Excel workbook of 1997-2003: cells by row and column, as text or number."""

    def __init__(self, path: pathlib.Path):
        self.data = path.read_bytes()
        self.cells: dict[tuple[int, int], str | float] = {}
        self.strings: list[str] = []
        self.read(self.stream(("Workbook", "Book")))

    def stream(self, names: tuple[str, ...]) -> bytes:
        size = 1 << struct.unpack_from("<H", self.data, 30)[0]
        directory, _, _, _, _, difat, _ = struct.unpack_from("<7I", self.data, 48)
        sector = lambda place: self.data[(place + 1) * size : (place + 2) * size]  # noqa: E731
        fats = list(struct.unpack_from("<109I", self.data, 76))
        while difat < 0xFFFFFFFA:
            more = struct.unpack(f"<{size // 4}I", sector(difat))
            fats += more[:-1]
            difat = more[-1]
        fat: list[int] = []
        for place in fats:
            if place < 0xFFFFFFFA:
                fat += struct.unpack(f"<{size // 4}I", sector(place))

        def chain(place: int) -> bytes:
            found = bytearray()
            while place < 0xFFFFFFFA:
                found += sector(place)
                place = fat[place]
            return bytes(found)

        entries = chain(directory)
        for at in range(0, len(entries), 128):
            length = struct.unpack_from("<H", entries, at + 64)[0]
            name = entries[at : at + max(length - 2, 0)].decode("utf-16-le")
            if name in names:
                start, length = struct.unpack_from("<II", entries, at + 116)
                return chain(start)[:length]
        raise ValueError("no workbook within")

    def read(self, stream: bytes) -> None:
        at, sheets, shared = 0, 0, None
        while at + 4 <= len(stream):
            kind, length = struct.unpack_from("<HH", stream, at)
            body = stream[at + 4 : at + 4 + length]
            at += 4 + length
            if kind == 0x0809:
                sheets += struct.unpack_from("<H", body, 2)[0] == 0x10
                if sheets > 1:
                    return
            elif kind == 0x00FC:
                shared = [body]
            elif kind == 0x003C and shared is not None:
                shared.append(body)
            else:
                if shared is not None:
                    self.strings = list(texts(shared))
                    shared = None
                self.cell(kind, body)

    def cell(self, kind: int, body: bytes) -> None:
        def compressed(raw: int) -> float:
            value = raw >> 2 if raw & 2 else struct.unpack("<d", struct.pack("<Q", (raw & 0xFFFFFFFC) << 32))[0]
            if raw & 2 and raw & 0x80000000:
                value -= 1 << 30
            return value / 100 if raw & 1 else value

        if kind not in (0x00FD, 0x0203, 0x027E, 0x00BD):
            return
        row, column = struct.unpack_from("<HH", body)
        if kind == 0x00FD:
            self.cells[row, column] = self.strings[struct.unpack_from("<I", body, 6)[0]]
        elif kind == 0x0203:
            self.cells[row, column] = struct.unpack_from("<d", body, 6)[0]
        elif kind == 0x027E:
            self.cells[row, column] = compressed(struct.unpack_from("<I", body, 6)[0])
        else:
            for place in range((len(body) - 6) // 6):
                self.cells[row, column + place] = compressed(struct.unpack_from("<I", body, 4 + 6 * place + 2)[0])

    def rows(self):
        last = max(row for row, _ in self.cells)
        width = max(column for _, column in self.cells) + 1
        for row in range(last + 1):
            yield [self.cells.get((row, column), "") for column in range(width)]


def texts(chunks: list[bytes]):
    """The strings of a table of shared strings, which may be cut anywhere, even within one."""
    chunk, at = 0, 8
    count = struct.unpack_from("<I", chunks[0], 4)[0]

    def take(length: int) -> bytes:
        nonlocal chunk, at
        found = b""
        while len(found) < length:
            if at >= len(chunks[chunk]):
                chunk, at = chunk + 1, 0
            piece = chunks[chunk][at : at + length - len(found)]
            at += len(piece)
            found += piece
        return found

    for _ in range(count):
        length, flags = struct.unpack("<HB", take(3))
        runs = struct.unpack("<H", take(2))[0] if flags & 8 else 0
        extra = struct.unpack("<I", take(4))[0] if flags & 4 else 0
        wide, text, left = flags & 1, "", length
        while left:
            if at >= len(chunks[chunk]):
                # A string that goes on says again how wide its letters are.
                chunk, at = chunk + 1, 1
                wide = chunks[chunk][0] & 1
            letters = min(left, (len(chunks[chunk]) - at) // (2 if wide else 1))
            piece = take(letters * (2 if wide else 1))
            text += piece.decode("utf-16-le" if wide else "latin-1")
            left -= letters
        take(4 * runs + extra)
        yield text


def cities(path: pathlib.Path) -> list[tuple[str, str, int | None]]:
    """State in capitals, city without footnotes, murders: of the FBI's table by city."""
    found, state, murder = [], "", None
    for row in Workbook(path).rows():
        words = [re.sub(r"\s+", " ", str(cell)).strip() for cell in row]
        if murder is None:
            if words[0] == "State" and "City" in words[1]:
                murder = next(place for place, word in enumerate(words) if word.lower().startswith("murder"))
            continue
        state = re.sub(r"[\d, ]+$", "", words[0]) or state
        if words[1] and isinstance(row[2], float | int):
            value = row[murder]
            city = re.sub(r"[\d, ]+$", "", words[1])
            found.append((state, city, int(value) if isinstance(value, float | int) else None))
    return found


# ---- What is known -------------------------------------------------------------------------------------------------


class Facts:
    def __init__(self, captures: pathlib.Path):
        cdc, fbi = captures / "cdc", captures / "fbi"
        mcd = cdc / "wonder_mcd_state"
        self.states = {}
        self.opioid_state, self.opioid_crude, self.opioid_adjusted = {}, {}, {}
        for row in wonder(mcd / "cdc_wonder_pull_total_all_opioids.txt"):
            key = row["State Code"], int(row["Year Code"])
            self.states[row["State Code"]] = row["State"]
            self.opioid_state[key] = number(row["Deaths"])
            self.opioid_crude[key], self.opioid_adjusted[key] = decimal(row["Crude Rate"]), decimal(row["Age Adjusted Rate"])
        self.opioid_us, self.opioid_us_rate = {}, {}
        for row in wonder(mcd / "cdc_wonder_pull_total_natl_all_opioids.txt"):
            self.opioid_us[int(row["Year Code"])] = number(row["Deaths"])
            self.opioid_us_rate[int(row["Year Code"])] = decimal(row["Age Adjusted Rate"])
        self.overdose, self.overdose_crude, self.overdose_adjusted = {}, {}, {}
        for row in wonder(cdc / "wonder_ucd_state_drug/cagrimmett_UCD_1999-2015_state-year_overdose.txt"):
            key = row["State Code"], int(row["Year Code"])
            self.overdose[key] = number(row["Deaths"])
            self.overdose_crude[key], self.overdose_adjusted[key] = decimal(row["Crude Rate"]), decimal(row["Age Adjusted Rate"])
        self.opioid_county = {}
        for row in wonder(cdc / "wonder_mcd_county/smussenden_MCD_2006-2012_county_pooled_opioid.txt"):
            if row["Deaths"] == "Missing":
                continue
            self.opioid_county[row["County Code"]] = (
                row["County"], number(row["Deaths"]), number(row["Population"]), decimal(row["Crude Rate"]),
                decimal(row["Age Adjusted Rate"]),
            )
        self.induced = defaultdict(dict)
        for row in wonder(cdc / "wonder_ucd_county_drug/dblakev_UCD_1999-2015_year-state-county_drug-induced.txt"):
            self.induced[int(row["Year Code"])][row["County Code"]] = (
                row["County"], number(row["Deaths"]), number(row["Population"]), decimal(row["Crude Rate"]),
                decimal(row["Age Adjusted Rate"]),
            )
        self.counties_2015 = self.universe(cdc)
        self.guns_not_suicide = {
            row["State Code"]: number(row["Deaths"])
            for row in wonder(cdc / "wonder_firearm/akiokaki_UCD_2015_state_firearm_excl_suicide.txt")
        }
        # By state and intent, 2015: the deaths in rows that are shown, and how many rows of race and cause are not.
        intents = {"W": "unintentional", "X7": "suicide", "X9": "homicide", "Y": "undetermined"}
        self.guns_shown, self.guns_rows = defaultdict(int), defaultdict(int)
        for row in wonder(cdc / "wonder_firearm/lettergram_UCD_2013-2016_state-race-year-cause_firearm.txt"):
            if row["Year Code"] == "2015":
                code = row["Cause of death Code"]
                key = row["State Code"], next(intent for start, intent in intents.items() if code.startswith(start))
                self.guns_shown[key] += number(row["Deaths"])
                self.guns_rows[key] += 1
        self.guns = defaultdict(dict)
        for row in table(cdc / "wonder_firearm/d2718_gun_data_county_year_1999_2019.csv"):
            self.guns[int(row["Year"])][row["County Code"].zfill(5)] = int(row["Deaths"])
        self.dispensed = {}
        for name in ("2006_2018", "2019-2023"):
            for row in table(cdc / f"rx_rates/vishal_State_Opioid_Dispensing_Rates_{name}.csv"):
                if row["STATE_ABBREV"] not in ("", "US") and row["STATE_NAME"] != "United States":
                    self.dispensed[row["STATE_NAME"], int(row["YEAR"])] = Decimal(row["opioid_dispensing_rate"])
        self.vsrr, self.specified = {}, {}
        for row in table(cdc / "socrata_vsrr/info201a_2019_VSRR_12col.csv"):
            key = row["State"], int(row["Year"]), row["Month"], row["Indicator"]
            if row["Indicator"] == "Percent with drugs specified":
                self.specified[key[:3]] = Decimal(row["Data Value"])
            else:
                self.vsrr[key] = number(row["Data Value"])
        self.poisoning = {
            row["State"]: Decimal(row["Age-adjusted Rate"])
            for row in table(cdc / "socrata_nchs_poisoning/manjunath_NCHS_state_2020.csv")
            if row["Year"] == "2015" and row["Sex"] == "Both Sexes" and row["Age Group"] == "All Ages"
            and row["Race and Hispanic Origin"] == "All Races-All Origins" and row["State"] != "United States"
        }
        binned = table(cdc / "socrata_nchs_poisoning/NCHS_-_Drug_Poisoning_Mortality_by_County__United_States.csv")
        self.highest_bin = [
            row["FIPS"].zfill(5) for row in binned if row["Year"] == "2015" and row["Estimated_Age_Adjusted_Death_Rate"] == "30+"
        ]
        self.estimated = {
            row["state_name"]: int(row["homicide"])
            for row in table(fbi / "estimated_crimes/estimated_crimes_1979_2019.csv")
            if row["year"] == "2015" and row["state_abbr"]
        }
        self.by_firearm = self.weapons(fbi / "cius/2015/Table_20_Murder_by_State_Types_of_Weapons_2015.xls")
        name = "Offenses_Known_to_Law_Enforcement_by_State_by_City"
        self.cities = {
            2013: cities(fbi / f"cius/2013/Table_8_{name}_2013.xls"),
            2015: cities(fbi / f"cius/2015/Table_8_{name}_2015.xls"),
            2016: cities(fbi / f"cius/2016/Table_6_{name}_2016.xls"),
        }
        self.by_incident = min(
            row["nibrs_start_date"] for row in table(fbi / "cde_agencies/cde_agencies_2026_metadata_all.csv")
            if row["state_abbr"] == "OR" and row["agency_name"] == "Portland Police Department"
        )

    def universe(self, cdc: pathlib.Path) -> set[str]:
        """The counties that the databases have for 2015: those of a whole export but for the ones an answer calls missing."""
        every = {
            row["County Code"] for row in wonder(cdc / "wonder_mcd_county/smussenden_MCD_2006-2012_county_pooled_opioid.txt")
        }
        answer = (cdc / "wonder_api/D76_response_unescaped.xml").read_text(encoding="latin-1")
        places = answer[answer.index('<missing var1="D76.V10-level4"') :]
        places = places[: places.index("</missing>")]
        for code, spans in re.findall(r'<instance code="(\d{5})">(.*?)</instance>', places, re.S):
            for span in re.findall(r"<hier-range>(\d{4})(?:-(\d{4}))?</hier-range>", spans):
                if int(span[0]) <= 2015 <= int(span[1] or span[0]):
                    every.discard(code)
        return every

    def weapons(self, path: pathlib.Path) -> dict[str, int]:
        found, column = {}, None
        for row in Workbook(path).rows():
            words = [re.sub(r"\s+", " ", str(cell)).strip().lower() for cell in row]
            if column is None:
                if words[0].startswith("state"):
                    column = next(place for place, word in enumerate(words) if word.startswith("total firearms"))
                continue
            if isinstance(row[column], float | int):
                found[re.sub(r"[\d, ]+$", "", str(row[0]).strip())] = int(row[column])
        return found

    def murders(self, year: int, state: str, city: str) -> int | None:
        rows = [murders for where, name, murders in self.cities[year] if (where, name) == (state, city)]
        return rows[0] if len(rows) == 1 else None


# ---- The claims ----------------------------------------------------------------------------------------------------


def rounded(value, places: int) -> Decimal:
    value = Fraction(value)
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def highest(rates: dict[str, Decimal | None]) -> dict:
    known = sorted(((rate, name) for name, rate in rates.items() if rate is not None), reverse=True)
    (first_rate, first), (second_rate, second) = known[:2]
    return {
        "first_state": first, "first_rate": rounded(first_rate, 2), "second_state": second,
        "second_rate": rounded(second_rate, 2), "areas": len(rates), "with_rate": len(known),
    }


def ranked(rows: dict[str, tuple[str, Fraction]]) -> list[tuple[str, str]]:
    """Codes and names, the highest first; of those level the lower code."""
    return [(code, rows[code][0]) for code in sorted(rows, key=lambda code: (-rows[code][1], code))]


def window(facts: Facts, first: int, last: int) -> dict[str, tuple[str, Fraction]]:
    """Crude rates over several years of the counties of which each year is published, of 20 deaths and more."""
    shown = set(facts.induced[first])
    for year in range(first + 1, last + 1):
        shown &= set(facts.induced[year])
    found = {}
    for code in shown:
        rows = [facts.induced[year][code] for year in range(first, last + 1)]
        deaths, people = sum(row[1] for row in rows), sum(row[2] for row in rows)
        if deaths >= 20:
            found[code] = (min(row[0] for row in rows), Fraction(100_000 * deaths, people))
    return found


def lists(facts: Facts) -> list[list[tuple[str, str]]]:
    """The ranked counties by each definition, in the order of the claims."""
    def of(rows, measure, least, people=0):
        found = {}
        for code, (name, deaths, population, crude, adjusted) in rows.items():
            if deaths is None or deaths < least or population < people:
                continue
            value = {"crude": crude, "adjusted": adjusted, "deaths": deaths, "ours": Fraction(100_000 * deaths, population)}
            found[code] = (name, Fraction(value[measure]))
        return ranked(found)

    opioids = facts.opioid_county
    found = [
        of(opioids, "crude", 20), of(opioids, "ours", 10), of(opioids, "adjusted", 20),
        of(opioids, "adjusted", 20, 700_000), of(opioids, "deaths", 10),
        of(facts.induced[2015], "crude", 20), of(facts.induced[2015], "ours", 10), of(facts.induced[2015], "adjusted", 20),
        of(facts.induced[2015], "deaths", 10), of(facts.induced[2014], "crude", 20), of(facts.induced[2014], "adjusted", 20),
    ]
    for first in (2014, 2013, 2012, 2011, 2010, 2006):
        found.append(ranked(window(facts, first, 2015)))
    return [*found, ranked(window(facts, 2006, 2012)), ranked(window(facts, 1999, 2015))]


def raised(facts: Facts) -> tuple[dict, list[tuple[str, str]]]:
    """The state's deaths around 2009, and the counties of 2006-2012 ranked as if that year had had the mean of those beside it."""
    state = {year: facts.opioid_state[WEST_VIRGINIA, year] for year in range(2006, 2013)}
    lost = Fraction(state[2008] + state[2010], 2) - state[2009]
    found = {}
    for code, (name, deaths, people, _, _) in facts.opioid_county.items():
        if deaths is not None and deaths >= 20:
            factor = 1 + lost / sum(state.values()) if code.startswith(WEST_VIRGINIA) else 1
            found[code] = (name, Fraction(100_000 * deaths, people) * factor)
    return {"listed": 20, **{f"deaths_{year}": state[year] for year in (2008, 2009, 2010)}}, ranked(found)


def of_west_virginia(places: list[tuple[str, str]], first: int) -> int:
    return sum(code.startswith(WEST_VIRGINIA) for code, _ in places[:first])


def both(pairs: list[tuple[int, int]]) -> dict:
    return {
        "half": sum(twenty == 10 for twenty, _ in pairs), "four": sum(four == 4 for _, four in pairs),
        "both_at_once": sum(pair == (10, 4) for pair in pairs),
        "most_of_twenty": max(twenty for twenty, _ in pairs), "most_of_four": max(four for _, four in pairs),
    }


def bounded(facts: Facts) -> dict:
    """How many West Virginian counties can be among the first, with every suppressed count anything from 0 to 9."""
    def place(best: bool) -> list[str]:
        found = []
        for code, (_, deaths, people, _, _) in facts.opioid_county.items():
            ours = code.startswith(WEST_VIRGINIA)
            count = deaths if deaths is not None else 9 if ours == best else 0
            found.append((-Fraction(count, people), ours != best, code))
        return [code for _, _, code in sorted(found)]

    count = lambda codes: sum(code.startswith(WEST_VIRGINIA) for code in codes)  # noqa: E731
    worst, best = place(False), place(True)
    return {
        "twenty_least": count(worst[:20]), "twenty_most": count(best[:20]), "four_least": count(worst[:4]),
        "four_most": count(best[:4]), "counties": len(worst),
        "counties_withheld": sum(row[1] is None for row in facts.opioid_county.values()),
    }


def times(before, after) -> dict:
    return {"before": before, "after": after, "times": rounded(Fraction(after) / Fraction(before), 2)}


def minutes(deaths: int, of_year: int) -> dict:
    return {"deaths": deaths, "minutes": rounded(Fraction(of_year, deaths), 1)}


def places(pairs) -> dict:
    """Of (least of one, most of one, least of the other, most of the other) how many are more, certainly and possibly."""
    pairs = list(pairs)
    more = sum(low > other_high for low, _, _, other_high in pairs)
    less = sum(high <= other_low for _, high, other_low, _ in pairs)
    share = lambda count: rounded(Fraction(100 * count, len(pairs)), 1)  # noqa: E731
    return {
        "places": len(pairs), "certainly_more": more, "certainly_not": less, "open": len(pairs) - more - less,
        "possibly_more": len(pairs) - less, "percent_least": share(more), "percent_most": share(len(pairs) - less),
    }


def exact(value: int | None) -> tuple[int, int]:
    return (0, 9) if value is None else (value, value)


def count_again(facts: Facts) -> dict[str, list[dict | None]]:
    """By claim the numbers of each test; None where no captured file has any."""
    year_state = lambda values: {facts.states[code]: value for (code, year), value in values.items() if year == 2015}  # noqa: E731
    ranks = lists(facts)
    pairs = [(of_west_virginia(each, 20), of_west_virginia(each, 4)) for each in ranks]
    windows = [(first, last) for first in range(FIRST, LAST + 1) for last in range(first, LAST + 1)]
    swept = [ranked(window(facts, *years)) for years in windows]
    sweep = [(of_west_virginia(each, 20), of_west_virginia(each, 4)) for each in swept]
    bounds = bounded(facts)
    keep = lambda *names: {name: bounds[name] for name in names}  # noqa: E731
    in_bin, ours = len(facts.highest_bin), sum(code.startswith(WEST_VIRGINIA) for code in facts.highest_bin)

    opioids, alls = "Opioids (T40.0-T40.4,T40.6)", "Number of Drug Overdose Deaths"
    synthetic = "Synthetic opioids, excl. methadone (T40.4)"
    vsrr = lambda place, year, what: facts.vsrr[place, year, "December", what]  # noqa: E731
    overdose = lambda year: [deaths for (_, of), deaths in facts.overdose.items() if of == year]  # noqa: E731
    oregon = [vsrr("OR", 2015, synthetic), vsrr("OR", 2015, alls), facts.specified["OR", 2015, "December"]]

    alabama = [facts.dispensed["Alabama", year] for year in range(2006, 2017)]
    every = {year: rate for (state, year), rate in facts.dispensed.items() if state == "Alabama"}
    above = [year for year, rate in every.items() if rate > 100]

    def first(begin: int, end: int) -> dict:
        def rank(year: int, state: str) -> int:
            rates = [rate for (_, of), rate in facts.dispensed.items() if of == year]
            return 1 + sum(rate > facts.dispensed[state, year] for rate in rates)
        names = sorted({state for state, _ in facts.dispensed})
        others = [(name, year) for name in names for year in range(begin, end + 1) if name != "Alabama" and rank(year, name) == 1]
        before = [rank(year, "Alabama") for year in range(2006, begin)]
        return {
            "years_first": sum(rank(year, "Alabama") == 1 for year in range(begin, end + 1)), "others_first": len(others),
            "another": others[0][0] if others else None, "best_before": min(before), "worst_before": max(before),
            "areas": len(names),
        }

    oregon_2015 = [row for row in facts.cities[2015] if row[0] == "OREGON"]
    portland = {year: facts.murders(year, "OREGON", "Portland") for year in (2013, 2015, 2016)}

    codes = sorted({code for code, _ in facts.opioid_state})
    of_state = lambda rows, code: {county: deaths for county, deaths in rows.items() if county.startswith(code)}  # noqa: E731
    copied = {}
    for code in codes:
        # The copy has no row of the District of Columbia in any year.
        if any(of_state(rows, code) for rows in facts.guns.values()):
            shown = of_state(facts.guns[2015], code)
            hidden = sum(county.startswith(code) for county in facts.counties_2015) - len(shown)
            assert hidden != 1, "a state with one hidden county has no bounds, and the claims leave it out"
            copied[code] = (sum(shown.values()), sum(shown.values()) + 9 * hidden)
    opioid = {code: exact(facts.opioid_state[code, 2015]) for code in codes}
    not_suicide = {code: exact(facts.guns_not_suicide.get(code)) for code in codes}
    named = {facts.states[code]: code for code in codes}

    def lowered(least: int, count: int | None) -> int:
        """What is told of a least: 10 below a count that is known, where it would stand 1-9 below it."""
        return max(0, count - 10) if count is not None and 1 <= count - least <= 9 else least

    def homicides(code: str) -> tuple[int, int]:
        """By firearm: at least the rows that are shown of four races and three causes, at most 9 for each other one more."""
        shown = facts.guns_shown[code, "homicide"]
        return lowered(shown, facts.guns_not_suicide.get(code)), shown + 9 * (12 - facts.guns_rows[code, "homicide"])

    def every_gun(code: str) -> tuple[int, int]:
        """At least what either source shows, at most what the copy leaves open."""
        others = sum(facts.guns_shown[code, intent] for intent in ("unintentional", "homicide", "undetermined"))
        rows = lowered(others, facts.guns_not_suicide.get(code)) + facts.guns_shown[code, "suicide"]
        least, most = copied[code]
        return max(least, rows), most

    def counties(people: int):
        for code, (_, deaths, person_years, _, _) in facts.opioid_county.items():
            if code == "11001" or person_years < 7 * people:
                continue
            years = [facts.guns[year][code] for year in range(2006, 2013) if code in facts.guns[year]]
            yield *exact(deaths), sum(years), sum(years) + 9 * (7 - len(years))

    large = [
        (row[1], *exact(facts.guns[2015].get(code)))
        for code, row in facts.induced[2015].items() if row[2] >= 500_000 and code != "11001"
    ]

    boroughs = ("36005", "36047", "36061", "36081", "36085")
    stands_for = {
        ("ALASKA", "Anchorage"): ("02020",), ("CALIFORNIA", "San Francisco"): ("06075",), ("COLORADO", "Denver"): ("08031",),
        ("DISTRICT OF COLUMBIA", "Washington"): ("11001",), ("HAWAII", "Honolulu"): ("15003",),
        ("GEORGIA", "Columbus"): ("13215",), ("KENTUCKY", "Lexington"): ("21067",), ("LOUISIANA", "New Orleans"): ("22071",), ("MARYLAND", "Baltimore"): ("24510",), ("MISSOURI", "St. Louis"): ("29510",),
        ("NEW YORK", "New York"): boroughs, ("PENNSYLVANIA", "Philadelphia"): ("42101",),
        ("VIRGINIA", "Alexandria"): ("51510",), ("VIRGINIA", "Chesapeake"): ("51550",), ("VIRGINIA", "Hampton"): ("51650",),
        ("VIRGINIA", "Newport News"): ("51700",), ("VIRGINIA", "Norfolk"): ("51710",), ("VIRGINIA", "Richmond"): ("51760",),
        ("VIRGINIA", "Virginia Beach"): ("51810",),
    }
    pooled, lately, murdered = [], [], []
    for (state, city), members in stands_for.items():
        drugs = sum(facts.induced[2015][code][1] for code in members)
        murdered.append((drugs, drugs, *[facts.murders(2015, state, city)] * 2))
        if city == "Washington":
            continue
        deaths = sum(facts.opioid_county[code][1] for code in members)
        years = [exact(facts.guns[year].get(code)) for code in members for year in range(2006, 2013)]
        pooled.append((deaths, deaths, sum(low for low, _ in years), sum(high for _, high in years)))
        guns = [exact(facts.guns[2015].get(code)) for code in members]
        lately.append((drugs, sum(low for low, _ in guns), sum(high for _, high in guns)))
    new_york = sum(facts.guns[2015][code] for code in boroughs)

    around_2009, without_2009 = raised(facts)
    at_most = lambda rows: [(0, drugs, low, high) for drugs, low, high in rows]  # noqa: E731
    at_least = lambda rows: [(drugs, drugs, low, high) for drugs, low, high in rows]  # noqa: E731
    return {
        "west-virginia-highest-2015": [
            highest(year_state(facts.overdose_adjusted)), highest(year_state(facts.overdose_crude)), highest(facts.poisoning),
            highest(year_state(facts.opioid_adjusted)), highest(year_state(facts.opioid_crude)),
        ],
        "top-counties-both": [{"definitions": len(pairs), **both(pairs)}, {"windows": len(sweep), **both(sweep)}, {
            "in_highest": in_bin, "of_west_virginia": ours, "surely": int(in_bin == ours and in_bin >= 20), "perhaps": int(ours >= 10),
        }],
        "top-counties-half": [
            *({"listed": 20, "of_twenty": twenty, "places_ranked": len(each)} for each, (twenty, _) in zip(ranks, pairs)),
            bounds,
            {"in_highest": in_bin, "of_west_virginia": ours, "least": max(0, 20 - (in_bin - ours)), "most": min(20, ours)},
            None,
            {**around_2009, "of_twenty": of_west_virginia(without_2009, 20)},
        ],
        "top-counties-four": [
            *({
                "listed": 20, "of_four": four, "first_county": each[0][1], "second_county": each[1][1],
                "third_county": each[2][1], "fourth_county": each[3][1],
            } for each, (_, four) in zip(ranks, pairs)),
            bounds,
            {"in_highest": in_bin, "of_west_virginia": ours, "least": max(0, 4 - (in_bin - ours)), "most": min(4, ours)},
            None,
            {
                **around_2009, "of_four": of_west_virginia(without_2009, 4),
                **{f"{place}_county": without_2009[at][1] for at, place in enumerate(("first", "second", "third", "fourth"))},
            },
        ],
        "opioid-deaths-2015": [
            {"deaths": facts.opioid_us[2015]},
            {"deaths": sum(facts.opioid_state[code, 2015] for code in codes), "shown": len(codes), "areas": len(codes)},
            {"deaths": vsrr("US", 2015, opioids)},
        ],
        "twenty-years-earlier": [
            None, times(facts.opioid_us[1999], facts.opioid_us[2015]),
            times(rounded(facts.opioid_us_rate[1999], 2), rounded(facts.opioid_us_rate[2015], 2)),
            {**times(sum(overdose(1999)), sum(overdose(2015))), "shown": min(len(overdose(1999)), len(overdose(2015)))},
        ],
        "every-ten-minutes": [
            minutes(facts.opioid_us[2015], 525_600), minutes(facts.opioid_us[2016], 527_040), minutes(sum(overdose(2015)), 525_600),
            minutes(vsrr("US", 2016, opioids), 527_040), minutes(vsrr("US", 2016, alls), 527_040),
        ],
        "alabama-prescriptions": [
            {"years": len(alabama), "least": min(alabama), "most": max(alabama), "rate_2006": alabama[0], "rate_2016": alabama[-1]},
            {
                "above": len(above), "years": len(every), "first_year": min(every), "last_year": max(every),
                "last_above": max(above), "rate_2018": every[2018],
            },
        ],
        "alabama-first": [first(2012, 2016), first(2011, 2015)],
        "portland-homicides": [
            {
                "found": sum(row[:2] == ("OREGON", "Portland") for year in (2013, 2016) for row in facts.cities[year]),
                "homicides_2013": portland[2013], "homicides_2016": portland[2016],
            },
        ],
        "portland-rise": [
            {
                "portland_2015": sum(row[1] == "Portland" for row in oregon_2015), "oregon_cities_2015": len(oregon_2015),
                "homicides_2013": portland[2013], "homicides_2015": portland[2015], "rise_percent": None,
                "table_2014": "not loaded", "by_incident_since": facts.by_incident,
            },
            None, None, None,
        ],
        "portland-fentanyl": [
            {"found": 0, "deaths": None, "first_day": "2006-01-01", "last_day": "2012-12-31", "drugs": 1},
            {"found": 1, "least": 0, "most": oregon[0], "maine": vsrr("ME", 2015, synthetic)},
            {
                "named": oregon[0], "overdoses": oregon[1], "percent_specified": rounded(oregon[2], 1), "least": 0,
                "most": oregon[0] + math.ceil(oregon[1] * (100 - oregon[2]) / 100),
            },
        ],
        "opioids-against-bullets-states": [
            places((*opioid[code], *every_gun(code)) for code in copied), places((*opioid[code], *not_suicide[code]) for code in codes),
            places((*opioid[code], *homicides(code)) for code in codes),
            places(
                (*opioid[named[state]], victims, victims) for state, victims in facts.by_firearm.items() if state in named
            ),
            places((*opioid[named[state]], murders, murders) for state, murders in facts.estimated.items() if state in named),
            places((*exact(facts.overdose[code, 2015]), *every_gun(code)) for code in copied),
        ],
        "opioids-against-bullets-counties": [
            places(counties(500_000)), places(counties(250_000)), places(counties(0)), places(at_most(large)), places(at_least(large)),
        ],
        "opioids-against-bullets-cities": [
            places(pooled), places(at_most(lately)), places(at_least(lately)), places(murdered),
            {
                "opioids": vsrr("YC", 2015, opioids), "firearms": new_york, "murders": facts.murders(2015, "NEW YORK", "New York"),
                "more": vsrr("YC", 2015, opioids) - new_york,
            },
        ],
        "responsible-for-more-deaths": [],
    }


def notes(facts: Facts, captures: pathlib.Path) -> dict[str, list[str]]:
    """What the words around the tests must say."""
    share = lambda code: f"{100 * facts.opioid_state[code, 2015] / facts.overdose[code, 2015]:.0f} %"  # noqa: E731
    heroin = {
        int(row["Year Code"]): number(row["Deaths"])
        for row in wonder(captures / "cdc/wonder_mcd_state/cdc_wonder_pull_total_natl_heroin.txt")
    }
    news = next(
        row for row in table(captures / "fbi/city_homicides/fivethirtyeight_murder_2015_final.csv")
        if (row["city"], row["state"]) == ("Portland", "Oregon")
    )
    before = facts.murders(2013, "OREGON", "Portland")
    return {
        "portland-rise": [
            f"From {before} to 34 is a rise of {100 * (34 - before) / before:.0f} %",
            f"has {news['2015_murders']} for Portland in 2015 and {news['2014_murders']} in 2014",
        ],
        "opioids-against-bullets-states": [f"{share('22')} of overdose deaths in Louisiana in 2015, {share('54')} in West Virginia"],
        "responsible-for-more-deaths": [f"of the {facts.opioid_us[2015]:,} deaths with an opioid in 2015 {heroin[2015]:,} had heroin"],
    }


# ---- Comparing -----------------------------------------------------------------------------------------------------


def same(theirs: str | None, ours) -> bool:
    if theirs is None or ours is None:
        return theirs is None and ours is None
    if isinstance(ours, str):
        return theirs == ours
    return Decimal(theirs) == Decimal(ours)


def outcome(test: dict, numbers: dict) -> str:
    """What comes of a test by what the set of claims expects of these numbers."""
    if test.get("present") is not None and not numbers[test["present"]]:
        return "absent"
    outcomes = set()
    for expect in test["expect"]:
        low, high = (numbers[expect.get(end, expect.get("column"))] for end in ("low", "high"))
        if low is None or high is None:
            return "absent"
        if "above" in expect:
            surely, perhaps = low > expect["above"], high > expect["above"]
        elif "below" in expect:
            surely, perhaps = high < expect["below"], low < expect["below"]
        elif isinstance(expect["is"], str):
            surely = perhaps = low == expect["is"]
        else:
            want = Fraction(expect["is"])
            surely = perhaps = abs(Fraction(low) - want) <= Fraction(str(expect.get("within", 0))) * abs(want)
        outcomes.add("holds" if surely else "undetermined" if perhaps else "refuted")
    return next(outcome for outcome in ("refuted", "undetermined", "holds") if outcome in outcomes)


def in_words(text: str, values: dict[str, str | None]) -> str:
    """A sentence of the set of claims with these values in it."""
    def value(place: re.Match) -> str:
        found = values[place[1]]
        if found is None:
            return "no value"
        whole, point, rest = found.partition(".")
        return f"{int(whole):,}{point}{rest}" if place[2] else found
    return re.sub(r"\{(\w+)(:,)?\}", value, text)


def telling(declared: list[dict], tests: list[dict]) -> list[str]:
    """The sentences that a reason must have: of four definitions or more how many hold, and the first that does and that does not."""
    weighty = [test for test in tests if not test["context"]]
    if len(weighty) < 4:
        return [test["reason"].rstrip(".") for test in tests]
    count = lambda *which: sum(test["outcome"] in which for test in weighty)  # noqa: E731
    parts = [f"it holds by {count('holds')}", f"does not by {count('refuted')}"]
    if left := count("undetermined", "absent"):
        parts.append(f"{left} leave{'s' if left == 1 else ''} it open")
    if untried := count("not_loaded"):
        parts.append(f"{untried} could not be tried for want of data")
    said = [f"By {len(weighty)} definitions: {', '.join(parts[:-1])} and {parts[-1]}."]
    for which in ("holds", "refuted"):
        said += [f"{test['definition'].rstrip('.')}: {test['reason'].rstrip('.')}" for test in weighty if test["outcome"] == which][:1]
    return said


def verdict(outcomes: list[str]) -> str:
    """Of a claim, by what came of its tests that have weight."""
    made = [outcome for outcome in outcomes if outcome != "not_loaded"]
    if not {"holds", "refuted"} & set(made):
        return "not_checkable"
    if set(made) == {"holds"}:
        return "holds"
    return "holds_in_part" if "holds" in made else "refuted"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", type=pathlib.Path, help="the folder of captured files")
    parser.add_argument("claims", type=pathlib.Path, help="what `tollhouse --json claims` printed")
    parser.add_argument("--table", action="store_true", help="print a table of everything that was compared")
    arguments = parser.parse_args()

    facts = Facts(arguments.captures)
    expected = count_again(facts)
    found = {claim["id"]: claim for claim in json.loads(arguments.claims.read_text(encoding="utf-8"))}
    bad = [f"{name}: not counted here" for name in sorted(set(found) - set(expected))]
    bad += [f"{name}: not among the claims" for name in sorted(set(expected) - set(found))]
    every = pathlib.Path(__file__).parent.parent / "warehouse/claims/citylab-2017.toml"
    claims = {claim["id"]: claim for claim in tomllib.loads(every.read_text(encoding="utf-8"))["claim"]}
    compared = judged = 0
    for name, tests in expected.items():
        if name not in found:
            continue
        outcomes = []
        told = found[name]
        for key in ("statement", "citation", "number"):
            if told[key] != claims[name][key]:
                bad.append(f"{name}: its {key} is not the declared one")
        reason = [claims[name].get("note", "").strip(), claims[name].get("not_checkable", "").strip()]
        for sentence in [*reason, *telling(claims[name].get("test", []), told["tests"])]:
            if sentence not in told["reason"]:
                bad.append(f"{name}: its reason does not say `{sentence}`")
        if len(found[name]["tests"]) != len(tests):
            bad.append(f"{name}: {len(found[name]['tests'])} tests, and {len(tests)} are counted here")
            continue
        for declared, test, numbers in zip(claims[name].get("test", []), found[name]["tests"], tests):
            came = test["outcome"] if numbers is None else outcome(declared, numbers)
            if not declared.get("context"):
                outcomes.append(came)
            judged += 1
            if (test["definition"], test["context"]) != (declared["definition"], declared.get("context", False)):
                bad.append(f"{name}: {test['definition']}: it is not what is declared")
            values = {number["column"]: number["value"] for number in test["numbers"]}
            words = declared.get({"not_loaded": "", "absent": "absent"}.get(came, came), declared["refuted"])
            if numbers is not None and in_words(words, values) != test["reason"]:
                bad.append(f"{name}: {test['definition']}: says `{test['reason']}`, and should say `{in_words(words, values)}`")
            if came != test["outcome"]:
                bad.append(f"{name}: {test['definition']}: {test['outcome']}, judged again {came}")
            where = f"{name}: {test['definition']}"
            theirs = {number["column"]: number["value"] for number in test["numbers"]}
            if numbers is None:
                if test["outcome"] not in ("not_loaded", "absent"):
                    bad.append(f"{where}: {test['outcome']}, and no captured file has it")
                continue
            if set(theirs) != set(numbers):
                bad.append(f"{where}: columns {', '.join(sorted(set(theirs) ^ set(numbers)))} are on one side only")
            for column in sorted(set(theirs) & set(numbers)):
                compared += 1
                if arguments.table:
                    print(f"| {name} | {test['definition']} | {column} | {theirs[column]} | {numbers[column]} |")
                if not same(theirs[column], numbers[column]):
                    bad.append(f"{where}: {column} is {theirs[column]}, counted again {numbers[column]}")
        judged += 1
        if verdict(outcomes) != found[name]["verdict"]:
            bad.append(f"{name}: {found[name]['verdict']}, judged again {verdict(outcomes)}")
    for name, said in notes(facts, arguments.captures).items():
        for words in said:
            compared += 1
            if name in found and words not in found[name]["reason"]:
                bad.append(f"{name}: its words do not say `{words}`")
    for line in bad:
        print(f"  DIFFERS: {line}")
    again = f"{compared} numbers of {len(found)} claims were counted again, {judged} outcomes and verdicts judged again"
    print(again + (": all are the same." if not bad else "."))
    return 1 if bad or not compared or not judged else 0


if __name__ == "__main__":
    sys.exit(main())
