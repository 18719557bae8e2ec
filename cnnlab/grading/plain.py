"""Tells plain code, which cannot reach beyond itself, from all other code.

Plain code computes, prints and draws. Nothing in its text leads to the interpreter, to the kernel or to what
a library is made of, so it cannot take apart what watches it there. What follows is a list of what is
allowed: code that is not on it may be honest or not, and `execute` judges the answers of such a notebook once
more, apart from the rest of it.
"""

import ast
import builtins
import functools
import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from cnnlab.grading.syntax import dotted, has_hidden_lines, imports, parsed, parsed_as_python, walked


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Modules whose public functions and classes are plain; those of the second list, only these.
_MODULES = _words(
    "torch torch.nn torch.nn.functional torch.nn.init torch.optim torch.linalg torch.special torch.fft "
    "torch.func numpy numpy.random numpy.linalg math cmath itertools time random"
)
# Of all classes in torch itself, these; others run text, leave the watch behind, or write files.
_CLASSES = _words(
    "Tensor Size Generator dtype device layout memory_format finfo iinfo no_grad enable_grad "
    "set_grad_enabled inference_mode autocast BoolTensor ByteTensor DoubleTensor FloatTensor IntTensor "
    "LongTensor"
)
_NEVER = _words(  # import by name, read and write anything, or change what others use
    "torch.set_default_tensor_type torch.parse_ir torch.parse_schema torch.frombuffer torch.fork torch.wait "
    "torch.nn.ParameterDict numpy.info numpy.sctypeDict numpy.genfromtxt numpy.fromregex numpy.DataSource "
    "numpy.frombuffer"
)
_ONLY = {
    "torch.autograd": (
        "Function grad backward no_grad enable_grad set_grad_enabled inference_mode gradcheck Variable "
        "detect_anomaly set_detect_anomaly"
    ),
    "torch.autograd.function": "Function once_differentiable",
    "torch.distributions": "Bernoulli Beta Categorical Normal Uniform",
    "torch.cuda": (
        "is_available device_count current_device get_device_name synchronize manual_seed manual_seed_all "
        "empty_cache memory_allocated max_memory_allocated"
    ),
    "torch.testing": "assert_close assert_allclose make_tensor",
    "torch.utils": "data",
    "torch.utils.data": (
        "Dataset IterableDataset TensorDataset ConcatDataset Subset DataLoader random_split default_collate "
        "Sampler RandomSampler SequentialSampler BatchSampler WeightedRandomSampler"
    ),
    "functools": "partial reduce cache lru_cache",
    "collections": "defaultdict Counter deque OrderedDict namedtuple",
    "collections.abc": "Callable Generator Iterable Iterator Mapping Sequence",
    "contextlib": "contextmanager nullcontext suppress",
    "copy": "copy deepcopy",
    "dataclasses": "dataclass field replace astuple asdict",
    "enum": "Enum IntEnum auto",
    "abc": "ABC abstractmethod",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "statistics": "mean median stdev pstdev variance pvariance",
    "numbers": "Number Real Integral",
    "logging": "getLogger debug info warning error exception DEBUG INFO WARNING ERROR",
    "operator": "add sub mul truediv floordiv mod pow neg matmul eq ne lt le gt ge itemgetter",
    "scipy.special": "softmax log_softmax logsumexp xlogy expit",
    "sys": "maxsize float_info",
    "typing": (
        "Any Callable Optional Union List Tuple Dict Set Type Sequence Iterable Iterator Mapping Generator "
        "Annotated ClassVar Final Generic Literal NamedTuple NoReturn Protocol TypeAlias TypedDict TypeVar"
    ),
    "warnings": "warn filterwarnings simplefilter",
    "__future__": "annotations",
    "cnnlab.check": "check",
    "matplotlib.pyplot": (
        "plot show figure subplots subplot title suptitle xlabel ylabel xlim ylim xticks yticks legend grid "
        "axis hist bar scatter imshow matshow semilogx semilogy loglog errorbar fill_between step stem "
        "axhline axvline text colorbar tight_layout close gca gcf clf cla boxplot"
    ),
}
_PLAIN = frozenset(f"{module}.{name}" for module, names in _ONLY.items() for name in names.split())
_BUILTINS = _words(
    "abs all any ascii bin bool bytes callable chr classmethod complex dict divmod enumerate filter float "
    "format frozenset hasattr hash hex int isinstance issubclass iter len list map max min next object "
    "oct ord pow print property range repr reversed round set slice sorted staticmethod str sum super tuple "
    "zip NotImplemented display"
)
_OF_IPYTHON = _words("get_ipython In Out exit quit")
_METHODS = _words(
    "__init__ __post_init__ __call__ __repr__ __str__ __len__ __getitem__ __setitem__ __contains__ "
    "__missing__ __iter__ __next__ __enter__ __exit__ __eq__ __lt__ __add__ __sub__ __mul__ __truediv__ "
    "__neg__ __hash__ __bool__"
)
_TOLD = _words("__name__ __doc__ __slots__")  # texts, wherever they stand
# Called, these make classes whose parts no text shows; `dataclass` writes into whatever class it is given.
_ONLY_BASES = _words("enum.Enum enum.IntEnum typing.NamedTuple typing.Protocol typing.TypedDict abc.ABC")
_ONLY_DECORATORS = _words("dataclasses.dataclass functools.wraps")
_BASES = _words(
    "object dict list tuple torch.nn.Module torch.autograd.Function torch.utils.data.Dataset abc.ABC "
    "enum.Enum enum.IntEnum typing.NamedTuple typing.Protocol typing.TypedDict typing.Generic"
)
# Attributes that lead to files, into frames, generators and functions, to what was compiled, to modules.
_FURTHER = re.compile(
    r"\*|_.*|(gi|cr|ag|f|tb|co|func)_.*|(test|load|savez?|savez_compressed|savetxt|dumps?|compile|obj|import_\w*"
    r"|(from|to)_?file|memmap|load_library|seterrcall|ctypes)"
    r"|(set_)?(handlers?|stream|manager|factory)|root|parent|pub_thread|session|schedule|makeRecord"
    r"|(add|set)(Handler|Stream)|canvas|savefig|print_figure|mro|register|register_kl|grad_fn|next_functions"
    r"|(untyped_)?storage|c?ffi|get_device_module|torch|numpy|library|ops|overrides|jit|fx|package|hub|classes"
)
_DRAWING = re.compile(r"^%matplotlib( +\w+)?$", re.MULTILINE)
_OF_PYTHON = frozenset(sys.stdlib_module_names - {"copy", "random", "math", "string", "select", "time"})
_OF_TENSORS = frozenset(("requires_grad", "grad", "data", "training"))  # what training loops assign to


def beyond(sources: Iterable[str], given: Iterable[str] = ()) -> str:
    """What in the code of some cells is not plain; empty when all is.

    Args:
        sources: the cells that a stranger wrote.
        given: those of our own, which define names for them.
    """
    sources = list(sources)
    if any(map(has_hidden_lines, sources)):
        return "hides lines from whoever reads it"
    try:
        # Another command of IPython's may evaluate what stands in its text.
        strange = [parsed_as_python(_DRAWING.sub("", source)) for source in sources]
    except (ValueError, RecursionError, MemoryError, SyntaxError):
        return "is more than Python, or less"
    return beyond_in([statement for tree in strange for statement in tree.body], given)


def beyond_in(
    statements: list[ast.stmt], given: Iterable[str] = (), modules: frozenset[str] = frozenset()
) -> str:
    """The same of statements that were read already, those of a stranger's modules among them.

    Args:
        statements: what a stranger wrote.
        given: cells of our own.
        modules: names of the stranger's modules.
    """
    own = [statement for source in given for statement in parsed(source).body]
    code = _Code([*own, *statements], modules)
    nodes = (node for statement in statements for node in walked(statement))
    return next(filter(None, map(code.why, nodes)), "")


class _Code:
    """What has to be known about all cells to judge one node."""

    def __init__(self, statements: list[ast.stmt], modules: frozenset[str] = frozenset()) -> None:
        nodes = [node for statement in statements for node in walked(statement)]
        found = [pair for statement in statements for pair in imports(statement).items()]
        self.modules = modules
        self.imported = {name: full for name, full in found if not self._is_own(full)}
        self.own = {name for node in nodes for name in _given_a_meaning(node)}
        self.own |= {name for name, full in found if self._is_own(full)}
        # Where a dotted name goes on, where a class is looked at or made use of, and `self.x = …`.
        self.inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        self.classes = {id(place) for node in nodes for place in _uses_of_classes(node)}
        self.harmless = {id(place) for node in nodes for place in _harmless(node)}
        self.bases = {id(base) for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases}
        self.bases |= {id(part) for node in nodes for kind in _annotations(node) for part in ast.walk(kind)}
        self.decorators = {id(place) for node in nodes for place in _decorating(node)}
        self.of_self = {id(place) for node in nodes for place in _stored_in_self(node)}

    def why(self, node: ast.AST) -> str:
        """What about a node is not plain; empty when all is."""
        match node:
            case ast.Import() | ast.ImportFrom() if name := self._ambiguous(node):
                return f"gives {name} two meanings"
            case ast.Import(names=aliases):
                unknown = (one.name for one in aliases if one.name not in _KNOWN)
                return next((f"imports {name}" for name in unknown if not self._is_own(name)), "")
            case ast.ImportFrom(module=module, names=aliases):
                names = [f"{module}.{one.name}" for one in aliases]
                unknown = (name for name in names if not _is_plain(name) and name not in _ONLY_DECORATORS)
                return next((f"imports {name}" for name in unknown if not self._is_own(name)), "")
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute(attr=name):
                return self._attribute(node, name)
            case ast.MatchClass(kwd_attrs=names):
                return next((f"reads .{name}" for name in names if _leads_further(name)), "")
            case ast.ClassDef(name=name, bases=bases, keywords=keywords):
                strange = keywords or any(self._full(base) not in (_BASES | self.own) for base in bases)
                return f"has a class of another kind, {name}" if strange else ""
            case ast.keyword(arg=str(name)) if _leads_further(name):
                return f"gives {name}"
            case ast.AnnAssign(target=ast.Name(id=name)) if _leads_further(name):
                return f"names something {name}"  # a data class has a pattern that reads its fields
            case ast.FunctionDef(name=name):
                return f"defines {name}" if name.startswith("__") and name not in _METHODS else ""
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
                root = _root(value)
                return f"changes {root}" if root in self.imported else ""
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                return "runs beside the notebook"
        return ""

    def _is_own(self, name: str) -> bool:
        """Whether a dotted name begins with a module of the stranger's own, which is read as well."""
        return name.partition(".")[0] in self.modules

    def _ambiguous(self, statement: ast.stmt) -> str:
        """A name of an import that another import gives to something else; empty when there is none."""
        names = imports(statement).items()
        return next((name for name, full in names if self.imported.get(name, full) != full), "")

    def _name(self, node: ast.Name, name: str) -> str:
        if name in self.imported:
            if not isinstance(node.ctx, ast.Load):
                return f"changes {name}"
            return "" if id(node) in self.inner else self._value(node, self.imported[name])
        if name in _BUILTINS or _is_exception(name):
            return ""
        if name in _TOLD or id(node) in self.harmless:
            return ""
        # What is no builtin of the list stays one wherever else its name may have another meaning.
        strange = hasattr(builtins, name) or name in _OF_IPYTHON or name.startswith("__")
        return f"uses {name}" if strange or name not in self.own else ""

    def _attribute(self, node: ast.Attribute, name: str) -> str:
        if id(node) in self.harmless:
            return ""
        if _leads_further(name):
            return f"uses .{name}"
        full = self._full(node)
        if not isinstance(node.ctx, ast.Load):
            allowed = id(node) in self.of_self or (name in _OF_TENSORS and _root(node) not in self.imported)
            return "" if allowed else f"changes .{name}"
        return self._value(node, full) if full and id(node) not in self.inner else ""

    def _value(self, node: ast.expr, full: str) -> str:
        """What is not plain about the use of something that was imported."""
        if full in _ONLY_DECORATORS:
            return "" if id(node) in self.decorators else f"hands {full} on"
        if full in _ONLY_BASES:
            return "" if id(node) in self.bases else f"hands {full} on"
        if not _is_plain(full) or full in _KNOWN:
            return f"uses {full}"
        kind = _found(full)
        if isinstance(kind, type) and not issubclass(kind, np.generic) and id(node) not in self.classes:
            return f"hands {full} on"
        return ""

    def _full(self, node: ast.expr) -> str | None:
        """The whole name of something imported, or a plain name; None for every other expression."""
        head, _, rest = (dotted(node) or "").partition(".")
        if head in self.imported:
            return f"{self.imported[head]}.{rest}".rstrip(".")
        return None if rest else head or None


def _leads_further(attribute: str) -> bool:
    known = attribute in _METHODS | _TOLD or attribute == "_"
    return not known and (attribute in _OF_PYTHON or _FURTHER.fullmatch(attribute) is not None)


def _is_exception(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


_KNOWN = _MODULES | _ONLY.keys()


def _is_plain(full: str) -> bool:
    """Whether a name of a library is on the list, or belongs to something that is."""
    if full in _KNOWN or full in _PLAIN:
        return True
    if full in _NEVER:
        return False
    module, _, name = full.rpartition(".")
    if module not in _MODULES:  # an attribute of a class or a function
        return bool(module) and module not in _KNOWN and _is_plain(module)
    found = _found(full)  # None also for a module that would only come with its import
    known = module != "torch" or not isinstance(found, type) or name in _CLASSES
    return known and not (_leads_further(name) or found is None or isinstance(found, ModuleType))


@functools.cache
def _found(full: str) -> Any:
    """What a name on the list stands for; None for those of a drawing library, which has no classes here."""
    module, _, name = full.rpartition(".")
    if module in _MODULES or (module in _ONLY and not module.startswith("matplotlib")):
        return getattr(importlib.import_module(module), name, None)
    return getattr(_found(module), name, None) if module and module not in _ONLY else None


def _given_a_meaning(node: ast.AST) -> set[str]:
    """The names of a cell, and of functions in it, that are its own."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.ExceptHandler(name=str(name)):
            return {name}
        case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return {name}
    return set()


def _uses_of_classes(node: ast.AST) -> Iterator[ast.AST]:
    """Where a class stands without being handed on: it is called, asked about, or named."""
    match node:
        case ast.Call(func=ast.Name("isinstance" | "issubclass"), args=[_, asked]):
            yield from ast.walk(asked)
        case ast.Call(func=called):
            yield called
        case ast.ClassDef(bases=bases):
            yield from bases
        case ast.ExceptHandler(type=ast.expr() as caught):
            yield from ast.walk(caught)
    for kind in _annotations(node):
        yield from ast.walk(kind)
    if isinstance(node, ast.FunctionDef):
        yield from node.decorator_list


def _harmless(node: ast.AST) -> Iterator[ast.AST]:
    """Where a type is asked for its name, or compared, a tensor for its numbers, and where a text goes.

    `type(x).__name__`, `type(x) is int`; `x.numpy()`, which no module could be; `print(…, file=sys.stderr)`.
    """
    match node:
        case ast.Call(func=ast.Name("print"), keywords=named):
            yield from (one.value for one in named if dotted(one.value) in ("sys.stderr", "sys.stdout"))
            return
        case ast.Call(func=ast.Attribute(attr="numpy") as method, args=[]):
            yield method
            return
        case ast.Attribute(value=asked, attr="__name__"):
            types = [asked]
        case ast.Compare(left=left, comparators=others):
            types = [left, *others]
        case _:
            return
    for one in types:
        match one:
            case ast.Call(func=ast.Name("type") as name, args=[_], keywords=[]):
                yield name
            case ast.Attribute(attr="__class__"):
                yield one


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.arg(annotation=ast.expr() as kind) | ast.AnnAssign(annotation=kind):
            yield kind
        case ast.FunctionDef(returns=ast.expr() as kind):
            yield kind


def _decorating(node: ast.AST) -> Iterator[ast.AST]:
    """Where `wraps(function)` alone decorates a function, or `dataclass` a class."""
    match node:
        case ast.FunctionDef(decorator_list=[ast.Call(func=called, args=[ast.Name()], keywords=[])]):
            yield called
        case ast.ClassDef(decorator_list=[ast.Call(func=called, args=[])]):
            yield called
        case ast.ClassDef(decorator_list=[called]):
            yield called


def _stored_in_self(node: ast.AST) -> Iterator[ast.AST]:
    """`self.x = …` in the methods of a class."""
    if not isinstance(node, ast.ClassDef):
        return
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.args.args:
            own = method.args.args[0].arg
            for part in ast.walk(method):
                if (
                    isinstance(part, ast.Attribute)
                    and isinstance(part.value, ast.Name)
                    and part.value.id == own
                ):
                    yield part


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
