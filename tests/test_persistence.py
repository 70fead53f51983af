"""Models as files: equal bit for bit, safe to read, and never half written."""

import enum
import functools
import io
import json
import os
import pickle
import re
import stat
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cyem
from cyem import GaussianMixture, MixtureClassifier, MixtureRegressor, files
from cyem.families.covariance import NAMES, structure
from cyem.models import persistence

MODELS = Path(__file__).parent / "models"  # files that were written when their format was new
STRUCTURES = ("full", "tied", "diag", "spherical")
ARRAYS = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")
OTHERS = ("converged_", "n_iter_", "lower_bound_", "lower_bounds_", "fit_report_", "n_features_in_")


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (60, 3)), rng.normal(5, [1, 2, 0.1], (40, 3))])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def saved(model):
    """The file of a model as a dict of its members."""
    model.save(path := "model.npz")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_equal_bit_for_bit(X, path, structure, dtype):
    X = X.astype(dtype)
    model = GaussianMixture(2, covariance_type=structure, random_state=3, tol=1e-7).fit(X)
    model.save(path)
    loaded = cyem.load(path)
    assert type(loaded) is GaussianMixture
    assert loaded.get_params() == model.get_params()
    assert {name for name in vars(model) if name[0] != "_"} == {name for name in vars(loaded) if name[0] != "_"}
    for name in ARRAYS:
        ours, theirs = getattr(loaded, name), getattr(model, name)
        assert (ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes())
        assert ours.flags.writeable
    for name in ("converged_", "n_iter_", "lower_bound_", "lower_bounds_", "n_features_in_", "fit_report_"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert str(loaded.fit_report_) == str(model.fit_report_)
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert loaded.sample(5, random_state=0)[0].tobytes() == model.sample(5, random_state=0)[0].tobytes()


def test_a_model_that_was_never_fitted_to_data(path):
    model = GaussianMixture.from_parameters([0.25, 0.75], [[0.0], [3.0]], [[[1.0]], [[2.0]]])
    model.save(path)
    assert cyem.load(path).score_samples([[1.0]]) == model.score_samples([[1.0]])


def test_feature_names(X, path):
    frame = pd.DataFrame(X, columns=["length", "width", "größe"])
    GaussianMixture(2).fit(frame).save(path)
    loaded = cyem.load(path)
    assert loaded.feature_names_in_.dtype == object
    assert list(loaded.feature_names_in_) == ["length", "width", "größe"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded.predict(frame)


def test_parameters_that_are_arrays(X, path):
    means = np.array([[0.0, 0.0, 0.0], [5.0, 5.0, 5.0]])
    GaussianMixture(2, means_init=means, weights_init=[0.5, 0.5], random_state=np.int64(4)).fit(X).save(path)
    loaded = cyem.load(path)
    assert loaded.means_init.tobytes() == means.tobytes()
    assert list(loaded.weights_init) == [0.5, 0.5]
    assert loaded.random_state == 4
    loaded.fit(X)


def test_parameters_that_no_file_can_hold(X, path):
    model = GaussianMixture(2, random_state=np.random.RandomState(0), tol=1e-5).fit(X)
    with pytest.warns(UserWarning, match=r"random_state=RandomState.* is not saved"):
        model.save(path)
    loaded = cyem.load(path)
    assert loaded.random_state is None
    assert loaded.tol == 1e-5


def test_numpy_reads_the_arrays(X, path):
    model = GaussianMixture(2).fit(X)
    model.save(path)
    with np.load(path, allow_pickle=False) as arrays:
        assert (arrays["means_"] == model.means_).all()
        assert json.loads(arrays["metadata.json"])["format"] == "cyem model"


def test_the_same_model_is_the_same_file(X, tmp_path):
    model = GaussianMixture(2, random_state=0).fit(X)
    model.save(tmp_path / "a")
    model.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def same(one, other):
    """Whether two values are the same, bit for bit; lists are tuples, and NumPy's numbers Python's."""
    if isinstance(one, np.ndarray) and one.dtype.kind in "biuf":
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if isinstance(one, list | tuple | np.ndarray):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return one == other or (one != one and other != other)


def assert_same(loaded, model):
    assert type(loaded) is GaussianMixture
    attributes = [{name: value for name, value in vars(each).items() if name[0] != "_"} for each in (loaded, model)]
    for name, value in attributes[1].items():
        assert same(value, attributes[0][name]), name
    assert attributes[0].keys() == attributes[1].keys()


numbers = st.floats() | st.integers() | st.floats(width=32).map(np.float32) | st.integers(-9, 9).map(np.int16)
text = st.text(st.characters(exclude_categories=()))  # halves of surrogate pairs too
plain = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(text, inner),
    max_leaves=5,
)
types = st.sampled_from([">f8", "<f8", "<f4", ">f4", "<f2", "|b1", "|u1", "|i1", "<i2", ">u4", "<i8"])
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
arrays = st.builds(lambda dtype, shape: np.full(shape, 100, dtype), types, shapes)


@st.composite
def mixtures(draw):
    """Fitted mixtures of all structures and types, with names, parameters and attributes of all kinds."""
    k, d, kind = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.sampled_from(sorted(NAMES)))
    rng, scale = np.random.default_rng(draw(st.integers(0, 99))), 10.0 ** draw(st.integers(-9, 9))
    A = scale * (rng.normal(size=(k, d, d)) + 2 * np.eye(d))
    covariances = structure(kind).condensed(A @ A.swapaxes(1, 2))
    model = GaussianMixture.from_parameters(np.full(k, 1 / k), scale * rng.normal(size=(k, d)), covariances, kind)
    for name in ARRAYS:
        setattr(model, name, getattr(model, name).astype(draw(st.sampled_from(["<f4", ">f4", "<f8", ">f8"]))))
    if draw(st.booleans()):
        model.feature_names_in_ = np.array(draw(st.lists(text, min_size=d, max_size=d)), dtype=object)
    model.converged_, model.n_iter_ = draw(st.sampled_from([True, False, np.True_])), draw(st.integers(0))
    model.lower_bound_, model.lower_bounds_ = draw(st.floats()), draw(st.lists(st.floats()))
    for name in draw(st.sets(st.sampled_from(["tol", "random_state", "means_init", "init_params", "note_", "größe_"]))):
        setattr(model, name, draw(plain | arrays))
    return model


@settings(max_examples=60)
@given(mixtures())
def test_what_is_saved_is_loaded(tmp_path_factory, model):
    path = tmp_path_factory.getbasetemp() / "any.npz"
    model.save(path)
    loaded = cyem.load(path)
    assert_same(loaded, model)
    X = pd.DataFrame(model.means_ + 0.5, columns=getattr(model, "feature_names_in_", None))
    assert loaded.score_samples(X).tobytes() == model.score_samples(X).tobytes()
    first = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == first


class Own(GaussianMixture):
    pass


deep = functools.reduce(lambda inner, _: [inner], range(100_000), [])

# What a model may have become by hand, and what the error says.
BROKEN = {
    "a subclass": ({}, "Own is not saved"),
    "more components": (dict(n_components=5), "n_components is 5, expected 2"),
    "components no int": (dict(n_components=2.0), "n_components is 2.0"),
    "another structure": (dict(covariance_type="diag"), "covariance_type='diag' was set after a fit with 'full'"),
    "one of the same shape": (dict(covariance_type="EVE"), "covariance_type='EVE' was set after a fit with 'full'"),
    "no structure": (dict(covariance_type="x"), "covariance_type"),
    "features": (dict(n_features_in_=7), "means_.*7"),
    "features no int": (dict(n_features_in_=3.0), "n_features_in_ is 3.0"),
    "names": (dict(feature_names_in_=["a"]), "feature_names_in_"),
    "names no text": (dict(feature_names_in_=[1, 2, 3]), "feature_names_in_"),
    "converged": (dict(converged_=1), "converged_"),
    "iterations": (dict(n_iter_="7"), "n_iter_"),
    "bound": (dict(lower_bound_=None), "lower_bound_"),
    "a whole bound": (dict(lower_bound_=10**400), "lower_bound_"),
    "a long bound": (dict(lower_bound_=np.longdouble(1)), "lower_bound_"),
    "bounds": (dict(lower_bounds_=np.ones(3)), "lower_bounds_"),
    "report": (dict(fit_report_=["text"]), "fit_report_"),
    "threads": (dict(n_threads="all"), "n_threads"),
    "equal weights": (dict(equal_weights=1), "equal_weights"),
    "a number too long for text": (dict(random_state=10**5000), "random_state cannot be saved"),
    "lists too deep": (dict(means_init=deep), "means_init cannot be saved"),
    "NaN weights": (dict(weights_=np.array([np.nan, 1])), "weights_"),
    "weights of another sum": (dict(weights_=np.ones(2)), "weights_"),
    "infinite means": (dict(means_=np.full((2, 3), np.inf)), "means_"),
    "factors without inverse": (dict(precisions_cholesky_=np.zeros((2, 3, 3))), "precisions_cholesky_"),
} | {
    f"{name} {how}": (lambda model, name=name, change=change: setattr(model, name, change(getattr(model, name))), name)
    for name in ARRAYS
    for how, change in {
        "as list": np.ndarray.tolist,
        "long": lambda a: a.astype(np.longdouble),
        "whole": lambda a: a.astype(int),
        "complex": lambda a: a + 0j,
        "objects": lambda a: a.astype(object),
        "cut": lambda a: a[:-1],
        "one more axis": lambda a: a[None],
        "none": lambda a: None,
    }.items()
} | {
    f"without {name}": (functools.partial(lambda name, model: delattr(model, name), name), name)
    for name in (*ARRAYS, *OTHERS)
}  # fmt: skip


@pytest.mark.parametrize("change, said", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_loaded_is_not_saved(X, path, change, said):
    model = GaussianMixture(2, random_state=0).fit(X)
    model.save(path)
    before = path.read_bytes()
    if said.startswith("Own"):
        model = Own(2).fit(X)
    elif callable(change):
        change(model)
    else:
        vars(model).update(change)
    with pytest.raises((TypeError, ValueError), match=said):
        model.save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


class Level(enum.IntEnum):
    LOW = 1


@pytest.mark.parametrize("value", [Level.LOW, np.str_("a"), np.array(["a", "b"]), np.array([1, None]), (1, [2, (3,)])])
def test_values_that_have_a_plain_form(X, path, value):
    model = GaussianMixture(2).fit(X)
    model.note_ = value
    model.save(path)
    assert same(model.note_, cyem.load(path).note_)


@pytest.mark.parametrize("value", [{1: 2}, [{None: 1}], b"a", 1j, object(), np.longdouble(1), np.ones(1, "f4,f4"),
                                   np.ones(2, np.longdouble), np.datetime64("now"), {1, 2}, len])  # fmt: skip
def test_values_that_have_none(X, path, value):
    """They are left out, and that is said."""
    model = GaussianMixture(2).fit(X)
    model.note_ = value
    with pytest.warns(UserWarning, match="note_=.* is not saved"):
        model.save(path)
    assert not hasattr(cyem.load(path), "note_")


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_mode_is_kept(X, path, mode):
    GaussianMixture(2).fit(X).save(path)
    path.chmod(mode)
    GaussianMixture(1).fit(X).save(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == mode


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of zips that are not closed
def test_an_interrupt_at_any_moment(X, path):
    """Before each line of what writes the file, the last of which puts it in its place."""
    old, new = (GaussianMixture(k, random_state=0).fit(X) for k in (1, 2))
    old.save(path)
    before = path.read_bytes()
    for moment in range(10_000):
        left = moment

        def trace(frame, event, _):
            nonlocal left
            if frame.f_code.co_filename not in (files.__file__, persistence.__file__):
                return None
            left -= event == "line"
            if left < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
            return trace

        tracer = sys.gettrace()
        sys.settrace(trace)
        try:
            new.save(path)
        except BaseException as error:  # closing a zip in which a member is open has an error of its own
            assert isinstance(error, KeyboardInterrupt) or isinstance(error.__context__, KeyboardInterrupt)
        else:
            break
        finally:
            sys.settrace(tracer)
        assert os.listdir(path.parent) == [path.name], moment
        assert path.read_bytes() == before, moment
    assert moment > 100
    assert cyem.load(path).n_components == 2


def test_not_fitted(path):
    with pytest.raises(cyem.NotFittedError):
        GaussianMixture().save(path)
    assert not path.exists()


def test_writing_replaces_whole_or_not_at_all(X, path, monkeypatch):
    model = GaussianMixture(2).fit(X)
    model.save(path)
    before = path.read_bytes()
    mode = stat.S_IMODE(os.stat(path).st_mode)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, step, full_disk)
            with pytest.raises(OSError, match="No space left"):
                GaussianMixture(1).fit(X).save(path)
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == [path.name]
    GaussianMixture(1).fit(X).save(path)
    assert cyem.load(path).n_components == 1
    assert os.listdir(path.parent) == [path.name]
    umask = os.umask(0)
    os.umask(umask)
    assert mode == 0o666 & ~umask


def test_a_link_is_followed(X, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    GaussianMixture(1).fit(X).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert cyem.load(tmp_path / "target").n_components == 1


def test_only_files_are_replaced(X, tmp_path):
    with pytest.raises(OSError, match="not a regular file"):
        GaussianMixture(1).fit(X).save(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        GaussianMixture(1).fit(X).save(tmp_path / "nowhere" / "model")
    assert caught.value.filename == str(tmp_path / "nowhere" / "model")


def test_no_such_file(path):
    with pytest.raises(FileNotFoundError):
        cyem.load(path)


@pytest.fixture
def members(X, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return saved(GaussianMixture(2, random_state=0).fit(X))


def changed(members, **entries):
    metadata = json.loads(members["metadata.json"]) | entries
    return members | {"metadata.json": json.dumps(metadata)}


def with_byte(members, header, offset, value):
    """The zip with another byte in its first header of a kind: of a member, or of an entry in the directory."""
    data = bytearray(packed(members))
    data[data.index(header) + offset] = value
    return bytes(data)


def without(members, name):
    return {key: value for key, value in members.items() if key != name}


def reshaped(members, name, array, shape=None):
    """The members with another array, and, unless the shape is to be a lie, metadata that fit."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    arrays = json.loads(members["metadata.json"])["arrays"]
    arrays[name] = {"dtype": array.dtype.str, "shape": list(array.shape if shape is None else shape)}
    return changed(members, arrays=arrays) | {f"{name}.npy": buffer.getvalue()}


def npy(content):
    """A member that holds so many bytes, whatever they are."""
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(content, np.uint8))
    return buffer.getvalue()


def with_fitted(members, part="fitted", **entries):
    """The members with other values among the parameters or the fitted attributes."""
    return changed(members, **{part: json.loads(members["metadata.json"])[part] | entries})


def lacking(members, name):
    """The members without a fitted attribute."""
    metadata = json.loads(members["metadata.json"])
    for part in ("fitted", "arrays"):
        metadata[part].pop(name, None)
    return members | {"metadata.json": json.dumps(metadata)}


FOREIGN = {
    "empty": lambda members: b"",
    "text": lambda members: b"1,2,3\n",
    "pickle": lambda members: b"\x80\x04N.",
    "a zip": lambda members: packed({"a.txt": "a"}),
    "compressed": lambda members: packed(members, zipfile.ZIP_DEFLATED),
    "encrypted": lambda members: with_byte(members, b"PK\x01\x02", 8, 1),
    "no list of members": lambda members: packed(members).replace(b"PK\x05\x06", b"PK\x05\x07"),
    "a list of members before the file": lambda members: with_byte(members, b"PK\x05\x06", 15, 255),
    "a list of members beyond the file": lambda members: with_byte(members, b"PK\x05\x06", 19, 255),
    "a member before the file": lambda members: with_byte(members, b"PK\x01\x02", 45, 255),
    "a member of two gigabytes": lambda members: with_byte(members, b"PK\x01\x02", 23, 127),
    "a member of two gigabytes when unpacked": lambda members: with_byte(members, b"PK\x01\x02", 27, 127),
    "a zip of the future": lambda members: with_byte(members, b"PK\x01\x02", 6, 99),
    "data beyond the end": lambda members: with_byte(members, b"PK\x03\x04", 29, 255),
    "no metadata": lambda members: packed(without(members, "metadata.json")),
    "metadata no JSON": lambda members: packed(members | {"metadata.json": "{"}),
    "metadata no dict": lambda members: packed(members | {"metadata.json": "[]"}),
    "metadata very deep": lambda members: packed(members | {"metadata.json": "[" * 100_000}),
    "metadata no text": lambda members: packed(members | {"metadata.json": b"\xff\xfe\xfd"}),
    "another format": lambda members: packed(changed(members, format="other")),
    "another class": lambda members: packed(changed(members, **{"class": "Estimator"})),
    "unknown parameter": lambda members: packed(changed(members, parameters={"colour": "red"})),
    "no fitted values": lambda members: packed(changed(members, fitted=None)),
    "not fitted": lambda members: packed(changed(members, arrays={})),
    "a method replaced": lambda members: packed(changed(members, fitted={"fit": 1})),
    "an array no parameter": lambda members: packed(reshaped(members, "colour", np.zeros(2))),
    "structure a list": lambda members: packed(with_fitted(members, "parameters", covariance_type=["full"])),
    "components of others": lambda members: packed(with_fitted(members, "parameters", n_components=3)),
    "components no int": lambda members: packed(with_fitted(members, "parameters", n_components=2.0)),
    "threads a list": lambda members: packed(with_fitted(members, "parameters", n_threads=[2])),
    "equal weights a number": lambda members: packed(with_fitted(members, "parameters", equal_weights=2)),
    "features of others": lambda members: packed(with_fitted(members, n_features_in_=4)),
    "features no int": lambda members: packed(with_fitted(members, n_features_in_="3")),
    "names too few": lambda members: packed(with_fitted(members, feature_names_in_=["a"])),
    "names no text": lambda members: packed(with_fitted(members, feature_names_in_=[[], {}, 3])),
    "converged a number": lambda members: packed(with_fitted(members, converged_=2)),
    "iterations text": lambda members: packed(with_fitted(members, n_iter_="2")),
    "bound a list": lambda members: packed(with_fitted(members, lower_bound_=[])),
    "bounds a number": lambda members: packed(with_fitted(members, lower_bounds_=3)),
    "bounds text": lambda members: packed(with_fitted(members, lower_bounds_=["3"])),
    "report a text": lambda members: packed(with_fitted(members, fit_report_="text")),
    "report of numbers": lambda members: packed(with_fitted(members, fit_report_=[1])),
    "a number too long": lambda members: packed(members | {"metadata.json": b"[" + b"9" * 9999 + b"]"}),
    "weights of NaN": lambda members: packed(reshaped(members, "weights_", np.array([np.nan, 1]))),
    "weights negative": lambda members: packed(reshaped(members, "weights_", np.array([-0.5, 1.5]))),
    "weights of another sum": lambda members: packed(reshaped(members, "weights_", np.array([0.5, 0.6]))),
    "means infinite": lambda members: packed(reshaped(members, "means_", np.full((2, 3), np.inf))),
    "factors of NaN": lambda members: packed(reshaped(members, "precisions_cholesky_", np.full((2, 3, 3), np.nan))),
    "factors of zero": lambda members: packed(reshaped(members, "precisions_cholesky_", np.zeros((2, 3, 3)))),
    "covariances of NaN": lambda members: packed(reshaped(members, "covariances_", np.full((2, 3, 3), np.nan))),
    "an array twice as long": lambda members: packed(members | {"means_.npy": members["means_.npy"] * 2}),
    "layout a list": lambda members: packed(changed(members, arrays={"means_": []})),
    "layout empty": lambda members: packed(changed(members, arrays={"means_": {}})),
    "dtype a list": lambda members: packed(changed(members, arrays={"means_": {"dtype": [], "shape": []}})),
    "dtype unknown": lambda members: packed(changed(members, arrays={"means_": {"dtype": "<b2", "shape": [24]}})),
    "dtype long": lambda members: packed(reshaped(members, "means_", np.zeros((2, 3), np.longdouble))),
    "shape without end": lambda members: packed(reshaped(members, "means_", np.zeros((2, 0)), (0, 2**80))),
    "shape of bools": lambda members: packed(reshaped(members, "means_", np.zeros((1, 1)), (True, True))),
    "shape of axes without end": lambda members: packed(reshaped(members, "means_", np.zeros(1), (1,) * 999)),
    **{f"without {name}": functools.partial(lambda name, members: packed(lacking(members, name)), name)
       for name in (*ARRAYS, *OTHERS)},
    "missing array": lambda members: packed(without(members, "means_.npy")),
    "array is text": lambda members: packed(members | {"means_.npy": "text"}),
    "array without header": lambda members: packed(members | {"means_.npy": b"x" + members["means_.npy"][1:]}),
    "array of records": lambda members: packed(reshaped(members, "means_init", np.zeros((2, 3), "f4,f4"))),
    "array of integers": lambda members: packed(reshaped(members, "weights_", np.array([1, 0]))),
    "array of objects": lambda members: packed(reshaped(members, "means_", np.array([[None]]))),
    "array of text": lambda members: packed(reshaped(members, "means_", np.array([["a"]]))),
    "shape too large": lambda members: packed(reshaped(members, "means_", np.zeros((2, 3)), (2**40, 2**20))),
    "shape too small": lambda members: packed(reshaped(members, "means_", np.zeros((2, 3)), (2, 2))),
    "shape negative": lambda members: packed(reshaped(members, "means_", np.zeros((2, 3)), (-2, -3))),
    "shape no list": lambda members: packed(reshaped(members, "means_", np.zeros((2, 3)), "23")),
    "more means": lambda members: packed(reshaped(members, "means_", np.zeros((3, 3)))),
    "fewer features": lambda members: packed(reshaped(members, "means_", np.zeros((2, 2)))),
    "means a number": lambda members: packed(reshaped(members, "means_", np.array(1.0))),
    "means flat": lambda members: packed(reshaped(members, "means_", np.zeros(6))),
    "more weights": lambda members: packed(reshaped(members, "weights_", np.full(3, 1 / 3))),
    "another structure": lambda members: packed(reshaped(members, "precisions_cholesky_", np.ones((2, 3)))),
    "covariances of another": lambda members: packed(reshaped(members, "covariances_", np.ones((2, 3)))),
    "text of no characters": lambda members: packed(changed(
        members, arrays={"note_": {"dtype": "<U1", "shape": [2]}}) | {"note_.npy": npy(b"\xff" * 8)}),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files(members, path, make):
    path.write_bytes(make(members))
    with pytest.raises(ValueError, match=r"cannot load a model from '.*model\.npz': \S"):
        cyem.load(path)


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_no_more_memory_than_the_file_has_reason_for(members, path, make):
    path.write_bytes(make(members))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="cannot load"):
            cyem.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 400_000 + 20 * path.stat().st_size


def test_the_list_of_members_damaged_anywhere(members, path):
    """Every byte of the directory of the zip, in two ways: what says nothing may be anything."""
    whole = packed(members)
    refused = 0
    for place in range(whole.index(b"PK\x01\x02"), len(whole)):
        for value in {255, whole[place] ^ 1} - {whole[place]}:
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                assert cyem.load(path).n_components == 2
            except ValueError as error:
                assert str(error).startswith("cannot load a model")
                refused += 1
    assert refused > 300


def test_what_is_no_file_is_not_read(tmp_path):
    with pytest.raises(IsADirectoryError):
        cyem.load(tmp_path)
    for name in ("/dev/null", "/dev/zero"):
        with pytest.raises(OSError, match="not a regular file"):
            cyem.load(name)


def test_a_foreign_zip_is_no_model(path):
    path.write_bytes(packed({"a.txt": "a"}))
    with pytest.raises(ValueError, match=r"it is no model file: it has no metadata\.json"):
        cyem.load(path)


def test_a_newer_format(members, path):
    path.write_bytes(packed(changed(members, format_version=2, cyem_version="9.0")))
    with pytest.raises(ValueError, match=r"version is 2, written by cyem 9\.0; .* reads version 1: .*newer cyem"):
        cyem.load(path)


def test_what_was_packed_again_loads(members, path):
    """The changes above are refused for what they change, not for being packed again."""
    path.write_bytes(packed(members))
    assert cyem.load(path).n_components == 2
    path.write_bytes(packed(reshaped(members, "means_", np.zeros((2, 3)))))
    assert not cyem.load(path).means_.any()


def test_truncated_anywhere(members, path):
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cannot load a model"):
            cyem.load(path)


@settings(max_examples=300)
@given(st.data())
def test_damaged_anywhere(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    path = folder / "whole.npz"
    if not path.exists():
        GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [3.0]], [[[1.0]], [[2.0]]]).save(path)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    (folder / "damaged.npz").write_bytes(whole)
    try:
        cyem.load(folder / "damaged.npz")  # some bytes of a zip mean nothing
    except ValueError as error:
        assert re.match("cannot load a model from", str(error))


def test_files_of_earlier_versions():
    """Format 1 as cyem 0.1.0 wrote it: such files load for ever."""
    model = cyem.load(MODELS / "format-1.npz")
    assert (model.n_components, model.covariance_type, model.random_state) == (2, "tied", 0)
    assert list(model.feature_names_in_) == ["length", "width"]
    assert model.means_init == [[1.0, 1.0], [11.0, -5.0]]
    np.testing.assert_allclose(model.weights_, [0.5, 0.5])
    np.testing.assert_allclose(model.means_, [[1, 1], [11, -5]])
    np.testing.assert_allclose(model.covariances_, [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])


def test_files_of_earlier_versions_with_heavy_tails():
    model = cyem.load(MODELS / "format-1-student.npz")
    assert (type(model), model.covariance_type, model.random_state) == (cyem.StudentMixture, "diag", 7)
    assert list(model.feature_names_in_) == ["width", "Höhe"]
    assert model.degrees_of_freedom == [4.0, np.inf]
    np.testing.assert_array_equal(model.degrees_of_freedom_, [4, np.inf])
    np.testing.assert_allclose(model.means_, [[1, 2], [22, 33]], rtol=1e-6)
    np.testing.assert_allclose(model.scales_[1], [3.2, 7.2], rtol=1e-6)  # those of a normal distribution
    assert model.predict(pd.DataFrame(model.means_, columns=["width", "Höhe"])).tolist() == [0, 1]


def test_files_of_earlier_versions_with_a_background():
    model = cyem.load(MODELS / "format-1-background.npz")
    assert (type(model), model.covariance_type, model.background) == (GaussianMixture, "spherical", True)
    np.testing.assert_allclose(model.background_weight_, 0.2, atol=1e-3)
    np.testing.assert_allclose(model.means_, [[8, 0], [0, 0]], atol=0.05)
    np.testing.assert_allclose(model.background_box_, [[-20, -20], [20, 20]], atol=1.2)
    assert model.predict([[8, 0], [0, 0], [-15, 15]]).tolist() == [0, 1, -1]


def test_files_of_earlier_versions_of_a_regressor():
    model = cyem.load(MODELS / "format-1-regressor.npz")
    assert (type(model), model.n_components, model.random_state) == (MixtureRegressor, 1, 3)
    assert list(model.feature_names_in_) == ["dose", "Höhe"]
    rows = pd.DataFrame([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], columns=["dose", "Höhe"])
    np.testing.assert_allclose(model.predict(rows), [1, 3, -5], atol=0.02)  # 1 + 2 dose - 3 Höhe


def test_files_of_earlier_versions_of_a_classifier():
    model = cyem.load(MODELS / "format-1-classifier.npz")
    assert type(model) is MixtureClassifier
    assert model.classes_.tolist() == ["Fisch", "bird"]
    np.testing.assert_allclose(model.priors_, [0.75, 0.25])
    assert model.predict([[0.0, 0.0], [9.0, 9.0]]).tolist() == ["bird", "Fisch"]
    np.testing.assert_allclose(model.mixture_.means_, [[9, 9], [0, 0]], atol=1e-12)


def test_every_version_of_the_format_has_such_a_file():
    versions = set()
    for file in MODELS.iterdir():
        with zipfile.ZipFile(file) as archive:
            versions.add(json.loads(archive.read("metadata.json"))["format_version"])
    assert versions == set(range(1, persistence.FORMAT.version + 1))


class Bomb:
    """What a pickle runs when it is read."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("where", ["the file", "an array of objects", "an array said to be of numbers", "metadata"])
def test_no_code_of_a_file_is_run(members, path, where):
    bomb = pickle.dumps(Bomb())
    pickle.loads(bomb)
    assert Path("ran").exists()
    Path("ran").unlink()
    if where == "the file":
        path.write_bytes(bomb)
    elif where == "an array of objects":
        path.write_bytes(packed(reshaped(members, "means_", np.array([[Bomb()]]))))
    elif where == "an array said to be of numbers":
        arrays = json.loads(members["metadata.json"])["arrays"]
        objects = reshaped(members, "means_", np.array([[Bomb()] * 3] * 2))
        path.write_bytes(packed(changed(objects, arrays=arrays)))
    else:
        path.write_bytes(packed(members | {"metadata.json": bomb}))
    with pytest.raises(ValueError, match="cannot load a model"):
        cyem.load(path)
    assert not Path("ran").exists()


# --- estimators around a mixture -------------------------------------------------------------------------------------

WORDS = np.repeat(["ä", "bb"], [60, 40])


def regressor(X):
    return MixtureRegressor(2, random_state=0, max_iter=50).fit(pd.DataFrame(X[:, :2], columns=["a", "b"]), X[:, 2])


def classifier(X):
    return MixtureClassifier({"ä": 2, "bb": 1}, priors=[0.3, 0.7], random_state=0).fit(X, WORDS)


AROUND = {
    "a regressor": regressor,
    "one of two targets": lambda X: MixtureRegressor().fit(X[:, :1], X[:, 1:]),
    "a classifier": classifier,
    "classes as objects": lambda X: MixtureClassifier(shared=False).fit(X, WORDS.astype(object)),
    "classes as numbers": lambda X: MixtureClassifier([1, 2]).fit(X, np.arange(100) // 50),
    "classes as bools": lambda X: MixtureClassifier().fit(X.astype(np.float32), WORDS == "ä"),
}


@pytest.mark.parametrize("make", AROUND.values(), ids=AROUND)
def test_estimators_around_a_mixture(X, path, make):
    """Equal bit for bit, with all attributes, and the same file again."""
    model = make(X)
    model.save(path)
    loaded = cyem.load(path)
    assert type(loaded) is type(model)
    public = [{name: value for name, value in vars(each).items() if name[0] != "_"} for each in (loaded, model)]
    assert public[0].keys() == public[1].keys()
    assert_same(public[0].pop("mixture_"), public[1].pop("mixture_"))
    for name, value in public[1].items():
        assert same(value, public[0][name]), name
    if hasattr(model, "classes_"):
        assert (loaded.classes_.dtype, loaded.chosen_) == (model.classes_.dtype, model.chosen_)
    x = X[:5, : model.n_features_in_]
    x = pd.DataFrame(x, columns=model.feature_names_in_) if hasattr(model, "feature_names_in_") else x
    assert np.array_equal(loaded.predict(x), model.predict(x))
    before = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == before


class OwnClassifier(MixtureClassifier):
    pass


@pytest.mark.parametrize(("change", "said"), [
    (dict(mixture_=None), "'mixture_' is a NoneType"), (dict(n_features_in_=2), "n_features_in_"),
    (dict(fit_report_=[1]), "fit_report_"), (dict(classes_=np.array(["a", "a"])), "classes_"),
    (dict(classes_=np.array([None, 1])), "classes_"), (dict(priors_=np.ones(2)), "priors_"),
    (dict(component_classes_=np.array([0, 1, 0])), "component_classes_"), (dict(bic_="1"), "bic_"),
    (dict(n_threads="all"), "n_threads"), (dict(chosen_=1), "chosen_"), (OwnClassifier, "pickle it"),
])
def test_estimators_that_are_not_whole_are_not_saved(X, path, change, said):
    model = classifier(X) if isinstance(change, dict) else change().fit(X, WORDS)
    vars(model).update(change if isinstance(change, dict) else {})
    with pytest.raises((TypeError, ValueError), match=said):
        model.save(path)
    assert not path.exists()


def part_changed(members, part):
    return changed(members, parts={"mixture_": part})


HOSTILE = {
    "no parts": lambda members, part: changed(members, parts=None),
    "a part missing": lambda members, part: changed(members, parts={}),
    "a part no dict": lambda members, part: part_changed(members, [1]),
    "a part of another class": lambda members, part: part_changed(members, part | {"class": "MixtureClassifier"}),
    "a part of an unknown class": lambda members, part: part_changed(members, part | {"class": "os.system"}),
    "a part not fitted": lambda members, part: part_changed(members, part | {"fitted": {}}),
    "a part with another parameter": lambda members, part: part_changed(members, part | {"parameters": {"colour": 1}}),
    "an array of the part gone": lambda members, part: lacking(members, "mixture_.means_"),
    "an array of the part in another shape": lambda members, _: reshaped(members, "mixture_.means_", np.zeros((3, 9))),
    "parameters of another": lambda members, part: with_fitted(members, "parameters", equal_weights=True),
    "features of another": lambda members, part: with_fitted(members, n_features_in_=9),
    "targets of another": lambda members, part: with_fitted(members, n_outputs_=2, n_features_in_=1),
    "no targets": lambda members, part: with_fitted(members, n_outputs_=0, n_features_in_=3),
    "the mixture a value": lambda members, part: changed(with_fitted(members, mixture_=1), parts={}),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_foreign_files_of_estimators_around_a_mixture(X, path, tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    members = saved(regressor(X))
    path.write_bytes(packed(members))
    assert cyem.load(path).n_components == 2
    path.write_bytes(packed(change(members, json.loads(members["metadata.json"])["parts"]["mixture_"])))
    with pytest.raises(ValueError, match=r"cannot load a model from '.*model\.npz': \S"):
        cyem.load(path)


@pytest.mark.parametrize("labels", [[None, 1], [[1], [2]], [1], ["a", "a"], "ab", [1, {}]], ids=str)
def test_classes_of_foreign_files(X, path, tmp_path, monkeypatch, labels):
    monkeypatch.chdir(tmp_path)
    members = saved(MixtureClassifier().fit(X, WORDS.astype(object)))
    path.write_bytes(packed(with_fitted(members, classes_=labels)))
    with pytest.raises(ValueError, match="cannot load a model"):
        cyem.load(path)
