use bytes::Bytes;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::error::WireError;

fn pair(limit: usize) -> (PacketWriter<DuplexStream>, PacketReader<DuplexStream>) {
    let (near, far) = duplex(128 * 1024);
    (PacketWriter::new(near), PacketReader::new(far, limit))
}

async fn round_trip(length: usize) -> Bytes {
    let (mut writer, mut reader) = pair(MAX_PAYLOAD);
    let payload: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
    let sent = payload.clone();
    let writing = tokio::spawn(async move {
        writer.write(&sent).await.unwrap();
        writer.write(b"next").await.unwrap();
        writer.flush().await.unwrap();
        writer
    });
    let got = reader.read().await.unwrap();
    assert_eq!(got.len(), length);
    assert!(
        got == payload,
        "payload of {length} bytes changed on the way"
    );
    assert_eq!(&reader.read().await.unwrap()[..], b"next");
    let writer = writing.await.unwrap();
    assert_eq!(writer.next_seq(), reader.next_seq());
    got
}

#[tokio::test]
async fn payloads_of_any_length_survive_including_exact_multiples_of_the_largest_frame() {
    for length in [
        0,
        1,
        250,
        70_000,
        300_000,
        MAX_FRAME - 1,
        MAX_FRAME,
        MAX_FRAME + 1,
        2 * MAX_FRAME,
    ] {
        round_trip(length).await;
    }
}

#[tokio::test]
async fn an_encoded_payload_over_one_frame_is_split_like_a_written_one() {
    let (mut writer, mut reader) = pair(MAX_PAYLOAD);
    let writing = tokio::spawn(async move {
        writer.write(b"before").await.unwrap();
        writer
            .write_with(|out| out.extend_from_slice(&vec![7; MAX_FRAME]))
            .await
            .unwrap();
        writer.flush().await.unwrap();
    });
    assert_eq!(&reader.read().await.unwrap()[..], b"before");
    assert_eq!(reader.read().await.unwrap().len(), MAX_FRAME);
    writing.await.unwrap();
}

#[tokio::test]
async fn an_encoder_that_fails_sends_nothing() {
    let (mut writer, mut reader) = pair(1000);
    writer.write(b"one").await.unwrap();
    let failed: Result<(), WireError> = writer
        .try_write_with(|out| {
            out.extend_from_slice(b"half");
            Err(WireError::Malformed("test"))
        })
        .await;
    assert!(failed.is_err());
    writer.write(b"two").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(&reader.read().await.unwrap()[..], b"one");
    assert_eq!(&reader.read().await.unwrap()[..], b"two");
}

#[tokio::test]
async fn a_payload_over_the_limit_is_refused_before_it_is_stored_and_can_be_skipped() {
    let (mut writer, mut reader) = pair(MAX_FRAME + 10);
    let writing = tokio::spawn(async move {
        writer.write(&vec![1; MAX_FRAME + 11]).await.unwrap();
        writer.write(b"after").await.unwrap();
        writer.flush().await.unwrap();
    });
    let error = reader.read().await.unwrap_err();
    assert!(
        matches!(error, WireError::PacketTooLarge { limit } if limit == MAX_FRAME + 10),
        "{error}"
    );
    reader.skip_oversized().await.unwrap();
    assert_eq!(&reader.read().await.unwrap()[..], b"after");
    writing.await.unwrap();
}

#[tokio::test]
async fn a_wrong_sequence_number_is_an_error() {
    let (mut raw, far) = duplex(100);
    let mut reader = PacketReader::new(far, 100);
    raw.write_all(&[1, 0, 0, 5, b'x']).await.unwrap();
    assert!(matches!(
        reader.read().await,
        Err(WireError::OutOfOrder {
            expected: 0,
            got: 5
        })
    ));
}

#[tokio::test]
async fn the_end_of_the_stream_is_told_apart_from_a_cut_packet() {
    let (raw, far) = duplex(100);
    drop(raw);
    assert!(matches!(
        PacketReader::new(far, 100).read().await,
        Err(WireError::Closed)
    ));
    let (mut raw, far) = duplex(100);
    raw.write_all(&[9, 0, 0, 0, b'x']).await.unwrap();
    drop(raw);
    assert!(matches!(
        PacketReader::new(far, 100).read().await,
        Err(WireError::Truncated)
    ));
}

#[tokio::test]
async fn a_read_dropped_half_way_loses_no_byte() {
    let (mut raw, far) = duplex(100);
    let mut reader = PacketReader::new(far, 100);
    raw.write_all(&[3, 0, 0, 0, b'a']).await.unwrap();
    tokio::select! {
        biased;
        _ = reader.read() => panic!("the packet is not complete"),
        () = tokio::task::yield_now() => {}
    }
    raw.write_all(b"bc").await.unwrap();
    assert_eq!(&reader.read().await.unwrap()[..], b"abc");
}

#[tokio::test]
async fn watching_for_the_end_keeps_what_arrives_meanwhile() {
    let (mut raw, far) = duplex(100);
    let mut reader = PacketReader::new(far, 100);
    raw.write_all(&[2, 0, 0, 0, b'o', b'k']).await.unwrap();
    tokio::select! {
        biased;
        error = reader.closed() => panic!("{error}"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(&reader.read().await.unwrap()[..], b"ok");
    drop(raw);
    assert!(matches!(reader.closed().await, WireError::Closed));
}

/// Shows everything that has been received, up to the first payload that is not taken.
fn visit_all(reader: &mut PacketReader<DuplexStream>, refused: &[u8]) -> (Vec<Vec<u8>>, Visit) {
    let mut shown = Vec::new();
    loop {
        let visit = reader
            .visit(|payload| {
                let taken = payload != refused;
                if taken {
                    shown.push(payload.to_vec());
                }
                taken
            })
            .unwrap();
        if visit != Visit::Taken {
            return (shown, visit);
        }
    }
}

#[tokio::test]
async fn visited_payloads_are_those_that_would_have_been_read() {
    let (mut writer, mut reader) = pair(MAX_PAYLOAD);
    let large = vec![7; MAX_FRAME];
    let sent = large.clone();
    let writing = tokio::spawn(async move {
        for number in 0..1_000_usize {
            writer
                .write(&vec![number as u8; number * 7 % 300])
                .await
                .unwrap();
        }
        writer.write(b"refused").await.unwrap();
        writer.write(b"after").await.unwrap();
        writer.write(&sent).await.unwrap();
        writer.write(b"last").await.unwrap();
        writer.flush().await.unwrap();
        writer
    });
    let mut shown = Vec::new();
    let mut read = Vec::new();
    loop {
        let (some, visit) = visit_all(&mut reader, b"refused");
        shown.extend(some);
        match visit {
            Visit::NeedBytes if shown.last().is_some_and(|last| last == b"last") => break,
            Visit::NeedBytes => reader.more().await.unwrap(),
            _ => read.push(reader.read().await.unwrap()),
        }
    }
    assert!(
        read == [&b"refused"[..], &large[..]],
        "what is not taken and what has several frames"
    );
    assert_eq!(shown.len(), 1_002);
    for (number, payload) in shown.iter().take(1_000).enumerate() {
        assert_eq!(*payload, vec![number as u8; number * 7 % 300]);
    }
    assert_eq!(shown[1_000..], [b"after".to_vec(), b"last".to_vec()]);
    assert_eq!(writing.await.unwrap().next_seq(), reader.next_seq());
}

#[tokio::test]
async fn a_payload_out_of_order_is_not_shown() {
    let (mut raw, far) = duplex(100);
    let mut reader = PacketReader::new(far, 100);
    raw.write_all(&[1, 0, 0, 0, b'x', 1, 0, 0, 2, b'y'])
        .await
        .unwrap();
    reader.more().await.unwrap();
    assert_eq!(
        visit_all(&mut reader, b""),
        (vec![b"x".to_vec()], Visit::Left)
    );
    assert!(matches!(
        reader.read().await,
        Err(WireError::OutOfOrder {
            expected: 1,
            got: 2
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_byte_for_too_long_is_an_error() {
    use std::time::Duration;

    let (near, _far) = tokio::io::duplex(64);
    let mut writer = PacketWriter::new(near);
    writer.set_timeout(Some(Duration::from_secs(60)));
    writer.write(&[7; 1000]).await.unwrap();
    let begun = tokio::time::Instant::now();
    let error = writer.flush().await.unwrap_err();
    assert!(
        matches!(&error, WireError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut),
        "{error}"
    );
    assert_eq!(begun.elapsed(), Duration::from_secs(60));
}
