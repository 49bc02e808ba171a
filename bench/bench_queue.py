#!/usr/bin/python3
"""From a queue into a table: a Python loop, a careful script and Sluice, in turn.

Rows are counted at the destination. See README.md for the commands and what each column means.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import far_ends
import measure

BENCH = far_ends.ROOT / "bench"
SLUICE = far_ends.BUILD / "sluice"
QUEUE = "login-queue"

# Messages a run, enough to make start-up small: without latency, and with 10 ms a call.
SIZES = {"loop": (2_000, 500), "careful": (20_000, 10_000), "sluice": (100_000, 60_000), "bare": (300_000, 100_000)}


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-queue-"))
        self.queue = far_ends.QueueServer(options.delay)
        self.postgres = far_ends.Postgres()
        self.seed = 0
        if SLUICE.exists():
            for name in ("logins.yaml", "logins_spool.yaml", "user_logins.sql"):
                shutil.copy(BENCH / name, self.folder)
            subprocess.run([SLUICE, "keys", "init", self.folder / "keys.json"], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.queue.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, peer, project="logins.yaml"):
        return {
            "loop": ["/usr/bin/python3", BENCH / "loop.py"],
            "careful": ["/usr/bin/python3", BENCH / "careful.py"],
            "sluice": [SLUICE, "run", self.folder / project, "--json"],
            "bare": [far_ends.BUILD / "bench" / "bare_loop", self.queue.port, QUEUE, 128],
        }[peer]

    def environment(self, database):
        return {"QUEUE_URL": self.queue.url(QUEUE), "AWS_ENDPOINT_URL": self.queue.endpoint, "DATABASE_URL": database,
                "MASK_KEY": "a key for the benchmark", "KEYS": str(self.folder / "keys.json"),
                "THREADS": str(self.options.threads), "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
                "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "SPOOL": str(self.folder / "spool")}

    def once(self, peer, messages):
        self.seed += 1
        database = self.postgres.new_database("bench")
        self.queue.fill(QUEUE, messages, self.seed)
        servers = (self.queue.process.pid, self.postgres.pid)
        before = [far_ends.cpu_seconds(pid) for pid in servers]
        run = measure.run(self.command(peer), self.environment(database))
        after = [far_ends.cpu_seconds(pid) for pid in servers]
        stats = self.queue.stats(QUEUE)
        if stats["visible"] or stats["in_flight"]:
            print(f"  {peer} left {stats['visible']} visible and {stats['in_flight']} in flight", file=sys.stderr)
        if peer != "bare":
            self.check_rows(peer, messages)
        return {"peer": peer, "messages": messages, "rate": messages / run.seconds, "seconds": run.seconds,
                "cpu": run.cpu, "queue_cpu": after[0] - before[0], "postgres_cpu": after[1] - before[1],
                "peak_mib": run.peak_mib, "calls": sum(stats["calls"].values()) * 1000 / messages,
                "output": run.output}

    def check_rows(self, peer, messages):
        rows, users = self.postgres.query("SELECT count(*), count(DISTINCT user_id) FROM user_logins", "bench")[0]
        if (rows, users) != (messages, messages):
            print(f"  WRONG: {peer} wrote {rows} rows of {users} users for {messages} messages", file=sys.stderr)


HEAD = (f"{'':<16}{'messages':>10}{'msg/s':>10}{'client CPU':>12}{'queue CPU':>11}{'postgres CPU':>14}"
        f"{'peak MiB':>10}{'calls/1000':>12}")


def line(name, result, ratio=""):
    return (f"{name:<16}{int(result['messages']):>10,}{result['rate']:>10,.0f}{result['cpu']:>11.2f}s"
            f"{result['queue_cpu']:>10.2f}s{result['postgres_cpu']:>13.2f}s{result['peak_mib']:>10.1f}"
            f"{result['calls']:>12.1f}{ratio}")


def median_of(results):
    numbers = [key for key, value in results[0].items() if isinstance(value, (int, float))]
    return {key: statistics.median(result[key] for result in results) for key in numbers}


def compare(bench, peers):
    options = bench.options
    # The last one twice: what differs between a thing and itself is noise.
    again = peers[-1]
    turns = [*[(peer, peer) for peer in peers], (again + " again", again)]
    results = {name: [] for name, _ in turns}
    for peer in peers:
        bench.once(peer, 200)  # not counted: files and programs are in memory afterwards
    print(HEAD)
    for number in range(options.rounds):
        for name, peer in turns if number % 2 == 0 else turns[::-1]:
            messages = options.messages or SIZES[peer][options.delay > 0]
            result = bench.once(peer, messages)
            results[name].append(result)
            print(line(name, result), flush=True)
    print(f"\nMedians of {options.rounds} rounds")
    print(HEAD + f"{'times ' + peers[0]:>14}")
    medians = {name: median_of(runs) for name, runs in results.items()}
    for name, middle in medians.items():
        print(line(name, middle, f"{middle['rate'] / medians[peers[0]]['rate']:>13.1f}x"))
    noise = medians[again + " again"]["rate"] / medians[again]["rate"]
    print(f"A/A: {again} against itself: {noise:.3f}")
    return results


def memory(bench, peers):
    """The same client on a short and on a long backlog."""
    results = {}
    print(HEAD)
    for peer in peers:
        for messages in (10_000, bench.options.messages or 1_000_000):
            results.setdefault(peer, []).append(bench.once(peer, messages))
            print(line(peer, results[peer][-1]), flush=True)
    return results


def spool(bench):
    """No queue server: a spool folder, masks, PostgreSQL; and where the time goes."""
    messages = bench.options.messages or 500_000
    filler = far_ends.BUILD / "bench" / "spool_fill"
    rates = []
    for number in range(bench.options.rounds):
        database = bench.postgres.new_database("bench")
        shutil.rmtree(bench.folder / "spool", ignore_errors=True)
        subprocess.run([filler, bench.folder / "spool"], input=bench.queue.events(messages, number + 1), check=True)
        before = far_ends.cpu_seconds(bench.postgres.pid)
        run = measure.run(bench.command("sluice", "logins_spool.yaml"), bench.environment(database))
        bench.check_rows("sluice", messages)
        rates.append(messages / run.seconds)
        print(f"{messages:,} messages: {rates[-1]:,.0f}/s, client CPU {run.cpu:.2f}s, postgres CPU "
              f"{far_ends.cpu_seconds(bench.postgres.pid) - before:.2f}s, peak {run.peak_mib:.1f} MiB")
        stages = json.loads(run.output)["result"]["flows"][0]["seconds"]
        print("  workers' seconds: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in stages.items()))
    print(f"median {statistics.median(rates):,.0f} messages/s")
    return {"spool": rates}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="peers, with commas: loop,careful,sluice,bare")
    parser.add_argument("--delay", type=int, default=0, help="milliseconds a call to the queue")
    parser.add_argument("--messages", type=int, help="a run, instead of a few seconds' worth each")
    parser.add_argument("--threads", type=int, default=16, help="of the careful script")
    parser.add_argument("--memory", action="store_true", help="10,000 and 1,000,000 messages side by side")
    parser.add_argument("--spool", action="store_true", help="from a spool folder, without a queue server")
    parser.add_argument("--json", type=pathlib.Path, help="write every run's figures here")
    options = parser.parse_args()

    peers = (options.only or ("sluice" if options.memory else "loop,careful,sluice")).split(",")
    needs_sluice = options.spool or "sluice" in peers
    if needs_sluice and not SLUICE.exists():
        if options.spool or options.only or options.memory:
            parser.error(f"{SLUICE} is not there; run `make build`")
        print(f"{SLUICE} is not there, so it is left out; run `make build`", file=sys.stderr)
        peers.remove("sluice")
    if options.spool and not (far_ends.BUILD / "bench" / "spool_fill").exists():
        parser.error("build/release/bench/spool_fill is not there; run `make build`")

    bench = Bench(options)
    try:
        print(f"{os.cpu_count()} cores, {options.delay} ms a call; PostgreSQL: {bench.postgres.settings()}\n")
        if options.spool:
            results = spool(bench)
        elif options.memory:
            results = memory(bench, peers)
        else:
            results = compare(bench, peers)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2))
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
