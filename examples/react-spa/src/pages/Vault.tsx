import { STEP_UP } from "../api";
import { Page } from "../Frame";
import { useGet } from "../hooks";

/** A page that wants a login with a second factor. */
export function Vault() {
  const answer = useGet<{ message: string }>("/api/vault");
  return (
    <Page title="Vault">
      {answer.state === "waiting" && <p role="status">One moment…</p>}
      {answer.state === "here" && <p>{answer.value.message}</p>}
      {answer.state === "failed" && (
        <p className="message" role="alert">
          {answer.error.code === STEP_UP
            ? "This page wants a login with a second factor. Log out, and log in as totp@example.com: you will come back here."
            : answer.error.message}
        </p>
      )}
    </Page>
  );
}
