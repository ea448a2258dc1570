import { useEffect, useRef, useState, type FormEvent } from "react";
import { Navigate, useLocation } from "react-router";

import { logIn } from "../api";
import { ACCOUNTS, codeNow, KEY, PASSWORD } from "../demo";
import { Page } from "../Frame";
import { asApiError, useSession } from "../hooks";

/** The login, in two steps for an account with a second factor. Afterwards it goes on to where the visitor wanted to go. */
export function Login() {
  const session = useSession();
  const location = useLocation();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [remember, setRemember] = useState(false);
  // `undefined` until the server asks for it.
  const [code, setCode] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");
  const codeField = useRef<HTMLInputElement>(null);

  const asksForCode = code !== undefined;
  useEffect(() => {
    if (asksForCode) codeField.current?.focus();
  }, [asksForCode]);

  if (session === "in") {
    return <Navigate to={wanted(location.state)} replace />;
  }

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setTrouble("");
    try {
      await logIn({ email: email.trim(), password, remember, code: code?.replaceAll(" ", "") });
    } catch (thrown) {
      const error = asApiError(thrown);
      if (error.code === "second_factor") setCode("");
      else setTrouble(error.message);
    } finally {
      setBusy(false);
    }
  };
  // Another account may have no second factor.
  const choose = (account: string) => {
    setEmail(account);
    setCode(undefined);
  };
  const fillIn = (account: string) => {
    choose(account);
    setPassword(PASSWORD);
    setTrouble("");
  };

  return (
    <Page title="Log in">
      <form method="post" onSubmit={(event) => void submit(event)}>
        <label htmlFor="email">Email address</label>
        <input id="email" type="email" autoComplete="username" required value={email} onChange={(event) => choose(event.target.value)} />
        <label htmlFor="password">Password</label>
        <input id="password" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        {asksForCode && (
          <>
            <label htmlFor="code">Six-digit code</label>
            <input id="code" ref={codeField} inputMode="numeric" autoComplete="one-time-code" pattern="[0-9 ]{6,7}" title="six digits" required aria-describedby="code-hint" value={code} onChange={(event) => setCode(event.target.value)} />
            <p id="code-hint" className="small">From an authenticator app with the key <code>{KEY}</code>. No app at hand?</p>
            <p className="actions">
              <button type="button" onClick={() => void codeNow().then(setCode)}>Fill in the code</button>
            </p>
          </>
        )}
        <label className="check">
          <input type="checkbox" checked={remember} aria-describedby="remember-hint" onChange={(event) => setRemember(event.target.checked)} /> Remember me on this device
        </label>
        <p id="remember-hint" className="small">
          With it, the session lasts two weeks without use, and 90 days at most. Without it, one hour and 12 hours.
        </p>
        <p className="message" role="alert">{trouble}</p>
        <p className="unseen" role="status">{asksForCode && "The password is right. Now the code of your authenticator app."}</p>
        <button className="primary" type="submit" aria-disabled={busy}>Log in</button>
      </form>
      <p className="small">Four accounts to try, all with the password <code>{PASSWORD}</code>. Choose one to fill in the form.</p>
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
