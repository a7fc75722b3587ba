//! A client that knows no schema: it sends bytes of its own choosing where messages belong, and headers as they are.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _};
use tokio_stream::Stream;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::{PATIENCE, Server, in_time};

/// Bytes instead of messages.
#[derive(Clone, Copy, Debug, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}

/// A connection of its own.
#[derive(Clone, Debug)]
pub struct Raw {
    /// For requests that are not gRPC.
    pub channel: Channel,
    /// Sent with every call.
    pub headers: Vec<(&'static str, MetadataValue<Ascii>)>,
}

impl Raw {
    /// Connects, without a login.
    pub async fn connect(server: &Server) -> Self {
        let address = format!("http://{}", server.address().as_str());
        let endpoint = Endpoint::from_shared(address).unwrap();
        let channel = in_time("a connection", endpoint.connect()).await.unwrap();
        Self {
            channel,
            headers: Vec::new(),
        }
    }

    /// The same connection, with one more header; the value need not be text.
    pub fn with(&self, name: &'static str, value: &[u8]) -> Self {
        let mut with = self.clone();
        with.headers.push((name, value.try_into().unwrap()));
        with
    }

    /// The same connection, with a login.
    pub fn with_token(&self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}").as_bytes())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(PATIENCE + Duration::from_secs(1));
        for (name, value) in &self.headers {
            request.metadata_mut().insert(*name, value.clone());
        }
        request
    }

    /// A unary call.
    pub async fn call(&self, path: &str, message: Vec<u8>) -> Result<Vec<u8>, Status> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let call = grpc.unary(self.request(message), path.parse().unwrap(), Bytes);
        let answer = in_time(path, call).await?;
        Ok(answer.into_inner())
    }

    /// A call with streams on both sides.
    pub async fn stream(
        &self,
        path: &str,
        messages: impl Stream<Item = Vec<u8>> + Send + 'static,
    ) -> Result<Streaming<Vec<u8>>, Status> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let call = grpc.streaming(self.request(messages), path.parse().unwrap(), Bytes);
        Ok(in_time(path, call).await?.into_inner())
    }

    /// How a call ends whose messages are all sent at once, by reading all that comes.
    pub async fn end(&self, path: &str, messages: Vec<Vec<u8>>) -> Result<(), Status> {
        let mut stream = self.stream(path, tokio_stream::iter(messages)).await?;
        while in_time(path, stream.message()).await?.is_some() {}
        Ok(())
    }
}
