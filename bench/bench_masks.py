#!/usr/bin/python3
"""Masks in values per second on one core, encoding included, beside what people use instead, in turn.

Each round measures everything once, about half a second each; the table has the medians. See README.md.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import random
import statistics
import subprocess
import time

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

import far_ends

PROGRAM = far_ends.BUILD / "bench" / "mask_bench"
KEY = bytes(range(64))
SECONDS = 0.5


def addresses(count):
    numbers = random.Random(1)
    return [".".join(str(numbers.randrange(256)) for _ in range(4)) for _ in range(count)]


def speed(values, one):
    one(values[0])
    start, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < SECONDS:
        for value in values:
            one(value)
        done += len(values)
    return done / elapsed


def python_hmac():
    # What the fastest Python does: the key's blocks are hashed once, a copy of the state a value.
    keyed = hmac.new(KEY, digestmod=hashlib.sha256)

    def one(value):
        state = keyed.copy()
        state.update(value.encode())
        return base64.urlsafe_b64encode(state.digest()[:16]).rstrip(b"=")
    return speed(addresses(2000), one)


def python_siv():
    siv = AESSIV(KEY)
    return speed(addresses(2000), lambda value: base64.urlsafe_b64encode(siv.encrypt(value.encode(), None)))


def python_fernet():
    fernet = Fernet(base64.urlsafe_b64encode(KEY[:32]))
    return speed(addresses(2000), lambda value: fernet.encrypt(value.encode()))


class Server:
    """pgcrypto in a server of its own, over a table of addresses; one backend, no parallel workers."""

    ROWS = 200_000

    def __init__(self):
        self.postgres = far_ends.Postgres()
        self.postgres.query("CREATE EXTENSION pgcrypto")
        self.postgres.query("ALTER SYSTEM SET max_parallel_workers_per_gather = 0")
        self.postgres.query("SELECT pg_reload_conf()")
        self.postgres.query("CREATE UNLOGGED TABLE visits AS SELECT concat_ws('.', (random() * 255)::int, (random() * 255)::int, "
                            f"(random() * 255)::int, (random() * 255)::int) AS ip FROM generate_series(1, {self.ROWS})")
        self.postgres.query("VACUUM ANALYZE visits")

    def hmac(self):
        start = time.perf_counter()
        self.postgres.query("SELECT sum(length(encode(hmac(ip, 'a key for the benchmark', 'sha256'), 'hex'))) FROM visits")
        return self.ROWS / (time.perf_counter() - start)

    def stop(self):
        self.postgres.stop()


def program(name):
    return lambda: float(subprocess.run([PROGRAM, name], check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="a file for every round's figures")
    options = parser.parse_args()
    server = Server()
    try:
        names = subprocess.run([PROGRAM], check=True, capture_output=True, text=True).stdout.splitlines()
        measured = {name: program(name) for name in names}
        measured |= {"Python HMAC": python_hmac, "Python AESSIV": python_siv, "Python Fernet": python_fernet,
                     "pgcrypto hmac": server.hmac}
        figures = {name: [] for name in measured}
        for number in range(options.rounds):
            for name, one in measured.items():
                figures[name].append(one())
            print(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        server.stop()
    print(f"\n{'':22}{'values/s':>12}{'lowest':>12}{'highest':>12}")
    for name, speeds in figures.items():
        print(f"{name:22}{statistics.median(speeds):12,.0f}{min(speeds):12,.0f}{max(speeds):12,.0f}")
    if options.json:
        with open(options.json, "w") as out:
            json.dump(figures, out, indent=1)


main()
