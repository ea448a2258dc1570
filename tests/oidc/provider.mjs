// A real OpenID provider, steered by a test over a second port. See README.md.

import { generateKeyPair } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { parseArgs, promisify } from 'node:util';

import { createLocalJWKSet, jwtVerify } from 'jose';
import Provider from 'oidc-provider';

const KEYS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
const ALGORITHMS = Object.keys(KEYS);
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const SCOPE = 'read';
const USER = 'ada';
const INTERACTION = '/interaction/';
// Nobody listens there: the test reads the code from the redirect.
const REDIRECT = 'http://127.0.0.1:9/callback';

const { listen } = parseArgs({ options: { listen: { type: 'string', default: '127.0.0.1:0' } } }).values;
const [host, port] = listen.split(':');

// Each generation has one key for each algorithm. The newest `published` ones are in the key set.
let published = [await generation(1)];
let signing = 1;
let ttl = 600;
let fetches = { keys: 0, metadata: 0, tokens: 0 };

let server = http.createServer();
server.listen(Number(port), host);
await once(server, 'listening');
const address = server.address();
const issuer = `http://${host}:${address.port}`;
let answer = provide();
server.on('request', count);

const control = http.createServer(steer);
control.listen(0, host);
await once(control, 'listening');
console.log(`listening on http://${host}:${address.port}`);
console.log(`controlled on http://${host}:${control.address().port}`);

// The provider takes its keys when it is made: other keys, another provider.
function provide() {
  const provider = new Provider(issuer, {
    jwks: { keys: published.flatMap(({ keys }) => keys) },
    clients: [{
      client_id: 'client',
      client_secret: 'secret',
      grant_types: ['client_credentials', EXCHANGE],
      redirect_uris: [],
      response_types: [],
      scope: SCOPE,
    }, {
      client_id: 'web',
      client_secret: 'secret',
      grant_types: ['authorization_code'],
      redirect_uris: [REDIRECT],
      response_types: ['code'],
      scope: `openid ${SCOPE}`,
    }],
    scopes: ['openid', SCOPE],
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_, { uid }) => `${INTERACTION}${uid}` },
    ttl: { ClientCredentials: (_, token) => token.resourceServer.accessTokenTTL },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: resourceServer },
    },
  });
  provider.registerGrantType(EXCHANGE, (ctx) => exchange(provider, ctx), [
    'subject_token', 'subject_token_type', 'requested_token_type', 'resource', 'scope',
  ]);
  const callback = provider.callback();
  return (request, response) =>
    request.url.startsWith(INTERACTION) ? logIn(provider, request, response) : callback(request, response);
}

// Another access token for the user of this one (RFC 8693), which has to be valid, and for a resource of this provider.
async function exchange(provider, ctx) {
  const { client, params } = ctx.oidc;
  try {
    if (params.subject_token_type !== ACCESS_TOKEN) {
      throw new Error('another type of token');
    }
    const keys = published.flatMap(({ keys }) => keys).map(({ d, p, q, dp, dq, qi, ...key }) => key);
    const { payload } = await jwtVerify(params.subject_token, createLocalJWKSet({ keys }), { issuer });
    const server = new provider.ResourceServer(params.resource, resourceServer(ctx, params.resource));
    const token = new provider.ClientCredentials({ client, scope: SCOPE, resourceServer: server });
    token.extra = { act: { sub: client.clientId }, user: payload.sub };
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: token.expiration,
    };
  } catch (error) {
    ctx.status = 400;
    ctx.body = { error: 'invalid_grant', error_description: error.message };
  }
}

// Nobody is asked: whoever comes is `ada`, and grants what the client wants.
async function logIn(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: USER, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  if (params.resource) {
    grant.addResourceScope(params.resource, SCOPE);
  }
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(request, response, { login: { accountId: USER }, consent });
}

// The host of a resource names the algorithm of its tokens.
function resourceServer(_, resource) {
  const name = new URL(resource).hostname.split('.')[0];
  const alg = ALGORITHMS.find((own) => own.toLowerCase() === name);
  return {
    scope: SCOPE,
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: ttl,
    jwt: { sign: { alg, kid: id(alg, signing) } },
  };
}

function count(request, response) {
  if (request.url === '/jwks') {
    fetches.keys += 1;
  } else if (request.url === '/token') {
    fetches.tokens += 1;
  } else if (request.url.startsWith('/.well-known/')) {
    fetches.metadata += 1;
  }
  answer(request, response);
}

async function steer(request, response) {
  const [, command, argument] = request.url.split('/');
  let told;
  try {
    told = JSON.stringify((await commands[command](argument)) ?? {});
    response.statusCode = 200;
  } catch (error) {
    told = String(error.stack);
    response.statusCode = 500;
  }
  response.setHeader('content-length', Buffer.byteLength(told));
  response.end(told);
}

const commands = {
  // A new key for each algorithm, beside the old ones.
  async publish() {
    published.push(await generation(published.at(-1).number + 1));
    answer = provide();
  },
  // The newest keys sign.
  sign() {
    signing = published.at(-1).number;
  },
  // The keys that do not sign are withdrawn.
  remove() {
    published = published.filter(({ number }) => number === signing);
    answer = provide();
  },
  // How long tokens are valid from now on.
  ttl(seconds) {
    ttl = Number(seconds);
  },
  fetches() {
    return fetches;
  },
  // Nobody listens, and no connection is left.
  async stop() {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  },
  // The same port again.
  async listen() {
    server.listen(address.port, host);
    await once(server, 'listening');
  },
};

async function generation(number) {
  const keys = ALGORITHMS.map(async (alg) => {
    const { privateKey } = await promisify(generateKeyPair)(...KEYS[alg]);
    return { ...privateKey.export({ format: 'jwk' }), kid: id(alg, number), alg, use: 'sig' };
  });
  return { number, keys: await Promise.all(keys) };
}

function id(alg, number) {
  return `${alg}-${number}`;
}
