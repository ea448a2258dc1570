// All that talks to the server. The access token lives in this file and nowhere else: no storage, no cookie, no component
// has it, and it is gone with the tab. The refresh token is in a cookie that no script can read.

/** Whether somebody is logged in. `unknown` is before the first answer after a reload. */
export type Session = "unknown" | "in" | "out";

/** A request that did not succeed. The message is for a person. */
export class ApiError extends Error {
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The code of the server, such as `second_factor`. Empty when there is none. */
  readonly code: string;

  constructor(status: number, message: string, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What the form sends. `code` is there once the server has asked for it. */
export type Credentials = { email: string; password: string; remember: boolean; code?: string | undefined };

/** What the server calls a token that is good, of a login that is not enough (RFC 9470 section 3). */
export const STEP_UP = "insufficient_user_authentication";

/** For each POST, also without a body: the session routes take nothing that a form can send. */
const POST: RequestInit = { method: "POST", headers: { "content-type": "application/json" } };
/** Milliseconds from a restore that got no answer to the next. */
const RETRY_AFTER = 3000;

let session: Session = "unknown";
let accessToken: string | undefined;
let refreshing: Promise<void> | undefined;
const listeners = new Set<() => void>();
// Says to the other tabs who came and went. No secret goes through it.
const tabs = new BroadcastChannel("countersign-react");

tabs.addEventListener("message", ({ data }: MessageEvent<Session>) => {
  if (data === "out") {
    become("out");
  } else if (session === "out") {
    void restore();
  }
});

/** The state of the session, and how to hear of a change: what React's `useSyncExternalStore` asks for. */
export function currentSession(): Session {
  return session;
}

export function onSessionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * After a reload the token is gone. No script can see whether the cookie is still there, so the server is asked: one refresh
 * gets a new token, or is refused.
 */
export async function restore(): Promise<void> {
  try {
    await refresh();
  } catch {
    // A refusal has ended the session. Anything else passes.
    if (session === "unknown") setTimeout(() => void restore(), RETRY_AFTER);
  }
}

/** Logs in. An account with a second factor is refused with `second_factor` at first: ask for the code, and send all again. */
export async function logIn(credentials: Credentials): Promise<void> {
  const response = await request("/spa/login", { ...POST, body: JSON.stringify(credentials) });
  if (!response.ok) {
    const error = await refusal(response);
    throw new ApiError(error.status, loginTrouble(error, credentials), error.code);
  }
  accessToken = await tokenOf(response);
  become("in");
  tabs.postMessage("in" satisfies Session);
}

function loginTrouble({ code, message }: ApiError, credentials: Credentials): string {
  switch (code) {
    case "invalid_grant":
      return credentials.code === undefined
        ? "The email address or the password is wrong."
        : "The email address, the password or the code is wrong. A code works once, and there is a new one every 30 seconds.";
    case "locked":
      return "This account is locked. Ask whoever runs this server.";
    default:
      return message;
  }
}

export async function logOut(): Promise<void> {
  // A refresh under way would set the cookie again.
  await refreshing?.catch(() => {});
  const response = await request("/spa/logout", POST);
  if (!response.ok) throw await refusal(response);
  become("out");
  tabs.postMessage("out" satisfies Session);
}

/** Gets JSON with the access token. When the token has expired it is refreshed, once, and the call repeated. */
export async function get<T>(path: string): Promise<T> {
  const used = accessToken;
  let response = await withToken(path);
  if (response.status === 401 && !wantsMore(response)) {
    // While this call was under way another one may have refreshed.
    if (accessToken === used) await refresh();
    response = await withToken(path);
  }
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}

/** One refresh for all who need one while it is under way, and one tab after the other. */
function refresh(): Promise<void> {
  refreshing ??= navigator.locks.request("countersign-react", refreshOnce).finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}

async function refreshOnce(): Promise<void> {
  const response = await request("/spa/refresh", POST);
  if (response.status === 400 || response.status === 401) {
    // A visitor who never was in has nothing to tell.
    if (session === "in") tabs.postMessage("out" satisfies Session);
    become("out");
    throw new ApiError(401, "Your session has ended.");
  }
  accessToken = await tokenOf(response);
  become("in");
}

function become(next: Session): void {
  if (next === "out") accessToken = undefined;
  session = next;
  for (const listener of listeners) listener();
}

/** The user has to prove more, and no refresh changes that. */
function wantsMore(response: Response): boolean {
  return response.headers.get("www-authenticate")?.includes(STEP_UP) ?? false;
}

function withToken(path: string): Promise<Response> {
  // Without cookies: the server takes one token a request, and another app on this host may have left one.
  return request(path, { headers: { authorization: `Bearer ${accessToken ?? ""}` }, credentials: "omit" });
}

async function request(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new ApiError(0, "The server does not answer. It is down, or this machine is offline.");
  }
}

async function tokenOf(response: Response): Promise<string> {
  if (!response.ok) throw await refusal(response);
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

async function refusal(response: Response): Promise<ApiError> {
  const { status } = response;
  const wait = response.headers.get("retry-after");
  const later = wait ? `Try again in ${wait} s.` : "Try again later.";
  if (status === 429) return new ApiError(status, `Too many attempts. ${later}`);
  if (status >= 500) return new ApiError(status, `The server cannot do this right now. ${later}`);
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; error?: string; error_description?: string };
  return new ApiError(status, problem.detail ?? problem.error_description ?? response.statusText, problem.error);
}
