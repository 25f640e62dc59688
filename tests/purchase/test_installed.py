"""What `seeds/providers.toml` lists, its examples included, and where its secrets are."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from services.purchase.domain.methods import Methods
from services.purchase.providers.installed import KINDS
from shared.vendors.installations import Installation, providers_folder, read_sections

SEEDS = Path(__file__).parent.parent.parent / "seeds"
# A line of an example: a section's head, or a name and its value.
EXAMPLE = re.compile(r"^# (?=\[\[|[a-z_]+ = )", re.MULTILINE)


def test_the_examples_of_the_seeds_are_sections_as_they_stand(tmp_path):
    file = tmp_path / "providers.toml"
    file.write_text(EXAMPLE.sub("", (SEEDS / "providers.toml").read_text()))

    sections = read_sections(file, "purchase")
    listed = tomllib.loads(file.read_text())["methods"]
    methods = TypeAdapter(Methods).validate_python({"listed": listed})

    assert {section.kind for section in sections} == set(KINDS)
    methods.require_providers({section.name for section in sections})


def test_a_secret_is_in_the_folder_of_providers_or_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("OVATION_SECRETS_DIR", str(tmp_path))
    (tmp_path / providers_folder("purchase")).mkdir()
    own = tmp_path / providers_folder("purchase") / "purchase_stripe_eu_api_key"
    own.write_text("sk_test_1\n")
    (tmp_path / "purchase_stripe_eu_webhook_secret").write_text("whsec_1")
    installation = Installation(service="purchase", name="stripe-eu", options={})

    assert installation.secret("api_key") == "sk_test_1"
    assert installation.secret("webhook_secret") == "whsec_1"
    assert not installation.has_secret("other")
    with pytest.raises(AssertionError, match="needs the secret purchase_stripe_eu_other"):
        installation.secret("other")
    own.write_text("\n")
    with pytest.raises(AssertionError, match="is empty"):
        installation.secret("api_key")
    monkeypatch.setenv("PURCHASE_STRIPE_EU_API_KEY", "sk_test_2")
    assert installation.secret("api_key") == "sk_test_2"
