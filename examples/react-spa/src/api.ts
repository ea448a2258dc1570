// All that talks to the server. The access token lives in this file and nowhere else: no storage, no cookie, no component
// has it, and it is gone with the tab. The refresh token is in a cookie that no script can read.

/** Whether somebody is logged in. `unknown` is before the first answer after a reload. */
export type Session = "unknown" | "in" | "out";

/** A request that did not succeed. The message is for a person. */
export class ApiError extends Error {
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

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

/** After a reload the token is gone. One refresh gets a new one, if the cookie is still there. */
export async function restore(): Promise<void> {
  // This cookie is there as long as the one that no script can see.
  if (!document.cookie.includes("__Host-spa-csrf=")) {
    become("out");
    return;
  }
  try {
    await refresh();
  } catch {
    // A refusal has ended the session. Anything else passes.
    if (session === "unknown") setTimeout(() => void restore(), RETRY_AFTER);
  }
}

export async function logIn(email: string, password: string): Promise<void> {
  const response = await request("/spa/login", { ...POST, body: JSON.stringify({ email, password }) });
  if (response.status === 401) {
    throw new ApiError(401, "The email address or the password is wrong.");
  }
  accessToken = await tokenOf(response);
  become("in");
  tabs.postMessage("in" satisfies Session);
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
  if (response.status === 401) {
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
    become("out");
    tabs.postMessage("out" satisfies Session);
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
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; error_description?: string };
  return new ApiError(status, problem.detail ?? problem.error_description ?? response.statusText);
}
