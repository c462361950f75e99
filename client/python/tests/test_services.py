"""Against the real services: client/with-services /usr/bin/python3 -m pytest client/python"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fluxgrpc import FluxClient, GenerateOptions, InvalidRequestError, StepCompleted, open_channel
from fluxgrpc.denoising import DenoiseSession
from fluxgrpc.tensors import tensor_of
from fluxgrpc.v1 import (
    DenoiserServiceStub,
    GetLoadRequest,
    LatentGrid,
    OpenSession,
    TextEncoderServiceEncodeRequest,
    TextEncoderServiceStub,
)

pytestmark = pytest.mark.skipif(
    "FLUX_TEST_ORCHESTRATOR" not in os.environ, reason="no services: run under client/with-services"
)

EXAMPLES = Path(__file__).parents[1] / "examples"
MODEL_SERVICES = ["text-encoder", "denoiser", "vae"]
PATIENCE = 120.0
SMALL: GenerateOptions = {"width": 64, "height": 64, "steps": 2, "seed": 7}


@pytest.fixture(name="flux")
def connect() -> FluxClient:
    """The orchestrator, with the services behind it ready."""
    flux = FluxClient(os.environ["FLUX_TEST_ORCHESTRATOR"])
    deadline = time.monotonic() + PATIENCE
    while not all(component.ready for component in flux.status().components):
        assert time.monotonic() < deadline, flux.status()
        time.sleep(0.2)
    return flux


def test_the_same_seed_gives_the_same_picture(flux: FluxClient) -> None:
    pictures = [list(flux.generate("a red circle", **SMALL, count=2).images()) for _ in range(2)]

    assert [image.seed for image in pictures[0]] == [7, 8]
    assert pictures[0][0].data.startswith(b"\x89PNG")
    assert [image.data for image in pictures[0]] == [image.data for image in pictures[1]]


def test_tensors_of_the_steps_can_be_had(flux: FluxClient) -> None:
    steps = [
        event
        for event in flux.generate("a red circle", **SMALL, include_tensors=True)
        if isinstance(event, StepCompleted)
    ]

    assert [list(step.velocity.shape) for step in steps] == [[1, 16, 64]] * 2


def test_bad_values_are_told_field_by_field(flux: FluxClient) -> None:
    with pytest.raises(InvalidRequestError, match="width is 17; allowed: multiples of 16") as raised:
        list(flux.generate("a cat", width=17, steps=0))

    assert [violation.field for violation in raised.value.violations] == ["width", "steps"]


def test_the_models_and_the_limits_are_told(flux: FluxClient) -> None:
    info = flux.model_info()

    assert (info.denoiser.in_channels, info.limits.min_side) == (64, 64)


def test_leaving_early_frees_the_denoiser(flux: FluxClient) -> None:
    with flux.generate("a cat", steps=200) as generation:
        next(event for event in generation if isinstance(event, StepCompleted))

    deadline = time.monotonic() + PATIENCE
    with open_channel(os.environ["FLUX_TEST_DENOISER"]) as channel:
        while DenoiserServiceStub(channel).GetLoad(GetLoadRequest()).sessions:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_the_denoiser_says_what_is_wrong_with_latents(flux: FluxClient) -> None:
    with open_channel(os.environ["FLUX_TEST_TEXT_ENCODER"]) as text, open_channel(os.environ["FLUX_TEST_DENOISER"]) as channel:
        prompt = TextEncoderServiceStub(text).Encode(TextEncoderServiceEncodeRequest(prompt="a cat"))
        opening = OpenSession(
            session_id="bad-latents",
            hidden_states=prompt.hidden_states,
            pooled=prompt.pooled,
            grid=LatentGrid(rows=4, columns=4),
            guidance=3.5,
            sigmas=[1, 0],
        )
        with pytest.raises(InvalidRequestError, match="latents"), DenoiseSession(channel, opening) as session:
            session.velocity(np.full((1, 16, 64), np.nan, np.float32), 1.0, 0)


def test_a_message_over_4_MiB_passes(flux: FluxClient) -> None:
    with open_channel(os.environ["FLUX_TEST_DENOISER"]) as channel, pytest.raises(InvalidRequestError, match="hidden_states"):
        DenoiseSession(channel, OpenSession(session_id="large", hidden_states=tensor_of(np.zeros((1, 512, 4096), np.float32))))


@pytest.mark.parametrize("sampler", ["euler", "heun"])
def test_the_example_draws_with_its_own_sampler(flux: FluxClient, sampler: str, tmp_path: Path) -> None:
    services = [f"--{name}={os.environ['FLUX_TEST_' + name.replace('-', '_').upper()]}" for name in MODEL_SERVICES]
    output = tmp_path / "own.png"

    subprocess.run(
        [sys.executable, EXAMPLES / "own_sampler.py", "a cat", f"--sampler={sampler}", f"--output={output}", *services]
        + ["--width=64", "--height=96", "--steps=2"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )

    assert output.read_bytes()[16:24] == (64).to_bytes(4, "big") + (96).to_bytes(4, "big")
