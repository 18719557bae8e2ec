"""What counts as plain code: all right answers, what honest cells do; nothing that leads beyond itself."""

import ast

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from sample_class import build

from cnnlab.grading.plain import beyond, beyond_in
from cnnlab.grading.student_kernel import keep_targets, tell_of_shapes

GIVEN = "import torch\n\nfrom cnnlab.check import check\n\n\ndef attempt(function, *given):\n    pass"


@pytest.mark.parametrize("path", sorted(build.CORRECT.glob("*/*.py")), ids=lambda path: path.stem)
def test_every_style_of_right_answers_is_plain(path) -> None:  # type: ignore[no-untyped-def]
    assert beyond([path.read_text()], [GIVEN]) == ""


PLAIN = [
    "import torch.nn.functional as F\nx = F.max_pool2d(torch.ones(1, 1, 4, 4), 2, stride=2)",
    "import torch.nn.functional as F\nx = F.unfold(torch.ones(1, 1, 4, 4), 2, dilation=2)",
    "x = torch.ones(9).as_strided((3, 3), (1, 3))",
    "import numpy as np\nx = np.ones(2)\nnp.add(x, x, out=x)\nnp.add.reduce(x, out=x[:1])",
    "where = {'dtype': torch.float64}\nx = torch.zeros(3, **where)",
    "%matplotlib inline\nprint(1)",
    "import numpy as np\nprint(np.random.default_rng(0).normal(size=3), np.float32(1))",
    "import torch.nn.functional as F\nprint(F.relu(torch.randn(3)).shape, torch.nn.functional.relu)",
    "from torch import nn\nnet = nn.Sequential(nn.Linear(3, 2))\nnet[0].weight.grad = None",
    "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.w = 1\n",
    "x = torch.ones(3)\nx.requires_grad = True\nx.sum().backward()\nx[0:1].detach()[0] = 4",
    "def f(x: torch.Tensor) -> torch.Tensor:\n    assert isinstance(x, (torch.Tensor, int))\n    return x",
    "attempt(len, [1])\ncheck('label_smoothing.loss', len)",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)",
    "match torch.ones(3).shape:\n    case [n]:\n        print(n)",
    "from functools import wraps\n\n\ndef f(g):\n    @wraps(g)\n    def h():\n        pass\n    return h",
    "from dataclasses import dataclass\n\n\n@dataclass\nclass A:\n    x: int = 1",
    "print(type(torch.ones(1)).__name__, type(1) is int, type(1) == type(2))",
    "import numpy as np\nprint(torch.ones(1).numpy().astype(np.float64), torch.cuda.is_available())",
    "import sys\nprint(1, file=sys.stderr)",
    "import logging\nlogging.info('%s', 1)",
    "@torch.no_grad\ndef f(x):\n    return x",
    "from functools import partial\ndouble = partial(torch.mul, 2)\ntotal = sum(double(v) for v in [1])",
    "class Smoother:\n    _scale = 2\n    def __init__(self, k):\n        self._k = k\n"
    "    def _off(self):\n        return 1 / self._k\n    def __call__(self, x):\n"
    "        return self._off() * x + self._scale",
    "from typing import Dict, Tuple\nTensor = torch.Tensor\nCache = Dict[str, Tensor]\n"
    "def f(x: Tensor, c: Cache) -> Tuple[Tensor, Cache]:\n    return x, c",
    "class BN(torch.nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
    "        self.n = n\n    @torch.no_grad()\n    def update(self, m):\n        self.running = m",
    "from typing import NamedTuple\nclass C(NamedTuple):\n    x: torch.Tensor\n"
    "c = C(torch.ones(1))._replace(x=1)",
    "from enum import Enum\nclass M(Enum):\n    A = 1\nprint(M.A.value, torch.__version__)",
    'where = {"dtype": torch.float32}\nx = torch.zeros(3, **where)\ndef g(*a, **k):\n'
    "    return torch.ones(*a, **k)",
    "class P:\n    @classmethod\n    def of(cls, x):\n        return cls()\nP.of(1)",
    'from collections import namedtuple\nCache = namedtuple("Cache", "x_hat inv_std input")\n'
    "c = Cache(1, 2, 3)\nprint(c.x_hat, c.input)",
    "class Net:\n    def __init__(self): self.time = 1\n    def f(self): return self.time",
    "for p in [torch.ones(1)]:\n    p.data.mul_(2)\n    p.data = p * 2",
    "def f(**kw):\n    return torch.full((1,), 2.0, **kw)\ndef g(**kw):\n    return f(**kw)",
    "x = torch.ones(2, 2)\ni = x.max(dim=1).indices\n"
    "j, k = torch.sort(x), torch.topk(x, 1).indices\nx = x.type(torch.float64)",
    "def halves(x):\n    for one in x:\n        yield one / 2",
    "class Square(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
    "        ctx.save_for_backward(x)\n        ctx.two = 2\n        return x * x\n"
    "    @staticmethod\n    def backward(ctx, g):\n        (x,) = ctx.saved_tensors\n"
    "        return ctx.two * x * g\nSquare.apply(torch.ones(1))",
]
BEYOND = [
    # the interpreter and the kernel
    "import sys\nsys.modules",
    "import sys\nsys.stdout.session",
    "import sys\nf = sys",
    "from sys import stdout\nf = stdout",
    "from os import path",
    "get_ipython()",
    "__import__('sys')",
    "open('a', 'w')",
    "exec('1')",
    "def f(exec):\n    pass\n\n\nexec('1')",
    "def f(get_ipython):\n    pass\n\n\nget_ipython()",
    "torch.get_device_module('cpu').torch",
    "f = torch.get_device_module\nf('cpu').torch.library",
    "setattr(torch, 'exp', 1)",
    "globals()",
    "type(torch.ones(1))",
    "(i for i in []).gi_frame",
    "def f(e):\n    return e.tb_frame",
    "f = len\nf.__self__",
    "match 1:\n    case int(__class__=c):\n        c",
    "async def f():\n    pass",
    # what stands in the text of a command
    "%config A.b = evil()",
    "!echo {evil()}",
    "x = !ls",
    "torch.exp?",
    # the libraries: changed, handed on, or their insides
    "torch.exp = len",
    "torch.Tensor.add = len",
    "import torch.nn.functional as F\nF.relu = len",
    "del torch.exp",
    "torch = 1",
    "import matplotlib.pyplot as t\nt.polar\nimport torch as t",
    "for torch.exp in [1]:\n    pass",
    "torch.backends.cudnn.enabled = False",
    "def f(m):\n    m.exp = len\n\n\nf(torch)",
    "def f(m):\n    m.data = len\n\n\nf(torch.Tensor)",
    "T = torch",
    "import numpy as np\nnp.sys",
    "from torch import sys",
    "torch.overrides.TorchFunctionMode",
    "torch.utils._python_dispatch",
    "torch.library.Library('aten', 'IMPL')",
    "torch.ops.aten",
    "torch.jit.script(len)",
    "torch.load('a')",
    "from torch.utils import cpp_extension",
    "from torch import no_such_name",
    "torch.ones(1).numpy().ctypes",
    "import numpy as np\nnp.save('a', 1)",
    "import matplotlib.pyplot as plt\nplt.switch_backend('module://evil')",
    "import matplotlib.pyplot as plt\nplt.rcParams['a'] = 1",
    "import typing\ntyping.get_type_hints(len)",
    "from functools import wraps\nwraps(len, assigned=('__code__',))(check)",
    "from functools import wraps\nwraps(len)(torch)",
    "from functools import wraps\nw = wraps",
    "from functools import wraps\n\n\n@wraps(len, updated=())\ndef f():\n    pass",
    "torch.cuda.CUDAPluggableAllocator('data.txt', 'a', 'b')",
    "torch.testing.FileCheck()",
    "import numpy as np\nnp.test()",
    "import types\ntypes.FunctionType",
    "import dataclasses\ndataclasses.make_dataclass('A', [])",
    "import operator\noperator.attrgetter('a')",
    "type(torch)('x')",
    "t = type(torch.ones(1))",
    "torch.numpy",
    # classes made of names that no text shows, and what writes into others' classes
    "from numbers import ABCMeta\nABCMeta('A', (), {'__match_args__': ('__globals__',)})",
    "from enum import Enum\nEnum('E', {'A': 1, '__reduce_ex__': len})",
    "from typing import TypedDict\nTypedDict('X', {'a=1': int})",
    "from typing import NamedTuple\nN = NamedTuple",
    "from types import SimpleNamespace\nSimpleNamespace(__reduce__=len)",
    "dict(__reduce__=len)",
    "torch.nn.ParameterDict({'__array_interface__': {}})",
    "from dataclasses import dataclass\nfrom collections import Counter\ndataclass(Counter)",
    "from dataclasses import dataclass\n\n\n@dataclass\nclass A:\n    grad_fn: int",
    "from dataclasses import dataclass\n\n\n@print\n@dataclass\nclass A:\n    x: int",
    "from functools import wraps\n\n\n@wraps(len)\n@print\ndef f():\n    pass",
    "from abc import ABC\n\n\nclass A(ABC):\n    pass\n\n\nA.register(torch.Tensor)",
    "torch.Tensor.mro()",
    "from collections.abc import Sequence\nprint(Sequence)",
    # texts that run, in Python or in PyTorch, and what leaves the watch behind
    "torch.CompilationUnit('def g(y):\\n    y.backward()')",
    "torch.parse_ir('')",
    "torch.ExcludeDispatchKeyGuard(1)",
    "torch.ThroughputBenchmark(1)",
    "torch.set_default_tensor_type('mod.x')",
    "torch.utils.data.argument_validation(len)",
    "torch.utils.data.IterDataPipe.set_reduce_ex_hook(len)",
    "torch.ones(1).untyped_storage().type('mod.x')",
    "import numpy as np\nnp.info('x', toplevel='mod')",
    "import numpy as np\nnp.random.default_rng().bit_generator.cffi",
    "import numpy as np\nd = np.sctypeDict",
    "import matplotlib.pyplot as plt\nplt.gcf().savefig('a', backend='module://mod')",
    "import logging\nlogging.basicConfig(filename='m.py')",
    "import logging\nlogging.getLogger().handlers",
    "import logging\nlogging.getLogger().manager",
    "torch.distributions.register_kl(1, 2)",
    "torch.slice_inverse(x, x)",  # a method of tensors, too, but none that anybody has looked at
    # lines that IPython runs, and Python takes for the rest of a comment
    "# a\x0c%time 1\x0cevil()",
    "# a\u2028%time 1\u2028evil()",
    "x = 'a\\\r# b\\\n%if(evil())else #'#\"",
    "from functools import update_wrapper",
    "from torch.nn.functional import *",
    # classes that answer for others
    "class A(torch.Tensor):\n    pass",
    "class A:\n    def __torch_function__(self):\n        pass",
    "class A(metaclass=len):\n    pass",
    "class A:\n    def f(self):\n        self.a.b = 1",
    "@evil\ndef f():\n    pass",
    # names that Python itself asks for, classes that are handed over, methods that are handed something else
    'class A:\n    match {"a": 1}:\n        case {**__x__}: pass',
    "class A:\n    def __del__(self): pass",
    "class A:\n    class __init_subclass__: pass",
    "class C: pass\ntype(1) in C()",
    "def f(x: (T := torch.Tensor)): pass",
    "isinstance(1, keep(torch.Tensor))",
    "try:\n    pass\nexcept keep(torch.Tensor): pass",
    "own = [1]\ndef f(x: own[torch.Tensor]): pass",
    "class Own: pass\nx: torch.Tensor > Own()",
    "import sys\ndef f(print): print(1, file=sys.stdout)",
    "S = str\nclass A(S): pass",
    "import numpy as np\nclass A(np.r_.makemat): pass",
    "def f(T):\n    class A(T): pass",
    "class B:\n    def _repr_pretty_(self, p, cycle): pass",
    "class B:\n    def _ipython_display_(self): pass",
    'from functools import wraps\n@wraps(wrapped=check, assigned=("__globals__",))\nclass A: pass',
    'from functools import wraps\n@wraps(**{"wrapped": check, "assigned": ("__globals__",)})\nclass A: pass',
    "class W:\n    @staticmethod\n    def put(m, v): m.x = v",
    "class W:\n    def put(m, v): m.x = v\nW.put(1, 2)",
    "class W:\n    def put(m, v): m.x = v\n    other = put",
    "class W:\n    def put(m, v):\n        m = v\n        m.x = v",
    "class W:\n    def put(m, v):\n        def g(m): m.x = v\n        g(v)",
    "W().__init__(1)",
    "import torch\ntorch.nn.Module.__init__(check)",
    '"{0.__globals__}".format(check)',
    '"{0[a]}".format(check)',
    '"{0:{1.x}}".format(check, 1)',
    't = "{0.a}"\nt.format(check)',
    'str.format("{0.a}", check)',
    "f = str.format",
    'n = torch.distributions.Bernoulli(0.5)\nn.arg_constraints["__class__"] = 1',
    'import time\ntime.get_clock_info("time")',
    "import numpy as np\na = np.ndarray((1,), object, np.asarray([1]))",
    "torch.sparse_coo_tensor(1)",
    "torch.ones(1).to_sparse()",
    "torch.ones(1).data_ptr()",
    'import logging\nlogging.getLogger("x")',
    'import logging\nlogging.info("x", extra={})',
    'import numpy as np\nnp.loadtxt("x")',
    'import numpy as np\nnp.bmat("x")',
    "import copy\ncopy.copy(1)",
    'class A:\n    __slots__ = ("__x__",)',
    "class A:\n    _is_runtime_protocol = True",
    "torch.vmap(len)",
    "torch.func.functionalize(len)",
    'from functools import partial\ndef f(): check("a.b", f)',
    "def g():\n    try:\n        yield\n    finally:\n        print(1)",
    "def g():\n    with torch.no_grad():\n        yield",
    "class A:\n    handlers = 1\n    grad_fn = 2",
    "class A:\n    data_ptr = 2",
    'from enum import Enum\nclass B(Enum):\n    pass\nB("E", {})',
    "from enum import Enum\nclass B(Enum):\n    pass\nx = B",
    "from typing import Type\nT = Type",
    "from typing import List\nT = List",
    "from typing import List\nT: List[List(1)] = 1",
    "class A:\n    x = 1\n    x += 1",
    "class A:\n    print(1)",
    "class A(dict): pass",
    "class F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
    "        ctx.x = 1\nF.forward(check, 1)",
    "class F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
    "        ctx.x = 1\nF().forward(check, 1)",
    "class F(torch.autograd.Function):\n    def forward(ctx, x):\n        ctx.x = 1",
    "class G(torch.autograd.Function):\n    pass\nclass F(G):\n    @staticmethod\n"
    "    def forward(ctx, x):\n        ctx.x = 1\nF().forward(check, 1)",
    'with open("x") as f: pass',
    "[x for torch in [1]]",
    "def f(torch): pass",
    "import torch as __x__",
    "def f(*, isinstance): pass",
    "lambda isinstance: 1",
    "for isinstance in [1]: pass",
    "(isinstance := 1)",
    "def f(**isinstance): pass",
    "torch.Tensor.mean",
    "torch.Tensor.__init__",
    "dict.mro",
    "input.__self__",
    "id.__self__",
    "class S:\n    def _repr_html_(self): pass",
    "class S:\n    def _repr_pretty(self): pass",
    "class S(torch.nn.Module):\n    def f(self):\n        return self._modules",
    "class S:\n    def f(self): self._x = 1\ndef g(o): return o._x",
    "class S:\n    def f(self, o):\n        return o._x",
    "T = torch.Tensor\nx = [T]",
    "T = torch.Tensor\ndef f(x: T): return T",
    "def f(x: torch.Tensor): pass\nclass P:\n    @classmethod\n    def me(cls): return cls",
    'if False:\n    from math import exp as exec\nexec("1")',
    'def f():\n    class getattr: pass\ngetattr(1, "x")',
    "class W:\n    def put(a, /, self, v): self.x = v",
    "class W(torch.autograd.Function):\n    @staticmethod\n    def put(t, v): t.x = v",
    "class W(torch.autograd.Function):\n    @staticmethod\n    def forward(t, v): t.x = v\nW.forward(1, 2)",
    "class W:\n    def put(self, v): self.x = v\n    def take(self, one=put): return one",
    "self = 0\nclass W:\n    def put(self, v):\n        def inner():\n            global self\n"
    "            self.x = v",
    "class W:\n    @staticmethod\n    def put(a): pass\n    def put(self, v): self.x = v",
    "class K:\n    def __add__(self, o): return ()\nisinstance(1, K() + torch.Tensor)",
    'one = torch.nn.Module()\none.add_module("__torch_function__", one)',
    "from collections import OrderedDict",
    "torch.nn.Module().state_dict()",
    'import numpy as np\nfrom collections import namedtuple\nnamedtuple("N", "cffi")\n'
    "np.random.default_rng(0).bit_generator.cffi",
    "class B:\n    def f(self, x=(_y := 1)): pass",
    "class B:\n    def f(self, x=(y := 1)): pass",
    "torch.Tensor(cdata=8)",
    'torch.Tensor(**{"cdata": 8})',
    'k = {"cdata": 8}\ntorch.Tensor(**k)',
    "torch.ones(1).new(cdata=8)",
    "torch.FloatTensor(1)",
    "import matplotlib.pyplot as plt",
    'print(1, **{"file": 2})',
    "k = {}\nprint(1, **k)",
    "import logging\nk = {}\nlogging.info(1, **k)",
    'type(*("X", (), {})).__name__',
    'type(*("X", (), {})) == type(1)',
    "from .math import exp",
    "from . import os",
    "import numpy as np\nnp.object_",
    "class P:\n    @property\n    def x(self): return 1\nP.x.fget",
    'import numpy as np\na = np.empty(1, dtype="O")\nb = np.empty(1, dtype="O")\nb.data[0:1] = a.data',
    "x = torch.ones(1).data",
    "y = torch.ones(1).data.tobytes",
    "id(1)",
    "class Own:\n    def __iter__(self): return self",
    "class Own:\n    def close(self): pass",
    "def g():\n    yield from [1]",
    "class W:\n    @torch.no_grad()\n    def put(self, v): self.clone = v\nW.put(torch.ones(1), 1)",
    "class A:\n    def put(self, v): self.clone = v\nclass B(A):\n    @classmethod\n"
    "    def of(cls, m, v):\n        super().put(m, v)",
    "class A:\n    def put(self, v): self.clone = v\nclass B(A):\n    @staticmethod\n"
    "    def of(m, v):\n        super().put(m, v)",
    "class A:\n    def put(self, v): self._modules = v\nclass B(A, torch.nn.Module): pass",
    "import random as torch\nm = torch.random",
    "import math as check",
    "class F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, v): return v\n"
    "class H(F):\n    @classmethod\n    def apply(cls): return cls()\nH.apply()",
    "class Own:\n    def __len__(self): return 1\n    def __getitem__(self, i): return 1.0",
    'from collections import namedtuple\nN = namedtuple("N", "a")\nx = [N]',
    'from collections import namedtuple\nx = [namedtuple("N", "a")]',
    'matplotlib = "{0.__globals__}"\nprint(("%s"\n%matplotlib\n).format(1))',
    "def call(f, *a, **k):\n    return f(*a, **k)\nk = {}",
    "class Names:\n    def __init__(self): self.setattr = 0\ndef f(x): return x.setattr",
    "class Names:\n    def __init__(self): self.importlib = 0\ndef f(x): return x.importlib",
    "class Names:\n    contextlib = 0\ndef f(x): return x.contextlib",
    "def f(g, **k):\n    k['extra'] = 1\n    g(**k)",
    "k = {}\n\n\ndef f(g, **rest):\n    g(**rest)\n\n\nf(print, **k)",
    "@classmethod\ndef grab(cls): return cls\nclass A:\n    got = grab",
    "def f():\n    @staticmethod\n    def g(x): pass",
    "def grab(x): pass\nclass A:\n    got = grab",
    "def g():\n    try:\n        lambda x=(yield): x\n    finally:\n        print(1)",
    "def g():\n    def h(x=(yield)): pass",
    "def g():\n    x = [(yield)]",
    "import torch.nn.functional as F\nF.embedding(1, 2, None, None, 2.0, False, True)",
    "g = torch.ones(1)\ni = g.indices",
    "g = torch.ones(1)\ni = g.indices()",
    "class A:\n    def max(self): return torch.ones(1)\ni = A().max().indices()",
    "torch.zeros(3, layout=torch.sparse_coo)",
    "class W(torch.autograd.Function):\n    @staticmethod\n    def forward(m, v): m.clone = v\n"
    "    @staticmethod\n    def setup_context(ctx, inputs, output): pass",
    "class W(torch.autograd.Function):\n    @staticmethod\n    def vmap(m, v): m.clone = v",
    'x = torch.asarray(b"a", dtype=torch.uint8)',
    "x = bytes([1])",
    "import numpy as np\nx = np.zeros(1).dtype.type",
    "class A:\n    def f(self): self.__name__ = 1",
    'raise SyntaxError("x", ("/etc/passwd", 1, 1, None))',
    "class W(torch.autograd.Function):\n    setup_context = print\n    @staticmethod\n"
    "    def forward(m, v): m.clone = v",
    "class Mix:\n    @staticmethod\n    def setup_context(ctx, inputs, output): pass\n\n\n"
    "class W(Mix, torch.autograd.Function):\n    @staticmethod\n    def forward(m, v): m.clone = v",
    "class Mix:\n    def forward(self, v): self.clone = v\n\n\nclass W(Mix, torch.autograd.Function): pass",
    "class W(torch.autograd.Function):\n    generate_vmap_rule = True",
    "import torch.nn.functional as F\nF.max_pool2d(1, 2, 2, 0, 1, False, True)",
    "import torch.nn.functional as F\nk = {}\nF.max_pool2d(1, 2, **k)",
    "import torch.nn.functional as F\nk = []\nF.max_pool2d(*k)",
    "import torch.nn.functional as F\npool = F.max_pool2d",
    "torch.nn.MaxPool2d(2, 2, 0, 1, True)",
    "torch.nn.MaxPool2d(2, dilation=2)",
    "torch.ones(9).bfloat16().histc(1003, 0, 1)",
    "h = torch.histc",
    "torch.ones(1).as_strided_((1,), (1,), 2**61 - 9)",
    "y = torch.as_strided_(torch.ones(1), (1,), (1,), 2**61 - 9)",
    "torch.ones(1).numpy().base.data = torch.ones(1)",
    "class A:\n    def __init__(self): self.base = 1\ntorch.ones(1).numpy().base",
    "class A:\n    def __init__(self): self.histc = 1\ntorch.ones(1).histc(3)",
    "x = torch.ones(2)\ntorch.masked_select(x, x > 0, out=x)",
    "x = torch.ones(2)\ntorch.masked_select(x, x > 0, **{'out': x})",
    "def f(g, x): g(x, out=x)\nf(torch.nonzero, torch.ones(2))",
    "class A:\n    def __init__(self): self.g = torch.nonzero\n    def f(self, x): self.g(x, out=x)",
    "def pool(**rest): return torch.nn.MaxPool2d(2, **rest)",
    "import torch.nn.functional as F\nF.max_pool2d(torch.ones(1, 1, 1, 9), **{'dilation': (2, 1)})",
    "k = {}\ntorch.nn.MaxPool2d(2, **k)",
    "k = {}\ntorch.gather(torch.ones(1), 0, torch.ones(1).long(), **k)",
    "class A:\n    def __repr__(self): return 'a'",
    'import numpy as np\nx = torch.asarray(np.array(["q"], dtype="S1").tolist()[0], dtype=torch.uint8)',
    "import numpy as np\nx = np.random.default_rng().bytes(1)",
    "import numpy as np\nnp.zeros(1).flags['WRITEABLE'] = True",
    "g = torch.Generator()\ng.set_state(g.get_state())",
    "def f(ctx): ctx.input_grad_buffers = 1",
    "class A:\n    set_state = 1\ng = torch.Generator()\ng.set_state(torch.ones(9))",
]


@pytest.mark.parametrize("source", PLAIN)
def test_what_honest_cells_do_is_plain(source: str) -> None:
    assert beyond([source], [GIVEN]) == ""


@pytest.mark.parametrize("source", BEYOND)
def test_what_leads_beyond_is_not(source: str) -> None:
    assert beyond([source], [GIVEN])


def test_a_cell_that_cannot_be_read_is_not_plain() -> None:
    assert beyond(["def f(:"], [GIVEN])


def test_a_module_of_ones_own_is_read_as_well() -> None:
    def why(cell: str, module: str) -> str:
        statements = (*ast.parse(cell).body, *ast.parse(module).body)
        return beyond_in(statements, (GIVEN,), frozenset({"mine"}))

    assert why("from mine import f\nf()", "def f():\n    return torch.ones(1)") == ""
    assert why("import mine\nmine.f()", "def f():\n    pass")  # whose attributes would be anything's
    assert why("from mine import torch as lib", "import torch")
    assert why("from mine import f as g", "def f():\n    pass")
    assert why("from mine import A", "class A:\n    pass")
    assert why("from mine import T", "T = torch.Tensor\n\n\ndef f(x: T):\n    pass")
    assert why("from mine import sub", "def f():\n    pass")
    assert why("from mine import f", "import os\n\n\ndef f():\n    pass") == "imports os"
    assert why("from other import f", "def f():\n    pass") == "imports other.f"
    assert (
        why("from mine import exp\nfrom torch import exp", "def exp():\n    pass") == "gives exp two meanings"
    )


def test_what_ipython_has_in_its_namespace_is_not_the_notebooks_own() -> None:
    there = InteractiveShell(user_ns={}).user_ns
    objects = [name for name, value in there.items() if not isinstance(value, str)]
    assert "_dh" in objects
    assert [name for name in objects if not beyond([f"for {name} in []:\n    pass\nx = {name}"])] == []


def test_a_loss_of_each_sample_is_not_led_astray_by_targets_that_change(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for name in ("nll_loss_nd", "cross_entropy_loss"):
        monkeypatch.setattr(torch._C._nn, name, getattr(torch._C._nn, name))  # to be put back
    keep_targets()
    for loss in (torch.nn.NLLLoss(reduction="none"), torch.nn.CrossEntropyLoss(reduction="none")):
        for kind in (torch.Tensor, torch.nn.Parameter):
            scores, target = torch.zeros(1, 3, requires_grad=True), torch.zeros(1, dtype=torch.long)
            target = target if kind is torch.Tensor else kind(target, requires_grad=False)
            value = loss(scores, target)
            target.data.fill_(2)
            value.sum().backward()
            assert scores.grad is not None
            assert int(scores.grad.argmin()) == 0


def test_a_tensor_that_shrinks_has_no_gradient_beyond_its_end(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(torch.Tensor, "data", torch.Tensor.data)  # to be put back
    tell_of_shapes()
    x = torch.zeros(1, 1, 3, 2, requires_grad=True)
    y = torch.nn.functional.max_pool2d(x, 1, stride=2)
    x.data = x * 2
    y.sum().backward(retain_graph=True)
    x.data = torch.zeros(1, 1, 3, 1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
