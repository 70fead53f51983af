"""The rule of imports: it holds, and what breaks it is found. See `ci/imports.py` and `CONTRIBUTING.md`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULE = ROOT / "ci" / "imports.py"

pytestmark = pytest.mark.skipif(not RULE.exists(), reason="the rule comes with the repository only")


def told(folder):
    return subprocess.run([sys.executable, RULE, folder], capture_output=True, text=True).stdout


def test_imports_point_downwards():
    assert told(ROOT / "cyem") == ""


@pytest.mark.parametrize(("where", "line", "fault"), [
    ("kernels/reference.py", "from ..rows import data", "kernels must not know rows"),
    ("rows/data.py", "def late():\n    from ..families.covariance import structure", "rows must not know families"),
    ("em/driver.py", "import cyem.models.gaussian", "em must not know models"),
    ("screening/look.py", "from ..selection.select import select", "screening must not know selection"),
    ("inference/errors.py", "from ..selection.select import select", "inference must not know selection"),
    ("em/driver.py", "from . import start", "a circle: "),
    ("notices.py", "from . import threads", "a circle: "),
    ("neighbour.py", "from . import lazy", "neighbour has no place"),
    ("selection/modes.py", "def late(model):\n    return model._accept(2)", "_accept is private to models"),
    ("plotting/geometry.py", "from ..selection.select import _said", "_said is private to selection"),
])
def test_what_breaks_the_rule_is_found(tmp_path, where, line, fault):
    folder = shutil.copytree(ROOT / "cyem", tmp_path / "cyem", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    with open(folder / where, "a") as file:
        file.write(f"\n{line}\n")
    assert fault in told(folder)


def test_files_that_contributing_names_are_there():
    tops = ("cyem", "ci", "docs", "tests")
    there = [ROOT / "cyem", *ROOT.glob("*.md"), *(path for top in tops for path in (ROOT / top).rglob("*"))]
    named = re.findall(r"`([\w/]+(?:/|\.(?:py|pyx|pxd|md))|ci/\w+)[` ]", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(named) > 50
    assert not [name for name in named if not any(str(path).endswith(f"/{name.rstrip('/')}") for path in there)]
