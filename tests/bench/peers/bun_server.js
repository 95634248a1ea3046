// Bun's own publish and subscribe, as its documentation shows it: what a publisher sends goes to everyone.
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    const isPublisher = new URL(request.url).pathname === "/publish";
    if (server.upgrade(request, { data: { isPublisher } })) return;
    return new Response("a WebSocket is wanted", { status: 400 });
  },
  websocket: {
    open(socket) {
      if (socket.data.isPublisher) return;
      socket.subscribe("everyone");
      socket.send("welcome");
    },
    message(socket, message) {
      server.publish("everyone", message);
    },
  },
});
console.log(server.port);
