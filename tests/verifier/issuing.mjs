// A small issuer on 127.0.0.1: keys, tokens, and status lists that are published with an ETag.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { deflateSync } from "node:zlib";

const require = createRequire(new URL("../../verifier-js/package.json", import.meta.url));
const { SignJWT, exportJWK, generateKeyPair } = await import(pathToFileURL(require.resolve("jose")));

export const NOW_MS = 1_795_000_000_000;
const NOW_S = NOW_MS / 1000;

export class Issuer {
  /** What the next requests are answered, by path; a function for more than a body. */
  pages = new Map();
  /** Path and conditions of every request. */
  asked = [];

  static async start() {
    const issuer = new Issuer();
    await issuer.rotate("first");
    issuer.server = createServer((request, response) => issuer.answer(request, response));
    await new Promise((resolve) => issuer.server.listen(0, "127.0.0.1", resolve));
    issuer.url = `http://127.0.0.1:${issuer.server.address().port}`;
    issuer.publishKeys();
    await issuer.publishList(1);
    return issuer;
  }

  async rotate(kid) {
    const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
    this.kid = kid;
    this.key = privateKey;
    this.jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, use: "sig", alg: "ES256" }] };
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  answer(request, response) {
    this.asked.push({ path: request.url, tag: request.headers["if-none-match"] });
    const page = this.pages.get(request.url);
    if (page === undefined) return response.writeHead(503).end();
    const tag = `"${createHash("sha256").update(page).digest("hex")}"`;
    if (request.headers["if-none-match"] === tag) return response.writeHead(304).end();
    return response.writeHead(200, { etag: tag }).end(page);
  }

  publishKeys() {
    this.pages.set("/jwks", JSON.stringify(this.jwks));
  }

  async publishList(number, options) {
    this.pages.set(`/status/${number}`, await this.list(number, options));
  }

  sign(claims, typ, kid = this.kid) {
    return new SignJWT(claims).setProtectedHeader({ alg: "ES256", typ, kid }).sign(this.key);
  }

  /** A signed list of 1,024 places. */
  list(number, { revoked = [], atMs = NOW_MS, lifeS = 3600 } = {}) {
    const packed = new Uint8Array(128);
    for (const place of revoked) packed[place >> 3] |= 1 << (place & 7);
    const iat = Math.floor(atMs / 1000);
    const lst = deflateSync(packed).toString("base64url");
    const claims = {
      sub: `https://consent.test/status/${number}`,
      iat,
      exp: iat + lifeS,
      ttl: 60,
      status_list: { bits: 1, lst },
    };
    return this.sign(claims, "statuslist+jwt");
  }

  claims(changes) {
    return {
      iss: "https://consent.test",
      aud: "demo",
      sub: "s".repeat(22),
      iat: NOW_S,
      exp: NOW_S + 900,
      pv: 3,
      ep: 1,
      scope: "security analytics",
      acquire: "browsing identifier",
      status: { status_list: { idx: 7, uri: "https://consent.test/status/1" } },
      ...changes,
    };
  }

  token(changes) {
    return this.sign(this.claims(changes), "consent+jwt");
  }
}
