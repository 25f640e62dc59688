"""What runs at GitHub is pinned, may do little, and builds every image that is deployed."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.config.images import IMAGES
from deploy.config.services import SERVICES

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
# YAML 1.1 reads the key `on` as true.
ON = True
ACTION = re.compile(r"^\s*(?:- )?uses: (?P<name>\S+?)@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+$")


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request):
    return request.param


@pytest.fixture
def release():
    return yaml.safe_load((FOLDER / "release.yml").read_text())


def test_every_action_is_named_by_its_commit_and_says_which_version_that_is(file):
    """A tag can be moved to other code; a commit cannot."""
    for line in file.read_text().splitlines():
        if "uses:" in line and "$/.github/" not in line:
            assert ACTION.match(line), line


def test_one_action_has_one_version():
    found = {
        (match["name"], match["commit"])
        for file in FILES
        for match in map(ACTION.match, file.read_text().splitlines())
        if match
    }

    assert len(found) == len({name for name, _ in found})


def test_a_workflow_may_do_nothing_and_each_job_what_it_needs(file):
    workflow = yaml.safe_load(file.read_text())

    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        writes = name in {"release", "site"}
        assert job["permissions"].pop("contents") == ("write" if writes else "read")
        assert bool(job["permissions"]) == (name == "images"), name


def test_no_workflow_runs_a_strangers_code_with_rights(file):
    """`pull_request_target` would, and a text of a stranger's in a script is code of theirs."""
    workflow = yaml.safe_load(file.read_text())

    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow[ON])
    for job in workflow["jobs"].values():
        for step in job.get("steps", ()):
            assert "${{" not in step.get("run", ""), step
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_what_is_released_passed_everything_and_has_the_version_that_it_says(release):
    images, made = release["jobs"]["images"], release["jobs"]["release"]

    assert release[ON] == {"push": {"tags": ["v*"]}}
    assert images["needs"] == ["ci", "version"]
    assert release["jobs"]["clients"]["needs"] == ["ci", "version"]
    assert made["needs"] == ["version", "images", "clients"]
    assert release["jobs"]["ci"]["uses"] == "$/.github/workflows/ci.yml"


def test_a_release_has_an_image_of_every_service_as_compose_builds_it(release):
    built = {
        each["image"]: each for each in release["jobs"]["images"]["strategy"]["matrix"]["include"]
    }

    assert set(built) == set(IMAGES) == {*SERVICES, "tools", "gateway"}
    for name, service in SERVICES.items():
        assert built[name]["packages"] == service.packages
        assert built[name]["file"] == "deploy/Dockerfile"
    assert built["tools"]["target"] == "tools"
    for each in built.values():
        assert (ROOT / each["file"]).exists()


def test_a_release_has_the_clients_that_a_job_without_rights_built(release):
    *_, build, upload = release["jobs"]["clients"]["steps"]
    *_, download, publish = release["jobs"]["release"]["steps"]

    assert build["run"] == "make clients"
    assert upload["with"]["name"] == download["with"]["name"]
    assert f"{download['with']['path']}/*" in publish["run"]


def test_a_released_image_runs_on_both_architectures_and_says_where_it_comes_from(release):
    steps = release["jobs"]["images"]["steps"]
    (build,) = [step["with"] for step in steps if "build-push-action" in step.get("uses", "")]
    (attest,) = [step["with"] for step in steps if "actions/attest@" in step.get("uses", "")]

    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")
    # Nothing of an earlier run's cache, which a pull request may have filled, is in it.
    assert build["no-cache"] is True
    assert build["tags"].endswith("/${{ matrix.image }}:${{ needs.version.outputs.version }}")
    assert attest["subject-digest"] == "${{ steps.build.outputs.digest }}"


def test_what_runs_at_github_is_what_runs_here():
    (job,) = yaml.safe_load((FOLDER / "ci.yml").read_text())["jobs"].values()

    assert "sudo --preserve-env=CI .ci/run" in job["steps"][-1]["run"]
    # Events are compared with every schema that was ever committed.
    assert job["steps"][0]["with"]["fetch-depth"] == 0
