"""What `ci/coverage` found, as a page: ``python ci/covered.py FOLDER PAGE``; exit status 1 below 95 % of the lines.

What stands in the page below its last heading was written by hand, and is kept: why the lines listed are not run.
"""

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

ENOUGH = 0.95
WHY = "## Why not\n"
STATED = re.compile('^#line ([0-9]+) "(.*)"', re.MULTILINE)


def of_python(folder):
    """{file: (lines run, lines missed)} of Python."""
    files = json.loads(Path(folder, "python.json").read_text())["files"]
    return {name: (set(found["executed_lines"]), set(found["missing_lines"])) for name, found in files.items()}


def of_kernels(folder):
    """The same of Cython and of headers: a line is run if any module that it is compiled into runs any part of it."""
    source = Path(folder, "source")
    ours = {path.name: str(path.relative_to(source)) for path in sorted(source.glob("cyem/*/*.[ph]*"))
            if path.suffix in (".pyx", ".pxd", ".pxi", ".h")}  # generated C has the names only of what is included
    stated = set()  # the lines with statements; code that Cython adds after the last one counts on from there
    for path in source.glob("build/cython/**/*.c"):
        stated |= {(Path(name).name, int(line)) for line, name in STATED.findall(path.read_text())}
    counts = {}
    for notes in sorted(source.rglob("*.gcno")):
        said = subprocess.run(["gcov", "--json-format", "--stdout", str(notes)], cwd=source, capture_output=True,
                              text=True, check=True).stdout
        for file in (file for record in map(json.loads, said.splitlines()) for file in record["files"]):
            name = Path(file["file"]).name
            for line in file["lines"]:
                where = name, line["line_number"]
                if name in ours and (name.endswith(".h") or where in stated):
                    counts[where] = counts.get(where, 0) + line["count"]
    return {ours[name]: ({n for (of, n), count in counts.items() if of == name and count},
                         {n for (of, n), count in counts.items() if of == name and not count})
            for name in {of for of, _ in counts}}


def ranges(lines):
    """Numbers as people write them: 3, 7-9."""
    found = []
    for line in sorted(lines):
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in found)


def page(tables, commit, today):
    """The page, but for what is kept; and the share of lines that were run."""
    said = [f"# Lines that tests run\n\nLast whole run of `ci/coverage`: {today}, commit {commit}.\n"]
    shares = []
    for title, files in tables.items():
        run, missed = (sum(len(lines[i]) for lines in files.values()) for i in (0, 1))
        shares.append(run / (run + missed))
        said.append(f"\n## {title}: {shares[-1]:.1%} of {run + missed:,} lines\n\n"
                    "| file | lines | run | not run |\n|---|---:|---:|---|\n")
        for name, (hit, left) in sorted(files.items()):
            if hit or left:
                share = len(hit) / (len(hit) + len(left))
                said.append(f"| {name} | {len(hit) + len(left)} | {share:.1%} | {ranges(left)} |\n")
    return "".join(said), min(shares)


if __name__ == "__main__":
    folder, target = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    root = folder / "source"
    tables = {
        kind: {str((root / name).resolve().relative_to(root)): lines for name, lines in files.items()}
        for kind, files in (("Python", of_python(folder)), ("Cython and C", of_kernels(folder)))
    }
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    said, least = page(tables, commit, datetime.datetime.now(datetime.UTC).date())
    kept = WHY + target.read_text().partition(WHY)[2] if target.is_file() else ""
    with target.open("w") as file:
        file.write(said + ("\n" + kept if kept else ""))
    sys.exit(least < ENOUGH)
