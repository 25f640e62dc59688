"""
What Schemathesis loads into itself: what is no failure of ours, and a count of what was asked.

It runs in a process of its own: FUZZ_COUNTS says where to write, FUZZ_TENCENT what Tencent's calls
are signed with.
"""

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext, Response
from schemathesis.cli import EventHandler
from schemathesis.core.failures import Failure
from schemathesis.engine.events import EngineEvent, ScenarioFinished
from schemathesis.openapi.checks import RejectedPositiveData

from deploy.config.environment import TENCENT_SDK_APP_ID
from shared.http import PROBLEM_TYPE

# What a request that fits its schema is never answered with. Every other problem is a rule of the
# business, which no schema can tell: coins that are not there, an hour that is not over.
UNFIT = {"invalid-request", "malformed-json", "idempotency-key-missing"}
# How Pydantic names a rule between several fields, which no schema can tell either.
RULE = "Value error"
TENCENT, COMMAND = "/v1/callbacks/tencent", "Live.CallbackBeforeSendGift"


@schemathesis.hook
def filter_failure(_: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether a failure is one; named by Schemathesis."""
    return not isinstance(failure, RejectedPositiveData) or _is_unfit(response)


def _is_unfit(response: Response) -> bool:
    if response.headers["content-type"] != [PROBLEM_TYPE]:
        return True
    problem = response.json()
    faults = problem.get("errors", ())
    rules = faults and all(fault["problem"].startswith(RULE) for fault in faults)
    return problem["code"] in UNFIT and not rules


@schemathesis.hook
def map_body(_: HookContext, body: Any) -> Any:
    """
    Write whole numbers without a point.

    To JSON Schema 5.0 is an integer. To us it is not, by design: a number that was a float is no
    longer the amount somebody meant, from 2**53 on.
    """
    return _whole(body)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def before_call(_: HookContext, case: Case[Any], __: dict[str, Any]) -> None:
    """Sign what Tencent may ask: without that, nothing it says is looked at."""
    fits = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if fits and case.operation.path == TENCENT:
        now = str(int(time.time()))
        signed = hashlib.sha256(f"{os.environ['FUZZ_TENCENT']}{now}".encode()).hexdigest()
        case.query.update(
            {
                "SdkAppid": TENCENT_SDK_APP_ID,
                "CallbackCommand": COMMAND,
                "RequestTime": now,
                "Sign": signed,
            }
        )


@schemathesis.cli.handler()
class Counting(EventHandler[Any]):
    """Counts answers and failures by operation, and writes them down at the end."""

    def __init__(self, *_: object, **__: object) -> None:
        self._answers: dict[str, Counter[int]] = {}
        self._failures: dict[str, set[str]] = {}

    def handle_event(self, _: Any, event: EngineEvent) -> None:
        if not isinstance(event, ScenarioFinished):
            return
        recorder = event.recorder
        for case, interaction in recorder.interactions.items():
            status = interaction.response.status_code if interaction.response else 0
            operation = recorder.cases[case].value.operation.label
            self._answers.setdefault(operation, Counter())[status] += 1
        for case, checks in recorder.checks.items():
            failed = {check.name for check in checks if check.failure_info is not None}
            if failed:
                operation = recorder.cases[case].value.operation.label
                self._failures.setdefault(operation, set()).update(failed)

    def shutdown(self, _: Any) -> None:
        counted = {
            operation: {
                "answers": dict(sorted(answers.items())),
                "failures": sorted(self._failures.get(operation, ())),
            }
            for operation, answers in sorted(self._answers.items())
        }
        Path(os.environ["FUZZ_COUNTS"]).write_text(json.dumps(counted))
