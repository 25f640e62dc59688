"""Bodies of requests and answers, and their parts."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A body, or a part of one: what stands below a field describes it in the OpenAPI document."""

    model_config = ConfigDict(use_attribute_docstrings=True)
