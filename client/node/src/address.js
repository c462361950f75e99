import { resolve } from "node:path";

const ALLOWED = "http://host:port, https://host:port, host:port, unix:/path/of.sock";
const UNIX = "unix:";

/**
 * Reads an address into the form that grpc-js takes: `host:port` or `unix:/path`.
 *
 * @param {string} address `http://host:port`, `https://host:port`, `host:port` or `unix:/path/of.sock`.
 * @returns {string}
 * @throws {TypeError} None of these.
 */
export function targetOf(address) {
  if (address.startsWith(UNIX)) {
    const path = address.slice(UNIX.length).replace(/^\/+/, "/");
    if (path !== "" && path !== "/") return UNIX + resolve(path);
  } else {
    const text = address.includes("://") ? address : `http://${address}`;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    // URL drops the port where it is the scheme's own, so it is looked for in the text.
    const port = /:(\d+)\/?$/.exec(address)?.[1];
    const bare = url && url.pathname === "/" && !url.search && !url.hash && !url.username;
    if (bare && ["http:", "https:"].includes(url.protocol) && port) return `${url.hostname}:${port}`;
  }
  throw new TypeError(`'${address}' is not an address; allowed: ${ALLOWED}`);
}
