//! From statements to the sink: a queue of bounded length, and a thread that empties it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus::IntCounter;
use serde_json::json;

use super::record::Record;
use super::sink::{Destination, Sink};

/// Lines that wait to be written at most.
const QUEUE: usize = 4096;
/// At most so often the program's log says that lines were lost.
const SAY: Duration = Duration::from_secs(10);

/// The audit log.
pub struct AuditLog {
    queue: SyncSender<Message>,
    losses: Arc<Losses>,
}

enum Message {
    /// To be written.
    Line(Vec<u8>),
    /// Somebody waits until all before it is written.
    Flush(Sender<()>),
}

/// Lines that were not written.
struct Losses {
    counter: IntCounter,
    said: Mutex<Option<Instant>>,
}

impl Losses {
    /// Counts a line, and says so in the program's log now and then.
    fn lose(&self, reason: &str) {
        self.counter.inc();
        let mut said = self.said.lock();
        if said.is_none_or(|said| said.elapsed() >= SAY) {
            *said = Some(Instant::now());
            let lost = self.counter.get();
            tracing::error!(lost, reason, "lines of the audit log are lost");
        }
    }
}

impl AuditLog {
    /// Begins to write to a destination. `lost` counts lines that are not written.
    pub fn open(destination: &Destination, lost: IntCounter) -> io::Result<Self> {
        let sink = Sink::open(destination)?;
        let (queue, messages) = sync_channel(QUEUE);
        let losses = Arc::new(Losses {
            counter: lost,
            said: Mutex::new(None),
        });
        let shared = losses.clone();
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write_all(sink, &messages, &shared))?;
        Ok(Self { queue, losses })
    }

    /// Queues a line. It never waits: a line without a place is lost and counted.
    pub fn write(&self, record: &Record<'_>) {
        let mut line = match serde_json::to_vec(record) {
            Ok(line) => line,
            Err(error) => return self.losses.lose(&error.to_string()),
        };
        line.push(b'\n');
        match self.queue.try_send(Message::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.losses.lose("its destination is slow"),
            Err(TrySendError::Disconnected(_)) => self.losses.lose("its thread has ended"),
        }
    }

    /// Waits until what is queued is written, for so long at most.
    pub fn flush(&self, timeout: Duration) {
        let (done, written) = channel();
        let is_written = self.queue.try_send(Message::Flush(done)).is_ok()
            && written.recv_timeout(timeout).is_ok();
        if !is_written {
            tracing::error!("the end of the audit log was not written in time");
        }
    }
}

/// Writes lines as they come, and how many were lost where they would have stood.
fn write_all(mut sink: Sink, messages: &Receiver<Message>, losses: &Losses) {
    let mut told = 0;
    while let Ok(message) = messages.recv() {
        let line = match message {
            Message::Line(line) => line,
            Message::Flush(done) => {
                // Who waited may have stopped waiting.
                let _ = done.send(());
                continue;
            }
        };
        let lost = losses.counter.get();
        if lost > told {
            let gap = json!({"event": "lost", "lines": lost - told});
            if sink.write(format!("{gap}\n").as_bytes()).is_ok() {
                told = lost;
            }
        }
        if let Err(error) = sink.write(&line) {
            losses.lose(&error.to_string());
        }
    }
}
