//! Generates the service from its proto file. No `protoc` is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let files = protox::compile(["greeter.proto"], ["proto"])?;
    tonic_prost_build::compile_fds(files)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}
