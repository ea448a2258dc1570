//! What clients prove, in a build without the feature `proof`: nothing. A bound session is not refreshed then.

use super::{
    reply::{Refusal, Reply},
    routes::SessionRoutes,
};
use crate::{claims::Confirmation, request::RequestHead};

/// The client of a request, which proves nothing.
#[derive(Default)]
pub(super) struct Sender {
    pub(super) proven: Confirmation,
}

impl SessionRoutes {
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn sender(&self, _: &dyn RequestHead) -> Result<Sender, Reply> {
        Ok(Sender::default())
    }

    #[expect(clippy::unused_async, reason = "as with the feature")]
    pub(super) async fn use_up(&self, _: &Sender) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Sender {
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn complete(&self, reply: Reply) -> Reply {
        reply
    }
}
