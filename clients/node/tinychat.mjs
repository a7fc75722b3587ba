// A small client library: calls as promises, errors with their reasons, and a stream of events that outlives breaks.
// `example.mjs` and `cases.mjs` are written with it. To start a program of your own, copy this folder.
//
// Numbers of 64 bits (`seq`, `requestId`) are strings, as in the JSON of protobuf: a JavaScript number is not exact
// past 2^53, and the loader knows no BigInt. Give them back as they came; to compare two, make BigInts of them.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

/** @typedef {import('./gen/types/tinychat/v1/Event').Event__Output} Event */
/** @typedef {import('./gen/types/tinychat/v1/Message').Message__Output} Message */
/** @typedef {import('./gen/types/tinychat/v1/AuthService').AuthServiceClient} AuthService */
/** @typedef {import('./gen/types/tinychat/v1/ChatService').ChatServiceClient} ChatService */
/** @typedef {import('./gen/types/tinychat/v1/ConversationService').ConversationServiceClient} ConversationService */
/** @typedef {import('./gen/types/tinychat/v1/FileService').FileServiceClient} FileService */

/** The codes of gRPC by their names. */
export const Code = grpc.status;

const CALL_MS = 10_000;
const PATIENCE_MS = 30_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 3_000;
const CHANNEL = {
  // Finds out that the server's machine is gone, which a silent stream would never tell.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 20_000,
  // A channel waits between its own attempts to connect, too: by default up to two minutes, on top of the waits below.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

// How messages look in JavaScript; `generate` makes the types with the same options.
const SHAPE = { longs: String, enums: String, defaults: true, oneofs: true };
const folder = fileURLToPath(new URL('.', import.meta.url));
const load = (...files) => loader.loadSync(files, { ...SHAPE, includeDirs: [`${folder}gen/proto`, folder] });
const services = load(
  'tinychat/v1/auth_service.proto',
  'tinychat/v1/chat_service.proto',
  'tinychat/v1/conversation_service.proto',
  'tinychat/v1/file_service.proto',
);
const { AuthService, ChatService, ConversationService, FileService } =
  grpc.loadPackageDefinition(services).tinychat.v1;
const rpcErrors = load('rpc_errors.proto');

/** A server as one device sees it. Set `token` after `register` or `login`. */
export class Client {
  token = '';

  /**
   * @param {string} server HOST:PORT
   * @param {string} [caFile] PEM file of the authorities to trust, or of the server's own certificate; without it the
   *   connection is in the clear
   */
  constructor(server, caFile) {
    const credentials = caFile ? trust(caFile) : grpc.credentials.createInsecure();
    const options = { ...CHANNEL, interceptors: [(...call) => this.#authorize(...call)] };
    /** @type {Calls<AuthService>} */
    this.auth = calls(new AuthService(server, credentials, options));
    /** @type {Calls<ChatService>} */
    this.chat = calls(new ChatService(server, credentials, options));
    /** @type {Calls<ConversationService>} */
    this.conversations = calls(new ConversationService(server, credentials, options));
    /** @type {Calls<FileService>} */
    this.files = calls(new FileService(server, credentials, options));
  }

  /** Sends the token along with each call. */
  #authorize(options, next) {
    const start = (metadata, listener, begin) => {
      if (this.token) metadata.set('authorization', `Bearer ${this.token}`);
      begin(metadata, listener);
    };
    return new grpc.InterceptingCall(next(options), { start });
  }

  close() {
    for (const service of [this.auth, this.chat, this.conversations, this.files]) service.close();
  }
}

/**
 * Trusts the file. Before 20.18 Node ignores `allowPartialTrustChain`: there a certificate that stands in the file for
 * the server itself must have signed itself. If SERVER is an IP address, Node warns once (DEP0123), since grpc-js names
 * it to the server; the certificate is checked against the address as it should be.
 */
function trust(caFile) {
  const context = createSecureContext({ ca: readFileSync(caFile), allowPartialTrustChain: true });
  return grpc.credentials.createFromSecureContext(context);
}

/**
 * The calls of a service: single ones give promises, streams are those of gRPC (read them with `frames`).
 * @template S
 * @typedef {{ [M in keyof S]: S[M] extends
 *   (request: infer Q, callback: grpc.requestCallback<infer A>) => grpc.ClientUnaryCall
 *   ? (request: Q) => Promise<A> : S[M] }} Calls
 */
function calls(stub) {
  const made = { close: () => stub.close() };
  for (const { originalName: name, requestStream, responseStream } of Object.values(stub.constructor.service)) {
    const promise = (request) =>
      new Promise((resolve, reject) => {
        const done = (error, answer) => (error ? reject(new ChatError(error)) : resolve(answer));
        stub[name](request, { deadline: Date.now() + CALL_MS }, done);
      });
    made[name] = requestStream || responseStream ? stub[name].bind(stub) : promise;
  }
  return made;
}

/** Why a call or a stream failed. Programs go by `code` and `reason`; `message` is for people. */
export class ChatError extends Error {
  reason = '';
  domain = '';
  /** @type {{ field: string, description: string }[]} */
  fieldViolations = [];
  /** How long to wait before the same request can succeed, if the server says so. @type {number | undefined} */
  retryMs;

  /** @param {grpc.ServiceError} error */
  constructor(error) {
    super(error.details || error.message, { cause: error });
    this.code = error.code;
    const [packed] = error.metadata?.get('grpc-status-details-bin') ?? [];
    const details = packed ? rpcErrors['google.rpc.Status'].deserialize(packed).details : [];
    for (const { type_url: url, value } of details) {
      const kind = url.split('/').pop();
      const detail = rpcErrors[kind]?.deserialize(value);
      if (kind === 'google.rpc.ErrorInfo') Object.assign(this, { reason: detail.reason, domain: detail.domain });
      if (kind === 'google.rpc.BadRequest') this.fieldViolations = detail.fieldViolations;
      if (kind === 'google.rpc.RetryInfo') this.retryMs = milliseconds(detail.retryDelay);
    }
  }

  /** Whether the same request can succeed later. Without a reason the server said nothing: the connection broke. */
  get passing() {
    const broken = [Code.UNKNOWN, Code.INTERNAL, Code.CANCELLED, Code.RESOURCE_EXHAUSTED];
    const broke = !this.reason && broken.includes(this.code);
    return broke || this.retryMs !== undefined || [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED].includes(this.code);
  }
}

const milliseconds = ({ seconds, nanos }) => Number(seconds) * 1000 + nanos / 1e6;

/** A wait that grows with the failures and is random, so that not all clients come back at once. */
const pause = (failures, atLeast = 0) =>
  sleep(atLeast + Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures));

/** How long something is tried again: half a minute from the last time that it came further. */
export class Tries {
  #failures = 0;
  #end = Date.now() + PATIENCE_MS;
  #lost;

  /** @param {() => void} [lost] is called once for each break */
  constructor(lost = () => {}) {
    this.#lost = lost;
  }

  cameFurther() {
    this.#failures = 0;
    this.#end = Date.now() + PATIENCE_MS;
  }

  /**
   * Waits before the next try, as long as the error asks for; throws the error if no try is left, or of any use.
   * @param {boolean} [passing] whether the same can succeed later
   */
  async wait(error, passing = error.passing) {
    if (!passing || Date.now() + (error.retryMs ?? 0) > this.#end) throw error;
    if (this.#failures === 0) this.#lost();
    await pause(this.#failures++, error.retryMs);
  }
}

/**
 * Repeats a call until it is answered or refused for good. Only for calls that may be repeated: those that read, and
 * sends with a `clientMessageId`.
 * @template A
 * @param {() => Promise<A>} call
 */
export async function persist(call) {
  const tries = new Tries();
  for (;;) {
    try {
      return await call();
    } catch (error) {
      await tries.wait(error);
    }
  }
}

/** The frames of a stream, which ends when its reader leaves the loop. */
export async function* frames(stream) {
  stream.on('error', () => {}); // The loop throws it; one that comes after the loop must not end the program.
  try {
    for await (const frame of stream) yield frame;
  } catch (error) {
    throw new ChatError(error);
  } finally {
    stream.cancel();
  }
}

/**
 * Follows the live stream for ever: each event in order, each message once. After a break it opens the stream again
 * where it was, and throws only what no repeat can mend. To go on in another run of the program, store the cursor of
 * each event (if it has one) together with what the event brought.
 * @param {Client} client
 * @param {string} [cursor] resumes after this event; without it, after what this device acknowledged
 * @param {() => void} [lost] is called once for each break
 * @returns {AsyncGenerator<Event, never>}
 */
export async function* follow(client, cursor, lost = () => {}) {
  const seen = new Map(); // The highest seq of each conversation: what is not above it came before.
  let open = true;
  for (let failures = 0; ; failures++) {
    let wait = 0;
    try {
      for await (const { events } of frames(client.chat.subscribe({ resumeCursor: cursor }))) {
        open = true;
        for (const event of events) {
          const { body, message, goingAway } = event;
          if (body === 'caughtUp') failures = 0;
          if (body === 'reset') seen.clear(); // Another store: its numbers begin again.
          if (goingAway && !goingAway.retryAfter) throw new Error(`the server ends the stream: ${goingAway.reason}`);
          if (goingAway) wait = milliseconds(goingAway.retryAfter);
          if (!message || isNew(seen, message)) yield event;
          cursor = body === 'reset' ? undefined : event.cursor || cursor;
        }
      }
    } catch (error) {
      if (!error.passing) throw error;
      wait = Math.max(wait, error.retryMs ?? 0);
    }
    if (open) lost();
    open = false;
    await pause(failures, wait);
  }
}

function isNew(seen, { conversationId, seq }) {
  if (BigInt(seq) <= (seen.get(conversationId) ?? 0n)) return false;
  seen.set(conversationId, BigInt(seq));
  return true;
}
