#!/usr/bin/env python3
"""Unpacks a bundle where no Tollhouse is, and asks plain DuckDB whatever the bundle's own claims ask.

    ops/check_bundle.py ARCHIVE --tollhouse PROGRAM --root ROOT

Every checksum is compared, every SQL of the claims is run, and each answer is compared with the program's own over the
warehouse that the bundle was made from.
"""

import argparse
import csv
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile

import duckdb


def text(cell):
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--tollhouse", required=True, help="the program, for the answers to compare with")
    parser.add_argument("--root", required=True, help="the warehouse that the bundle was made from")
    chosen = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(chosen.archive) as archive:
            archive.extractall(folder)
        (root,) = pathlib.Path(folder).iterdir()

        sums = (root / "checksums.sha256").read_text().splitlines()
        for line in sums:
            digest, path = line.split("  ", 1)
            if hashlib.sha256((root / path).read_bytes()).hexdigest() != digest:
                wrong += 1
                print(f"  WRONG: {path} is not what its checksum says")
        here = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        unnamed = here - {line.split("  ", 1)[1] for line in sums} - {"checksums.sha256"}
        if unnamed:
            wrong += 1
            print(f"  WRONG: no checksum of {sorted(unnamed)}")
        for name in ("datapackage.json", "ro-crate-metadata.json"):
            json.loads((root / name).read_text())

        asked = 0
        with duckdb.connect(str(root / "tollhouse.duckdb"), read_only=True) as database:
            database.execute(f"SET VARIABLE warehouse = '{root}'")
            for claims in sorted((root / "project/warehouse/claims").glob("*.toml")):
                for claim in tomllib.loads(claims.read_text())["claim"]:
                    for place, test in enumerate(claim.get("test", [])):
                        sql = test.get("sql")
                        if not sql:
                            continue
                        asked += 1
                        plain = sorted(tuple(map(text, row)) for row in database.execute(sql).fetchall())
                        command = [chosen.tollhouse, "--quiet", "--root", chosen.root, "sql", "--format", "csv", sql]
                        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                        ours = sorted(tuple(row) for row in list(csv.reader(io.StringIO(answer)))[1:])
                        if plain != ours:
                            wrong += 1
                            print(f"  WRONG: {claim['id']}, test {place + 1}: {plain[:3]} beside {ours[:3]}")
    print(f"{len(sums)} files as their checksums say; {asked} questions of the claims asked of plain DuckDB; {wrong} wrong")
    return 1 if wrong or not asked else 0


if __name__ == "__main__":
    sys.exit(main())
