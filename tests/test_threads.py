"""How many threads a process may have, on machines made of files, and after a fork."""

import ast
import asyncio
import os
import re
import subprocess
import sys
import threading
import warnings
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest

import cyem
from cyem import ConvergenceWarning, GaussianMixture, config_context, get_config, kernels, set_config, threads
from cyem.inference.replicates import processes
from cyem.notices import NamelessWarning, muted, warn
from cyem.rows.samples import Samples
from cyem.workers import Crew


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """``machine(cores, files)``: a machine with these cores and these files under its root, and no limit of OpenMP."""

    def machine(cores, files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        monkeypatch.setattr(threads, "ROOT", tmp_path)
        monkeypatch.setattr(threads, "_cores", lambda: cores)
        monkeypatch.setattr(threads._cpu, "allowed", lambda: threads.MOST)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        threads._quota.cache_clear()

    yield machine
    threads._quota.cache_clear()


# --- asked for ---


@pytest.mark.parametrize("n", [1, 3, 100, np.int8(3), np.uint64(3)])
def test_a_number_is_itself(n):
    assert threads.resolve(n) == n
    assert type(threads.resolve(n)) is int


def test_far_too_many():
    """Their stacks would fill memory until the process dies; the result is the same for any number."""
    assert threads.resolve(2**40) == threads.MOST


@pytest.mark.parametrize("n", [0, -1, np.int64(-2)])
def test_too_few(n):
    with pytest.raises(ValueError, match=r"n_threads must be None \(all cores\) or an integer >= 1, got .*[0-2]"):
        threads.resolve(n)


@pytest.mark.parametrize("n", [True, 2.0, "2", np.array([2])])
def test_no_number(n):
    with pytest.raises(TypeError, match=r"n_threads must be None \(all cores\) or an integer >= 1, got "):
        threads.resolve(n)


# --- as many as there are ---


def test_all_cores_where_nothing_limits_them(machine):
    machine(7, {})
    assert threads.resolve(None) == 7


def test_a_number_is_not_limited(machine):
    machine(2, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"})
    assert threads.resolve(5) == 5


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 3), ("1", 1), (" 3 ", 3), ("4,2", 4), ("99", 8), ("", 8), ("0", 8), ("-2", 8), ("x", 8)],
)
def test_omp_num_threads(machine, monkeypatch, value, expected):
    machine(8, {})
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads.resolve(None) == expected


def test_omp_num_threads_may_change(machine, monkeypatch):
    machine(8, {})
    for value in ("3", "5"):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert threads.resolve(None) == int(value)


V1 = "12:memory:/task\n4:cpu,cpuacct:/task\n3:cpuset:/\n"
V1_SOLE = "4:cpu:/task\n"
V2 = "0::/user.slice/task\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n"}, 8),
        ({"proc/self/cgroup": V2, "sys/fs/cgroup/user.slice/task/cpu.max": "200000 100000\n"}, 2),
        (
            {
                "proc/self/cgroup": V2,
                "sys/fs/cgroup/user.slice/task/cpu.max": "max 100000\n",
                "sys/fs/cgroup/user.slice/cpu.max": "300000 100000\n",
            },
            3,
        ),
        ({"proc/self/cgroup": V2, "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/../other\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu,cpuacct/task/cpu.cfs_quota_us": "150000\n",
                "sys/fs/cgroup/cpu,cpuacct/task/cpu.cfs_period_us": "50000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": V1_SOLE,
                "sys/fs/cgroup/cpu/task/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/task/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        (
            {
                "proc/self/cgroup": "3:cpuset:/other\n4:cpu:/task\n",
                "sys/fs/cgroup/cpu/other/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu/other/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        (
            {
                "proc/self/cgroup": V1 + "0::/task\n",
                "sys/fs/cgroup/unified/task/cpu.max": "400000 100000\n",
            },
            4,
        ),
    ],
    ids=[
        "2", "2 whole cores and a half", "a hundredth", "2 without limit", "2 without file", "2 in a group",
        "2 above the group", "2 seen from inside", "2 seen from outside", "1", "1 seen from inside", "1 without limit",
        "1 of another group", "2 beside 1",
    ],
)  # fmt: skip
def test_quota(machine, files, expected):
    machine(8, files)
    assert threads.resolve(None) == expected


def test_never_more_than_the_cores(machine):
    machine(2, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1600000 100000\n"})
    assert threads.resolve(None) == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_affinity():
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{core}]); from cyem import threads; print(threads.resolve(None))"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "1\n"


# --- as many as somebody allows ---

needs_openmp = pytest.mark.skipif(not kernels.sweep.OPENMP, reason="built without OpenMP")
LARGE = np.random.default_rng(0).normal(size=(20_000, 4))  # enough for several threads


@pytest.fixture
def four_cores(monkeypatch):
    """Four cores, which OpenMP takes too, unless it is limited."""
    allowed = threads._cpu.allowed
    usual = allowed()
    monkeypatch.setattr(threads, "_cores", lambda: 4)
    monkeypatch.setattr(threads, "_quota", lambda: 4)
    monkeypatch.setattr(threads, "_omp_num_threads", lambda: 4)
    monkeypatch.setattr(threads._cpu, "allowed", lambda: allowed() if allowed() < usual else 4)


def used(how, n_threads=None):
    """How many threads a fit has in a thread of its own, inside of a context manager; its parameters."""
    found = []

    def fit():
        with how():
            model = GaussianMixture(3, max_iter=3, tol=0, random_state=0, n_threads=n_threads).fit(LARGE)
        found.extend((threads._team.had, model.means_.tobytes()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        thread = threading.Thread(target=fit)
        thread.start()
        thread.join()
    return found


@needs_openmp
def test_a_fit_has_the_threads_that_somebody_allows_and_the_same_bits(four_cores):
    limits = pytest.importorskip("threadpoolctl").threadpool_limits
    three = partial(config_context, n_threads=3)
    numbers, bits = zip(
        used(nullcontext), used(partial(limits, 1)), used(partial(limits, 1, "openmp")),
        used(partial(limits, 1, "blas")), used(partial(limits, 1), n_threads=3), used(three), used(three, n_threads=2),
        strict=True)
    assert numbers == (4, 1, 1, 4, 3, 3, 2)
    assert len(set(bits)) == 1


LIMITED = """
import os, queue, threading
import cyem, numpy as np, threadpoolctl
from cyem import threads

X = np.random.default_rng(0).normal(size=(20_000, 4))
threads._cores = threads._quota = lambda: 3

def running():
    return len(os.listdir("/proc/self/task"))

def fit(limit):
    before = running()
    with threadpoolctl.threadpool_limits(limit, "openmp"):
        cyem.GaussianMixture(3, max_iter=1, random_state=0).fit(X)
        told.put(1 + running() - before)
    threading.Event().wait()  # its team stays, so that none that is going is counted

told = queue.SimpleQueue()
for limit, n_threads in (None, None), (1, None), (1, 2):
    cyem.set_config(n_threads=n_threads)
    threading.Thread(target=fit, args=[limit], daemon=True).start()
    print(told.get())
"""


@needs_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
@pytest.mark.parametrize(("given", "expected"), [
    ({"OMP_NUM_THREADS": "3"}, [3, 1, 2]), ({"OMP_NUM_THREADS": "2,4"}, [2, 1, 2]),
    ({"OMP_NUM_THREADS": "3", "OMP_THREAD_LIMIT": "1"}, [1, 1, 1]),
])
def test_so_many_threads_run(given, expected):
    """By the system's own count, on a machine of three cores."""
    pytest.importorskip("threadpoolctl")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    run = subprocess.run([sys.executable, "-P", "-W", "ignore", "-c", LIMITED], capture_output=True, text=True,
                         check=True, env=environ | given)
    assert [int(line) for line in run.stdout.split()] == expected


@needs_openmp
@pytest.mark.parametrize(("limits", "expected"), [({}, 1), ({"inner_max_num_threads": 2}, 2)])
def test_workers_of_joblib(limits, expected):
    """Without a limit each has its share of the cores, here one; a limit is one where there are as many cores."""
    joblib = pytest.importorskip("joblib")
    jobs = max(2, joblib.cpu_count())
    with joblib.parallel_config("loky", n_jobs=jobs, **limits):
        found = joblib.Parallel()(joblib.delayed(threads.resolve)(None) for _ in range(2))
    assert found == [min(expected, threads._cores())] * 2


@pytest.mark.parametrize(("tasks", "expected"), [(1, 4), (2, 2), (3, 1), (9, 1)])
def test_a_task_of_dask_has_its_share(four_cores, tasks, expected):
    """In a worker that is a thread of this process. One that is a process has OMP_NUM_THREADS=1, by Dask itself."""
    distributed = pytest.importorskip("distributed")
    quiet = {"dashboard_address": None, "silence_logs": 50}
    with (distributed.LocalCluster(n_workers=1, threads_per_worker=tasks, processes=False, **quiet) as cluster,
          distributed.Client(cluster) as client):
        assert client.submit(threads.resolve, None).result() == expected
    assert threads.resolve(None) == 4


# --- as many as are set ---


@pytest.fixture
def settings():
    """Settings as they were before."""
    before = get_config()
    yield before
    set_config(**before)


def test_settings_go_in_order(machine, settings):
    """What is asked for, what a block says, what holds everywhere, what there is."""
    machine(8, {})
    assert (settings, threads.resolve(None)) == ({"n_threads": None}, 8)
    set_config(n_threads=5)
    with config_context(n_threads=3):
        assert (get_config(), threads.resolve(None), threads.resolve(2)) == ({"n_threads": 3}, 3, 2)
        assert cyem.show_config("dict")["n_threads"] == (3 if kernels.sweep.OPENMP else 1)
        with config_context(n_threads=None):
            assert (get_config(), threads.resolve(None)) == ({"n_threads": None}, 8)
        set_config(n_threads=6)
        assert threads.resolve(None) == 3
    assert (get_config(), threads.resolve(None)) == ({"n_threads": 6}, 6)


@pytest.mark.parametrize("change", [set_config, lambda **how: config_context(**how).__enter__()])
@pytest.mark.parametrize(("wrong", "error"), [(0, ValueError), (True, TypeError), ("2", TypeError)])
def test_wrong_settings_change_nothing(settings, change, wrong, error):
    with pytest.raises(error, match=r"n_threads must be None .* or an integer >= 1, got "):
        change(n_threads=wrong)
    assert get_config() == settings


def test_a_block_that_fails_is_left():
    with pytest.raises(ZeroDivisionError), config_context(n_threads=3):
        raise ZeroDivisionError
    assert get_config() == {"n_threads": None}


def test_a_block_is_that_of_its_thread_or_task(settings):
    """And settings are those of all."""
    def look():
        found.append(get_config()["n_threads"])

    async def task(n):
        with config_context(n_threads=n):
            await asyncio.sleep(0)
            return get_config()["n_threads"]

    async def tasks():
        return await asyncio.gather(*map(task, range(1, 6)))

    found = []
    set_config(n_threads=4)
    with config_context(n_threads=7):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert asyncio.run(tasks()) == [1, 2, 3, 4, 5]
        look()
    assert found == [4, 7]


def test_workers_keep_to_a_block(monkeypatch):
    """n_jobs=-1 means as many workers as it says, and no fit takes more threads."""
    started, asked, resolve, crew = [], [], threads.resolve, Crew.__init__
    monkeypatch.setattr(Crew, "__init__", lambda self, n, place: (started.append(n), crew(self, n, place))[1])
    monkeypatch.setattr(threads, "resolve", lambda n: asked.append(resolve(n)) or asked[-1])
    with muted(ConvergenceWarning), config_context(n_threads=3):
        for n in (-1, 1, 2):
            cyem.select(LARGE[:2000], [1, 2], "full", n_jobs=n, random_state=0, max_iter=3)
        assert started == [3, 0, 2]
        assert set(asked) <= {1, 2, 3}
        assert processes(-1) == 3


# --- after a fork ---

FORK = """
import multiprocessing, os, sys, warnings
from cyem import threads

def answers():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        numbers = [threads.resolve(1)]
        assert not caught, "one thread is no reason to warn"
        numbers += [threads.resolve(4), threads.resolve(4)]
    return numbers, [(w.category.__name__, str(w.message)) for w in caught]

if __name__ == "__main__":
    how, entered = sys.argv[1], sys.argv[2] == "entered"
    if entered:
        threads.enter(2)
    if how.startswith("os.fork"):
        out, into = os.pipe()
        if os.fork() == 0:
            if how == "os.fork twice" and os.fork() > 0:
                os.wait()
            else:
                os.write(into, repr(answers()).encode())
            os._exit(0)
        os.wait()
        os.close(into)  # or a child that failed would be waited for
        print(os.read(out, 10_000).decode())
    else:
        with multiprocessing.get_context(how).Pool(1) as pool:
            print(pool.apply(answers))
    assert answers() == ([1, 4, 4], []), "the parent keeps its threads"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("how", ["os.fork", "os.fork twice", "fork", "spawn", "forkserver"])
@pytest.mark.parametrize("entered", ["entered", "not entered"])
def test_fork(tmp_path, how, entered):
    (tmp_path / "script.py").write_text(FORK)
    command = [sys.executable, "-P", "-W", "ignore::DeprecationWarning", tmp_path / "script.py", how, entered]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)  # a fork may hang
    numbers, caught = ast.literal_eval(run.stdout)
    if entered == "entered" and how not in ("spawn", "forkserver"):
        assert numbers == [1, 1, 1]
        ((category, message),) = caught  # once
        assert category == "RuntimeWarning"
        assert all(word in message for word in ("spawn", "forkserver"))
    else:
        assert numbers == [1, 4, 4]
        assert caught == []

FIT = """
import multiprocessing, warnings
import numpy as np
from cyem import GaussianMixture

X = np.random.default_rng(0).normal(size=(50_000, 2))

def fit(n_threads):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixture(2, max_iter=3, random_state=0, n_threads=n_threads).fit(X).lower_bound_

if __name__ == "__main__":
    here = fit(2)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(fit, [1, 2, 3]) == [here] * 3
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fit_in_a_forked_child_ends_and_is_the_same(tmp_path):
    (tmp_path / "script.py").write_text(FIT)
    command = [sys.executable, "-P", "-W", "ignore::DeprecationWarning", tmp_path / "script.py"]
    subprocess.run(command, check=True, timeout=300)  # without care it never ends


BESIDE = """
import os, signal, threading
import numpy as np
from cyem import GaussianMixture

rng = np.random.default_rng(0)
large, small = rng.normal(size=(20_000, 2)), rng.normal(size=(100, 2))

def fit_for_ever():
    while True:
        GaussianMixture(1, n_threads=1).fit(large)

threading.Thread(target=fit_for_ever, daemon=True).start()
for _ in range(40):
    threading.Event().wait(rng.uniform(0, 0.01))
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        GaussianMixture(1).fit(small).predict(small)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "the child waited for a thread that it does not have"
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_forked_beside_a_fitting_thread_fits():
    """Whatever the thread holds at that moment is held for ever in the child."""
    subprocess.run([sys.executable, "-P", "-W", "ignore::DeprecationWarning", "-c", BESIDE], check=True, timeout=300)


def test_threads_with_estimators_of_their_own_do_not_wait_for_each_other(monkeypatch):
    X = np.random.default_rng(0).normal(size=(100, 2))
    sweep, inside, go_on = Samples.sweep, threading.Event(), threading.Event()

    def slow(self, density, moments, *posterior):
        if threading.current_thread() is thread:
            inside.set()
            assert go_on.wait(60)
        return sweep(self, density, moments, *posterior)

    monkeypatch.setattr(Samples, "sweep", slow)
    thread = threading.Thread(target=lambda: GaussianMixture(1).fit(X))
    other = threading.Thread(target=lambda: GaussianMixture(1).fit(X))
    thread.start()
    assert inside.wait(60)
    other.start()
    other.join(10)
    ended = not other.is_alive()
    go_on.set()
    thread.join()
    other.join()
    assert ended


def test_nobody_changes_the_filters_of_warnings_of_other_threads(monkeypatch, tmp_path):
    """`warnings.catch_warnings` does, and where two of them overlap the filters stay as neither found them."""
    X = np.random.default_rng(0).normal(size=(60, 1))
    enter = warnings.catch_warnings.__enter__

    def watched(self):
        assert not sys._getframe(1).f_globals["__name__"].startswith("cyem")
        return enter(self)

    monkeypatch.setattr(warnings.catch_warnings, "__enter__", watched)
    selection = cyem.select(X, [1, 2], "full", random_state=0, max_iter=2)
    cyem.report(selection, X, tmp_path / "report.html")
    cyem.stability(2, X, n_bootstrap=2, random_state=0)
    cyem.likelihood_ratio_test(X, 1, n_bootstrap=2, random_state=0)


@pytest.mark.filterwarnings("error")
def test_warnings_are_muted_in_one_thread_only():
    def tell():
        with pytest.warns(ConvergenceWarning, match="there"):
            warn("there", ConvergenceWarning)
        heard.append(True)

    heard, thread = [], threading.Thread(target=tell)
    with muted(UserWarning) as outer, muted(ConvergenceWarning) as inner:
        thread.start()
        thread.join()
        warn("here", ConvergenceWarning)
        warn("names", NamelessWarning)
    assert (heard, outer, inner) == ([True], ["names"], ["here"])
    with pytest.raises(ConvergenceWarning):
        warn("again", ConvergenceWarning)


ROOM = """
import resource, sys, warnings
import numpy as np
from cyem import GaussianMixture

X = np.random.default_rng(0).normal(size=(20_000, 8))

def fit(n_threads):
    return GaussianMixture(4, max_iter=5, random_state=0, n_threads=n_threads).fit(X).lower_bound_

warnings.simplefilter("ignore", UserWarning)
warnings.simplefilter("always", RuntimeWarning)
expected = fit(1)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 2**20 * int(sys.argv[1]),) * 2)
with warnings.catch_warnings(record=True) as caught:
    assert [fit(n) for n in (16, 2, 16, 16)] == [expected] * 4
print(len(caught), *(w.message for w in caught))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of address space on this system")
@pytest.mark.parametrize(("megabytes", "stack", "expected"), [(10, "", "1"), (100, "", r"\d|1[0-5]"),
                                                               (300, "1g", "1"), (400, "", None)])
def test_no_room_for_threads(megabytes, stack, expected):
    """OpenMP ends the process where it cannot start a thread, by which time it is too late."""
    command = ["bash", "-c", 'ulimit -s 8192; exec "$@"', "bash", sys.executable, "-P", "-c", ROOM, str(megabytes)]
    environ = {name: value for name, value in os.environ.items() if not name.endswith("STACKSIZE")}
    run = subprocess.run(command, env=environ | ({"OMP_STACKSIZE": stack} if stack else {}), capture_output=True,
                         text=True, check=True)
    told = rf"1 n_threads: of 16 threads this process can have ({expected}), .*OMP_STACKSIZE.*\n"
    assert re.fullmatch(told if expected else r"0\n", run.stdout)


@pytest.mark.parametrize(("given", "expected"), [
    ({}, 0), ({"OMP_STACKSIZE": "64"}, 2**16), ({"OMP_STACKSIZE": " 3 m "}, 3 * 2**20),
    ({"OMP_STACKSIZE": "70000B"}, 70000), ({"OMP_STACKSIZE": "1G"}, 2**30), ({"GOMP_STACKSIZE": "8M"}, 2**23),
    ({"OMP_STACKSIZE": "1T"}, 0), ({"OMP_STACKSIZE": "x", "GOMP_STACKSIZE": "4k"}, 4096),
    ({"OMP_STACKSIZE": "99999999999999G"}, 0),
])
def test_stack_size(given, expected):
    assert threads.stack_size(given) == expected


def test_as_many_threads_as_can_be_had(monkeypatch):
    """A thread asks anew only where its last region had another number of threads: OpenMP lets the others go."""
    asked = []

    def enlist(n, had, stack):
        asked.append((n, had))
        return min(n, 5)

    def regions():
        return [threads.enter(n) for n in (1, 3, 3, 1, 3, 8, 8, 4, 8)]

    monkeypatch.setattr(threads._cpu, "enlist", enlist)
    found = []
    with pytest.warns(RuntimeWarning, match="of 8 threads this process can have 5") as told:
        thread = threading.Thread(target=lambda: found.extend(regions()))
        thread.start()
        thread.join()
    assert found == [1, 3, 3, 1, 3, 5, 5, 4, 5]
    assert asked == [(3, 1), (8, 3), (8, 4)]
    assert len(told) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="asks GNU's OpenMP")
@pytest.mark.parametrize(("given", "expected"), [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"),
                                                  ({"OMP_WAIT_POLICY": "passive"}, "0")])
def test_waiting_threads_soon_sleep(given, expected):
    """On a busy machine they would keep the core from the thread that they wait for; whoever says otherwise has it."""
    unset = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    code = "import os; before = dict(os.environ); import cyem; print(before == dict(os.environ))"
    done = subprocess.run([sys.executable, "-P", "-c", code], env=unset | given | {"OMP_DISPLAY_ENV": "VERBOSE"},
                          capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert f"GOMP_SPINCOUNT = '{expected}'" in done.stderr
