import { useState, type FormEvent } from "react";
import { Navigate, useLocation } from "react-router";

import { logIn } from "../api";
import { Page } from "../Frame";
import { asApiError, useSession } from "../hooks";

const ACCOUNTS = ["user@example.com", "admin@example.com"];
const PASSWORD = "password123";

/** The login. Afterwards it goes on to where the visitor wanted to go. */
export function Login() {
  const session = useSession();
  const location = useLocation();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");

  if (session === "in") {
    return <Navigate to={wanted(location.state)} replace />;
  }

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setTrouble("");
    try {
      await logIn(email.trim(), password);
    } catch (error) {
      setTrouble(asApiError(error).message);
    } finally {
      setBusy(false);
    }
  };
  const fillIn = (account: string) => {
    setEmail(account);
    setPassword(PASSWORD);
  };

  return (
    <Page title="Log in">
      <form method="post" onSubmit={(event) => void submit(event)}>
        <label htmlFor="email">Email address</label>
        <input id="email" type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} />
        <label htmlFor="password">Password</label>
        <input id="password" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        <p className="message" role="alert">{trouble}</p>
        <button className="primary" type="submit" aria-disabled={busy}>Log in</button>
      </form>
      <p className="small">Two accounts to try, both with the password <code>{PASSWORD}</code>. Choose one to fill in the form.</p>
      <p className="actions">
        {ACCOUNTS.map((account) => (
          <button key={account} type="button" onClick={() => fillIn(account)}>{account}</button>
        ))}
      </p>
    </Page>
  );
}

/** The path that `RequireSession` left behind. */
function wanted(state: unknown): string {
  const from: unknown = typeof state === "object" && state !== null && "from" in state ? state.from : undefined;
  return typeof from === "string" ? from : "/profile";
}
