"""CPU time of a process and of all that it starts, whether or not anybody waits for them: Ray's do not wait."""

import subprocess
import time

import psutil

__all__ = ["cpu_of"]

_EVERY_S = 0.25


def cpu_of(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for a process; CPU seconds of its whole tree, and seconds on the clock.

    Processes are looked at four times a second: of each, what it used after the last look is missing.
    """
    begun, used = time.perf_counter(), dict[tuple[int, float], float]()
    root = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            tree = [root, *root.children(recursive=True)]
        except psutil.Error:
            break
        for one in tree:
            try:
                times = one.cpu_times()
                used[one.pid, one.create_time()] = times.user + times.system
            except psutil.Error:
                continue
        time.sleep(_EVERY_S)
    process.wait()
    return sum(used.values()), time.perf_counter() - begun
