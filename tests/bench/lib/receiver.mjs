// Endpoints of tenants: a process of its own with a server for each, which notes what arrives, and when.
//
//   fork(…); sends {addresses}; {take: true} answers {arrivals: [[endpoint, webhook-id, ms], …]} and forgets them.
import http from "node:http";

const count = Number(process.argv[2]);
let arrivals = [];
const now = () => performance.timeOrigin + performance.now();

const listen = (answer) =>
  new Promise((resolve) => {
    const server = http.createServer({ keepAliveTimeout: 60_000 }, answer);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
const address = (server) => `127.0.0.1:${server.address().port}`;

const answering = (endpoint) => (request, response) => {
  arrivals.push([endpoint, request.headers["webhook-id"], now()]);
  request.resume().on("end", () => response.end("ok"));
};

const healthy = await Promise.all(Array.from({ length: count }, (_, n) => listen(answering(n))));
// One takes what it is sent and never says anything; at the other's address nobody is.
const hanging = await listen((request) => request.resume());
const dead = await listen(() => {});
const gone = address(dead);
await new Promise((resolve) => dead.close(resolve));

process.on("message", (asked) => {
  if (!asked.take) return;
  process.send({ arrivals });
  arrivals = [];
});
process.on("disconnect", () => process.exit(0));
process.send({ addresses: healthy.map(address), hanging: address(hanging), dead: gone });
