//! The operator's tool: what one does beside running the server.

use clap::Subcommand;

use crate::{keys::Keys, options::Options, store::tool::StoreTool};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Tool {
    /// The keys that sign: in a folder with --keys DIR, or in --store with --keys store
    #[command(subcommand)]
    Keys(Keys),
    /// The sessions, in --store
    #[command(subcommand)]
    Store(StoreTool),
}

impl Tool {
    /// Does it. An error is one line for the operator.
    pub(crate) async fn run(&self, options: &Options) -> Result<(), String> {
        match self {
            Self::Keys(keys) => keys.run(options).await,
            Self::Store(tool) => tool.run(options).await,
        }
    }
}
