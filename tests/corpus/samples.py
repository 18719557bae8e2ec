"""The corpus: every item of the grader's promises, as named submissions with what must become of them.

`ALL` is what the tests run through the grader; `EXPORTS` are whole downloads for `cnnlab collect`.
"""

from corpus.accidents import ACCIDENTS
from corpus.containers import CONTAINERS, EXPORTS, Export
from corpus.elsewhere import ELSEWHERE
from corpus.forms import FORMS
from corpus.frame import FRAME
from corpus.further import FURTHER
from corpus.handing_in import HANDING_IN
from corpus.hidden import HIDDEN
from corpus.leftovers import LEFTOVERS
from corpus.liars import RESULTS
from corpus.library import LIBRARY
from corpus.making import DUE, IN_TIME, LATE, Sample
from corpus.patches import PATCHES
from corpus.process import PROCESS
from corpus.reflection import REFLECTION
from corpus.shell import SHELL_TRICKS
from corpus.spies import SPIES

__all__ = ["ALL", "DUE", "EXPORTS", "IN_TIME", "ITEMS", "LATE", "TAMPERING", "Export", "Sample"]

TAMPERING = (*FRAME, *SHELL_TRICKS, *PATCHES, *RESULTS, *FORMS, *LIBRARY, *SPIES, *CONTAINERS)
_OTHERS = (*PROCESS, *LEFTOVERS, *ACCIDENTS, *HANDING_IN, *FURTHER, *ELSEWHERE, *HIDDEN, *REFLECTION)
ALL: tuple[Sample, ...] = (*TAMPERING, *_OTHERS)

# The lists of the grader's promises, word for word, with the samples that each has at least.
ITEMS: dict[str, tuple[str, ...]] = {
    "tag that skips a cell": ("tag_skip_execution", "tag_experiment", "tag_raises_exception"),
    "syntax-tree transformer that drops asserts or calls": ("drop_asserts", "drop_calls"),
    "input transformer to `pass`": ("input_transformer",),
    "patched `ExecutionResult`, `showtraceback`, `do_execute`": (
        "patched_execution_result",
        "patched_showtraceback",
        "patched_do_execute",
    ),
    "spoofed `execute_result` or display data": ("spoofed_execute_result", "spoofed_display_data"),
    "patched `torch.allclose`, `assert_close`, the checker, the reference, `torch.Tensor` methods": (
        "patched_allclose",
        "patched_assert_close",
        "patched_checker",
        "patched_reference",
        "patched_tensor_methods",
    ),
    "`__eq__`, `__torch_function__`, `__array__` liars, tensor subclasses": (
        "eq_liar",
        "torch_function_liar",
        "array_liar",
        "plain_subclass",
    ),
    "all-NaN, ±inf": ("all_nan", "plus_inf", "minus_inf"),
    "broadcastable wrong shape": ("one_dimension_more", "loss_with_a_dimension"),
    "wrong dtype or device": ("half_precision", "loss_always_float32", "on_the_meta_device"),
    "result aliases or mutates the input": ("mutates_the_input", "running_statistics_in_place"),
    "the banned library call, also through getattr, a string, another module, an alias": (
        "library_function",
        "library_getattr",
        "library_string",
        "library_another_module",
        "library_alias",
    ),
    "hard-coded visible cases": ("hard_coded_example", "hard_coded_cases"),
    "behaves differently when it thinks it is graded": ("different_when_graded",),
    "walks frames or `gc` for expected values (finds none)": ("walks_frames", "walks_gc_for_values"),
    "reads tests from disk or history (finds none)": ("reads_the_solution", "reads_the_history"),
    "writes the gradebook": ("writes_the_gradebook",),
    "shadows `torch`, `numpy`, `cnnlab` with a local file or package": (
        "shadows_torch",
        "shadows_numpy",
        "shadows_cnnlab",
    ),
    "`sitecustomize`, IPython start-up files, `conftest`": (
        "sitecustomize_beside",
        "writes_a_startup_file",
        "conftest_beside",
    ),
    "symlink out of the submission": ("notebook_is_a_link", "link_to_the_sources", "link_to_a_secret"),
    "archive with `../` or a zip bomb": ("archives_beside_the_notebook",),
    "own timestamp file": ("own_timestamp_file",),
    "`<script>` or SVG in an output (score kept, feedback page inert)": (
        "script_in_a_stored_output",
        "script_in_a_fresh_output",
    ),
    "edited points, grade ids, locked cells": ("edited_points", "edited_grade_ids", "edited_locked_cells"),
    "`sys.exit`, `quit()`": ("sys_exit", "cell_sys_exit", "cell_quit"),
    "`os._exit`, segmentation fault (Z; other questions regraded in a fresh kernel)": (
        "os_exit",
        "segmentation_fault",
    ),
    "endless loop": ("endless_loop",),
    "loop that ignores SIGINT": ("loop_that_ignores_sigint",),
    "many slow cells (total budget)": ("many_slow_cells",),
    "fork bomb": ("fork_bomb",),
    "memory bomb": ("memory_bomb",),
    "disk filler": ("disk_filler",),
    "100 MB line, endless output (truncated, K)": ("line_of_100_mb", "endless_output"),
    "daemon or double-forked process left behind": ("daemon_left_behind", "child_left_behind"),
    "thread that patches later": ("thread_that_patches_later",),
    "open socket": ("listens", "answer_from_the_network"),
    "`input()`": ("input_in_a_cell", "input_in_a_function"),
    "leaked default dtype, device, seed, grad mode, anomaly mode, number of threads (later questions K)": (
        "leaked_default_dtype",
        "leaked_default_device",
        "leaked_seed",
        "leaked_grad_mode",
        "leaked_anomaly_mode",
        "leaked_number_of_threads",
    ),
    "`del` of other answers": ("del_of_other_answers",),
    "warning on stderr with the right answer (K)": ("warning_on_stderr",),
    "cells deleted, duplicated, split, reordered, retyped (restored, K)": (
        "deleted_test_cell",
        "duplicated_cell",
        "split_answer",
        "reordered_questions",
        "retyped_and_moved",
    ),
    "missing or renamed notebook, wrong kernel, nbformat 3, notebook never run (K with a note)": (
        "missing_notebook",
        "renamed_notebook",
        "wrong_kernel",
        "nbformat_3",
        "never_run",
    ),
    "truncated JSON, 0 bytes, UTF-16 (A)": ("truncated", "zero_bytes", "utf_16"),
    "BOM (repaired, K)": ("byte_order_mark",),
    "student ids with spaces, quotes, accents, `..`": (
        "id_with_spaces",
        "id_with_quotes",
        "id_with_accents",
        "id_with_dots",
    ),
    'empty submission (0, "not attempted")': ("untouched", "empty_folder"),
    "late (penalty once, by policy)": ("late",),
    "extra files, extra notebooks (ignored, noted)": ("extra_files", "extra_notebooks"),
    "a second submission of the same student": ("second_submission_is_better", "second_submission_is_worse"),
    # Beyond the list.
    "answers that are forged on the wire": ("replayed_reply", "header_with_a_huge_shape"),
    "interpreter, kernel and clocks changed under everybody's feet": ("edited_builtins", "comm_flood"),
    "functions and results of another kind": ("generator_function", "one_element_for_a_billion"),
    "sabotage outside of the answer": ("blinded_transport", "edited_replies", "tidies_up"),
    "around the ban: differentiation by other means": ("forward_mode", "graph_walked_by_hand"),
    "code that the text hides": ("behind_a_comment_form_feed", "blinded_by_a_list"),
    "code that reaches beyond itself without a name for it": (
        "class_from_a_comparison",
        "check_inside_of_a_check",
    ),
    "honest code of unusual kinds": ("awaits", "classes_and_decorators"),
}
