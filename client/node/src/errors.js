import { status as Code } from "@grpc/grpc-js";
import { fromBinary } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema, StatusSchema } from "../gen/fluxgrpc/v1/error_details_pb.js";

/**
 * One thing that is wrong with a request: the field's path in the .proto file's names, and what its value is and what is allowed.
 *
 * @typedef {{ field: string, description: string }} FieldViolation
 */

/**
 * A call that failed; its message is the server's own.
 */
export class FluxError extends Error {
  /**
   * @param {string} message
   * @param {{ status: keyof typeof Code, reason?: string, violations?: FieldViolation[], retryDelayMs?: number, cause?: unknown }} facts
   */
  constructor(message, { status, reason = "", violations = [], retryDelayMs, cause }) {
    super(message, { cause });
    this.name = "FluxError";
    /** The call's status: "INVALID_ARGUMENT", "UNAVAILABLE", … */
    this.status = status;
    /** Stable UPPER_SNAKE name of the reason, for code to branch on; empty where the server gave none. */
    this.reason = reason;
    /** What is wrong with the request, field by field; empty for other failures. */
    this.violations = violations;
    /** How long the server asks to wait before another try, in milliseconds; undefined where it did not say. */
    this.retryDelayMs = retryDelayMs;
  }
}

/**
 * Decodes a failed call.
 *
 * @param {unknown} error What grpc-js threw.
 * @param {string} address The server's address, for the message where it gave no answer at all.
 * @returns {unknown} A FluxError; what is no failed call is handed back.
 */
export function fluxErrorOf(error, address) {
  if (!isServiceError(error)) return error;
  const trailer = error.metadata?.get("grpc-status-details-bin")[0];
  const details = trailer instanceof Uint8Array ? fromBinary(StatusSchema, trailer).details : undefined;
  const status = /** @type {keyof typeof Code} */ (Code[error.code]);
  const answered = status !== "UNAVAILABLE" || details !== undefined;
  return new FluxError(answered ? error.details || status : `no answer from ${address}: ${error.details}`, {
    status,
    ...(details && factsOf(details)),
    cause: error,
  });
}

/**
 * @param {import("@bufbuild/protobuf/wkt").Any[]} details
 */
function factsOf(details) {
  /** @type {{ reason?: string, violations?: FieldViolation[], retryDelayMs?: number }} */
  const facts = {};
  for (const { typeUrl, value } of details) {
    switch (typeUrl.slice(typeUrl.lastIndexOf("/") + 1)) {
      case "google.rpc.BadRequest":
        facts.violations = fromBinary(BadRequestSchema, value).fieldViolations.map(({ field, description }) => ({ field, description }));
        break;
      case "google.rpc.ErrorInfo":
        facts.reason = fromBinary(ErrorInfoSchema, value).reason;
        break;
      case "google.rpc.RetryInfo": {
        const { retryDelay } = fromBinary(RetryInfoSchema, value);
        if (retryDelay) facts.retryDelayMs = durationMs(retryDelay);
        break;
      }
    }
  }
  return facts;
}

/**
 * @param {unknown} error
 * @returns {error is import("@grpc/grpc-js").ServiceError}
 */
function isServiceError(error) {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error;
}
