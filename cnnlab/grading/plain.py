"""Tells plain code, which cannot reach beyond itself, from all other code.

Plain code computes and prints. Nothing in its text leads to the interpreter, to the kernel or to what
a library is made of, so it cannot take apart what watches it there. What follows is a list of what is
allowed, in the language here and of names in `vocabulary`: code that is not on it may be honest or not, and
`execute` judges the answers of such a notebook once more, apart from the rest of it.

What is allowed rests on four things. A name has one meaning: none that the rules rely on is given another.
Classes and modules, from which everything can be reached, stand only where nothing gets hold of them: they
are called, asked about, derived from. An object is asked for an attribute that numbers, tensors and
containers have, or that a class of the code's own gives it. And only `self` gets new ones.
"""

import ast
import builtins
import functools
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator

from cnnlab.grading.syntax import dotted, has_hidden_lines, imports, parsed, parsed_as_python, walked
from cnnlab.grading.vocabulary import (
    ANNOTATIONS,
    ASKED_ABOUT,
    BASES,
    BUILTINS,
    DECORATORS,
    FACTORIES,
    METHODS,
    MOST_ARGUMENTS,
    NOT_GIVEN,
    NOT_GIVEN_TO,
    OF_IPYTHON,
    OF_VIEWS,
    UNTOUCHABLE,
    is_attribute,
    is_class,
    is_listed,
    is_module,
    is_of_modules,
    leads_further,
)

# Those that import nothing which is not installed, and might then lie in the notebook's own folder.
_DRAWING = re.compile(r"^%matplotlib +(inline|agg|notebook)$", re.MULTILINE)
_OF_TENSORS = frozenset(("requires_grad", "grad", "data"))  # what training loops assign to
_VALUE_TYPES = frozenset(("bool", "dict", "float", "int", "list", "set", "str", "tuple"))
# Statements and expressions that exist to run beside the notebook, or make names that nothing here follows.
_NEVER = (
    ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.TryStar,
    *(getattr(ast, name) for name in ("TypeAlias", "TypeVar", "ParamSpec") if hasattr(ast, name)),
)  # fmt: skip
_ASKED_FOR = re.compile(
    r"_(repr|ipython|render|as|is|abc|missing|ignore|generate|order|fields|make|source)(_|$)"
)
_MAY_BIND = (
    *(ast.Name, ast.ExceptHandler, ast.arg, ast.FunctionDef, ast.ClassDef),
    *(ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.Global, ast.Nonlocal),
)
_OF_AUTOGRAD = frozenset(("torch.autograd.Function", "torch.autograd.function.Function"))
_OF_FUNCTIONS = frozenset(("forward", "backward", "jvp"))  # autograd calls them with a context of its own
_SEARCHES = frozenset(("max", "min", "sort", "topk", "median", "mode", "kthvalue", "cummax", "cummin"))


def beyond(sources: Iterable[str], given: Iterable[str] = ()) -> str:
    """What in the code of some cells is not plain; empty when all is.

    Args:
        sources: the cells that a stranger wrote.
        given: those of our own, which define names for them.
    """
    sources = list(sources)
    try:
        # Another command of IPython's may evaluate what stands in its text.
        strange = [parsed_as_python(_DRAWING.sub("pass", source)) for source in sources]
    except (ValueError, RecursionError, MemoryError, SyntaxError):
        return "is more than Python, or less"
    if any(map(has_hidden_lines, sources)):
        return "hides lines from whoever reads it"
    return beyond_in(tuple(statement for tree in strange for statement in tree.body), tuple(given))


@functools.lru_cache(8)  # the questions of one notebook are often about the same function
def beyond_in(
    statements: tuple[ast.stmt, ...], given: tuple[str, ...] = (), modules: frozenset[str] = frozenset()
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
        # A name that is imported as two things is neither, wherever that stands.
        meanings = {name: {full for other, full in found if other == name} for name, _ in found}
        self.twofold = {name for name, fulls in meanings.items() if len(fulls) > 1}
        self.above: dict[int, ast.AST] = {}
        for statement in statements:
            self.above |= _parents(statement)
        bound = Counter(name for node in nodes for name in _bound(node))
        self.aliases: set[str] = set()
        self.own = set(bound)
        self.loads = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
        # Functions of the cells and of modules beside them, and named tuples, that are nothing else as well.
        self.functions = {
            one.name for one in statements if isinstance(one, ast.FunctionDef) and bound[one.name] == 1
        }
        rest = Counter(one.kwarg.arg for one in nodes if isinstance(one, ast.arguments) and one.kwarg)
        looked_into = {one.id for one in self.loads if not isinstance(self.above[id(one)], ast.keyword)}
        # `**rest` of a function that hands it through and does nothing else with it.
        self.rest = {name for name, times in rest.items() if times == bound[name]} - looked_into
        self.defined = {one.name for one in nodes if isinstance(one, ast.FunctionDef)}
        self.tuples = {name for one in statements for name in self._named_tuple(one) if bound[name] == 1}
        definitions = [node for node in nodes if isinstance(node, ast.ClassDef)]
        # Those whose name stands for nothing else anywhere; the others are no classes to these rules.
        self.classes = {one.name: one for one in definitions if bound[one.name] == 1}
        self.fields = {name for one in definitions for name in _members(one)}
        self.fields |= {name for node in nodes for name in self._named_fields(node)}
        places = [place for one in definitions for place in self._places_of_self(one)]
        self.of_self = {id(place) for place in places if isinstance(place.ctx, ast.Store)}
        self.fields |= {place.attr for place in places if isinstance(place.ctx, ast.Store)}
        derived_from = {base for one in definitions for base in self._bases(one)}
        self.alone = {
            name for name, one in self.classes.items() if name not in derived_from and not one.bases
        }
        # `self._x`, which nobody but the class itself asks for, and what otherwise may be a module's.
        self.private = {
            id(place)
            for one in definitions
            for place in self._places_of_self(one)
            if self._is_private(place.attr, one)
            or (place.attr in self.fields and not re.match("_", place.attr) and not leads_further(place.attr))
        }

        for _ in range(3):  # an alias of an alias
            self.aliases |= {name for statement in statements for name in self._names_types(statement, bound)}

    # One node.

    def why(self, node: ast.AST) -> str:
        """What about a node is not plain; empty when all is."""
        if strange := next(filter(None, (self._binding(node, name) for name in _bound(node))), ""):
            return strange
        match node:
            case ast.Import() | ast.ImportFrom():
                return self._import(node)
            case ast.Name(id=name, ctx=ast.Load()):
                return self._name(node, name)
            case ast.Attribute(attr=name):
                return self._attribute(node, name)
            case ast.ClassDef():
                return self._class(node)
            case ast.FunctionDef(name=name):
                strange_decorators = (one for one in node.decorator_list if not self._may_decorate(one, node))
                return next((f"decorates the method {name}" for _ in strange_decorators), "")
            case ast.keyword():
                return self._keyword(node)
            case ast.MatchClass(cls=kind, patterns=patterns, kwd_patterns=named):
                whole = isinstance(kind, ast.Name) and kind.id in _VALUE_TYPES and kind.id not in self.own
                return "takes objects apart by a pattern" if named or (patterns and not whole) else ""
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
                root = _root(value)
                return f"changes {root}" if root in self.imported else ""
            case ast.YieldFrom():
                return "goes on in something else"  # which is closed with it
            case ast.Yield():
                return "goes on where nobody waits for it" if self._is_guarded(node) else ""
            case ast.Constant(value=bytes()):
                return "uses bytes"  # of which Python keeps but one, and a tensor may be laid upon it
        return "runs beside the notebook, or names types" if isinstance(node, _NEVER) else ""

    def _binding(self, node: ast.AST, name: str) -> str:
        """What is not plain about giving a name a meaning."""
        scope = self._scope(node)
        if isinstance(scope, ast.arguments) and not isinstance(node, ast.arg):
            return f"names {name} among arguments"
        if isinstance(scope, ast.ClassDef) and name.startswith("_") and not self._is_private(name, scope):
            plain = name in METHODS if isinstance(node, ast.FunctionDef) else self._names_slots(node)
            return "" if plain else f"defines {name}"
        if name in self.imported:
            return f"changes {name}"
        return f"gives {name} another meaning" if self._is_reserved(name) else ""

    def _is_reserved(self, name: str) -> bool:
        known = name in BUILTINS or _is_exception(name)
        return (
            name.startswith("__")
            or name in UNTOUCHABLE
            or name in OF_IPYTHON
            or (hasattr(builtins, name) and not known)
        )

    def _import(self, node: ast.Import | ast.ImportFrom) -> str:
        if isinstance(self._scope(node), ast.ClassDef):
            return "imports something into a class"
        names = imports(node)
        if isinstance(node, ast.ImportFrom) and node.level:
            return "imports from beside itself"
        if twice := next((name for name in names if name in self.twofold), ""):
            return f"gives {twice} two meanings"
        if strange := next(filter(self._is_reserved, names), ""):
            return f"gives {strange} another meaning"
        whole = isinstance(node, ast.Import)
        fulls = [one.name for one in node.names] if whole else list(names.values())
        known = (is_module(full) or (not whole and is_listed(full)) for full in fulls)
        unknown = [full for full, plain in zip(fulls, known, strict=True) if not plain]
        if not whole and self._is_own(fulls[0]):  # only functions, as what they are
            ours = {names[one.name] for one in node.names if not one.asname}
            unknown = [
                full for full in unknown if full not in ours or full.rpartition(".")[2] not in self.functions
            ]
        return f"imports {unknown[0]}" if unknown else ""

    def _name(self, node: ast.Name, name: str) -> str:
        above = self.above.get(id(node))
        inner = isinstance(above, ast.Attribute)
        if hasattr(builtins, name) and self._is_reserved(name) and name not in BUILTINS and name != "type":
            return "" if name in ("__name__", "__doc__") else f"uses {name}"
        if name in self.imported:
            return "" if inner else self._value(node, self.imported[name])
        if name in self.tuples:
            return "" if self._only_used(node) else f"hands {name} on"
        if name in self.classes:
            return self._own_class(node, self.classes[name])
        if name == "super":
            return "" if self._is_super_call(above) and self._is_in_a_method(node) else "uses super"
        if name in ("property", "staticmethod", "classmethod"):
            of_method = isinstance(above, ast.FunctionDef) and node in above.decorator_list
            of_method = of_method and above is not None and isinstance(self._scope(above), ast.ClassDef)
            return "" if of_method else f"hands {name} on"
        if name == "display":
            return "" if self._is_statement(node) else "hands display on"
        if name in BUILTINS or _is_exception(name) or name in ("__name__", "__doc__"):
            return ""
        if name == "type":
            return "" if self._only_asks(above) else "uses type"
        # What is no builtin of the list stays one wherever else its name may have another meaning.
        strange = hasattr(builtins, name) or self._is_reserved(name)
        return f"uses {name}" if strange or name not in self.own else ""

    def _attribute(self, node: ast.Attribute, name: str) -> str:
        above = self.above.get(id(node))
        full = self._full(node)
        if full and is_module(full):
            return "" if isinstance(above, ast.Attribute) else f"uses {full}"
        if not isinstance(node.ctx, ast.Load):
            return self._change(node, name)
        if full and (is_module(full.rpartition(".")[0]) or not is_listed(full.rpartition(".")[0])):
            return self._value(node, full)
        if full and is_class(full.rpartition(".")[0]):
            return f"uses {full}"
        match node:
            case ast.Attribute(value=ast.Call(func=ast.Name("super")), attr="__init__"):
                return ""
            case ast.Attribute(attr="numpy") if isinstance(above, ast.Call) and not above.args:
                return ""  # of a tensor: no module can be called
            case ast.Attribute(attr="__class__"):
                return "" if self._only_asks(node) else "uses .__class__"
            case ast.Attribute(value=ast.Constant(str(text)), attr="format"):
                return "" if _fields_are_simple(text) else "has a text that reads attributes"
        if id(node) in self.private:
            return ""
        if name == "indices":  # of a sparse tensor a method, and those that it gives are trusted
            return "" if self._found_by_a_search(node.value) else "uses .indices"
        if name == "type" and not self._call_of(node):
            return "uses .type"
        if name == "data":  # of an array, a view of its memory
            of_tensor = isinstance(above, ast.Attribute) and above.attr not in OF_VIEWS
            return "" if of_tensor else "uses .data"
        field = name in self.fields and not leads_further(name) and not is_of_modules(name)
        known = is_attribute(name) or field
        return "" if known else f"uses .{name}"

    def _found_by_a_search(self, node: ast.expr) -> bool:
        """Whether it is what `x.max(1)` gives, or `torch.sort(x)`."""
        match node:
            case ast.Call(func=ast.Attribute(attr=name) as function) if name in _SEARCHES:
                return name not in self.fields and self._full(function) in (None, f"torch.{name}")
        return False

    def _change(self, node: ast.Attribute, name: str) -> str:
        if id(node) in self.private and isinstance(node.ctx, ast.Store):
            return ""
        if name.startswith("_") or leads_further(name) or self._full(node):
            return f"changes .{name}"
        of_tensor = name in _OF_TENSORS and _root(node) not in self.imported
        return "" if of_tensor or id(node) in self.of_self else f"changes .{name}"

    def _value(self, node: ast.expr, full: str) -> str:
        """What is not plain about the use of something that was imported."""
        above = self.above.get(id(node))
        if full in ("sys.stderr", "sys.stdout"):
            named = isinstance(above, ast.keyword) and above.arg == "file"
            return "" if named else f"uses {full}"
        if is_module(full) or not is_listed(full):
            return f"uses {full}"
        if full == "cnnlab.check.check":  # inside of an answer it would watch beside the one that asked
            outside = self._scope(node) is None
            return "" if self._is_statement(node) and outside else f"hands {full} on"
        if full in DECORATORS:
            return "" if self._decorates(node, full) else f"hands {full} on"
        if full == "collections.namedtuple":
            place = self.above.get(id(self._call_of(node)))
            return "" if place and self.tuples.intersection(self._named_tuple(place)) else f"hands {full} on"
        if full == "dataclasses.field":
            return "" if self._is_field(above) else "hands dataclasses.field on"
        if full in ANNOTATIONS and not (full in BASES and self._is_base(node)):
            return "" if self._is_annotation(node) else f"hands {full} on"
        if (is_class(full) or full in MOST_ARGUMENTS) and not self._only_used(node):
            return f"hands {full} on"
        call = self._call_of(node)
        if call and len(call.args) > MOST_ARGUMENTS.get(full, len(call.args)):
            return f"gives {full} arguments without their names"
        if call and full in MOST_ARGUMENTS and any(isinstance(one, ast.Starred) for one in call.args):
            return f"gives {full} arguments that do not show"
        return ""

    def _own_class(self, node: ast.Name, kind: ast.ClassDef) -> str:
        """What is not plain about the use of a class of the code's own."""
        above, bases = self.above.get(id(node)), self._bases(kind)
        if isinstance(above, ast.Attribute):
            if _is_of_autograd(bases):
                return "" if above.attr == "apply" else f"takes .{above.attr} from the class {kind.name}"
            plain = {
                part.name
                for part in kind.body
                if isinstance(part, ast.FunctionDef)
                and {self._full(one) for one in part.decorator_list} & {"staticmethod", "classmethod"}
            }
            plain |= {
                name for part in kind.body if not isinstance(part, ast.FunctionDef) for name in _names(part)
            }
            return "" if above.attr in plain else f"takes .{above.attr} from the class {kind.name}"
        if self._call_of(node) and (
            _is_of_autograd(bases) or any(base.startswith("enum.") for base in bases)
        ):
            return f"calls the class {kind.name}"
        return "" if self._only_used(node) else f"hands {kind.name} on"

    def _class(self, node: ast.ClassDef) -> str:
        bases = [self._full(base) for base in node.bases]
        known = all(base and (base in BASES or base in self.classes or _is_exception(base)) for base in bases)
        of_autograd = _is_of_autograd(self._bases(node))  # and then nothing else
        known &= not of_autograd or all(
            base in _OF_AUTOGRAD
            or (base in self.classes and _is_of_autograd(self._bases(self.classes[base])))
            for base in bases
        )
        if node.keywords or not known or node.name not in self.classes:
            return f"has a class of another kind, {node.name}"
        if not all(self._decorates(_called(one), "dataclasses.dataclass") for one in node.decorator_list):
            return f"decorates the class {node.name}"
        methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        if twice := [name for name, times in Counter(_members(node)).items() if times > 1]:
            return f"defines {twice[0]} twice"
        for part in node.body:
            match part:
                case ast.FunctionDef(args=args, decorator_list=decorators, returns=returns):
                    around = [args, *decorators, *([returns] if returns else [])]
                    if any(
                        isinstance(one, ast.Name) and one.id in methods
                        for part in around
                        for one in walked(part)
                    ):
                        return f"hands a method of {node.name} on"
                    if not self._makes_only(part, self._bases(node)):
                        return f"hands the class {node.name} to its {part.name}"
                    continue
                case ast.Pass() | ast.Expr(ast.Constant()):
                    continue
                case ast.Assign(targets=[ast.Name() as target]) if self._names_slots(target):
                    continue
                case _ if of_autograd:  # which asks its classes for more than the functions
                    return f"runs code inside of the class {node.name}"
                case ast.AnnAssign(target=ast.Name()) | ast.Assign(targets=[ast.Name()]):
                    pass
                case _:
                    return f"runs code inside of the class {node.name}"
            further = (
                name for name in _names(part) if leads_further(name) and not self._is_private(name, node)
            )
            if name := next(further, ""):
                return f"names something {name}"
            handed = methods | self.defined
            if any(isinstance(one, ast.Name) and one.id in handed for one in walked(part)):
                return f"hands a method of {node.name} on"
        further = (name for name in methods - METHODS if leads_further(name))
        return next((f"defines {name}" for name in further if not self._is_private(name, node)), "")

    def _is_private(self, name: str, kind: ast.ClassDef) -> bool:
        """Whether it is a name like `_scale` in a class of no library's kind."""
        return (
            kind.name in self.alone
            and re.fullmatch(r"_[a-z0-9]+(_[a-z0-9]+)*", name) is not None
            and not _ASKED_FOR.match(name)
        )

    def _makes_only(self, method: ast.FunctionDef, bases: list[str]) -> bool:
        """Whether a class method does nothing with its class but call it; an autograd function has none."""
        if _is_of_autograd(bases):
            names = [self._full(one) for one in method.decorator_list]
            return method.name in _OF_FUNCTIONS and names[:1] == ["staticmethod"]
        if not any(self._full(_called(one)) == "classmethod" for one in method.decorator_list):
            return True
        if any(base.startswith("enum.") for base in bases):
            return False
        own = method.args.args[0].arg if method.args.args and not method.args.posonlyargs else None
        uses = [one for one in walked(method) if isinstance(one, ast.Name) and one.id == own]
        once = [name for one in walked(method) for name in _bound(one)].count(own or "") == 1
        return once and all(self._call_of(one) for one in uses)

    def _keyword(self, node: ast.keyword) -> str:
        call = self.above.get(id(node))
        full = self._full(call.func) if isinstance(call, ast.Call) else None
        match node:
            case ast.keyword(arg=None, value=ast.Dict(keys=keys)):
                names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
                return next((f"gives {name!r}" for name in names if not _may_be_given(name, full)), "")
            case ast.keyword(arg=None):
                known = isinstance(node.value, ast.Name) and node.value.id in self.rest
                known &= full not in NOT_GIVEN_TO
                return "" if known or full in FACTORIES else f"passes to {full} names that do not show"
            case ast.keyword(arg="file", value=value):
                match call, self._full(value):
                    case ast.Call(func=ast.Name("print")), "sys.stderr" | "sys.stdout":
                        return ""
                return "prints to something of its own"
        return "" if _may_be_given(node.arg, full) else f"gives {node.arg}"

    # Where something stands.

    def _scope(self, node: ast.AST) -> ast.AST | None:
        """The function or class in which a node stands; None for what runs with its cell."""
        inner: ast.AST = node
        while (above := self.above.get(id(inner))) is not None:
            if isinstance(above, ast.ClassDef | ast.FunctionDef) and inner in above.body:
                return above
            if isinstance(above, ast.Lambda | ast.arguments):
                return above
            inner = above
        return None

    def _call_of(self, node: ast.AST) -> ast.Call | None:
        """The call of which it is the function."""
        above = self.above.get(id(node))
        return above if isinstance(above, ast.Call) and above.func is node else None

    def _is_guarded(self, node: ast.Yield) -> bool:
        """Whether a `yield` stands where something may run when nobody asks for more: it is a statement."""
        above = self.above.get(id(node))
        inner: ast.AST | None = above
        while inner is not None and not isinstance(inner, ast.Try | ast.With):
            inner = self.above.get(id(inner))
        return inner is not None or not isinstance(above, ast.Expr | ast.Assign)

    def _is_in_a_method(self, node: ast.AST) -> bool:
        """Whether it stands in a method that gets the instance, and in no function inside of one."""
        method = self._scope(node)
        if not isinstance(method, ast.FunctionDef) or method.decorator_list:
            return False
        return isinstance(self._scope(method), ast.ClassDef)

    def _is_statement(self, node: ast.AST) -> bool:
        """Whether it is called and what comes back is dropped."""
        return isinstance(self.above.get(id(self._call_of(node))), ast.Expr)

    def _is_super_call(self, call: ast.AST | None) -> bool:
        above = self.above.get(id(call))
        empty = isinstance(call, ast.Call) and not call.args and not call.keywords
        return empty and isinstance(above, ast.Attribute)

    def _only_asks(self, node: ast.AST | None) -> bool:
        """Whether `type(x)` or `x.__class__` is asked for its name, or whether it is another one."""
        if not isinstance(node, ast.Attribute) and not (
            isinstance(node, ast.Call)
            and len(node.args) == 1
            and not isinstance(node.args[0], ast.Starred)
            and not node.keywords
        ):
            return False
        match self.above.get(id(node)):
            case ast.Attribute(attr="__name__", ctx=ast.Load()):
                return True
            case ast.Compare() as comparison:
                return self._compares_classes(comparison)
        return False

    def _compares_classes(self, node: ast.Compare) -> bool:
        """Whether nothing of one's own is asked, as `==` and `in` would ask it."""
        plain = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq, ast.In, ast.NotIn)
        sides = (part for side in (node.left, *node.comparators) for part in _parts(side))
        return all(isinstance(op, plain) for op in node.ops) and all(map(self._names_a_class, sides))

    def _names_a_class(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Name("type"), args=[one], keywords=[]):
                return not isinstance(one, ast.Starred)
            case ast.Attribute(attr="__class__"):
                return True
            case ast.Constant(None):
                return True
        full = self._full(node)
        builtin = full in _VALUE_TYPES and full not in self.own
        return full is not None and (builtin or full in self.classes or (is_listed(full) and is_class(full)))

    def _joins_classes(self, node: ast.AST) -> bool:
        """Whether it is `A | B` of nothing but classes, of which none is asked what `|` shall mean."""
        match node:
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return all(self._joins_classes(side) or self._names_a_class(side) for side in (left, right))
        return False

    def _only_used(self, node: ast.expr) -> bool:
        """Whether a class stands without being handed on: it is called, derived from, asked about, named."""
        inner: ast.AST = node
        above = self.above.get(id(node))
        if self._call_of(node):
            return self._full(node) not in ASKED_ABOUT
        if isinstance(above, ast.MatchClass) or self._is_base(node) or self._is_annotation(node):
            return True
        if isinstance(above, ast.FunctionDef) and node in above.decorator_list:
            return not isinstance(self._scope(above), ast.ClassDef)
        while isinstance(above, ast.Tuple) or (above and self._joins_classes(above)):
            inner, above = above, self.above.get(id(above))
        match above:
            case ast.Call(func=ast.Name("isinstance" | "issubclass"), args=[_, asked]):
                return asked is inner
            case ast.ExceptHandler():
                return True
            case ast.Compare() as comparison:
                return self._compares_classes(comparison)
        return False

    def _is_base(self, node: ast.expr) -> bool:
        above = self.above.get(id(node))
        return isinstance(above, ast.ClassDef) and node in above.bases

    def _is_annotation(self, node: ast.expr) -> bool:
        """Whether it names a type, in a place where nothing but names, `|` and […] leads to it."""
        inner: ast.AST = node
        while (above := self.above.get(id(inner))) is not None:
            match above:
                case ast.arg() | ast.FunctionDef(returns=ast.expr()) | ast.AnnAssign():
                    return inner in (
                        getattr(above, "annotation", None),
                        getattr(above, "returns", None),
                    )
                case ast.Assign(targets=[ast.Name(name)]):
                    return name in self.aliases
                case ast.Tuple() | ast.List() | ast.BinOp(op=ast.BitOr()):
                    pass
                case ast.Subscript(value=outer):
                    full = self._full(outer)
                    builtin = full in _VALUE_TYPES and full not in self.own
                    if not (builtin or full in ANNOTATIONS):
                        return False
                case _:
                    return False
            inner = above
        return False

    def _names_slots(self, node: ast.AST) -> bool:
        """Whether a class's `__slots__` are texts of which none is an attribute that leads further."""
        match node, self.above.get(id(node)):
            case ast.Name("__slots__"), ast.Assign(value=ast.Tuple(slots) | ast.List(slots)):
                names = [one.value if isinstance(one, ast.Constant) else None for one in slots]
                return not any(not isinstance(name, str) or leads_further(name) for name in names)
        return False

    def _names_types(self, statement: ast.stmt, bound: Counter[str]) -> Iterator[str]:
        """The name in `Cache = dict[str, Tensor]`, where it stands in annotations alone."""
        match statement:
            case ast.Assign(targets=[ast.Name(name)]) if bound[name] == 1:
                uses = [node for node in self.loads if node.id == name]
                if uses and all(map(self._is_annotation, uses)):
                    yield name

    def _is_field(self, call: ast.AST | None) -> bool:
        """Whether `field(default_factory=…)` is the value of a class's field."""
        if not isinstance(call, ast.Call) or call.args:
            return False
        place = self.above.get(id(call))
        in_class = isinstance(place, ast.AnnAssign) and isinstance(self.above.get(id(place)), ast.ClassDef)
        return in_class and all(one.arg in ("default", "default_factory") for one in call.keywords)

    def _decorates(self, node: ast.expr, full: str) -> bool:
        """Whether `wraps(function)` alone decorates a function, or `dataclass` a class."""
        call = self._call_of(node)
        decorator = call or node
        if self._full(node) != full:
            return False
        match self.above.get(id(decorator)), call:
            case ast.FunctionDef(decorator_list=[one]), ast.Call(args=[ast.Name()], keywords=[]):
                return one is decorator and full == "functools.wraps"
            case ast.ClassDef(decorator_list=[one]), None | ast.Call(args=[]):
                given = call.keywords if call else []
                known = ("frozen", "order", "eq", "kw_only")
                plain = all(part.arg in known and isinstance(part.value, ast.Constant) for part in given)
                return one is decorator and plain and full == "dataclasses.dataclass"
        return False

    def _may_decorate(self, decorator: ast.expr, function: ast.FunctionDef) -> bool:
        """Whether a method reaches its class as it is; what decorates other functions gets no method."""
        if not isinstance(self._scope(function), ast.ClassDef):
            return True
        full = self._full(_called(decorator))
        known = ("property", "staticmethod", "classmethod", "abc.abstractmethod", "torch.no_grad")
        return full in known or full == "torch.autograd.function.once_differentiable"

    def _places_of_self(self, kind: ast.ClassDef) -> Iterator[ast.Attribute]:
        """`self.x` in the methods of a class, and `ctx.x` where autograd calls a function's."""
        function = _is_of_autograd(self._bases(kind))
        for method in kind.body:
            match method:
                case ast.FunctionDef(
                    name=name,
                    decorator_list=decorators,
                    args=ast.arguments(posonlyargs=[], args=[ast.arg(own), *_]),
                ):
                    pass
                case _:
                    continue
            called = [self._full(_called(one)) for one in decorators]
            of_autograd = function and name in _OF_FUNCTIONS and called[:1] == ["staticmethod"]
            if not of_autograd and (function or set(called) - {"torch.no_grad"}):
                continue
            nodes = walked(method)
            if any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes):
                continue
            if [name for node in nodes for name in _bound(node)].count(own) > 1:
                continue  # another object by that name
            for part in nodes:
                match part:
                    case ast.Attribute(value=ast.Name(name)) if name == own:
                        yield part

    # Names.

    def _is_own(self, name: str) -> bool:
        """Whether a dotted name begins with a module of the stranger's own, which is read as well."""
        return name.partition(".")[0] in self.modules

    def _full(self, node: ast.expr) -> str | None:
        """The whole name of something imported, or a plain name; None for every other expression."""
        head, _, rest = (dotted(node) or "").partition(".")
        if head in self.imported:
            return f"{self.imported[head]}.{rest}".rstrip(".")
        return None if rest else head or None

    def _bases(self, kind: ast.ClassDef) -> list[str]:
        """The full names of its bases, and of theirs."""
        found: dict[str, None] = {}
        waiting = [kind]
        while waiting:
            names = [name for base in waiting.pop().bases if (name := self._full(base)) and name not in found]
            found |= dict.fromkeys(names)
            waiting += [self.classes[name] for name in names if name in self.classes]
        return list(found)

    def _named_tuple(self, statement: ast.AST) -> Iterator[str]:
        match statement:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Call(func=called)):
                if self._full(called) == "collections.namedtuple":
                    yield name

    def _named_fields(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Call) and self._full(node.func) == "collections.namedtuple":
            for part in walked(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from re.findall(r"\w+", part.value)


def _is_of_autograd(bases: Iterable[str]) -> bool:
    return not _OF_AUTOGRAD.isdisjoint(bases)


def _is_exception(name: str) -> bool:
    found = getattr(builtins, name, None)
    # A syntax error is shown with the line of the file that it names.
    return isinstance(found, type) and issubclass(found, BaseException) and not issubclass(found, SyntaxError)


@functools.lru_cache(64)
def _parents(statement: ast.stmt) -> dict[int, ast.AST]:
    """The node above each one in a statement, by its identity."""
    return {id(inner): node for node in walked(statement) for inner in ast.iter_child_nodes(node)}


def _bound(node: ast.AST) -> list[str]:
    """The names to which a node gives a meaning, other than by an import."""
    if not isinstance(node, _MAY_BIND):  # most: sooner told than by all of the cases
        return []
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.ExceptHandler(name=str(name)):
            return [name]
        case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
    return []


def _names(statement: ast.AST) -> list[str]:
    return [name for node in walked(statement) for name in _bound(node)]


def _members(kind: ast.ClassDef) -> Iterator[str]:
    for part in kind.body:
        yield from [part.name] if isinstance(part, ast.FunctionDef) else _names(part)


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _may_be_given(name: object, to: str | None) -> bool:
    if name == "out":  # PyTorch counts what comes there, then writes, maybe over what it counted
        return (to or "").startswith("numpy.")
    known = isinstance(name, str) and not leads_further(name)
    return known and name not in NOT_GIVEN and name not in NOT_GIVEN_TO.get(to or "", ())


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]


def _fields_are_simple(text: str) -> bool:
    """Whether a text to be formatted takes its values as they are: "{x}" and "{0:.3f}", not "{x.y}"."""
    try:
        fields = [(name or "", spec or "") for _, name, spec, _ in string.Formatter().parse(text)]
    except ValueError:
        return False
    return all(re.fullmatch(r"\w*", name) and "{" not in spec for name, spec in fields)


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
