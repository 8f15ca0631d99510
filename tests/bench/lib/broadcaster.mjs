// The baseline of streams: a WebSocket server by `ws`, as one would write it, that sends what is posted to it to all who are connected.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const http = await import("node:http");
  const { WebSocketServer } = await import("ws");
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      for (const client of sockets.clients) client.send(text);
      response.writeHead(200).end();
    });
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

/** Starts it; answers `{address, child, stop}`. */
export async function broadcaster(root) {
  const child = spawn(process.execPath, [join(root, "tests/bench/lib/broadcaster.mjs")], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const { value: port } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", resolve);
      child.kill("SIGKILL");
    });
  return { address: `127.0.0.1:${port}`, child, stop };
}
