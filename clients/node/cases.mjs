#!/usr/bin/env node
// The cases of ../README.md against a real server. Each makes its own users. Prints `ok NAME` for each and how many
// there are, or says what differed and exits 1.
//
//     cases.mjs SERVER [CA_FILE]
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { blake3 } from '@noble/hashes/blake3';
import { PIECE, beginUpload, continueUpload, download, upload } from './files.mjs';
import { ChatError, Client, Code, follow, frames } from './tinychat.mjs';

const STEP_MS = 20_000;
const PASSWORD = 'correct horse';
// A file of several pieces, each of them another.
const LINES = Buffer.from(Array.from({ length: 30_000 }, (_, index) => `line ${index + 1}\n`).join(''));
const [server, caFile] = process.argv.slice(2);
if (!server) {
  console.error('usage: cases.mjs SERVER [CA_FILE]');
  process.exit(2);
}

const cases = {
  async register_and_login() {
    const ann = await register();
    assert.ok(ann.client.token, 'register gives a token');
    const account = { userName: ann.name, password: PASSWORD };
    await refused(ann.client.auth.register(account), Code.ALREADY_EXISTS, 'NAME_TAKEN');
    const wrong = ann.client.auth.login({ ...account, password: 'wrong horse' });
    await refused(wrong, Code.UNAUTHENTICATED, 'LOGIN_FAILED');
    const second = await logIn(ann.name);
    assert.equal(second.user.id, ann.user.id, 'it is the same user');
    assert.notEqual(second.device.id, ann.device.id, 'it is another device');
    for (const { client, device } of [ann, second]) {
      const me = await client.auth.whoAmI({});
      assert.deepEqual([me.user.name, me.device.id], [ann.name, device.id], 'each token is that of its device');
    }
  },

  async no_token() {
    const client = connect();
    for (const [token, reason] of [['', 'TOKEN_MISSING'], ['no token', 'TOKEN_INVALID']]) {
      client.token = token;
      const error = await refused(client.auth.whoAmI({}), Code.UNAUTHENTICATED, reason);
      assert.equal(error.domain, 'tinychat');
    }
  },

  async unknown_user() {
    const ann = await register();
    await refused(ann.client.chat.send({ userName: fresh(), text: 'x' }), Code.NOT_FOUND, 'USER_NOT_FOUND');
  },

  async field_violation() {
    const ann = await register();
    const empty = ann.client.chat.send({ userName: ann.name, text: '' });
    const error = await refused(empty, Code.INVALID_ARGUMENT, 'TEXT_EMPTY');
    assert.deepEqual(error.fieldViolations.map(({ field }) => field), ['text']);
  },

  async live() {
    const [ann, bob] = await registerBoth();
    const chat = ann.client.chat.chat();
    const items = open(flat(frames(chat)));
    chat.write({ hello: {} });
    await read(items, isCaughtUp);

    const text = 'a 🙂 and\na second line';
    chat.write({ requestId: '1', send: { userName: bob.name, text } });
    const reply = (got, id) => got.find(({ requestId }) => requestId === id);
    const event = (got) => got.find(({ body }) => body === 'message');
    const got = await read(items, (_, got) => reply(got, '1') && event(got));
    assert.equal(reply(got, '1').send?.seq, '1');
    assert.equal(event(got).message.seq, '1', 'reply and event have the same seq');
    assert.equal(event(got).message.text, text);

    chat.write({ requestId: '2', send: { userName: fresh(), text: 'x' } });
    const { error } = (await read(items, ({ requestId }) => requestId === '2')).at(-1);
    assert.deepEqual([error?.code, error?.reason], [Code.NOT_FOUND, 'USER_NOT_FOUND']);

    chat.write({ requestId: '3', ping: {} });
    assert.equal((await read(items, ({ requestId }) => requestId === '3')).at(-1).result, 'pong');
  },

  async duplicate_send() {
    const [ann, bob] = await registerBoth();
    const request = { userName: bob.name, text: 'once', clientMessageId: randomUUID() };
    const first = await ann.client.chat.send(request);
    assert.equal(first.duplicate, false);
    const second = await ann.client.chat.send(request);
    assert.deepEqual(second, { ...first, duplicate: true }, 'a repeat is the same message');
    const other = ann.client.chat.send({ ...request, text: 'twice' });
    await refused(other, Code.ALREADY_EXISTS, 'CLIENT_MESSAGE_ID_REUSED');
  },

  async rate_limited() {
    const [ann, bob] = await registerBoth();
    const sent = [];
    const turnedAway = [];
    let conversationId;
    /** Sends; gives how long to wait if it was too fast, else 0. */
    const send = async (request) => {
      try {
        ({ conversationId } = await ann.client.chat.send(request));
        sent.push(request.text);
        return 0;
      } catch (error) {
        const { retryMs } = await refused(Promise.reject(error), Code.RESOURCE_EXHAUSTED, 'RATE_LIMITED');
        assert.ok(retryMs > 0 && retryMs < STEP_MS, `it says how long to wait: ${retryMs} ms`);
        turnedAway.push(request);
        return retryMs;
      }
    };
    const sendMany = (count) =>
      within(Promise.all(Array.from({ length: count }, () => send(message(bob, randomUUID())))));
    await sendMany(100); // What may be sent at once.
    // Then in fours: by ones, a slow disk would keep them below the rate; of many, some that are still under way would
    // take the room that a refusal tells of.
    let wait = 0;
    for (let round = 1; wait === 0; round++) {
      assert.ok(round <= 500, 'two thousand sends were not too fast');
      // Of four, one that was let in after the refusal takes the room that it told of: the wait is that of one alone.
      if (Math.max(...(await sendMany(4))) > 0) wait = await send(message(bob, randomUUID()));
    }
    await sleep(Math.ceil(wait) + 1); // Timers of Node count whole milliseconds.
    assert.equal(await send(turnedAway.at(-1)), 0, 'after the wait it is sent');
    const texts = [];
    for (let afterSeq = '0', lastSeq; afterSeq !== lastSeq; ) {
      const page = await bob.client.conversations.listMessages({ conversationId, afterSeq, pageSize: 500 });
      assert.ok(page.messages.length > 0, `a page after ${afterSeq} of ${page.lastSeq} is empty`);
      texts.push(...page.messages.map(({ text }) => text));
      ({ lastSeq } = page);
      afterSeq = page.messages.at(-1).seq;
    }
    assert.deepEqual(texts.sort(), sent.sort(), 'each message is there once');
  },

  async offline_backlog() {
    const [ann, bob] = await registerBoth();
    const answers = [];
    for (const text of ['1', '2', '3', '4', '5']) answers.push(await ann.client.chat.send(message(bob, text)));
    const missed = messages(await read(subscribe(bob), isCaughtUp));
    assert.deepEqual(missed.map(({ text }) => text), ['1', '2', '3', '4', '5']);
    const times = (list) => list.map(({ sentTime }) => sentTime);
    assert.deepEqual(times(missed), times(answers), 'each message keeps the time at which it was sent');
  },

  async resume() {
    const [ann, bob] = await registerBoth();
    for (const text of ['1', '2', '3', '4', '5', '6']) await ann.client.chat.send(message(bob, text));
    const stream = open(follow(bob.client));
    const got = await read(stream, (_, got) => messages(got).length === 3);
    await stream.return();
    // Not with `follow`, which would hide a message that comes twice.
    const rest = messages(await read(subscribe(bob, { resumeCursor: got.at(-1).cursor }), isCaughtUp));
    assert.deepEqual(rest.map(({ text }) => text), ['4', '5', '6']);
  },

  async gap() {
    const [ann, bob] = await registerBoth();
    for (const text of ['1', '2', '3', '4', '5']) await ann.client.chat.send(message(bob, text));
    const events = await read(subscribe(bob, { maxBacklogPerConversation: 2 }), isCaughtUp);
    const seen = events.filter(({ body }) => body === 'gap' || body === 'message');
    assert.deepEqual(seen.map(({ body }) => body), ['gap', 'message', 'message']);
    const { conversationId, fromSeq, toSeq } = seen[0].gap;
    assert.deepEqual([fromSeq, toSeq], ['1', '3']);
    assert.deepEqual(messages(seen).map(({ seq }) => seq), ['4', '5']);
    const afterSeq = String(BigInt(fromSeq) - 1n);
    const pageSize = Number(BigInt(toSeq) - BigInt(afterSeq));
    const page = await bob.client.conversations.listMessages({ conversationId, afterSeq, pageSize });
    assert.deepEqual(page.messages.map(({ text }) => text), ['1', '2', '3']);
  },

  async unknown_cursor() {
    const [ann, bob] = await registerBoth();
    for (const text of ['1', '2']) await ann.client.chat.send(message(bob, text));
    const events = await read(subscribe(bob, { resumeCursor: 'no cursor' }), isCaughtUp);
    const seen = events.filter(({ body }) => body === 'reset' || body === 'message');
    assert.deepEqual(seen.map((event) => event.message?.text ?? event.body), ['reset', '1', '2']);
  },

  async revoked_token() {
    const first = await register();
    const second = await logIn(first.name);
    const stream = subscribe(first);
    await read(stream, isCaughtUp);
    await second.client.auth.revokeDevice({ deviceId: first.device.id });
    const began = Date.now();
    await refused(read(stream, () => false), Code.UNAUTHENTICATED, 'TOKEN_INVALID');
    assert.ok(Date.now() - began < 2000, 'the stream ends within two seconds');
    await refused(first.client.auth.whoAmI({}), Code.UNAUTHENTICATED, 'TOKEN_INVALID');
  },

  async a_channel() {
    const [ann, bob] = await registerBoth();
    const [hers, his] = [subscribe(ann), subscribe(bob)];
    for (const stream of [hers, his]) await read(stream, isCaughtUp);
    const name = fresh();
    const send = (user, text) =>
      user.client.chat.send({ channelName: name, text, clientMessageId: randomUUID() });
    const { conversation: made } = await ann.client.conversations.createConversation({
      kind: 'CONVERSATION_KIND_CHANNEL',
      name,
      historyAccess: 'HISTORY_ACCESS_SINCE_JOIN',
    });
    assert.deepEqual([made.name, made.myRole], [name, 'ROLE_OWNER']);
    await send(ann, 'before bob');

    const { conversation: joined } = await bob.client.conversations.joinChannel({ channelName: name });
    assert.deepEqual([joined.id, joined.myRole], [made.id, 'ROLE_MEMBER']);
    await send(bob, 'from bob');
    await send(ann, 'from ann');
    const both = [`${bob.name}: MEMBER_CHANGE_JOINED`, '2: from bob', '3: from ann'];
    assert.deepEqual(story(await read(hers, says('from ann'))), ['1: before bob', ...both]);
    assert.deepEqual(story(await read(his, says('from ann'))), both);
    const page = await bob.client.conversations.listMessages({ conversationId: made.id });
    assert.deepEqual(page.messages.map(({ text }) => text), ['from bob', 'from ann']);
    assert.deepEqual([page.historyFloorSeq, page.lastSeq], ['1', '3'], 'what was before bob is not for bob');

    await bob.client.conversations.leaveConversation({ conversationId: made.id });
    const late = bob.client.conversations.listMessages({ conversationId: made.id });
    await refused(late, Code.NOT_FOUND, 'CONVERSATION_NOT_FOUND');
    await send(ann, 'after bob');
    await ann.client.chat.send(message(bob, 'just to you')); // Comes after what must not come.
    const left = `${bob.name}: MEMBER_CHANGE_LEFT`;
    assert.deepEqual(story(await read(hers, says('just to you'))), [left, '4: after bob', '1: just to you']);
    assert.deepEqual(story(await read(his, says('just to you'))), [left, '1: just to you']);
  },

  async edits_and_deletions() {
    const [ann, bob] = await registerBoth();
    const stream = subscribe(bob);
    await read(stream, isCaughtUp);
    const { conversationId, seq } = await ann.client.chat.send(message(bob, 'as sent'));
    const at = { conversationId, seq };
    await read(stream, says('as sent'));

    const edited = await ann.client.conversations.editMessage({ ...at, text: 'as edited' });
    const { messageEdited } = await readBody(stream, 'messageEdited');
    for (const { message } of [edited, messageEdited]) {
      assert.deepEqual([message.seq, message.text, message.revision], [seq, 'as edited', '1']);
    }
    const edit = bob.client.conversations.editMessage({ ...at, text: 'not mine' });
    await refused(edit, Code.PERMISSION_DENIED, 'MESSAGE_NOT_YOURS');
    const removal = bob.client.conversations.deleteMessage(at);
    await refused(removal, Code.PERMISSION_DENIED, 'MESSAGE_NOT_YOURS');

    const deleted = await ann.client.conversations.deleteMessage(at);
    const { messageDeleted: event } = await readBody(stream, 'messageDeleted');
    assert.deepEqual([event.seq, event.revision, event.deletedBy.name], [seq, '2', ann.name]);
    const late = ann.client.conversations.editMessage({ ...at, text: 'too late' });
    await refused(late, Code.FAILED_PRECONDITION, 'MESSAGE_DELETED');
    const page = await bob.client.conversations.listMessages({ conversationId });
    assert.equal(page.messages.length, 1);
    for (const left of [deleted.message, page.messages[0]]) {
      assert.deepEqual([left.seq, left.revision, left.deleted, left.content], [seq, '2', true, undefined]);
    }
  },

  async replies_and_reactions() {
    const [ann, bob] = await registerBoth();
    const [hers, his] = [subscribe(ann), subscribe(bob)];
    for (const stream of [hers, his]) await read(stream, isCaughtUp);
    const question = await ann.client.chat.send(message(bob, 'a question'));
    const reply = (replyToSeq) => bob.client.chat.send({ ...message(ann, 'an answer'), replyToSeq });
    const { conversationId, seq } = await reply(question.seq);
    for (const stream of [hers, his]) {
      const told = messages(await read(stream, says('an answer')));
      const places = told.map((message) => [message.seq, message.replyToSeq]);
      assert.deepEqual(places, [[question.seq, '0'], [seq, question.seq]], 'the reply says what it answers');
    }
    await refused(reply('99'), Code.INVALID_ARGUMENT, 'REPLY_TO_UNKNOWN');

    const at = { conversationId, seq };
    const thumb = { emoji: '👍', count: 1 };
    const steps = [
      ['addReaction', [{ ...thumb, mine: true }], [{ ...thumb, mine: false }]],
      ['removeReaction', [], []],
    ];
    for (const [call, toAnn, toBob] of steps) {
      const answer = await ann.client.conversations[call]({ ...at, emoji: thumb.emoji });
      assert.deepEqual(answer.reactions, toAnn, call);
      const { reactionChanged: event } = await readBody(his, 'reactionChanged');
      assert.deepEqual([event.seq, event.reactions], [seq, toBob], call);
      const change = [event.user.name, event.emoji, event.added];
      assert.deepEqual(change, [ann.name, thumb.emoji, call === 'addReaction']);
      for (const [user, must] of [[ann, toAnn], [bob, toBob]]) {
        const page = await user.client.conversations.listMessages({ conversationId });
        assert.deepEqual(page.messages.map(({ reactions }) => reactions), [[], must], `${call}, in the history`);
      }
    }
  },

  async search_and_mentions() {
    const [ann, bob] = await registerBoth();
    const { conversation: made } = await ann.client.conversations.createConversation({
      kind: 'CONVERSATION_KIND_CHANNEL',
      name: fresh(),
      userNames: [bob.name],
    });
    const conversationId = made.id;
    const send = (text) => ann.client.chat.send({ conversationId, text, clientMessageId: randomUUID() });
    const [meet, closed] = [`Meet at the Café, @${bob.name}`, 'the café is closed'];
    const first = await send(meet);
    await send(closed);

    /** The text of each snippet, and what is marked first in it: hex digits of the name could be marked, too. */
    const found = async (query) => {
      const { hits } = await bob.client.conversations.searchMessages({ query, conversationId });
      return hits.map(({ snippet }) => [
        snippet.map(({ text }) => text).join(''),
        snippet.find(({ match }) => match)?.text,
      ]);
    };
    assert.deepEqual(await found('CAFE'), [[closed, 'café'], [meet, 'Café']]);
    assert.deepEqual(await found('"café is"'), [[closed, 'café is']]);
    assert.deepEqual(await found('a" OR ('), [], 'it is mere text');
    const error = await refused(found(''), Code.INVALID_ARGUMENT, 'QUERY_INVALID');
    assert.deepEqual(error.fieldViolations.map(({ field }) => field), ['query']);

    const mentions = async () => {
      const page = await bob.client.conversations.listMentions({});
      return page.messages.map((message) => [message.seq, message.mentions.map(({ name }) => name)]);
    };
    assert.deepEqual(await mentions(), [[first.seq, [bob.name]]]);
    const { conversation } = await bob.client.conversations.getConversation({ conversationId });
    assert.equal(conversation.mentions, '1');

    await ann.client.conversations.deleteMessage({ conversationId, seq: first.seq });
    assert.deepEqual(await found('meet'), [], 'what is deleted is not found');
    assert.deepEqual(await mentions(), [], 'what is deleted mentions nobody');
  },

  async settings_and_presence() {
    const [ann, bob] = await registerBoth();
    const [other, third] = [await logIn(bob.name), await logIn(bob.name)];
    const { conversationId } = await ann.client.chat.send(message(bob, 'hello'));
    const ephemeral = { ephemeralEvents: true };
    const [first, his, hers] = [subscribe(bob), subscribe(other, ephemeral), subscribe(ann, ephemeral)];
    for (const stream of [first, his, hers]) await read(stream, isCaughtUp);

    const aside = (level) => ({ conversationId, markedUnread: true, notify: { level, untilTime: null } });
    await bob.client.chat.markUnread({ conversationId });
    const { settingsChanged: marked } = await readBody(his, 'settingsChanged');
    assert.deepEqual(marked, aside('NOTIFY_LEVEL_ALL'));
    const none = { level: 'NOTIFY_LEVEL_NONE' };
    const { notify } = await bob.client.conversations.setNotifyLevel({ conversationId, notify: none });
    assert.equal(notify.level, none.level);
    const { settingsChanged: muted } = await readBody(his, 'settingsChanged');
    assert.deepEqual(muted, aside(none.level));
    await bob.client.chat.send(message(ann, 'it is set')); // Comes after what must not come.
    const toAnn = await read(hers, says('it is set'));
    assert.ok(toAnn.every(({ body }) => body !== 'settingsChanged'), 'what bob sets is not for ann');

    const quiet = { presence: 'PRESENCE_DO_NOT_DISTURB' };
    assert.deepEqual(await bob.client.chat.setPresence(quiet), quiet);
    const isQuiet = ({ presence }) => presence?.userId === bob.user.id && presence.presence === quiet.presence;
    await read(hers, isQuiet); // Others may come before it.
    await refused(third.client.chat.setPresence(quiet), Code.FAILED_PRECONDITION, 'NO_OPEN_STREAM');

    await bob.client.chat.setTyping({ conversationId, typing: true });
    const { typing } = await readBody(hers, 'typing');
    assert.deepEqual([typing.conversationId, typing.user.name, typing.typing], [conversationId, bob.name, true]);
    await ann.client.chat.send(message(bob, 'you type'));
    const toBob = await read(his, says('you type'));
    assert.ok(toBob.every(({ body }) => body !== 'typing'), 'devices of bob are not told that he types');
  },

  async an_invite_link() {
    const [[ann, bob], eve] = [await registerBoth(), await register()];
    const his = subscribe(bob);
    await read(his, isCaughtUp);
    const { conversation: made } = await ann.client.conversations.createConversation({
      kind: 'CONVERSATION_KIND_GROUP',
      name: 'a club',
      historyAccess: 'HISTORY_ACCESS_SINCE_JOIN',
    });
    const conversationId = made.id;
    const send = (text) => ann.client.chat.send({ conversationId, text, clientMessageId: randomUUID() });
    await send('before bob');
    const { code, inviteLink } = await ann.client.conversations.createInviteLink({ conversationId, usesMax: 1 });
    assert.match(code, /^tci_/);
    const listed = async () => {
      const { inviteLinks } = await ann.client.conversations.listInviteLinks({ conversationId });
      return inviteLinks.map(({ id, usesCount, usesMax }) => [id, usesCount, usesMax]);
    };
    assert.deepEqual(await listed(), [[inviteLink.id, 0, 1]]);

    const { conversation: joined } = await bob.client.conversations.joinByInviteLink({ code });
    assert.deepEqual([joined.id, joined.myRole], [conversationId, 'ROLE_MEMBER']);
    await send('to bob, too');
    const joins = `${bob.name}: MEMBER_CHANGE_JOINED`;
    assert.deepEqual(story(await read(his, says('to bob, too'))), [joins, '2: to bob, too']);
    const page = await bob.client.conversations.listMessages({ conversationId });
    assert.deepEqual(page.messages.map(({ text }) => text), ['to bob, too']);
    assert.equal(page.historyFloorSeq, '1', 'what was before bob is not for bob');

    assert.deepEqual(await listed(), [], 'it has come to its end');
    await refused(eve.client.conversations.joinByInviteLink({ code }), Code.NOT_FOUND, 'INVITE_LINK_VOID');
  },

  async a_block() {
    const [ann, bob] = await registerBoth();
    const other = await logIn(bob.name);
    await ann.client.chat.send(message(bob, 'hello'));
    const [his, hers] = [subscribe(other), subscribe(ann)];
    for (const stream of [his, hers]) await read(stream, isCaughtUp);
    const names = ({ users }) => users.map(({ name }) => name);
    const userName = ann.name;

    await bob.client.chat.blockUser({ userName });
    assert.deepEqual(names((await readBody(his, 'blocksChanged')).blocksChanged), [userName]);
    assert.deepEqual(names(await bob.client.chat.listBlockedUsers({})), [userName]);
    await refused(ann.client.chat.send(message(bob, '?')), Code.PERMISSION_DENIED, 'BLOCKED_BY_USER');
    await refused(bob.client.chat.send(message(ann, '!')), Code.FAILED_PRECONDITION, 'USER_BLOCKED');

    await bob.client.chat.unblockUser({ userName });
    assert.deepEqual(names((await readBody(his, 'blocksChanged')).blocksChanged), []);
    await ann.client.chat.send(message(bob, 'at last'));
    assert.deepEqual(story(await read(his, says('at last'))), ['2: at last']);
    const toAnn = await read(hers, says('at last'));
    assert.ok(toAnn.every(({ body }) => body !== 'blocksChanged'), 'whom bob blocks is not for ann');
  },

  async delivered_and_read() {
    const [ann, bob] = await registerBoth();
    const [hers, his] = [subscribe(ann, { ephemeralEvents: true }), subscribe(bob)];
    for (const stream of [hers, his]) await read(stream, isCaughtUp);
    const { conversationId, seq } = await ann.client.chat.send(message(bob, 'did it come?'));
    const markers = async () => {
      const listed = await ann.client.conversations.listMarkers({ conversationId });
      return listed.markers.map(({ user, deliveredSeq, readSeq }) => [user.name, deliveredSeq, readSeq]);
    };
    assert.deepEqual(await markers(), [[bob.name, '0', '0']]);

    const { cursor } = (await read(his, says('did it come?'))).at(-1);
    await bob.client.chat.acknowledge({ cursor });
    const { delivered } = await readBody(hers, 'delivered');
    assert.deepEqual(delivered, { conversationId, userId: bob.user.id, deliveredSeq: seq });
    await eventually(markers, [[bob.name, seq, '0']]);
    await bob.client.chat.markRead({ conversationId, readSeq: seq });
    assert.deepEqual(await markers(), [[bob.name, seq, seq]]);
  },

  async a_file() {
    const [ann, bob] = await registerBoth();
    const eve = await register();
    const stream = subscribe(bob);
    await read(stream, isCaughtUp);
    const made = await within(upload(ann.client, LINES, 'lines.txt', { mediaType: 'text/plain' }));
    await ann.client.chat.send({ ...message(bob, 'all of them'), attachments: [{ fileId: made.id }] });
    const { attachments } = messages(await read(stream, says('all of them')))[0];
    assert.deepEqual(attachments, [made]);
    const { name, sizeBytes, mediaType, blake3: hash } = made;
    assert.deepEqual([name, sizeBytes, mediaType], ['lines.txt', String(LINES.length), 'text/plain']);
    assert.ok(hash.equals(blake3(LINES)), 'the hash is that of the bytes');
    for (const offset of [0, 100_000]) {
      const came = await fetched(bob, made, offset);
      assert.ok(came.equals(LINES.subarray(offset)), `the bytes from ${offset} on are equal`);
    }
    await refused(eve.client.files.getFile({ fileId: made.id }), Code.NOT_FOUND, 'FILE_NOT_FOUND');
    await refused(fetched(eve, made), Code.NOT_FOUND, 'FILE_NOT_FOUND');
  },

  async a_cut_upload() {
    const ann = await register();
    const { files } = ann.client;
    const { id: uploadId } = await beginUpload(ann.client, LINES, 'lines.txt');
    const call = files.uploadChunks(() => {});
    for (const offset of [0, PIECE]) call.write({ uploadId, offset, data: LINES.subarray(offset, offset + PIECE) });
    const stands = async () => (await files.getUpload({ uploadId })).upload.committedBytes;
    await eventually(stands, String(2 * PIECE));
    call.cancel();
    assert.equal(await stands(), String(2 * PIECE), 'what came stays');
    const again = files.uploadChunk({ uploadId, offset: 0, data: LINES.subarray(0, PIECE) });
    await refused(again, Code.FAILED_PRECONDITION, 'UPLOAD_OFFSET');
    await refused(files.completeUpload({ uploadId }), Code.FAILED_PRECONDITION, 'UPLOAD_INCOMPLETE');

    const made = await within(continueUpload(ann.client, uploadId, LINES));
    assert.deepEqual(await files.completeUpload({ uploadId }), { file: made }, 'a repeat gives the same file');
    assert.deepEqual((await files.getUpload({ uploadId })).file, made, 'and so does its upload');
    assert.ok((await fetched(ann, made)).equals(LINES), 'the bytes are equal');
  },
};

/** Ends the streams and connections of a case. */
const cleanup = [];

function connect() {
  const client = new Client(server, caFile);
  cleanup.push(() => client.close());
  return client;
}

function open(stream) {
  cleanup.push(() => stream.return());
  return stream;
}

/** A name that nobody has. */
const fresh = () => `node-${randomBytes(8).toString('hex')}`;

/** A new account with its first device. */
const register = (name = fresh()) => enter(name, 'register');
const registerBoth = () => Promise.all([register(), register()]);
/** Another device of an account. */
const logIn = (name) => enter(name, 'login');

async function enter(name, how) {
  const client = connect();
  const answer = await client.auth[how]({ userName: name, password: PASSWORD, deviceName: how });
  client.token = answer.accessToken;
  return { client, name, user: answer.user, device: answer.device };
}

const message = (to, text) => ({ userName: to.name, text, clientMessageId: randomUUID() });
const messages = (events) => events.filter(({ body }) => body === 'message').map(({ message }) => message);
const isCaughtUp = ({ body }) => body === 'caughtUp';
const says = (text) => ({ body, message }) => body === 'message' && message.text === text;

/** What a stream brought, in words: messages and changes of members, in their order. */
const story = (events) =>
  events.flatMap(({ body, message, memberChanged: changed }) => {
    if (body === 'message') return [`${message.seq}: ${message.text}`];
    if (body === 'memberChanged') return [`${changed.user.name}: ${changed.change}`];
    return [];
  });

/** The events of a user's stream. */
const subscribe = (user, options = {}) => open(flat(frames(user.client.chat.subscribe(options))));

/** Events and replies one by one. */
async function* flat(frames) {
  for await (const { events, replies = [] } of frames) yield* [...events, ...replies];
}

/** What comes of a file, from an offset on. */
async function fetched(user, { id }, offset = 0) {
  const came = [];
  await within(download(user.client, id, (data) => came.push(data), { offset }));
  return Buffer.concat(came);
}

/** Reads on until an item is the last one wanted; gives all that it read. */
async function read(items, isLast) {
  const got = [];
  for (;;) {
    const { value, done } = await within(items.next());
    assert.ok(!done, 'the stream ended without an error');
    got.push(value);
    if (isLast(value, got)) return got;
  }
}

/** Reads on until the first event of this kind; gives it. */
const readBody = async (items, wanted) => (await read(items, ({ body }) => body === wanted)).at(-1);

/** Asks again and again until the answer is what it must be. */
async function eventually(ask, must) {
  const end = Date.now() + STEP_MS;
  for (;;) {
    const came = await ask();
    if (isDeepStrictEqual(came, must)) return;
    if (Date.now() > end) assert.deepEqual(came, must);
    await sleep(10);
  }
}

/** The error with which a call must fail. */
async function refused(call, code, reason) {
  const error = await within(call).then(
    () => assert.fail(`was not refused with ${Code[code]} / ${reason}`),
    (error) => error,
  );
  if (!(error instanceof ChatError)) throw error;
  assert.deepEqual([Code[error.code], error.reason], [Code[code], reason], error.message);
  return error;
}

/** Nothing may wait for ever. */
async function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${STEP_MS} ms`)), STEP_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

let passed = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    for (const end of cleanup.splice(0).reverse()) await within(end());
  } catch (error) {
    console.error(`${name}: ${error.stack}`);
    process.exit(1);
  }
  console.log(`ok ${name}`);
  passed++;
}
console.log(`${passed} of ${passed}`);
