"""What all tests share: the devices of this machine, and the rule that in CI a skipped test is a failure."""

import os

import pytest
import torch

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pytest_report_header() -> str:
    if "cuda" in DEVICES:
        return f"devices: cpu and cuda ({torch.cuda.get_device_name()})"
    return "devices: cpu only; this machine has no CUDA device, so nothing was tried on one"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `device` runs on every device there is."""
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", DEVICES)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"CI: {len(skipped)} skipped test(s) count as failures", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(661)
