"""Reading a student's text: plain library calls count, hiding is flagged, ordinary code is left alone."""

import ast
import gc
from pathlib import Path

import pytest

from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.check.watch import Ban
from cnnlab.grading.syntax import parsed_as_python, reach, suspicious, unreadable

CORRECT = sorted((Path(__file__).parents[1] / "sample_class" / "correct").glob("*/*.py"))
BAN = Ban("batch_norm|cross_entropy", autograd=True)


def library_calls(source: str, functions: list[str], ban: Ban) -> list[tuple[int, str]]:
    """What one cell is found to call."""
    return [(line, name) for _, line, name in reach({"cell": source}, functions).library_calls(ban)]


def hidden(*cells: str) -> list[tuple[str, int]]:
    """Where the function `answer` is made of something that could hide."""
    found = reach({f"cell {number}": text for number, text in enumerate(cells)}, ["answer"]).suspicious
    return [(where, line) for where, line, _ in found]


def test_what_a_function_calls_is_looked_at_wherever_it_stands() -> None:
    helper = "import os\n\ndef helper(x):\n    return os.fork()"
    assert hidden("def answer(x):\n    return helper(x)", helper) == [("cell 1", 4)]
    assert hidden("def answer(x):\n    return x", helper) == []


def test_what_is_put_in_the_place_of_a_torch_function_is_looked_at() -> None:
    patch = "import threading\n\ntorch.exp = lambda x: threading.Thread(target=f)"
    assert ("cell 1", 3) in hidden("def answer(x):\n    return torch.exp(x)", patch)
    assert hidden("def answer(x):\n    return torch.log(x)", patch) == []


def test_a_variable_of_the_function_is_not_a_name_of_the_notebook() -> None:
    other = "import gc\n\nx = gc.get_objects()"
    assert hidden("def answer(x):\n    y = x + 1\n    return y", other) == []


def test_autograd_by_its_name_is_a_library_call() -> None:
    assert library_calls(written("torch.autograd.grad(x, x)"), ["answer"], BAN) == [
        (5, "torch.autograd.grad")
    ]
    assert library_calls(written("torch.autograd.grad(x, x)"), ["answer"], Ban("batch_norm")) == []


@pytest.mark.parametrize(
    "body", ["x.grad_fn(x)", "x.sum().backward()", "globals()[x](x)", "vars(torch)[x](x)"]
)
def test_other_ways_are_for_a_person_to_look_at(body: str) -> None:
    assert hidden(written(body)) == [("cell 0", 5)]


def written(body: str) -> str:
    return f"import torch\nimport torch.nn.functional as F\n\ndef answer(x):\n    return {body}"


@pytest.mark.parametrize(
    "body",
    [
        "F.batch_norm(x, None, None)",
        "torch.nn.functional.cross_entropy(x, x)",
        "torch.batch_norm(x)",
        "torchvision.ops.batch_norm(x)",
        "cnnlab.reference.smooth_labels(x)",
    ],
)
def test_a_plain_library_call_is_found_with_its_line(body: str) -> None:
    assert [line for line, _ in library_calls(written(body), ["answer"], BAN)] == [5]


@pytest.mark.parametrize(
    "how", ["from torch.nn.functional import cross_entropy as f", "import torch.nn.functional as G"]
)
def test_a_renamed_import_is_the_same_call(how: str) -> None:
    name = "f" if " as f" in how else "G.cross_entropy"
    source = f"{how}\n\ndef answer(x):\n    return {name}(x, x)"
    assert [line for line, _ in library_calls(source, ["answer"], BAN)] == [4]


def test_a_function_of_ones_own_may_have_any_name() -> None:
    source = written("my_batch_norm(x) + self.batch_norm(x)")
    assert library_calls(source, ["answer"], BAN) == []


def test_a_cell_without_the_functions_is_not_looked_at() -> None:
    assert library_calls("F.batch_norm(x)", ["answer"], BAN) == []


@pytest.mark.parametrize(
    "line",
    [
        "sys.setprofile(None)",
        "import gc",
        "from torch.utils._python_dispatch import TorchDispatchMode",
        "torch._C._nn",
        "import threading",
        "get_ipython().kernel.shell_handlers.clear()",
        "eval('F.batch_' + 'norm')",
        "getattr(F, 'batch_' + 'norm')(x)",
        "__import__('ctypes')",
        "import cnnlab.check.judge",
        "get_ipython().input_transformers_cleanup.append(f)",
        "sys._getframe(1)",
        "class X:\n    def __torch_function__(self): ...",
        "os.fork()",
    ],
)
def test_what_could_hide_something_is_flagged(line: str) -> None:
    found = list(suspicious(f"x = 1\n{line}"))
    assert len(found) == 1
    assert found[0][0] in (2, 3)


@pytest.mark.parametrize(
    "source",
    [
        "import torch\nfrom cnnlab.check import check\nfrom cnnlab.data import load",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\n!ls",
        "import os, time, math\nprint(os.getcwd(), getattr(torch, 'float32'))",
        "def f(:",
    ],
)
def test_ordinary_code_is_not_flagged(source: str) -> None:
    assert list(suspicious(source)) == []


@pytest.mark.parametrize("path", CORRECT, ids=[f"{p.parent.name}-{p.stem}" for p in CORRECT])
def test_right_solutions_are_left_alone(path: Path) -> None:
    source = path.read_text()
    assert list(suspicious(source)) == []
    for part in ASSIGNMENTS[path.parent.name].parts:
        assert library_calls(source, list(part.functions), part.ban) == []
        assert reach({"cell": source}, part.functions).suspicious == []


@pytest.mark.parametrize(
    "line",
    [
        "torch.equal = lambda *given: True",
        "setattr(torch.Tensor, 'clone', lambda x: x)",
        "import numpy as np\n    np.random.seed = len",
        "import unittest.mock",
        "import functools\n    functools.reduce(getattr, ['nn'], torch)",
        "import sys\n    sys.path.insert(0, 'tools.bin')",
        "torch.load('numbers.pt')",
        "target = 'cnnlab.check.transport.banned_calls'",
    ],
)
def test_an_answer_that_changes_libraries_is_for_a_person(line: str) -> None:
    assert hidden(f"def answer(x):\n    {line}\n    return x")


def test_what_an_answer_is_made_of_can_be_run_alone() -> None:
    first = "from __future__ import annotations\nimport sys, math\nsys.stdout.flush()"
    second = "scale = math.sqrt(4)  # a comment\n1 / 0\n\n\ndef answer(x: Tensor):\n    return scale * x"
    found = reach({"a": first, "b": second, "help.py": "scale = 3"}, ["answer"])
    assert found.cells() == [
        "from __future__ import annotations\nimport sys, math",
        "scale = math.sqrt(4)\n\ndef answer(x: Tensor):\n    return scale * x",
    ]


def test_what_another_cell_does_with_a_library_of_ours_is_no_part_of_an_answer() -> None:
    sources = {
        "plot": "plt.plot(torch.linspace(0, 1, 9))\nother(torch.ones(2))\ntorch.manual_seed(0)",
        "patch": "torch.exp = mine",
        "answer": "def answer(x):\n    return torch.log(x)",
    }
    setup = "import torch\n\nfrom cnnlab.check import check"
    found = reach(sources, ["answer"], [setup]).statements
    assert [where for where, _ in found] == ["answer"]


def test_what_another_cell_does_with_a_name_of_a_library_s_that_got_another_meaning_is() -> None:
    sources = {
        "patch": "torch = strange(torch)\ntorch.take(mine)",
        "answer": "def answer(x):\n    return torch.log(x)",
    }
    found = reach(sources, ["answer"], ["import torch"]).statements
    assert [where for where, _ in found] == ["patch", "patch", "answer"]


def test_a_library_call_beside_a_container_is_not_surely_the_answer_s() -> None:
    sources = {
        "settings": "import torch\n\nsettings = Settings(rate=0.5)",
        "compared": "y = torch.dropout(torch.ones(9), **options(settings), train=True)",
        "answer": "def answer(x):\n    return x * settings.rate",
    }
    assert reach(sources, ["answer"]).library_calls(Ban("dropout"))
    assert reach(sources, ["answer"], filled=False).library_calls(Ban("dropout")) == []


COMPARED = "y = torch.dropout(torch.ones(9, device=D) * ONE, 0.5, True)"


@pytest.mark.parametrize(
    "own",
    ["ONE = 1.0", "ONE: int = 2 * -3", "ONE = 'cuda' if torch.cuda.is_available() else 'cpu'"],
)
def test_a_number_or_a_text_that_a_call_is_given_joins_nothing(own: str) -> None:
    answer = "D = torch.device('cpu')\n\ndef answer(x):\n    return x.to(D) * ONE"
    found = reach({"own": own, "compared": COMPARED, "answer": answer}, ["answer"], ["import torch"])
    assert "compared" not in {where for where, _ in found.statements}


@pytest.mark.parametrize(
    "own",
    ["ONE = []", "ONE = 1\nONE = []", "ONE = 1\n\ndef f():\n    global ONE\n    ONE = []", "ONE, b = 1, 2"],
)
def test_a_container_that_a_call_is_given_may_be_filled(own: str) -> None:
    answer = "def answer(x):\n    return ONE"
    found = reach({"own": own, "compared": COMPARED, "answer": answer}, ["answer"], ["import torch"])
    assert "compared" in {where for where, _ in found.statements}


def test_parsing_while_garbage_is_parsed() -> None:
    """Formatting a traceback parses its lines; in the middle of parsing another text that may not happen."""

    class Parses:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            ast.parse("(1 + 2) * 3")

    before = gc.get_threshold()
    gc.set_threshold(5)
    try:
        for _ in range(200):
            Parses()
            parsed_as_python("f(x, y)[1:2] + g(lambda: [1, 2, 3])\n" * 20)
    finally:
        gc.set_threshold(*before)
    assert gc.isenabled()


def test_a_setting_of_pytorch_is_no_change_of_it() -> None:
    body = "torch.backends.cudnn.deterministic = True\n    x.grad = None"
    assert not hidden(f"def answer(x):\n    {body}\n    return x")


def test_all_of_a_module_counts_since_an_import_runs_it() -> None:
    helper = "import gc\n\n\ndef double(x):\n    return 2 * x"
    for line in ("import helper as h", "from helper import double"):
        found = reach({"f": f"{line}\n\ndef f(x):\n    return x", "helper.py": helper}, ["f"]).suspicious
        assert not found  # nothing of it is used
    used = "import helper as h\n\ndef f(x):\n    return h.double(x)"
    assert reach({"f": used, "helper.py": helper}, ["f"]).suspicious


def test_a_training_loop_of_a_cell_hides_nothing_but_one_inside_a_function_may() -> None:
    answer = "def answer(x):\n    return x + loss"
    loop = "for step in range(3):\n    loss = model(x).sum()\n    loss.backward()"
    assert reach({"answer": answer, "own": loop}, ["answer"]).suspicious == []
    inside = "def loss_of(x):\n    x.sum().backward()\n    return x.grad\nloss = loss_of"
    assert [where for where, _, _ in reach({"answer": answer, "own": inside}, ["answer"]).suspicious] == [
        "own"
    ]


LIBRARY = "import torch.nn.functional as F\n"
OWN = "def answer(x):\n    mean = x.mean()\n    return (x - mean).reshape(x.shape).sum()"


@pytest.mark.parametrize(
    "own",
    [
        "for shape in [(1, 5), (2, 7)]:\n    print(answer(x) - F.batch_norm(x))",
        "mean = F.batch_norm(x, None, None).mean(0)",
        "class Theirs:\n    def sum(self, x):\n        return F.cross_entropy(x, x)",
        "def answer(x):\n    return F.batch_norm(x)",  # replaced by the answer below
        "def answer(x):\n    return F.batch_norm(x)\nprint('PyTorch:', answer(torch.ones(3)).sum())",
        "import torch\ntorch.testing.assert_close(answer(x), F.batch_norm(x))",
        "reshape = torch.autograd.grad(answer(x), x)[0]",
    ],
)
def test_comparing_with_the_library_in_a_cell_of_ones_own_costs_nothing(own: str) -> None:
    made_of = reach({"own": LIBRARY + own, "answer": OWN}, ["answer"])
    assert (made_of.library_calls(BAN), made_of.suspicious) == ([], [])


@pytest.mark.parametrize(
    "own",
    [
        "stash = []\nstash.append(F.batch_norm)\ndef answer(x):\n    return stash[0](x)",
        "stash = {}\nstash['f'] = lambda x: F.batch_norm(x)\ndef answer(x):\n    return stash['f'](x)",
        "def g(x):\n    return F.batch_norm(x)\ndef answer(x):\n    return globals()['g'](x)",
        "def answer(x):\n    return F.batch_norm(x)\nold = answer\ndef answer(x):\n    return old(x)",
        "import torch\nT = torch\nlib = T.nn.functional\ndef answer(x):\n    return lib.batch_norm(x)",
        "def answer(x):\n    return F.batch_norm(x)\nprint(f := answer)\ndef answer(x):\n    return f(x)",
        "%time f = lambda x: F.batch_norm(x)\ndef answer(x):\n    return f(x)",
        "%timeit -n 1 -r1 global f; f = lambda x: F.batch_norm(x)\ndef answer(x):\n    return f(x)",
        "%prun -q f = lambda x: F.batch_norm(x)\ndef answer(x):\n    return f(x)",
        "kept = []\ndef keep(f):\n    kept.append(f)\n@keep\ndef answer(x):\n    return F.batch_norm(x)\n"
        "def answer(x):\n    return kept[0](x)",
        "F?\ndef answer(x):\n    return F.batch_norm(x)",
        ">>> def answer(x):\n...     return F.batch_norm(x)",
        "seven = (107\n   % 10)\ndef answer(x):\n    return F.batch_norm(x)",
    ],
)
def test_the_library_is_found_where_it_is_kept_for_the_answer(own: str) -> None:
    made_of = reach({"cell": LIBRARY + own}, ["answer"])
    assert made_of.library_calls(BAN) or "F.batch_norm" in str(
        [ast.unparse(n) for _, n in made_of.statements]
    )


@pytest.mark.parametrize(
    "command", ["%%time", "%%capture --no-stderr out", "%%timeit -n 1 x = 1", "%%prun -q"]
)
def test_a_command_around_a_cell_hides_nothing(command: str) -> None:
    cell = f"{command}\ndef answer(x):\n    return F.batch_norm(x)"
    made_of = reach({"imports": LIBRARY, "cell": cell}, ["answer"])
    assert made_of.library_calls(BAN) == [("cell", 3, "F.batch_norm")]


def test_what_runs_a_file_is_told() -> None:
    assert [line for line, _ in suspicious("x = 1\n%run -i notes.txt")] == [2]
    assert list(suspicious("%matplotlib inline\nfiles = !ls\n!ls\n%time x = 1\n%timeit -n 10 f(x)")) == []


@pytest.mark.parametrize(
    "body",
    [
        "code = events = x\n    return code",
        "signal = x.clone()\n    return signal",
        "gc = x.exp()\n    return gc",
        "return self.kernel",
    ],
)
def test_a_variable_may_have_the_name_of_a_module(body: str) -> None:
    assert hidden(f"def answer(x):\n    {body}") == []


def test_the_students_own_backward_is_no_autograd() -> None:
    own = "class Layer:\n    def backward(self, g):\n        return g\nlayer = Layer()"
    assert hidden(own, "def answer(g):\n    return layer.backward(g)") == []
    assert hidden("def answer(g):\n    return g.backward(g)") == [("cell 0", 2)]


@pytest.mark.parametrize(
    "body",
    [
        'getattr(x, "run_backward")',
        "[torch][0].autograd.Variable._execution_engine",
        "engine",
    ],
)
def test_a_name_is_seen_however_it_is_reached(body: str) -> None:
    before = "import torch\nmatch torch:\n    case object(_execution_engine=engine):\n        pass\n"
    assert hidden(f"{before}def answer(x):\n    return {body}")


@pytest.mark.parametrize(
    "call", ["torch.autograd.no_grad()", "torch.func.vmap(f)", "torch.autograd.Function()"]
)
def test_what_does_not_differentiate_is_allowed(call: str) -> None:
    assert library_calls(written(call), ["answer"], BAN) == []


def test_what_ipython_runs_is_read_and_not_what_python_would() -> None:
    assert [line for line, _ in suspicious("# a\x0c%time 1\x0cimport ctypes\nprint(1)")]
    assert not list(suspicious("# a page\x0c of text\u2028import ctypes\nprint(1)"))


def test_what_ipython_takes_for_a_prompt_hides_nothing() -> None:
    assert [line for line, _ in suspicious('run = 1\nx = """\n>>> """\n... %run # as above\n')]
    assert not list(suspicious('def f(x):\n    """Doubles.\n\n    >>> f(1)\n    2\n    """\n    ...\n'))


def test_a_module_is_read_as_python_reads_it() -> None:
    hidden = "def g():\n    return 1\n\n# Plots.\x0c%matplotlib inline \\\nimport ctypes; g = ctypes.f\n"
    read = reach({"mine.py": hidden, "cell": "from mine import g\n\ndef f():\n    return g()"}, ["f"])
    assert read.suspicious


@pytest.mark.parametrize(
    "source",
    [
        "x = [" + "1, " * 20_000 + "]",
        "%time x\n" * 60,
        "!ls\n" * 60,
        "a = !ls\n" * 60,
        "x?\n" * 60,
        "# \x0c%time" * 60,
    ],
)
def test_what_would_take_too_long_to_read_is_not_read(source: str) -> None:
    assert unreadable(source)


def test_long_ordinary_cells_are_read() -> None:
    assert unreadable("print('%d %s' % (1, x), 5 % 2, x != 3)  # x?\n" * 500) == ""


@pytest.mark.parametrize(
    "name", ["os.py", "torch/__init__.py", "builtins.py", "__main__.py", "numpy.linalg.py"]
)
def test_a_file_with_the_name_of_a_library_is_no_module_of_ones_own(name: str) -> None:
    """An import gives what is installed, so what the file says tells nothing of it."""
    top = name.partition(".")[0].partition("/")[0]
    sources = {
        "cell": f"from {top} import g\nfrom mine import h\n\n\ndef f():\n    return g(h(1))",
        name: "def g(x):\n    pass",
        "mine.py": "def h(x):\n    pass",
    }
    assert reach(sources, ["f"]).modules == {"mine"}
