"""Tollhouse beside DuckDB's COPY and Polars over one ARCOS file, in one run on one machine.

    python3 -m venv VENV && VENV/bin/pip install duckdb==1.5.5 polars==2.1.0
    VENV/bin/python crates/tollhouse/benches/compare.py FILE.tsv.gz [--rounds 3] [--workers 2] [--only NAME]

Each reads the file from the page cache, is a process of its own, and writes typed Parquet, compressed with zstd and
partitioned by year, to a fresh folder. Measured are wall time, processor time of user and system, the peak of resident
memory, and the bytes written. `inflate` does nothing but inflate: no reader of one gzip stream is faster. Tollhouse does more than the
others: it archives the file and hashes it, checks every cell and key, masks persons, computes columns, syncs what it writes,
and commits a snapshot. `with models` makes the derived tables over the transactions too. Results are printed as JSON and as a table.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]


def measured(command):
    """Wall and processor seconds, and the peak of resident memory in MiB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    if status != 0:
        sys.exit(f"{command[0]} failed: {errors.decode(errors='replace')}")
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def size(folder, pattern):
    return sum(path.stat().st_size for path in Path(folder).rglob(pattern))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--workers", type=int, default=os.cpu_count())
    arguments.add_argument("--only", action="append", help="inflate, tollhouse, with models, duckdb or polars")
    arguments.add_argument("--keep", type=Path, help="keep Tollhouse's warehouse here")
    arguments.add_argument("--tollhouse", type=Path, default=REPOSITORY / "target/release/tollhouse")
    chosen = arguments.parse_args()
    source = chosen.file.resolve()
    with open(source, "rb") as file:
        while file.read(1 << 24):
            pass

    results = {}
    with tempfile.TemporaryDirectory(dir=source.parent) as work:
        work = Path(work)
        config = work / "tollhouse.toml"
        config.write_text(f"workers = {chosen.workers}\n")

        # A file of the nation has at least 178,598,026 rows, says the pipeline: here any number will do.
        project = work / "project"
        for name in ("pipelines", "warehouse"):
            shutil.copytree(REPOSITORY / name, project / name, ignore=shutil.ignore_patterns("data"))
        pipeline = project / "pipelines/arcos_transactions.toml"
        least = [line for line in pipeline.read_text().splitlines() if "178_598_026" not in line]
        pipeline.write_text("\n".join(least) + "\n")

        # Without models, which are further tables; and with them.
        shutil.copytree(project, work / "alone", ignore=shutil.ignore_patterns("arcos_*.sql", "models"))
        (work / "alone/warehouse/models").mkdir()

        def tollhouse(folder, project=work / "alone"):
            return [str(chosen.tollhouse), "--quiet", "--project", str(project), "--config", str(config), "--root",
                    folder, "import", "arcos_transactions", str(source)]

        peers = {
            "inflate": (lambda folder: [sys.executable, str(HERE / "peers/inflate.py"), str(source)], "none"),
            "tollhouse": (tollhouse, "tables/arcos_transactions/**/*.parquet"),
            "with models": (lambda folder: tollhouse(folder, project), "tables/arcos_transactions/**/*.parquet"),
            "duckdb": (lambda folder: [sys.executable, str(HERE / "peers/duckdb_copy.py"), str(source), folder], "*.parquet"),
            "polars": (lambda folder: [sys.executable, str(HERE / "peers/polars_sink.py"), str(source), folder], "*.parquet"),
        }
        for name, (command, written) in peers.items():
            if chosen.only and name not in chosen.only:
                continue
            rounds = []
            for _ in range(chosen.rounds):
                folder = work / name
                shutil.rmtree(folder, ignore_errors=True)
                rounds.append({**measured(command(str(folder))), "mb_out": size(folder, written) / 1e6})
                if name == "tollhouse" and chosen.keep:
                    shutil.rmtree(chosen.keep, ignore_errors=True)
                    shutil.move(folder, chosen.keep)
                shutil.rmtree(folder, ignore_errors=True)
            results[name] = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}

    machine = {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    print(json.dumps({"machine": machine, "file_mb": source.stat().st_size / 1e6, "rounds": chosen.rounds, "results": results}))
    print(f"\n{'':12} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9} {'MB out':>8}")
    for name, values in results.items():
        print(f"{name:12} {values['wall_s']:8.1f} {values['cpu_s']:8.1f} {values['peak_mib']:9.0f} {values['mb_out']:8.1f}")
    ours = results.get("tollhouse")
    for name, values in results.items():
        if ours and name not in ("tollhouse", "with models"):
            ratios = [f"wall {ours['wall_s'] / values['wall_s']:.2f}", f"CPU {ours['cpu_s'] / values['cpu_s']:.2f}"]
            if values["mb_out"]:
                ratios.append(f"bytes {ours['mb_out'] / values['mb_out']:.2f}")
            print(f"tollhouse / {name}: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
