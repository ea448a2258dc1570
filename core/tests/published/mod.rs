//! The folder of the published vectors.

use std::{fs, io::Write, path::PathBuf};

use serde_json::Value;

/// Reads a file of the folder as JSON; `None`, and a line on standard error, if the folder is
/// absent.
pub(crate) fn read(file: &str) -> Option<Value> {
    let path = folder().join(file);
    match fs::read_to_string(&path) {
        Ok(json) => Some(serde_json::from_str(&json).expect("a JSON file")),
        Err(error) => {
            assert!(!folder().is_dir(), "{}: {error}", path.display());
            // Bypasses the capture of the test harness, which would hide it from a test that
            // passes.
            let _ = writeln!(
                std::io::stderr(),
                "left out: published vectors: set COUNTERSIGN_VECTORS to their folder"
            );
            None
        }
    }
}

fn folder() -> PathBuf {
    std::env::var_os("COUNTERSIGN_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        PathBuf::from,
    )
}
