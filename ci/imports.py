"""Does every import in cyem point downwards, and is there no circle? ``python ci/imports.py [FOLDER]``; see `ci/lint`.

Looked at are the imports as they are written, those inside functions too. Nor may a wing call what is private to
another: ``model._name(...)``, where `_name` is a function of another wing and of none of its own.
"""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# each wing, and what it may import besides itself and what is small and everywhere
SMALL = {"config", "files", "lazy", "notices", "threads", "version", "workers"}
BELOW = {
    "kernels": set(),
    "rows": {"kernels"},
    "families": {"kernels", "rows"},
    "embed": {"kernels", "rows"},
    "em": {"kernels", "rows", "families"},
    "show": {"kernels", "rows", "families"},
    "models": {"kernels", "rows", "families", "embed", "em", "show"},
}
BELOW["screening"] = BELOW["inference"] = BELOW["models"] | {"models"}
BELOW["selection"] = BELOW["screening"] | {"screening"}
BELOW["plotting"] = BELOW["selection"] | {"selection", "inference"}
BELOW["reporting"] = BELOW["plotting"] | {"plotting"}
BELOW["cli"] = BELOW["reporting"] | {"reporting", "__init__"}  # which calls what a user calls
BELOW["__main__"] = {"cli"}
BELOW["__init__"] = BELOW["reporting"] | {"reporting"}  # of cyem itself: the door
BELOW |= {name: {"kernels"} for name in SMALL}
SCIKIT_LEARNS = {"_n_parameters"}  # which its users know


def modules(folder):
    """The modules of the package in a folder: {name: path}."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name, path, known):
    """The modules that one module imports: pairs of a line and a name."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), path)):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            outer = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*outer, *([node.module] if node.module else [])])
            targets = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names]
        else:
            continue
        yield from ((node.lineno, target) for target in targets if target in known and target != name)


def wing(name):
    """The wing that a module is in, or the module itself where it lies beside the wings."""
    return name.split(".")[1] if "." in name else "__init__"


def private(name):
    return name.startswith("_") and not name.startswith("__") and name not in SCIKIT_LEARNS


def strangers(known):
    """Where a wing calls or imports a function that is private to another: a line each."""
    owners, uses = {}, []
    for name, path in known.items():
        for node in ast.walk(ast.parse(path.read_text(), path)):
            if isinstance(node, ast.FunctionDef) and private(node.name):
                owners.setdefault(node.name, set()).add(wing(name))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and private(node.func.attr):
                if ast.unparse(node.func.value) not in ("self", "cls", "super()"):
                    uses.append((node.func.attr, name, node.lineno))
            elif isinstance(node, ast.ImportFrom):
                uses += [(alias.name, name, node.lineno) for alias in node.names if private(alias.name)]
    for called, name, line in uses:
        if wing(name) not in owners.get(called, {wing(name)}):
            yield f"{known[name]}:{line}: {called} is private to {' and '.join(sorted(owners[called]))}"


def faults(folder):
    """What is wrong, a line each."""
    known, arrows = modules(folder), {}
    said = list(strangers(known))
    for name, path in known.items():
        here = arrows[name] = set()
        for line, target in imported(name, path, known):
            own, other = wing(name), wing(target)
            if own not in BELOW:
                said.append(f"{path}: {own} has no place in {__file__}")
                break
            if other not in BELOW[own] | SMALL | {own}:
                said.append(f"{path}:{line}: {own} must not know {other}")
            if other != "__init__" and not target.startswith(f"{name}."):  # a package holds its modules together
                here.add(target)
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        said.append(f"a circle: {' -> '.join(error.args[1])}")
    return said


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1] if sys.argv[1:] else Path(__file__).parents[1] / "cyem"))
    print("\n".join(wrong), end="\n" * bool(wrong))
    sys.exit(bool(wrong))
