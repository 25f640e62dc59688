"""What services read of Stripe's answers and events, and how strictly."""

from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, Field, ValidationError

from shared.http.provider_client import ProviderUnavailable

if TYPE_CHECKING:
    import stripe

# The most that a page of a list has.
PAGE: Final = 100
Id: TypeAlias = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
Item = TypeVar("Item")
Model = TypeVar("Model", bound=BaseModel)


class Listed(BaseModel, Generic[Item]):
    """One page of a list."""

    data: tuple[Item, ...]
    has_more: bool


class Event(BaseModel):
    """A snapshot event, or a thin one of v2, which says what happened and has no `data`."""

    id: Id
    type: Annotated[str, Field(max_length=128, pattern=r"^[\x21-\x7e]+$")]
    livemode: bool
    object: str
    api_version: str | None = None
    # The connected account that it is of, if it is not about our own.
    account: str | None = None
    data: dict[str, Any] | None = None

    @property
    def about(self) -> dict[str, Any]:
        """Return the object that something happened to."""
        found = (self.data or {}).get("object")
        return found if isinstance(found, dict) else {}

    @property
    def release(self) -> str:
        """The release that the objects of the event are of."""
        return (self.api_version or "").rpartition(".")[2]


def read_stripe(model: type[Model], answer: "stripe.StripeObject", what: str = "") -> Model:
    """Validate the bytes of an answer: the SDK itself does not."""
    response = answer.last_response
    body = response.body if response is not None else "{}"
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        what = what or model.__name__
        raise ProviderUnavailable(f"Stripe's {what} are unreadable: {problems[0]}") from None


def is_replayed(answer: "stripe.StripeObject") -> bool:
    """Whether it is the answer to an earlier request under the same key, as it was then."""
    headers = answer.last_response.headers if answer.last_response else {}
    return bool(headers.get("idempotent-replayed") == "true")
