// Files: uploads and downloads that go on where they were, however often the connection breaks. Copy it together with
// `tinychat.mjs`.
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { blake3 } from '@noble/hashes/blake3'; // Compares what came with what was sent.
import { ChatError, Tries, frames, persist } from './tinychat.mjs';

/** @typedef {import('./tinychat.mjs').Client} Client */
/** @typedef {import('./gen/types/tinychat/v1/File').File__Output} File */
/** @typedef {import('./gen/types/tinychat/v1/Upload').Upload__Output} Upload */
/** @typedef {Buffer | string} Source the bytes themselves, or the path of a file */

/** Bytes that are sent at once. */
export const PIECE = 64 * 1024;

/** What came is not the file that was asked for. */
export class FileDiffers extends Error {}

/**
 * Uploads a file. Attach its id to a message: until then it is yours alone, and does not stay for long.
 * @param {Client} client
 * @param {Source} source
 * @param {string} name for people
 * @param {{ mediaType?: string, lost?: () => void }} [options] `lost` is called once for each break
 * @returns {Promise<File>}
 */
export async function upload(client, source, name, { mediaType, lost } = {}) {
  const begun = await beginUpload(client, source, name, mediaType);
  return continueUpload(client, begun.id, source, lost);
}

/**
 * Says what will come. Whoever keeps the id of the upload can go on with it in another run of the program. If the
 * answer is lost, the repeat begins another upload; the server forgets the first after a while.
 * @param {Client} client
 * @param {Source} source
 * @param {string} name
 * @param {string} [mediaType]
 * @returns {Promise<Upload>}
 */
export async function beginUpload(client, source, name, mediaType = '') {
  const whole = blake3.create();
  let sizeBytes = 0;
  for await (const piece of read(source)) {
    whole.update(piece);
    sizeBytes += piece.length;
  }
  const request = { name, sizeBytes, mediaType, blake3: whole.digest() };
  return (await persist(() => client.files.createUpload(request))).upload;
}

/**
 * Brings what the server does not have yet, and makes the whole a file. Gives up when nothing came further for half a
 * minute; then the upload is still there to be continued.
 * @param {Client} client
 * @param {string} uploadId
 * @param {Source} source
 * @param {() => void} [lost]
 * @returns {Promise<File>}
 */
export async function continueUpload(client, uploadId, source, lost) {
  const tries = new Tries(lost);
  let furthest = 0;
  for (;;) {
    // Also says what became of it if the answer of `completeUpload` was lost.
    const { upload, file } = await persist(() => client.files.getUpload({ uploadId }));
    if (file) return file;
    const [stands, size] = [Number(upload.committedBytes), Number(upload.sizeBytes)];
    if (stands > furthest) tries.cameFurther();
    furthest = Math.max(furthest, stands);
    try {
      if (stands < size) await bring(client, uploadId, read(source, stands, size), stands);
      return (await client.files.completeUpload({ uploadId })).file;
    } catch (error) {
      // UPLOAD_OFFSET: a call that broke brought more after we had asked, so ask again.
      await tries.wait(error, error.passing || error.reason === 'UPLOAD_OFFSET');
    }
  }
}

/**
 * One call that brings pieces. A file may take its time, so it has no deadline: the pings of the channel notice a
 * server that is gone, and the server one of us that is too slow. Pieces could have hashes of their own; that of the
 * whole will do, since JavaScript computes them slowly.
 */
async function bring(client, uploadId, pieces, offset) {
  const ended = new AbortController();
  let call;
  const answer = new Promise((resolve, reject) => {
    call = client.files.uploadChunks((error) => {
      ended.abort();
      return error ? reject(new ChatError(error)) : resolve();
    });
  });
  answer.catch(() => {}); // It is awaited below, after the pieces.
  try {
    for await (const data of pieces) {
      if (ended.signal.aborted) break;
      const isRoom = call.write({ uploadId, offset, data });
      offset += data.length;
      // After the end of the call nobody makes room any more.
      if (!isRoom) await once(call, 'drain', { signal: ended.signal }).catch(() => {});
    }
    call.end();
    await answer;
  } finally {
    call.cancel();
  }
}

/** The pieces of a source from an offset up to an end. */
async function* read(source, offset = 0, end = Infinity) {
  if (typeof source !== 'string') {
    for (; offset < source.length; offset += PIECE) yield source.subarray(offset, offset + PIECE);
    return;
  }
  const file = await open(source);
  try {
    for (;;) {
      const wanted = Math.min(PIECE, end - offset);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      offset += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/**
 * Hands on a file piece by piece, from an offset on, and says what it is. Throws `FileDiffers` if it is not whole, or,
 * where all of it came, has another hash: forget then what was written. The name in a `File` is for people: choose the
 * path that you write to yourself.
 * @param {Client} client
 * @param {string} fileId
 * @param {(data: Buffer) => unknown} write takes the next piece; what it gives is awaited
 * @param {{ offset?: number, lost?: () => void }} [options]
 * @returns {Promise<File>}
 */
export async function download(client, fileId, write, { offset = 0, lost } = {}) {
  const tries = new Tries(lost);
  const whole = offset === 0 ? blake3.create() : undefined;
  /** @type {File | undefined} */
  let known;
  let size;
  while (!known || offset < size) {
    try {
      for await (const { file, offset: begins, data } of frames(client.files.download({ fileId, offset }))) {
        known ??= file ?? undefined;
        size = Number(known?.sizeBytes);
        if (Number(begins) !== offset || !(offset + data.length <= size)) {
          throw new FileDiffers(`${data.length} bytes for ${begins} do not fit after ${offset} bytes`);
        }
        await write(data);
        whole?.update(data);
        offset += data.length;
        tries.cameFurther();
      }
      if (!known || offset < size) throw new FileDiffers(`the file ended after ${offset} bytes`);
    } catch (error) {
      await tries.wait(error);
    }
  }
  if (whole && known.blake3.length > 0 && !known.blake3.equals(whole.digest())) {
    throw new FileDiffers('the file came with another hash');
  }
  return known;
}
