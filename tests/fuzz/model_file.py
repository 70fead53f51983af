"""Model files of all kinds, and what only looks like one: `cyem.load` returns a model that works, or raises ValueError.

    python tests/fuzz/model_file.py --seconds 60 --seed 0    # exit status 1 after a case that failed, with its seed

A case is the file of a random mixture after damage to its bytes, to a field of the zip, to the list of its members, to
the JSON or to an array, with checksums that are right or not. What is loaded must predict, score, sample and be saved
and loaded again; what is refused must be refused in little memory.
"""

import copy
import functools
import io
import itertools
import json
import os
import resource
import struct
import tempfile
import warnings
import zipfile

import driver
import numpy as np

import cyem
from cyem import GaussianMixture, MixtureClassifier, MixtureRegressor, StudentMixture
from cyem.families.covariance import STRUCTURES, structure
from cyem.models.history import Report

MEMORY = 256 << 20  # bytes of addresses that a case may take beyond what is there before the first
MODELS = 100  # different ones that are damaged
ARRAYS = ("weights_", "means_", "precisions_", "precisions_cholesky_", "covariances_", "scales_",
          "degrees_of_freedom_")
TOKENS = [
    b"", b"\0", b"\xff" * 8, b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x93NUMPY",
    b"{", b"[", b'"', b"}", b",", b":", b"null", b"true", b"NaN", b"-1", b"1e999", b"9" * 5000, b"[" * 5000, b'"<f8"',
    b'"|O"', b"metadata.json", b"means_.npy", b"\xed\xa0\x80", b"\\ud800",
]  # fmt: skip
NUMBERS = [0, 1, 2, 3, -1, 0.5, 2.0, 1e308, -1e-320, float("nan"), float("inf"), 2**31, 2**32, 2**63, 10**30, 10**400,
           True, False]  # fmt: skip
WORDS = ["", "full", "tied", "diag", "spherical", "EVE", "GaussianMixture", "means_", "n_components", "fit",
         "__class__", "_memo", "<f8", ">f4", "<f16", "|O", "|b1", "<i8", "<U4", "x" * 1000, "\ud800"]  # fmt: skip
FIELDS = {  # offset and size of each in a record of a zip, by the signature of this
    b"PK\x03\x04": [(4, 2), (6, 2), (8, 2), (10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
    b"PK\x01\x02": [(4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)],
    b"PK\x05\x06": [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
}


@functools.cache
def saved(seed):
    """The bytes of the file of a mixture of any family and structure, in any type, with names or without."""
    rng = np.random.default_rng(seed)
    heavy = rng.random() < 0.3
    shape = structure(rng.choice(["full", "tied", "diag", "spherical"])) if heavy else rng.choice(STRUCTURES)
    k, d = rng.integers(1, 4, size=2).tolist()
    A = rng.normal(size=(k, d, d)) + 2 * np.eye(d)
    covariances = shape.condensed(A @ A.swapaxes(1, 2))
    known = np.full(k, 1 / k), rng.normal(size=(k, d)), covariances
    if heavy:
        model = StudentMixture.from_parameters(*known, rng.uniform(0.5, 9, k), shape.name)
    else:
        model = GaussianMixture.from_parameters(*known, shape.name)
    for name in arrays_of(model):
        setattr(model, name, getattr(model, name).astype(rng.choice(["<f8", "<f8", "<f4", ">f8"])))
    if rng.random() < 0.3:
        model.feature_names_in_ = np.array([f"x{j}" for j in range(d)], dtype=object)
    if rng.random() < 0.3:
        model.set_params(means_init=rng.normal(size=(k, d)), random_state=int(rng.integers(99)))
    if not heavy and rng.random() < 0.3:
        model = around(rng, model)
    model.save("model")
    return content_of("model")


def around(rng, mixture):
    """A regressor or a classifier that answers by a mixture, as a fit leaves it."""
    k, d = mixture.means_.shape
    if d > 1 and rng.random() < 0.5:
        model = MixtureRegressor(k)
        values = dict(n_features_in_=d - 1, n_outputs_=1, one_target_=bool(rng.random() < 0.5))
    elif k > 1:
        model = MixtureClassifier()
        classes = [np.array(["ä", "b", "c"][:k]), np.array(["a", 1, 2.5][:k], object), np.arange(k)]
        values = dict(n_features_in_=d, classes_=classes[rng.integers(3)], component_classes_=np.arange(k), bic_=1.0,
                      priors_=np.full(k, 1 / k), chosen_=[(1, "VVV")] * k, log_likelihood_=-1.0, n_parameters_=3)
    else:
        return mixture
    vars(model).update(values, mixture_=mixture, n_iter_=1, fit_report_=Report())
    mixture.__dict__.pop("feature_names_in_", None)
    return model


def arrays_of(model):
    """The names of the arrays that a model consists of."""
    return [*ARRAYS[:4], *(ARRAYS[5:] if isinstance(model, StudentMixture) else ARRAYS[4:5])]


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def members_of(content):
    """The members of a zip, in order."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def packed(members, compression=zipfile.ZIP_STORED, comment=b""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.comment = comment
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


# --- damage ----------------------------------------------------------------------------------------------------------


def bytes_changed(rng, content):
    return driver.mutated(rng, content, TOKENS)


def bits_flipped(rng, content):
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return bytes(content)


def field_changed(rng, content):
    """A field of a record of the zip says something else."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 3)):
        signature = list(FIELDS)[rng.integers(len(FIELDS))]
        places = [i for i in range(len(content)) if content.startswith(signature, i)]
        if not places:
            continue
        offset, size = FIELDS[signature][rng.integers(len(FIELDS[signature]))]
        at = places[rng.integers(len(places))] + offset
        before = int.from_bytes(content[at : at + size], "little")
        top = 1 << 8 * size
        value = [0, 1, 8, 99, top - 1, top // 2, top // 2 - 1, len(content), before + 1, before - 1, rng.integers(top)]
        content[at : at + size] = (int(value[rng.integers(len(value))]) % top).to_bytes(size, "little")
    return bytes(content)


def large_fields_added(rng, content):
    """The end of the zip as that of one beyond 4 GiB, which says more about where things are."""
    at = content.rindex(b"PK\x05\x06")
    values = [0, 1, len(content), at, 2**31, 2**32, 2**63, 2**64 - 1, int(rng.integers(2**62))]
    record = [int(values[rng.integers(len(values))]) for _ in range(4)]
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, *record)
    place = [at, at, int(rng.integers(len(content))), 2**63][rng.integers(4)]
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, place, 1)
    return content[:at] + large + locator + content[at : at + 8] + b"\xff" * 12 + content[at + 20 :]


def members_changed(rng, content):
    """A member that is gone, there twice, under another name, packed, or one more."""
    members = members_of(content)
    i, j = rng.integers(len(members), size=2)
    match rng.integers(6):
        case 0:
            del members[i]
        case 1:
            members.append((members[i][0], members[j][1]))
        case 2:
            members[i] = members[i][0], members[j][1]
        case 3:
            members.insert(i, (str(rng.choice(["x", "../x", "fit_.npy", "means_", "n_components.npy"])), rng.bytes(20)))
        case 4:
            rng.shuffle(members)
        case 5:
            return packed(members, rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    return packed(members, comment=rng.bytes(rng.choice([0, 0, 9])))


def text_changed(rng, content):
    """The JSON as bytes."""
    return packed([(name, driver.mutated(rng, member, TOKENS) if name == "metadata.json" else member)
                   for name, member in members_of(content)])


def json_changed(rng, content):
    """The JSON as a tree: other values, keys that are gone, exchanged or new."""
    members = dict(members_of(content))
    tree = json.loads(members["metadata.json"])
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        nodes = [part for part in branches(tree) if part]
        if rng.random() < 0.7:  # among what matters most: neither the root nor texts of no meaning
            parts = [tree.get(key) for key in ("fitted", "arrays", "parameters")]
            nodes = [part for part in parts if part and isinstance(part, dict)] or nodes
        if not nodes:
            break
        node = nodes[rng.integers(len(nodes))]
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key, other = (keys[rng.integers(len(keys))] for _ in range(2))
        match rng.integers(5):
            case 0:
                del node[key]
            case 1:
                node[key] = copy.deepcopy(node[other])
            case 2 if isinstance(node, dict):
                node[str(rng.choice([*WORDS[:-1], *ARRAYS, "note_"]))] = node.pop(key)
            case _:
                node[key] = value(rng)
    members["metadata.json"] = json.dumps(tree)
    return packed(members.items())


def branches(tree):
    """All dicts and lists of a tree."""
    if isinstance(tree, dict | list):
        yield tree
        yield from itertools.chain.from_iterable(map(branches, tree.values() if isinstance(tree, dict) else tree))


def value(rng, depth=2):
    """Something that JSON has."""
    match rng.integers(7 if depth else 4):
        case 0 | 1:
            return NUMBERS[rng.integers(len(NUMBERS))]
        case 2:
            return WORDS[rng.integers(len(WORDS))]
        case 3:
            return None
        case 4 | 5:
            return [value(rng, depth - 1) for _ in range(rng.integers(4))]
        case 6:
            return {WORDS[rng.integers(len(WORDS))]: value(rng, depth - 1) for _ in range(rng.integers(3))}


def array_changed(rng, content):
    """An array of another shape or type, or of numbers that none can be, of which everything else tells the truth."""
    members = dict(members_of(content))
    tree = json.loads(members["metadata.json"])
    for _ in range(rng.choice([1, 1, 2])):
        name = str(rng.choice([*ARRAYS, "means_init", "n_components", "note_", "lower_bounds_", "n_threads"]))
        old = np.zeros(int(rng.integers(3)))
        if f"{name}.npy" in members:
            old = np.load(io.BytesIO(members[f"{name}.npy"])).astype(np.float64)
        if old.size and rng.random() < 0.3:
            old.flat[rng.integers(old.size)] = rng.choice([np.nan, np.inf, -np.inf, 0, -1, 1e-320, 1e308, 3e4])
        new = old.astype(rng.choice(["<f8", "<f8", "<f4", "<f2", ">f8", "<f16", "<i8", "|b1", "|u1", "<c16"]))
        match rng.integers(7):
            case 1:
                new = new * rng.choice([0, -1, 2, 1e-5])
            case 2:
                new = new[None]
            case 3 if new.ndim:
                new = new[:-1]
            case 4:
                new = np.concatenate([new.ravel(), new.ravel()])
            case 5:
                new = new.T
        buffer = io.BytesIO()
        np.save(buffer, new)
        members[f"{name}.npy"] = buffer.getvalue()
        tree["arrays"][name] = {"dtype": new.dtype.str, "shape": list(new.shape)}
    members["metadata.json"] = json.dumps(tree)
    return packed(members.items())


DAMAGE = [bytes_changed, bits_flipped, field_changed, large_fields_added, members_changed, text_changed, json_changed,
          json_changed, json_changed, array_changed, array_changed]  # fmt: skip


# --- what must hold --------------------------------------------------------------------------------------------------


def attempt(rng):
    damage = DAMAGE[rng.integers(len(DAMAGE))]
    with open("damaged", "wb") as file:
        file.write(damage(rng, saved(int(rng.integers(MODELS)))))
    try:
        model = cyem.load("damaged")
    except ValueError as error:
        assert str(error).startswith("cannot load a model from 'damaged': "), error
        return f"refused after {damage.__name__}"
    use(rng, model)
    return f"loaded after {damage.__name__}"


def use(rng, model):
    """Whatever a model is asked that was loaded, it answers."""
    if hasattr(model, "mixture_"):
        assert len(model.predict(rng.normal(size=(5, model.n_features_in_)))) == 5
        model.save("again")
        assert type(cyem.load("again")) is type(model)
        model = model.mixture_
    k, d = model.means_.shape
    X = rng.normal(size=(5, d)).astype(rng.choice(["<f8", "<f4"]))
    assert model.predict(X).shape == (5,) and set(model.predict(X)) <= set(range(k))
    assert model.predict_proba(X).shape == (5, k)
    assert model.score_samples(X).shape == (5,)
    try:
        assert model.sample(2, random_state=0)[0].shape == (2, d)
    except np.linalg.LinAlgError:  # numbers in a factor may be too far apart for a general solver
        pass
    except ValueError as error:  # an answer too: what is drawn would be no number
        assert str(error).startswith("Samples of this mixture are beyond the range of float64"), error
    model.bic(X)
    model.summary(), model.summary(X)
    model.save("again")
    again = cyem.load("again")
    for name in arrays_of(model):
        one, other = getattr(model, name), getattr(again, name)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes()), name


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # in memory, where writing costs nothing
        os.chdir(folder)
        attempt(np.random.default_rng(0))  # so that everything is imported
        with open("/proc/self/statm") as file:
            limit = int(file.read().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        driver.run(__doc__, attempt)
