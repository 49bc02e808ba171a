#!/usr/bin/python3
"""CSV into a table: psql's \\copy of a local file, and Sluice from S3 with two masks, in turn.

Rows are counted at the destination. See README.md for the commands and what each column means.
"""
import statistics
import subprocess
import sys

import batch
import measure


class Load(batch.Batch):
    project = "batch.yaml"
    peers = "psql,sluice,psql replace,sluice replace"
    listed = "flows"
    warm_rows = 1000

    def __init__(self, options):
        super().__init__(options)
        subprocess.run([batch.SLUICE, "keys", "init", self.folder / "keys.json"], check=True, stdout=subprocess.DEVNULL)
        self.sluice = [batch.SLUICE, "run", self.folder / "batch.yaml", "--json", "--var"]
        self.stored = set()

    def command(self, peer, rows):
        path, url = self.file(rows), self.postgres.url("bench")
        psql = ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", url]
        copy = f"\\copy %s from '{path}' (format csv, header)"
        by_hand = [batch.TABLE.format("stage") + ";", "DELETE FROM orders;", "INSERT INTO orders SELECT * FROM stage;",
                   "DROP TABLE stage;"]
        sluice = [*self.sluice, f"glob=orders{rows}.csv", "--var"]
        return {
            "psql": [*psql, "-c", copy % "orders"],
            "psql replace": [*psql, "-c", by_hand[0], "-c", copy % "stage", *sum((["-c", sql] for sql in by_hand[1:]), [])],
            "sluice": [*sluice, "mode=append"],
            "sluice replace": [*sluice, "mode=replace"],
        }[peer]

    def prepare(self, peer, rows):
        path = self.file(rows)
        if rows not in self.stored:
            self.store.put(path.name, path)
            self.stored.add(rows)
        self.new_database()
        if "replace" in peer:  # as many rows give way
            subprocess.run(self.command("psql", rows), check=True)
        self.settle()

    def check(self, peer, rows, run):
        there = self.postgres.query("SELECT count(*), count(DISTINCT order_id) FROM orders", "bench")[0]
        if there != (rows, rows):
            print(f"  WRONG: {peer} left {there[0]} rows of {there[1]} orders for {rows}", file=sys.stderr)


def small(bench):
    """Many small objects: 10 kB each, with what a call to a real region takes."""
    count, rows = bench.options.small, 135
    source = bench.folder / "small.csv"
    batch.write_csv(source, rows, 1)
    head, *lines = source.read_text().splitlines()
    for number in range(count):
        text = "\n".join([head, *(f"{number * rows + at},{line.partition(',')[2]}" for at, line in enumerate(lines))])
        bench.store.put_text(f"small/{number}.csv", text)
    rates = []
    for _ in range(bench.options.rounds):
        bench.new_database()
        run = measure.run([*bench.sluice, "glob=small/*.csv", "--var", "mode=append"], bench.environment())
        bench.check("sluice", count * rows, run)
        rates.append(count / run.seconds)
        print(f"{count:,} objects of {len(text):,} bytes: {rates[-1]:,.0f} objects/s, client CPU {run.cpu:.2f}s, "
              f"peak {run.peak_mib:.1f} MiB\n{bench.stages(run.output)}", flush=True)
    print(f"median {statistics.median(rates):,.0f} objects/s")


def tiny(bench):
    """From the start of the process to its end, an object of ten rows; the first one makes the ledger, too."""
    bench.new_database()
    times = []
    for number in range(max(bench.options.rounds, 20) + 1):
        path = bench.folder / f"tiny{number}.csv"
        batch.write_csv(path, 10, number)
        bench.store.put(path.name, path)
        run = measure.run([*bench.sluice, f"glob={path.name}", "--var", "mode=append"], bench.environment())
        times.append(run.seconds * 1000)
    print(f"ten rows from CSV on S3 to PostgreSQL: median {statistics.median(times[1:]):.0f} ms, most "
          f"{max(times[1:]):.0f} ms of {len(times) - 1}; before them, with the ledger to be made, {times[0]:.0f} ms")


if __name__ == "__main__":
    batch.main(Load, __doc__, {
        "small": (small, {"type": int, "default": 0, "help": "so many objects of 10 kB instead"}),
        "tiny": (tiny, {"action": "store_true", "help": "a job of ten rows"})})
