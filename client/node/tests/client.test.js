import assert from "node:assert/strict";
import { once } from "node:events";
import { tmpdir } from "node:os";
import test from "node:test";
import { FluxClient, FluxError, connect } from "fluxgrpc";
import { ImageGenerationService, Priority, Sampler } from "fluxgrpc/v1";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/fluxgrpc/v1/error_details_pb.js";
import { Code, failure, serve } from "./scripted.js";

const { generate } = ImageGenerationService.method;

const EVENTS = [
  { event: { case: "accepted", value: { requestId: "x" } } },
  { event: { case: "queued", value: { ahead: 2 } } },
  { event: { case: "encoded", value: { cached: true } } },
  { event: { case: "step", value: { stepIndex: 0, steps: 1 } } },
  { event: { case: "replicaChanged", value: { toReplicaId: "other" } } },
  {}, // As an event of a newer server looks to this client.
  { event: { case: "image", value: { data: Uint8Array.of(1, 2, 3), seed: 2n ** 64n - 1n } } },
  { event: { case: "finished", value: {} } },
];
const KINDS = ["accepted", "queued", "encoded", "step", "replicaChanged", "image", "finished"];

/** @param {any} call */
function allEvents(call) {
  for (const event of EVENTS) call.write(event);
  call.end();
}

/** @param {any} call */
function oneEventAndSilence(call) {
  call.write(EVENTS[0]);
}

/**
 * @param {import("node:test").TestContext} context
 * @param {(call: any) => void} script
 */
async function connected(context, script) {
  const flux = new FluxClient(await serve(context, generate, script));
  context.after(() => flux.close());
  return flux;
}

test("every event arrives in order and unknown ones are passed over", async (context) => {
  const flux = await connected(context, allEvents);

  const kinds = [];
  for await (const event of flux.generate("a cat")) kinds.push(event.case);
  assert.deepEqual(kinds, KINDS);
  for await (const image of flux.generateImages("a cat"))
    assert.deepEqual([[...image.data], image.seed], [[1, 2, 3], 2n ** 64n - 1n]);
});

test("options reach the server and those left out stay unset", async (context) => {
  /** @type {any} */
  let request;
  const flux = await connected(context, (call) => {
    request = call.request;
    allEvents(call);
  });

  for await (const _ of flux.generate("a cat", { width: 64, height: undefined, seed: 0, priority: "batch", sampler: "dpmpp_2m" }));

  assert.deepEqual([request.prompt, request.width, request.seed], ["a cat", 64, 0n]);
  assert.deepEqual([request.priority, request.sampler, request.format], [Priority.BATCH, Sampler.DPMPP_2M, 0]);
  assert.equal(request.height, undefined);
});

test("values that a message cannot hold are refused before anything is sent", async (context) => {
  const flux = await connected(context, () => assert.fail("a call arrived"));

  await assert.rejects(flux.generate("a cat", { width: 1.5 }).next(), /width.*1\.5/);
  await assert.rejects(flux.generate("a cat", { seed: -1 }).next(), /seed/);
  await assert.rejects(flux.generate("a cat", { sampler: /** @type {any} */ ("magic") }).next(), /allowed: euler, heun, dpmpp_2m$/);
});

test("bad values are a FluxError with the server's words, field by field", async (context) => {
  const fieldViolations = ["width", "steps"].map((field) => ({ field, description: `${field} is 0` }));
  const flux = await connected(context, (call) =>
    call.emit("error", failure(Code.INVALID_ARGUMENT, "width is 0; steps is 0", { BadRequest: [BadRequestSchema, { fieldViolations }] })),
  );

  await assert.rejects(flux.generate("a cat").next(), (error) => {
    assert.ok(error instanceof FluxError);
    assert.deepEqual([error.message, error.status], ["width is 0; steps is 0", "INVALID_ARGUMENT"]);
    assert.deepEqual(error.violations, fieldViolations);
    assert.equal(error.retryDelayMs, undefined);
    return true;
  });
});

test("a full server says when to come back", async (context) => {
  const details = {
    ErrorInfo: [ErrorInfoSchema, { reason: "QUEUE_FULL" }],
    RetryInfo: [RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } }],
  };
  const flux = await connected(context, (call) =>
    call.emit("error", failure(Code.RESOURCE_EXHAUSTED, "8 generations are in hand", /** @type {any} */ (details))),
  );

  await assert.rejects(flux.generate("a cat").next(), { reason: "QUEUE_FULL", retryDelayMs: 1500, message: "8 generations are in hand" });
});

test("nobody there is told with the address", async () => {
  const address = `unix:${tmpdir()}/flux-nobody`;
  const flux = new FluxClient(address);

  await assert.rejects(flux.modelInfo(), (/** @type {Error} */ error) => error.message.startsWith(`no answer from ${address}: `));
  await assert.rejects(flux.generate("a cat").next(), { name: "FluxError", status: "UNAVAILABLE" });
  flux.close();
});

test("the signal cancels the call and is the error", async (context) => {
  const arrived = new EventTarget();
  const flux = await connected(context, (call) => {
    call.on("cancelled", () => arrived.dispatchEvent(new Event("cancelled")));
    oneEventAndSilence(call);
  });
  const controller = new AbortController();
  const events = flux.generate("a cat", { signal: controller.signal });
  await events.next();
  const cancelled = once(arrived, "cancelled");

  const waiting = events.next();
  controller.abort();

  await assert.rejects(waiting, { name: "AbortError" });
  await cancelled;
  await assert.rejects(flux.generate("a cat", { signal: controller.signal }).next(), { name: "AbortError" });
  await assert.rejects(flux.status({ signal: controller.signal }), { name: "AbortError" });
  await assert.rejects(async () => {
    for await (const _ of flux.generate("a cat", { signal: AbortSignal.timeout(50) }));
  }, { name: "TimeoutError" });
});

test("leaving the loop early cancels the call", async (context) => {
  const arrived = new EventTarget();
  const flux = await connected(context, (call) => {
    call.on("cancelled", () => arrived.dispatchEvent(new Event("cancelled")));
    oneEventAndSilence(call);
  });
  const cancelled = once(arrived, "cancelled");

  for await (const _ of flux.generate("a cat")) break;

  await cancelled;
});

test("a stream that failed before it was read tells so when it is", async (context) => {
  const ended = new EventTarget();
  const address = await serve(context, generate, (call) => {
    call.emit("error", failure(Code.NOT_FOUND, "gone"));
    setImmediate(() => ended.dispatchEvent(new Event("ended")));
  });
  const service = connect(ImageGenerationService, address);
  context.after(() => service.close());
  const hasEnded = once(ended, "ended");

  const replies = service.generate({ prompt: "a cat" });
  await hasEnded;
  await service.getStatus({}).catch(() => undefined); // Another round trip: the failure has arrived by now.

  await assert.rejects(replies.next(), { message: "gone", status: "NOT_FOUND" });
});
