"""Runs one client to its end: seconds, CPU, peak memory."""
import os
import pathlib
import re
import subprocess
import threading
import time
from dataclasses import dataclass


@dataclass
class Run:
    seconds: float
    cpu: float
    peak_mib: float
    output: str


def run(words, environment):
    """Raises when the client fails. Its standard error goes to ours."""
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in words], env={**os.environ, **environment},
                               stdout=subprocess.PIPE, text=True)
    peak = [0]

    def watch():
        # wait4's ru_maxrss would count this Python too, from before exec; VmHWM starts anew.
        status = pathlib.Path(f"/proc/{process.pid}/status")
        while True:
            try:
                found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
            except OSError:
                return
            if not found:
                return
            peak[0] = max(peak[0], int(found[1]))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if process.returncode != 0:
        raise RuntimeError(f"{words[0]} ended with {process.returncode}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak[0] / 1024, output)
