import { Link } from "react-router";

import { Page } from "../Frame";

/** For everybody. */
export function Home() {
  return (
    <Page title="Logged in, with nothing to steal">
      <p>
        This app keeps its access token in memory, where it is gone with the tab, and its refresh token in a cookie that no
        script can read. When the access token runs out, the next call gets a new one and nobody notices.
      </p>
      <p>
        Go to your <Link to="/profile">profile</Link>: who is not logged in is asked to, and comes back. Then reload, open a
        second tab, wait a minute, log out in one of them.
      </p>
    </Page>
  );
}
