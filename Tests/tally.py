"""Sums the reports of all stages of Tests/run into one line: `N passed, N failed`.

Usage: tally.py RESULTS STAGE:STATUS...   RESULTS holds STAGE.xml or STAGE-swift-testing.xml (JUnit).
A stage without tests of its own (a build) is counted when it failed, and so is one that ended badly
without saying which test it was. The sums are left in RESULTS/totals for .ci/run.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


# Stages that are nothing without a report: one that says nothing has not passed.
TESTING = {"swift-tests-licenses", "swift-tests", "end-to-end"}


def count(report: Path) -> tuple[int, int, int]:
    """Returns how many tests of a report passed, failed and were skipped."""
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    failed = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = [c for c in cases if c.find("skipped") is not None]
    for case in failed:
        print(f"failed: {case.get('classname', '')} {case.get('name', '')}")
    return len(cases) - len(failed) - len(skipped), len(failed), len(skipped)


def main() -> int:
    results = Path(sys.argv[1])
    totals = [0, 0, 0]
    for stage in sys.argv[2:]:
        name, status = stage.rsplit(":", 1)
        counts = (0, 0, 0)
        for report in (results / f"{name}.xml", results / f"{name}-swift-testing.xml"):
            if report.is_file():
                try:
                    counts = tuple(a + b for a, b in zip(counts, count(report)))
                except ElementTree.ParseError as error:
                    print(f"{name}: its report cannot be read: {error}")
        if status == "0" and name in TESTING and sum(counts) == 0:
            print(f"failed: {name} (no test was reported)")
            counts = (0, 1, 0)
        if status != "0" and counts[1] == 0:
            print(f"failed: {name} (exit status {status})")
            counts = (counts[0], 1, counts[2])
        if sum(counts) > 0:
            print(f"{name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped")
        totals = [a + b for a, b in zip(totals, counts)]
    passed, failed, _ = totals
    (results / "totals").write_text(f"{passed} {failed}\n")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed > 0 or passed == 0 else 0


sys.exit(main())
