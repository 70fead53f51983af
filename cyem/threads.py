"""How many threads to use: what the process may have, not what the machine has."""

import functools
import math
import numbers
import os
import re
import sys
import threading
from contextvars import ContextVar

from .kernels import _cpu
from .notices import warn

MOST = 1024  # threads, more than machines have cores: of a million the stacks would not fit into memory
ROOT = "/"  # where proc and sys are

everywhere = None  # what n_threads=None stands for, by set_config; None: as many as the process may have
here = ContextVar("here")  # the same inside of config_context, for the thread or the task that has entered it

_parallel = False  # this process has run a parallel region
_orphaned = False  # it was forked from one that had: OpenMP would wait for ever for threads that stayed there
_warned = False
_short = False


class Team(threading.local):
    """The threads of OpenMP that a thread of Python has, itself among them, from its last parallel region on."""

    asked = 1
    had = 1


_team = Team()


def resolve(n_threads):
    """The number of threads to use.

    Parameters
    ----------
    n_threads : int or None
        None: what `config_context` or `set_config` say. If these say nothing either, the least of the cores that there
        are by CPU affinity and by the quota of the control group (read once per process), of which a task of Dask has
        its share, OMP_NUM_THREADS, and what OpenMP has been limited to, as by threadpoolctl.

    Returns
    -------
    int
        From 1 to MOST. Always 1 in a process forked from one that had run several threads.

    Raises
    ------
    TypeError, ValueError
        For anything but None and integers >= 1.

    Examples
    --------
    >>> resolve(3)
    3
    """
    check(n_threads)
    if n_threads is None:
        n_threads = preset()
    n = _available() if n_threads is None else min(int(n_threads), MOST)
    return _alone() if n > 1 and _orphaned else n


def check(n_threads):
    """Raise what `resolve` raises; this asks the system nothing."""
    if n_threads is None:
        return
    if isinstance(n_threads, bool) or not isinstance(n_threads, numbers.Integral):
        raise TypeError(f"n_threads must be None (all cores) or an integer >= 1, got {n_threads!r}.")
    if n_threads < 1:
        raise ValueError(f"n_threads must be None (all cores) or an integer >= 1, got {n_threads!r}.")


def preset():
    """What n_threads=None stands for where this is called, or None."""
    return here.get(everywhere)


def enter(n):
    """How many of n threads the next kernel that this thread calls may use: fewer where the system gives no more.

    To be called right before it. From the first one with several threads on a forked child uses one.
    """
    if n == 1:  # opens no parallel region
        return 1
    if n != _team.asked:
        _enlist(n)
    return _team.had


def _enlist(n):
    """Have n threads ready, or as many as can be had."""
    global _parallel, _short
    had = 1
    if not _orphaned:
        _parallel = True
        had = _cpu.enlist(n, _team.had, STACK) if n > _team.had else n
    _team.asked, _team.had = n, had
    if had < n and not (_orphaned or _short):
        _short = True
        warn(f"n_threads: of {n} threads this process can have {had}, and uses these. Give n_threads={had}, or room "
             "for stacks (ulimit -v, -s, OMP_STACKSIZE) and for so many threads (ulimit -u).", RuntimeWarning)


def stack_size(environ):
    """Bytes of the stack of a thread of OpenMP as an environment has them, in kB without a unit; 0: the usual size."""
    for name in ("OMP_STACKSIZE", "GOMP_STACKSIZE"):
        found = re.fullmatch(r"\s*(\d+)\s*([bkmg]?)\s*", environ.get(name, ""), re.IGNORECASE)
        if found and (size := int(found[1]) << "bkmg".index(found[2].lower() or "k") * 10) <= sys.maxsize:
            return size
    return 0


STACK = stack_size(os.environ)  # OpenMP reads them when it is loaded


def _forked():
    global _orphaned
    _orphaned = _parallel or _orphaned
    _team.asked = _team.had = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _alone():
    """One thread, and why, said once."""
    global _warned
    if not _warned:
        _warned = True
        warn("This process was forked from one that had run several threads, which do not survive a fork: it uses one "
             'thread. Start worker processes by the "spawn" or "forkserver" method of multiprocessing to use more.',
             RuntimeWarning)
    return 1


def _available():
    """The cores that this thread may use."""
    return min(max(1, min(_cores(), _quota()) // _tasks()), _omp_num_threads(), _cpu.allowed())


def _tasks():
    """How many tasks at a time share the cores: inside of one of Dask, as many as its worker has threads."""
    worker = getattr(sys.modules.get("distributed"), "get_worker", None)
    if worker is None:
        return 1
    try:
        return worker().state.nthreads
    except ValueError:  # this is no task
        return 1


def _cores():
    """Cores by affinity, and by PYTHON_CPU_COUNT where Python knows it."""
    if hasattr(os, "process_cpu_count"):  # Python >= 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _omp_num_threads():
    """OMP_NUM_THREADS, of which a list gives the outermost level first; infinite if it says nothing."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else math.inf


@functools.cache
def _quota():
    """Cores by the quota of the control group and of those above it, rounded up; infinite if there is none."""
    try:
        groups = _text("proc/self/cgroup").splitlines()
    except OSError:
        return math.inf
    quotas = [math.inf]
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if controllers == "":  # version 2, alone or beside version 1
            mounts, read = ("sys/fs/cgroup", "sys/fs/cgroup/unified"), _quota_v2
        elif "cpu" in controllers.split(","):
            mounts, read = (f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu"), _quota_v1
        else:
            continue
        # a container sees its own group as the root of the mount, whatever the path says
        steps = path.strip("/").split("/")
        quotas += [read(os.path.join(mount, *steps[:n])) for mount in mounts for n in range(len(steps) + 1)]
    return min(quotas)


def _text(*place):
    """What a file holds. Without pathlib, which would be a twentieth of the time that the import of cyem takes."""
    with open(os.path.join(ROOT, *place)) as file:
        return file.read()


def _quota_v2(folder):
    try:
        quota, period = _text(folder, "cpu.max").split()
    except (OSError, ValueError):
        return math.inf
    return _ratio(quota, period)


def _quota_v1(folder):
    try:
        quota, period = (_text(folder, f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    except OSError:
        return math.inf
    return _ratio(quota, period)


def _ratio(quota, period):
    """Quota over period, both in microseconds, as a number of cores: "max" and -1 mean no quota."""
    return math.ceil(int(quota) / int(period)) if quota.isdecimal() else math.inf
