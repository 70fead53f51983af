"""Models as files: equal bit for bit, safe to read, and never half written."""

import io
import json
import os
import re
import stat
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cyem
from cyem import GaussianMixture

STRUCTURES = ("full", "tied", "diag", "spherical")
ARRAYS = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")


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


FOREIGN = {
    "empty": lambda members: b"",
    "text": lambda members: b"1,2,3\n",
    "pickle": lambda members: b"\x80\x04N.",
    "a zip": lambda members: packed({"a.txt": "a"}),
    "compressed": lambda members: packed(members, zipfile.ZIP_DEFLATED),
    "encrypted": lambda members: with_byte(members, b"PK\x01\x02", 8, 1),
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
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files(members, path, make):
    path.write_bytes(make(members))
    with pytest.raises(ValueError, match=r"cannot load a model from '.*model\.npz': \S"):
        cyem.load(path)


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
    model = cyem.load(Path(__file__).parent / "models" / "format-1.npz")
    assert (model.n_components, model.covariance_type, model.random_state) == (2, "tied", 0)
    assert list(model.feature_names_in_) == ["length", "width"]
    assert model.means_init == [[1.0, 1.0], [11.0, -5.0]]
    np.testing.assert_allclose(model.weights_, [0.5, 0.5])
    np.testing.assert_allclose(model.means_, [[1, 1], [11, -5]])
    np.testing.assert_allclose(model.covariances_, [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])
