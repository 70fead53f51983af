"""The site of docs/, as far as it can be asked without building it (`ci/docs` does): is every public name there?"""

import ast
import doctest
import inspect
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import cyem
import cyem.plotting

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
UNTOLD = {f"Scorer.{method}" for method in ("log_densities", "responsibilities", "labels")}  # on no page: see conf.py
GALLERIES = ["learn", "howto", "coming_from"]
MODULES = ["cyem", "cyem.plotting"]
NAMES = [(module, name) for module in MODULES for name in import_module(module).__all__ if name != "__version__"]

in_repository = pytest.mark.skipif(not DOCS.exists(), reason="the site comes with the repository only")


def listed(page):
    """The whole names that a page of the reference documents."""
    module = directive = None
    for line in page.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\.\. ([\w:]+):: ?(.*)", line):
            directive, argument = found.groups()
            if directive == "currentmodule":
                module = argument
            elif directive == "py:data":
                yield f"{module}.{argument}"
        elif directive == "autosummary" and (found := re.match(r"   (\w+)$", line)):
            yield f"{module}.{found[1]}"


@in_repository
def test_every_public_name_has_a_page():
    public = [f"{module}.{name}" for module in MODULES for name in import_module(module).__all__]
    assert sorted(listed(DOCS / "reference/index.rst")) == sorted(public)


def section(text, title):
    """The lines below a title of a docstring."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[^\n]*\n---|\Z)", text, re.S | re.M)
    return found[1] if found else ""


def documentation(module, name):
    thing = getattr(import_module(module), name)
    ways = [getattr(thing, way) for way in dir(thing) if way.startswith("from_")] if isinstance(thing, type) else []
    return [re.sub(r"^ {4}", "", one.__doc__, flags=re.M) for one in [thing, *ways]]


@pytest.mark.parametrize("module, name", NAMES)
def test_every_public_name_has_an_example(module, name):
    """Its own, or that of a constructor such as `from_estimator`; `test_verbs.py` runs them."""
    assert any(">>> " in text for text in documentation(module, name))


@pytest.mark.parametrize("module, name", NAMES)
def test_every_public_name_sees_others(module, name):
    """They are there: names in the same module, or whole ones."""
    own, *_ = documentation(module, name)
    others = [other.strip() for line in re.findall(r"^([\w., ]+) : ", section(own, "See Also"), re.M)
              for other in line.split(",")]
    assert others
    for other in others:
        whole = other if other.startswith("cyem.") else f"{module}.{other}"
        thing = cyem
        for part in whole.split(".")[1:]:
            thing = getattr(thing, part)


def methods():
    """Those of public classes, and of what calls return where its page lists them: module, class, name."""
    returned = (DOCS / "reference/returned.rst").read_text(encoding="utf-8") if DOCS.exists() else ""
    classes = re.findall(r"^   ~(.*)\.(\w+)$", returned.partition(":template:")[0], re.M)
    for module, name in [*NAMES, *classes]:
        thing = getattr(import_module(module), name)
        for base in thing.__mro__ if isinstance(thing, type) else ():
            for method in vars(base) if base.__module__.startswith("cyem.") else ():
                one = getattr(base, method)
                public = inspect.isroutine(one) and callable(one) and not method.startswith("_")
                if public and f"{base.__qualname__}.{method}" not in UNTOLD:
                    yield base.__module__, base.__qualname__, method


METHODS = sorted(set(methods()))


@pytest.mark.parametrize("module, owner, method", METHODS)
def test_every_public_method_is_told_of(module, owner, method):
    """All of its parameters, what it returns, and an example, which `test_verbs.py` runs."""
    function = getattr(getattr(import_module(module), owner), method)
    text = inspect.cleandoc(function.__doc__.partition("\n")[2])  # without what Cython writes in the first line
    takes = [name for name in inspect.signature(function).parameters if name not in ("self", "params")]
    told = re.findall(r"^([\w, ]+) : ", section(text, "Parameters"), re.M)
    assert [name for line in told for name in line.split(", ")] == takes
    assert section(text, "Returns") or inspect.signature(function).return_annotation == "None"
    assert ">>> " in section(text, "Examples")


@in_repository
def test_the_reference_gives_what_it_says():
    done = doctest.testfile(str(DOCS / "reference/index.rst"), module_relative=False)
    assert done.attempted and not done.failed


@in_repository
def test_code_of_pages_is_run():
    """Python stands in the scripts of galleries, which the build runs, and not in pages, which it does not run."""
    pages = list(DOCS.glob("*.md"))
    assert pages
    assert not [page.name for page in pages if re.search(r"^```\s*\{?(python|code)", page.read_text(), re.M)]


@in_repository
def test_every_script_has_its_place():
    """In the order of the pages, with a title and a word on what it is about."""
    (order,) = ast.parse((DOCS / "_extensions/order.py").read_text()).body[-2:-1]
    scripts = [script for gallery in GALLERIES for script in (DOCS / gallery).glob("*.py")]
    assert sorted(script.stem for script in scripts) == sorted(ast.literal_eval(order.value))
    for script in scripts:
        title, underline, *rest = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))).splitlines()
        assert set(underline) == {"="} and len(underline) >= len(title) and "".join(rest), script.name


@in_repository
@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name):
    """Those of pages of the site are asked by its build."""
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]*)", text) + re.findall(r'src="(.*?)"', text)
    assert not [link for link in links if not (ROOT / link).exists()]


@in_repository
def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "cyem.version.__version__"}
    assert not re.search("^version", (ROOT / "CITATION.cff").read_text(), re.M)
    newest, *_ = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest in ("Unreleased", cyem.__version__)
