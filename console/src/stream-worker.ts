// The SharedWorker: one stream for all tabs of this browser.

import { type Batch, Hub } from "./hub";

const ports = new Set<MessagePort>();
const hub = new Hub((batch: Batch) => {
  for (const port of ports) port.postMessage(batch);
});

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0];
  if (!port) return;
  port.onmessage = (message: MessageEvent<string>) => {
    if (message.data === "again") hub.start();
    if (message.data === "bye") ports.delete(port);
    if (message.data === "stop" || !ports.size) hub.stop();
  };
  if (!ports.size) hub.start();
  ports.add(port);
  port.postMessage(hub.all());
});
