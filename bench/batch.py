"""What the benchmarks of tables and objects share: a PostgreSQL, a bucket, the same CSV, and turns.

A Batch has command(peer, rows), prepare(peer, rows) and check(peer, rows, run): what is run, what is made before the clock
runs, and what must be there afterwards.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import urllib.request

import boto3
import far_ends
import measure

SLUICE = far_ends.BUILD / "sluice"
TABLE = """CREATE TABLE {} (order_id integer, customer_id integer, order_date date, ip text, device_id text,
    amount numeric(10,2), status text)"""
COLUMNS = "order_id,customer_id,order_date,ip,device_id,amount,status"


def write_csv(path, rows, seed):
    """149 MB for 2 million rows."""
    pick = random.Random(seed)
    states = ["paid", "sent", "returned", "cancelled"]
    days = [f"202{2 + day // 360}-{day // 30 % 12 + 1:02}-{day % 28 + 1:02}" for day in range(1080)]
    with open(path, "w") as out:
        out.write(COLUMNS + "\n")
        for start in range(0, rows, 10_000):
            out.writelines(
                f"{row},{pick.randrange(100_000)},{days[row % 1080]},{row % 223}.{pick.randrange(256)}.{row % 251}."
                f"{pick.randrange(256)},{pick.getrandbits(80):020x}-{row % 97},{pick.randrange(1_000_000) / 100:.2f},"
                f"{states[row % 4]}\n" for row in range(start, min(start + 10_000, rows)))


class ObjectServer:
    def __init__(self, delay=0):
        self.process = subprocess.Popen([far_ends.BUILD / "tests" / "servers" / "object_server", "--port", "0",
                                         "--bucket", "lake", "--delay", str(delay)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def put(self, key, path):
        client = boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="bench",
                              aws_secret_access_key="bench")
        client.upload_file(str(path), "lake", key)

    def put_text(self, key, text):
        request = urllib.request.Request(f"{self.endpoint}/_control/put?bucket=lake&key={key}", data=text.encode(),
                                         method="POST")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Batch:
    project = ""     # the file beside this one
    peers = ""       # all of them, with commas
    listed = ""      # "flows" or "exports", in the answer of --json
    warm_rows = None  # of a first run, which is not counted; none: all

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-batch-"))
        os.chmod(self.folder, 0o755)
        self.postgres = far_ends.Postgres()
        self.store = ObjectServer(options.delay)
        shutil.copy(far_ends.ROOT / "bench" / self.project, self.folder)
        self.csv = {}

    def stop(self):
        self.store.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, rows):
        if rows not in self.csv:
            path = self.folder / f"orders{rows}.csv"
            write_csv(path, rows, rows)
            self.csv[rows] = path
        return self.csv[rows]

    def new_database(self):
        self.postgres.query("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        self.postgres.query("CREATE DATABASE bench")
        self.postgres.query(TABLE.format("orders"), "bench")

    def settle(self):
        self.postgres.query("CHECKPOINT")
        os.sync()

    def environment(self):
        return {"DATABASE_URL": self.postgres.url("bench"), "AWS_ENDPOINT_URL": self.store.endpoint,
                "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true"}

    def once(self, peer, rows):
        self.prepare(peer, rows)
        servers = (self.store.process.pid, self.postgres.pid)
        before = [far_ends.cpu_seconds(pid) for pid in servers]
        run = measure.run(self.command(peer, rows), self.environment())
        after = [far_ends.cpu_seconds(pid) for pid in servers]
        self.check(peer, rows, run)
        return {"rows": rows, "rate": rows / run.seconds, "seconds": run.seconds, "cpu": run.cpu,
                "store_cpu": after[0] - before[0], "postgres_cpu": after[1] - before[1], "peak_mib": run.peak_mib,
                "output": run.output}

    def stages(self, output):
        """Where the time goes, as Sluice itself reports it."""
        seconds = json.loads(output)["result"][self.listed][0]["seconds"]
        return "  its seconds: " + ", ".join(f"{name} {value:.2f}" for name, value in seconds.items() if value >= 0.005)


HEAD = (f"{'':<20}{'rows':>12}{'seconds':>9}{'rows/s':>11}{'client CPU':>12}{'store CPU':>11}{'postgres CPU':>14}"
        f"{'peak MiB':>10}")


def line(name, result, ratio=""):
    return (f"{name:<20}{int(result['rows']):>12,}{result['seconds']:>9.2f}{result['rate']:>11,.0f}{result['cpu']:>11.2f}s"
            f"{result['store_cpu']:>10.2f}s{result['postgres_cpu']:>13.2f}s{result['peak_mib']:>10.1f}{ratio}")


def compare(bench, peers):
    results = {peer: [] for peer in peers}
    for peer in peers:
        bench.once(peer, bench.warm_rows or bench.options.rows)  # files and programs are in memory afterwards
    print(HEAD)
    for number in range(bench.options.rounds):
        for peer in peers if number % 2 == 0 else peers[::-1]:
            results[peer].append(bench.once(peer, bench.options.rows))
            print(line(peer, results[peer][-1]), flush=True)
            if peer.startswith("sluice"):
                print(bench.stages(results[peer][-1]["output"]))
    print(f"\nMedians of {bench.options.rounds} rounds\n{HEAD}{'of psql':>10}")
    medians = {peer: {key: statistics.median(run[key] for run in runs) for key in runs[0] if key != "output"}
               for peer, runs in results.items()}
    for peer, middle in medians.items():
        beside = "psql replace" if "replace" in peer else "psql"
        ratio = f"{middle['seconds'] / medians[beside]['seconds']:>9.2f}x" if beside in medians else ""
        print(line(peer, middle, ratio))


def memory(bench, peers):
    print(HEAD)
    for rows in (1_000_000, 10_000_000):
        for peer in peers:
            print(line(peer, bench.once(peer, rows)), flush=True)


def main(kind, description, others):
    """`others`: what else can be measured instead: {option: (function of the bench, keywords of the option)}."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--delay", type=int, default=0, help="milliseconds a call to S3")
    parser.add_argument("--only", default=kind.peers, help="peers, with commas")
    parser.add_argument("--memory", action="store_true", help="1 and 10 million rows side by side")
    for option, (_, keywords) in others.items():
        parser.add_argument(f"--{option}", **keywords)
    options = parser.parse_args()
    if not SLUICE.exists():
        parser.error(f"{SLUICE} is not there; run `make build`")
    bench = kind(options)
    peers = options.only.split(",")
    try:
        print(f"{os.cpu_count()} cores, {options.delay} ms a call; PostgreSQL: {bench.postgres.settings()}\n")
        chosen = [measured for option, (measured, _) in others.items() if getattr(options, option)]
        if chosen:
            chosen[0](bench)
        elif options.memory:
            memory(bench, [peer for peer in peers if peer.startswith("sluice")])
        else:
            compare(bench, peers)
    finally:
        bench.stop()
