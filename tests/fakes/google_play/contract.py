"""Google Play's contract: its discovery document, and what no document describes."""

from functools import lru_cache

from tests.fakes.base import Answer
from tests.fakes.documents import Document, from_discovery, load
from tests.fakes.judge import Contract
from tests.fakes.schemas import Json, Schema

METHODS = (
    "androidpublisher.orders.get",
    "androidpublisher.orders.refund",
    "androidpublisher.orders.reviewrefund",
    "androidpublisher.purchases.products.acknowledge",
    "androidpublisher.purchases.products.consume",
    "androidpublisher.purchases.products.get",
    "androidpublisher.purchases.productsv2.getproductpurchasev2",
    "androidpublisher.purchases.voidedpurchases.list",
)
_APP = "androidpublisher/v3/applications/{packageName}"
_PRODUCT = f"/{_APP}/purchases/products/{{productId}}/tokens/{{token}}"
GET_PRODUCT = f"GET {_PRODUCT}"
ACKNOWLEDGE = f"POST {_PRODUCT}:acknowledge"
CONSUME = f"POST {_PRODUCT}:consume"
GET_PRODUCT_2 = f"GET /{_APP}/purchases/productsv2/tokens/{{token}}"
LIST_VOIDED = f"GET /{_APP}/purchases/voidedpurchases"
GET_ORDER = f"GET /{_APP}/orders/{{orderId}}"
REFUND_ORDER = f"POST /{_APP}/orders/{{orderId}}:refund"
REVIEW_REFUND = f"POST /{_APP}/orders/{{orderId}}:reviewrefund"
TOKEN = "POST /token"

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


@lru_cache(maxsize=1)
def contract() -> Contract:
    """Return the contract; its validators are compiled once a process."""
    document = from_discovery(load("androidpublisher_v3"), METHODS, _error())
    document["paths"]["/token"] = {"post": _token()}
    document["components"]["schemas"] |= _notifications()
    return Contract(document)


def error(status: int, reason: str = "", message: str = "") -> Answer:
    """Say an error in the form of cloud.google.com/apis/design/errors."""
    text = message or _STATUS[status].replace("_", " ").capitalize()
    body: Json = {"code": status, "message": text, "status": _STATUS[status]}
    if reason:
        body["errors"] = [{"message": text, "domain": "androidpublisher", "reason": reason}]
    return Answer(status, {"error": body})


def _object(required: str, **properties: Schema) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties}


_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_INT64: Schema = {"type": "string", "pattern": "^[0-9]+$"}


def _error() -> Schema:
    cause = _object("message reason", message=_TEXT, domain=_TEXT, reason=_TEXT)
    named: Schema = {"type": "string", "enum": sorted(_STATUS.values())}
    inner = _object(
        "code message status",
        code=_WHOLE,
        message=_TEXT,
        status=named,
        errors={"type": "array", "items": cause},
    )
    return _object("error", error=inner)


def _token() -> Document:
    """Describe the token of a service account (developers.google.com/identity/protocols)."""
    grant = {"type": "string", "enum": ["urn:ietf:params:oauth:grant-type:jwt-bearer"]}
    form = _object("grant_type assertion", grant_type=grant, assertion=_TEXT)
    good = _object(
        "access_token expires_in", access_token=_TEXT, expires_in=_WHOLE, token_type=_TEXT
    )
    wrong = {"anyOf": [_object("error", error=_TEXT, error_description=_TEXT), _error()]}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": form}},
        },
        "responses": {
            "200": {"content": {"application/json": {"schema": good}}},
            "default": {"content": {"application/json": {"schema": wrong}}},
        },
    }


def _notifications() -> dict[str, Schema]:
    """
    Describe a push of Pub/Sub, and what Play says in it.

    Sources: cloud.google.com/pubsub/docs/push, and
    developer.android.com/google/play/billing/rtdn-reference.
    """
    message = _object(
        "data messageId publishTime",
        attributes={"type": "object"},
        data=_TEXT,
        messageId=_TEXT,
        message_id=_TEXT,
        publishTime={"type": "string", "format": "date-time"},
        publish_time={"type": "string", "format": "date-time"},
    )
    one_time = _object(
        "version notificationType purchaseToken sku",
        version=_TEXT,
        notificationType={"type": "integer", "enum": [1, 2]},
        purchaseToken=_TEXT,
        sku=_TEXT,
    )
    voided = _object(
        "purchaseToken orderId productType refundType",
        purchaseToken=_TEXT,
        orderId=_TEXT,
        productType={"type": "integer", "enum": [1, 2]},
        refundType={"type": "integer", "enum": [1, 2]},
    )
    review = _object(
        "version pendingRefundToken orderId",
        version=_TEXT,
        pendingRefundToken=_TEXT,
        orderId=_TEXT,
        refundReason=_WHOLE,
        obfuscatedAccountId=_TEXT,
        obfuscatedProfileId=_TEXT,
    )
    notification = _object(
        "version packageName eventTimeMillis",
        version={"type": "string", "enum": ["1.0"]},
        packageName=_TEXT,
        eventTimeMillis=_INT64,
        oneTimeProductNotification=one_time,
        voidedPurchaseNotification=voided,
        pendingRefundReviewNotification=review,
        testNotification=_object("version", version=_TEXT),
    )
    return {
        "PubsubPush": _object("message subscription", message=message, subscription=_TEXT),
        "DeveloperNotification": notification,
    }
