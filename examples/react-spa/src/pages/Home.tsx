import { Link } from "react-router";

import { Page } from "../Frame";
import { useSession } from "../hooks";

const WORDS = { unknown: "Looking for your session…", in: "You are logged in.", out: "You are not logged in." };

/** For everybody. */
export function Home() {
  const session = useSession();
  return (
    <Page title="A login with nothing to steal">
      <p role="status">{WORDS[session]}</p>
      <p>
        This app keeps its access token in memory, where it is gone with the tab, and its refresh token in a cookie that no
        script can read. When the access token runs out, the next call gets a new one and nobody notices.
      </p>
      <p>
        Go to your <Link to="/profile">profile</Link>: who is not logged in is asked to, and comes back. Then reload, open a
        second tab, wait until the access token has expired, log out in one of them.
      </p>
    </Page>
  );
}
