import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { credentials, Metadata } from "@grpc/grpc-js";

/**
 * Whom a client trusts and what it shows.
 *
 * @typedef {object} Security
 * @property {string} [apiKey] API key, for a server that asks for one; it is sent over TLS and within this machine only.
 * @property {string} [ca] PEM file with the CAs that the server's certificate may come from; by default those that Node trusts.
 * @property {string} [certificate] PEM file with a certificate to show to the server (mutual TLS).
 * @property {string} [key] PEM file with its private key.
 */

/**
 * @param {string} address
 * @param {Security} security
 * @throws {TypeError} Certificates for an address without TLS, or a certificate without its key.
 */
export function credentialsOf(address, { ca, certificate, key }) {
  if (!address.startsWith("https://")) {
    if (ca ?? certificate ?? key) throw new TypeError(`Certificates are for https:// addresses; the address is '${address}'`);
    return credentials.createInsecure();
  }
  if (!certificate !== !key) throw new TypeError("A certificate and its key go together; one of them is missing");
  const [roots, privateKey, chain] = [ca, key, certificate].map((file) => (file ? readFileSync(file) : null));
  return credentials.createSsl(roots, privateKey, chain);
}

/**
 * What goes along with each call. A key is not sent where others could read it.
 *
 * @param {string} address
 * @param {string} target The same, as grpc-js takes it.
 * @param {Security} security
 * @throws {TypeError} The address is another machine's, and plain text.
 */
export function metadataOf(address, target, { apiKey }) {
  const metadata = new Metadata();
  if (!apiKey) return metadata;
  if (!address.startsWith("https://") && !isThisMachine(target))
    throw new TypeError(`An API key would travel readable to '${address}'; allowed: https:// and addresses on this machine`);
  metadata.set("authorization", `Bearer ${apiKey}`);
  return metadata;
}

/** @param {string} target */
function isThisMachine(target) {
  if (target.startsWith("unix:")) return true;
  const host = target.slice(0, target.lastIndexOf(":"));
  return host === "localhost" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}
