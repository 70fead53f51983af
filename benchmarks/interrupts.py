"""How long Ctrl-C takes: from the signal, at a random moment, to the end of the call; and what it leaves behind.

``python interrupts.py [TRIALS [NAME...]]``: each trial is a process of its own, which gets the signal together with its
children, as from a terminal. Fails where a call does not end, something is told on the standard error, or a process is
left.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

PROGRAM = """
import signal, time, warnings
import numpy as np
import cyem
from cyem import cli

def blobs(n, d, k):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)) + 4 * rng.normal(size=(k, d))[rng.integers(k, size=n)]

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells ignore for what runs in the background
    warnings.simplefilter("ignore")
    {setup}
    print("begins", flush=True)
    try:
        {call}
        print("a result", time.monotonic())
    except KeyboardInterrupt:
        print("KeyboardInterrupt", time.monotonic())
"""
TEST = "cyem.likelihood_ratio_test(X, 1, n_bootstrap=100_000, stop_after=None, n_jobs={}, random_state=0)"
CASES = {  # name: (seconds in which the signal comes, what goes before, the call; short ones again and again)
    "fit": (2.0, "X = blobs(200_000, 8, 1024)", "cyem.GaussianMixture(1024, tol=0, max_iter=10**6).fit(X)"),
    "bootstrap": (2.0, "X = blobs(200, 2, 1)", TEST.format(1)),
    "bootstrap, 2 processes": (2.0, "X = blobs(200, 2, 1)", TEST.format(2)),
    "bootstrap of long fits, 2 processes": (
        5.0, "X = blobs(50_000, 8, 10); model = cyem.GaussianMixture(20, max_iter=1, tol=0, random_state=0).fit(X)",
        "cyem.stability(model.set_params(max_iter=10**6), X, n_bootstrap=100_000, n_jobs=2, random_state=0)"),
    "select": (
        2.0, "X = blobs(5000, 8, 5)",
        "while not cyem.select(X, range(1, 31), 'all', n_jobs=1, random_state=0).interrupted: pass"),
    "select, 2 at a time": (
        2.0, "X = blobs(5000, 8, 5)",
        "while not cyem.select(X, range(1, 31), 'all', n_jobs=2, random_state=0).interrupted: pass"),
    "select, large": (
        5.0, "X = blobs(200_000, 10, 8)", "cyem.select(X, range(1, 21), 'all', n_jobs=2, random_state=0)"),
    "report, its search": (
        2.0, "np.savetxt('table.csv', blobs(5000, 8, 5), delimiter=',')",
        "cli.main(['report', 'table.csv', '--components', '1-30', '--structures', 'all', '-o', 'page.html'])"),
    "report": (  # not the first one, for which matplotlib is imported
        2.0, "X = blobs(2000, 4, 3); model = cyem.GaussianMixture(3, random_state=0).fit(X);"
        "cyem.report(model, X, 'page.html')",
        "while True: cyem.report(model, X, 'page.html')"),
}
PATIENCE = 60.0  # seconds after which a call does not end


def trial(name, folder):
    """Seconds from the signal to the end of one call, how that ended, and what was wrong."""
    span, setup, call = CASES[name]
    script = Path(folder, "script.py")
    script.write_text(PROGRAM.format(setup=setup, call=call))
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          cwd=folder, start_new_session=True) as process:
        try:
            assert process.stdout.readline() == "begins\n", process.communicate()[1]
            time.sleep(random.uniform(0, span))
            sent = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return PATIENCE, "no end", f"no end: {process.communicate()[1]}"
    ending, when = out.splitlines()[-1].rsplit(maxsplit=1)
    return float(when) - sent, ending, err + left(process.pid)


def left(group):
    """What still runs of a group of processes after a second, as text."""
    for _ in range(100):
        ran = subprocess.run(["ps", "-e", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
        running = [line for line in ran.splitlines() if line.split()[0] == str(group) and line.split()[1][0] != "Z"]
        if not running:
            return ""
        time.sleep(0.01)
    os.killpg(group, signal.SIGKILL)
    return f"left: {running}"


def main(trials=50, *names):
    random.seed(0)
    wrong = []
    print(f"{'Ctrl-C in':40}  trials  median  95 %  longest (ms)  within 150 ms  endings")
    for name in names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            found = [trial(name, folder) for _ in range(int(trials))]
        times = sorted(1000 * seconds for seconds, *_ in found)
        endings = {ending: sum(each[1] == ending for each in found) for _, ending, _ in found}
        print(f"{name:40}  {trials:>6}  {median(times):6.0f}  {times[int(0.95 * len(times))]:4.0f}  {times[-1]:12.0f}  "
              f"{sum(each <= 150 for each in times):13}  {', '.join(f'{n} {what}' for what, n in endings.items())}",
              flush=True)
        wrong += [f"{name}: {each[2]}" for each in found if each[2]]
    sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
