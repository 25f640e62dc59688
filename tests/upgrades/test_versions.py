"""
An upgrade as docs/operations/upgrades.md describes it: the version before runs, its databases are
migrated under it, the new one joins it, the old one goes. The whole story is played at each step.
"""

import pytest

from deploy.config.environment import ROOT
from deploy.config.services import DATABASES
from deploy.demo import story
from deploy.harness.system import System


@pytest.fixture(scope="module")
def upgrading(released):
    """The version before, with a story in its own databases, and then today's schema under it."""
    with System(fast=True, root=released) as system:
        assert story.play(system.gateway_url)
        system.migrate(ROOT)
        yield system


@pytest.fixture(scope="module")
def joined(upgrading):
    """Both versions side by side, behind one gateway that asks either."""
    upgrading.join(ROOT)
    return upgrading


def test_the_version_before_runs_on_the_new_schema(upgrading):
    assert story.play(upgrading.gateway_url)


def test_both_versions_share_requests_and_messages(joined):
    assert story.play(joined.gateway_url)


def test_the_new_version_goes_on_alone_with_what_the_old_one_left(joined):
    for service in DATABASES:
        joined.terminate(service)

    assert story.play(joined.gateway_url)
