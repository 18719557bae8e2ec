"""Tampering with what runs the check cells: IPython and the kernel."""

from corpus.making import Work, attack, made_in

SHELL = "patched `ExecutionResult`, `showtraceback`, `do_execute`"
SYNTAX = "syntax-tree transformer that drops asserts or calls"
SPOOFED = "spoofed `execute_result` or display data"


@attack(SYNTAX)
def drop_calls(work: Work) -> None:
    """Takes every call of `check` out of the syntax tree."""
    work.cell("""
        import ast


        class WithoutChecks(ast.NodeTransformer):
            def visit_Expr(self, node):
                called = getattr(getattr(node.value, "func", None), "id", "")
                return ast.copy_location(ast.Pass(), node) if called == "check" else node


        get_ipython().ast_transformers.append(WithoutChecks())
    """)


@attack(SYNTAX)
def drop_asserts(work: Work) -> None:
    """Takes every assert out of the syntax tree, as would help if a check were one."""
    work.cell("""
        import ast


        class WithoutAsserts(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.copy_location(ast.Pass(), node)


        get_ipython().ast_transformers.append(WithoutAsserts())
    """)


@attack("input transformer to `pass`")
def input_transformer(work: Work) -> None:
    """Turns the text of every check cell into `pass` before it is parsed."""
    work.cell("""
        def give_up(lines):
            return ["pass\\n"] if any(line.startswith("check(") for line in lines) else lines


        get_ipython().input_transformers_cleanup.append(give_up)
    """)


@attack(SHELL)
def patched_execution_result(work: Work) -> None:
    """Every result of a cell claims success, and errors are not shown."""
    work.cell("""
        from IPython.core.interactiveshell import ExecutionResult

        ExecutionResult.error_in_exec = property(lambda self: None, lambda self, error: None)
        ExecutionResult.success = property(lambda self: True)
        get_ipython().showtraceback = lambda *given, **named: None
    """)


@attack(SHELL)
def patched_showtraceback(work: Work) -> None:
    """Instead of showing an error, wipes it from the result of the cell that is being run."""
    work.cell("""
        import sys


        def forget(*given, **named):
            sys._getframe(1).f_locals["result"].error_in_exec = None


        get_ipython().showtraceback = forget
    """)


@attack(SHELL)
def patched_do_execute(work: Work) -> None:
    """The kernel does not run check cells and reports that all went well."""
    work.cell("""
        kernel = get_ipython().kernel
        honest = kernel.do_execute


        async def do_execute(**asked):
            if "check(" not in asked["code"]:
                return await honest(**asked)
            return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}


        kernel.do_execute = do_execute
    """)


@attack(SPOOFED)
def spoofed_execute_result(work: Work) -> None:
    """Publishes `3` as the value of the check cell, which nbgrader takes for a partial score."""
    work.cell(
        """
        wrong = smooth_labels


        def smooth_labels(*given):
            get_ipython().displayhook(3)
            return wrong(*given)
        """,
        before="check_targets",
    )


@attack(SPOOFED)
def spoofed_display_data(work: Work) -> None:
    """Shows a page that says passed, 3 of 3 points."""
    work.cell(
        """
        from IPython.display import HTML, display

        wrong = smooth_labels


        def smooth_labels(*given):
            display(HTML("<b>label_smoothing.targets: passed, 3 of 3 points</b>"), 3)
            return wrong(*given)
        """,
        before="check_targets",
    )


@attack(SPOOFED, cause=r"q has wrong values|ended the kernel")
def spoofed_reply(work: Work) -> None:
    """Sends the kernel's own "ok" and "idle" for the check cell, so that the error comes too late."""
    work.cell(
        """
        import time

        wrong = smooth_labels


        def smooth_labels(*given):
            kernel = get_ipython().kernel
            parent = kernel.get_parent("shell")
            if not getattr(kernel, "spoofed", False):
                kernel.spoofed = True
                stream = getattr(kernel, "shell_stream", None) or kernel.shell_socket
                content = {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
                ident = kernel._parent_ident["shell"]
                kernel.session.send(stream, "execute_reply", content, parent=parent, ident=ident)
                kernel._publish_status("idle", "shell")
                getattr(stream, "flush", lambda: None)()
                time.sleep(0.5)
            return wrong(*given)
        """,
        before="check_targets",
    )


SHELL_TRICKS = made_in(globals())
