#!/usr/bin/env python3
"""Compares every table of two warehouses, row by row and in both directions, with plain DuckDB.

    ops/compare_roots.py IMPORTED DEMO

IMPORTED was made from captured files, DEMO from the replica. `_capture` is left out, because the bytes differ. Record
numbers (`_record`) may differ too, where the replica serves another layout of the same table; that is said. A release
that only IMPORTED has is skipped, and named, where --may-miss names its dataset. A captured copy that is kept apart from
the publisher's own file, in a release of its own, is compared with it by --same: all but release, grade and place.
"""

import argparse
import pathlib
import sys
import tempfile

import duckdb


def dump(root: pathlib.Path, folder: pathlib.Path) -> dict[str, list[str]]:
    """Writes every table of `history` as Parquet; returns the tables' columns."""
    tables = {}
    with duckdb.connect(str(root.resolve() / "tollhouse.duckdb"), read_only=True) as database:
        names = database.execute(
            "select table_name from information_schema.tables where table_schema = 'history' order by 1"
        ).fetchall()
        for (name,) in names:
            # With which snapshot rows came, and when their file was last changed, is not what they say.
            rows = f'select * exclude (_snapshot, _released) from history."{name}"'
            database.execute(f"copy ({rows}) to '{folder / name}.parquet' (format parquet)")
            described = database.execute(f"describe {rows}").fetchall()
            tables[name] = [row[0] for row in described]
    return tables


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("imported", type=pathlib.Path)
    parser.add_argument("demo", type=pathlib.Path)
    parser.add_argument("--may-miss", action="append", default=[], metavar="DATASET")
    parser.add_argument(
        "--same",
        action="append",
        default=[],
        metavar="TABLE:IMPORTED:DEMO[:WHERE]",
        help="two releases that must say the same, in the rows of which WHERE holds",
    )
    parser.add_argument(
        "--only-fetched", action="append", default=[], metavar="TABLE[:RELEASE]", help="no captured file holds it"
    )
    arguments = parser.parse_args()

    failed = []
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for side in ("imported", "demo"):
            place = pathlib.Path(folder) / side
            place.mkdir()
            sides.append((place, dump(getattr(arguments, side), place)))
        (left, left_tables), (right, right_tables) = sides
        for name in sorted(left_tables.keys() ^ right_tables.keys()):
            if name in arguments.only_fetched and name in right_tables:
                print(f"  not compared: {name}: no captured file holds it")
                continue
            failed.append(name)
            print(f"  DIFFERS: {name}: only one side has it")

        database = duckdb.connect()

        def scan(place: pathlib.Path, name: str, columns: list[str], releases: list[str]) -> str:
            listed = ", ".join(f'"{column}"' for column in columns)
            within = ", ".join("'" + release.replace("'", "''") + "'" for release in releases)
            return f"(select {listed} from '{place / name}.parquet' where release in ({within}))"

        def count(sql: str) -> int:
            return database.execute(f"select count(*) from ({sql})").fetchone()[0]

        def differences(name: str, columns: list[str], releases: list[str]) -> tuple[int, int]:
            ours = scan(left, name, columns, releases)
            theirs = scan(right, name, columns, releases)
            return (
                count(f"select * from {ours} except all select * from {theirs}"),
                count(f"select * from {theirs} except all select * from {ours}"),
            )

        def copies(name: str, ours: str, theirs: str, where: str) -> tuple[int, int, int]:
            apart = {"release", "source_grade", "_capture", "_record"}
            listed = ", ".join(f'"{column}"' for column in left_tables[name] if column not in apart)
            scans = [
                f"select {listed} from '{place / name}.parquet' where release = '{release}' and ({where})"
                for place, release in ((left, ours), (right, theirs))
            ]
            return (
                count(scans[1]),
                count(f"{scans[0]} except all {scans[1]}"),
                count(f"{scans[1]} except all {scans[0]}"),
            )

        apart = set()
        for pair in arguments.same:
            name, ours, theirs, where = (pair.split(":", 3) + ["true"])[:4]
            apart |= {(name, ours), (name, theirs)}
            rows, missing, added = copies(name, ours, theirs, where)
            compared += rows
            if missing or added or not rows:
                failed.append(name)
                print(f"  DIFFERS: {name}: {missing} rows only in {ours}, {added} only in {theirs}, of {rows:,}")
            else:
                print(f"  ok: {name}: {rows:,} rows of {theirs} equal to {ours} in both directions")

        def releases_of(place: pathlib.Path, name: str) -> set[str]:
            rows = database.execute(f"select distinct release from '{place / name}.parquet'").fetchall()
            return {row[0] for row in rows if (name, row[0]) not in apart}

        for name in sorted(left_tables.keys() & right_tables.keys()):
            if name in arguments.only_fetched:
                print(f"  not compared: {name}: it comes from a reply that no captured file holds")
                continue
            if left_tables[name] != right_tables[name]:
                failed.append(name)
                print(f"  DIFFERS: {name}: columns are not the same")
                continue
            if "release" not in left_tables[name]:
                # A derived table is made from tables that are compared here.
                continue
            imported, demo = releases_of(left, name), releases_of(right, name)
            demo -= {release for release in demo if f"{name}:{release}" in arguments.only_fetched}
            extra = sorted(imported - demo)
            may_miss = any(name == dataset or name.startswith(f"{dataset}_") for dataset in arguments.may_miss)
            if demo - imported or (extra and not may_miss):
                failed.append(name)
                print(f"  DIFFERS: {name}: releases imported {sorted(imported)}, of the demo {sorted(demo)}")
                continue
            releases = sorted(demo)
            if not releases:
                if name not in {table for table, _ in apart}:
                    print(f"  empty: {name}")
                continue
            columns = [column for column in left_tables[name] if column != "_capture"]
            rows = count(scan(right, name, ["release"], releases))
            compared += rows
            note = f"; not compared: {', '.join(extra)}" if extra else ""
            missing, added = differences(name, columns, releases)
            if missing or added:
                columns.remove("_record")
                missing, added = differences(name, columns, releases)
                note = f", but for record numbers{note}"
            if missing or added:
                failed.append(name)
                print(f"  DIFFERS: {name}: {missing} rows only imported, {added} only in the demo")
                for column in columns:
                    alone = differences(name, [column], releases)
                    if any(alone):
                        print(f"    column {column}: {alone[0]} values only imported, {alone[1]} only in the demo")
            else:
                print(f"  ok: {name}: {rows:,} rows equal in both directions, {len(columns)} columns{note}")
    if not compared:
        failed.append("nothing")
        print("  DIFFERS: there was nothing to compare")
    print(f"{compared:,} rows compared; {'all equal' if not failed else 'NOT equal: ' + ', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
