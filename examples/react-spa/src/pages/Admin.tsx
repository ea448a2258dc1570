import { Page } from "../Frame";
import { useGet } from "../hooks";

/** A page for admins. The server decides, not this file: who is no admin gets its refusal. */
export function Admin() {
  const answer = useGet<{ message: string }>("/api/admin");
  return (
    <Page title="For admins">
      {answer.state === "waiting" && <p role="status">One moment…</p>}
      {answer.state === "here" && <p>{answer.value.message}</p>}
      {answer.state === "failed" && (
        <p className="message" role="alert">
          {answer.error.status === 403 ? "You are no admin. The server says" : "The server says"}: {answer.error.message}
        </p>
      )}
    </Page>
  );
}
