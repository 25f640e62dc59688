"""Everything the wallet reads from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import PartedSettings

# As high as the contract of `wallet.gift_paid` lets it be.
DiamondRate = Annotated[int, Field(ge=0, le=100_000)]


class Settings(PartedSettings):
    model_config = SettingsConfigDict(env_prefix="WALLET_", frozen=True)

    rules_file: Path
    # What 10,000 coins that were paid for are worth in diamonds to the creator.
    paid_diamond_rate_bp: DiamondRate = 10_000
    # What 10,000 coins that were a bonus are worth in diamonds to the creator.
    bonus_diamond_rate_bp: DiamondRate = 10_000
