// The usual loop over ws's clients: what a publisher sends goes to everyone.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const readers = new Set();
const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, request) => {
  if (request.url === "/publish") {
    socket.on("message", (message) => {
      for (const reader of readers) reader.send(message, { binary: false });
    });
    return;
  }
  readers.add(socket);
  socket.on("close", () => readers.delete(socket));
  socket.send("welcome");
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(server.address().port));
