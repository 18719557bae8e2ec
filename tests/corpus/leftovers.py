"""What a submission prints and leaves behind: output, processes, sockets, global state, missing names."""

from corpus.making import Sample, Work, made_in, sample
from corpus.process import SECONDS
from sample_class import build

DAEMON = "cnnlab-corpus-daemon"  # the name of what must not be left running
PORT = 8661  # where a sample hopes that somebody listens on the instructor's machine
OUTPUT = "100 MB line, endless output (truncated, K)"
LEFT = "daemon or double-forked process left behind"
LEAK = "leaked default dtype, device, seed, grad mode, anomaly mode, number of threads (later questions K)"
NETWORK = "open socket"


@sample(OUTPUT, "K")
def line_of_100_mb(work: Work) -> None:
    """A right function that prints one line of a hundred megabytes, once."""
    work.cell("printed = []", before="label_smoothing_grad")
    line = "printed or (printed.append(1), print('x' * 100_000_000))"
    work.first_line("label_smoothing_grad", line)


@sample(OUTPUT, "K")
def message_too_large_to_receive(work: Work) -> None:
    """A cell of the student's own prints two hundred megabytes at once, more than the grader takes."""
    work.cell("print('x' * 200_000_000)", before="label_smoothing_grad")


@sample(OUTPUT, "K")
def endless_output(work: Work) -> None:
    """A cell of the student's own prints without end, to both streams and as pages."""
    work.cell(
        f"""
        import sys
        import time

        from IPython.display import HTML, display

        end = time.monotonic() + {SECONDS}
        while time.monotonic() < end:
            print("all work and no play " * 50)
            print("makes Jack a dull boy " * 50, file=sys.stderr)
            display(HTML("<p>" + "dull " * 200))
        """,
        before="label_smoothing_grad",
    )


@sample(OUTPUT, "K")
def output_below_python(work: Work) -> None:
    """Fifty megabytes straight to the file descriptors, which nobody may have to read."""
    work.cell("""
        import os

        for _ in range(50):
            for stream in (1, 2):
                os.write(stream, b"x" * (1 << 19))
    """)


@sample(LEFT, "K")
def daemon_left_behind(work: Work) -> None:
    """Two forks and a new session leave a process that ignores polite signals, for a minute."""
    work.cell(f"""
        import os
        import signal

        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                os.execv("/bin/sleep", ["{DAEMON}", "{SECONDS}"])
            os._exit(0)
        os.wait()
    """)


@sample(LEFT, "K")
def child_left_behind(work: Work) -> None:
    """A child that keeps the kernel's files open, and that nobody waits for."""
    work.cell(f"""
        import subprocess

        child = subprocess.Popen(["{DAEMON}", "{SECONDS}"], executable="/bin/sleep", close_fds=False)
    """)


@sample(NETWORK, "K")
def listens(work: Work) -> None:
    """Listens on every address of the machine while the questions are judged."""
    work.cell("""
        import socket

        try:
            server = socket.create_server(("", 0))
        except OSError as error:
            print(error)
    """)


@sample(NETWORK, zero="targets", cause=r"q has wrong values")
def answer_from_the_network(work: Work) -> None:
    """Asks services on the machine and outside, by TCP and UDP, for the answer; else it is wrong."""
    work.wrong("smooth_labels")
    work.cell(
        f"""
        import socket

        found = b""
        for host in ("127.0.0.1", "192.0.2.1"):
            try:
                with socket.create_connection((host, {PORT}), timeout=1) as connection:
                    found = connection.makefile("rb").read()
                    break
            except OSError as error:
                print(host, error)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            try:
                datagram.sendto(b"cnnlab corpus", ("127.0.0.1", {PORT}))
            except OSError as error:
                print(error)
        exec(found)
        """,
        before="check_targets",
    )


@sample("`input()`", "K")
def input_in_a_cell(work: Work) -> None:
    """A cell of the student's own asks for a name."""
    work.cell("name = input('Your name? ')")


@sample("`input()`", zero="gradient", cause=r"input|stdin")
def input_in_a_function(work: Work) -> None:
    """The function asks for a number."""
    work.body("label_smoothing_grad", "return float(input('The gradient? '))")


# What is left behind, and what the message calls it. Each call changes the state, whatever it was: the
# example above a check calls the function too.
STATE = {
    "default_dtype": (
        "now = torch.get_default_dtype()"
        "; torch.set_default_dtype(torch.float32 if now == torch.float64 else torch.float64)",
        "torch's default dtype",
    ),
    "default_device": (
        "torch.set_default_device('cpu' if torch.get_default_device().type == 'meta' else 'meta')",
        "torch's default device",
    ),
    "seed": ("torch.manual_seed(torch.initial_seed() + 1)", "torch's global random state"),
    "grad_mode": ("torch.set_grad_enabled(not torch.is_grad_enabled())", "torch's grad mode"),
    "anomaly_mode": (
        "torch.set_anomaly_enabled(not torch.is_anomaly_enabled())",
        "torch's anomaly mode",
    ),
    "number_of_threads": (
        "torch.set_num_threads(torch.get_num_threads() + 1)",
        "torch's number of threads",
    ),
}


def _leak(name: str) -> Sample:
    line, called = STATE[name]

    @sample(
        LEAK,
        zero="targets",
        cause=rf"changed {called}",
        name=f"leaked_{name}",
        why=f"A right answer that leaks {called}.",
    )
    def make(work: Work) -> None:
        work.first_line("smooth_labels", line)

    return make


LEAKS = tuple(map(_leak, STATE))


@sample(LEAK, "K")
def leaked_everything_at_the_top(work: Work) -> None:
    """A cell of the student's own changes all of that before the first question."""
    work.cell("import torch\n\n" + "\n".join(line for line, _ in STATE.values()))


@sample("`del` of other answers", "K")
def del_of_other_answers(work: Work) -> None:
    """The last answer deletes the names of the others."""
    work.cell("del smooth_labels, label_smoothing_loss, label_smoothing_grad", before="check_pytorch_epsilon")


@sample("`del` of other answers", "K")
def del_of_the_set_up(work: Work) -> None:
    """A cell of the student's own deletes what the set-up defined."""
    work.cell("del check, attempt", before="label_smoothing_loss")


@sample("`del` of other answers", "K")
def reset_of_everything(work: Work) -> None:
    """A cell of the student's own empties the namespace once half of the questions are done."""
    work.cell("%reset -f\nimport torch\n" + work.right[build.HELPERS], before="label_smoothing_grad")


LEFTOVERS = made_in(globals())
