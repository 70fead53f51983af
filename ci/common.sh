# Shared by the scripts beside it: a fit Python, what a build needs, the virtual environment.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

VENV=.venv

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

# The Python that PYTHON names, or the first one on the path that is new enough.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "cyem needs Python >= 3.11; tried: ${PYTHON:-python3 python3.14 ... python3.11 python}." \
        "  Debian, Ubuntu: apt install python3    Fedora: dnf install python3"
}

# compiler PYTHON: the C compiler, with its options.
compiler() {
    "$1" -c 'import os, sysconfig; print(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")'
}

# check_build PYTHON: stop, naming the packages, when something is missing that pip cannot install.
check_build() {
    local python=$1 version headers missing=()
    version=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
    headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')

    "$python" -c 'import venv, ensurepip' 2> /dev/null ||
        missing+=("venv            python$version-venv   python3")
    $(compiler "$python") -fsyntax-only -x c - <<< '#include <stdlib.h>' 2> /dev/null ||
        missing+=("a C compiler    gcc libc6-dev     gcc")
    [[ -e $headers/Python.h ]] ||
        missing+=("Python headers  python$version-dev    python3-devel")
    if ((${#missing[@]})); then
        die "This is missing to build cyem with $python:" \
            "                  apt install       dnf install" \
            "                  (Debian, Ubuntu)  (Fedora)" "${missing[@]/#/  }"
    fi
}

# make_venv: the repository's own environment, unless there is one that works.
make_venv() {
    if ! "$VENV/bin/python" -c 'import pip' 2> /dev/null; then
        local python
        python=$(find_python)
        check_build "$python"
        "$python" -m venv --clear "$VENV"
    fi
}

# What a build depends on besides the sources.
build_settings() {
    env | grep -E '^(CYEM_(OPENMP|ABI3|DEBUG|ISAS)|CC|CFLAGS|LDFLAGS)=' | sort || true
}

# listed KEY...: what stands in a list of pyproject.toml, a line each.
listed() {
    "$VENV/bin/python" -c 'import functools, sys, tomllib
with open("pyproject.toml", "rb") as file:
    print(*functools.reduce(dict.__getitem__, sys.argv[1:], tomllib.load(file)), sep="\n")' "$@"
}

# install [EXTRA]: cyem as its users get it (compiled, not editable), again only when something has changed.
install() {
    local tools stamp=$VENV/.installed${1:+-$1}
    if [[ -e $stamp && $(< "$stamp") == "$(build_settings)" &&
        -z $(find setup.py pyproject.toml README.md cyem -newer "$stamp" -print -quit) ]]; then
        return
    fi
    check_build "$VENV/bin/python"
    echo "Installing cyem${1:+ and what its $1 extra needs} in $VENV (the first time takes a minute) ..."
    rm -f "$VENV"/.installed*
    build_settings > "$VENV/.installing"
    if [[ -d build ]]; then
        find build -path 'build/lib*' -name '*.py' -delete # setuptools would install deleted modules from there
    fi
    # without isolation: a fresh Cython in each build would look newer than every C file
    mapfile -t tools < <(listed build-system requires)
    "$VENV/bin/python" -m pip install -qq "${tools[@]}"
    "$VENV/bin/python" -m pip install -qq --no-build-isolation ".${1:+[$1]}"
    mv "$VENV/.installing" "$stamp"
}

# needs EXTRA: what a build and an extra need, without cyem.
needs() {
    local packages stamp=$VENV/.needs-$1
    if [[ $stamp -nt pyproject.toml ]]; then
        return
    fi
    check_build "$VENV/bin/python"
    echo "Installing what the $1 extra of cyem needs in $VENV ..."
    mapfile -t packages < <(
        listed build-system requires
        listed project dependencies
        listed project optional-dependencies "$1"
    )
    "$VENV/bin/python" -m pip install -qq "${packages[@]}"
    touch "$stamp"
}

# best_isa: which of the instruction sets in setup.py this machine runs fastest.
best_isa() {
    printf '%s\n' '#include <stdio.h>' '#include "cpu.h"' \
        'int main(void) { return puts((const char *[]){"", "base", "", "v3", "v4"}[cyem_cpu_level()]) < 0; }' |
        $(compiler "$VENV/bin/python") -I cyem/kernels -x c -o "$VENV/isa" - && "$VENV/isa"
}

# build_in_place FOLDER: the kernels of the sources there, beside them; for this machine, unless CYEM_ISAS says for which.
build_in_place() {
    local isas python=$PWD/$VENV/bin/python log=$PWD/$VENV/build.log
    isas=${CYEM_ISAS-$(best_isa)}
    echo "Building in $1 for: $isas ..."
    (cd "$1" && CYEM_ISAS=$isas "$python" setup.py -q egg_info build_ext --inplace) &> "$log" || die "$(< "$log")"
}

# same FOLDER OTHER: one file in each, of the same name and bytes.
same() {
    local one other
    one=$(cd "$1" && sha256sum -- *) other=$(cd "$2" && sha256sum -- *)
    [[ $one == "$other" ]] || die "two builds differ:" "$one" "$other"
    echo "twice the same: $one"
}

# no_traces WHEEL: nothing compiled in an unpacked wheel tells of the machine that built it, neither a folder, nor where to
# look for libraries, nor what a debugger reads.
no_traces() {
    local file
    if grep -rlaF --exclude='*.py' --exclude='*.pyx' -e "$PWD/" -e "$HOME/" -e "${TMPDIR:-/tmp}/" "$1" >&2; then
        die "these name a folder of this machine"
    fi
    while IFS= read -r file; do
        if readelf -dW "$file" | grep -E 'R(UN)?PATH' | grep -v '\[[$]ORIGIN'; then
            die "$file looks for libraries in a folder of this machine"
        fi
        if readelf -SW "$file" | grep -E '\.(debug_|symtab)'; then
            die "$file has what only a debugger reads"
        fi
    done < <(find "$1" -name '*.so*' -type f)
    echo "no folder, RUNPATH or debug information of this machine: ${1##*/}"
}

# packages NAME...: Debian's, installed where root may do that.
packages() {
    dpkg -s "$@" &> /dev/null && return
    command -v apt-get > /dev/null && [[ $(id -u) == 0 ]] || return
    { timeout 300 apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -qq -y --no-install-recommends "$@"; } &> /dev/null
}
