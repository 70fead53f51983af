"""The compiled half of cyem: every kernel, built once per instruction set from the same source.

Environment: CYEM_OPENMP=0 builds without threads, CYEM_ABI3=0 for this Python only, CYEM_DEBUG=1 with bounds checks and
symbols, CYEM_ISAS="base v3" fewer instruction sets.
"""

import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

KERNELS = ("sweep", "linalg", "views", "conditional", "row")
UTILITY = "cyem.kernels._cyutility"  # Cython's own C code for memoryviews and the like: once, not in every module

X86 = platform.machine().lower() in ("x86_64", "amd64", "x64")
ISAS = os.environ.get("CYEM_ISAS", "base v3 v4" if X86 else "base").split()
OPENMP = os.environ.get("CYEM_OPENMP") != "0"
DEBUG = os.environ.get("CYEM_DEBUG") == "1"
ABI3 = os.environ.get("CYEM_ABI3") != "0" and not sysconfig.get_config_var("Py_GIL_DISABLED")

# No -ffast-math: linked in, it sets flush-to-zero for the whole process. These are the parts of it that make lanes.
UNIX = dict(
    flags=["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math",
           "-ffp-contract=fast", "-fno-strict-aliasing"],
    debug=["-O1", "-g"],
    openmp=["-fopenmp"],
    v3=["-march=x86-64-v3"],
    v4=["-march=x86-64-v4", "-mprefer-vector-width=512"],
)
MSVC = dict(flags=["/O2", "/fp:contract"], debug=["/Zi"], openmp=["/openmp"], v3=["/arch:AVX2"], v4=["/arch:AVX512"])
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
        if not self.compiles("#include <Python.h>\nint main(void) { return 0; }\n", []):
            sys.exit("cyem needs a C compiler and the Python headers.\n"
                     "Debian, Ubuntu: apt install gcc libc6-dev python3-dev; Fedora: dnf install gcc python3-devel")
        options = MSVC if self.compiler.compiler_type == "msvc" else UNIX
        openmp = options["openmp"] if OPENMP else []
        if not self.compiles("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n", openmp):
            openmp = []
        if not openmp:
            print("cyem: no OpenMP, the kernels will run on one thread", file=sys.stderr)
        for module in self.extensions:
            isa = module.name.rpartition("_")[2]
            module.extra_compile_args = options["flags"] + options["debug"] * DEBUG + openmp + options.get(isa, [])
            module.extra_link_args = openmp * (options is UNIX) + ["-s"] * (sys.platform == "linux" and not DEBUG)
        super().build_extensions()

    def compiles(self, program, flags):
        """Whether the compiler makes an executable of this program."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(program)
            try:
                objects = self.compiler.compile([str(source)], folder, include_dirs=self.include_dirs,
                                                extra_postargs=flags)
                self.compiler.link_executable(objects, "probe", folder, extra_postargs=flags)
            except (BaseError, CCompilerError):
                return False
        return True


if __name__ == "__main__":
    setup(
        ext_modules=[module for isa in ("any", *ISAS) for module in extensions(isa)],
        cmdclass={"build_ext": Build},
        options={
            "build_ext": {"parallel": os.cpu_count()},
            "bdist_wheel": {"py_limited_api": "cp311"} if ABI3 else {},
        },
    )
