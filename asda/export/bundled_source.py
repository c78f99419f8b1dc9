"""Python source that stands alone: a module together with all the code of asda that it uses.

Programs that cannot import asda then run asda's own code, so that the two cannot differ.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from asda import __version__

PACKAGE = "asda."
ORIGIN = (
    f"# Written by asda {__version__} from its own modules (Apache-2.0). Docstrings refer to\n"
    "# pages of its documentation."
)
FUTURE = "from __future__ import annotations"


class _Module:
    """The source of a module, by the names that it defines and imports at its top level."""

    def __init__(self, name: str):
        self.name = name
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None, name
        self.text = Path(spec.origin).read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Classes, functions and constants: name -> statement."""
        found: dict[str, ast.stmt] = {}
        for node in self.tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                found[node.name] = node
            elif isinstance(node, ast.Assign):
                names = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
                found |= dict.fromkeys(names, node)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = node
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[str, str | None]]:
        """Imported names: name -> module and the name in it, None for the module itself."""
        found: dict[str, tuple[str, str | None]] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                found |= {entry.asname or entry.name: (entry.name, None) for entry in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
                module = str(node.module)
                found |= {entry.asname or entry.name: (module, entry.name) for entry in node.names}
        return found

    def source(self, node: ast.stmt) -> str:
        """Return the lines of a statement, with the comment above it."""
        lines = self.text.splitlines()
        first = min([node.lineno, *(n.lineno for n in getattr(node, "decorator_list", []))]) - 1
        while first and lines[first - 1].startswith("#"):
            first -= 1
        return "\n".join(lines[first : node.end_lineno])


class _Bundle:
    """What a root module needs, found by following the names that it uses."""

    def __init__(self, root: str, replaced: Collection[str]):
        self.root = _Module(root)
        self.replaced = replaced
        self.modules = {root: self.root}
        self.needed: dict[str, list[ast.stmt]] = defaultdict(list)  # module -> its statements
        self.order: list[str] = []  # modules, each after those that it needs
        self.imports: set[tuple[str, str | None, str]] = set()
        for node in self.root.definitions.values():
            self._add(self.root, node)
        self.order.append(root)

    def _add(self, module: _Module, node: ast.stmt) -> None:
        if node in self.needed[module.name]:
            return
        self.needed[module.name].append(node)
        names = dict.fromkeys(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        for name in names:
            self._follow(module, name)

    def _follow(self, module: _Module, name: str) -> None:
        if name in self.replaced:
            return
        if name in module.definitions:
            self._add(module, module.definitions[name])
        elif name in module.imports:
            source, original = module.imports[name]
            if not self._is_bundled(source) or original is None:
                self.imports.add((source, original, name))
                return
            other = self.modules.setdefault(source, _Module(source))
            self._add(other, other.definitions[original])
            if source not in self.order:
                self.order.append(source)

    def _is_bundled(self, module: str) -> bool:
        beside_root = module.rpartition(".")[0] == self.root.name.rpartition(".")[0]
        return module.startswith(PACKAGE) and not beside_root

    def check_names(self) -> None:
        """Refuse two definitions of one name, of which the later would replace the earlier."""
        owner: dict[str, str] = {}
        for module in self.order:
            for name, node in self.modules[module].definitions.items():
                if node in self.needed[module] and owner.setdefault(name, module) != module:
                    raise ValueError(f"{owner[name]} and {module} both define {name}")

    def import_lines(self) -> list[str]:
        """Return the import statements in groups: standard library, other packages, own files."""
        groups: list[dict[str, list[str]]] = [defaultdict(list) for _ in range(3)]
        for module, original, name in sorted(self.imports, key=_import_order):
            package = module.partition(".")[0]
            own = module.startswith(PACKAGE)
            group = groups[2 if own else 0 if package in sys.stdlib_module_names else 1]
            if original is None:
                group[f"import {module}" + (f" as {name}" if name != module else "")] = []
            else:
                source = f".{module.rpartition('.')[2]}" if own else module
                group[f"from {source} import"].append(
                    original if name == original else f"{original} as {name}"
                )
        texts = [
            "\n".join(f"{start} {', '.join(names)}".rstrip() for start, names in group.items())
            for group in groups
        ]
        return [text for text in texts if text]

    def parts(self) -> list[str]:
        """Return the statements of each module, those of the root last."""
        found = []
        for name in self.order:
            module = self.modules[name]
            if module is not self.root:
                found.append(f"# From {name.replace('.', '/')}.py")
            for node in sorted(set(self.needed[name]), key=lambda node: node.lineno):
                found.append(module.source(node))
        return found


def _import_order(entry: tuple[str, str | None, str]) -> tuple[bool, str, str]:
    """Put imports of modules before those from modules, each in alphabetical order."""
    module, original, name = entry
    return original is not None, module, name


def bundled_source(module: str, replaced: Collection[str] = ()) -> str:
    """Return the source of a module in which no import of asda is left.

    Only definitions that are used are taken along. Imports from the module's own package become
    relative ones.

    Args:
        module: its name; all other modules of asda's that it needs are found from it
        replaced: names for which the module has its own definitions, used instead of asda's

    Raises:
        ValueError: if two of the modules define the same name.
    """
    bundle = _Bundle(module, replaced)
    bundle.check_names()
    heading = ast.get_docstring(bundle.root.tree, clean=False)
    head = [f'"""{heading}"""', ORIGIN, FUTURE, *bundle.import_lines()]
    return "\n\n".join(head) + "\n\n\n" + "\n\n\n".join(bundle.parts()) + "\n"
