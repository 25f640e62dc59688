"""
Every provider of payouts under the conformance suite, and the table of it: `make providers`.

With PAYOUT_PROVIDER_DRIVER=module:Class the suite runs over one provider of somebody else.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.purchase.providers.report import ConformanceReport

WORKERS = "2"


def main() -> None:
    workers = os.environ.get("WORKERS") or WORKERS
    arguments = ["-q", "-n", workers, str(Path(__file__).parent)]
    report = ConformanceReport("conformance of providers of payouts")
    sys.exit(pytest.main(arguments, plugins=[report]))


if __name__ == "__main__":
    main()
