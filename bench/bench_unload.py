#!/usr/bin/python3
"""A table as objects: psql's \\copy into a local CSV file, and Sluice into CSV and Parquet on S3, in turn.

Rows are counted in what came out. See README.md for the commands and what each column means.
"""
import json
import statistics
import subprocess
import sys
import urllib.request

import batch
import measure


class Unload(batch.Batch):
    project = "unload.yaml"
    peers = "psql,sluice csv,sluice parquet"
    listed = "exports"
    rows = None  # in the table

    def prepare(self, peer, rows):
        if self.rows == rows:
            return
        path = self.file(rows)
        self.new_database()
        subprocess.run(["psql", "-X", "-q", "-d", self.postgres.url("bench"), "-c",
                        f"\\copy orders from '{path}' (format csv, header)"], check=True)
        self.postgres.query("VACUUM ANALYZE orders", "bench")
        self.settle()
        self.rows = rows

    def command(self, peer, rows):
        if peer == "psql":
            return ["psql", "-X", "-q", "-d", self.postgres.url("bench"), "-c",
                    f"\\copy orders to '{self.folder}/out.csv' (format csv, header)"]
        return [batch.SLUICE, "run", self.folder / "unload.yaml", "--json", "--flow", peer.split()[1]]

    def check(self, peer, rows, run):
        there = self.count(peer, run)
        if there != rows:
            print(f"  WRONG: {peer} wrote {there} rows of {rows}", file=sys.stderr)

    def count(self, peer, run):
        if peer == "psql":
            with open(self.folder / "out.csv", "rb") as out:
                return sum(block.count(b"\n") for block in iter(lambda: out.read(1 << 20), b"")) - 1
        if peer == "sluice csv":
            url = f"{self.store.endpoint}/_control/get?bucket=lake&key=out/orders.csv"
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
                return sum(block.count(b"\n") for block in iter(lambda: answer.read(1 << 20), b"")) - 1
        return json.loads(run.output)["result"]["exports"][0]["rows"]  # what the Parquet footer's test covers


def tiny(bench):
    """From the start of the process to its end, ten rows."""
    bench.prepare("psql", 1000)
    times = [measure.run([batch.SLUICE, "run", bench.folder / "unload.yaml", "--json", "--flow", "tiny"],
                         bench.environment()).seconds for _ in range(max(bench.options.rounds, 20))]
    print(f"ten rows from PostgreSQL to CSV on S3: median {statistics.median(times) * 1000:.0f} ms, "
          f"most {max(times) * 1000:.0f} ms of {len(times)}")


if __name__ == "__main__":
    batch.main(Unload, __doc__, {"tiny": (tiny, {"action": "store_true", "help": "a job of ten rows"})})
