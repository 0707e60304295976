// Who the page speaks for, and what the person may do.

import { change, get } from "./api";
import type { Role, Session } from "./types";

const STATE = "mm-sign-in-state";

/** What each role opens, as the service has it (api/security.py): who may act must see on what. */
const OPENS: Record<Role, readonly Role[]> = {
  "mm:read": ["mm:read"],
  "mm:operate": ["mm:operate", "mm:read"],
  "mm:emergency": ["mm:emergency", "mm:read"],
  "mm:risk": ["mm:risk", "mm:operate", "mm:read"],
};

export function may(session: Session, role: Role): boolean {
  return session.roles.some((own) => OPENS[own].includes(role));
}

export const load = (): Promise<Session> => get<Session>("/v1/mm/session");

export const signIn = (token: string): Promise<Session> => change<Session>("POST", "/v1/mm/session", { token });

export const signOut = (): Promise<void> => change<void>("DELETE", "/v1/mm/session");

/** The Auth Service's page, told where to come back to; `state` proves that it was we who sent the person. */
export function awayTo(url: string): string {
  const state = crypto.getRandomValues(new Uint32Array(4)).join("-");
  sessionStorage.setItem(STATE, state);
  const target = new URL(url);
  target.searchParams.set("redirect_uri", location.origin + location.pathname);
  target.searchParams.set("state", state);
  return target.href;
}

/** The token with which the Auth Service sent the person back; it leaves the address at once. */
export function takeToken(): { token: string } | { refused: string } | null {
  const back = new URLSearchParams(location.hash.slice(1));
  const token = back.get("access_token");
  const error = back.get("error");
  if (token === null && error === null) return null;
  history.replaceState(null, "", location.pathname);
  const state = sessionStorage.getItem(STATE);
  sessionStorage.removeItem(STATE);
  if (!state || back.get("state") !== state) return { refused: "this sign-in was not begun here: begin again" };
  return token === null ? { refused: back.get("error_description") ?? error ?? "refused" } : { token };
}
