#!/usr/bin/env python3
"""Unpacks a bundle where no Tollhouse is, and asks plain DuckDB whatever the bundle's own claims ask.

    ops/check_bundle.py ARCHIVE --tollhouse PROGRAM --root ROOT

Every checksum is compared; the descriptions for programs are compared with the files that they tell of, by the standard
library alone; every SQL of the claims is run, and each answer is compared with the program's own over the warehouse that the
bundle was made from.
"""

import argparse
import csv
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse
import zipfile

import duckdb


def text(cell):
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)


FIELD_TYPES = {"string", "integer", "number", "boolean", "date", "datetime"}


def package_faults(root):
    """What is wrong with datapackage.json, by the Data Package standard and by the files."""
    package = json.loads((root / "datapackage.json").read_text())
    wrong = [f"datapackage.json: no {key}" for key in ("name", "id", "title", "created", "version", "resources") if not package.get(key)]

    def licences(what, of):
        if not of.get("licenses"):
            wrong.append(f"{what}: no licence")
        for licence in of.get("licenses", []):
            path = licence.get("path", "")
            if not licence.get("name") and not path:
                wrong.append(f"{what}: a licence with neither name nor path")
            if path and not path.startswith("https://") and not (root / path).is_file():
                wrong.append(f"{what}: {path} is not there")

    licences("datapackage.json", package)
    names = set()
    for resource in package["resources"]:
        name, path = resource["name"], root / resource["path"]
        if not re.fullmatch(r"[-a-z0-9._/]+", name) or name in names:
            wrong.append(f"resource {name}: not a name, or that of another")
        names.add(name)
        licences(f"resource {name}", resource)
        if not all(source.get("title") for source in resource.get("sources", [{}])):
            wrong.append(f"resource {name}: a source without a title")
        if not path.is_file():
            wrong.append(f"resource {name}: {resource['path']} is not there")
            continue
        held = path.read_bytes()
        if len(held) != resource["bytes"] or f"sha256:{hashlib.sha256(held).hexdigest()}" != resource["hash"]:
            wrong.append(f"resource {name}: {resource['path']} has another length or digest")
        fields = json.loads((root / resource["schema"]).read_text())["fields"]
        if not fields or len({field["name"] for field in fields}) != len(fields):
            wrong.append(f"resource {name}: no fields, or two of a name")
        if any(field["type"] not in FIELD_TYPES for field in fields):
            wrong.append(f"resource {name}: a type that the standard does not know")
    told = {resource["path"] for resource in package["resources"]}
    parts = {path.relative_to(root).as_posix() for path in (root / "tables").rglob("*.parquet")}
    wrong += [f"datapackage.json: nothing of {path}" for path in sorted(parts - told)]
    return wrong


def crate_faults(root):
    """What is wrong with ro-crate-metadata.json, by RO-Crate 1.1 and by the files."""
    crate = json.loads((root / "ro-crate-metadata.json").read_text())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    wrong = []
    if len(entities) != len(crate["@graph"]):
        wrong.append("ro-crate-metadata.json: two entities of one @id")
    about = entities.get("ro-crate-metadata.json", {})
    if about.get("about") != {"@id": "./"} or about.get("conformsTo") != {"@id": "https://w3id.org/ro/crate/1.1"}:
        wrong.append("ro-crate-metadata.json: it does not say of what it is")
    whole = entities.get("./", {})
    needed = ("name", "description", "identifier", "datePublished", "license", "author", "publisher", "hasPart")
    wrong += [f"ro-crate-metadata.json: the crate has no {key}" for key in needed if not whole.get(key)]
    if not re.match(r"\d{4}-\d{2}-\d{2}", whole.get("datePublished", "")):
        wrong.append("ro-crate-metadata.json: datePublished is no date")
    for key in ("license", "author", "publisher", "hasPart"):
        named = whole.get(key, [])
        for one in named if isinstance(named, list) else [named]:
            if one.get("@id") not in entities:
                wrong.append(f"ro-crate-metadata.json: {key} names {one}, which is not told of")
    told = set()
    for part in whole.get("hasPart", []):
        entity = entities.get(part["@id"], {})
        path = urllib.parse.unquote(part["@id"])
        told.add(path)
        if entity.get("@type") != "File" or not (root / path).is_file():
            wrong.append(f"ro-crate-metadata.json: {path} is no file")
            continue
        held = (root / path).read_bytes()
        if "sha256" in entity and (
            hashlib.sha256(held).hexdigest() != entity["sha256"] or str(len(held)) != entity["contentSize"]
        ):
            wrong.append(f"ro-crate-metadata.json: {path} has another length or digest")
    here = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    wrong += [f"ro-crate-metadata.json: nothing of {path}" for path in sorted(here - told - {"ro-crate-metadata.json"})]
    return wrong


def citation_faults(root):
    """What CITATION.cff lacks that the Citation File Format 1.2.0 wants."""
    text = (root / "CITATION.cff").read_text()
    needed = ("cff-version: 1.2.0", "message: ", "title: ", "authors:", "type: dataset", "date-released: ")
    wrong = [f"CITATION.cff: no {key}" for key in needed if not re.search(f"^{re.escape(key)}", text, re.MULTILINE)]
    # Its texts are written as JSON, so that no character of them is YAML's.
    for value in re.findall(r'^[ -]*[a-z-]+: (".*)$', text, re.MULTILINE):
        try:
            json.loads(value)
        except ValueError:
            wrong.append(f"CITATION.cff: {value} is cut")
    return wrong


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
        for fault in package_faults(root) + crate_faults(root) + citation_faults(root):
            wrong += 1
            print(f"  WRONG: {fault}")

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
