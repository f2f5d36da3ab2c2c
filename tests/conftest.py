"""What the whole suite prints: cases left out for want of third-party vectors, and the matrix of requirements."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import cache_names, conformance
from tests.vectors import source


@pytest.fixture(autouse=True)
def own_head_guard(request: pytest.FixtureRequest) -> None:
    """The log's head guard outlives any database on purpose, so each test with a database has a VAR_DIR of its own."""
    if {"db", "transactional_db", "django_db_setup"} & set(request.fixturenames):
        settings = request.getfixturevalue("settings")
        settings.VAR_DIR = request.getfixturevalue("tmp_path")


@pytest.fixture(autouse=True)
def own_cache() -> None:
    """Each test counts under names of its own: clearing a shared Redis would be felt by whoever else is at work on it."""
    cache_names.begin_test()


@pytest.fixture(autouse=True)
def fresh_process() -> None:
    """What a verifying process keeps by version must not outlive a test: the next database counts from the same numbers."""
    from config import log_state
    from credentials import admission
    from credentials.sources import database_sources
    from credentials.views.api import forget_bundle
    from identity import trust_page

    database_sources().forget()
    admission.forget()
    log_state.forget()
    forget_bundle()
    trust_page.forget()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", metavar="FILE", help="write the matrix of requirements to FILE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("requirement"):
            item.user_properties.append((conformance.PROPERTY, [*marker.args, item.nodeid.partition("[")[0]]))


class ConformanceReport:
    """Gathers on the controller what every worker proved, and writes the table at the end of a whole, green run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.proofs: set[conformance.Proof] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            found = (value for name, value in report.user_properties if name == conformance.PROPERTY)
            self.proofs.update(tuple(map(str, value)) for value in found if isinstance(value, list | tuple))

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and not source.is_left_out():
            self.path.write_text(conformance.render(self.proofs), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--conformance")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ConformanceReport(Path(path)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if line := source.left_out_line():
        terminalreporter.write_line(line, yellow=True)
