/**
 * Client for FluxGrpc: FLUX.1 text-to-image over gRPC.
 *
 * The messages are those of the contracts, in "fluxgrpc/v1".
 *
 * @module fluxgrpc
 */

/** @typedef {import("./client.js").GenerateOptions} GenerateOptions */
/** @typedef {import("./client.js").GenerateEvent} GenerateEvent */
/** @typedef {import("./errors.js").FieldViolation} FieldViolation */
/** @typedef {import("./service-client.js").CallOptions} CallOptions */
/** @typedef {import("./security.js").Security} Security */
/**
 * @template {import("./service-client.js").Service} S
 * @typedef {import("./service-client.js").ServiceClient<S>} ServiceClient
 */

export { FluxClient } from "./client.js";
export { FluxError } from "./errors.js";
export { settingsOf } from "./settings.js";
export { connect } from "./service-client.js";
export { DenoiseSession } from "./denoise-session.js";
export { arrayOf, tensorOf } from "./tensors.js";
