#!/usr/bin/env python3
"""Looks for persons in everything that the demo writes and that ships with the program.

    ops/check_persons.py --capture ARCOS.tsv.gz [--log FILE]... PLACE...

What is sought: name, addresses, company information and registration number of each buyer in the captured ARCOS file
who is a practitioner, but for values that a business buyer there has too. Where: all files of the places, text columns
of Parquet files and of DuckDB's tables, and the bytes of all others, unpacked where they are compressed. No value is ever
printed; a finding is told by its place, its kind and its number.
"""

import argparse
import gzip
import io
import pathlib
import re
import sys
import zipfile

import duckdb
import zstandard

FIELDS = {
    "BUYER_NAME": "name",
    "BUYER_ADDRESS1": "address",
    "BUYER_ADDRESS2": "address",
    "BUYER_ADDL_CO_INFO": "company information",
    "BUYER_DEA_NO": "registration number",
}
NOTHING = {"", "null"}


class Seeker:
    """The values sought, each as a whole word, whatever the case."""

    def __init__(self, capture: pathlib.Path):
        persons: dict[str, str] = {}
        exempt = set(NOTHING)
        with gzip.open(capture, "rt", encoding="latin-1", newline="") as lines:
            header = next(lines).rstrip("\r\n").split("\t")
            places = {field: header.index(field) for field in FIELDS}
            activity = header.index("BUYER_BUS_ACT")
            self.rows = 0
            for line in lines:
                cells = line.rstrip("\r\n").split("\t")
                is_person = cells[activity].startswith("PRACTITIONER")
                self.rows += is_person
                for field, place in places.items():
                    value = cells[place].strip().strip('"').lower()
                    if is_person:
                        persons[value] = FIELDS[field]
                    else:
                        exempt.add(value)
        self.kinds = {value: kind for value, kind in persons.items() if value not in exempt}
        words = sorted(self.kinds, key=len, reverse=True)
        self.pattern = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, words))})(?![a-z0-9])") if words else None
        # If the seeker does not find them where they are, it finds nothing anywhere.
        with gzip.open(capture, "rt", encoding="latin-1", newline="") as lines:
            seen = sum(1 for line in lines if self.pattern and self.pattern.search(line.lower()))
        self.works = self.rows > 0 and seen >= self.rows

    def in_text(self, text: str) -> list[str]:
        return [self.kinds[value] for value in self.pattern.findall(text.lower())]

    def in_bytes(self, data: bytes) -> list[str]:
        found = self.in_text(data.decode("latin-1"))
        if b"\x00" in data:
            found += self.in_text(data.replace(b"\x00", b"").decode("latin-1"))
        return found


def text_columns(database: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    return [row[0] for row in database.execute(f"describe select * from {source}").fetchall() if row[1] == "VARCHAR"]


def in_columns(database: duckdb.DuckDBPyConnection, source: str, seeker: Seeker) -> list[str]:
    found = []
    for column in text_columns(database, source):
        rows = database.execute(f'select distinct "{column}" from {source} where "{column}" is not null').fetchall()
        found += [f"{kind} in {column}" for (text,) in rows for kind in seeker.in_text(text)]
    return found


def unpacked(data: bytes) -> list[bytes]:
    """The bytes, and what is packed in them."""
    if data[:2] == b"\x1f\x8b":
        return [gzip.decompress(data)]
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return [zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()]
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [archive.read(name) for name in archive.namelist()]
    return [data]


def in_file(path: pathlib.Path, seeker: Seeker) -> list[str]:
    if path.suffix == ".parquet":
        with duckdb.connect() as database:
            return in_columns(database, f"read_parquet('{path}', hive_partitioning = false)", seeker)
    data = path.read_bytes()
    found = [kind for part in unpacked(data) for kind in seeker.in_bytes(part)]
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as database:
            tables = database.execute(
                "select schema_name, table_name from duckdb_tables() where not internal"
            ).fetchall()
            for schema, table in tables:
                found += in_columns(database, f'"{schema}"."{table}"', seeker)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capture", type=pathlib.Path, required=True, help="the captured ARCOS file, gzip")
    parser.add_argument("--log", type=pathlib.Path, action="append", default=[], help="a file to look into too")
    parser.add_argument("places", type=pathlib.Path, nargs="+", help="folders to look through")
    arguments = parser.parse_args()

    seeker = Seeker(arguments.capture)
    if not seeker.works:
        print("The seeker does not find the persons in the capture itself; nothing was checked.")
        return 1
    print(f"  {len(seeker.kinds)} values of practitioners in {seeker.rows} captured rows are sought")
    bad = 0
    for place in [*arguments.places, *arguments.log]:
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        if not files:
            bad += 1
            print(f"  NOTHING TO LOOK AT: {place}")
        findings = 0
        for path in files:
            found = in_file(path, seeker)
            for what in sorted(set(found)):
                print(f"  FOUND: {path}: {what}, {found.count(what)} times")
            findings += len(found)
        bad += findings
        if not findings and files:
            print(f"  ok: {place.name}: {len(files)} files")
    print("No person was found." if not bad else "PERSONS WERE FOUND, or a place was empty.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
