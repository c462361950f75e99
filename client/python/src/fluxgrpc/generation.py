"""Requests and events of a generation, common to the two clients."""

from collections.abc import Sequence
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
the image, then finished. Images may be made side by side; their events then come mixed, each with its image_index. An image may go
on at another denoiser between two steps."""


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
    sampler: Literal["euler", "heun", "dpmpp_2m"] | None
    """How the latents follow the velocity."""
    sigmas: Sequence[float] | None
    """Timesteps to use instead of the model's schedule: falling from at most 1, the last one 0."""
    negative_prompt: str | None
    """What not to draw; takes two evaluations where one was."""
    true_cfg_scale: float | None
    """Strength of the true classifier-free guidance; only with negative_prompt."""
    step_cache_threshold: float | None
    """Skip most of a step that changes little: threshold of the first-block cache, above 0 to 1."""
    init_image: bytes | None
    """A picture to start from: a PNG, JPEG or WebP file."""
    strength: float | None
    """How much of the way from noise is left to go from init_image, above 0 to 1."""
    format: Literal["png", "jpeg", "webp"] | None
    """The type of the pictures' files."""
    preview_interval: int | None
    """Send a preview, a small PNG, with every n-th step."""


_ENUM_PREFIXES = {"priority": "PRIORITY_", "sampler": "SAMPLER_", "format": "IMAGE_FORMAT_"}


def request_of(prompt: str, options: GenerateOptions) -> GenerateRequest:
    """Makes the message.

    :raises ValueError: a number or a name that the message cannot hold, or an option that it does not have.
    """
    fields: dict[str, object] = {**options}
    for name, prefix in _ENUM_PREFIXES.items():
        if isinstance(value := fields.get(name), str):
            fields[name] = prefix + value.upper()
    return GenerateRequest(prompt=prompt, **fields)  # type: ignore[arg-type]


def event_of(response: GenerateResponse) -> Event | None:
    """The event in a message; None for one that a newer server has and this client does not know."""
    kind = response.WhichOneof("event")
    event: Event | None = getattr(response, kind) if kind else None
    return event
