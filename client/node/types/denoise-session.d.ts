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
    /**
     * Opens a session and waits for its turn.
     *
     * @param {ServiceClient<typeof DenoiserService>} denoiser Made by `connect(DenoiserService, address)`.
     * @param {MessageInitShape<typeof OpenSessionSchema>} opening Everything that stays the same over the image's steps.
     * @param {CallOptions} [options]
     * @throws {FluxError} The denoiser refuses the session.
     */
    static open(denoiser: ServiceClient<typeof DenoiserService>, opening: MessageInitShape<typeof OpenSessionSchema>, options?: CallOptions): Promise<DenoiseSession>;
    /**
     * @param {ServiceClient<typeof DenoiserService>} denoiser
     * @param {MessageInitShape<typeof OpenSessionSchema>} opening
     * @param {CallOptions} options
     * @private
     */
    private constructor();
    /** True once the denoiser is to stop: the next step belongs to another replica. */
    draining: boolean;
    /** @type {SessionAccepted | undefined} The denoiser's name and its model's fingerprint. */
    accepted: SessionAccepted | undefined;
    /**
     * Evaluates the network once.
     *
     * @param {Float32Array} latents Packed latents [1, N, 64].
     * @param {number} timestep t in [0, 1]: 1 is noise, 0 the image.
     * @param {number} index The step's index: 0 at first, then the same again (a sampler may evaluate twice in a step) or one more.
     * @returns {Promise<Float32Array>} The velocity [1, N, 64].
     */
    velocity(latents: Float32Array, timestep: number, index: number): Promise<Float32Array>;
    /** Ends the session in good order. */
    close(): Promise<void>;
    /** Ends the session at once. */
    cancel(): void;
    #private;
}
import type { SessionAccepted } from "../gen/flux/v1/denoiser_service_pb.js";
import type { DenoiserService } from "../gen/flux/v1/denoiser_service_pb.js";
import type { ServiceClient } from "./service-client.js";
import type { OpenSessionSchema } from "../gen/flux/v1/denoiser_service_pb.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "./service-client.js";
