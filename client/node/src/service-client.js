import { Client } from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { targetOf } from "./address.js";
import { fluxErrorOf } from "./errors.js";
import { credentialsOf, metadataOf } from "./security.js";

/** @import { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf" */
/** @import { ClientDuplexStream, ClientReadableStream, Metadata } from "@grpc/grpc-js" */
/** @import { Security } from "./security.js" */

// The servers' own limit. gRPC's default of 4 MiB is just too small for the 512 text tokens of FLUX.1.
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

const OPTIONS = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
};

/**
 * How to call: the signal cancels the call, which then throws the signal's reason. `AbortSignal.timeout(ms)` is a time limit.
 *
 * @typedef {{ signal?: AbortSignal }} CallOptions
 */

/**
 * A service of the contracts: `DenoiserService` and its like, from "fluxgrpc/v1".
 *
 * @typedef {{ methods: DescMethod[], method: Record<string, DescMethod> }} Service
 */

/**
 * A function for a method.
 *
 * @template {DescMethod} M
 * @typedef {M["methodKind"] extends "unary"
 *   ? (request: MessageInitShape<M["input"]>, options?: CallOptions) => Promise<MessageShape<M["output"]>>
 *   : M["methodKind"] extends "server_streaming"
 *     ? (request: MessageInitShape<M["input"]>, options?: CallOptions) => AsyncGenerator<MessageShape<M["output"]>, void, void>
 *     : (options?: CallOptions) => Conversation<M["input"], M["output"]>} Call
 */

/**
 * A function for each method of a service, and `close`, which ends the connection.
 *
 * @template {Service} S
 * @typedef {{ [K in keyof S["method"]]: Call<S["method"][K]> } & { close(): void }} ServiceClient
 */

/**
 * Makes a client of any of the services; nothing is sent before the first call. Every call throws FluxError where it fails.
 *
 * @template {Service} S
 * @param {S} service `DenoiserService` and its like, from "fluxgrpc/v1".
 * @param {string} address `http://host:port`, `https://host:port`, `host:port` or `unix:/path/of.sock`.
 * @param {Security} [security] An API key, and the files for TLS.
 * @returns {ServiceClient<S>} A function for each method, and `close`, which ends the connection.
 * @throws {TypeError} The address is none of these, or the rest does not fit it.
 */
export function connect(service, address, security = {}) {
  const target = targetOf(address);
  const metadata = metadataOf(address, target, security);
  const client = new Client(target, credentialsOf(address, security), OPTIONS);
  const calls = service.methods.map((method) => [method.localName, callOf(client, method, address, metadata)]);
  return /** @type {ServiceClient<S>} */ ({ ...Object.fromEntries(calls), close: () => client.close() });
}

/**
 * @param {Client} client
 * @param {DescMethod} method
 * @param {string} address
 * @param {Metadata} metadata
 */
function callOf(client, method, address, metadata) {
  const path = `/${method.parent.typeName}/${method.name}`;
  const deserialize = (/** @type {Buffer} */ bytes) => fromBinary(method.output, bytes);
  switch (method.methodKind) {
    case "unary":
      return (/** @type {any} */ request, /** @type {CallOptions} */ { signal } = {}) => {
        const bytes = bytesOf(method.input, request);
        const start = (/** @type {(error: any, reply?: any) => void} */ done) =>
          client.makeUnaryRequest(path, same, deserialize, bytes, metadata, done);
        return reply(start, address, signal);
      };
    case "server_streaming":
      return (/** @type {any} */ request, /** @type {CallOptions} */ { signal } = {}) => {
        signal?.throwIfAborted();
        const bytes = bytesOf(method.input, request);
        return replies(client.makeServerStreamRequest(path, same, deserialize, bytes, metadata), address, signal);
      };
    case "bidi_streaming":
      return (/** @type {CallOptions} */ { signal } = {}) => {
        signal?.throwIfAborted();
        return new Conversation(client.makeBidiStreamRequest(path, same, deserialize, metadata), method.input, address, signal);
      };
    default:
      throw new TypeError(`${path} is of a kind that no service of ours has`);
  }
}

/**
 * A call in which both sides send messages.
 *
 * @template {DescMessage} I
 * @template {DescMessage} O
 */
export class Conversation {
  #call;
  #input;
  #replies;

  /**
   * @param {ClientDuplexStream<Buffer, MessageShape<O>>} call
   * @param {I} input
   * @param {string} address
   * @param {AbortSignal | undefined} signal
   */
  constructor(call, input, address, signal) {
    this.#call = call;
    this.#input = input;
    this.#replies = replies(call, address, signal);
  }

  /**
   * @param {MessageInitShape<I>} message
   */
  send(message) {
    this.#call.write(bytesOf(this.#input, message));
  }

  /**
   * @returns {Promise<MessageShape<O> | undefined>} The server's next message; undefined after its last one.
   */
  async receive() {
    const { value } = await this.#replies.next();
    return value ?? undefined;
  }

  /** Says that nothing more will be sent. */
  end() {
    this.#call.end();
  }

  /** Ends the call at once. */
  cancel() {
    this.#call.cancel();
  }
}

/**
 * The one reply of a call.
 *
 * @param {(done: (error: any, reply?: any) => void) => { cancel(): void }} start
 * @param {string} address
 * @param {AbortSignal | undefined} signal
 */
async function reply(start, address, signal) {
  signal?.throwIfAborted();
  let release = () => {};
  try {
    return await new Promise((resolve, reject) => {
      release = cancelOn(signal, start((error, message) => (error ? reject(error) : resolve(message))));
    });
  } catch (error) {
    throw signal?.aborted ? signal.reason : fluxErrorOf(error, address);
  } finally {
    release();
  }
}

/**
 * The replies of a stream.
 *
 * @template T
 * @param {ClientReadableStream<T> | ClientDuplexStream<Buffer, T>} call
 * @param {string} address
 * @param {AbortSignal | undefined} signal
 * @returns {AsyncGenerator<T, void, void>}
 */
function replies(call, address, signal) {
  // Kept, since a stream may fail before anybody reads it, or after its reader has gone; without a listener Node would end
  // the program.
  /** @type {unknown} */
  let failure;
  call.on("error", (error) => (failure ??= error));
  const release = cancelOn(signal, call);

  return (async function* () {
    try {
      yield* call;
      if (failure) throw failure;
    } catch (error) {
      throw signal?.aborted ? signal.reason : fluxErrorOf(error, address);
    } finally {
      release();
      call.cancel(); // The loop was left early, or the call is over and this does nothing.
    }
  })();
}

/**
 * Cancels a call when a signal says so; the function that it returns stops listening.
 *
 * @param {AbortSignal | undefined} signal
 * @param {{ cancel(): void }} call
 */
function cancelOn(signal, call) {
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return () => signal?.removeEventListener("abort", cancel);
}

/**
 * Checks a message's values, before anything is sent, and gives its bytes.
 *
 * @param {DescMessage} schema
 * @param {any} message
 */
function bytesOf(schema, message) {
  const bytes = toBinary(schema, create(schema, message));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @param {Buffer} bytes */
function same(bytes) {
  return bytes;
}
