// The server's own API: GenerateRequest in, its events out, both as proto3 JSON.

import { askForKey, authorization } from "./key.js";

const unauthorized = 401;

/** What the server said was wrong. */
export class ServerError extends Error {
  constructor({ message, violations = [] }) {
    super(message);
    this.violations = violations;
  }
}

/** The model, the defaults and the limits of a request. */
export async function getInfo() {
  const response = await ask("api/info", {});
  if (!response.ok) throw await failureOf(response);
  return response.json();
}

/** Yields the events of a generation; aborting the signal stops the work on the server. */
export async function* generate(request, signal) {
  const response = await ask("api/generate", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
    signal,
  });
  if (!response.ok) throw await failureOf(response);
  for await (const { name, data } of readEvents(response.body)) {
    if (name === "error") throw new ServerError(data.error);
    yield data;
    if (data.finished) return;
  }
  throw new ServerError({ message: "The connection to the server was lost." });
}

/** The bytes of a message's field as a file. */
export function fromBase64(text, type) {
  return new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type });
}

/** A file as a message's field of bytes. */
export function toBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Sends a request, with the key where there is one; where it does not count, asks for another. */
async function ask(path, { headers, ...request }) {
  while (true) {
    const response = await fetch(path, { ...request, headers: { ...headers, ...authorization() } });
    if (response.status !== unauthorized) return response;
    await askForKey((await failureOf(response)).message);
  }
}

async function failureOf(response) {
  try {
    return new ServerError((await response.json()).error);
  } catch {
    return new ServerError({ message: `The server answered with HTTP status ${response.status}.` });
  }
}

/** Reads server-sent events, each with one line of data. */
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    let searched = Math.max(0, text.length - 1);
    text += value;
    for (let end; (end = text.indexOf("\n\n", searched)) >= 0; searched = 0) {
      yield parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function parseEvent(text) {
  const fields = Object.fromEntries(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  return { name: fields.event, data: JSON.parse(fields.data) };
}
