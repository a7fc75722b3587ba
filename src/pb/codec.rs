//! How messages cross the wire: prost with small buffers, and with a clear answer to undecodable bytes.
//!
//! tonic's own codec reserves 8 KiB for each direction of each stream, which counts when thousands of streams are idle,
//! and answers INTERNAL to a message that a peer garbled, which blames the wrong side.

use std::marker::PhantomData;

use prost::Message;
use tonic::{
    Status,
    codec::{BufferSettings, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// Bytes that a stream holds per direction while it is idle; a buffer grows with what passes through it.
const BUFFER_BYTES: usize = 512;
/// Encoded bytes at which tonic hands a chunk to HTTP/2 rather than joining it with the next.
const YIELD_BYTES: usize = 32 * 1024;

/// The text by which `server::grpc::status` knows an undecodable message.
pub const MALFORMED: &str = "the message cannot be decoded";

/// A codec of prost messages: `E` is written, `D` is read.
pub struct Codec<E, D>(PhantomData<fn() -> (E, D)>);

impl<E, D> Default for Codec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> tonic::codec::Codec for Codec<E, D>
where
    E: Message + Send + 'static,
    D: Message + Default + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = Half<E>;
    type Decoder = Half<D>;

    fn encoder(&mut self) -> Half<E> {
        Half(PhantomData)
    }

    fn decoder(&mut self) -> Half<D> {
        Half(PhantomData)
    }
}

/// One direction of the codec.
pub struct Half<T>(PhantomData<fn() -> T>);

fn buffers() -> BufferSettings {
    BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
}

impl<T: Message> Encoder for Half<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer)
            .map_err(|error| Status::internal(format!("encoding: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

impl<T: Message + Default> Decoder for Half<T> {
    type Item = T;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<T>, Status> {
        // What prost says names fields of our schema, never bytes of the peer.
        let decoded = T::decode(buffer);
        decoded
            .map(Some)
            .map_err(|error| Status::invalid_argument(format!("{MALFORMED}: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}
