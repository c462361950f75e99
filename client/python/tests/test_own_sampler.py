"""The example's arithmetic against the reference's numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import own_sampler
import pytest
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[3] / "tests" / "golden"
TIMESTEPS = [1, 0.75, 0.5, 0.25, 0]


def velocity(x: NDArray[Any], t: float, index: int) -> NDArray[Any]:
    """Of a made-up model whose clean picture is 0.3 x + 0.1 t."""
    clean: NDArray[Any] = 0.3 * x + 0.1 * t
    return (x - clean) / t


@pytest.mark.parametrize(("sampler", "expected"), [("euler", 0.16445), ("heun", 0.1461502427)])
def test_a_sampler_gives_the_published_numbers(sampler: str, expected: float) -> None:
    assert own_sampler.SAMPLERS[sampler](velocity, np.ones(1), TIMESTEPS)[0] == pytest.approx(expected, abs=1e-7)


def test_heun_evaluates_twice_in_a_step_but_for_the_last() -> None:
    calls = []

    def record(x: NDArray[Any], t: float, index: int) -> NDArray[Any]:
        calls.append((index, t))
        return x

    own_sampler.heun(record, np.ones(1, np.float32), [1, 0.5, 0])

    assert calls == [(0, 1), (0, 0.5), (1, 0.5)]


def test_the_schedule_is_the_references() -> None:
    shifted = own_sampler.schedule(4, 4096, shifted=True)

    assert shifted == pytest.approx([1, 0.904531, 0.759511, 0.512844, 0], abs=1e-6)
    assert own_sampler.schedule(4, 4096, shifted=False) == TIMESTEPS


@pytest.mark.parametrize("seed", [0, 42, 123456789012])
def test_the_noise_is_the_references(seed: int) -> None:
    expected = golden_array(f"randn.f32.seed{seed}.n1536")

    np.testing.assert_allclose(own_sampler.noise(seed, expected.shape), expected, rtol=0, atol=4e-6)


def test_a_token_is_a_patch_of_two_by_two() -> None:
    latents = np.arange(2 * 4 * 6, dtype=np.float32).reshape(1, 2, 4, 6)

    tokens = own_sampler.pack(latents)

    assert tokens.shape == (1, 6, 8)
    assert tokens[0, 4].tolist() == [*latents[0, 0, 2:4, 2:4].flat, *latents[0, 1, 2:4, 2:4].flat]


def golden_array(name: str) -> NDArray[np.float32]:
    """An array of tests/golden/noise.safetensors."""
    content = (GOLDEN / "noise.safetensors").read_bytes()
    header_length = int.from_bytes(content[:8], "little")
    start, end = json.loads(content[8 : 8 + header_length])[name]["data_offsets"]
    return np.frombuffer(content[8 + header_length + start : 8 + header_length + end], "<f4")
