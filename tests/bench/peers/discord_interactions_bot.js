// A bot on discord-interactions and Node's own HTTP server that answers every command with "Pong!".
//
// Its argument is the public key in hex. It prints the port that it listens on.

import { createServer } from "node:http";
import { InteractionResponseType, InteractionType, verifyKey } from "discord-interactions";

// Imported once: as a text the library would import it again for every request.
const key = await crypto.subtle.importKey("raw", Buffer.from(process.argv[2], "hex"), "ed25519", false, ["verify"]);

function send(response, status, answer) {
  const body = JSON.stringify(answer);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const signature = request.headers["x-signature-ed25519"] ?? "";
  const timestamp = request.headers["x-signature-timestamp"] ?? "";
  if (!(await verifyKey(body, signature, timestamp, key))) return send(response, 401, { error: "bad signature" });
  const interaction = JSON.parse(body);
  if (interaction.type === InteractionType.PING) return send(response, 200, { type: InteractionResponseType.PONG });
  return send(response, 200, {
    type: InteractionResponseType.CHANNEL_MESSAGE_WITH_SOURCE,
    data: { content: "Pong!" },
  });
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
