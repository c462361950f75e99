"""Requests and events of a generation, common to the two clients."""

from typing import Literal, TypeAlias, TypedDict

from fluxgrpc.v1 import (
    GeneratedImage,
    GenerateRequest,
    GenerateResponse,
    GenerationAccepted,
    GenerationFinished,
    GenerationQueued,
    PromptEncoded,
    ReplicaChanged,
    StepCompleted,
)

DEFAULT_ADDRESS = "http://127.0.0.1:5000"

Event: TypeAlias = (
    GenerationAccepted
    | GenerationQueued
    | PromptEncoded
    | StepCompleted
    | ReplicaChanged
    | GeneratedImage
    | GenerationFinished
)
"""What happens on the way to the pictures: accepted, queued (where it has to wait), encoded, then for each image its steps and
the image, then finished. An image may go on at another denoiser between two steps."""


class GenerateOptions(TypedDict, total=False):
    """What a generation may ask for beside the prompt. The server fills in what is left out or None."""

    t5_prompt: str | None
    """Text for T5 alone; CLIP then gets the prompt."""
    width: int | None
    """Width in pixels, a multiple of 16."""
    height: int | None
    """Height in pixels, a multiple of 16."""
    steps: int | None
    """Denoising steps."""
    guidance: float | None
    """Strength of the distilled guidance."""
    seed: int | None
    """Seed of the first image; image i has seed + i."""
    count: int | None
    """Number of images."""
    max_tokens: int | None
    """T5 sequence length."""
    request_id: str | None
    """The caller's name for the request."""
    include_tensors: bool | None
    """Also send the conditioning, and each step's latents and velocity."""
    priority: Literal["interactive", "batch"] | None
    """Whose work comes first."""
    detached: bool | None
    """Go on when the call is lost or cancelled; needs request_id. The same request again finds the generation again."""


def request_of(prompt: str, options: GenerateOptions) -> GenerateRequest:
    """Makes the message.

    :raises ValueError: a number that the message cannot hold, or an option that it does not have.
    """
    fields: dict[str, object] = {**options}
    if priority := options.get("priority"):
        fields["priority"] = f"PRIORITY_{priority.upper()}"
    return GenerateRequest(prompt=prompt, **fields)  # type: ignore[arg-type]


def event_of(response: GenerateResponse) -> Event | None:
    """The event in a message; None for one that a newer server has and this client does not know."""
    kind = response.WhichOneof("event")
    event: Event | None = getattr(response, kind) if kind else None
    return event
