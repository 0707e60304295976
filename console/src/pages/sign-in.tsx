// Who comes without a session: signs in with a token, or at the Auth Service.

import { useState } from "preact/hooks";
import { ApiError, said } from "../api";
import { awayTo, signIn } from "../session";
import type { Session } from "../types";

export function SignIn({ session, ended, refused, onSignedIn }: { session: Session; ended: boolean; refused: string; onSignedIn: (session: Session) => void }) {
  const [token, setToken] = useState("");
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<{ text: string; role: boolean } | null>(refused ? { text: refused, role: false } : null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setPending(true);
    setFailure(null);
    try {
      onSignedIn(await signIn(token.trim().replace(/^Bearer\s+/i, "")));
    } catch (error) {
      setFailure({ text: said(error), role: error instanceof ApiError && error.code === "ROLE_MISSING" });
    }
    setPending(false);
  };
  return (
    <main class="sign-in" id="content">
      <h1>Market maker</h1>
      {ended ? <p class="warning" role="status">Your session has ended with its token. Sign in again.</p> : null}
      {failure?.role ? (
        <section class="warning danger" role="alert">
          <h2>No access</h2>
          <p>Not signed in: {failure.text}.</p>
          <p>Ask whoever gives out roles at the Auth Service for <code>mm:read</code> (look), <code>mm:operate</code> (configure, enable, pause) or <code>mm:emergency</code> (kill, reset), <code>mm:risk</code> (operate and raise limits), then sign in with a new token.</p>
        </section>
      ) : failure ? <p class="warning danger" role="alert">Not signed in: {failure.text}.</p> : null}
      {session.sign_in_url ? <p><a class="button primary" href={session.sign_in_url} onClick={(event) => { event.preventDefault(); location.href = awayTo(session.sign_in_url ?? ""); }}>Sign in at the Auth Service</a></p> : null}
      <form onSubmit={(event) => void submit(event)}>
        <label class="field">
          {session.sign_in_url ? "Or with a token of the Auth Service" : "Token of the Auth Service"}
          <input type="password" autoComplete="off" spellcheck={false} required value={token} onInput={(event) => setToken(event.currentTarget.value)} />
        </label>
        <button type="submit" class="primary" disabled={pending}>{pending ? "Signing in…" : "Sign in"}</button>
      </form>
      <p class="quiet">The session lasts as long as the token. No script can read it, and no other site can use it.</p>
    </main>
  );
}
