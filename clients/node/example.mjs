#!/usr/bin/env node
// The example, meant to be copied: logs in, sends a message to itself, pages through the history of that conversation
// and follows the live stream, over any break, until a message says `stop`.
//
//     example.mjs SERVER NAME PASSWORD [CA_FILE]
import { randomUUID } from 'node:crypto';
import { ChatError, Client, follow, persist } from './tinychat.mjs';

const [server, name, password, caFile] = process.argv.slice(2);
if (!password) {
  console.error('usage: example.mjs SERVER NAME PASSWORD [CA_FILE]');
  process.exit(2);
}

const client = new Client(server, caFile);
try {
  await main();
} catch (error) {
  // What the server says, as it says it; a defect of this program with the place where it happened.
  console.error(error instanceof ChatError ? error.message : error);
  process.exitCode = 1;
} finally {
  client.close();
}

async function main() {
  const login = await registerOrLogIn();
  client.token = login.accessToken;
  console.log(`logged in as ${login.user.name}`);

  // The id makes a repeat harmless, so the same request goes out until it is answered. Node makes UUIDs of version 4
  // only; if you have one of version 7, take that: it is kinder to the server's index.
  const hello = { userName: name, clientMessageId: randomUUID(), text: 'hello from node' };
  const sent = await persist(() => client.chat.send(hello));
  console.log(`sent as seq ${sent.seq}`);

  for await (const message of history(sent.conversationId)) {
    console.log(`history ${message.seq}: ${message.text}`);
  }

  const lost = () => console.error('connection lost, trying again');
  for await (const { message } of follow(client, undefined, lost)) {
    if (message === undefined) continue;
    console.log(`${message.sender.name}: ${message.text}`);
    if (message.text === 'stop') return;
  }
}

async function registerOrLogIn() {
  const account = { userName: name, password, deviceName: 'node example' };
  try {
    return await client.auth.register(account);
  } catch (error) {
    if (error.reason !== 'NAME_TAKEN') throw error;
    return await client.auth.login(account);
  }
}

/** The messages of a conversation from its beginning. Pages are small here to show how they follow each other. */
async function* history(conversationId) {
  for (let afterSeq = '0'; ; ) {
    const page = await persist(() => client.conversations.listMessages({ conversationId, afterSeq, pageSize: 2 }));
    yield* page.messages;
    afterSeq = page.messages.at(-1)?.seq ?? page.lastSeq;
    if (afterSeq === page.lastSeq) return;
  }
}
