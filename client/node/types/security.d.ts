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
export function credentialsOf(address: string, { ca, certificate, key }: Security): import("@grpc/grpc-js").ChannelCredentials;
/**
 * What goes along with each call. A key is not sent where others could read it.
 *
 * @param {string} address
 * @param {string} target The same, as grpc-js takes it.
 * @param {Security} security
 * @throws {TypeError} The address is another machine's, and plain text.
 */
export function metadataOf(address: string, target: string, { apiKey }: Security): Metadata;
/**
 * Whom a client trusts and what it shows.
 */
export type Security = {
    /**
     * API key, for a server that asks for one; it is sent over TLS and within this machine only.
     */
    apiKey?: string | undefined;
    /**
     * PEM file with the CAs that the server's certificate may come from; by default those that Node trusts.
     */
    ca?: string | undefined;
    /**
     * PEM file with a certificate to show to the server (mutual TLS).
     */
    certificate?: string | undefined;
    /**
     * PEM file with its private key.
     */
    key?: string | undefined;
};
import { Metadata } from "@grpc/grpc-js";
