#!/usr/bin/python3
"""A table as objects: psql's \\copy into a local CSV file, and Sluice into CSV and Parquet on S3, in turn.

Rows are counted in what came out. See README.md for the commands and what each column means.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import urllib.request

import far_ends
import measure
from bench_batch import HEAD, SLUICE, TABLE, Bench, line


class Unload(Bench):
    def __init__(self, options):
        super().__init__(options)
        shutil.copy(far_ends.ROOT / "bench" / "unload.yaml", self.folder)
        self.rows = None

    def fill(self, rows):
        if self.rows == rows:
            return
        path = self.file(rows)
        self.postgres.query("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        self.postgres.query("CREATE DATABASE bench")
        self.postgres.query(TABLE.format("orders"), "bench")
        subprocess.run(["psql", "-X", "-q", "-d", self.postgres.url("bench"), "-c",
                        f"\\copy orders from '{path}' (format csv, header)"], check=True)
        self.postgres.query("VACUUM ANALYZE orders", "bench")
        self.postgres.query("CHECKPOINT")
        os.sync()
        self.rows = rows

    def command(self, peer, rows):
        if peer == "psql":
            return ["psql", "-X", "-q", "-d", self.postgres.url("bench"), "-c",
                    f"\\copy orders to '{self.folder}/out.csv' (format csv, header)"]
        return [SLUICE, "run", self.folder / "unload.yaml", "--json", "--flow", peer.split()[1]]

    def once(self, peer, rows):
        self.fill(rows)
        servers = (self.store.process.pid, self.postgres.pid)
        before = [far_ends.cpu_seconds(pid) for pid in servers]
        run = measure.run(self.command(peer, rows), self.environment())
        after = [far_ends.cpu_seconds(pid) for pid in servers]
        there = self.count(peer, run)
        if there != rows:
            print(f"  WRONG: {peer} wrote {there} rows of {rows}", file=sys.stderr)
        return {"rows": rows, "rate": rows / run.seconds, "seconds": run.seconds, "cpu": run.cpu,
                "store_cpu": after[0] - before[0], "postgres_cpu": after[1] - before[1], "peak_mib": run.peak_mib,
                "output": run.output}

    def count(self, peer, run):
        if peer == "psql":
            with open(self.folder / "out.csv", "rb") as out:
                return sum(block.count(b"\n") for block in iter(lambda: out.read(1 << 20), b"")) - 1
        if peer == "sluice csv":
            url = f"{self.store.endpoint}/_control/get?bucket=lake&key=out/orders.csv"
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
                return sum(block.count(b"\n") for block in iter(lambda: answer.read(1 << 20), b"")) - 1
        return json.loads(run.output)["result"]["exports"][0]["rows"]  # what the Parquet footer's test covers


def stages(result):
    seconds = json.loads(result["output"])["result"]["exports"][0]["seconds"]
    return "  its seconds: " + ", ".join(f"{name} {value:.2f}" for name, value in seconds.items() if value >= 0.005)


def compare(bench, peers):
    results = {peer: [] for peer in peers}
    for peer in peers:
        bench.once(peer, bench.options.rows)  # not counted: files and programs are in memory afterwards
    print(HEAD)
    for number in range(bench.options.rounds):
        for peer in peers if number % 2 == 0 else peers[::-1]:
            results[peer].append(bench.once(peer, bench.options.rows))
            print(line(peer, results[peer][-1]), flush=True)
            if peer.startswith("sluice"):
                print(stages(results[peer][-1]))
    print(f"\nMedians of {bench.options.rounds} rounds\n{HEAD}{'of psql':>10}")
    medians = {peer: {key: statistics.median(run[key] for run in runs) for key in runs[0] if key != "output"}
               for peer, runs in results.items()}
    for peer, middle in medians.items():
        ratio = f"{middle['seconds'] / medians['psql']['seconds']:>9.2f}x" if "psql" in medians else ""
        print(line(peer, middle, ratio))


def memory(bench):
    print(HEAD)
    for rows in (1_000_000, 10_000_000):
        for peer in ("sluice csv", "sluice parquet"):
            print(line(peer, bench.once(peer, rows)), flush=True)


def tiny(bench):
    """From the start of the process to its end, ten rows."""
    bench.fill(1000)
    times = [measure.run([SLUICE, "run", bench.folder / "unload.yaml", "--json", "--flow", "tiny"],
                         bench.environment()).seconds for _ in range(max(bench.options.rounds, 20))]
    print(f"ten rows from PostgreSQL to CSV on S3: median {statistics.median(times) * 1000:.0f} ms, "
          f"most {max(times) * 1000:.0f} ms of {len(times)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--delay", type=int, default=0, help="milliseconds a call to S3")
    parser.add_argument("--only", default="psql,sluice csv,sluice parquet", help="peers, with commas")
    parser.add_argument("--memory", action="store_true", help="1 and 10 million rows side by side")
    parser.add_argument("--tiny", action="store_true", help="a job of ten rows")
    options = parser.parse_args()
    if not SLUICE.exists():
        parser.error(f"{SLUICE} is not there; run `make build`")
    bench = Unload(options)
    try:
        print(f"{os.cpu_count()} cores, {options.delay} ms a call; PostgreSQL: {bench.postgres.settings()}\n")
        if options.tiny:
            tiny(bench)
        elif options.memory:
            memory(bench)
        else:
            compare(bench, options.only.split(","))
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
