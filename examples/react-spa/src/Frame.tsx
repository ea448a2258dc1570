import { useEffect, useRef, useState, type ReactNode } from "react";
import { Navigate, NavLink, Outlet, useLocation } from "react-router";

import { logOut } from "./api";
import { asApiError, useSession } from "./hooks";

/** What is around every page: the name, the ways to go, and the way out. */
export function Frame() {
  const session = useSession();
  const [trouble, setTrouble] = useState("");
  const leave = () => {
    setTrouble("");
    logOut().catch((error: unknown) => setTrouble(asApiError(error).message));
  };
  return (
    <>
      <header className="top">
        <p className="brand">
          <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
            <circle cx="8" cy="8" r="7" />
            <path d="M4.5 8.5 7 11l4.5-5.5" />
          </svg>
          <strong>countersign</strong> <span>React example</span>
        </p>
        <nav aria-label="Main">
          <NavLink to="/">Home</NavLink>
          <NavLink to="/profile">Profile</NavLink>
          <NavLink to="/admin">Admin</NavLink>
          <NavLink to="/vault">Vault</NavLink>
          {session === "in" && <button type="button" onClick={leave}>Log out</button>}
          {session === "out" && <NavLink to="/login">Log in</NavLink>}
        </nav>
      </header>
      <p className="message" role="alert">{trouble}</p>
      <main>
        <Outlet />
      </main>
    </>
  );
}

/** The pages inside are for who is logged in. The others go to the login, and come back after it. */
export function RequireSession() {
  const session = useSession();
  const location = useLocation();
  switch (session) {
    case "unknown":
      return <p role="status">Looking for your session…</p>;
    case "in":
      return <Outlet />;
    case "out":
      return <Navigate to="/login" replace state={{ from: location.pathname }} />;
  }
}

/** A page with its title. The heading takes the focus, so that screen readers say where they are. */
export function Page({ title, children }: { title: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - countersign`;
    heading.current?.focus();
  }, [title]);
  return (
    <section className="card" aria-labelledby="title">
      <h1 id="title" tabIndex={-1} ref={heading}>{title}</h1>
      {children}
    </section>
  );
}
