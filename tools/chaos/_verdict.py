"""The published documents held against the truth."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ._plan import Plan
from ._published import Answer, said
from ._publisher import Publisher
from ._readers import Reader
from ._truth import TrueRun, Truth
from ._world import World

_WRITTEN = 3.0
"""s after which a disk that is not full any more has everything."""
_BEFORE, _AFTER = 3.0, 1.5
"""s before and after an outage in which 0MQ may lose what is sent: queues, and connecting anew."""
_PREDICTED = {"ok", "low_confidence", "out_of_domain"}
_COUNTS = ("received", "predicted", "refused", "failed", "missing")


@dataclass(slots=True)
class Verdict:
    """Counts of one seed, and every way in which the account is not the truth."""

    published: int = 0
    predicted: int = 0
    refused: int = 0
    failed: int = 0
    missing: int = 0
    unseen: int = 0
    """Events of runs whose start or descriptor was lost: no event of theirs can be read."""
    undeclared: int = 0
    """Events after the last one received of a run whose stop document was lost."""
    left_open: int = 0
    """Runs whose stop document was lost: they stay open, in the spool."""
    forgotten: int = 0
    """Answered and published while the disk was full, and not in the account, since the service
    was killed before it could be written."""
    redelivered: int = 0
    """Documents that came again, uid and answer the same."""
    findings: list[str] = field(default_factory=list)


class Judge:
    """One seed's world at its end.

    accounts: by raw run, as ``/status`` told them last.
    """

    def __init__(
        self,
        plan: Plan,
        truth: Truth,
        publisher: Publisher,
        world: World,
        accounts: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._accounts = accounts
        self._plan = plan
        self._truth = truth
        self._sent = publisher.sent
        self._outages = world.outages
        self._published = world.published
        self._forgetful = any(world.full.explain(at, 0, _WRITTEN) for at in world.service.kills)

    def verdict(self, readers: list[Reader]) -> Verdict:
        """Run by run, then what is left over."""
        verdict = Verdict(published=self._truth.events)
        for run in self._truth.runs:
            about = f"run {run.uid[:8]} ({len(run)} events)"
            verdict.findings += [f"{about}: {fault}" for fault in self._judge(run, verdict)]
        verdict.findings += [f"torn line: {line}" for line in self._published.torn]
        if homeless := self._published.homeless:
            verdict.findings.append(f"{len(homeless)} documents of no run")
        told = len(self._published.uids)
        if told > len(self._truth.runs):
            verdict.findings.append(f"{told} prediction runs for {len(self._truth.runs)} raw runs")
        for reader in readers:
            verdict.findings += self._heard(reader)
        return verdict

    def _judge(self, run: TrueRun, verdict: Verdict) -> Iterator[str]:
        answers = self._published.of(run.uid)
        if not answers:
            verdict.unseen += len(run)
            if not self._lost(run, "open"):
                yield "no answer at all, though its start and descriptor were heard"
            return
        if len(answers) > 1:
            yield f"{len(answers)} prediction runs"
        answer = answers[0]
        events = _distinct(answer)
        verdict.redelivered += answer.copies + len(answer.events) - len(events)
        yield from self._events(run, answer, events)
        yield from self._stop(run, answer, events, verdict)

    def _events(
        self, run: TrueRun, answer: Answer, events: dict[int, dict[str, Any]]
    ) -> Iterator[str]:
        for seq_num in sorted(events.keys() - run.seq_nums):
            yield f"seq_num {seq_num} was never published"
        for event in answer.events:
            first = events[event["data"]["raw_seq_num"]]
            if event["uid"] != first["uid"]:
                yield f"seq_num {event['seq_num']} answered twice"
            elif said(event) != said(first):
                yield f"seq_num {event['seq_num']} answered again, and otherwise"
        for before, after in pairwise(events):
            if before > after:
                yield f"seq_num {after} after {before}"
        for true in run.events:
            if event := events.get(true.seq_num):
                yield from self._one(true.frame, true.uid, event)

    def _one(self, frame: int | None, uid: str, event: dict[str, Any]) -> Iterator[str]:
        data = event["data"]
        about = f"seq_num {event['seq_num']}"
        if data["raw_event_uid"] != uid:
            yield f"{about}: answers event {data['raw_event_uid']}, not {uid}"
        if frame is None:
            if data["status"] != "refused":
                yield f"{about}: {data['status']}, cannot be used"
            return
        if data["status"] not in _PREDICTED:
            yield f"{about}: {data['status']}: {data['reason']}"
            return
        system, probability = self._truth.answers[frame]
        told = data["crystal_system"], data["crystal_system_probability"]
        if told[0] != system or abs(told[1] - probability) > 1e-3:
            yield f"{about}: {told}, the network says {system, probability}"

    def _stop(
        self, run: TrueRun, answer: Answer, events: dict[int, dict[str, Any]], verdict: Verdict
    ) -> Iterator[str]:
        if not answer.stops and not self._lost(run, "stop"):
            yield "no stop document"
            return
        if not answer.stops:
            verdict.left_open += 1
        told = answer.stops[0] if answer.stops else self._accounts.get(run.uid)
        if self._forgetful and (told is None or told["received"] < len(events)):
            verdict.forgotten += len(events) - (told["received"] if told else 0)
            return
        if told is None:
            yield "its stop document was lost, and /status does not know of it"
            return
        verdict.redelivered += max(0, len(answer.stops) - 1)
        for other in answer.stops[1:]:
            if _account(other) != _account(told) or other["uid"] != told["uid"]:
                yield f"two stop documents: {_account(told)}, {_account(other)}"
        statuses = [event["data"]["status"] for event in events.values()]
        refused, failed = statuses.count("refused"), statuses.count("failed")
        whole = told["exit_status"] == "success"
        declared = run.seq_nums if whole else frozenset(range(1, max(events, default=0) + 1))
        missing = declared - events.keys()
        true = {
            "received": len(events),
            "predicted": len(events) - refused - failed,
            "refused": refused,
            "failed": failed,
            "missing": len(missing),
        }
        if (counts := {name: told[name] for name in _COUNTS}) != true:
            yield f"account {counts}, documents and truth {true}"
        # /status lists the first ones only.
        listed = told["missing_seq_nums"]
        if listed != sorted(missing)[: None if answer.stops else len(listed)]:
            yield f"missing {listed}, not {sorted(missing)}"
        if not whole and not self._lost(run, "stop"):
            yield f"ends with {told['exit_status']}, though its stop document was heard"
        for seq_num in sorted(missing):
            if self._plan.acknowledged:
                yield f"seq_num {seq_num} lost, though it was taken"
            elif not (self._lost(run, seq_num) or self._lost(run, "open")):
                yield f"seq_num {seq_num} missing, though nothing was down"
        for name in ("predicted", "refused", "failed", "missing"):
            setattr(verdict, name, getattr(verdict, name) + true[name])
        verdict.undeclared += len(run) - len(declared)

    def _lost(self, run: TrueRun, what: int | str) -> bool:
        """Whether 0MQ may have lost it."""
        sent = self._sent.get((run.uid, what))
        # A service that waits for its processor is as far behind with what lies in its queue.
        waits = os.getloadavg()[0] / (os.cpu_count() or 1)
        return sent is None or self._outages.explain(sent, _BEFORE + waits, _AFTER + waits)

    def _heard(self, reader: Reader) -> Iterator[str]:
        """What a reader was sent is what was published."""
        yield from (f"a reader was sent {strange}" for strange in reader.strange)
        answers = self._published.answers
        for name, document in reader.documents:
            if name != "event":
                continue
            if (known := answers.get(document["uid"])) is None:
                yield f"a reader was sent event {document['uid']}, which was not published"
            elif known != said(document):
                yield f"a reader was sent event {document['uid']} with another answer"


def _distinct(answer: Answer) -> dict[int, dict[str, Any]]:
    """The first answer to each raw event, in the order in which they came."""
    events: dict[int, dict[str, Any]] = {}
    for event in answer.events:
        events.setdefault(event["data"]["raw_seq_num"], event)
    return events


def _account(stop: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stop[name] for name in (*_COUNTS, "missing_seq_nums", "exit_status")}
