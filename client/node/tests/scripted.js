import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, Server, ServerCredentials, status as Code } from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { StatusSchema } from "../gen/fluxgrpc/v1/error_details_pb.js";

/**
 * Runs a server that answers one method as a test tells it, over real gRPC on a Unix socket, until the test ends.
 *
 * @param {import("node:test").TestContext} test
 * @param {import("@bufbuild/protobuf").DescMethod} method
 * @param {(call: any) => void} script Gets the server's side of every call.
 * @returns {Promise<string>} The server's address.
 */
export async function serve(test, method, script) {
  const folder = await mkdtemp(join(tmpdir(), "flux-test-"));
  const server = new Server();
  const streams = method.methodKind === "bidi_streaming";
  const definition = {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: streams,
    responseStream: true,
    requestDeserialize: (/** @type {Buffer} */ bytes) => fromBinary(method.input, bytes),
    responseSerialize: (/** @type {any} */ message) => Buffer.from(toBinary(method.output, create(method.output, message))),
    requestSerialize: (/** @type {any} */ message) => Buffer.from(toBinary(method.input, message)),
    responseDeserialize: (/** @type {Buffer} */ bytes) => fromBinary(method.output, bytes),
  };
  server.addService({ [method.name]: definition }, { [method.name]: script });
  const address = `unix:${join(folder, "scripted")}`;
  await new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve(undefined)));
  });
  test.after(async () => {
    server.forceShutdown();
    await rm(folder, { recursive: true });
  });
  return address;
}

/**
 * A failure as our services send it.
 *
 * @param {number} code
 * @param {string} message
 * @param {Record<string, [any, any]>} details google.rpc messages by their names: `{ BadRequest: [schema, values] }`.
 */
export function failure(code, message, details = {}) {
  const status = create(StatusSchema, { code, message });
  for (const [name, [schema, values]] of Object.entries(details)) {
    status.details.push({ ...anyPack(schema, create(schema, values)), typeUrl: `type.googleapis.com/google.rpc.${name}` });
  }
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  return Object.assign(new Error(message), { code, details: message, metadata });
}

export { Code };
