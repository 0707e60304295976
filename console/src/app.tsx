// From who the person is to the page that is shown.

import { useEffect, useState } from "preact/hooks";
import { said } from "./api";
import { Ask, Help, type Question } from "./dialogs";
import { listen, reconnect, silence, useLink } from "./feed";
import { Frame, PAGES } from "./frame";
import { useKeys } from "./keys";
import { Approvals } from "./pages/approvals";
import { Audit } from "./pages/audit";
import { Configure, NewSymbol } from "./pages/configure";
import { Drills } from "./pages/drills";
import { Fleet } from "./pages/fleet";
import { Incidents } from "./pages/incidents";
import { Obligations } from "./pages/obligations";
import { Report } from "./pages/report";
import { SignIn } from "./pages/sign-in";
import { SymbolPage } from "./pages/symbol";
import { System } from "./pages/system";
import { go, usePlace } from "./route";
import { load, may, signIn, signOut, takeToken } from "./session";
import type { Session } from "./types";

const back = takeToken();
let listening = false;
const others = new BroadcastChannel("mm-session"); // the other tabs, when somebody signs in or out here

function listenOnce(): void {
  if (listening) reconnect();
  else listen();
  listening = true;
}

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [failure, setFailure] = useState("");
  const [ended, setEnded] = useState(false);
  const [refused, setRefused] = useState(back && "refused" in back ? back.refused : "");
  const start = async (): Promise<void> => {
    try {
      const signedIn = back && "token" in back && !session ? await signIn(back.token) : await load();
      setFailure("");
      setSession(signedIn);
      if (signedIn.actor) listenOnce();
    } catch (error) {
      if (back && "token" in back && !session) {
        setRefused(said(error));
        setSession(await load().catch(() => null));
      } else setFailure(said(error));
    }
  };
  useEffect(() => void start(), []);
  useEffect(() => {
    others.onmessage = () => void start();
  });
  useEffect(() => {
    if (!failure) return;
    const timer = setTimeout(() => void start(), 3_000);
    return () => clearTimeout(timer);
  }, [failure]);
  if (!session) {
    return failure ? (
      <main class="sign-in"><h1>Market maker</h1><p class="warning danger" role="alert">The service does not answer: {failure}. It is tried again every few seconds.</p></main>
    ) : <main class="sign-in"><p class="quiet">Loading…</p></main>;
  }
  if (!session.actor) {
    return <SignIn session={session} ended={ended} refused={refused} onSignedIn={(next) => { setSession(next); setEnded(false); setRefused(""); listenOnce(); others.postMessage("in"); }} />;
  }
  const leave = async (): Promise<void> => {
    await signOut().catch(() => undefined);
    silence();
    others.postMessage("out");
    setSession({ ...session, actor: null, roles: [], expires_at: null });
  };
  const check = async (): Promise<void> => {
    const now = await load().catch(() => null);
    if (now && !now.actor) {
      silence();
      setEnded(true);
      setSession(now);
    }
  };
  return <Desk session={session} onSignOut={() => void leave()} onRefused={() => void check()} />;
}

function Desk({ session, onSignOut, onRefused }: { session: Session; onSignOut: () => void; onRefused: () => void }) {
  const place = usePlace();
  const link = useLink();
  const [find, setFind] = useState("");
  const [question, ask] = useState<Question | null>(null);
  const [help, setHelp] = useState(false);
  useEffect(() => ask(null), [place.page, place.symbol, place.tab]); // what is asked belongs to the page that was left
  useEffect(() => {
    if (link === "refused") onRefused();
  }, [link]);
  useEffect(() => {
    if (!session.expires_at) return;
    const left = Math.min(Date.parse(session.expires_at) - Date.now() + 500, 2 ** 31 - 1);
    const timer = setTimeout(onRefused, Math.max(0, left));
    return () => clearTimeout(timer);
  }, [session.expires_at]);
  const kill = (): void => {
    if (!may(session, "mm:emergency")) return;
    ask({ verb: "kill", symbols: null, ...(place.page === "symbol" && place.symbol ? { choice: place.symbol } : {}) });
  };
  useKeys({
    K: kill,
    "?": () => setHelp(true),
    "/": () => document.getElementById("find")?.focus(),
    ...Object.fromEntries(PAGES.map(([page], index) => [String(index + 1), () => go(page)])),
  });
  const found = (text: string): void => {
    setFind(text);
    if (place.page !== "fleet") go("fleet");
  };
  useEffect(() => {
    document.title = place.symbol ? `${place.symbol} – Market maker` : "Market maker";
  }, [place.symbol]);
  return (
    <Frame session={session} page={place.page} find={find} onFind={found} onKill={kill} onHelp={() => setHelp(true)} onSignOut={onSignOut}>
      <CurrentPage session={session} place={place} find={find} onAsk={ask} />
      {question ? <Ask question={question} session={session} onClose={() => ask(null)} /> : null}
      {help ? <Help onClose={() => setHelp(false)} /> : null}
    </Frame>
  );
}

function CurrentPage({ session, place, find, onAsk }: { session: Session; place: ReturnType<typeof usePlace>; find: string; onAsk: (question: Question) => void }) {
  switch (place.page) {
    case "symbol": if (place.symbol) return <SymbolPage key={place.symbol} symbol={place.symbol} tab={place.tab} session={session} onAsk={onAsk} />; break;
    case "configure": if (place.symbol) return <Configure key={place.symbol} symbol={place.symbol} session={session} />; break;
    case "new": return <NewSymbol session={session} />;
    case "incidents": return <Incidents key={place.symbol} symbol={place.symbol} session={session} onAsk={onAsk} />;
    case "audit": return <Audit />;
    case "report": return <Report symbol={place.symbol} span={place.tab} />;
    case "obligations": return <Obligations />;
    case "approvals": return <Approvals session={session} />;
    case "drills": return <Drills key={place.symbol} symbol={place.symbol} session={session} />;
    case "system": return <System session={session} />;
  }
  return <Fleet session={session} find={find} onAsk={onAsk} />;
}
