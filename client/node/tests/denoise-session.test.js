import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { DenoiseSession, connect } from "fluxgrpc";
import { DenoiserService } from "fluxgrpc/v1";
import { Code, failure, serve } from "./scripted.js";

const OPENING = { sessionId: "test", grid: { rows: 1, columns: 2 } };

/**
 * @param {import("node:test").TestContext} context
 * @param {(call: any) => void} script
 */
async function connected(context, script) {
  const denoiser = connect(DenoiserService, await serve(context, DenoiserService.method.denoise, script));
  context.after(() => denoiser.close());
  return denoiser;
}

test("a session waits for its turn, answers steps and ends in good order", async (context) => {
  let ended = false;
  const denoiser = await connected(context, (call) => {
    call.on("data", (/** @type {any} */ { message }) => {
      if (message.case === "open") {
        call.write({ message: { case: "queued", value: { ahead: 1 } } });
        call.write({ message: { case: "accepted", value: { replicaId: "echo" } } });
      } else {
        call.write({ message: { case: "drainNotice", value: {} } });
        call.write({ message: { case: "stepResult", value: { index: message.value.index, velocity: message.value.latents } } });
      }
    });
    call.on("end", () => {
      ended = true;
      call.end();
    });
  });
  const latents = Float32Array.of(1, 2, 3, 4, 5, 6);

  const session = await DenoiseSession.open(denoiser, OPENING);

  assert.equal(session.accepted?.replicaId, "echo");
  assert.equal(session.draining, false);
  assert.deepEqual(await session.velocity(latents, 1, 0), latents);
  assert.equal(session.draining, true);
  await session.close();
  assert.equal(ended, true);
});

test("a refused opening is the server's error", async (context) => {
  const denoiser = await connected(context, (call) => call.emit("error", failure(Code.FAILED_PRECONDITION, "another model")));

  await assert.rejects(DenoiseSession.open(denoiser, OPENING), { message: "another model", status: "FAILED_PRECONDITION" });
});

test("cancelling frees the denoiser", async (context) => {
  const server = new EventTarget();
  const denoiser = await connected(context, (call) => {
    call.on("cancelled", () => server.dispatchEvent(new Event("cancelled")));
    call.write({ message: { case: "accepted", value: {} } });
  });
  const cancelled = once(server, "cancelled");
  const session = await DenoiseSession.open(denoiser, OPENING);

  session.cancel();

  await cancelled;
});
