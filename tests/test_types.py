"""What type checkers and editors read: is all that is public annotated? `ci/types` asks the checkers themselves."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_overloads

import pytest

import cyem
import cyem.plotting
from cyem.embed import Scorer

FOLDER = Path(cyem.__file__).parent
EVERY_NAME = Path(__file__).parent / "typing/every_public_name.py"
RETURNED = {  # what calls return, by module
    "inference.bootstrap": ["LikelihoodRatioTest", "Stability"],
    "inference.errors": ["Estimates", "Intervals", "StandardErrors"],
    "inference.merging": ["Merging", "Step"],
    "models.conditional": ["Conditional"],
    "models.history": ["Report"],
    "models.verbs": ["MixtureParameters"],
    "screening.findings": ["Finding", "Findings"],
    "selection.discriminant": ["CrossValidation"],
    "selection.select": ["Row", "Selection"],
    "selection.verdict": ["Verdict"],
}


PUBLIC = [*(getattr(cyem, name) for name in cyem.__all__ if name != "__version__"),
          *(getattr(cyem.plotting, name) for name in cyem.plotting.__all__)]
CLASSES = [thing for thing in PUBLIC if isinstance(thing, type) and not issubclass(thing, Exception)]
CLASSES += [getattr(import_module(f"cyem.{module}"), name) for module, names in RETURNED.items() for name in names]
FUNCTIONS = [thing for thing in PUBLIC if not isinstance(thing, type)]


def own(cls):
    """The classes of cyem that a class consists of."""
    return [each for each in cls.__mro__ if each.__module__.startswith("cyem.")]


def methods(cls):
    """The constructor and all public functions that a class has of cyem."""
    for each in own(cls):
        for name, member in vars(each).items():
            function = getattr(member, "fget", None) or getattr(member, "compute", None) or inspect.unwrap(
                getattr(member, "__func__", member))
            written = inspect.isfunction(function) and function.__code__.co_filename.startswith(str(FOLDER))
            if written and (name == "__init__" or not name.startswith("_")):
                yield function


def unannotated(function):
    """The parameters of a function that have no type, and "return"."""
    for one in get_overloads(function) or [function]:
        signature = inspect.signature(one)
        names = [name for name, each in signature.parameters.items() if name not in ("self", "cls")
                 and each.annotation is each.empty]
        yield from names + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_public_function_is_annotated(function):
    assert [*unannotated(function)] == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_public_method_is_annotated(cls):
    found = {f"{function.__qualname__}: {name}" for function in methods(cls) for name in unannotated(function)}
    assert found == set()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_documented_attribute_is_annotated(cls):
    section = re.search(r"^Attributes\n-+\n(.*?)(?=^\w[^\n]*\n---|\Z)", inspect.getdoc(cls) or "", re.S | re.M)
    lines = section[1].splitlines() if section else []
    named = {name for line in lines if re.match(r"\w", line) for name in line.partition(" : ")[0].split(", ")}
    known = {name for each in own(cls) for name in (*vars(each), *vars(each).get("__annotations__", ()))}
    for each in own(cls):  # what a constructor stores of its arguments has their types
        if inspect.isfunction(init := vars(each).get("__init__")):
            known |= set(init.__annotations__)
    assert named - known == set()


def test_the_file_for_checkers_uses_every_public_name():
    tree = ast.parse(EVERY_NAME.read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "cyem"
                for name in node.names}
    assert imported == set(cyem.__all__)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported <= used
    assert {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} >= set(cyem.plotting.__all__)


def test_what_the_file_for_checkers_says_is_so():
    """Arrays have the types that it asserts."""
    done = subprocess.run([sys.executable, "-P", EVERY_NAME], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_checkers_may_read_the_annotations():
    assert (FOLDER / "py.typed").exists()


def test_the_stub_has_what_the_compiled_module_has():
    module = import_module("cyem.embed.scorer")
    tree = ast.parse((FOLDER / "embed/scorer.pyi").read_text(encoding="utf-8"))
    stub = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    written = {getattr(node, "name", None) or node.target.id for node in stub.body}
    internal = {"kind", "memory"}
    assert {name for name in written if not name.startswith("_")} == {
        name for name in vars(Scorer) if not name.startswith("_")} - internal
    for node in (node for node in stub.body if isinstance(node, ast.FunctionDef) and not node.decorator_list):
        names = [argument.arg for argument in node.args.args]
        if node.name != "__init__":
            assert names == [*inspect.signature(vars(Scorer)[node.name]).parameters]
    named = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    assert all(hasattr(module, name) for name in named)
