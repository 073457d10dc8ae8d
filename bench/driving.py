"""Asking questions: closed loop, one thread a connection, only the asking timed."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.systems import Ask, Target


@dataclass
class Run:
    """What came of asking.

    Parameters
    ----------
    seconds
        From the first question to the last answer.
    latencies
        One per question, in milliseconds.
    answers
        Pairs of the question's place and what was answered, one per question.
    began, ended
        When, by the clock of `time.perf_counter`.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0


class Driver:
    """Keeps the connections of each system open over all rounds."""

    def __init__(self) -> None:
        self._sessions: dict[str, list[Ask]] = {}

    def run(self, target: Target, questions: Sequence[Any], concurrency: int, seconds: float, least: int = 5) -> Run:
        """Ask each question once in turn, until they or the time are over.

        With more than one connection the questions are gone through again and again until the time is over.

        Parameters
        ----------
        target
            Whom to ask.
        questions
            Prepared, in the order in which to ask.
        concurrency
            Connections that ask at the same time.
        seconds
            How long, about; no question is cut off.
        least
            Questions that every connection asks, however long it takes.
        """
        sessions = self._connected(target, concurrency)
        rounds = 1 if concurrency == 1 else None
        parts = [Run() for _ in range(concurrency)]
        barrier = threading.Barrier(concurrency + 1)

        def work(number: int) -> None:
            sessions[number](questions[-1])  # connections idle between cells: the first question is not timed
            barrier.wait()
            _ask(sessions[number], questions, number, concurrency, seconds, least, rounds, parts[number])

        with ThreadPoolExecutor(concurrency) as pool:
            working = [pool.submit(work, number) for number in range(concurrency)]
            barrier.wait()
            for done in working:
                done.result()
        total = Run(max(part.ended for part in parts) - min(part.began for part in parts))
        for part in parts:
            total.latencies += part.latencies
            total.answers += part.answers
        return total

    def _connected(self, target: Target, concurrency: int) -> list[Ask]:
        sessions = self._sessions.setdefault(target.name, [])
        while len(sessions) < concurrency:
            sessions.append(target.session())
        return sessions


def _ask(
    ask: Ask, questions: Sequence[Any], first: int, step: int, seconds: float, least: int, rounds: int | None, run: Run
) -> None:
    run.began = run.ended = time.perf_counter()
    end = run.began + seconds
    last = len(questions) * rounds if rounds is not None else None
    place = first
    while last is None or place < last:
        began = time.perf_counter()
        if began > end and len(run.latencies) >= least:
            return
        answer = ask(questions[place % len(questions)])
        run.ended = time.perf_counter()
        run.latencies.append((run.ended - began) * 1000)
        run.answers.append((place % len(questions), answer))
        place += step
