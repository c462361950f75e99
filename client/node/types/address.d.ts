/**
 * Reads an address into the form that grpc-js takes: `host:port` or `unix:/path`.
 *
 * @param {string} address `http://host:port`, `https://host:port`, `host:port` or `unix:/path/of.sock`.
 * @returns {string}
 * @throws {TypeError} None of these.
 */
export function targetOf(address: string): string;
