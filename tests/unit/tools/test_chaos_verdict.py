"""The judge of the chaos tests finds what it is there to find."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from alphadiffract_stream.engines import open_engine
from tools.chaos._plan import KILLS, Plan, make_plan
from tools.chaos._processes import Outages
from tools.chaos._published import Published
from tools.chaos._truth import Truth, make_truth
from tools.chaos._verdict import Judge, Verdict

EVENTS = 20


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(3, 1, EVENTS, open_engine("onnx:"))


@dataclass
class Documents:
    """A faultless answer to the one run of `truth`, to be spoilt."""

    truth: Truth
    lines: list[tuple[str, dict]] = field(default_factory=list)

    def __post_init__(self) -> None:
        [run] = self.truth.runs
        self.lines = [
            ("start", {"uid": "p", "parents": [run.uid]}),
            ("descriptor", {"uid": "d", "run_start": "p"}),
            *(("event", self._event(event)) for event in run.events),
        ]
        statuses = [event["data"]["status"] for event in self.events]
        refused = statuses.count("refused")
        stop = {
            "uid": "s",
            "run_start": "p",
            "exit_status": "success",
            "reason": "",
            "received": len(run),
            "predicted": len(run) - refused,
            "refused": refused,
            "failed": 0,
            "missing": 0,
            "missing_seq_nums": [],
        }
        self.lines.append(("stop", stop))

    def _event(self, event) -> dict:
        system, probability = ("", 0.0) if event.frame is None else self.truth.answers[event.frame]
        data = {
            "raw_seq_num": event.seq_num,
            "raw_event_uid": event.uid,
            "status": "refused" if event.frame is None else "ok",
            "reason": "",
            "crystal_system": system,
            "crystal_system_probability": probability,
        }
        uid = f"e{event.seq_num}"
        return {"uid": uid, "descriptor": "d", "seq_num": event.seq_num, "data": data}

    @property
    def events(self) -> list[dict]:
        return [document for name, document in self.lines if name == "event"]

    @property
    def stop(self) -> dict:
        return self.lines[-1][1]

    @property
    def first_good(self) -> int:
        """Index among the lines of the first event that was predicted."""
        return next(
            i for i, (_, d) in enumerate(self.lines) if d.get("data", {}).get("status") == "ok"
        )

    def lose(self, index: int) -> None:
        """An event is gone, and the account says so."""
        _, event = self.lines.pop(index)
        self.stop["received"] -= 1
        self.stop["predicted"] -= 1
        self.stop["missing"] += 1
        self.stop["missing_seq_nums"].append(event["seq_num"])


@pytest.fixture
def documents(truth) -> Documents:
    return Documents(truth)


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))


def judged(
    documents: Documents,
    folder,
    *,
    acknowledged: bool = False,
    outages: Outages | None = None,
    full: Outages | None = None,
) -> Verdict:
    path = folder / "published.jsonl"
    path.write_text("".join(json.dumps({"name": n, "doc": d}) + "\n" for n, d in documents.lines))
    published = Published(path)
    published.read()
    [run] = documents.truth.runs
    sent = dict.fromkeys([(run.uid, n) for n in (*run.seq_nums, "open", "stop")], 0.0)
    plan = Plan(0, acknowledged, [])
    publisher = SimpleNamespace(sent=sent)
    world = SimpleNamespace(
        outages=outages or Outages(),
        full=full or Outages(),
        published=published,
        service=SimpleNamespace(kills=[0.7]),
    )
    judge = Judge(plan, documents.truth, publisher, world, {})  # type: ignore[arg-type]
    return judge.verdict([])


def test_a_faultless_answer_has_no_findings(documents, tmp_path):
    verdict = judged(documents, tmp_path)
    assert verdict.findings == []
    assert verdict.predicted + verdict.refused == verdict.published


def test_a_document_that_comes_again_is_told_and_no_fault(documents, tmp_path):
    documents.lines.insert(4, documents.lines[3])
    documents.lines.append(documents.lines[-1])
    verdict = judged(documents, tmp_path)
    assert (verdict.findings, verdict.redelivered) == ([], 2)


def outage(began: float, ended: float) -> Outages:
    outages = Outages()
    outages._spans.append([began, ended])
    return outages


def _twice(d: Documents) -> None:
    d.lines.insert(5, ("event", d.events[0] | {"uid": "other"}))


def _otherwise(d: Documents) -> None:
    event = d.lines[d.first_good][1]
    other = event["data"] | {"status": "out_of_domain"}
    d.lines.insert(-1, ("event", event | {"data": other}))


def _disorder(d: Documents) -> None:
    d.lines[4], d.lines[5] = d.lines[5], d.lines[4]


def _lie(d: Documents) -> None:
    d.stop["predicted"] += 1


def _hide(d: Documents) -> None:
    del d.lines[4]


def _lose(d: Documents) -> None:
    d.lose(d.first_good)


def _wrong_numbers(d: Documents) -> None:
    d.lose(d.first_good)
    d.stop["missing_seq_nums"] = [EVENTS * 2]


def _mix_up(d: Documents) -> None:
    event = d.lines[d.first_good][1]
    event["data"]["crystal_system_probability"] += 0.1


def _fail(d: Documents) -> None:
    d.lines[d.first_good][1]["data"]["status"] = "failed"


def _invent(d: Documents) -> None:
    d.events[-1]["data"]["raw_seq_num"] = 1000


def _second_run(d: Documents) -> None:
    d.lines.append(("start", {"uid": "q", "parents": [d.truth.runs[0].uid]}))


def _no_stop(d: Documents) -> None:
    d.lines.pop()


def _abort(d: Documents) -> None:
    d.stop["exit_status"] = "abort"


def _nothing(d: Documents) -> None:
    d.lines.clear()


def _homeless(d: Documents) -> None:
    del d.lines[1]


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (_twice, "answered twice"),
        (_otherwise, "answered again, and otherwise"),
        (_disorder, "after"),
        (_lie, "documents and truth"),
        (_hide, "documents and truth"),
        (_lose, "missing, though nothing was down"),
        (_wrong_numbers, "not ["),
        (_mix_up, "the network says"),
        (_fail, "failed"),
        (_invent, "never published"),
        (_second_run, "2 prediction runs"),
        (_no_stop, "no stop document"),
        (_abort, "though its stop document was heard"),
        (_nothing, "no answer at all"),
        (_homeless, "documents of no run"),
    ],
)
def test_faults_are_found(documents, tmp_path, spoil, finding):
    spoil(documents)
    assert any(finding in text for text in judged(documents, tmp_path).findings)


def test_what_is_lost_in_an_outage_is_no_fault_unless_it_was_taken(documents, tmp_path):
    outages = outage(0.5, 1.0)
    documents.lose(documents.first_good)
    verdict = judged(documents, tmp_path, outages=outages)
    assert (verdict.findings, verdict.missing) == ([], 1)
    taken = judged(documents, tmp_path, acknowledged=True, outages=outages)
    assert any("lost, though it was taken" in text for text in taken.findings)


def test_what_a_full_disk_makes_a_killed_service_forget_is_told_apart(documents, tmp_path):
    documents.stop["received"] -= 2
    documents.stop["predicted"] -= 2
    assert judged(documents, tmp_path, full=outage(1.0, 2.0)).findings, "killed before it was full"
    verdict = judged(documents, tmp_path, full=outage(0.5, 0.6))
    assert (verdict.findings, verdict.forgotten) == ([], 2)


def test_a_plan_follows_from_its_seed():
    kinds = ("kill", "proxy", "reader")
    plan = make_plan(7, 500, kinds)
    assert plan == make_plan(7, 500, kinds) != make_plan(9, 500, kinds)
    assert [fault.kind for fault in plan.faults].count("kill") == KILLS
    assert plan.faults == sorted(plan.faults, key=lambda fault: fault.at)
    assert {make_plan(seed, 500, kinds).acknowledged for seed in range(2)} == {True, False}
