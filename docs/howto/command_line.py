"""
Use the command line
====================

Everything from a shell: look, choose, save, predict, find odd rows, report. Text tables in any dialect, compressed or
not, and ``.npy``; with ``pip install '.[files]'`` also Parquet, Arrow and Excel; ``-`` is the standard input.
"""

import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

folder = TemporaryDirectory()
shutil.copy("../data/faithful.csv", folder.name)


def run(line, lines=None):
    """What somebody sees who types that in this folder: the first lines of it."""
    print("$", line)
    command = [sys.executable, "-m", *shlex.split(line)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder.name)
    said = [piece for line in done.stderr.splitlines() for piece in textwrap.wrap(line, 100)]
    print("\n".join([*said, *done.stdout.splitlines()[:lines]]), end="\n\n")


# %%
# Look, and choose:

run("cyem examine faithful.csv")
run("cyem select faithful.csv --components 1-4 --structures full,tied")

# %%
# Fit one model, keep it, and use it:

run("cyem fit faithful.csv --components 2 -o faithful.npz", 12)
run("cyem predict faithful.npz faithful.csv", 4)
run("cyem score faithful.npz faithful.csv")
run("cyem sample faithful.npz -n 3")

# %%
# The verdict of ``select`` says which components make up a group. Do they come back when the rows are drawn anew?

run("cyem stability faithful.npz faithful.csv --refits 30")

# %%
# Which rows are odd, beside what the file says of them? Rows are called by their names (the first column of a file of
# R, or ``--id COLUMN``), else by numbers from 1:

run("cyem outliers faithful.npz faithful.csv --append")

# %%
# Score without Python: the model as one file of C (:doc:`how to use it <embed>`).

run("cyem export faithful.npz --name faithful -o faithful.c")

# %%
# Files as they are
# -----------------
#
# How a file is written is found by looking, and what was found out of the ordinary is said: semicolons and decimal
# commas, a title, columns of text, gaps.

Path(folder.name, "stations.csv").write_text(
    "station;height;rain;measured\n"
    "Bremen;4,1;694,3;2024-01-02\nKassel;231,0;700,1;2024-01-02\nUlm;567,2;749,8;2024-01-03\n"
    "Hof;565,1;k. A.;2024-01-03\nTrier;265,6;784,2;2024-01-04\nJena;155,0;612,9;2024-01-05\n"
)
run("cyem fit stations.csv --id station -o rain.npz")

# %%
# What cannot be read is refused, all of it at once, with the option that cures it:

run("cyem fit stations.csv --id station --missing 'k. A.' -o rain.npz", 2)

# %%
# A page for people who use neither Python nor a shell:

run("cyem report faithful.csv --components 1-4 -o report.html", 1)

# %%
# All of it
# ---------

run("cyem --help")

# %%
# ``eval "$(cyem --completion bash)"`` in ``.bashrc``, or ``zsh`` in ``.zshrc``, completes commands, options and files.
# ``--json`` prints for machines. The exit code is 0 on success, 2 on an error, of which one line says what it is, and
# 130 after Ctrl-C.
