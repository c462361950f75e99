import assert from "node:assert/strict";
import { resolve } from "node:path";
import test from "node:test";
import { FluxClient } from "fluxgrpc";
import { targetOf } from "../src/address.js";

for (const [address, target] of [
  ["http://127.0.0.1:5000", "127.0.0.1:5000"],
  ["http://localhost:80/", "localhost:80"],
  ["localhost:5000", "localhost:5000"],
  ["http://[::1]:5000", "[::1]:5000"],
  ["unix:/run/flux.sock", "unix:/run/flux.sock"],
  ["unix:///run/flux.sock", "unix:/run/flux.sock"],
  ["unix:flux.sock", `unix:${resolve("flux.sock")}`],
])
  test(`${address} is read`, () => assert.equal(targetOf(address), target));

for (const address of [
  ...["", "localhost", "unix:", "unix:/", "http://", "http://host:x", "http://host:70000", "https://host:5000", "http://host:1/path"],
  ...["http://[::1:5000", "http://user@host:1", "ftp://host:1"],
])
  test(`'${address}' is refused with what is allowed`, () => {
    assert.throws(() => new FluxClient(address), /^TypeError: .* allowed: http:\/\/host:port, host:port, unix:\/path\/of.sock$/);
  });
