"""What each sample submission earns, check by check: the one table that tests hold the grades against."""

# The check cells in order, with their points.
CHECKS = {
    "inverted_dropout": {"forward": 3, "randomness": 3, "evaluation": 2, "backward": 2},
    "batch_norm": {"forward": 3, "running_statistics": 2, "evaluation": 2, "backward": 3},
    "local_response_norm": {
        "across_channels": 3,
        "across_channels_gradient": 2,
        "within_channel": 3,
        "within_channel_gradient": 2,
    },
    "label_smoothing": {"targets": 3, "loss": 3, "gradient": 2, "pytorch_epsilon": 2},
}
WRITTEN_POINTS = 2

# One score per check in the order above; then the written answer: None waits for a person, 0 was not touched.
READ = None
EXPECTED: dict[str, dict[str, tuple[int | None, ...]]] = {
    "inverted_dropout": {
        "broadcasting": (3, 3, 2, 2, READ),
        "einsum": (3, 3, 2, 2, READ),
        "loops": (3, 3, 2, 2, READ),
        "always_the_same_seed": (3, 0, 2, 2, READ),
        "classic_dropout": (0, 0, 0, 0, READ),
        "gradient_not_scaled": (3, 3, 2, 0, READ),
        "scale_by_p": (0, 0, 2, 0, READ),
        "untouched": (0, 0, 0, 0, 0),
        "half_done": (3, 3, 2, 0, 0),
        "crash": (3, 3, 2, 0, READ),
        "endless_loop": (3, 3, 2, 0, READ),
        "exception_at_top": (3, 3, 2, 2, READ),
        "exits": (3, 3, 2, 2, READ),
        "deleted_test_cell": (3, 3, 2, 2, READ),
        "edited_test_cell": (3, 3, 2, 0, READ),
        "warning_on_stderr": (3, 3, 2, 2, READ),
        "duplicated_cell": (3, 3, 2, 2, READ),
        "retyped_and_moved": (3, 3, 2, 2, READ),
    },
    "batch_norm": {
        "broadcasting": (3, 2, 2, 3, READ),
        "einsum": (3, 2, 2, 3, READ),
        "loops": (3, 2, 2, 3, READ),
        "biased_running_variance": (3, 0, 2, 3, READ),
        "epsilon_outside_the_root": (0, 2, 0, 0, READ),
        "statistics_are_constants": (3, 2, 2, 0, READ),
        "unbiased_variance": (0, 2, 2, 0, READ),
        "untouched": (0, 0, 0, 0, 0),
        "half_done": (3, 2, 2, 0, 0),
        "crash": (3, 2, 2, 0, READ),
        "endless_loop": (3, 2, 2, 0, READ),
        "exception_at_top": (3, 2, 2, 3, READ),
        "deleted_test_cell": (3, 2, 2, 3, READ),
        "warning_on_stderr": (3, 2, 2, 3, READ),
        "duplicated_cell": (3, 2, 2, 3, READ),
    },
    "local_response_norm": {
        "broadcasting": (3, 2, 3, 2, READ),
        "einsum": (3, 2, 3, 2, READ),
        "loops": (3, 2, 3, 2, READ),
        "alpha_divided_by_n": (0, 0, 3, 2, READ),
        "denominator_is_constant": (3, 0, 3, 0, READ),
        "only_channels_before": (0, 0, 3, 2, READ),
        "window_is_not_square": (3, 2, 0, 0, READ),
        "untouched": (0, 0, 0, 0, 0),
        "half_done": (3, 2, 0, 0, 0),
        "crash": (3, 2, 0, 0, READ),
        "exception_at_top": (3, 2, 3, 2, READ),
        "deleted_test_cell": (3, 2, 3, 2, READ),
        "warning_on_stderr": (3, 2, 3, 2, READ),
        "duplicated_cell": (3, 2, 3, 2, READ),
    },
    "label_smoothing": {
        "broadcasting": (3, 3, 2, 2, READ),
        "einsum": (3, 3, 2, 2, READ),
        "loops": (3, 3, 2, 2, READ),
        "epsilon_conversion_inverted": (3, 3, 2, 0, READ),
        "epsilon_over_k": (0, 0, 0, 0, READ),
        "gradient_of_the_sum": (3, 3, 0, 2, READ),
        "log_of_softmax": (3, 0, 2, 2, READ),
        "untouched": (0, 0, 0, 0, 0),
        "half_done": (3, 3, 2, 0, 0),
        "crash": (3, 3, 2, 0, READ),
        "exception_at_top": (3, 3, 2, 2, READ),
        "deleted_test_cell": (3, 3, 2, 2, READ),
        "warning_on_stderr": (3, 3, 2, 2, READ),
        "duplicated_cell": (3, 3, 2, 2, READ),
    },
}


def scores(assignment: str, student: str) -> dict[str, float | None]:
    """What the student earns, by the grade_id of the cell."""
    cells = [*(f"check_{part}" for part in CHECKS[assignment]), "written"]
    return dict(zip(cells, EXPECTED[assignment][student], strict=True))
