"""The compiled half of cyem: every kernel, built once per instruction set from the same source.

Environment: CYEM_OPENMP=0 builds without threads, CYEM_ABI3=0 for this Python only, CYEM_DEBUG=1 with bounds checks and
symbols that name lines of Cython, CYEM_ISAS="base v3" fewer instruction sets. SOURCE_DATE_EPOCH=SECONDS makes archives
the same bytes every time.
"""

import gzip
import os
import shutil
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import BaseError, CCompilerError

KERNELS = ("sweep", "linalg", "views", "conditional", "row")
UTILITY = "cyem.kernels._cyutility"  # Cython's own C code for memoryviews and the like: once, not in every module

X86 = sysconfig.get_platform().endswith(("x86_64", "amd64"))  # what is built for, which is not always what builds
ISAS = os.environ.get("CYEM_ISAS", "base v3 v4" if X86 else "base").split()
OPENMP = os.environ.get("CYEM_OPENMP") != "0"
DEBUG = os.environ.get("CYEM_DEBUG") == "1"
ABI3 = os.environ.get("CYEM_ABI3") != "0" and not sysconfig.get_config_var("Py_GIL_DISABLED")

# No -ffast-math: linked in, it sets flush-to-zero for the whole process. These are the parts of it that make lanes.
# Below v4 loops are over LANES = 8: unless told otherwise, GCC writes them out before it looks for lanes in them.
WHOLE = "--param=max-completely-peel-times=7"
UNIX = dict(
    flags=["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math",
           "-ffp-contract=fast", "-fno-strict-aliasing"],
    debug=["-O1", "-g"],
    openmp=["-fopenmp"],
    openmp_link=["-fopenmp"],
    link=["-s"],
    base=[WHOLE],
    v3=["-march=x86-64-v3", WHOLE],
    v4=["-march=x86-64-v4", "-mprefer-vector-width=512"],
)
APPLE = UNIX | dict(openmp=["-Xpreprocessor", "-fopenmp"], openmp_link=["-lomp"],  # its clang hides that it can
                    link=[], base=[], v3=["-march=x86-64-v3"])
MSVC = dict(flags=["/O2", "/fp:contract", "/Brepro"], debug=["/Zi"], openmp=["/openmp"], openmp_link=[],
            link=["/Brepro"], v3=["/arch:AVX2"], v4=["/arch:AVX512"])  # Brepro: no time of day in what is made
DIRECTIVES = dict(
    language_level=3,
    boundscheck=DEBUG,
    wraparound=False,
    initializedcheck=DEBUG,
    nonecheck=DEBUG,
    cdivision=True,
    embedsignature=True,
    freethreading_compatible=True,
)


def extensions(isa):
    """The modules of one instruction set; "any" stands for those that are built once."""
    if isa == "any":
        sources = {UTILITY: [], "cyem.kernels._cpu": ["cyem/kernels/cpu.pyx"],
                   "cyem.kernels.arguments": ["cyem/kernels/arguments.pyx"],
                   "cyem.embed.scorer": ["cyem/embed/scorer.pyx"]}
    else:
        sources = {f"cyem.kernels._{kernel}_{isa}": [f"cyem/kernels/{kernel}.pyx"] for kernel in KERNELS}
    return [
        Extension(
            name,
            files,
            include_dirs=["cyem/kernels", "cyem/include"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
            py_limited_api=ABI3,
        )
        for name, files in sources.items()
    ]


class Build(build_ext):
    """Cython, once for each instruction set; then the C compiler, with the flags that it understands."""

    def run(self):
        from Cython.Build import cythonize

        depends = [str(path) for path in (self.settings(), *Path("cyem").glob("*/*.h"))]
        sources = {}
        for isa in ("any", *ISAS):
            modules = cythonize(
                extensions(isa),
                build_dir=f"build/cython/{isa}",  # a C file carries the name of its module, so they must not meet
                nthreads=os.cpu_count(),
                compiler_directives=DIRECTIVES,
                shared_utility_qualified_name=UTILITY,
                emit_linenums=DEBUG,
            )
            sources |= {module.name: module.sources for module in modules}
        for module in self.extensions:
            module.sources, module.depends = sources[module.name], depends
        folder = Path("" if self.inplace else self.build_lib)
        fresh = {Path(folder, self.get_ext_filename(module.name)) for module in self.extensions}
        for stale in set(Path(folder, "cyem/kernels").glob("_[!_]*")) - fresh:  # wheels would carry, tests run them
            stale.unlink()
        super().run()

    def settings(self):
        """The file that says how the C files were made; a change discards them."""
        from Cython import __version__

        file = Path("build", "settings")
        variables = [os.environ.get(name) for name in ("CC", "CFLAGS", "LDFLAGS")]
        text = repr([__version__, OPENMP, DEBUG, ABI3, *variables]) + Path("setup.py").read_text()
        if not file.exists() or file.read_text() != text:
            shutil.rmtree("build/cython", ignore_errors=True)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        return file

    def build_extensions(self):
        if not self.compiles("#include <Python.h>\nint main(void) { return 0; }\n"):
            sys.exit("cyem needs a C compiler and the Python headers.\n"
                     "Debian, Ubuntu: apt install gcc libc6-dev python3-dev; Fedora: dnf install gcc python3-devel")
        msvc = self.compiler.compiler_type == "msvc"
        options = MSVC if msvc else APPLE if sys.platform == "darwin" else UNIX
        openmp, link = (options["openmp"], options["openmp_link"]) if OPENMP else ([], [])
        if not self.compiles("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n", openmp, link):
            openmp = link = []
        if not openmp:
            print("cyem: no OpenMP, the kernels will run on one thread", file=sys.stderr)
        for module in self.extensions:
            isa = module.name.rpartition("_")[2]
            module.extra_compile_args = options["flags"] + options["debug"] * DEBUG + openmp + options.get(isa, [])
            module.extra_link_args = link + ([] if DEBUG else options["link"])
        if not msvc:  # folders in which this Python finds its own libraries: extensions need none of them
            python = {word for word in (sysconfig.get_config_var("LDSHARED") or "").split() if "-rpath" in word}
            self.compiler.linker_so = [word for word in self.compiler.linker_so if word not in python]
        super().build_extensions()

    def compiles(self, program, flags=(), link=()):
        """Whether the compiler makes an executable of this program."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(program)
            try:
                objects = self.compiler.compile([str(source)], folder, include_dirs=self.include_dirs,
                                                extra_postargs=list(flags))
                self.compiler.link_executable(objects, "probe", folder, extra_postargs=list(link))
            except (BaseError, CCompilerError):
                return False
        return True


class Sources(sdist):
    """The sources in an archive: sorted, of one date, of nobody."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        date = os.environ.get("SOURCE_DATE_EPOCH")
        if date is None or format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)

        def dated(entry):
            entry.mtime, entry.mode = int(date), 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            return entry

        archive = f"{base_name}.tar.gz"
        with (open(archive, "wb") as file, gzip.GzipFile("", "wb", mtime=int(date), fileobj=file) as packed,
              tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar):
            tar.add(Path(root_dir or "", base_dir), base_dir, filter=dated)  # in the order of names
        return archive


if __name__ == "__main__":
    setup(
        ext_modules=[module for isa in ("any", *ISAS) for module in extensions(isa)],
        cmdclass={"build_ext": Build, "sdist": Sources},
        options={
            "build_ext": {"parallel": os.cpu_count()},
            "bdist_wheel": {"py_limited_api": "cp311"} if ABI3 else {},
        },
    )
