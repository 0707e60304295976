// The little of Markdown that the runbook's sections use, as elements; never as HTML.

import type { ComponentChildren } from "preact";

export function prose(text: string): ComponentChildren {
  return <div class="prose">{blocks(text).map((block, index) => shown(block, index))}</div>;
}

export interface Block {
  kind: "p" | "ul" | "ol" | "pre";
  lines: string[];
}

export function blocks(text: string): Block[] {
  const found: Block[] = [];
  let open: Block | null = null;
  let fenced = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) {
      fenced = !fenced;
      open = fenced ? { kind: "pre", lines: [] } : null;
      if (open) found.push(open);
      continue;
    }
    if (fenced) {
      open?.lines.push(line);
      continue;
    }
    if (line.startsWith("**") && open?.kind === "p") open = null;
    const item = /^\s*(?:([-*])|\d+\.)\s+(.*)$/.exec(line);
    if (!line.trim()) open = null;
    else if (item) {
      const kind = item[1] ? "ul" : "ol";
      if (open?.kind !== kind) found.push((open = { kind, lines: [] }));
      open.lines.push(item[2] ?? "");
    } else if (open && open.kind !== "pre") {
      const last = open.lines.length - 1;
      open.lines[last] = `${open.lines[last] ?? ""} ${line.trim()}`;
    } else found.push((open = { kind: "p", lines: [line.trim()] }));
  }
  return found;
}

function shown({ kind, lines }: Block, key: number): ComponentChildren {
  if (kind === "pre") return <pre key={key}>{lines.join("\n")}</pre>;
  if (kind === "p") return <p key={key}>{inline(lines[0] ?? "")}</p>;
  const items = lines.map((line, index) => <li key={index}>{inline(line)}</li>);
  return kind === "ul" ? <ul key={key}>{items}</ul> : <ol key={key}>{items}</ol>;
}

function inline(text: string): ComponentChildren {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/).map((part, index) => {
    if (part.startsWith("`")) return <code key={index}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**")) return <b key={index}>{part.slice(2, -2)}</b>;
    return /^\[([^\]]+)\]\(/.exec(part)?.[1] ?? part;
  });
}
