"""Reads what a student wrote, outside the kernel: plain library calls, and lines that a person should see.

The second line behind `cnnlab.check.watch`, which watches in the kernel and can be sabotaged there. Reading
text proves nothing about a program that hides what it does; what hides is flagged, not judged.
"""

import ast
import re
from collections.abc import Iterator

from cnnlab.check.watch import Ban

# Modules whose functions are the library's.
LIBRARIES = ("torch", "torchvision", "cnnlab")
# What nobody needs for these assignments and what takes the watching apart: (pattern of a name, why).
_SABOTAGE = {
    r"(sys\.)?(_getframe|_current_frames)": "looks into other code's frames",
    r"((sys|threading)\.)?(setprofile|settrace)(_all_threads)?": "reaches into the interpreter's hooks",
    r".*__torch_(dispatch|function)__.*": "changes how operations are dispatched",
    r"torch\.(library|_C|_ops|overrides|utils\._python_dispatch)\b.*": "reaches below PyTorch's functions",
    r"(ctypes|cffi|gc|inspect|mmap|marshal)\b.*": "uses a module that reads or changes a running program",
    r"(threading|_thread|concurrent|multiprocessing)\b.*": "runs code beside the notebook",
    r"(os\.)?(fork|forkpty|system|popen|exec[vl]p?e?|posix_spawnp?|_exit|kill)": "starts or ends processes",
    r"subprocess\b.*": "starts processes",
    r"(cnnlab\.(grading|check|reference)|ipykernel|zmq)\b.*": "uses the course's own machinery",
    r".*\.kernel\b.*|.*\bshell_handlers\b.*|get_ipython": "reaches the kernel or IPython itself",
    r".*\b(input_transformers\w*|ast_transformers|run_cell\w*|events)\b": "changes how cells are run",
    r"(atexit|signal)\b.*": "acts after or during other code",
}
_SABOTAGE_CALLS = {"exec", "eval", "compile", "__import__"}


def suspicious(source: str) -> Iterator[tuple[int, str]]:
    """(line, what it does) for every line that a person should look at, each line once."""
    seen: set[int] = set()
    for node in ast.walk(_parse(source)):
        why = _why(node)
        line = getattr(node, "lineno", 0)
        if why and line not in seen:
            seen.add(line)
            yield line, why


def library_calls(source: str, functions: list[str], ban: Ban) -> list[tuple[int, str]]:
    """(line, name) of the banned operations that the functions, or what they may call, name in the text.

    Args:
        source: one cell.
        functions: the functions of the part; a cell that defines none of them is not looked at.
        ban: what they must do without.
    """
    tree = _parse(source)
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    if not defined & set(functions):
        return []
    imported = _imported(tree)
    pattern = re.compile(ban.operations)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _name(node.func)):
            head, _, rest = name.partition(".")
            full = f"{imported.get(head, head)}.{rest}".rstrip(".")
            ours = full.split(".")[0] in LIBRARIES or head in ("F", "nn")
            if ours and (pattern.search(full.split(".")[-1]) or full.startswith("cnnlab.reference")):
                found.append((node.lineno, name))
    return sorted(found)


def _parse(source: str) -> ast.Module:
    """The cell's syntax tree without its magics; empty when it is no Python."""
    lines = (line if not re.match(r"\s*[%!]", line) else "pass" for line in source.splitlines())
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _why(node: ast.AST) -> str:
    names: list[str] = []
    match node:
        case ast.Import():
            names = [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module)):
            names = [f"{module}.{alias.name}" for alias in node.names] + [alias.name for alias in node.names]
        case ast.Call(func=ast.Name(id="__import__"), args=[ast.Constant(str(name)), *_]):
            names = [name]
        case ast.Call(func=ast.Name(id=name)) if name in _SABOTAGE_CALLS:
            return f"calls {name}, so its text does not tell what it does"
        case ast.Call(func=ast.Name(id="getattr"), args=[_, second, *_]) if not isinstance(
            second, ast.Constant
        ):
            return "gets an attribute by a computed name"
        case ast.Attribute() | ast.Name():
            names = [_name(node) or ""]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            names = [name]
    for name in names:
        if name == "cnnlab.check.check" or name == "cnnlab.check":
            continue
        for pattern, why in _SABOTAGE.items():
            if re.fullmatch(pattern, name):
                return f"{why} ({name})"
    return ""


def _imported(tree: ast.Module) -> dict[str, str]:
    """The full name behind each name that the cell imports."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _name(node: ast.AST) -> str | None:
    """The dotted name of an expression; None when it is not one."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])
