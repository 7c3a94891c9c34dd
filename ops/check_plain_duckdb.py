#!/usr/bin/env python3
"""Opens the demo's tollhouse.duckdb with plain DuckDB, from another folder, and compares totals.

    ops/check_plain_duckdb.py ROOT

The expected numbers were counted in the publishers' files, not taken from Tollhouse.
"""

import argparse
import os
import pathlib
import sys
import tempfile

import duckdb

EXPECTED = [
    ("ARCOS dosage units, Mingo County 2006-2012", "select sum(dosage_units) from arcos_transactions", 38_269_630),
    ("ARCOS transactions", "select count(*) from arcos_transactions", 37_154),
    ("opioid deaths, United States 1999-2016", "select sum(deaths) from cdc_opioid_deaths_us where drug = 'any_opioid'", 351_630),
    ("state rows of opioid deaths", "select count(*) from cdc_opioid_deaths_state where drug = 'any_opioid'", 918),
    (
        "suppressed state rows",
        "select count(*) from cdc_opioid_deaths_state where drug = 'any_opioid' and deaths_status = 'suppressed' and deaths is null",
        16,
    ),
    (
        "opioid deaths of the states in 2015",
        "select sum(deaths) from cdc_opioid_deaths_state where drug = 'any_opioid' and year = 2015",
        33_091,
    ),
    ("murders in cities, 2015", "select sum(murder) from fbi_city_offenses where year = 2015", 11_496),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path, help="the demo's warehouse")
    catalogue = parser.parse_args().root.resolve() / "tollhouse.duckdb"

    wrong = 0
    with tempfile.TemporaryDirectory() as elsewhere:
        os.chdir(elsewhere)
        with duckdb.connect(str(catalogue), read_only=True) as database:
            for what, sql, expected in EXPECTED:
                found = database.execute(sql).fetchone()[0]
                if found == expected:
                    print(f"  ok: {what}: {expected:,}")
                else:
                    wrong += 1
                    print(f"  WRONG: {what}: {found}, expected {expected:,}")
        os.chdir("/")
    print(f"{len(EXPECTED) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
