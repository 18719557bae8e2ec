"""The banned library call, by its name and by every way around it that we know. All values are right."""

from corpus.making import Sample, Work, made_in, sample

ITEM = "the banned library call, also through getattr, a string, another module, an alias"
CALLED = r"called torch's cross_entropy|cross_entropy|cnnlab\.reference is not available"

# PyTorch's smoothing for our epsilon, for use in the expressions below.
ARGUMENTS = "logits, targets, label_smoothing=epsilon * logits.shape[1] / (logits.shape[1] - 1)"
NATIVE = "logits, targets, None, 1, -100, epsilon * logits.shape[1] / (logits.shape[1] - 1)"


def _loss_by(name: str, why: str, expression: str, setup: str = "import torch.nn.functional as F") -> Sample:
    """A loss that is right, but not the student's own."""

    @sample(ITEM, zero="loss", cause=CALLED, name=f"library_{name}", why=why)
    def make(work: Work) -> None:
        work.cell(setup, before="label_smoothing_loss")
        work.body("label_smoothing_loss", f"return {expression}")

    return make


LOSSES = (
    _loss_by("function", "Calls it by its name.", f"F.cross_entropy({ARGUMENTS})"),
    _loss_by(
        "module",
        "Calls the module instead of the function.",
        "torch.nn.CrossEntropyLoss(label_smoothing=epsilon * logits.shape[1] / (logits.shape[1] - 1))"
        "(logits, targets)",
    ),
    _loss_by(
        "getattr", "Puts the name together from pieces.", f"getattr(F, 'cross_' + 'entropy')({ARGUMENTS})"
    ),
    _loss_by("string", "Hides the call in a string.", f"eval('F.cross_' + 'entropy({ARGUMENTS})')"),
    _loss_by(
        "another_module",
        "Finds it in another module, imported by a string.",
        f"vars(importlib.import_module('torch.nn.functi' + 'onal'))['cross_ent' + 'ropy']({ARGUMENTS})",
        "import importlib",
    ),
    _loss_by(
        "alias",
        "Takes it under a harmless name before anything else runs.",
        f"my_helper({ARGUMENTS})",
        "from torch.nn.functional import cross_entropy as my_helper",
    ),
    _loss_by(
        "operator", "Calls the operator below the function.", f"torch.ops.aten.cross_entropy_loss({NATIVE})"
    ),
    _loss_by("binding", "Calls the compiled binding.", f"torch._C._nn.cross_entropy_loss({NATIVE})"),
    _loss_by(
        "reference",
        "Lets the course's own reference do it.",
        "reference.label_smoothing_loss(logits, targets, epsilon)",
        "from cnnlab import reference",
    ),
    _loss_by(
        "thread",
        "Lets another thread do it.",
        f"ThreadPoolExecutor(1).submit(F.cross_entropy, {ARGUMENTS}).result()",
        "import torch.nn.functional as F\nfrom concurrent.futures import ThreadPoolExecutor",
    ),
    _loss_by(
        "without_torch_functions",
        "Switches PyTorch's overrides off around it.",
        "hidden(logits, targets, epsilon)",
        f"""
        import torch
        import torch.nn.functional as F


        def hidden(logits, targets, epsilon):
            with torch._C.DisableTorchFunction(), torch.utils._python_dispatch._disable_current_modes():
                return F.cross_entropy({ARGUMENTS})
        """,
    ),
    _loss_by(
        "script",
        "Calls it from TorchScript.",
        "hidden(logits, targets, epsilon * logits.shape[1] / (logits.shape[1] - 1))",
        """
        import torch

        hidden = torch.jit.CompilationUnit('''
        def f(logits, targets, e: float):
            return torch.nn.functional.cross_entropy(logits, targets, label_smoothing=e)
        ''').f
        """,
    ),
)
IN_A_FORK = '''
    import os
    import struct

    import torch.nn.functional as F


    def in_a_fork(*given):
        """The call in a child process, whose doings the parent's hooks do not see; bytes come back."""
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(there, struct.pack("d", CALL))
            os._exit(0)
        os.close(there)
        value = struct.unpack("d", os.read(here, 8))[0]
        os.close(here)
        os.waitpid(child, 0)
        return value
'''


@sample(ITEM, zero="loss", cause=r"raised PermissionError: .*in_a_fork|cross_entropy")
def library_in_a_fork(work: Work) -> None:
    """Calls it in a forked child, out of sight of every hook in the kernel."""
    work.cell(IN_A_FORK.replace("CALL", "F.cross_entropy(given[0], given[1], label_smoothing=given[2])"))
    work.body(
        "label_smoothing_loss",
        "e = epsilon * logits.shape[1] / (logits.shape[1] - 1)\n"
        "return torch.tensor(in_a_fork(logits, targets, e), dtype=logits.dtype)",
    )


@sample(ITEM, zero="gradient", cause=r"called autograd|autograd")
def library_autograd(work: Work) -> None:
    """A gradient by autograd where it is to be written by hand."""
    _by_autograd(work, "")


@sample(ITEM, zero="gradient", cause=r"autograd|setprofile")
def library_autograd_without_the_hook(work: Work) -> None:
    """A gradient by autograd, after the interpreter's profiling hook has been taken out."""
    _by_autograd(work, "import sys; sys.setprofile(None)")


@sample(ITEM, zero="gradient", cause=r"autograd")
def library_autograd_in_a_thread(work: Work) -> None:
    """A gradient by autograd in another thread."""
    _by_autograd(
        work, "", "__import__('concurrent.futures').futures.ThreadPoolExecutor(1).submit(by_graph).result()"
    )


def _by_autograd(work: Work, before: str, call: str = "by_graph()") -> None:
    work.body(
        "label_smoothing_grad",
        f"""
        {before}
        z = logits.detach().clone().requires_grad_()


        def by_graph():
            with torch.enable_grad():
                return torch.autograd.grad(label_smoothing_loss(z, targets, epsilon), z)[0]


        return {call}
        """,
    )


@sample(ITEM, zero="gradient", cause=r"autograd|torch\.func")
def library_functional_autograd(work: Work) -> None:
    """A gradient by `torch.func.grad`."""
    work.body(
        "label_smoothing_grad", "return torch.func.grad(label_smoothing_loss)(logits, targets, epsilon)"
    )


@sample(
    ITEM,
    assignment="batch_norm",
    zero=("forward", "running_statistics", "evaluation", "backward"),
    cause=r"batch_norm",
)
def library_batch_norm(work: Work) -> None:
    """The whole layer by PyTorch's function, its gradient by autograd."""
    work.cell("import torch.nn.functional as F", before="batch_norm_forward")
    work.body(
        "batch_norm_forward",
        """
        mean, var = running_mean.clone(), running_var.clone()
        leaves = [t.detach().clone().requires_grad_() for t in (x, gamma, beta)]
        y = F.batch_norm(leaves[0], mean, var, leaves[1], leaves[2], training, momentum, max(eps, 1e-30))
        return y.detach(), mean, var, (y, leaves)
        """,
    )
    work.body(
        "batch_norm_backward", "return torch.autograd.grad(cache[0], cache[1], grad_y, retain_graph=True)"
    )


@sample(ITEM, zero="loss", cause=r"raised PermissionError")
def library_hidden_in_a_fork(work: Work) -> None:
    """In a forked child, by a name put together from pieces."""
    hidden = 'getattr(F, "_".join(["cross", "ent" + "ropy"]))(given[0], given[1], label_smoothing=given[2])'
    work.cell(IN_A_FORK.replace("CALL", hidden))
    work.body(
        "label_smoothing_loss",
        "e = epsilon * logits.shape[1] / (logits.shape[1] - 1)\n"
        "return torch.tensor(in_a_fork(logits, targets, e), dtype=logits.dtype)",
    )


LIBRARY = made_in(globals())
