// Where the page is: in the part of its address after `#`.

import { useEffect, useState } from "preact/hooks";

export interface Place {
  page: string;
  symbol: string | null;
  tab: string | null;
}

export function place(hash = location.hash): Place {
  const [page = "", symbol, tab] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return { page: page || "fleet", symbol: symbol || null, tab: tab || null };
}

export function go(page: string, symbol?: string | null, tab?: string): void {
  location.hash = href(page, symbol, tab);
}

export function href(page: string, symbol?: string | null, tab?: string): string {
  const parts = [page === "fleet" ? "" : page, symbol ?? "", tab ?? ""].filter((part, index) => part || index === 0);
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function usePlace(): Place {
  const [now, set] = useState(place());
  useEffect(() => {
    const moved = (): void => set(place());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return now;
}
