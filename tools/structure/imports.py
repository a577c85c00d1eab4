"""Which file of a crate imports which other, and by what names.

A text tool: it reads `mod`, `use` and written-out paths. Names that macros make and methods that
are called on a value are not seen. A re-export (`pub use`) is no import of the file it stands in;
who imports the name imports it from the file that defines it.
"""

from pathlib import Path

from rust_source import blank, tokens, without_tests

DEFINES = {"fn", "struct", "enum", "trait", "type", "const", "static", "union"}
NOT_NAMES = {"mut", "fn", "unsafe", "_", "extern", "async"}
OUTSIDE = "outside"


class Module:
    """A module: the file it stands in, and the names it knows."""

    def __init__(self, file, parent=None, name=""):
        self.file, self.parent, self.name = file, parent, name
        self.children, self.items = {}, set()
        self.uses = []  # (path, alias, is_public); alias "*" for all names
        self.paths = []  # written-out paths, two names and more
        self.words = []  # every word outside `use`, to see which imports are used

    def root(self):
        return self.parent.root() if self.parent else self

    def tree(self):
        yield self
        for child in self.children.values():
            yield from child.tree()


def crate_roots(crate):
    """The crate's programs and its library, each a tree of modules."""
    src = Path(crate) / "src"
    files = [src / "lib.rs", src / "main.rs", *sorted((src / "bin").glob("*.rs"))]
    return [_read(file, None, "") for file in files if file.is_file()]


def _read(file, parent, name):
    module = Module(file, parent, name)
    Parser(module, without_tests(blank(file.read_text()))).run()
    return module


def _file_of(module, name):
    """The file of `mod name;` in `module`."""
    inline, outer = [], module
    while outer.parent and outer.parent.file == outer.file:
        inline.insert(0, outer.name)
        outer = outer.parent
    file = module.file
    folder = file.parent
    if outer.parent and file.name != "mod.rs":
        folder /= file.stem
    folder = folder.joinpath(*inline)
    choices = [folder / f"{name}.rs", folder / name / "mod.rs"]
    return next((choice for choice in choices if choice.is_file()), None)


class Parser:
    """Fills a module, and the modules below it, from the tokens of its file."""

    def __init__(self, module, code):
        self.tokens, self.at, self.module, self.depth = tokens(code), 0, module, 0
        self.opened = []  # (module around, depth) of inline modules

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ""

    def run(self):
        while self.at < len(self.tokens):
            self.step()

    def step(self):
        word = self.peek()
        if word == "use" and self.peek(1) != "<":
            self.use()
        elif word == "mod" and self.peek(2) in (";", "{"):
            self.mod()
        elif word in "{}":
            self.brace(word)
        elif word in DEFINES and self.depth == 0:
            name = next(t for t in self.tokens[self.at + 1 :] if t not in NOT_NAMES)
            self.module.items.add(name)
            self.at += 1
        elif word == "macro_rules" and self.peek(1) == "!":
            self.module.items.add(self.peek(2))
            self.at += 3
        else:
            self.path()

    def brace(self, word):
        self.at += 1
        if word == "{":
            self.depth += 1
        elif self.depth:
            self.depth -= 1
        elif self.opened:
            self.module, self.depth = self.opened.pop()

    def mod(self):
        name, end = self.peek(1), self.peek(2)
        self.at += 3
        if end == "{":
            child = Module(self.module.file, self.module, name)
            self.module.children[name] = child
            self.opened.append((self.module, self.depth))
            self.module, self.depth = child, 0
        elif file := _file_of(self.module, name):
            self.module.children[name] = _read(file, self.module, name)

    def use(self):
        # `pub`, `pub(crate)` and `pub(in …)` end in `pub` or a bracket.
        public = self.at > 0 and self.tokens[self.at - 1] in ("pub", ")")
        self.at += 1
        self.use_tree([], public)
        self.at += 1

    def use_tree(self, prefix, public):
        path = list(prefix)
        while True:
            word = self.peek()
            if word == "{":
                self.at += 1
                while self.peek() != "}":
                    self.use_tree(path, public)
                    if self.peek() == ",":
                        self.at += 1
                self.at += 1
                return
            if word != "::":
                path.append(word)
            self.at += 1
            if self.peek() != "::" and word != "::":
                break
        alias = path[-1]
        if alias == "self" and len(path) > 1:
            path.pop()
            alias = path[-1]
        if self.peek() == "as":
            alias = self.peek(1)
            self.at += 2
        self.module.uses.append((path, alias, public))

    def path(self):
        path = [self.peek()]
        after_path = self.at > 0 and self.tokens[self.at - 1] in ("::", ".")
        self.at += 1
        while self.peek() == "::" and self.peek(1).isidentifier():
            path.append(self.peek(1))
            self.at += 2
        if not after_path and path[0].isidentifier():
            self.module.words.append(path[0])
            if len(path) > 1:
                self.module.paths.append(path)


def lookup(module, name, rest, seen):
    """What `name` is in `module`: a Module, (Module, name), OUTSIDE, or None. `rest`: more follows."""
    child = module.children.get(name)
    if child and rest:
        return child
    if name in module.items:
        return module, name
    for path, alias, _ in module.uses:
        key = (id(module), tuple(path), alias)
        if alias == name and key not in seen:
            found = resolve(module, path, seen | {key}, rest)
            if not (child and found == OUTSIDE):
                return found
    if child:
        return child
    for path, alias, _ in module.uses:
        key = (id(module), tuple(path), alias)
        if alias == "*" and key not in seen:
            below = resolve(module, path[:-1], seen | {key}, True)
            if isinstance(below, Module):
                if found := lookup(below, name, rest, seen | {key}):
                    return found
    return None


def resolve(module, path, seen=frozenset(), rest=False):
    """Where a path leads from `module`: a Module, (Module, name), or OUTSIDE the crate."""
    at, first = module, True
    for index, name in enumerate(path):
        if name == "crate":
            at = module.root()
        elif name == "super":
            at = at.parent or at
        elif name != "self":
            more = rest or index + 1 < len(path)
            found = lookup(at, name, more, seen)
            if found is None:
                return OUTSIDE if first else (at, name)
            if not isinstance(found, Module):
                return found
            at = found
        first = False
    return at


def edges(roots):
    """{(file, file): names} of all imports between files of the same crate."""
    found = {}

    def add(module, target, name):
        if target == OUTSIDE:
            return
        file = target.file if isinstance(target, Module) else target[0].file
        if file != module.file:
            found.setdefault((module.file, file), set()).add(name)

    for module in (m for root in roots for m in root.tree()):
        words = set(module.words)
        for path, alias, public in module.uses:
            if alias == "*":
                _add_glob(module, path, words, add)
                continue
            target = resolve(module, path)
            # A module by itself is only a name: what is taken from it shows in the paths.
            if not isinstance(target, Module) and not (public and alias not in words):
                add(module, target, alias)
        for path in module.paths:
            add(module, resolve(module, path), "::".join(path))
    return found


def _add_glob(module, path, words, add):
    source = resolve(module, path[:-1], rest=True)
    if not isinstance(source, Module):
        return
    names = source.items | {alias for _, alias, _ in source.uses}
    for name in sorted(words & names):
        add(module, resolve(source, [name]), f"{'::'.join(path)} ({name})")


def circles(found):
    """Sets of files that import each other (strongly connected components of two and more)."""
    targets = {}
    for source, target in found:
        targets.setdefault(source, set()).add(target)
    reach = {}
    for start in targets:
        seen, todo = set(), [start]
        while todo:
            for target in targets.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        reach[start] = seen
    knots = {frozenset(f for f in reach[s] if s in reach.get(f, ())) for s in reach if s in reach[s]}
    return sorted(knots, key=lambda knot: (-len(knot), sorted(knot)))
