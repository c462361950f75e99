// OpenAI's own client against the orchestrator. FLUX_TEST_WEB is the orchestrator's web address, EXPECTED_PNG what gRPC made of `order`,
// EXPECTED_EDIT what it made of that picture.

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import test from "node:test";
import OpenAI, { BadRequestError, NotFoundError, toFile } from "openai";

const client = new OpenAI({ baseURL: `${process.env.FLUX_TEST_WEB}/v1`, apiKey: "none", maxRetries: 0 });
const order = { prompt: "a red circle left of a blue square", size: "128x96", steps: 4, seed: 1234 };
const expected = await fs.readFile(process.env.EXPECTED_PNG);

test("an image is, byte for byte, the one that gRPC makes", async () => {
  const { data, size, usage } = await client.images.generate({ ...order, model: "gpt-image-1", n: 2, quality: "high" });

  assert.equal(data.length, 2);
  assert.deepEqual(Buffer.from(data[0].b64_json, "base64"), expected);
  assert.deepEqual(data.map((image) => image.seed), ["1234", "1235"]);
  assert.equal(size, "128x96");
  assert.equal(usage.output_tokens, 2 * 8 * 6);
});

test("a stream has its partial images and then the image", async () => {
  const events = [];
  for await (const event of await client.images.generate({ ...order, stream: true, partial_images: 3 })) events.push(event);

  assert.deepEqual(events.map(({ type, partial_image_index }) => [type, partial_image_index]), [
    ["image_generation.partial_image", 0],
    ["image_generation.partial_image", 1],
    ["image_generation.partial_image", 2],
    ["image_generation.completed", undefined],
  ]);
  assert.equal(new Set(events.map((event) => event.b64_json)).size, 4);
  assert.deepEqual(Buffer.from(events[3].b64_json, "base64"), expected);
});

test("an edit is, byte for byte, what gRPC makes of the picture", async () => {
  const image = await toFile(expected, "start.png", { type: "image/png" });
  const { data } = await client.images.edit({ prompt: "a green star", image, strength: 0.5, steps: 4, seed: 5, model: "gpt-image-1" });

  assert.deepEqual(Buffer.from(data[0].b64_json, "base64"), await fs.readFile(process.env.EXPECTED_EDIT));
});

test("the model is listed and can be named", async () => {
  const [{ id }] = (await client.models.list()).data;

  assert.equal((await client.models.retrieve(id)).id, id);
  const { data } = await client.images.generate({ ...order, model: id });
  assert.deepEqual(Buffer.from(data[0].b64_json, "base64"), expected);
  await assert.rejects(client.images.generate({ ...order, model: "another" }), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
});

test("a bad value is the client's own error with the server's words and the parameter", async () => {
  await assert.rejects(client.images.generate({ ...order, size: "100x96" }), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.param, "size");
    assert.match(error.message, /size: width is 100; allowed: multiples of 16/);
    return true;
  });
});

test("giving up ends the stream", async () => {
  const giveUp = new AbortController();
  const stream = await client.images.generate({ ...order, steps: 200, stream: true, partial_images: 1 }, { signal: giveUp.signal });

  const types = [];
  for await (const { type } of stream) {
    types.push(type);
    giveUp.abort();
  }

  assert.deepEqual(types, ["image_generation.partial_image"]);
});

test("the README's lines, run as they stand but for the address, write the picture", async (t) => {
  const readme = await fs.readFile(new URL("../../README.md", import.meta.url), "utf8");
  const lines = readme.match(/^## With OpenAI's clients\n.*?^```js\n(.*?)^```/ms)[1];
  const script = new URL("./readme-lines.mjs", import.meta.url); // Beside this file, where `openai` is found.
  const picture = new URL("./out.png", import.meta.url);
  t.after(() => Promise.all([script, picture].map((file) => fs.rm(file, { force: true }))));
  await fs.writeFile(script, lines.replace("http://127.0.0.1:5080", process.env.FLUX_TEST_WEB));

  await import(script);

  const signature = (await fs.readFile(picture)).subarray(1, 4).toString();
  assert.equal(signature, "PNG");
});
