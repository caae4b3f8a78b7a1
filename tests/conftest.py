"""What every test may ask for: where the catalogues are, which DuckDB runs, how hard Hypothesis tries."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

_SLOW_TO_MAKE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
"""A catalogue takes its time to draw, which is no fault of the test's."""

settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, max_examples=25, suppress_health_check=_SLOW_TO_MAKE
)
settings.register_profile(
    "soak", deadline=None, max_examples=1000, print_blob=True, suppress_health_check=_SLOW_TO_MAKE
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--expect-duckdb",
        metavar="X.Y",
        help="refuse to start unless DuckDB is of this line, such as 1.5: so that a run proves what it says",
    )
    parser.addoption("--write-golden", action="store_true", help="write the golden answers of the cookbook anew")


def _soaks(config: pytest.Config) -> bool:
    return "soak" in str(config.getoption("markexpr"))


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in the background so, and everything that a test starts would ignore Ctrl-C too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    expected = config.getoption("expect_duckdb")
    if expected and not f"{duckdb.__version__}.".startswith(f"{expected}."):
        raise pytest.UsageError(f"DuckDB {expected} was expected, {duckdb.__version__} is installed.")
    settings.load_profile("soak" if _soaks(config) else "ci")


def pytest_report_header() -> str:
    return f"duckdb {duckdb.__version__}, pyarrow {pa.__version__}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _soaks(config):
        return
    soaks = [item for item in items if item.get_closest_marker("soak")]
    if soaks:
        config.hook.pytest_deselected(items=soaks)
        items[:] = [item for item in items if item not in soaks]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the design, the contract and the large catalogue, which stands beside the repository."""
    folder = (ROOT / ".." / "shared").resolve()
    if not folder.is_dir():
        pytest.skip("../shared is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def sample_path() -> Path:
    """The committed sample catalogue."""
    return ROOT / "data" / "sample_models.jsonl"


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure of the soak, past pytest's capture."""

    def print_line(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", flush=True)  # noqa: T201 - the soak prints its figures

    return print_line
