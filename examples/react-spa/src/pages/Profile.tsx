import { useState } from "react";

import { get } from "../api";
import { Page } from "../Frame";
import { useGet } from "../hooks";

const AT_ONCE = 8;

type Account = { sub: string; email: string; role: string };
/** Times are in seconds since 1970. Each refresh moves the end. */
type Devices = { sessions: { current: boolean; expires_at: number }[] };

/** A protected page. */
export function Profile() {
  const answer = useGet<Account>("/api/profile");
  const devices = useGet<Devices>("/spa/sessions");
  const here = devices.state === "here" ? devices.value.sessions.find(({ current }) => current) : undefined;
  const [said, setSaid] = useState("");

  // Each call that finds the token expired wants a refresh. They share one.
  const callAtOnce = async () => {
    setSaid("");
    const calls = Array.from({ length: AT_ONCE }, () => get<Account>("/api/profile"));
    const answers = await Promise.allSettled(calls);
    const good = answers.filter(({ status }) => status === "fulfilled").length;
    setSaid(`${good} of ${AT_ONCE} calls succeeded.`);
  };

  return (
    <Page title="Your profile">
      {answer.state === "waiting" && <p role="status">One moment…</p>}
      {answer.state === "failed" && <p className="message" role="alert">{answer.error.message}</p>}
      {answer.state === "here" && (
        <dl>
          <dt>Email address</dt>
          <dd>{answer.value.email}</dd>
          <dt>Role</dt>
          <dd>{answer.value.role}</dd>
          <dt>Subject</dt>
          <dd>{answer.value.sub}</dd>
          {here && (
            <>
              <dt>Session ends</dt>
              <dd>{dateTime(here.expires_at)}, if it is not used any more</dd>
            </>
          )}
        </dl>
      )}
      <p className="actions">
        <button type="button" onClick={() => void callAtOnce()}>Call it {AT_ONCE} times at once</button>
        <span role="status">{said}</span>
      </p>
      <p className="small">
        Wait until the access token has expired, press the button, and look at the network panel: {AT_ONCE} refusals, one
        refresh, {AT_ONCE} answers.
      </p>
    </Page>
  );
}

function dateTime(seconds: number): string {
  return new Date(1000 * seconds).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
