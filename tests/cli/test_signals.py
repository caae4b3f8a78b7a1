from __future__ import annotations

import os
import signal
import threading

import pytest

from facets_svc.cli.exits import Stopped, exit_code_of, stopping


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_ends_the_block_with_its_code(number: signal.Signals, code: int) -> None:
    with pytest.raises(Stopped, match=f"Stopped by {number.name}") as stopped, stopping():
        os.kill(os.getpid(), number)
    assert exit_code_of(stopped.value) == code


def test_what_a_library_makes_of_a_signal_is_the_signal_all_the_same() -> None:
    def interrupted() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Stopped:
            raise RuntimeError("Query interrupted") from None

    with pytest.raises(Stopped) as stopped, stopping():
        interrupted()
    assert stopped.value.exit_code == 143


def test_other_errors_pass_and_the_handlers_of_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopping():
        assert signal.getsignal(signal.SIGTERM) is not before
    with pytest.raises(ValueError, match="none"), stopping():
        int("none")
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_nothing_is_handled() -> None:
    seen = []

    def block() -> None:
        with stopping():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
