#!/usr/bin/env node
// A file from one to another, meant to be copied: NAME uploads it and sends it, and a friend of NAME downloads it. The
// friend is NAME-friend.
//
//     files_example.mjs SERVER NAME PASSWORD FILE [CA_FILE]
import { randomUUID } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { download, upload } from './files.mjs';
import { ChatError, Client, follow, persist } from './tinychat.mjs';

const [server, name, password, path, caFile] = process.argv.slice(2);
if (!path) {
  console.error('usage: files_example.mjs SERVER NAME PASSWORD FILE [CA_FILE]');
  process.exit(2);
}

const [hers, his] = [new Client(server, caFile), new Client(server, caFile)];
const lost = () => console.error('connection lost, trying again');
try {
  await main();
} catch (error) {
  console.error(error instanceof ChatError ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const client of [hers, his]) client.close();
}

async function main() {
  const friend = `${name}-friend`;
  await logIn(hers, name);
  await logIn(his, friend);
  console.log(`logged in as ${name} and ${friend}`);

  const uploaded = await upload(hers, path, basename(path), { lost });
  console.log(`uploaded ${uploaded.name}, ${uploaded.sizeBytes} bytes`);
  const attachments = [{ fileId: uploaded.id }];
  const request = { userName: friend, attachments, clientMessageId: randomUUID() };
  const sent = await persist(() => hers.chat.send(request));
  console.log('sent');

  const message = await waitFor(sent.messageId);
  for (const came of message.attachments) {
    // Others gave the file its name: it is shown, and no path is made of it.
    console.log(`${friend} got ${came.name} from ${message.sender.name}`);
    if (!(await isEqual(came.id))) throw new Error(`what came is not what stands in ${path}`);
    console.log(`downloaded ${came.sizeBytes} bytes, equal to those of ${name}`);
  }
}

/** Makes the account, or logs in if it is there. */
async function logIn(client, userName) {
  const account = { userName, password, deviceName: 'node files example' };
  const taken = (error) => {
    if (error.reason !== 'NAME_TAKEN') throw error;
    return client.auth.login(account);
  };
  client.token = (await client.auth.register(account).catch(taken)).accessToken;
}

/** The message as it comes to the other side. */
async function waitFor(messageId) {
  for await (const { message } of follow(his, undefined, lost)) {
    if (message?.messageId === messageId) return message;
  }
}

/** Downloads the file to the disk and compares it with that of the sender. */
async function isEqual(fileId) {
  const folder = await mkdtemp(join(tmpdir(), 'tinychat-'));
  try {
    const copy = await open(join(folder, 'copy'), 'wx');
    try {
      await download(his, fileId, (data) => copy.appendFile(data), { lost });
    } finally {
      await copy.close();
    }
    const [came, went] = await Promise.all([readFile(join(folder, 'copy')), readFile(path)]);
    return came.equals(went);
  } finally {
    await rm(folder, { recursive: true });
  }
}
