import { arrayOf, tensorOf } from "./tensors.js";

/** @import { MessageInitShape } from "@bufbuild/protobuf" */
/** @import { DenoiserService, DenoiseResponse, OpenSessionSchema, SessionAccepted } from "../gen/flux/v1/denoiser_service_pb.js" */
/** @import { CallOptions, ServiceClient } from "./service-client.js" */

/**
 * One image at a denoiser: the velocity v(latents, t) for the conditioning that the session was opened with.
 *
 * The denoiser keeps no state of the sampler's, so the sampler may be any, and a session may go on at another replica: open one
 * there with `firstStepIndex`.
 */
export class DenoiseSession {
  #conversation;
  #tokens;

  /** True once the denoiser is to stop: the next step belongs to another replica. */
  draining = false;

  /** @type {SessionAccepted | undefined} The denoiser's name and its model's fingerprint. */
  accepted;

  /**
   * Opens a session and waits for its turn.
   *
   * @param {ServiceClient<typeof DenoiserService>} denoiser Made by `connect(DenoiserService, address)`.
   * @param {MessageInitShape<typeof OpenSessionSchema>} opening Everything that stays the same over the image's steps.
   * @param {CallOptions} [options]
   * @throws {FluxError} The denoiser refuses the session.
   */
  static async open(denoiser, opening, options = {}) {
    const session = new DenoiseSession(denoiser, opening, options);
    session.#conversation.send({ message: { case: "open", value: opening } });
    session.accepted = await session.#answer("accepted");
    return session;
  }

  /**
   * @param {ServiceClient<typeof DenoiserService>} denoiser
   * @param {MessageInitShape<typeof OpenSessionSchema>} opening
   * @param {CallOptions} options
   * @private
   */
  constructor(denoiser, opening, options) {
    this.#conversation = denoiser.denoise(options);
    this.#tokens = (opening.grid?.rows ?? 0) * (opening.grid?.columns ?? 0);
  }

  /**
   * Evaluates the network once.
   *
   * @param {Float32Array} latents Packed latents [1, N, 64].
   * @param {number} timestep t in [0, 1]: 1 is noise, 0 the image.
   * @param {number} index The step's index: 0 at first, then the same again (a sampler may evaluate twice in a step) or one more.
   * @returns {Promise<Float32Array>} The velocity [1, N, 64].
   */
  async velocity(latents, timestep, index) {
    const tensor = tensorOf(latents, [1, this.#tokens, latents.length / this.#tokens]);
    this.#conversation.send({ message: { case: "step", value: { index, timestep, latents: tensor } } });
    const result = await this.#answer("stepResult");
    return /** @type {Float32Array} */ (arrayOf(result.velocity));
  }

  /** Ends the session in good order. */
  async close() {
    this.#conversation.end();
    while ((await this.#conversation.receive()) !== undefined);
  }

  /** Ends the session at once. */
  cancel() {
    this.#conversation.cancel();
  }

  /**
   * Waits for an answer; a full denoiser tells our place meanwhile, one that is to stop says so.
   *
   * @template {"accepted" | "stepResult"} K
   * @param {K} kind
   * @returns {Promise<Extract<DenoiseResponse["message"], { case: K }>["value"]>}
   */
  async #answer(kind) {
    for (;;) {
      const response = await this.#conversation.receive();
      if (response === undefined) throw new Error("the denoiser ended the session without an answer");
      if (response.message.case === kind) return /** @type {any} */ (response.message.value);
      this.draining ||= response.message.case === "drainNotice";
    }
  }
}
