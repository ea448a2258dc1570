//! The opening of a store while the program runs: when it is first used.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
};

use countersign::session::store::StoreError;
use tokio::sync::OnceCell;

use crate::{SetupError, settings::Settings};

/// Whether the tables are known to be those of this program, and what to do before they are.
pub(crate) struct Opening {
    is_open: OnceCell<()>,
    pub(crate) step: Step,
    is_told: AtomicBool,
}

/// What is done with tables that were not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Step {
    /// They are checked, and stay as they are.
    Check,
    /// They are brought to their newest version.
    #[default]
    Migrate,
}

impl Opening {
    /// Begins with a store that was opened at the start.
    pub(crate) fn done() -> Self {
        Self {
            is_open: OnceCell::new_with(Some(())),
            ..Self::at_first_use(Step::Check)
        }
    }

    /// Begins with a store that is opened when it is first used.
    pub(crate) fn at_first_use(step: Step) -> Self {
        Self {
            is_open: OnceCell::new(),
            step,
            is_told: AtomicBool::new(false),
        }
    }

    /// Opens the store, unless it is open: one caller at a time. An error that lasts until somebody does something
    /// is told once.
    pub(crate) async fn wait<F>(
        &self,
        settings: Settings,
        open: impl FnOnce() -> F,
    ) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), SetupError>>,
    {
        if self.is_open.initialized() {
            return Ok(());
        }
        // It is seldom, and large.
        let opened = Box::pin(self.is_open.get_or_try_init(open));
        let opened = tokio::time::timeout(settings.timeout, opened).await;
        let error = match opened.map_err(StoreError::new)? {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if error.is_lasting() && !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                target: "countersign",
                cause = %error,
                "the tables of the session store cannot be used, and nothing is written to them",
            );
        }
        // As text: the debug form of an error of PostgreSQL may show the row.
        Err(StoreError::new(error.to_string()))
    }
}
