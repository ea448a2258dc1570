// Peer npm jose: mints and verifies tokens for the interop tests. See README.md.

import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";

// Node 18 has Web Crypto, but not as a global. So jose is imported only after this line.
globalThis.crypto ??= webcrypto;
const { SignJWT, importJWK, jwtVerify } = await import("jose");

const { version } = JSON.parse(
  readFileSync(new URL("node_modules/jose/package.json", import.meta.url), "utf8"),
);
const library = "jose";
const algorithms = new Set([
  ...["HS256", "HS384", "HS512"],
  ...["RS256", "RS384", "RS512"],
  ...["PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512"],
  ...["EdDSA", "Ed25519"],
]);

const commands = { mint, verify };
const command = commands[process.argv[2]];
if (command === undefined || process.argv.length !== 3) {
  console.error("usage: peer_jose.mjs mint|verify, with the request as JSON on stdin");
  process.exit(1);
}
const answer = await command(JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify({ library, version, ...answer }));

async function mint({ keys, claims }) {
  const { known, unsupported } = partition(keys);
  const tokens = [];
  for (const entry of known) {
    const { alg, jwk } = entry;
    const header = { alg, typ: "JWT", ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) };
    // A known algorithm that fails to sign is a fault of the test set-up: the rejection ends the run.
    const token = await new SignJWT(claims)
      .setProtectedHeader(header)
      .sign(await importJWK(jwk, alg));
    tokens.push({ ...label(entry), token });
  }
  return { tokens, unsupported };
}

async function verify({ tokens, issuer, audience }) {
  const { known, unsupported } = partition(tokens);
  const results = [];
  for (const entry of known) {
    results.push({ ...label(entry), ...(await verdict(entry, issuer, audience)) });
  }
  return { results, unsupported };
}

async function verdict({ alg, jwk, token }, issuer, audience) {
  try {
    const { payload } = await jwtVerify(token, await importJWK(jwk, alg), {
      algorithms: [alg],
      issuer,
      audience,
      requiredClaims: ["exp"],
    });
    return { ok: true, claims: payload };
  } catch (error) {
    return { ok: false, error: `${error.code ?? error.name}: ${error.message}` };
  }
}

function partition(entries) {
  const why = `${library} ${version} has no such algorithm`;
  return {
    known: entries.filter(({ alg }) => algorithms.has(alg)),
    unsupported: entries
      .filter(({ alg }) => !algorithms.has(alg))
      .map((entry) => ({ ...label(entry), why })),
  };
}

// The members that the answer repeats, so that the caller can tell entries apart.
function label({ id, alg }) {
  return id === undefined ? { alg } : { id, alg };
}
