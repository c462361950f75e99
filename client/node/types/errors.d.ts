/**
 * Decodes a failed call.
 *
 * @param {unknown} error What grpc-js threw.
 * @param {string} address The server's address, for the message where it gave no answer at all.
 * @returns {unknown} A FluxError; what is no failed call is handed back.
 */
export function fluxErrorOf(error: unknown, address: string): unknown;
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
    constructor(message: string, { status, reason, violations, retryDelayMs, cause }: {
        status: keyof typeof Code;
        reason?: string;
        violations?: FieldViolation[];
        retryDelayMs?: number;
        cause?: unknown;
    });
    /** The call's status: "INVALID_ARGUMENT", "UNAVAILABLE", … */
    status: "UNKNOWN" | "OK" | "CANCELLED" | "INVALID_ARGUMENT" | "DEADLINE_EXCEEDED" | "NOT_FOUND" | "ALREADY_EXISTS" | "PERMISSION_DENIED" | "RESOURCE_EXHAUSTED" | "FAILED_PRECONDITION" | "ABORTED" | "OUT_OF_RANGE" | "UNIMPLEMENTED" | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS" | "UNAUTHENTICATED";
    /** Stable UPPER_SNAKE name of the reason, for code to branch on; empty where the server gave none. */
    reason: string;
    /** What is wrong with the request, field by field; empty for other failures. */
    violations: FieldViolation[];
    /** How long the server asks to wait before another try, in milliseconds; undefined where it did not say. */
    retryDelayMs: number | undefined;
}
/**
 * One thing that is wrong with a request: the field's path in the .proto file's names, and what its value is and what is allowed.
 */
export type FieldViolation = {
    field: string;
    description: string;
};
import { status as Code } from "@grpc/grpc-js";
