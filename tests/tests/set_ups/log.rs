//! The log of the servers under test.

use std::{
    io::{self, Write},
    sync::{LazyLock, Mutex},
};

use tracing::Level;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// The subscriber of the whole program: the servers have threads of their own.
static SUBSCRIBER: LazyLock<()> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_writer(|| Writer)
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
});

struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep the log.
pub(crate) fn keep() {
    LazyLock::force(&SUBSCRIBER);
}

/// Checks that a line of the library contains both texts.
#[track_caller]
pub(crate) fn assert_has(reason: &str, text: &str) {
    let lines = String::from_utf8(LINES.lock().unwrap().clone()).unwrap();
    let has =
        |line: &str| line.contains("countersign") && line.contains(reason) && line.contains(text);
    assert!(lines.lines().any(has), "{reason}, {text}:\n{lines}");
}
