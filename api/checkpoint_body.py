"""The bodies of POST /v1/checkpoints."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from quarterturn.validation import Document, parse

_WAYS = ("path", "from_job", "library")


class CheckpointRequest(Document):
    """Weights that need no upload: exactly one of `path`, `from_job` and `library`."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    path: str | None = Field(default=None, description="A file on the server.")
    from_job: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="A job with final_pretraining."
    )
    library: Literal["torchvision", "timm"] | None = None
    model: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="A name of the library, such as resnet18.IMAGENET1K_V1."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(getattr(self, way) is not None for way in _WAYS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(_WAYS)}")
        if (self.library is None) != (self.model is None):
            raise ValueError("library and model go together")
        return self


def parse_request(document: Any) -> CheckpointRequest:
    """Validate a JSON body.

    Raises:
        InvalidInputError: `invalid_request`.
    """
    return parse(CheckpointRequest, document, code="invalid_request", what="request")


REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "A safetensors file with the weights of an encoder.",
                    },
                    "name": {"type": "string"},
                },
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "path": {"type": "string"},
                    "from_job": {"type": "string"},
                    "library": {"type": "string", "enum": ["torchvision", "timm"]},
                    "model": {"type": "string"},
                },
            },
            "examples": {
                "library": {"value": {"library": "torchvision", "model": "resnet18.IMAGENET1K_V1"}},
                "path": {"value": {"path": "/weights/moco_v2_800ep.pth.tar"}},
                "job": {"value": {"from_job": "job_0198a1b2c3d4e5f60718"}},
            },
        },
    },
}
