"""The servers a benchmark works against, started on free loopback ports and stopped with it."""
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build" / "release"))
POSTGRES = pathlib.Path(os.environ.get("POSTGRES_BIN", "/usr/lib/postgresql/15/bin"))
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """CPU of a process, of its children that live, and of those it has waited for."""
    parents, times = {}, {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        parents[int(folder.name)] = int(fields[1])
        times[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS
    family = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in family} - family
        if not more:
            return sum(times.get(member, 0) for member in family)
        family |= more


class QueueServer:
    def __init__(self, delay=0):
        binary = BUILD / "tests" / "servers" / "queue_server"
        self.process = subprocess.Popen([binary, "--port", "0", "--delay", str(delay), "--visibility", "120"],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def control(self, method, path):
        request = urllib.request.Request(f"{self.endpoint}/_control{path}", method=method,
                                         data=b"" if method == "POST" else None)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.read()

    def fill(self, queue, count, seed):
        self.control("POST", f"/reset?queue={queue}")
        self.control("POST", f"/fill?queue={queue}&count={count}&seed={seed}")

    def stats(self, queue):
        return json.loads(self.control("GET", f"/stats?queue={queue}"))

    def events(self, count, seed):
        return self.control("GET", f"/events?count={count}&seed={seed}")

    def url(self, queue):
        return f"{self.endpoint}/000000000000/{queue}"

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Postgres:
    """A new cluster with initdb's settings, as user postgres where we are root."""

    SHOWN = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers",
             "max_wal_size"]

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-postgres-"))
        self.user = []
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.user = ["runuser", "-u", "postgres", "--"]
        self.port = free_port()
        data = self.folder / "data"
        self._run(POSTGRES / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
        self._run(POSTGRES / "pg_ctl", "-D", data, "-w", "-l", self.folder / "log", "-o",
                  f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1", "start")
        self.pid = int((data / "postmaster.pid").read_text().split()[0])

    def _run(self, *words):
        subprocess.run([*self.user, *map(str, words)], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def url(self, database="postgres"):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def query(self, sql, database="postgres"):
        connection = psycopg2.connect(self.url(database))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def new_database(self, name):
        """An empty database with the table, and nothing left to write from before."""
        self.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.query(f"CREATE DATABASE {name}")
        self.query((ROOT / "bench" / "user_logins.sql").read_text(), name)
        self.query("CHECKPOINT")
        os.sync()  # or the first commits wait for what was written before them
        return self.url(name)

    def settings(self):
        return ", ".join(f"{name} {self.query('SHOW ' + name)[0][0]}" for name in self.SHOWN)

    def stop(self):
        os.kill(self.pid, signal.SIGINT)  # fast shutdown
        while pathlib.Path(f"/proc/{self.pid}").exists():
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)
