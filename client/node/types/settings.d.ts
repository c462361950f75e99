/**
 * Reads from a PNG file of ours how it was made, so that `flux.generate(prompt, options)` makes it again.
 *
 * @param {Uint8Array} file The file, which is not trusted.
 * @returns {{ prompt: string, options: GenerateOptions }}
 * @throws {TypeError} It is no PNG file, is broken, does not say how it was made, or was made from another picture.
 */
export function settingsOf(file: Uint8Array): {
    prompt: string;
    options: GenerateOptions;
};
import type { GenerateOptions } from "./client.js";
