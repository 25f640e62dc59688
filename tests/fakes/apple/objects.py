"""What the App Store keeps: transactions and notifications, and how it signs them."""

import base64
import json
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import ECKey

from tests.fakes.certificates import Chain, chain
from tests.fakes.schemas import Json

LEAF_OID, INTERMEDIATE_OID = "1.2.840.113635.100.6.11.1", "1.2.840.113635.100.6.2.1"
CONSUMPTION_SECONDS = 12 * 3600
WHOLE = 100_000


@dataclass(frozen=True, slots=True)
class Price:
    """What the storefront asks for one, in thousandths of the currency: 990 is $0.99."""

    currency: str
    thousandths: int
    storefront: str = "USA"


@dataclass(slots=True)
class Transaction:
    """A purchase of one product, and how much of it was refunded (in thousandths of a percent)."""

    id: str
    product: str
    account_token: UUID | None
    quantity: int
    environment: str
    bundle: str
    price: Price
    purchased: float
    revoked: float | None = None
    refunded_milliunits: int = 0
    is_finished: bool = False
    # Each answer about its consumption, with when it came.
    consumptions: list[tuple[float, Json]] = field(default_factory=list)
    asked: float | None = None

    @property
    def consumption(self) -> Json | None:
        """Return the answer that counts: the first within 12 hours of the question."""
        for at, body in self.consumptions:
            if self.asked is not None and 0 <= at - self.asked <= CONSUMPTION_SECONDS:
                return body
        return None

    def show(self, now: float) -> Json:
        """Say it as it is signed now."""
        price = self.price
        body: Json = {
            "transactionId": self.id,
            "originalTransactionId": self.id,
            "bundleId": self.bundle,
            "productId": self.product,
            "purchaseDate": millis(self.purchased),
            "originalPurchaseDate": millis(self.purchased),
            "quantity": self.quantity,
            "type": "Consumable",
            "inAppOwnershipType": "PURCHASED",
            "signedDate": millis(now),
            "environment": self.environment,
            "transactionReason": "PURCHASE",
            "storefront": price.storefront,
            "storefrontId": "143441",
            "price": price.thousandths * self.quantity,
            "currency": price.currency,
            "appTransactionId": "704891469623108450",
        }
        if self.account_token is not None:
            body["appAccountToken"] = str(self.account_token)
        if self.revoked is not None:
            is_whole = self.refunded_milliunits == WHOLE
            body["revocationDate"] = millis(self.revoked)
            body["revocationReason"] = 0
            body["revocationType"] = "REFUND_FULL" if is_whole else "REFUND_PRORATED"
            body["revocationPercentage"] = self.refunded_milliunits
        return body


@dataclass(frozen=True, slots=True)
class Notification:
    """What was told: the payload, signed, and about which transaction."""

    id: str
    kind: str
    at: float
    transaction: str | None
    signed: str


def forged(signed: str) -> str:
    """Sign what was signed again, with a chain of another root."""
    body = signed.split(".")[1]
    read: Json = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return signed_by(read, "Mallory")


def signed_by(body: Json, owner: str) -> str:
    """Sign with the chain of an owner, which goes with it."""
    made = apple_chain(owner)
    parts = (made.leaf, made.intermediate, made.root)
    x5c = [base64.b64encode(each.der).decode() for each in parts]
    payload = json.dumps(body, separators=(",", ":")).encode()
    return jws.serialize_compact({"alg": "ES256", "x5c": x5c}, payload, signing_key(owner))


def apple_chain(owner: str) -> Chain:
    """Return a chain that is marked as Apple's are."""
    return chain(owner, intermediate_oid=INTERMEDIATE_OID, leaf_oid=LEAF_OID)


@lru_cache(maxsize=8)
def signing_key(owner: str) -> ECKey:
    """Return the key of the leaf of an owner's chain."""
    key = apple_chain(owner).leaf.key
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ECKey.import_key(pem)


def millis(seconds: float) -> int:
    return int(seconds * 1000)
