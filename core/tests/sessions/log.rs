//! The log of a test.

use std::{
    cell::RefCell,
    fmt::{Debug, Write},
    sync::Once,
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Collects the log of each thread, at every level. A subscriber of one thread would miss events that another
/// thread met first.
pub(crate) fn listen() {
    static LISTENING: Once = Once::new();

    LISTENING.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
}

/// Returns what this thread has logged since the last time.
pub(crate) fn take() -> String {
    LINES.take()
}

thread_local! {
    /// The log of this thread, at every level.
    static LINES: RefCell<String> = RefCell::default();
}

struct Log;

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut Lines);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Lines);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Lines);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Lines;

impl Visit for Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        LINES.with_borrow_mut(|lines| writeln!(lines, "{field}={value:?}").unwrap());
    }
}
