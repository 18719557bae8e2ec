"""Reads what a student wrote, outside the kernel: plain library calls, and lines that a person should see.

The second line behind `cnnlab.check.watch`, which watches in the kernel and can be sabotaged there. Reading
text proves nothing about a program that hides what it does; what hides is flagged, not judged. Where what a
function is made of (`reach`) hides something and its values are right, its points wait for a person.
"""

import ast
import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec

from IPython.core.inputtransformer2 import TransformerManager, leading_empty_lines

from cnnlab.check.watch import ANSWERS, Ban
from cnnlab.grading.garbage import uncollected

# Modules whose functions are the library's.
LIBRARIES = ("torch", "torchvision", "cnnlab")
_ANSWERS = tuple(f"cnnlab.{room}" for room in ANSWERS)
_NOT_STUDENTS = sys.stdlib_module_names | {"numpy", "IPython"}  # other modules that are not the student's own
# What nobody needs for these assignments and what takes the watching apart: (pattern of a name, why).
_SABOTAGE = {
    r"(sys\.)?(_getframe|_current_frames)": "looks into other code's frames",
    r"((sys|threading)\.)?(setprofile|settrace)(_all_threads)?": "reaches into the interpreter's hooks",
    r".*__torch_(dispatch|function)__.*": "changes how operations are dispatched",
    r"torch\.(library|_C|_ops|ops|jit|compile|_dynamo|_refs|_prims|_decomp|_inductor|overrides)\b.*": (
        "reaches below PyTorch's functions"
    ),
    r"torch\.utils\.(_python_dispatch|cpp_extension)\b.*": "reaches below PyTorch's functions",
    r".*\.(grad_fn|next_functions|run_backward|_execution_engine|get_gradient_edge)": (
        "walks autograd's graph by hand"
    ),
    r"torch\.autograd\.graph\b.*": "walks autograd's graph by hand",
    r".*\.(__dict__|__code__|__globals__|__subclasses__|__builtins__|__getattribute__)|__builtins__": (
        "takes things out of places where their names do not show"
    ),
    r"(operator\.)?(attrgetter|methodcaller)|sys\.modules": "gets an attribute by a computed name",
    r"sys\.(path|meta_path|path_hooks|path_importer_cache)": "changes where modules come from",
    r"(types\.)?(CodeType|FunctionType)": "makes code at run time",
    r"(torch|numpy)\.load": "runs code that the text does not show",  # pickles
    r"(os\.)?(fork|forkpty|system|popen|exec[vl]p?e?|posix_spawnp?|_exit|kill)": "starts or ends processes",
    r"cnnlab\.(grading|check|reference)\b.*": "uses the course's own machinery",
    r".*\bshell_handlers\b.*|get_ipython": "reaches the kernel or IPython itself",
    r".*\.(input_transformers\w*|ast_transformers|run_cell\w*|events)\b": "changes how cells are run",
}
# The same of modules; a variable may have any of these names.
_MODULES = {
    r"(pickle|dill|cloudpickle|runpy|code|codeop|importlib|zipimport|_xxsubinterpreters|_testcapi)\b.*": (
        "runs code that the text does not show"
    ),
    r"(ctypes|cffi|gc|inspect|mmap|marshal)\b.*": "uses a module that reads or changes a running program",
    r"(threading|_thread|concurrent|multiprocessing|asyncio)\b.*": "runs code beside the notebook",
    r"unittest\b.*": "uses a module that changes other modules",
    r"subprocess\b.*": "starts processes",
    r"(ipykernel|zmq)\b.*": "uses the course's own machinery",
    r"(atexit|signal)\b.*": "acts after or during other code",
}
# What differentiates: not `torch.autograd.Function`, `torch.autograd.no_grad` or `torch.func.vmap`.
_AUTOGRAD = re.compile(
    r"torch\.(autograd\.(grad|backward|functional|forward_ad|gradcheck|Variable)"
    r"|func\.(grad|vjp|jvp|jac|hessian|linearize))"
)
# IPython's commands whose text is code, and those that run code of elsewhere; the others do not matter here.
_AROUND = {"time", "timeit", "prun", "capture"}
_OPTIONS = re.compile(r"(\s*--?\w[\w-]*(\s+\d+)?)*")  # such as -n 10, in front of the code
_FROM_ELSEWHERE = {"run", "load", "loadpy", "macro", "rerun", "recall", "edit", "script", "python", "python3"}
# What computes a number or a text out of others.
_NUMBERS = (ast.Constant, ast.UnaryOp, ast.BinOp)
_SIGNS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
LONGEST_CELL = 50_000  # characters
MOST_COMMANDS = 50
# Where IPython begins a new line, and Python does not: what a comment hides from one, the other runs.
_HIDDEN_LINES = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|\r(?!\n)")
_COMMAND = re.compile(
    rf"(^|{_HIDDEN_LINES.pattern})[^\S\n]*([%!?,;/]|[\w., ]+=\s*[%!]|[^\n#]*\?\s*$)", re.MULTILINE
)
_SABOTAGE_CALLS = {"exec", "eval", "compile", "__import__"}
_BY_NAME = _SABOTAGE_CALLS | {"getattr", "setattr", "delattr", "vars", "globals", "locals"}


def suspicious(source: str) -> Iterator[tuple[int, str]]:
    """(line, what it does) for every line that a person should look at, each line once."""
    seen: set[int] = set()
    for node in walked(parsed(source)):
        why = _why(node)
        line = getattr(node, "lineno", 0)
        if why and line not in seen:
            seen.add(line)
            yield line, why


@functools.cache
def _is_installed(module: str) -> bool:
    """Whether an import of that name gives what is installed, whatever file of that name lies beside."""
    top = module.partition(".")[0]  # what is below would be found by importing this
    try:
        return top in sys.builtin_module_names or find_spec(top) is not None
    except ValueError:  # it is there, and was not imported
        return True


@dataclass(frozen=True)
class Reach:
    """What some functions are made of: statements of the notebook and of the modules beside it."""

    statements: tuple[tuple[str, ast.stmt], ...]  # (where it stands, statement)
    imported: dict[str, str]  # the full name behind each imported one

    @property
    def modules(self) -> frozenset[str]:
        """The names of the modules beside the notebook among them."""
        files = (where for where, _ in self.statements if where.endswith(".py"))
        tops = (where.removesuffix(".py").partition("/")[0] for where in files)
        return frozenset(top for top in tops if not _is_installed(top))

    def cells(self) -> list[str]:
        """The statements alone, as cells in their order; modules beside the notebook stay where they are."""
        places = dict.fromkeys(where for where, _ in self.statements if not where.endswith(".py"))
        bodies = ([node for where, node in self.statements if where == place] for place in places)
        return [ast.unparse(ast.Module(body, [])) for body in bodies]

    def library_calls(self, ban: Ban) -> list[tuple[str, int, str]]:
        """(where, line, name) of the banned operations that are called by name."""
        called = ((where, node.func) for where, node in self._nodes() if isinstance(node, ast.Call))
        return self._banned(called, ban)

    def library_values(self, ban: Ban) -> list[tuple[str, int, str]]:
        """The same of those that are named and not called there, so that no call shows what it calls."""
        called = {id(node.func) for _, node in self._nodes() if isinstance(node, ast.Call)}
        return self._banned(((where, node) for where, node in self._nodes() if id(node) not in called), ban)

    def _banned(self, nodes: Iterable[tuple[str, ast.AST]], ban: Ban) -> list[tuple[str, int, str]]:
        pattern, found = re.compile(ban.operations), []
        for where, node in nodes:
            if isinstance(node, ast.expr) and (name := dotted(node)):
                full = self._full(name)
                ours = full.split(".")[0] in LIBRARIES or name.split(".")[0] in ("F", "nn")
                banned = pattern.search(full.split(".")[-1]) or full.startswith(_ANSWERS)
                if ours and (banned or (ban.autograd and _AUTOGRAD.match(full))):
                    found.append((where, node.lineno, name))
        return sorted(found)

    @functools.cached_property
    def suspicious(self) -> list[tuple[str, int, str]]:
        """(where, line, what it does) for every node that could hide something from whoever watches."""
        later = {id(node) for _, statement in self.statements for node in _run_later(statement)}
        called = {id(node.func) for _, node in self._nodes() if isinstance(node, ast.Call)}
        found = (
            (
                where,
                getattr(node, "lineno", 0),
                self._why(node, id(node) in later) or _handed_on(node, called),
            )
            for where, node in self._nodes()
        )
        return sorted({(where, line, why) for where, line, why in found if why})

    def _full(self, name: str) -> str:
        """A dotted name with that of the import in front."""
        head, _, rest = name.partition(".")
        return f"{self.imported.get(head, head)}.{rest}".rstrip(".")

    def _is_of_a_library(self, name: str) -> bool:
        """Whether a dotted name is something of a library or of Python's, and no setting."""
        full = self._full(name)
        top = full.partition(".")[0]
        known = top in LIBRARIES or (name.partition(".")[0] in self.imported and top in _NOT_STUDENTS)
        return known and not full.startswith("torch.backends.")

    def _has_own(self, method: str) -> bool:
        """Whether a class here has such a method; then a call of that name need not be PyTorch's."""
        classes = (node for _, node in self._nodes() if isinstance(node, ast.ClassDef))
        return any(getattr(part, "name", None) == method for one in classes for part in one.body)

    def _nodes(self) -> Iterator[tuple[str, ast.AST]]:
        return ((where, node) for where, statement in self.statements for node in walked(statement))

    def _why(self, node: ast.AST, later: bool) -> str:
        """As `_why`, with names of imports in full; a training loop that runs with its cell hides nothing."""
        if isinstance(node, ast.Name | ast.Attribute) and (name := dotted(node)):
            full = self._full(name)
            if why := _named(full) or (_module(full) if name.partition(".")[0] in self.imported else ""):
                return why
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                changed = dotted(node)
            case ast.Call(ast.Name("setattr" | "delattr"), [thing, *_]):
                changed = dotted(thing)
            case _:
                changed = None
        if changed and self._is_of_a_library(changed):
            return f"changes a library ({changed})"
        if (
            later
            and isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "backward"
            and not self._has_own("backward")
        ):
            return "calls backward() of something"
        return _why(node)


def reach(
    sources: Mapping[str, str], functions: Iterable[str], given: Iterable[str] = (), filled: bool = True
) -> Reach:
    """The statements that define the functions and, again and again, whatever those name.

    An import counts where what it brings is used. An attribute that is assigned to, such as
    `torch.exp = mine`, counts wherever an attribute of that name is used, and a method that is called on a
    variable, or an item that is assigned to, wherever the variable is. A function that another one of its
    name replaces before anything could keep it counts for nothing.

    Args:
        sources: cells in their order, and modules beside the notebook (NAME.py), by where they stand.
        functions: their names.
        given: cells of our own; what they import is no container that a call could fill, either.
        filled: whether a statement that hands a variable to a call counts, since the call may fill it.
    """
    return _reach(tuple(sources.items()), tuple(functions), tuple(given), filled)


@functools.lru_cache(8)  # the questions of one notebook are often about the same function
def _reach(
    sources: tuple[tuple[str, str], ...], functions: tuple[str, ...], given: tuple[str, ...], filled: bool
) -> Reach:
    statements = [
        (where, statement)
        for where, source in sources
        for statement in _statements(source, module=where.endswith(".py"))
    ]
    statements = [pair for number, pair in enumerate(statements) if not _replaced(statements, number)]
    imported = {name: full for _, statement in statements for name, full in statement.imported.items()}
    imported |= _aliases([statement.node for _, statement in statements], imported)
    wanted, new, taken = set(functions), set(functions), set()
    # A call may fill the containers that it is given; a number gets nothing, and a function only what
    # `.attribute = …` shows.
    own = [statement for _, statement in statements]
    libraries = imported.keys() | {
        name for source in given for one in _statements(source, module=False) for name in one.imported
    }
    # A name that has another meaning as well may be a container in the end.
    libraries -= {name for one in own for name in one.defined - one.imported.keys()}
    fixed = libraries | _constants(own) | {name for one in own for name in _functions(one.node)}
    while new:
        more: set[str] = set()
        for number, (where, statement) in enumerate(statements):
            names = statement.defined | (statement.changed - libraries)
            names |= (statement.given - fixed) if filled else set()
            parts = where.removesuffix(".py").split("/")
            if where.endswith(".py") and not _is_installed(parts[0]):
                names |= set(parts)  # an import runs all of a module
            if number not in taken and (names & new or _is_from_the_future(statement.node)):
                taken.add(number)
                more |= statement.used
        new = more - wanted
        wanted |= new
    chosen = (statements[number] for number in sorted(taken))
    return Reach(tuple((where, statement.node) for where, statement in chosen), imported)


@dataclass(frozen=True)
class _Statement:
    """One statement of a cell and its names; attributes' begin with a dot."""

    node: ast.stmt
    defined: set[str]  # what it gives a meaning to
    changed: set[str]  # variables of which it calls a method or assigns to an item
    given: set[str]  # variables that it hands to calls
    used: set[str]  # what it takes from elsewhere
    imported: dict[str, str]


def _replaced(statements: list[tuple[str, _Statement]], number: int) -> bool:
    """Whether a function of a cell is defined anew before anything could keep it, as a decorator does."""
    where, statement = statements[number]
    match statement.node:
        case ast.FunctionDef(name=name, decorator_list=[]) if not where.endswith(".py"):
            pass
        case _:
            return False
    for place, later in statements[number + 1 :]:
        if place.endswith(".py") or (name in later.used and not _only_prints(later.node, name)):
            return False
        if isinstance(later.node, ast.FunctionDef | ast.ClassDef) and later.node.name == name:
            return True
    return False


def _only_prints(statement: ast.stmt, name: str) -> bool:
    """Whether it prints what calls of a function return, and does nothing else with it."""
    match statement:
        case ast.Expr(ast.Call(ast.Name("print"), given)):
            names = [node for node in walked(statement) if isinstance(node, ast.Name) and node.id == name]
            called = [node.func for one in given for node in walked(one) if isinstance(node, ast.Call)]
            return all(any(one is node for one in called) for node in names)
    return False


def _aliases(statements: list[ast.stmt], imported: dict[str, str]) -> dict[str, str]:
    """The full names behind names that are assigned what was imported: after `T = torch`, T is torch."""
    found: dict[str, str] = {}
    pairs = [pair for statement in statements for node in walked(statement) for pair in _assigned(node)]
    for _ in range(3):  # an alias of an alias, somewhere above or below
        for target, value in pairs:
            if isinstance(target, ast.Name) and (name := dotted(value)):
                head, _, rest = name.partition(".")
                if (known := {**imported, **found}.get(head)) is not None:
                    found[target.id] = f"{known}.{rest}".rstrip(".")
    return {name: full for name, full in found.items() if name not in imported}


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    yield from zip(target.elts, value.elts, strict=False)
                else:
                    yield target, value
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ):
            yield target, value


@functools.lru_cache(64)  # the questions of one notebook ask for the same cells
def _statements(source: str, module: bool) -> list[_Statement]:
    return [
        _Statement(node, _defined(node), _changed(node), _given(node), _used(node), imports(node))
        for node in parsed(source, module).body
    ]


def _defined(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module gives a meaning to; those inside of a function are its own."""
    names: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
                names |= {f".{attribute}" for attribute in _stored(node, ast.Attribute)}
                continue
            case ast.ClassDef(name=name):
                names.add(name)
                names |= {f".{attribute}" for attribute in _stored(node, ast.Attribute)}
                continue
            case ast.Lambda():
                continue
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(f".{name}")
            case ast.alias(name=name, asname=alias):
                names.add(alias or name.partition(".")[0])
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(str(name)), _]):
                names.add(f".{name}")
        waiting += ast.iter_child_nodes(node)
    return names


def _changed(statement: ast.stmt) -> set[str]:
    """The variables of which a statement of a module calls a method or assigns to an item."""
    names = set()
    for node in walked(statement):
        match node:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=inner))):
                pass
            case ast.Subscript(value=inner, ctx=ast.Store()):
                pass
            case _:
                continue
        while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
            inner = inner.func if isinstance(inner, ast.Call) else inner.value
        if isinstance(inner, ast.Name):
            names.add(inner.id)
    return names


def _given(statement: ast.stmt) -> set[str]:
    """The variables that a statement hands to calls, as `fill(table)` does; not those inside of functions."""
    names: set[str] = set()
    waiting: list[ast.AST] = [] if isinstance(statement, ast.FunctionDef | ast.ClassDef) else [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Lambda):
            continue
        waiting += ast.iter_child_nodes(node)
        match node:
            case ast.Call(func=ast.Name("print" | "display" | "check" | "len")):
                continue
            case ast.Call(args=args, keywords=keywords):
                parts = [*args, *(one.value for one in keywords)]
                names |= {one.id for part in parts for one in walked(part) if isinstance(one, ast.Name)}
    return names


def _constants(statements: list[_Statement]) -> set[str]:
    """The names that are given nothing but numbers and texts, as in `EPS = 1e-5`, wherever they are."""
    anew = {name for one in statements for node in walked(one.node) for name in _global(node)}
    others = (one.defined for one in statements if one.defined != {_constant(one.node)})
    return {_constant(one.node) for one in statements} - anew.union(*others)


def _constant(statement: ast.stmt) -> str:
    """The name in `NAME = …`, where that is a number, a text, a device or a choice of these; else nothing."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(name)], value=value)
            | ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value)
        ):
            pass
        case _:
            return ""
    match value:
        case ast.Call(func=ast.Attribute(ast.Name("torch"), "device"), args=[inner], keywords=[]):
            value = inner
    choice = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    return name if all(isinstance(node, _NUMBERS) for one in choice for node in walked(one)) else ""


def _global(node: ast.AST) -> list[str]:
    return node.names if isinstance(node, ast.Global) else []


def _functions(statement: ast.stmt) -> set[str]:
    return {statement.name} if isinstance(statement, ast.FunctionDef | ast.ClassDef) else set()


def _is_from_the_future(statement: ast.stmt) -> bool:
    """Such an import is used by whatever comes after it."""
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _handed_on(node: ast.AST, called: set[int]) -> str:
    """Whether what works by names is used as a value, so that no call shows the name."""
    if isinstance(node, ast.Name) and node.id in _BY_NAME and id(node) not in called:
        return f"hands {node.id} on"
    return ""


def _run_later(statement: ast.stmt) -> Iterator[ast.AST]:
    """What stands inside of functions and lambdas, and so runs when these are called."""
    for node in walked(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from walked(node)


def _stored(node: ast.AST, kind: type[ast.Name] | type[ast.Attribute]) -> Iterator[str]:
    """Names, or names of attributes, that are assigned to somewhere in it."""
    for part in walked(node):
        if isinstance(part, kind) and isinstance(part.ctx, ast.Store):
            yield part.id if isinstance(part, ast.Name) else part.attr


def _used(statement: ast.stmt) -> set[str]:
    """Names that a statement takes from elsewhere: not the arguments and variables of its functions."""
    own: set[str] = set()
    for node in walked(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            given = node.args
            every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
            own |= {one.arg for one in every if one}
            outside = {n for part in walked(node) if isinstance(part, ast.Global) for n in part.names}
            own |= set(_stored(node, ast.Name)) - outside
    names: set[str] = set()
    for node in walked(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in own:
                names.add(name)
            case ast.Attribute(attr=name):
                names.add(f".{name}")
            case ast.Subscript(slice=ast.Constant(str(text))):  # globals()["name"], vars(module)["name"]
                names |= {text, f".{text}"}
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(str(text)), *_]):
                names.add(f".{text}")
            case ast.Import(names=aliases):
                names |= {part for alias in aliases for part in alias.name.split(".")}
            case ast.ImportFrom(module=module, names=aliases):
                names |= {*(module or "").split("."), *(alias.name for alias in aliases)}
    return names


@functools.lru_cache(64)
def unreadable(source: str) -> str:
    """Why nobody would read a cell, neither this module nor a person; empty for all others.

    To parse takes a kilobyte of memory for every few characters, and IPython reads the whole cell anew for
    each of its commands.
    """
    if len(source) > LONGEST_CELL:
        return f"it has more than {LONGEST_CELL:,} characters"
    if len(_COMMAND.findall(source)) > MOST_COMMANDS:
        return f"it has more than {MOST_COMMANDS} of IPython's commands"
    return ""


def parsed_as_python(source: str) -> ast.Module:
    """As `ast.parse`, which fails when it is entered a second time before it is done (CPython issue 106905).

    So no garbage is collected meanwhile: with it may go a task of asyncio whose error is then told, and
    Python parses the lines of a traceback to underline them.
    """
    with uncollected():
        return ast.parse(source)


@functools.lru_cache(64)
def has_hidden_lines(source: str) -> bool:
    """Whether IPython may run other lines of a cell than Python reads in it.

    Such as those behind a form feed, or what is left of a line without what IPython takes for a prompt; or
    what it takes for a command, where Python reads a text.
    """
    lines = leading_empty_lines(source.splitlines(keepends=True))
    manager = TransformerManager()
    run = functools.reduce(lambda text, change: change(text), manager.cleanup_transforms, lines)
    return run != lines or _HIDDEN_LINES.search(source) is not None or _is_changed(source, lines, manager)


def _is_changed(source: str, lines: list[str], manager: TransformerManager) -> bool:
    """Whether IPython changes a cell that is Python as it is."""
    try:
        parsed_as_python(source)
        return str(manager.transform_cell(source)).rstrip("\n") != "".join(lines).rstrip("\n")
    except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
        return False


@functools.lru_cache(64)
def parsed(source: str, module: bool = False) -> ast.Module:
    """The cell's syntax tree as IPython runs it, without commands like %matplotlib; empty if it has none.

    A module is run by Python itself, to which there are neither commands nor prompts.
    """
    if module or not has_hidden_lines(source):
        with suppress(ValueError, RecursionError, MemoryError, SyntaxError):
            return parsed_as_python(source)  # most cells are Python as they are
    if module:
        return ast.Module([], [])
    try:
        tree = parsed_as_python(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
        return ast.Module([], [])
    for node in ast.walk(tree):
        for name, body in ast.iter_fields(node):
            if isinstance(body, list) and any(isinstance(one, ast.stmt) for one in body):
                setattr(node, name, [part for one in body for part in _without_commands(one)])
    return tree


def _without_commands(statement: ast.stmt) -> list[ast.stmt]:
    """A statement; for one of IPython's commands the code in its text, or something that does nothing."""
    match statement:
        case ast.Expr(
            ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), how), [ast.Constant(name), *rest])
        ) | ast.Assign(
            _, ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), how), [ast.Constant(name), *rest])
        ):
            pass
        case _:
            return [statement]
    if how in ("run_line_magic", "run_cell_magic") and name in _AROUND:
        line, *cell = [str(one.value) for one in rest if isinstance(one, ast.Constant)]
        first = "" if name == "capture" else _OPTIONS.sub("", line, count=1).lstrip()
        return parsed("\n".join([first, *cell])).body or [statement]  # which is told, if it cannot be read
    nothing = how in ("system", "getoutput") or (how.endswith("_magic") and name not in _FROM_ELSEWHERE)
    return [ast.copy_location(ast.Pass(), statement)] if nothing else [statement]


@functools.lru_cache(256)
def walked(node: ast.AST) -> tuple[ast.AST, ...]:
    """Every node of a tree, as `ast.walk` finds them: there is much to ask about the same statements.

    Without signs such as `+`, and the marks whether a name is loaded or stored: almost half of all, and each
    is an attribute of a node that is here.
    """
    return tuple(one for one in ast.walk(node) if not isinstance(one, _SIGNS))


def _why(node: ast.AST) -> str:
    names: list[str] = []
    modules: list[str] = []
    match node:
        case ast.Import():
            names = modules = [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module)):
            modules = [f"{module}.{alias.name}" for alias in node.names]
            names = modules + [alias.name for alias in node.names]
        case ast.Call(func=ast.Name(id="__import__"), args=[ast.Constant(str(name)), *_]):
            names = modules = [name]
        case ast.Call(func=ast.Name(id=name)) if name in _SABOTAGE_CALLS:
            return f"calls {name}, so its text does not tell what it does"
        case ast.Call(func=ast.Name(id="getattr"), args=[_, second, *_]) if not isinstance(
            second, ast.Constant
        ):
            return "gets an attribute by a computed name"
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(str(name)), *_]):
            names = [f"….{name}"]
        case ast.Attribute(attr=name):
            names = [dotted(node) or f"….{name}"]
        case ast.Name(id=name):
            names = [name]
        case ast.Constant(str(text)) if re.match(r"cnnlab\.(grading|check|reference)\.", text):
            return f"names the course's own machinery ({text[:50]})"
        case ast.MatchClass(kwd_attrs=attributes):
            names = [f"….{name}" for name in attributes]
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "locals" | "vars")), slice=index) if (
            not isinstance(index, ast.Constant)
        ):
            return "gets something by a computed name"
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            names = [name]
    return next(filter(None, [*map(_named, names), *map(_module, modules)]), "")


@functools.lru_cache(4096)
def _named(name: str) -> str:
    """What whoever uses this name does; empty for all ordinary names."""
    return "" if name in ("cnnlab.check.check", "cnnlab.check") else _found(name, _SABOTAGE)


@functools.lru_cache(4096)
def _module(name: str) -> str:
    """What whoever uses this module, or something of it, does; empty for all ordinary modules."""
    return _found(name, _MODULES)


def _found(name: str, patterns: Mapping[str, str]) -> str:
    reasons = (why for pattern, why in patterns.items() if re.fullmatch(pattern, name))
    return next((f"{why} ({name})" for why in reasons), "")


def imports(statement: ast.stmt) -> dict[str, str]:
    """The full name behind each name that it imports."""
    names: dict[str, str] = {}
    for node in walked(statement):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dotted(node: ast.AST) -> str | None:
    """The dotted name of an expression; None when it is not one."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])
