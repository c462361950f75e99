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
  ["https://flux.example.org:443", "flux.example.org:443"],
  ["unix:/run/flux.sock", "unix:/run/flux.sock"],
  ["unix:///run/flux.sock", "unix:/run/flux.sock"],
  ["unix:flux.sock", `unix:${resolve("flux.sock")}`],
])
  test(`${address} is read`, () => assert.equal(targetOf(address), target));

for (const address of [
  ...["", "localhost", "unix:", "unix:/", "http://", "http://host:x", "http://host:70000", "https://host", "http://host:1/path"],
  ...["http://[::1:5000", "http://user@host:1", "ftp://host:1"],
])
  test(`'${address}' is refused with what is allowed`, () => {
    assert.throws(() => new FluxClient(address), /^TypeError: .* allowed: http:\/\/host:port, https:\/\/host:port, host:port, unix:\/path\/of.sock$/);
  });

for (const address of ["http://127.0.0.1:1", "localhost:1", "http://[::1]:1", "unix:/run/flux.sock", "https://host:1"])
  test(`a key travels to ${address}`, () => new FluxClient(address, { apiKey: "secret" }).close());

for (const address of ["http://host:1", "10.0.0.1:1"])
  test(`a key does not travel readable to ${address}`, () => {
    assert.throws(() => new FluxClient(address, { apiKey: "secret" }), /would travel readable/);
  });

test("certificates are for TLS", () => {
  assert.throws(() => new FluxClient("http://127.0.0.1:1", { ca: "ca.crt" }), /Certificates are for https/);
  assert.throws(() => new FluxClient("https://127.0.0.1:1", { certificate: "client.crt" }), /go together/);
});
