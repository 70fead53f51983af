"""
Use the command line
====================

Everything from a shell: look, choose, save, predict, report. CSV with ``,`` ``;`` tab or blanks, with or without a
header, or ``.npy``; ``-`` is the standard input.
"""

import shlex
import shutil
import subprocess
import sys
from tempfile import TemporaryDirectory

folder = TemporaryDirectory()
shutil.copy("../data/faithful.csv", folder.name)


def run(line, lines=None):
    """What somebody sees who types that in this folder: the first lines of it."""
    print("$", line)
    command = [sys.executable, "-m", *shlex.split(line)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder.name)
    print("\n".join(done.stdout.splitlines()[:lines]), end="\n\n")


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
# A page for people who use neither Python nor a shell:

run("cyem report faithful.csv --components 1-4 -o report.html", 1)

# %%
# All of it
# ---------

run("cyem --help")

# %%
# ``--json`` prints for machines. The exit code is 0 on success, 2 on an error, of which one line says what it is, and
# 130 after Ctrl-C.
