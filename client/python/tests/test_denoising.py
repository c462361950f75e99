from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from scripted import ScriptedDenoiser, refuse, serve

from fluxgrpc import InvalidRequestError, open_channel
from fluxgrpc.denoising import DenoiseSession
from fluxgrpc.v1 import DenoiseResponse, DrainNotice, OpenSession, SessionAccepted, SessionQueued, StepResult

PATIENCE = 30.0


def echo(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    """A full denoiser that lets us in in the end, is told to stop after the first step, and takes latents for velocities."""
    assert next(requests).open.session_id == "test"
    yield DenoiseResponse(queued=SessionQueued(ahead=1))
    yield DenoiseResponse(accepted=SessionAccepted(replica_id="echo"))
    for request in requests:
        yield DenoiseResponse(drain_notice=DrainNotice())
        yield DenoiseResponse(step_result=StepResult(index=request.step.index, velocity=request.step.latents))


def refuse_steps(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    next(requests)
    yield DenoiseResponse(accepted=SessionAccepted(replica_id="strict"))
    next(requests)
    refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "latents have NaN")


def test_a_session_waits_for_its_turn_answers_steps_and_ends_in_good_order(tmp_path: Path) -> None:
    denoiser = ScriptedDenoiser(echo)
    with serve(denoiser, tmp_path) as address, open_channel(address) as channel:
        latents = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
        with DenoiseSession(channel, OpenSession(session_id="test")) as session:
            assert (session.accepted.replica_id, session.draining) == ("echo", False)
            np.testing.assert_array_equal(session.velocity(latents, 1.0, 0), latents)
            assert session.draining

        assert denoiser.call_ended.wait(PATIENCE)


def test_a_refused_step_is_the_servers_error(tmp_path: Path) -> None:
    with serve(ScriptedDenoiser(refuse_steps), tmp_path) as address, open_channel(address) as channel:
        with pytest.raises(InvalidRequestError, match="^latents have NaN$"):
            with DenoiseSession(channel, OpenSession(session_id="test")) as session:
                session.velocity(np.zeros((1, 1, 1), np.float32), 1.0, 0)


def test_an_error_in_the_callers_loop_ends_the_session(tmp_path: Path) -> None:
    denoiser = ScriptedDenoiser(echo)
    with serve(denoiser, tmp_path) as address, open_channel(address) as channel:
        with pytest.raises(ZeroDivisionError), DenoiseSession(channel, OpenSession(session_id="test")):
            1 / 0

        assert denoiser.call_ended.wait(PATIENCE)
