//! A stream as two framed halves.

use bytes::BytesMut;
use tokio::io::{ReadHalf, WriteHalf};

use crate::packet::{PacketReader, PacketWriter};
use crate::transport::BoxedTransport;

/// The two framed halves of a stream.
pub(super) type Halves = (
    PacketReader<ReadHalf<BoxedTransport>>,
    PacketWriter<WriteHalf<BoxedTransport>>,
);

/// Splits a stream into framed halves; `prefix` was read from it already.
pub(super) fn frame(stream: BoxedTransport, prefix: BytesMut, limit: usize) -> Halves {
    let stream: BoxedTransport = if prefix.is_empty() {
        stream
    } else {
        Box::new(crate::transport::Prefixed::new(prefix, stream))
    };
    let (read, write) = tokio::io::split(stream);
    (PacketReader::new(read, limit), PacketWriter::new(write))
}
