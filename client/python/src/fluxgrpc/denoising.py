"""The denoiser as a function: velocities for samplers of your own. Needs numpy."""

from queue import SimpleQueue
from types import TracebackType
from typing import Any

import grpc
from numpy.typing import NDArray

from fluxgrpc.errors import rpc_errors
from fluxgrpc.tensors import array_of, tensor_of
from fluxgrpc.v1 import DenoiseRequest, DenoiserServiceStub, DenoiseStep, OpenSession, SessionAccepted

DENOISER = "the denoiser"


class DenoiseSession:
    """One image at a denoiser: the velocity v(latents, t) for the conditioning that the session was opened with.

    The denoiser keeps no state of the sampler's, so the sampler may be any, and a session may go on at another replica: open
    one there with ``first_step_index``.

    :param channel: a channel to the denoiser, by :func:`fluxgrpc.open_channel`.
    :param opening: everything that stays the same over the image's steps.
    :raises FluxError: the denoiser refuses the session.
    """

    def __init__(self, channel: grpc.Channel, opening: OpenSession) -> None:
        self._requests: SimpleQueue[DenoiseRequest | None] = SimpleQueue()
        self._call = DenoiserServiceStub(channel).Denoise(iter(self._requests.get, None))
        self.draining = False
        """True once the denoiser is to stop: the next step belongs to another replica."""
        self.accepted: SessionAccepted = self._ask(DenoiseRequest(open=opening), "accepted")
        """The denoiser's name and its model's fingerprint."""

    def velocity(self, latents: NDArray[Any], timestep: float, index: int) -> NDArray[Any]:
        """Evaluates the network once.

        :param latents: packed latents [1, N, 64], float32.
        :param timestep: t in [0, 1]: 1 is noise, 0 the image.
        :param index: the step's index: 0 at first, then the same again (a sampler may evaluate twice in a step) or one more.
        :returns: the velocity [1, N, 64], float32.
        """
        step = DenoiseStep(index=index, timestep=timestep, latents=tensor_of(latents))
        return array_of(self._ask(DenoiseRequest(step=step), "step_result").velocity)

    def close(self) -> None:
        """Ends the session in good order."""
        self._requests.put(None)
        with rpc_errors(DENOISER):
            for _ in self._call:
                pass

    def cancel(self) -> None:
        """Ends the session at once."""
        self._call.cancel()
        self._requests.put(None)

    def __enter__(self) -> "DenoiseSession":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.cancel()

    def _ask(self, request: DenoiseRequest, answer: str) -> Any:
        """Sends a message and waits for its answer; a full denoiser tells our place meanwhile, one that is to stop says so."""
        self._requests.put(request)
        try:
            with rpc_errors(DENOISER):
                for response in self._call:
                    kind = response.WhichOneof("message")
                    if kind == answer:
                        return getattr(response, kind)
                    self.draining |= kind == "drain_notice"
        except BaseException:  # A failed call, or Ctrl-C: the session is over.
            self.cancel()
            raise
        self.cancel()
        raise EOFError("the denoiser ended the session without an answer")
