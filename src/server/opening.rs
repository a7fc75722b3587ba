//! The first bytes of a connection: nothing is set up for a peer before it has said what it wants.
//!
//! A connection of HTTP or of TLS costs some 15 KiB from its first moment, and a socket that says nothing costs its owner
//! nothing. So the beginning is gathered here first, in as many bytes as have come: the preface of HTTP/2, the head of a
//! request of HTTP/1, the first record of a TLS handshake. The caller sets the deadline. What comes of it is a transport
//! that gives the gathered bytes again. Knows only as much of these protocols as to see where their beginning ends.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// What HTTP/2 begins with, and the bytes of the head of the SETTINGS frame that must follow.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
/// The longest head of a request of HTTP/1 that is gathered; what is longer is refused by who reads on.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A handshake record of TLS: its kind, and the bytes before its body, which end with its length.
const HANDSHAKE: u8 = 0x16;
const RECORD_HEAD_BYTES: usize = 5;

/// What a connection should begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A request, or the preface of HTTP/2.
    Http,
    /// A handshake.
    Tls,
}

impl Expected {
    /// Whether these bytes hold the beginning, or cannot become one: then who reads on says so.
    fn is_whole(self, bytes: &[u8]) -> bool {
        match self {
            // No method begins so: a handshake of TLS, for one, which is told at once that there is none here.
            Self::Http if bytes.first().is_some_and(|first| !first.is_ascii_graphic()) => true,
            Self::Http if bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes) => false,
            Self::Http if bytes.starts_with(PREFACE) => {
                bytes.len() >= PREFACE.len() + FRAME_HEAD_BYTES
            }
            Self::Http => {
                // An empty line, also by peers that end their lines by hand.
                let by_hand = bytes.windows(2).any(|two| two == b"\n\n");
                let ended = bytes.windows(3).any(|three| three == b"\n\r\n");
                ended || by_hand || bytes.len() >= HEAD_BYTES_MAX
            }
            Self::Tls => match bytes {
                [] => false,
                [HANDSHAKE, _, _, high, low, ..] => {
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    bytes.len() >= RECORD_HEAD_BYTES + length || bytes.len() >= HEAD_BYTES_MAX
                }
                [first, ..] => *first != HANDSHAKE,
            },
        }
    }
}

/// A transport whose first bytes were read already.
#[derive(Debug)]
pub struct Opened<T> {
    first: Vec<u8>,
    given: usize,
    inner: T,
}

/// Gathers the beginning. A peer that closes before it is whole is for who reads on.
pub async fn open<T: AsyncRead + Unpin>(mut inner: T, expected: Expected) -> io::Result<Opened<T>> {
    let mut first = Vec::new();
    while !expected.is_whole(&first) {
        if inner.read_buf(&mut first).await? == 0 {
            break;
        }
    }
    let given = 0;
    Ok(Opened {
        first,
        given,
        inner,
    })
}

impl<T: AsyncRead + Unpin> AsyncRead for Opened<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let rest = this.first.get(this.given..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut this.inner).poll_read(context, buffer);
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        this.given += count;
        if this.given == this.first.len() {
            (this.first, this.given) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Opened<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\n\r\n";

    fn handshake(length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        let head = [HANDSHAKE, 3, 1, high, low];
        [&head[..], &vec![7; usize::from(length)]].concat()
    }

    #[test]
    fn a_beginning_is_whole_with_its_last_byte_and_nonsense_at_once() {
        let settings = [PREFACE, &[0; FRAME_HEAD_BYTES]].concat();
        let hello = handshake(300);
        for (expected, whole) in [
            (Expected::Http, &settings[..]),
            (Expected::Http, REQUEST),
            (Expected::Tls, &hello),
        ] {
            for end in 0..whole.len() {
                assert!(!expected.is_whole(&whole[..end]), "{end} of {whole:?}");
            }
            assert!(expected.is_whole(whole));
        }
        assert!(Expected::Http.is_whole(b"GET / HTTP/1.1\nhost: x\n\n"));
        assert!(Expected::Tls.is_whole(REQUEST));
        assert!(Expected::Tls.is_whole(&handshake(u16::MAX)[..HEAD_BYTES_MAX]));
        assert!(Expected::Http.is_whole(&[b'x'; HEAD_BYTES_MAX]));
        assert!(Expected::Http.is_whole(&hello[..1]));
    }

    #[tokio::test]
    async fn what_was_gathered_is_given_again_and_what_follows_after_it() {
        for size in [1, 3, 1_000] {
            let (mut near, far) = duplex(4096);
            let all = [REQUEST, b"the body"].concat();
            let expected = all.clone();
            let opening = open(far, Expected::Http);
            let writing = async {
                for chunk in all.chunks(size) {
                    near.write_all(chunk).await.unwrap();
                }
                near.shutdown().await.unwrap();
            };
            let (opened, ()) = tokio::join!(opening, writing);
            let mut read = Vec::new();
            opened.unwrap().read_to_end(&mut read).await.unwrap();
            assert_eq!(read, expected);
        }
    }

    #[tokio::test]
    async fn a_peer_that_closes_early_is_left_to_who_reads_on() {
        let (mut near, far) = duplex(64);
        near.write_all(b"PRI").await.unwrap();
        drop(near);
        let mut read = Vec::new();
        let mut opened = open(far, Expected::Http).await.unwrap();
        opened.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"PRI");
    }
}
