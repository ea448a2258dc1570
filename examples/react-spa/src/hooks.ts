// What components ask: is somebody logged in, and what does a route of the API say.
import { useEffect, useState, useSyncExternalStore } from "react";

import { ApiError, currentSession, get, onSessionChange, type Session } from "./api";

export function useSession(): Session {
  return useSyncExternalStore(onSessionChange, currentSession);
}

export type Answer<T> = { state: "waiting" } | { state: "here"; value: T } | { state: "failed"; error: ApiError };

/** The answer of a protected route. */
export function useGet<T>(path: string): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ state: "waiting" });
  useEffect(() => {
    let left = false;
    const show = (next: Answer<T>) => {
      if (!left) setAnswer(next);
    };
    get<T>(path).then(
      (value) => show({ state: "here", value }),
      (error: unknown) => show({ state: "failed", error: asApiError(error) }),
    );
    return () => {
      left = true;
    };
  }, [path]);
  return answer;
}

/** Everything `api.ts` throws is one already; what remains is a mistake of this app. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, String(error));
}
