"""What `main.py` gives the routes of the gift service."""

from typing import Annotated

from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.intake import GiftIntake
from shared.http import from_state
from shared.identity.tokens import TokenVerifier
from shared.prices.price_book import PriceBook

Cache = Annotated[CatalogueCache, from_state("catalogue_cache")]
Intake = Annotated[GiftIntake, from_state("intake")]
FilesBytesMax = Annotated[int, from_state("files_bytes_max")]
Prices = Annotated[PriceBook, from_state("prices")]
Targets = Annotated[TokenVerifier, from_state("targets")]
