//! A gate that holds answers until a test releases them.

use std::{fmt, sync::Arc};

use super::state::Shared;

/// Holds the answers of one path until it is dropped. Made by
/// [`JwksServer::hold`](super::JwksServer::hold).
#[must_use = "a gate that is dropped holds nothing"]
pub struct Gate {
    shared: Arc<Shared>,
    path: String,
    number: usize,
}

impl Gate {
    pub(super) fn new(shared: &Arc<Shared>, path: &str) -> Self {
        let number = shared.change(|state| {
            let number = state.number();
            state.path(path).gates.insert(number);
            number
        });
        Self {
            shared: Arc::clone(shared),
            path: path.to_owned(),
            number,
        }
    }

    /// Releases the answers that it holds, and all later ones.
    pub fn release(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared
            .change(|state| state.path(&self.path).gates.remove(&self.number));
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
