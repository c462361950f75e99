"""A sampler of one's own: the denoiser is a velocity function, the loop is here.

python3 examples/own_sampler.py "a red circle left of a blue square" --sampler heun

Talks to the text encoder, the denoiser and the VAE; no orchestrator is needed. The noise is the orchestrator's, drawn anew with
numpy, so that the picture is what the orchestrator's own sampler of that name gives, but for the last bits.
"""

import argparse
import math
import struct
import sys
import uuid
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import grpc
import numpy as np
from numpy.typing import NDArray

from fluxgrpc import FluxError, open_channel
from fluxgrpc.denoising import DenoiseSession
from fluxgrpc.errors import rpc_errors
from fluxgrpc.tensors import array_of, tensor_of
from fluxgrpc.v1 import (
    DATA_TYPE_FLOAT32,
    FLUX_VARIANT_DEV,
    DecodeRequest,
    DenoiserServiceGetModelInfoRequest,
    DenoiserServiceStub,
    LatentGrid,
    OpenSession,
    TextEncoderServiceEncodeRequest,
    TextEncoderServiceStub,
    VaeServiceGetModelInfoRequest,
    VaeServiceStub,
)

Latents = NDArray[np.float32]
Velocity = Callable[[Latents, float, int], Latents]
"""v(x, t, index of the step): where the flow carries x at time t. 1 is noise, 0 the picture."""


def euler(velocity: Velocity, x: Latents, timesteps: list[float]) -> Latents:
    """One evaluation a step: along the tangent."""
    for index, (t, t_next) in enumerate(pairwise(timesteps)):
        x = x + np.float32(t_next - t) * velocity(x, t, index)
        print(f"step {index + 1}/{len(timesteps) - 1}")
    return x


def heun(velocity: Velocity, x: Latents, timesteps: list[float]) -> Latents:
    """Two evaluations a step, both with the step's index: along the mean of the tangents at its ends."""
    for index, (t, t_next) in enumerate(pairwise(timesteps)):
        dt = np.float32(t_next - t)
        v = velocity(x, t, index)
        if t_next > 0:
            v = (v + velocity(x + dt * v, t_next, index)) / np.float32(2)
        x = x + dt * v
        print(f"step {index + 1}/{len(timesteps) - 1}")
    return x


SAMPLERS = {"euler": euler, "heun": heun}


def schedule(steps: int, tokens: int, shifted: bool) -> list[float]:
    """steps + 1 timesteps from 1 to 0; FLUX.1-dev shifts them towards noise, the more the larger the picture."""
    shift = math.exp(0.5 + (1.15 - 0.5) * (tokens - 256) / (4096 - 256)) if shifted else 1.0
    even = [(steps - i) / steps for i in range(steps + 1)]
    return [float(np.float32(shift / (shift + 1 / t - 1))) if t > 0 else 0.0 for t in even]


def noise(seed: int, shape: tuple[int, ...]) -> Latents:
    """Standard normal numbers as torch.randn draws them on a CPU: Box-Muller on blocks of 16 of MT19937's numbers.

    The number of elements is a multiple of 16, as latents' is.
    """
    draws = np.random.RandomState(seed % 2**32).randint(0, 2**32, math.prod(shape), dtype=np.uint32)
    uniform = ((draws & 0xFFFFFF) * np.float32(2.0**-24)).astype(np.float32).reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - uniform[:, 0]))
    angle = np.float32(2 * math.pi) * uniform[:, 1]
    normal: Latents = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return normal.reshape(shape)


def pack(x: Latents) -> Latents:
    """Latents [1, C, H/8, W/8] to tokens [1, N, 4C]: a token is a 2x2 patch."""
    _, channels, height, width = x.shape
    patches = x.reshape(channels, height // 2, 2, width // 2, 2)
    return patches.transpose(1, 3, 0, 2, 4).reshape(1, height * width // 4, 4 * channels)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels [H, W, 3] as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = np.pad(pixels.reshape(height, 3 * width), ((0, 0), (1, 0))).tobytes()  # Each row begins with its filter: 0, none.
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def draw(arguments: argparse.Namespace) -> NDArray[np.uint8]:
    with (
        open_channel(arguments.text_encoder) as text_channel,
        open_channel(arguments.denoiser) as denoiser_channel,
        open_channel(arguments.vae) as vae_channel,
        rpc_errors("the text encoder, the denoiser or the VAE"),
    ):
        vae = VaeServiceStub(vae_channel)
        model = DenoiserServiceStub(denoiser_channel).GetModelInfo(DenoiserServiceGetModelInfoRequest())
        side = vae.GetModelInfo(VaeServiceGetModelInfoRequest()).sample_size
        grid = LatentGrid(rows=(arguments.height or side) // 16, columns=(arguments.width or side) // 16)
        is_dev = model.variant == FLUX_VARIANT_DEV
        timesteps = schedule(arguments.steps, grid.rows * grid.columns, shifted=is_dev)

        request = TextEncoderServiceEncodeRequest(prompt=arguments.prompt, reply_data_type=DATA_TYPE_FLOAT32)
        conditioning = TextEncoderServiceStub(text_channel).Encode(request)
        opening = OpenSession(
            session_id=f"own-sampler-{uuid.uuid4()}",
            hidden_states=conditioning.hidden_states,
            pooled=conditioning.pooled,
            grid=grid,
            guidance=arguments.guidance if is_dev else None,
            sigmas=timesteps,
        )
        x = pack(noise(arguments.seed, (1, model.in_channels // 4, 2 * grid.rows, 2 * grid.columns)))
        with DenoiseSession(denoiser_channel, opening) as session:
            x = SAMPLERS[arguments.sampler](session.velocity, x, timesteps)
        return array_of(vae.Decode(DecodeRequest(latents=tensor_of(x), grid=grid)).pixels)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draws a prompt with a sampler of its own.")
    parser.add_argument("prompt")
    parser.add_argument("--text-encoder", default="http://127.0.0.1:5001")
    parser.add_argument("--denoiser", default="http://127.0.0.1:5002")
    parser.add_argument("--vae", default="http://127.0.0.1:5003")
    parser.add_argument("--sampler", choices=SAMPLERS, default="heun")
    parser.add_argument("--output", type=Path, default=Path("out.png"))
    parser.add_argument("--width", type=side, help="a multiple of 16; the model's own size by default")
    parser.add_argument("--height", type=side, help="a multiple of 16; the model's own size by default")
    parser.add_argument("--steps", type=int, default=28)
    parser.add_argument("--guidance", type=float, default=3.5)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def side(text: str) -> int:
    """A width or a height."""
    pixels = int(text)
    if pixels <= 0 or pixels % 16 > 0:
        raise argparse.ArgumentTypeError(f"{pixels} is no multiple of 16")
    return pixels


def main() -> int:
    arguments = parse_arguments()
    try:
        arguments.output.write_bytes(png(draw(arguments)))
    except (FluxError, ValueError) as error:
        print(f"own_sampler: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("own_sampler: cancelled", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
