"""Does a fit that is ended somewhere go on from its checkpoint, and end in the same bits as one left alone?"""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cyem import GaussianMixture, StudentMixture, scan
from cyem.em import kept
from cyem.families.covariance import STRUCTURES
from cyem.models import persistence
from cyem.models.checkpoints import FORMAT
from cyem.rows import scan as scans

CODES = [each.code for each in STRUCTURES]


def rows(n=3000, d=3, k=3, gap=1.5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + gap * rng.normal(size=(k, d))[rng.integers(k, size=n)]


class Killed(BaseException):
    """Stands for the end of a process."""


def same(model, other):
    for name, value in vars(other).items():
        if name.endswith("_") and not name.startswith("_"):
            assert_array_equal(getattr(model, name), value, err_msg=name)


def cut(monkeypatch, looks):
    """Let a process end with a checkpoint, where it would be written for the so-manieth time."""
    own, count = kept.Keeper.look, [0]

    def look(self, *where):
        count[0] += 1
        if count[0] == looks:
            self.every = 0
            own(self, *where)
            raise Killed

    monkeypatch.setattr(kept.Keeper, "look", look)


def gone_on(monkeypatch, path, make, X, looks=(1, 3, 2), **how):
    """A fit that is ended again and again, and gone on with by a new estimator; and how often it was."""
    ended = 0
    for count in looks:
        with monkeypatch.context() as patch:
            cut(patch, count)
            try:
                make().fit(X, checkpoint=path, **how)
            except Killed:
                ended += 1
            else:
                break
            assert path.exists()
    return make().fit(X, checkpoint=path, **how), ended


CASES = {
    **{code: (GaussianMixture, dict(covariance_type=code, acceleration=None, tol=1e-9, max_iter=150), {})
       for code in CODES},
    "default": (GaussianMixture, dict(tol=1e-10), {}),
    "runs": (GaussianMixture, dict(n_init=3), {}),
    "k-means": (GaussianMixture, dict(init_params="kmeans", covariance_type="diag", n_init=2), {}),
    "seeds of their own": (GaussianMixture, dict(n_init=2, random_state=np.random.RandomState), {}),
    "search": (GaussianMixture, dict(n_components=5, search="swap", init_params="random_from_data"), {}),
    "prior": (GaussianMixture, dict(prior="weak"), {}),
    "held": (GaussianMixture, dict(held="weights", weights_init=[0.3, 0.3, 0.4]), {}),
    "t": (StudentMixture, dict(max_iter=60), {}),
    "t, tied, one for all": (StudentMixture, dict(covariance_type="tied", degrees_of_freedom="shared"), {}),
    "single precision": (GaussianMixture, dict(), dict(dtype=np.float32)),
    "floor": (GaussianMixture, dict(n_components=6), dict(dtype=np.float32, repeated=True)),
    "gaps": (GaussianMixture, dict(), dict(gaps=True)),
    "weights": (GaussianMixture, dict(), dict(weights=True)),
    "told when": (GaussianMixture, dict(callback=lambda *_: None), {}),
}


@pytest.mark.parametrize("what", CASES)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_the_same_bits(monkeypatch, tmp_path, what):
    kind, parameters, data = CASES[what]
    X, how = rows().astype(data.get("dtype", np.float64)), {}
    if data.get("repeated"):
        X[: len(X) // 2] = X[0] + 1e-3 * np.arange(len(X) // 2)[:, None] ** 0.5
    if data.get("gaps"):
        X[np.random.default_rng(1).random(X.shape) < 0.1] = np.nan
    if data.get("weights"):
        how["sample_weight"] = np.random.default_rng(1).integers(3, size=len(X))

    def make():
        own = {name: value(7) if value is np.random.RandomState else value for name, value in parameters.items()}
        return kind(**{"n_components": 3, "random_state": 0, **own})

    path = tmp_path / "fit.npz"
    found, ended = gone_on(monkeypatch, path, make, X, **how)
    assert ended
    alone = make().fit(X, **how)
    same(found, alone)
    assert not path.exists()
    assert_array_equal(found.sample(5)[0], alone.sample(5)[0])  # the random numbers go on as well


STREAMED = {
    "default": (GaussianMixture, dict(tol=1e-9)),
    "runs": (GaussianMixture, dict(n_init=3, init_params="random_from_data", max_iter=9)),
    "seeds of their own": (GaussianMixture, dict(n_init=2, random_state=np.random.RandomState)),
    "search": (GaussianMixture, dict(n_components=5, search="swap", init_params="random_from_data", max_iter=15)),
    "single precision": (GaussianMixture, dict(covariance_type="diag")),
    "gaps": (GaussianMixture, dict(max_iter=30)),
    "weights": (GaussianMixture, dict(covariance_type="tied")),
    "t": (StudentMixture, dict(max_iter=30)),
}


@pytest.mark.parametrize("what", STREAMED)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_the_same_bits_of_rows_that_are_read_again(monkeypatch, tmp_path, what):
    """In blocks of 1,536; starts and moves look at some 2,000 of them, the same ones after the end of a process."""
    monkeypatch.setattr(scans, "BLOCK", 1)
    monkeypatch.setattr(scans, "PART", 1)
    kind, parameters = STREAMED[what]
    X, w = rows(8000), None
    if what == "single precision":
        X = X.astype(np.float32)
    if what == "gaps":
        X[np.random.default_rng(1).random(X.shape) < 0.1] = np.nan
    if what == "weights":
        w = np.random.default_rng(1).integers(3, size=len(X))

    def make():
        own = {name: value(7) if value is np.random.RandomState else value for name, value in parameters.items()}
        return kind(**{"n_components": 3, "random_state": 0, **own})

    source = scan(lambda: iter(np.array_split(X, 7)), memory=0)
    path = tmp_path / "fit.npz"
    found, ended = gone_on(monkeypatch, path, make, source, sample_weight=w)
    assert ended
    same(found, make().fit(source, sample_weight=w))
    assert not path.exists()


def test_the_random_part_is_kept_where_no_seed_was_given(monkeypatch, tmp_path):
    monkeypatch.setattr(scans, "BLOCK", 1)
    monkeypatch.setattr(scans, "PART", 1)
    seeds, X = [], rows(5000)
    seeded = scans.Scan.seeded
    monkeypatch.setattr(scans.Scan, "seeded", lambda self, seed: seeds.append(seed) or seeded(self, seed))
    source = scan(lambda: iter([X]), memory=0)
    _, ended = gone_on(monkeypatch, tmp_path / "fit.npz", lambda: GaussianMixture(3), source, looks=(1,))
    assert ended
    first, own, given = seeds  # the second fit is given that of the first
    assert given == first != own


def test_other_rows_that_are_read_again_are_refused(monkeypatch, tmp_path):
    """Also where one value differs in the midst, or what was an array is read block by block."""
    monkeypatch.setattr(scans, "BLOCK", 1)
    X, path, model = rows(5000), tmp_path / "fit.npz", GaussianMixture(3, random_state=0)
    with monkeypatch.context() as patch:
        cut(patch, 1)
        with pytest.raises(Killed):
            model.fit(scan(lambda: iter([X]), memory=0), checkpoint=path)
    X[3000, 1] += 1e-12
    for other in (scan(lambda: iter([X]), memory=0), X):
        with pytest.raises(ValueError, match=r"of another fit: X was '[0-9a-f]{32}', and is"):
            model.fit(other, checkpoint=path)
    X[3000, 1] -= 1e-12
    model.fit(scan(lambda: iter(np.array_split(X, 3)), memory=0), checkpoint=path)  # cuts are no other rows


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("looks", [30, 45, 60])
def test_the_same_bits_where_passes_leave_pairs_out(monkeypatch, tmp_path, looks):
    """The order of the rows, by which sums are taken, is a part of what is kept."""
    X = rows(14_000, 2, 20, gap=20.0)
    X[:3000] += 15 * np.random.default_rng(1).normal(size=(3000, 2))

    def make():
        return GaussianMixture(20, covariance_type="diag", n_init=2, init_params="random_from_data", max_iter=60,
                               random_state=0)

    found, ended = gone_on(monkeypatch, tmp_path / "fit.npz", make, X, looks=(looks,))
    assert ended
    same(found, make().fit(X))


def test_the_best_of_the_runs_before_is_kept(monkeypatch, tmp_path):
    X, ends = rows(600, 2, 5, gap=4.0), {}

    def make():
        return GaussianMixture(5, n_init=3, init_params="random_from_data", random_state=8)

    alone = make().set_params(callback=lambda run, _, value: ends.update({run: value})).fit(X)
    assert ends[0] > max(ends[1], ends[2]) + 0.1
    for looks in (2, 3):
        found, ended = gone_on(monkeypatch, tmp_path / "fit.npz", make, X, looks=(looks,))
        assert ended
        same(found, alone)


PROCESS = """
import sys
import numpy as np
from cyem import GaussianMixture
X = np.load(sys.argv[1])
model = GaussianMixture(4, n_init=3, tol=1e-9, random_state=0)
print("begun", flush=True)
model.fit(X, checkpoint=sys.argv[2], checkpoint_every=0)
np.savez(sys.argv[3], model.means_, model.covariances_, model.weights_, model.lower_bounds_)
"""


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_a_process_that_is_killed(tmp_path):
    """By SIGKILL, three times, at moments that are as they come; each process goes on from the one before."""
    X = rows(4000, 3, 4)
    data, checkpoint, out = (tmp_path / name for name in ("X.npy", "fit.npz", "out.npz"))
    np.save(data, X)
    command = [sys.executable, "-P", "-c", PROCESS, data, checkpoint, out]
    for i in range(3):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        until = time.monotonic() + 60
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before) and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.02 * i)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
    alone = GaussianMixture(4, n_init=3, tol=1e-9, random_state=0).fit(X)
    found = np.load(out)
    for name, value in zip(found.files, (alone.means_, alone.covariances_, alone.weights_, alone.lower_bounds_),
                           strict=True):
        assert_array_equal(found[name], value)
    assert sorted(os.listdir(tmp_path)) == ["X.npy", "out.npz"] or not checkpoint.exists()


@pytest.fixture
def begun(monkeypatch, tmp_path):
    """A checkpoint of a fit that was ended, and the rows."""
    path, X = tmp_path / "fit.npz", rows()
    with monkeypatch.context() as patch:
        cut(patch, 2)
        with pytest.raises(Killed):
            GaussianMixture(3, random_state=0, acceleration=None).fit(X, checkpoint=path)
    return path, X


@pytest.mark.parametrize(("change", "message"), [
    (dict(n_components=4), "n_components was 3, and is 4"),
    (dict(tol=1e-3), "tol was 1e-06, and is 0.001"),
    (dict(random_state=1), "random_state was 0, and is 1"),
    (dict(covariance_type="diag", reg_covar=0), r"covariance_type was 'full', and is 'diag'; reg_covar was"),
    (dict(rows=-1), "shape of X was"),
    (dict(value=1), "of another fit: X was '[0-9a-f]{32}', and is"),
    (dict(weights=2), "sample_weight was None, and is"),
    (dict(version="0.0"), "cyem was"),
])
def test_another_fit_is_refused(monkeypatch, begun, change, message):
    path, X = begun
    before = path.read_bytes()
    X, weights = X[: change.pop("rows", None)].copy(), change.pop("weights", None)
    X[5, 1] += change.pop("value", 0)
    if version := change.pop("version", None):
        monkeypatch.setattr("cyem.models.checkpoints.__version__", version)
    model = GaussianMixture(3, random_state=0, acceleration=None).set_params(**change)
    with pytest.raises(ValueError, match=message):
        model.fit(X, sample_weight=weights, checkpoint=path)
    assert not model.__sklearn_is_fitted__()
    assert path.read_bytes() == before


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_what_changes_no_bit_may_change(begun):
    path, X = begun
    found = GaussianMixture(3, random_state=0, acceleration=None, n_threads=2).fit(X, checkpoint=path)
    same(found, GaussianMixture(3, random_state=0, acceleration=None).fit(X))


def refit(path, X):
    return GaussianMixture(3, random_state=0, acceleration=None).fit(X, checkpoint=path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_one_cut_short_is_refused(begun, share):
    path, X = begun
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"truncated or damaged.* delete it to begin anew"):
        refit(path, X)


def test_a_model_file_is_none(tmp_path):
    X = rows()
    GaussianMixture(3, random_state=0).fit(X).save(tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    with pytest.raises(ValueError, match=r"no checkpoint file: metadata.json is of another format"):
        refit(tmp_path / "model.npz", X)
    assert (tmp_path / "model.npz").read_bytes() == before


def leaves(value, where=()):
    """The places of all values of a nest."""
    if isinstance(value, dict) and value.keys() != {"array"}:
        for name, each in value.items():
            yield from leaves(each, (*where, name))
    else:
        yield where


def changed(value, where, new):
    for name in where[:-1]:
        value = value[name]
    value[where[-1]] = new


@pytest.mark.parametrize("case", ["compiled", "python", "t", "scan"])
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_values_that_cannot_be_are_refused(monkeypatch, tmp_path, case):
    """Whatever stands at any place: an error that says so, or a fit; never a kernel that reads beyond its arrays."""
    X, path = rows(100), tmp_path / "fit.npz"
    if case == "scan":
        whole = X
        X = scan(lambda: iter([whole]), memory=0)

    def make():
        if case == "t":
            return StudentMixture(3, random_state=0, max_iter=20, tol=1e-12)
        how = dict(prior="weak", max_iter=20) if case == "python" else dict(max_iter=120)
        return GaussianMixture(3, random_state=0, acceleration=None, tol=1e-12, **how)

    if case == "scan":
        with monkeypatch.context() as patch:
            cut(patch, 2)
            with pytest.raises(Killed):
                make().fit(whole, checkpoint=path)
        compiled = persistence.unpacked(path, FORMAT)
        path.unlink()

    with monkeypatch.context() as patch:
        cut(patch, 2 if case == "compiled" else 4)
        with pytest.raises(Killed):
            make().fit(X, checkpoint=path)
    metadata, arrays = persistence.unpacked(path, FORMAT)
    assert len(list(leaves(metadata["kept"]))) > 20

    def refused(kept, arrays):
        with open(path, "wb") as file:
            persistence.packed(file, FORMAT, {"of": metadata["of"], "kept": kept}, arrays)
        try:
            with np.errstate(all="ignore"):
                make().fit(X, checkpoint=path)
        except ValueError as error:
            assert "checkpoint" in str(error), error
            return True
        return False

    wrong = ["text", -1, None, {"array": "gone"}, {}, {"array": next(iter(arrays))}]
    places = list(leaves(metadata["kept"]))
    count = 0
    for i, where in enumerate(places):
        other = json.loads(json.dumps(metadata["kept"]))
        changed(other, where, wrong[i % 6])
        count += refused(other, arrays)
    assert count > len(places) / 2
    for i, (name, array) in enumerate(arrays.items()):
        other = (array[:0], array.ravel()[:-1], array[None], array.astype(np.float32))[i % 4]
        assert refused(metadata["kept"], {**arrays, name: other})
    if case == "scan":  # what goes on in one call over rows in memory
        kept, arrays = compiled[0]["kept"], compiled[1]
        assert kept["climb"]["path"]["compiled"]
        kept |= {"passes": metadata["kept"]["passes"], "filled": None}
        kept["climb"]["passes"] = metadata["kept"]["climb"]["passes"]
        assert refused(kept, arrays)
    if case == "compiled":
        state = metadata["kept"]["climb"]["path"]["state"]["array"]
        assert refused(metadata["kept"], {**arrays, state: np.full_like(arrays[state], 1e9)})


def test_arguments(tmp_path, monkeypatch):
    X = rows()
    with pytest.raises(ValueError, match="checkpoint_every must be a number of seconds >= 0, got -1"):
        GaussianMixture(3).fit(X, checkpoint=tmp_path / "fit.npz", checkpoint_every=-1)
    with pytest.raises(TypeError, match="checkpoint is a int, and must be the name of a file"):
        GaussianMixture(3).fit(X, checkpoint=3)
    with pytest.raises(OSError, match="No such folder"):
        GaussianMixture(3).fit(X, checkpoint=tmp_path / "nowhere" / "fit.npz")
    with pytest.raises(ValueError, match=r"'time_budget' parameter .* None with a checkpoint"):
        GaussianMixture(3, search="swap", time_budget=1.0).fit(X, checkpoint=tmp_path / "fit.npz")
    monkeypatch.setattr("cyem.files.write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.warns(UserWarning, match="no checkpoint was written, and the fit goes on: disk full"):
        found = GaussianMixture(3, random_state=0).fit(X, checkpoint=tmp_path / "fit.npz", checkpoint_every=0)
    same(found, GaussianMixture(3, random_state=0).fit(X))


def test_a_file_is_all_there_is(begun):
    """Nothing in it is a pickle, and no other file is left."""
    path, _ = begun
    assert os.listdir(path.parent) == [path.name]
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert "metadata.json" in names
    assert all(name.endswith((".json", ".npy")) for name in names)
